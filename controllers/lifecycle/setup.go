// Copyright The license-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package lifecycle

import (
	"context"

	"k8s.io/apimachinery/pkg/api/equality"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/builder"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/event"
	"sigs.k8s.io/controller-runtime/pkg/handler"
	"sigs.k8s.io/controller-runtime/pkg/manager"
	"sigs.k8s.io/controller-runtime/pkg/predicate"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"
	"sigs.k8s.io/controller-runtime/pkg/source"

	"github.com/license-operator/license-operator/api/v1alpha1"
	"github.com/license-operator/license-operator/controllers/kit"
	"github.com/license-operator/license-operator/internal/notify"
	"github.com/license-operator/license-operator/internal/secrets"
	"github.com/license-operator/license-operator/internal/store"
)

// Setup adds the controller to a manager. Its Delivery must be a
// *notify.Dispatcher, which is added too.
func (c *Controller) Setup(mgr manager.Manager) error {
	b := builder.ControllerManagedBy(mgr).
		For(&v1alpha1.Subscription{}, builder.WithPredicates(concerns())).
		Watches(&v1alpha1.Product{}, handler.EnqueueRequestsFromMapFunc(c.ofProduct), builder.WithPredicates(concernsProduct())).
		Named("lifecycle")
	if d, ok := c.Delivery.(*notify.Dispatcher); ok {
		d.SetPrepare(c.prepare)
		if err := mgr.Add(d); err != nil {
			return err
		}
		b.WatchesRawSource(source.Channel(d.Done(), &handler.EnqueueRequestForObject{}))
	}
	return b.Complete(reconcile.Func(c.reconcile))
}

// reconcile reads the Subscription, and forgets one that is gone.
func (c *Controller) reconcile(ctx context.Context, r reconcile.Request) (reconcile.Result, error) {
	sub := &v1alpha1.Subscription{}
	if err := c.Client.Get(ctx, r.NamespacedName, sub); err != nil {
		if apierrors.IsNotFound(err) {
			c.gone(r.NamespacedName)
		}
		return reconcile.Result{}, client.IgnoreNotFound(err)
	}
	return c.Reconcile(ctx, sub)
}

// concerns passes what of a Subscription this controller goes by: not how many
// seats are in use, which changes all the time.
func concerns() predicate.Predicate {
	return predicate.Funcs{UpdateFunc: func(e event.UpdateEvent) bool {
		before, ok := e.ObjectOld.(*v1alpha1.Subscription)
		after, ok2 := e.ObjectNew.(*v1alpha1.Subscription)
		if !ok || !ok2 {
			return false
		}
		return before.Generation != after.Generation ||
			!equality.Semantic.DeepEqual(subscribed(before), subscribed(after)) ||
			!equality.Semantic.DeepEqual(before.Status.Lifecycle, after.Status.Lifecycle)
	}}
}

func subscribed(sub *v1alpha1.Subscription) *metav1.Condition {
	return meta.FindStatusCondition(sub.Status.Conditions, v1alpha1.ConditionSubscribed)
}

// concernsProduct passes what of a Product this controller goes by.
func concernsProduct() predicate.Predicate {
	return predicate.Funcs{UpdateFunc: func(e event.UpdateEvent) bool {
		before, ok := e.ObjectOld.(*v1alpha1.Product)
		after, ok2 := e.ObjectNew.(*v1alpha1.Product)
		if !ok || !ok2 {
			return false
		}
		return !equality.Semantic.DeepEqual(before.Spec.License.Entitlements, after.Spec.License.Entitlements) ||
			before.Spec.Notifications.WebhookURL != after.Spec.Notifications.WebhookURL
	}}
}

func (c *Controller) ofProduct(ctx context.Context, p client.Object) []reconcile.Request {
	return kit.Requests(ctx, c.Client, &v1alpha1.SubscriptionList{}, client.InNamespace(p.GetNamespace()),
		client.MatchingFields{store.IndexSubscriptionProduct: p.GetName()})
}

// prepare makes the message of a task whose turn has come, unless the outbox has
// changed by then: its Subscription comes again for that.
func (c *Controller) prepare(ctx context.Context, t notify.Task) (notify.Message, bool) {
	sub := &v1alpha1.Subscription{}
	if err := c.Client.Get(ctx, t.Subscription, sub); err != nil {
		return notify.Message{}, false
	}
	l := sub.Status.Lifecycle
	if l == nil || len(l.Pending) == 0 || l.Pending[0].ID != t.ID || l.Pending[0].Attempts != t.Attempts {
		return notify.Message{}, false
	}
	product, err := c.Product(ctx, sub)
	if err != nil || !hasWebhook(product) {
		return notify.Message{}, false
	}
	customer := c.Names.Customer(sub)
	if product.Spec.Registration.CustomerIdentifier == v1alpha1.IdentifierOmitted {
		customer = ""
	}
	return notify.Message{
		ID: t.ID, Action: l.Pending[0].Action, URL: product.Spec.Notifications.WebhookURL,
		CustomerIdentifier: customer, ProductCode: c.Names.Code(product),
		CustomerAccountID: sub.Spec.Customer.AccountID, LicenseARN: sub.Status.LicenseARN,
		FreeTrial: sub.Spec.OfferType == v1alpha1.OfferFreeTrial,
		Keys:      c.webhookKeys(product),
	}, true
}

// webhookKeys are the key of the present rotation and that of the one before,
// so that a receiver can change over at any time.
func (c *Controller) webhookKeys(p *v1alpha1.Product) []secrets.WebhookKey {
	rotation := c.Names.WebhookRotation(p)
	keys := []secrets.WebhookKey{c.Names.WebhookKey(p, rotation)}
	if rotation > 1 {
		keys = append(keys, c.Names.WebhookKey(p, rotation-1))
	}
	return keys
}
