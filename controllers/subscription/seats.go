// Copyright The license-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package subscription

import (
	"context"
	"fmt"
	"slices"
	"time"

	"k8s.io/client-go/util/workqueue"
	"k8s.io/utils/ptr"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/event"
	"sigs.k8s.io/controller-runtime/pkg/handler"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"

	"github.com/license-operator/license-operator/api/v1alpha1"
	"github.com/license-operator/license-operator/internal/licensing"
	"github.com/license-operator/license-operator/internal/seats"
	"github.com/license-operator/license-operator/internal/store"
)

// seatsPause is how long changes of a book or a queue are gathered before the
// status tells of them: a status is not written for every checkout.
const seatsPause = time.Second

// Books are the books of seats, as *seats.Books keeps them.
type Books interface {
	SetPools(ctx context.Context, key seats.Key, pools []seats.Pool) error
}

// seats counts what is in use and what the queue waits for, by the cache, and
// makes the book give what the Subscription has now. Nobody is thrown out where
// that is less than what is in use: nothing more is given until it fits, and
// inUse, which is more than maxCount then, tells.
func (c *Controller) seats(ctx context.Context, product *v1alpha1.Product, sub *v1alpha1.Subscription) error {
	ledgers := &v1alpha1.SeatLedgerList{}
	if err := c.Client.List(ctx, ledgers, client.InNamespace(sub.Namespace), client.UnsafeDisableDeepCopy,
		client.MatchingFields{store.IndexSeatLedgerSubscription: sub.Name}); err != nil {
		return fmt.Errorf("list the blocks: %w", err)
	}
	queue := &v1alpha1.LicenseCheckoutList{}
	if err := c.Client.List(ctx, queue, client.InNamespace(sub.Namespace), client.UnsafeDisableDeepCopy,
		client.MatchingFields{store.IndexLicenseCheckoutQueued: sub.Name}); err != nil {
		return fmt.Errorf("list the queue: %w", err)
	}
	count(sub, ledgers.Items, licensing.QueueNeeds(queue.Items))
	if product == nil || len(ledgers.Items) == 0 {
		return nil
	}
	entitlements, _ := licensing.Entitlements(product, sub)
	pools := seats.PoolsOf(licensing.Pools(entitlements))
	if given(ledgers.Items, pools) {
		return nil
	}
	if err := c.Books.SetPools(ctx, client.ObjectKeyFromObject(sub), pools); err != nil {
		return fmt.Errorf("set the capacity: %w", err)
	}
	return nil
}

// count writes into the status what of each entitlement is in use and waited for.
func count(sub *v1alpha1.Subscription, blocks []v1alpha1.SeatLedger, queued map[string]int64) {
	for i := range sub.Status.Entitlements {
		e := &sub.Status.Entitlements[i]
		if e.Unit == v1alpha1.UnitNone {
			continue
		}
		var used int64
		for b := range blocks {
			for _, p := range blocks[b].Spec.Pools {
				if p.Name == e.Name {
					used += p.Used
				}
			}
		}
		e.InUse, e.Queued = ptr.To(used), ptr.To(queued[e.Name])
		if sub.Status.Seats == "" {
			sub.Status.Seats = fmt.Sprintf("%d/%d", used, ptr.Deref(e.MaxCount, 0))
		}
	}
}

// given says whether a book gives these pools: the block that was opened last
// says what it does. A pool that the Subscription does not have any more, and
// that is still in use, gives nothing.
func given(blocks []v1alpha1.SeatLedger, pools []seats.Pool) bool {
	head := &blocks[0]
	for i := range blocks {
		if blocks[i].Spec.Term > head.Spec.Term {
			head = &blocks[i]
		}
	}
	for _, want := range pools {
		if !slices.ContainsFunc(head.Spec.Pools, func(p v1alpha1.SeatPool) bool { return same(p, want) }) {
			return false
		}
	}
	for _, p := range head.Spec.Pools {
		wanted := slices.ContainsFunc(pools, func(want seats.Pool) bool { return p.Name == want.Name })
		if !wanted && !(same(p, seats.Pool{Name: p.Name}) && p.Used > 0) {
			return false
		}
	}
	return true
}

func same(p v1alpha1.SeatPool, want seats.Pool) bool {
	return p.Name == want.Name && p.Total == want.Total && (p.Overage == v1alpha1.Allowed) == want.Overage
}

type requests = workqueue.TypedRateLimitingInterface[reconcile.Request]

// later has the Subscription of an object looked at after seatsPause, however
// often the object changes until then.
func later(subscription func(client.Object) string) handler.EventHandler {
	add := func(o client.Object, q requests) {
		q.AddAfter(reconcile.Request{NamespacedName: client.ObjectKey{Namespace: o.GetNamespace(), Name: subscription(o)}}, seatsPause)
	}
	return handler.Funcs{
		CreateFunc: func(_ context.Context, e event.CreateEvent, q requests) { add(e.Object, q) },
		UpdateFunc: func(_ context.Context, e event.UpdateEvent, q requests) { add(e.ObjectNew, q) },
		DeleteFunc: func(_ context.Context, e event.DeleteEvent, q requests) { add(e.Object, q) },
	}
}

// ofLedger and ofCheckout are the Subscription that an object belongs to.
func ofLedger(o client.Object) string {
	l, _ := o.(*v1alpha1.SeatLedger)
	return l.Spec.SubscriptionRef.Name
}

func ofCheckout(o client.Object) string {
	co, _ := o.(*v1alpha1.LicenseCheckout)
	return co.Spec.SubscriptionRef.Name
}
