// Copyright The license-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package checkout

import (
	"context"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/fields"
	"k8s.io/client-go/util/workqueue"
	"sigs.k8s.io/controller-runtime/pkg/builder"
	"sigs.k8s.io/controller-runtime/pkg/cache"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/controller"
	"sigs.k8s.io/controller-runtime/pkg/event"
	"sigs.k8s.io/controller-runtime/pkg/handler"
	logf "sigs.k8s.io/controller-runtime/pkg/log"
	"sigs.k8s.io/controller-runtime/pkg/manager"
	"sigs.k8s.io/controller-runtime/pkg/predicate"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"

	"github.com/license-operator/license-operator/api/v1alpha1"
	"github.com/license-operator/license-operator/controllers/kit"
	"github.com/license-operator/license-operator/internal/seats"
	"github.com/license-operator/license-operator/internal/store"
)

const (
	// ledgerPause is how long commits of a book that come thick may come before
	// the queue is looked at.
	ledgerPause = 100 * time.Millisecond
	// keysPause is how long a change of the keys is given to reach Keys.
	keysPause = 5 * time.Second
	// firstRetry and lastRetry are after errors. The last is short: checkouts of
	// holders that live must not end because something else can't be done.
	firstRetry = 50 * time.Millisecond
	lastRetry  = 20 * time.Second
)

type queue = workqueue.TypedRateLimitingInterface[reconcile.Request]

// Setup adds the controller to a manager, whose cache must have been given
// HolderPods.
func (c *Controller) Setup(mgr manager.Manager) error {
	return builder.ControllerManagedBy(mgr).
		Named("checkout").
		Watches(&v1alpha1.LicenseCheckout{}, handler.EnqueueRequestsFromMapFunc(ofCheckout), builder.WithPredicates(requestChanged)).
		Watches(&v1alpha1.Subscription{}, handler.EnqueueRequestsFromMapFunc(c.ofSubscription),
			builder.WithPredicates(predicate.GenerationChangedPredicate{})).
		Watches(&v1alpha1.Product{}, handler.EnqueueRequestsFromMapFunc(c.ofProduct),
			builder.WithPredicates(predicate.GenerationChangedPredicate{})).
		WatchesMetadata(store.NamespaceMetadata(), handler.EnqueueRequestsFromMapFunc(c.ofNamespace),
			builder.WithPredicates(predicate.AnnotationChangedPredicate{})).
		WatchesMetadata(store.PodMetadata(), handler.EnqueueRequestsFromMapFunc(c.ofPod), builder.WithPredicates(identityChanged)).
		Watches(&v1alpha1.SeatLedger{}, handler.Funcs{CreateFunc: c.blockAppeared, UpdateFunc: c.blockChanged, DeleteFunc: c.blockGone}).
		Watches(&corev1.Secret{}, handler.Funcs{UpdateFunc: c.keysChanged}).
		WithOptions(controller.Options{
			RateLimiter: workqueue.NewTypedItemExponentialFailureRateLimiter[reconcile.Request](firstRetry, lastRetry),
		}).
		Complete(c)
}

// HolderPods is what the manager's cache is to keep of Pods: the metadata of
// those that have not finished, and of that only what tells one from another. A
// Pod that finishes is gone from it.
func HolderPods() (client.Object, cache.ByObject) {
	return store.PodMetadata(), cache.ByObject{
		Field: fields.AndSelectors(
			fields.OneTermNotEqualSelector("status.phase", string(corev1.PodSucceeded)),
			fields.OneTermNotEqualSelector("status.phase", string(corev1.PodFailed))),
		Transform: stripPod,
	}
}

func stripPod(obj any) (any, error) {
	if pod, ok := obj.(*metav1.PartialObjectMetadata); ok {
		pod.ObjectMeta = metav1.ObjectMeta{
			Namespace: pod.Namespace, Name: pod.Name, UID: pod.UID, ResourceVersion: pod.ResourceVersion,
			CreationTimestamp: pod.CreationTimestamp, DeletionTimestamp: pod.DeletionTimestamp,
		}
	}
	return obj, nil
}

// identityChanged passes an object that appears, goes, is being deleted, or is
// shown by the cache in the place of another: what makes a Pod another holder.
var identityChanged = predicate.Funcs{UpdateFunc: func(e event.UpdateEvent) bool {
	return e.ObjectOld.GetUID() != e.ObjectNew.GetUID() ||
		e.ObjectOld.GetDeletionTimestamp().IsZero() != e.ObjectNew.GetDeletionTimestamp().IsZero()
}}

// requestChanged passes LicenseCheckouts of users that appear, go, or are being
// deleted: all else in them is immutable, or is written by this controller.
var requestChanged = predicate.And(
	predicate.NewPredicateFuncs(func(o client.Object) bool { return store.BlockOf(o) == "" }),
	identityChanged)

func ofCheckout(_ context.Context, o client.Object) []reconcile.Request {
	co, ok := o.(*v1alpha1.LicenseCheckout)
	if !ok {
		return nil
	}
	return []reconcile.Request{{NamespacedName: client.ObjectKey{Namespace: co.Namespace, Name: co.Spec.SubscriptionRef.Name}}}
}

