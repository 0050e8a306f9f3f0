// Copyright The license-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package restore

import (
	"cmp"
	"context"
	"crypto/rand"
	"slices"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/client-go/tools/events"
	clocktesting "k8s.io/utils/clock/testing"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"

	"github.com/license-operator/license-operator/api/v1alpha1"
	"github.com/license-operator/license-operator/controllers/accesskey"
	"github.com/license-operator/license-operator/controllers/activation"
	"github.com/license-operator/license-operator/controllers/kit"
	"github.com/license-operator/license-operator/controllers/product"
	"github.com/license-operator/license-operator/controllers/subscription"
	"github.com/license-operator/license-operator/internal/secrets"
	"github.com/license-operator/license-operator/internal/store"
	"github.com/license-operator/license-operator/test/env"
)

// keysName is the operator's Secret.
var keysName = client.ObjectKey{Namespace: env.OperatorNamespace, Name: secrets.DefaultSecretName}

// cluster is one cluster with an operator that is reconciled step by step.
type cluster struct {
	testing.TB
	env      *env.Env
	clock    *clocktesting.FakePassiveClock
	operator client.Client
	names    store.Names
	keys     *secrets.Holder
	store    *store.Store
}

// start starts a control plane and, in it, an operator that finds this Secret,
// or none and makes one. stop ends the control plane.
func start(t testing.TB, now time.Time, keys *corev1.Secret) (c *cluster, stop func()) {
	t.Helper()
	e, err := env.Start(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	stopped := false
	stop = func() {
		if stopped {
			return
		}
		stopped = true
		if err := e.Stop(); err != nil {
			t.Error(err)
		}
	}
	t.Cleanup(stop)
	c = &cluster{TB: t, env: e, clock: clocktesting.NewFakePassiveClock(now), keys: &secrets.Holder{}}
	if keys != nil {
		c.create(keys)
	}
	c.loadKeys()
	c.names = store.Names{Identity: c.keys.Get().Identity}
	if c.operator, err = e.IndexedClient(e.Operator, c.names); err != nil {
		t.Fatal(err)
	}
	c.store = store.New(c.names, c.operator, c.operator, c.clock)
	return c, stop
}

// loadKeys reads the operator's Secret as the operator does.
func (c *cluster) loadKeys() {
	c.Helper()
	live, err := client.New(c.env.Operator, client.Options{Scheme: c.env.Scheme})
	if err != nil {
		c.Fatal(err)
	}
	loaded, err := secrets.LoadOrCreate(c.Context(), live, keysName, c.clock, rand.Reader)
	if err != nil {
		c.Fatal(err)
	}
	if err := c.keys.Set(loaded); err != nil {
		c.Fatal(err)
	}
}

func (c *cluster) create(objects ...client.Object) {
	c.Helper()
	for _, o := range objects {
		if err := c.env.Client.Create(c.Context(), o); err != nil {
			c.Fatal(err)
		}
	}
}

// kinds are the kinds with a controller, in the order in which their objects
// depend on each other.
var kinds = []string{"Product", "Subscription", "Activation", "AccessKey"}

// reconcileAll reconciles every object once, kind by kind in this order.
func (c *cluster) reconcileAll(order []string) {
	c.Helper()
	k := kit.Kit{Clock: c.clock, Client: c.operator, Recorder: events.NewFakeRecorder(1024)}
	controllers := map[string]reconcile.Reconciler{
		"Product":      reconcile.AsReconciler(c.operator, &product.Controller{Kit: k, Names: c.names, Keys: c.keys}),
		"Subscription": reconcile.AsReconciler(c.operator, &subscription.Controller{Kit: k, Names: c.names}),
		"Activation":   reconcile.AsReconciler(c.operator, &activation.Controller{Kit: k, Names: c.names}),
		"AccessKey":    reconcile.AsReconciler(c.operator, &accesskey.Controller{Kit: k, Names: c.names}),
	}
	for _, kind := range order {
		for _, o := range c.list(kind) {
			request := reconcile.Request{NamespacedName: client.ObjectKeyFromObject(o)}
			if _, err := controllers[kind].Reconcile(c.Context(), request); err != nil {
				c.Fatalf("%s %s: %v", kind, o.GetName(), err)
			}
		}
	}
}

// list reads all objects of a kind.
func (c *cluster) list(kind string) []*unstructured.Unstructured {
	c.Helper()
	list := &unstructured.UnstructuredList{}
	list.SetGroupVersionKind(v1alpha1.GroupVersion.WithKind(kind + "List"))
	if err := c.env.Client.List(c.Context(), list); err != nil {
		c.Fatal(err)
	}
	var objects []*unstructured.Unstructured
	for i := range list.Items {
		objects = append(objects, &list.Items[i])
	}
	return objects
}

// export is what a backup without status, or a repository of manifests, holds:
// names, labels, annotations and spec of everything.
func (c *cluster) export(namespaces ...string) []client.Object {
	c.Helper()
	var objects []client.Object
	for _, name := range namespaces {
		ns := &unstructured.Unstructured{}
		ns.SetGroupVersionKind(corev1.SchemeGroupVersion.WithKind("Namespace"))
		if err := c.env.Client.Get(c.Context(), client.ObjectKey{Name: name}, ns); err != nil {
			c.Fatal(err)
		}
		objects = append(objects, bare(ns))
	}
	for _, kind := range kinds {
		for _, o := range c.list(kind) {
			objects = append(objects, bare(o))
		}
	}
	return objects
}

func bare(o *unstructured.Unstructured) *unstructured.Unstructured {
	out := &unstructured.Unstructured{Object: map[string]any{}}
	out.SetGroupVersionKind(o.GroupVersionKind())
	out.SetNamespace(o.GetNamespace())
	out.SetName(o.GetName())
	out.SetLabels(o.GetLabels())
	out.SetAnnotations(o.GetAnnotations())
	if spec, found := o.Object["spec"]; found && o.GetKind() != "Namespace" {
		out.Object["spec"] = spec
	}
	return out
}

// backup is the operator's Secret as a backup holds it.
func (c *cluster) backup() *corev1.Secret {
	c.Helper()
	s := &corev1.Secret{}
	if err := c.env.Client.Get(context.WithoutCancel(c.Context()), keysName, s); err != nil {
		c.Fatal(err)
	}
	out := &corev1.Secret{Data: s.Data, Type: s.Type}
	out.Namespace, out.Name = s.Namespace, s.Name
	return out
}

// samples are the objects of config/samples, the Namespace first.
func samples(t testing.TB) []client.Object {
	t.Helper()
	manifests, err := env.Manifests(env.Root() + "/config/samples")
	if err != nil {
		t.Fatal(err)
	}
	slices.SortStableFunc(manifests, func(a, b *unstructured.Unstructured) int {
		return cmp.Compare(rank(a), rank(b))
	})
	var objects []client.Object
	for _, o := range manifests {
		objects = append(objects, o)
	}
	return objects
}

func rank(o *unstructured.Unstructured) int {
	if o.GetKind() == "Namespace" {
		return 0
	}
	return 1
}
