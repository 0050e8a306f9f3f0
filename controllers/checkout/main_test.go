// Copyright The license-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package checkout

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/go-logr/logr"
	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/ptr"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"

	"github.com/license-operator/license-operator/api/v1alpha1"
	"github.com/license-operator/license-operator/internal/seats"
	"github.com/license-operator/license-operator/internal/store"
	"github.com/license-operator/license-operator/test/builder"
	"github.com/license-operator/license-operator/test/env"
	"github.com/license-operator/license-operator/test/expect"
)

var cluster *env.Env

func TestMain(m *testing.M) {
	env.Main(m, func(e *env.Env) { cluster = e })
}

// start is when the checkouts of a test are granted, to the second.
var start = expect.Start.Truncate(time.Second)

// scene is a stage with the Subscription initech to the Product render-farm: 3
// seats, 2 gpus, the feature fast, lifetimes of an hour, borrowing for two.
type scene struct {
	*expect.Stage
	c     *Controller
	key   seats.Key
	books *seats.Books
	// faults are those of the books, for the present controller.
	faults *faultyBooks
}

func stage(t *testing.T) *scene {
	t.Helper()
	return stageWith(t, builder.Product("render-farm"), builder.Subscription("initech", "render-farm"))
}

func stageWith(t *testing.T, p *builder.ProductBuilder, b *builder.SubscriptionBuilder) *scene {
	t.Helper()
	s := &scene{Stage: expect.On(t, cluster)}
	sub := b.Build()
	s.Create(p.WithSeats("seats", 3).WithSeats("gpus", 2).WithFeature("fast", "yes").
		WithProvisional(60).WithBorrow(120, v1alpha1.Allowed).Build(), sub)
	s.key = client.ObjectKeyFromObject(sub)
	s.restart()
	return s
}

// restart is another leader: it remembers nothing.
func (s *scene) restart() {
	s.books = seats.NewBooks(s.Context(), seats.Options{
		Store: s.ledgers(), Clock: s.Timers(), Log: logr.Discard(),
	})
	s.faults = &faultyBooks{Books: s.books}
	s.c = &Controller{Kit: s.Kit(), Live: s.Operator, Books: s.faults, Names: s.Names, Keys: s.Keys}
}

func (s *scene) ledgers() store.Ledgers { return store.Ledgers{Live: s.Operator} }

// faultyBooks fail when they are told to.
type faultyBooks struct {
	Books
	checkout, keep error
	// before is called before each checkout.
	before func(seats.Request)
}

func (b *faultyBooks) Checkout(ctx context.Context, key seats.Key, pools []seats.Pool, r seats.Request) (seats.Grant, error) {
	if b.before != nil {
		b.before(r)
	}
	if b.checkout != nil {
		return seats.Grant{}, b.checkout
	}
	return b.Books.Checkout(ctx, key, pools, r)
}

func (b *faultyBooks) Keep(ctx context.Context, key seats.Key, number int32, u seats.Upkeep) error {
	if b.keep != nil {
		return b.keep
	}
	return b.Books.Keep(ctx, key, number, u)
}

// try reconciles the Subscription.
func (s *scene) try() (reconcile.Result, error) {
	return s.c.Reconcile(s.Context(), reconcile.Request{NamespacedName: s.key})
}

func (s *scene) pass() reconcile.Result {
	s.Helper()
	result, err := s.try()
	if err != nil {
		s.Fatalf("Reconcile: %v", err)
	}
	return result
}

// apply makes LicenseCheckouts, which are in the queue in this order.
func (s *scene) apply(list ...*builder.LicenseCheckoutBuilder) []*v1alpha1.LicenseCheckout {
	s.Helper()
	var made []*v1alpha1.LicenseCheckout
	for _, b := range list {
		co := b.Build()
		s.Create(co)
		made = append(made, co)
	}
	return made
}

// granted applies one that is granted at once.
func (s *scene) granted(b *builder.LicenseCheckoutBuilder) *v1alpha1.LicenseCheckout {
	s.Helper()
	co := s.apply(b)[0]
	s.pass()
	s.says(co, "True, Granted", "False, Held")
	s.Events("Normal Granted")
	return co
}

// says expects the conditions of a LicenseCheckout, read anew.
func (s *scene) says(co *v1alpha1.LicenseCheckout, granted, released string) {
	s.Helper()
	s.Refresh(co)
	s.Condition(co, v1alpha1.ConditionGranted, granted)
	s.Condition(co, v1alpha1.ConditionReleased, released)
	held := s.entry(co) != nil
	if strings.HasPrefix(granted, "True") != held {
		s.Errorf("%s: the book holds it: %t, and Granted is %s", co.Name, held, granted)
	}
}

// places expects where LicenseCheckouts are in the queue; 0 is nowhere.
func (s *scene) places(want map[string]int32) {
	s.Helper()
	list := &v1alpha1.LicenseCheckoutList{}
	s.List(list)
	got := map[string]int32{}
	for _, co := range list.Items {
		got[co.Name] = ptr.Deref(co.Status.QueuePosition, 0)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		s.Errorf("places in the queue (-want +got):\n%s", diff)
	}
}

