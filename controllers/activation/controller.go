// Copyright The license-operator Authors.
// SPDX-License-Identifier: Apache-2.0

// Package activation reconciles Activations: it makes a key or token, keeps its
// hash, writes it into a Secret and says when it has expired.
package activation

import (
	"context"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/builder"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/handler"
	"sigs.k8s.io/controller-runtime/pkg/manager"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"

	"github.com/license-operator/license-operator/api/v1alpha1"
	"github.com/license-operator/license-operator/controllers/kit"
	"github.com/license-operator/license-operator/internal/licensing"
	"github.com/license-operator/license-operator/internal/store"
)

// Controller reconciles Activations.
type Controller struct {
	kit.Kit
	Names store.Names
}

// Setup adds the controller to a manager.
func (c *Controller) Setup(mgr manager.Manager) error {
	return builder.ControllerManagedBy(mgr).
		For(&v1alpha1.Activation{}).
		Watches(&v1alpha1.Subscription{}, handler.EnqueueRequestsFromMapFunc(c.ofSubscription),
			builder.WithPredicates(kit.IdentifiersChanged{})).
		Watches(&v1alpha1.Product{}, handler.EnqueueRequestsFromMapFunc(c.ofProduct),
			builder.WithPredicates(kit.CreatedOrDeleted())).
		Named("activation").
		Complete(reconcile.AsReconciler(c.Client, c))
}

// obstacle is why a key can't be issued now.
type obstacle struct{ reason, message string }

// Reconcile issues one Activation's key once, and says what became of it.
func (c *Controller) Reconcile(ctx context.Context, a *v1alpha1.Activation) (reconcile.Result, error) {
	useless := licensing.PageUseless(a)
	over := !useless.IsZero() && !c.Clock.Now().Before(useless)
	if over && a.Status.ExpirationTime != nil {
		return c.remove(ctx, a)
	}
	base := a.DeepCopy()
	product, why, err := c.obstacle(ctx, a)
	if err != nil {
		return reconcile.Result{}, err
	}
	if over && why != nil {
		return c.remove(ctx, a) // The page has not issued its key, and nobody will.
	}
	var failure error
	if why == nil && !handedOut(a) {
		if base, why, failure = c.issue(ctx, base, a, product); failure != nil && why == nil {
			return kit.Retry(failure)
		}
	}
	issued := kit.Condition(v1alpha1.ConditionIssued, metav1.ConditionTrue, v1alpha1.ReasonIssued, licensing.IssuedMessage(a))
	if why != nil {
		issued = kit.Condition(v1alpha1.ConditionIssued, metav1.ConditionFalse, why.reason, why.message)
	}
	news := c.conclude(a, issued)
	if err := c.PatchStatus(ctx, base, a, base.Status, a.Status); err != nil {
		return kit.Retry(err)
	}
	c.Emit(a, news)
	if failure != nil {
		return reconcile.Result{}, failure
	}
	if issued.Reason == v1alpha1.ReasonSecretConflict {
		return reconcile.Result{RequeueAfter: kit.SecretConflictPause}, nil
	}
	return reconcile.Result{RequeueAfter: c.next(a)}, nil
}

// next is when time alone asks for another look: when the key expires, and when
// the object is of no use any more; 0 for never.
func (c *Controller) next(a *v1alpha1.Activation) time.Duration {
	now := c.Clock.Now()
	if e := a.Status.ExpirationTime; e != nil && now.Before(e.Time) {
		return e.Sub(now)
	}
	if useless := licensing.PageUseless(a); !useless.IsZero() {
		return max(useless.Sub(now), 1)
	}
	return 0
}

// remove deletes an Activation that a page has made and that is of no use any
// more, unless it has changed since it was read.
func (c *Controller) remove(ctx context.Context, a *v1alpha1.Activation) (reconcile.Result, error) {
	err := c.Client.Delete(ctx, a, client.Preconditions{UID: &a.UID, ResourceVersion: &a.ResourceVersion})
	if err == nil {
		return reconcile.Result{}, nil
	}
	return kit.Retry(err)
}

