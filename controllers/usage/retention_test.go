// Copyright The license-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package usage

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/go-logr/logr"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	testclock "k8s.io/utils/clock/testing"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/license-operator/license-operator/api/v1alpha1"
	"github.com/license-operator/license-operator/test/builder"
	"github.com/license-operator/license-operator/test/env"
)

var cluster *env.Env

func TestMain(m *testing.M) { env.Main(m, func(e *env.Env) { cluster = e }) }

// operator is a client with the operator's role.
func operator(t *testing.T) client.Client {
	t.Helper()
	c := cluster.OperatorClient(t)
	return c
}

// inNamespace lists the records of one test only, and holds what it is asked
// for against what the operator may ask for.
type inNamespace struct {
	client.Client

	t         *testing.T
	namespace string
	// onPage is told of each page; its error is the answer.
	onPage func(o client.ListOptions) error
}

// List implements client.Reader.
func (c *inNamespace) List(ctx context.Context, list client.ObjectList, opts ...client.ListOption) error {
	var o client.ListOptions
	o.ApplyOptions(opts)
	if _, metadata := list.(*metav1.PartialObjectMetadataList); !metadata || o.Limit != PageSize {
		c.t.Errorf("a list of %T in pages of %d", list, o.Limit)
	}
	if c.onPage != nil {
		if err := c.onPage(o); err != nil {
			return err
		}
	}
	return c.Client.List(ctx, list, append(opts, client.InNamespace(c.namespace))...)
}

type stage struct {
	*Retention

	t         *testing.T
	namespace string
	live      *inNamespace
	clock     *testclock.FakeClock
}

// newStage is a vendor whose product keeps its records for two days. Its clock
// is that of the API server.
func newStage(t *testing.T) *stage {
	t.Helper()
	s := &stage{t: t, namespace: cluster.Namespace(t), clock: testclock.NewFakeClock(time.Now())}
	s.live = &inNamespace{Client: operator(t), t: t, namespace: s.namespace}
	s.Retention = &Retention{Clock: s.clock, Products: operator(t), Live: s.live, Log: logr.Discard()}
	s.create(builder.Product("short").WithRetention(2).Build(), builder.Product("usual").WithDimension("minutes").Build())
	return s
}

func (s *stage) create(objects ...client.Object) {
	s.t.Helper()
	for _, o := range objects {
		o.SetNamespace(s.namespace)
		if err := cluster.Client.Create(s.t.Context(), o); err != nil {
			s.t.Fatal(err)
		}
	}
}

// left are the names of the records that are there.
func (s *stage) left() []string {
	s.t.Helper()
	list := &v1alpha1.UsageRecordList{}
	if err := cluster.Client.List(s.t.Context(), list, client.InNamespace(s.namespace)); err != nil {
		s.t.Fatal(err)
	}
	var names []string
	for i := range list.Items {
		names = append(names, list.Items[i].Name)
	}
	slices.Sort(names)
	return names
}

func (s *stage) expect(what string, deleted int64, left ...string) {
	s.t.Helper()
	got, err := s.Pass(s.t.Context())
	if err != nil || got != deleted {
		s.t.Errorf("%s: %d deleted, want %d: %v", what, got, deleted, err)
	}
	if names := s.left(); !slices.Equal(names, left) {
		s.t.Errorf("%s: %v are left, want %v", what, names, left)
	}
}

func TestRecordsAreKeptForAsLongAsTheirProductSays(t *testing.T) {
	const day = 24 * time.Hour
	s := newStage(t)
	s.create(
		builder.UsageRecord("of-short", "short", "initech").Build(),
		builder.UsageRecord("of-usual", "usual", "initech").Build(),
		builder.UsageRecord("of-nothing", "gone", "initech").Build(),
		builder.UsageRecord("unlabelled", "short", "initech").With(func(r *v1alpha1.UsageRecord) { r.Labels = nil }).Build(),
	)
	all := []string{"of-nothing", "of-short", "of-usual", "unlabelled"}
	s.expect("at once", 0, all...)
	s.clock.Step(2*day - time.Minute)
	s.expect("nearly two days later", 0, all...)
	s.clock.Step(2 * time.Minute)
	s.expect("two days later", 1, "of-nothing", "of-usual", "unlabelled")
	s.clock.Step(88*day - 3*time.Minute)
	s.expect("nearly 90 days later", 0, "of-nothing", "of-usual", "unlabelled")
	s.clock.Step(3 * time.Minute)
	s.expect("90 days later", 1, "of-nothing", "unlabelled")
	s.clock.Step(3560*day - 3*time.Minute)
	s.expect("nearly 3650 days later", 0, "of-nothing", "unlabelled")
	s.clock.Step(3 * time.Minute)
	s.expect("3650 days later, without a Product", 2)
}

func TestAProductThatChangesItsMindIsAskedAgain(t *testing.T) {
	s := newStage(t)
	s.create(builder.UsageRecord("a", "short", "initech").Build())
	p := &v1alpha1.Product{}
	if err := cluster.Client.Get(t.Context(), client.ObjectKey{Namespace: s.namespace, Name: "short"}, p); err != nil {
		t.Fatal(err)
	}
	days := int32(10)
	p.Spec.Metering.RecordRetentionDays = &days
	if err := cluster.Client.Update(t.Context(), p); err != nil {
		t.Fatal(err)
	}
	s.clock.Step(9 * 24 * time.Hour)
	s.expect("nine days later", 0, "a")
	s.clock.Step(25 * time.Hour)
	s.expect("ten days later", 1)
}

