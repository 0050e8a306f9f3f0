// Copyright The license-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package subscription

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/go-logr/logr"
	"github.com/google/go-cmp/cmp"
	"k8s.io/client-go/util/workqueue"
	"k8s.io/utils/clock"
	"k8s.io/utils/ptr"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/event"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"

	"github.com/license-operator/license-operator/api/v1alpha1"
	"github.com/license-operator/license-operator/internal/fault"
	"github.com/license-operator/license-operator/internal/seats"
	"github.com/license-operator/license-operator/internal/store"
	"github.com/license-operator/license-operator/test/builder"
	"github.com/license-operator/license-operator/test/expect"
)

// office has the Product office with 3 seats, cores that allow overage and a
// feature, a Subscription to it that has been reconciled, and its book.
type office struct {
	*expect.Stage
	c     *Controller
	books *seats.Books
	sub   *v1alpha1.Subscription
}

func newOffice(t *testing.T) *office {
	t.Helper()
	s, c := stage(t)
	s.Create(builder.Product("office").WithFeature("fast", "yes").WithSeats("seats", 3).WithEntitlement(v1alpha1.Entitlement{
		Name: "cores", Unit: v1alpha1.UnitCount, MaxCount: ptr.To[int64](1), Overage: v1alpha1.Allowed}).Build())
	o := &office{Stage: s, c: c}
	o.books = seats.NewBooks(t.Context(), seats.Options{Store: store.Ledgers{Live: s.Operator}, Clock: clock.RealClock{}, Log: logr.Discard()})
	c.Books = o.books
	o.sub = subscribed(s, c, builder.Subscription("initech", "office"))
	return o
}

// checkout takes units of a pool through the API.
func (o *office) checkout(name, pool string, units int64) (seats.Grant, error) {
	return o.books.Checkout(o.Context(), client.ObjectKeyFromObject(o.sub),
		[]seats.Pool{{Name: "seats", Total: 3}, {Name: "cores", Total: 1, Overage: true}}, seats.Request{
			ID: seats.NewID(name), Digest: seats.NewDigest(name), Type: v1alpha1.CheckoutProvisional, Lifetime: time.Hour,
			Items: []seats.Item{{Name: pool, Unit: v1alpha1.UnitCount, Quantity: units}},
		})
}

func (o *office) taken(name, pool string, units int64) seats.Grant {
	o.Helper()
	g, err := o.checkout(name, pool, units)
	if err != nil {
		o.Fatal(err)
	}
	return g
}

// shows expects what the status tells of the entitlements, as used/total+queued.
func (o *office) shows(seatsInUse string, want ...v1alpha1.EntitlementUsage) {
	o.Helper()
	expect.Reconcile(o.Stage, o.c, o.sub)
	if o.sub.Status.Seats != seatsInUse {
		o.Errorf("seats are %q, want %q", o.sub.Status.Seats, seatsInUse)
	}
	want = append([]v1alpha1.EntitlementUsage{{Name: "fast", Unit: v1alpha1.UnitNone}}, want...)
	if diff := cmp.Diff(want, o.sub.Status.Entitlements); diff != "" {
		o.Errorf("entitlements (-want +got):\n%s", diff)
	}
	expect.Truth(o.Stage, o.c, o.sub)
}

func use(name string, maxCount, inUse, queued int64) v1alpha1.EntitlementUsage {
	return v1alpha1.EntitlementUsage{Name: name, Unit: v1alpha1.UnitCount, MaxCount: &maxCount, InUse: &inUse, Queued: &queued}
}

// edit changes the Subscription's number of seats.
func (o *office) edit(maxCount int64) {
	o.Helper()
	expect.Edit(o.Stage, o.sub, func(sub *v1alpha1.Subscription) {
		sub.Spec.Entitlements = []v1alpha1.EntitlementOverride{{Name: "seats", MaxCount: &maxCount}}
	})
}

