// Copyright The license-operator Authors.
// SPDX-License-Identifier: Apache-2.0

// Package subscription reconciles Subscriptions: it says whether the customer
// is subscribed, by spec, time and the Product, and how the customer is called
// on the wire.
package subscription

import (
	"context"
	"errors"
	"strings"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/builder"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/handler"
	"sigs.k8s.io/controller-runtime/pkg/manager"
	"sigs.k8s.io/controller-runtime/pkg/predicate"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"
	"sigs.k8s.io/controller-runtime/pkg/source"

	"github.com/license-operator/license-operator/api/v1alpha1"
	"github.com/license-operator/license-operator/controllers/kit"
	"github.com/license-operator/license-operator/internal/licensing"
	"github.com/license-operator/license-operator/internal/store"
)

// Controller reconciles Subscriptions.
type Controller struct {
	kit.Kit
	Names store.Names
	Books Books
	// Projection says for which Subscriptions LicenseCheckouts can't be made; nil
	// for none.
	Projection *kit.Failures
	// Links makes the links to the pages; nil for none.
	Links *Links
}

// Setup adds the controller to a manager.
func (c *Controller) Setup(mgr manager.Manager) error {
	b := builder.ControllerManagedBy(mgr).
		For(&v1alpha1.Subscription{}).
		Watches(&v1alpha1.Product{}, handler.EnqueueRequestsFromMapFunc(c.ofProduct),
			builder.WithPredicates(predicate.GenerationChangedPredicate{})).
		WatchesMetadata(store.NamespaceMetadata(), handler.EnqueueRequestsFromMapFunc(c.ofNamespace),
			builder.WithPredicates(predicate.AnnotationChangedPredicate{})).
		Watches(&v1alpha1.SeatLedger{}, later(ofLedger)).
		Watches(&v1alpha1.LicenseCheckout{}, later(ofCheckout), builder.WithPredicates(kit.QueueChanged())).
		Named("subscription")
	if c.Projection != nil {
		b.WatchesRawSource(source.Channel(c.Projection.Changes(), &handler.EnqueueRequestForObject{}))
	}
	return b.Complete(reconcile.AsReconciler(c.Client, c))
}

// Reconcile brings one Subscription's status in step.
func (c *Controller) Reconcile(ctx context.Context, sub *v1alpha1.Subscription) (reconcile.Result, error) {
	base := sub.DeepCopy()
	product, err := c.Product(ctx, sub)
	if err != nil {
		return reconcile.Result{}, err
	}
	if err := c.identify(ctx, sub); err != nil {
		return kit.Retry(err)
	}
	standing := licensing.Stand(sub, product != nil, c.Clock.Now())
	unknown := c.entitle(product, sub)
	obstacle, unlinked := c.link(ctx, product, sub)
	news := c.conclude(sub, standing, unknown, obstacle)
	failure := c.seats(ctx, product, sub)
	if failure == nil {
		sub.Status.ObservedGeneration = sub.Generation // The book has its capacity.
	}
	if err := c.PatchStatus(ctx, base, sub, base.Status, sub.Status); err != nil {
		return kit.Retry(err)
	}
	c.Emit(sub, news)
	if err := errors.Join(failure, unlinked); err != nil {
		return reconcile.Result{}, err
	}
	return reconcile.Result{RequeueAfter: c.next(sub, standing, obstacle != nil)}, nil
}

// next is when time alone asks for another look; 0 for never.
func (c *Controller) next(sub *v1alpha1.Subscription, s licensing.Standing, obstacle bool) (after time.Duration) {
	if c.Links != nil {
		after = c.Links.next(sub, obstacle, c.Clock.Now())
	}
	if s.NextChange.IsZero() {
		return after
	}
	change := max(s.NextChange.Sub(c.Clock.Now()), 1)
	if after == 0 {
		return change
	}
	return min(after, change)
}