func TestAClockThatIsNotTrustedDeletesNothing(t *testing.T) {
	s := newStage(t)
	s.create(builder.UsageRecord("a", "short", "initech").Build())
	s.clock.Step(1000 * 24 * time.Hour)
	s.Trusted = func() bool { return false }
	if deleted, err := s.Pass(t.Context()); err == nil || deleted != 0 || len(s.left()) != 1 {
		t.Errorf("%d deleted, %v", deleted, err)
	}
}

// A name that is used again belongs to another record.
func TestARecordThatHasTakenTheNameOfAnOldOneIsKept(t *testing.T) {
	s := newStage(t)
	s.create(builder.UsageRecord("a", "short", "initech").Build())
	s.clock.Step(1000 * 24 * time.Hour)
	once := false
	s.live.Client = &beforeDelete{Client: s.live.Client, do: func() {
		if once {
			return
		}
		once = true
		if err := cluster.Client.Delete(t.Context(), builder.UsageRecord("a", "short", "initech").InNamespace(s.namespace).Build()); err != nil {
			t.Error(err)
		}
		s.create(builder.UsageRecord("a", "short", "globex").Build())
	}}
	s.expect("another one of the name", 0, "a")
}

type beforeDelete struct {
	client.Client
	do func()
}

// Delete implements client.Writer.
func (c *beforeDelete) Delete(ctx context.Context, o client.Object, opts ...client.DeleteOption) error {
	c.do()
	return c.Client.Delete(ctx, o, opts...)
}

// The deletions of a pass are spread over time.
func TestDeletionsAreBounded(t *testing.T) {
	const count = deletesPerSecond + 7
	s := newStage(t)
	for i := range count {
		s.create(builder.UsageRecord(fmt.Sprintf("record-%03d", i), "short", "initech").Build())
	}
	s.clock.Step(1000 * 24 * time.Hour)
	done := make(chan int64)
	go func() {
		deleted, err := s.Pass(t.Context())
		if err != nil {
			t.Error(err)
		}
		done <- deleted
	}()
	waited := 0
	for {
		select {
		case deleted := <-done:
			if deleted != count || waited < 7 {
				t.Errorf("%d deleted after %d pauses", deleted, waited)
			}
			return
		case <-time.After(time.Millisecond):
			if s.clock.HasWaiters() {
				waited++
				s.clock.Step(time.Second / deletesPerSecond)
			}
		}
	}
}

func TestAPassWhosePagesExpireGoesOn(t *testing.T) {
	s := newStage(t)
	s.create(builder.UsageRecord("a", "short", "initech").Build(), builder.UsageRecord("b", "short", "initech").Build())
	s.clock.Step(1000 * 24 * time.Hour)
	afterA := &v1alpha1.UsageRecordList{}
	if err := cluster.Client.List(t.Context(), afterA, client.InNamespace(s.namespace), client.Limit(1)); err != nil {
		t.Fatal(err)
	}
	s.live.onPage = func(o client.ListOptions) error {
		if o.Continue == "" {
			return goOn(afterA.Continue)
		}
		return nil
	}
	s.expect("from where the API server says", 1, "a")
	s.live.onPage = func(client.ListOptions) error { return goOn("") }
	if _, err := s.Pass(t.Context()); err == nil {
		t.Error("there was no token to go on with, and no error")
	}
	s.live.onPage = nil
	s.expect("the next pass", 1)
}

// goOn is 410 Gone with a token to go on with.
func goOn(token string) error {
	err := apierrors.NewResourceExpired("the state is too old")
	err.ErrStatus.Continue = token
	return err
}

// Start makes passes until it is stopped, the first one soon.
func TestTheLeaderPassesAgainAndAgain(t *testing.T) {
	s := newStage(t)
	s.create(builder.UsageRecord("a", "short", "initech").Build())
	passes := make(chan struct{}, 16)
	failing := true
	s.live.onPage = func(client.ListOptions) error {
		passes <- struct{}{}
		if failing {
			failing = false
			return errors.New("away")
		}
		return nil
	}
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error)
	go func() { ended <- s.Start(ctx) }()
	pause := func(d time.Duration) {
		t.Helper()
		for deadline := time.Now().Add(10 * time.Second); !s.clock.HasWaiters(); time.Sleep(time.Millisecond) {
			if time.Now().After(deadline) {
				t.Fatal("it does not wait")
			}
		}
		s.clock.Step(d)
		select {
		case <-passes:
		case <-time.After(10 * time.Second):
			t.Fatalf("no pass %s later", d)
		}
	}
	if !s.NeedLeaderElection() {
		t.Error("every replica would do it")
	}
	pause(firstPause + firstPause/4)
	pause(retryPause + retryPause/4)
	pause(Interval + Interval/4)
	cancel()
	if err := <-ended; err != nil {
		t.Error(err)
	}
}