// requested is the request for a Subscription, if a LicenseCheckout asks for it.
func (c *Controller) requested(ctx context.Context, key seats.Key) []reconcile.Request {
	list := &v1alpha1.LicenseCheckoutList{}
	if err := c.Client.List(ctx, list, client.InNamespace(key.Namespace), client.UnsafeDisableDeepCopy, client.Limit(1),
		client.MatchingFields{store.IndexLicenseCheckoutSubscription: key.Name}); err != nil {
		logf.FromContext(ctx).Error(err, "List what a Subscription concerns")
		return nil
	}
	if len(list.Items) == 0 {
		return nil
	}
	return []reconcile.Request{{NamespacedName: key}}
}

func (c *Controller) ofSubscription(ctx context.Context, sub client.Object) []reconcile.Request {
	return c.requested(ctx, client.ObjectKeyFromObject(sub))
}

func (c *Controller) ofProduct(ctx context.Context, product client.Object) (requests []reconcile.Request) {
	for _, sub := range kit.Requests(ctx, c.Client, &v1alpha1.SubscriptionList{}, client.InNamespace(product.GetNamespace()),
		client.MatchingFields{store.IndexSubscriptionProduct: product.GetName()}) {
		requests = append(requests, c.requested(ctx, sub.NamespacedName)...)
	}
	return requests
}

func (c *Controller) ofNamespace(ctx context.Context, ns client.Object) (requests []reconcile.Request) {
	for _, sub := range kit.Requests(ctx, c.Client, &v1alpha1.SubscriptionList{}, client.InNamespace(ns.GetName())) {
		requests = append(requests, c.requested(ctx, sub.NamespacedName)...)
	}
	return requests
}

func (c *Controller) ofPod(ctx context.Context, pod client.Object) (requests []reconcile.Request) {
	list := &v1alpha1.LicenseCheckoutList{}
	if err := c.Client.List(ctx, list, client.InNamespace(pod.GetNamespace()), client.UnsafeDisableDeepCopy,
		client.MatchingFields{store.IndexLicenseCheckoutHolder: pod.GetName()}); err != nil {
		logf.FromContext(ctx).Error(err, "List what a Pod holds")
	}
	for i := range list.Items {
		requests = append(requests, ofCheckout(ctx, &list.Items[i])...)
	}
	return requests
}

// blockAppeared takes a block in. The LicenseCheckouts of entries in it may have
// been deleted while no operator was there.
func (c *Controller) blockAppeared(ctx context.Context, e event.CreateEvent, q queue) {
	if l, ok := e.Object.(*v1alpha1.SeatLedger); ok {
		c.Books.Observe(l)
		c.enqueue(ctx, l, hasObjects(l), q)
	}
}

// blockChanged takes a version in before the queue is looked at: the copies of
// the books have a watch of their own, which may be a moment behind.
func (c *Controller) blockChanged(ctx context.Context, e event.UpdateEvent, q queue) {
	if l, ok := e.ObjectNew.(*v1alpha1.SeatLedger); ok {
		c.Books.Observe(l)
		c.enqueue(ctx, l, false, q)
	}
}

func (c *Controller) blockGone(ctx context.Context, e event.DeleteEvent, q queue) {
	if l, ok := e.Object.(*v1alpha1.SeatLedger); ok {
		c.Books.Forget(l)
		c.enqueue(ctx, l, false, q)
	}
}

func (c *Controller) enqueue(ctx context.Context, l *v1alpha1.SeatLedger, always bool, q queue) {
	key := seats.Key{Namespace: l.Namespace, Name: l.Spec.SubscriptionRef.Name}
	requests := []reconcile.Request{{NamespacedName: key}}
	if !always {
		requests = c.requested(ctx, key)
	}
	for _, r := range requests {
		q.AddAfter(r, ledgerPause)
	}
}

// hasObjects says whether a block holds seats of LicenseCheckouts of users.
func hasObjects(l *v1alpha1.SeatLedger) bool {
	b, err := seats.Decode(l)
	if err != nil {
		return false
	}
	for _, e := range b.Entries {
		if e.Object != "" {
			return true
		}
	}
	return false
}

// keysChanged looks at everything again after a change of the keys.
func (c *Controller) keysChanged(ctx context.Context, e event.UpdateEvent, q queue) {
	if client.ObjectKeyFromObject(e.ObjectNew) != c.KeysSecret || e.ObjectNew.GetResourceVersion() == e.ObjectOld.GetResourceVersion() {
		return
	}
	list := &v1alpha1.LicenseCheckoutList{}
	if err := c.Client.List(ctx, list, client.UnsafeDisableDeepCopy); err != nil {
		logf.FromContext(ctx).Error(err, "List the LicenseCheckouts")
	}
	for i := range list.Items {
		if store.BlockOf(&list.Items[i]) == "" {
			for _, r := range ofCheckout(ctx, &list.Items[i]) {
				q.AddAfter(r, keysPause)
			}
		}
	}
}