// blocks are the blocks of the book at the API server, which hold.
func (s *scene) blocks() []*seats.Block {
	s.Helper()
	list, err := store.Ledgers{Live: s.Admin}.List(s.Context(), s.key)
	if err != nil {
		s.Fatal(err)
	}
	var blocks []*seats.Block
	for _, l := range list {
		b, err := seats.Decode(l)
		if err != nil {
			s.Fatal(err)
		}
		blocks = append(blocks, b)
	}
	for _, drift := range seats.Check(blocks) {
		s.Errorf("the book: %s", drift.What)
	}
	return blocks
}

// entry is what the book at the API server holds for a LicenseCheckout; nil for
// nothing.
func (s *scene) entry(co *v1alpha1.LicenseCheckout) *seats.Entry {
	s.Helper()
	for _, b := range s.blocks() {
		if e := b.Get(id(co)); e != nil {
			return e
		}
	}
	return nil
}

// holders are the names of the LicenseCheckouts that hold seats, sorted, and
// "API" for what came that way.
func (s *scene) holders(want ...string) {
	s.Helper()
	var got []string
	for _, b := range s.blocks() {
		for _, e := range b.Entries {
			name := e.Object
			if name == "" {
				name = "API"
			}
			got = append(got, name)
		}
	}
	slices.Sort(got)
	if diff := cmp.Diff(want, got); diff != "" {
		s.Errorf("who holds seats (-want +got):\n%s", diff)
	}
}

// truth is how tests end: all conditions are there and of this generation, and
// another pass writes nothing, tells nothing and asks to come back at the same
// time.
func (s *scene) truth() {
	s.Helper()
	first := s.pass()
	s.Events(nil...)
	before := s.versions()
	again := s.pass()
	if diff := cmp.Diff(before, s.versions()); diff != "" {
		s.Errorf("a second pass wrote (-before +after):\n%s", diff)
	}
	if diff := cmp.Diff(first, again); diff != "" {
		s.Errorf("a second pass has another result (-first +again):\n%s", diff)
	}
	s.Events(nil...)
	list := &v1alpha1.LicenseCheckoutList{}
	s.List(list)
	for i := range list.Items {
		if store.BlockOf(&list.Items[i]) == "" {
			s.Honest(&list.Items[i])
		}
	}
}

// versions are those of everything that a pass may write.
func (s *scene) versions() map[string]string {
	s.Helper()
	versions := map[string]string{}
	for kind, list := range map[string]client.ObjectList{
		"LicenseCheckout": &v1alpha1.LicenseCheckoutList{}, "SeatLedger": &v1alpha1.SeatLedgerList{}, "Secret": &corev1.SecretList{}} {
		s.List(list)
		switch list := list.(type) {
		case *v1alpha1.LicenseCheckoutList:
			for _, o := range list.Items {
				versions[kind+" "+o.Name] = o.ResourceVersion
			}
		case *v1alpha1.SeatLedgerList:
			for _, o := range list.Items {
				versions[kind+" "+o.Name] = o.ResourceVersion
			}
		case *corev1.SecretList:
			for _, o := range list.Items {
				versions[kind+" "+o.Name] = o.ResourceVersion
			}
		}
	}
	return versions
}

// pod makes a Pod that no kubelet runs.
func (s *scene) pod(name string) *corev1.Pod {
	s.Helper()
	pod := &corev1.Pod{ObjectMeta: metav1.ObjectMeta{Name: name},
		Spec: corev1.PodSpec{Containers: []corev1.Container{{Name: "worker", Image: "worker"}}}}
	s.Create(pod)
	return pod
}

// kill deletes a Pod, which is gone then.
func (s *scene) kill(pod *corev1.Pod) {
	s.Helper()
	if err := s.Admin.Delete(s.Context(), pod, client.GracePeriodSeconds(0)); err != nil {
		s.Fatal(err)
	}
	if err := s.Admin.Get(s.Context(), client.ObjectKeyFromObject(pod), pod); !apierrors.IsNotFound(err) {
		s.Fatalf("the Pod is still there: %v", err)
	}
}

// api checks out units through the API, on this replica.
func (s *scene) api(name string, units int64) error {
	s.Helper()
	_, err := s.books.Checkout(s.Context(), s.key, []seats.Pool{{Name: "seats", Total: 3}, {Name: "gpus", Total: 2}}, seats.Request{
		ID: seats.NewID(name), Digest: seats.NewDigest(name), Type: v1alpha1.CheckoutProvisional, Lifetime: time.Hour,
		Items: []seats.Item{{Name: "seats", Unit: v1alpha1.UnitCount, Quantity: units}}, Caller: "backend",
	})
	return err
}

// total lets the book give so many seats, as the Subscription's controller does.
func (s *scene) total(seatCount int64) {
	s.Helper()
	if err := s.books.SetPools(s.Context(), s.key, []seats.Pool{{Name: "seats", Total: seatCount}, {Name: "gpus", Total: 2}}); err != nil {
		s.Fatal(err)
	}
}

func co(name string) *builder.LicenseCheckoutBuilder { return builder.LicenseCheckout(name, "initech") }

// numbered are LicenseCheckouts of one seat each.
func numbered(from, to int) (list []*builder.LicenseCheckoutBuilder) {
	for n := from; n <= to; n++ {
		list = append(list, co(fmt.Sprintf("co%03d", n)))
	}
	return list
}