// obstacle says why no key can be issued; the Product is there if none.
func (c *Controller) obstacle(ctx context.Context, a *v1alpha1.Activation) (*v1alpha1.Product, *obstacle, error) {
	sub := &v1alpha1.Subscription{}
	err := c.Client.Get(ctx, client.ObjectKey{Namespace: a.Namespace, Name: a.Spec.SubscriptionRef.Name}, sub)
	if apierrors.IsNotFound(err) {
		return nil, &obstacle{v1alpha1.ReasonSubscriptionNotFound,
			"The Subscription in `spec.subscriptionRef` does not exist in this namespace; apply it, and the key can be used"}, nil
	}
	if err != nil {
		return nil, nil, err
	}
	p, err := c.Product(ctx, sub)
	switch {
	case err != nil:
		return nil, nil, err
	case p == nil:
		return nil, &obstacle{v1alpha1.ReasonProductNotFound,
			"The Product of the Subscription does not exist in this namespace; apply it, and the key can be used"}, nil
	case licensing.Revoked(a):
		return nil, &obstacle{v1alpha1.ReasonRevoked, "`spec.state` is Revoked; what was activated with the key is refused"}, nil
	case sub.Status.PersistentIdentifier == "":
		return nil, &obstacle{v1alpha1.ReasonWaitingForSubscription,
			"The Subscription has no persistent identifier yet; this takes a moment"}, nil
	}
	return p, nil, nil
}

// conclude sets the conditions and returns what is worth an event.
func (c *Controller) conclude(a *v1alpha1.Activation, issued metav1.Condition) []kit.Event {
	var news []kit.Event
	a.Status.ObservedGeneration = a.Generation
	if c.Set(a, &a.Status.Conditions, issued) && issued.Reason != v1alpha1.ReasonWaitingForSubscription {
		news = append(news, issuedChanged(issued))
	}
	redeemed := kit.Condition(v1alpha1.ConditionRedeemed, metav1.ConditionFalse, v1alpha1.ReasonNotRedeemed, "Nobody has used the key yet")
	if was := meta.FindStatusCondition(a.Status.Conditions, redeemed.Type); was != nil {
		redeemed = *was // The endpoint's to say.
	}
	c.Set(a, &a.Status.Conditions, redeemed)
	expired := kit.Condition(v1alpha1.ConditionExpired, metav1.ConditionFalse, v1alpha1.ReasonWithinLifetime,
		"The key can be used until `status.expirationTime`")
	switch e := a.Status.ExpirationTime; {
	case e == nil:
		expired = kit.Condition(v1alpha1.ConditionExpired, metav1.ConditionUnknown, v1alpha1.ReasonPending,
			"The key has not been issued yet")
	case !c.Clock.Now().Before(e.Time):
		expired = kit.Condition(v1alpha1.ConditionExpired, metav1.ConditionTrue, v1alpha1.ReasonLifetimeOver,
			"The key can no longer be used; what was activated with it lives on")
	}
	if c.Set(a, &a.Status.Conditions, expired) && expired.Status == metav1.ConditionTrue {
		news = append(news, kit.Event{Type: corev1.EventTypeNormal, Reason: expired.Reason, Action: "Expire", Note: expired.Message})
	}
	return news
}

func (c *Controller) ofSubscription(ctx context.Context, sub client.Object) []reconcile.Request {
	return kit.Requests(ctx, c.Client, &v1alpha1.ActivationList{}, client.InNamespace(sub.GetNamespace()),
		client.MatchingFields{store.IndexActivationSubscription: sub.GetName()})
}

func (c *Controller) ofProduct(ctx context.Context, p client.Object) []reconcile.Request {
	var requests []reconcile.Request
	for _, sub := range kit.Requests(ctx, c.Client, &v1alpha1.SubscriptionList{}, client.InNamespace(p.GetNamespace()),
		client.MatchingFields{store.IndexSubscriptionProduct: p.GetName()}) {
		requests = append(requests, kit.Requests(ctx, c.Client, &v1alpha1.ActivationList{},
			client.InNamespace(sub.Namespace), client.MatchingFields{store.IndexActivationSubscription: sub.Name})...)
	}
	return requests
}