// identify writes how the customer and the licence are called.
func (c *Controller) identify(ctx context.Context, sub *v1alpha1.Subscription) error {
	ns, err := c.Namespace(ctx, sub.Namespace)
	if err != nil {
		return err
	}
	account, _ := c.Names.Account(ns)
	sub.Status.CustomerIdentifier = c.Names.Customer(sub)
	sub.Status.PersistentIdentifier = c.Names.PID(sub)
	sub.Status.LicenseARN = c.Names.LicenseARN(account, sub)
	return nil
}

// entitle lists the entitlements and returns the overrides that fit none.
func (c *Controller) entitle(product *v1alpha1.Product, sub *v1alpha1.Subscription) (unknown []string) {
	sub.Status.Entitlements, sub.Status.Seats = nil, ""
	if product == nil {
		return nil
	}
	merged, unknown := licensing.Entitlements(product, sub)
	for _, e := range merged {
		usage := v1alpha1.EntitlementUsage{Name: e.Name, Unit: e.Unit}
		if e.Unit != v1alpha1.UnitNone {
			usage.MaxCount = e.MaxCount
		}
		sub.Status.Entitlements = append(sub.Status.Entitlements, usage)
	}
	return unknown
}

// conclude sets the conditions and returns what is worth an event.
func (c *Controller) conclude(sub *v1alpha1.Subscription, s licensing.Standing, unknown []string, obstacle *metav1.Condition) []kit.Event {
	var news []kit.Event
	ready := kit.Condition(v1alpha1.ConditionReady, kit.Bool(true), v1alpha1.ReasonReady,
		"The subscription is known under its identifiers")
	switch {
	case s.Reason == v1alpha1.ReasonProductNotFound:
		ready = kit.Condition(v1alpha1.ConditionReady, kit.Bool(false), s.Reason, s.Message)
	case len(unknown) > 0:
		ready = kit.Condition(v1alpha1.ConditionReady, kit.Bool(false), v1alpha1.ReasonUnknownEntitlement,
			"`spec.entitlements` overrides what the Product does not have, or sets a value of the wrong kind: "+
				strings.Join(unknown, ", ")+"; correct the names or the Product's `spec.license.entitlements`")
	case obstacle != nil:
		ready = *obstacle
	}
	if c.Set(sub, &sub.Status.Conditions, ready) {
		switch ready.Reason {
		case v1alpha1.ReasonUnknownEntitlement:
			news = append(news, unknownEntitlement(ready.Message))
		case v1alpha1.ReasonSecretConflict, v1alpha1.ReasonSecretNotWritten:
			news = append(news, linksNotWritten(ready))
		}
	}
	subscribed := kit.Condition(v1alpha1.ConditionSubscribed, kit.Bool(s.Subscribed), s.Reason, s.Message)
	if c.Set(sub, &sub.Status.Conditions, subscribed) {
		news = append(news, standingChanged(s))
	}
	c.Set(sub, &sub.Status.Conditions, c.projected(sub))
	return news
}

// projected is the condition CheckoutsProjected. Its event comes from who found
// out.
func (c *Controller) projected(sub *v1alpha1.Subscription) metav1.Condition {
	if c.Projection.Failing(client.ObjectKeyFromObject(sub)) {
		return kit.Condition(v1alpha1.ConditionCheckoutsProjected, kit.Bool(false), v1alpha1.ReasonProjectionFailed,
			"Seats are granted, but their LicenseCheckouts can't be made; look for a quota or a policy of the namespace")
	}
	return kit.Condition(v1alpha1.ConditionCheckoutsProjected, kit.Bool(true), v1alpha1.ReasonProjected,
		"Checkouts through the API get their LicenseCheckouts")
}

func (c *Controller) ofProduct(ctx context.Context, p client.Object) []reconcile.Request {
	return c.requests(ctx, client.InNamespace(p.GetNamespace()),
		client.MatchingFields{store.IndexSubscriptionProduct: p.GetName()})
}

func (c *Controller) ofNamespace(ctx context.Context, ns client.Object) []reconcile.Request {
	return c.requests(ctx, client.InNamespace(ns.GetName()))
}

func (c *Controller) requests(ctx context.Context, opts ...client.ListOption) []reconcile.Request {
	return kit.Requests(ctx, c.Client, &v1alpha1.SubscriptionList{}, opts...)
}