func TestTheStatusTellsWhatIsInUse(t *testing.T) {
	t.Parallel()
	o := newOffice(t)
	o.shows("0/3", use("seats", 3, 0, 0), use("cores", 1, 0, 0))
	first := o.taken("one", "seats", 2)
	o.taken("two", "cores", 5)
	o.shows("2/3", use("seats", 3, 2, 0), use("cores", 1, 5, 0))
	if err := o.books.CheckIn(t.Context(), client.ObjectKeyFromObject(o.sub), seats.Handle{ID: first.ID, Block: first.Block, Sequence: first.Sequence}); err != nil {
		t.Fatal(err)
	}
	o.shows("0/3", use("seats", 3, 0, 0), use("cores", 1, 5, 0))
}

func TestTheStatusAddsUpAllBlocks(t *testing.T) {
	t.Parallel()
	o := newOffice(t)
	closed := builder.SeatLedger("initech", 0).WithPool("seats", 2, 2).ClosedFor(1).Build()
	open := builder.SeatLedger("initech", 1).WithPool("seats", 1, 1).WithOveragePool("cores", 1, 0).InTerm(2).Build()
	open.Spec.Pools[0].Total = 3
	other := builder.SeatLedger("globex", 0).WithPool("seats", 9, 9).Build()
	for _, l := range []*v1alpha1.SeatLedger{closed, open, other} {
		l.Labels = map[string]string{v1alpha1.LabelSubscription: l.Spec.SubscriptionRef.Name}
	}
	o.Create(closed, open, other)
	o.c.Books = untouched{t}
	o.shows("3/3", use("seats", 3, 3, 0), use("cores", 1, 0, 0))
}

// untouched are books whose capacity nobody may set.
type untouched struct{ *testing.T }

func (u untouched) SetPools(_ context.Context, _ seats.Key, pools []seats.Pool) error {
	u.Errorf("the capacity is set to %v", pools)
	return nil
}

func TestTheStatusTellsWhatTheQueueWaitsFor(t *testing.T) {
	t.Parallel()
	o := newOffice(t)
	o.taken("one", "seats", 3)
	waiting := builder.LicenseCheckout("a", "initech").WithSeats("seats", 2).WithFeature("fast").Build()
	o.Create(waiting, builder.LicenseCheckout("b", "initech").WithSeats("seats", 1).WithSeats("cores", 4).Build(),
		builder.LicenseCheckout("c", "initech").OrFail().Build(), builder.LicenseCheckout("d", "globex").Build())
	o.shows("3/3", use("seats", 3, 3, 3), use("cores", 1, 0, 4))
	o.Delete(waiting)
	o.shows("3/3", use("seats", 3, 3, 1), use("cores", 1, 0, 4))
}

func TestTheBookGivesWhatTheSubscriptionHasNow(t *testing.T) {
	t.Parallel()
	o := newOffice(t)
	o.taken("one", "seats", 2)
	o.edit(5)
	o.shows("2/5", use("seats", 5, 2, 0), use("cores", 1, 0, 0))
	last := o.taken("two", "seats", 3)

	// Lowered below what is in use: nobody is thrown out, nothing is given.
	o.edit(4)
	o.shows("5/4", use("seats", 4, 5, 0), use("cores", 1, 0, 0))
	if _, err := o.checkout("three", "seats", 1); fault.KindOf(err) != fault.NoCapacity {
		t.Errorf("the error is %v, want NoCapacity", err)
	}
	if err := o.books.CheckIn(t.Context(), client.ObjectKeyFromObject(o.sub), seats.Handle{ID: last.ID, Block: last.Block, Sequence: last.Sequence}); err != nil {
		t.Fatal(err)
	}
	o.shows("2/4", use("seats", 4, 2, 0), use("cores", 1, 0, 0))
	o.taken("four", "seats", 2)
}

