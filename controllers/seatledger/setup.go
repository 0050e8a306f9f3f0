// Copyright The license-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package seatledger

import (
	"context"

	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/util/workqueue"
	"sigs.k8s.io/controller-runtime/pkg/builder"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/controller"
	"sigs.k8s.io/controller-runtime/pkg/event"
	"sigs.k8s.io/controller-runtime/pkg/handler"
	"sigs.k8s.io/controller-runtime/pkg/manager"
	"sigs.k8s.io/controller-runtime/pkg/predicate"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"

	"github.com/license-operator/license-operator/api/v1alpha1"
	"github.com/license-operator/license-operator/controllers/kit"
	"github.com/license-operator/license-operator/internal/store"
)

// Setup adds the controller to a manager. Only the leader runs it.
func (c *Controller) Setup(mgr manager.Manager) error {
	return builder.ControllerManagedBy(mgr).
		Watches(&v1alpha1.SeatLedger{}, onLedger()).
		Watches(&v1alpha1.LicenseCheckout{}, c.onCheckout()).
		Watches(&v1alpha1.Subscription{}, handler.EnqueueRequestsFromMapFunc(c.ofSubscription),
			builder.WithPredicates(predicate.GenerationChangedPredicate{})).
		Watches(&v1alpha1.Product{}, handler.EnqueueRequestsFromMapFunc(c.ofProduct),
			builder.WithPredicates(predicate.GenerationChangedPredicate{})).
		WatchesMetadata(store.PodMetadata(), handler.EnqueueRequestsFromMapFunc(c.ofPod), builder.WithPredicates(podGoes)).
		WithOptions(controller.Options{RateLimiter: workqueue.NewTypedItemExponentialFailureRateLimiter[reconcile.Request](firstRetry, lastRetry)}).
		Named("seatledger").
		Complete(c)
}

type queue = workqueue.TypedRateLimitingInterface[reconcile.Request]

// onLedger has a block that changes looked at after a while: one in demand
// changes hundreds of times a second.
func onLedger() handler.EventHandler {
	add := func(o client.Object, q queue) { later(q, client.ObjectKeyFromObject(o)) }
	return handler.Funcs{
		CreateFunc: func(_ context.Context, e event.CreateEvent, q queue) { add(e.Object, q) },
		UpdateFunc: func(_ context.Context, e event.UpdateEvent, q queue) { add(e.ObjectNew, q) },
		DeleteFunc: func(_ context.Context, e event.DeleteEvent, q queue) { add(e.Object, q) },
	}
}

// onCheckout has the block of an object that somebody deletes looked at at
// once: it frees a seat.
func (c *Controller) onCheckout() handler.EventHandler {
	return handler.Funcs{
		CreateFunc: func(_ context.Context, e event.CreateEvent, q queue) {
			if block, ok := blockOf(e.Object); ok {
				later(q, block)
			}
		},
		UpdateFunc: func(_ context.Context, e event.UpdateEvent, q queue) {
			before, wasOurs := blockOf(e.ObjectOld)
			after, isOurs := blockOf(e.ObjectNew)
			if before == after {
				return // Its spec is immutable, and its status is the controller's own.
			}
			if wasOurs {
				later(q, before)
			}
			if isOurs {
				later(q, after)
			}
		},
		DeleteFunc: func(_ context.Context, e event.DeleteEvent, q queue) {
			block, ok := blockOf(e.Object)
			if !ok {
				return
			}
			if c.deletions.seen(block, e.Object.GetName(), e.Object.GetUID()) {
				later(q, block)
				return
			}
			q.Add(reconcile.Request{NamespacedName: block})
		},
	}
}

func later(q queue, name types.NamespacedName) {
	q.AddAfter(reconcile.Request{NamespacedName: name}, coalesce)
}

// blockOf is the block with the entry that a LicenseCheckout stands for; false
// for one that a user has made.
func blockOf(co client.Object) (types.NamespacedName, bool) {
	name := store.BlockOf(co)
	if name == "" {
		return types.NamespacedName{}, false
	}
	return types.NamespacedName{Namespace: co.GetNamespace(), Name: name}, true
}

func (c *Controller) ofSubscription(ctx context.Context, sub client.Object) []reconcile.Request {
	return c.blocks(ctx, sub.GetNamespace(), sub.GetName())
}

func (c *Controller) ofProduct(ctx context.Context, p client.Object) []reconcile.Request {
	subs := kit.Requests(ctx, c.Client, &v1alpha1.SubscriptionList{}, client.InNamespace(p.GetNamespace()),
		client.MatchingFields{store.IndexSubscriptionProduct: p.GetName()})
	var requests []reconcile.Request
	for _, sub := range subs {
		requests = append(requests, c.blocks(ctx, sub.Namespace, sub.Name)...)
	}
	return requests
}

func (c *Controller) blocks(ctx context.Context, namespace, subscription string) []reconcile.Request {
	return kit.Requests(ctx, c.Client, &v1alpha1.SeatLedgerList{}, client.InNamespace(namespace),
		client.MatchingFields{store.IndexSeatLedgerSubscription: subscription})
}
