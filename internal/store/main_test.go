// Copyright The license-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package store_test

import (
	"context"
	"errors"
	"sync/atomic"
	"testing"

	"k8s.io/apimachinery/pkg/runtime"

	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/license-operator/license-operator/api/v1alpha1"
	"github.com/license-operator/license-operator/internal/store"
	"github.com/license-operator/license-operator/test/builder"
	"github.com/license-operator/license-operator/test/env"
	"github.com/license-operator/license-operator/test/expect"
)

var cluster *env.Env

func TestMain(m *testing.M) {
	env.Main(m, func(e *env.Env) { cluster = e })
}

var errBroken = errors.New("no connection")

// broken reads nothing.
type broken struct{ client.Client }

func (broken) Get(context.Context, client.ObjectKey, client.Object, ...client.GetOption) error {
	return errBroken
}

func (broken) List(context.Context, client.ObjectList, ...client.ListOption) error { return errBroken }

// counting counts what is read and written at the API server.
type counting struct {
	client.Client
	reads, writes atomic.Int64
}

func (c *counting) Get(ctx context.Context, key client.ObjectKey, obj client.Object, opts ...client.GetOption) error {
	c.reads.Add(1)
	return c.Client.Get(ctx, key, obj, opts...)
}

func (c *counting) List(ctx context.Context, list client.ObjectList, opts ...client.ListOption) error {
	c.reads.Add(1)
	return c.Client.List(ctx, list, opts...)
}

func (c *counting) Create(ctx context.Context, obj client.Object, opts ...client.CreateOption) error {
	c.writes.Add(1)
	return c.Client.Create(ctx, obj, opts...)
}

func (c *counting) Apply(ctx context.Context, obj runtime.ApplyConfiguration, opts ...client.ApplyOption) error {
	c.writes.Add(1)
	return c.Client.Apply(ctx, obj, opts...)
}

func (c *counting) Status() client.SubResourceWriter {
	c.writes.Add(1)
	return c.Client.Status()
}

// scene is a stage with a store whose cache has seen nothing, and the live
// client under the operator's role, counted.
type scene struct {
	*expect.Stage
	live *counting
	// lagging has an empty cache, current one that holds everything.
	lagging, current *store.Store
}

func newScene(t *testing.T) *scene {
	t.Helper()
	s := expect.On(t, cluster)
	operator := cluster.OperatorClient(t)
	live := &counting{Client: operator}
	return &scene{s, live,
		store.New(s.Names, expect.EmptyCache{}, live, s.Clock),
		store.New(s.Names, s.Operator, live, s.Clock)}
}

// reads expects how often the API server was read since the last call.
func (s *scene) reads(want int64) {
	s.Helper()
	if got := s.live.reads.Swap(0); got != want {
		s.Errorf("the API server was read %d times, want %d", got, want)
	}
}

// subscription makes a Subscription with its PID in the status.
func (s *scene) subscription(b *builder.SubscriptionBuilder) *v1alpha1.Subscription {
	s.Helper()
	sub := b.Build()
	s.Create(sub)
	expect.EditStatus(s.Stage, sub, func(sub *v1alpha1.Subscription) { sub.Status.PersistentIdentifier = s.Names.PID(sub) })
	return sub
}