func TestTheBookGivesWhatTheProductSaysNow(t *testing.T) {
	t.Parallel()
	o := newOffice(t)
	o.taken("one", "seats", 1)
	o.taken("two", "cores", 3)
	product := builder.Product("office").InNamespace(o.Namespace).Build()
	edit := func(change func(list []v1alpha1.Entitlement) []v1alpha1.Entitlement) {
		t.Helper()
		expect.Edit(o.Stage, product, func(p *v1alpha1.Product) {
			p.Spec.License.Entitlements = change(p.Spec.License.Entitlements)
		})
	}
	edit(func(list []v1alpha1.Entitlement) []v1alpha1.Entitlement {
		list[1].Overage = v1alpha1.Allowed
		return append(list, v1alpha1.Entitlement{Name: "nodes", Unit: v1alpha1.UnitCount, MaxCount: ptr.To[int64](2)})
	})
	o.shows("1/3", use("seats", 3, 1, 0), use("cores", 1, 3, 0), use("nodes", 2, 0, 0))
	o.taken("three", "seats", 9)
	o.taken("four", "nodes", 2)

	// An entitlement that goes takes nothing from those who hold it.
	edit(func(list []v1alpha1.Entitlement) []v1alpha1.Entitlement { return list[:2] })
	o.shows("10/3", use("seats", 3, 10, 0))
	if _, err := o.checkout("five", "cores", 1); fault.KindOf(err) != fault.NoCapacity {
		t.Errorf("the error is %v, want NoCapacity", err)
	}
	if usage, err := o.books.Usage(t.Context(), client.ObjectKeyFromObject(o.sub)); err != nil || len(usage) != 3 {
		t.Errorf("the book has %v: %v", usage, err)
	}

	// Without the Product it is left as it is.
	o.Delete(product)
	o.c.Books = untouched{t}
	expect.Reconcile(o.Stage, o.c, o.sub)
	o.Events("Warning ProductNotFound")
	if o.sub.Status.Seats != "" || o.sub.Status.Entitlements != nil {
		t.Errorf("the status still tells %q", o.sub.Status.Seats)
	}
}

// stuck can't commit.
type stuck struct{}

var errStuck = errors.New("the API server is away")

func (stuck) SetPools(context.Context, seats.Key, []seats.Pool) error { return errStuck }

func TestTheGenerationIsObservedOnceTheBookHasItsCapacity(t *testing.T) {
	t.Parallel()
	o := newOffice(t)
	o.taken("one", "seats", 1)
	o.c.Books = stuck{}
	before := o.sub.Generation
	expect.Edit(o.Stage, o.sub, func(sub *v1alpha1.Subscription) {
		sub.Spec.State = v1alpha1.SubscriptionCancelled
		sub.Spec.Entitlements = []v1alpha1.EntitlementOverride{{Name: "seats", MaxCount: ptr.To[int64](4)}}
	})
	if _, err := expect.TryReconcile(o.Stage, o.c, o.sub); !errors.Is(err, errStuck) {
		t.Errorf("the error is %v, want %v", err, errStuck)
	}
	if o.sub.Status.ObservedGeneration != before {
		t.Errorf("generation %d is observed before the book has it", o.sub.Status.ObservedGeneration)
	}
	// What does not depend on the book is told at once.
	o.Condition(o.sub, v1alpha1.ConditionSubscribed, "False, Cancelled")
	o.Events("Warning Cancelled")
	o.c.Books = o.books
	expect.Reconcile(o.Stage, o.c, o.sub)
	if o.sub.Status.ObservedGeneration != o.sub.Generation {
		t.Errorf("generation %d is observed, it is %d", o.sub.Status.ObservedGeneration, o.sub.Generation)
	}
	expect.Truth(o.Stage, o.c, o.sub)
}

// added notes what is added to a queue.
type added struct {
	requests
	after []string
}

func (a *added) AddAfter(r reconcile.Request, d time.Duration) {
	a.after = append(a.after, r.String()+" "+d.String())
}

func TestChangesOfABookAreGathered(t *testing.T) {
	t.Parallel()
	q := &added{requests: workqueue.NewTypedRateLimitingQueue(workqueue.DefaultTypedControllerRateLimiter[reconcile.Request]())}
	defer q.ShutDown()
	l := builder.SeatLedger("initech", 0).InNamespace("acme").Build()
	h := later(ofLedger)
	h.Create(t.Context(), event.CreateEvent{Object: l}, q)
	h.Update(t.Context(), event.UpdateEvent{ObjectOld: l, ObjectNew: l}, q)
	h.Delete(t.Context(), event.DeleteEvent{Object: l}, q)
	later(ofCheckout).Create(t.Context(), event.CreateEvent{Object: builder.LicenseCheckout("a", "globex").InNamespace("acme").Build()}, q)
	want := []string{"acme/initech 1s", "acme/initech 1s", "acme/initech 1s", "acme/globex 1s"}
	if diff := cmp.Diff(want, q.after); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}
