// Copyright The license-operator Authors.
// SPDX-License-Identifier: Apache-2.0

// Package product reconciles Products: their code, SKU and fingerprint, that
// these are unique, and the Secret with the product token.
package product

import (
	"context"
	"errors"
	"fmt"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/util/workqueue"
	"sigs.k8s.io/controller-runtime/pkg/builder"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/event"
	"sigs.k8s.io/controller-runtime/pkg/handler"
	"sigs.k8s.io/controller-runtime/pkg/manager"
	"sigs.k8s.io/controller-runtime/pkg/predicate"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"

	"github.com/license-operator/license-operator/api/v1alpha1"
	"github.com/license-operator/license-operator/controllers/kit"
	"github.com/license-operator/license-operator/internal/secrets"
	"github.com/license-operator/license-operator/internal/store"
)

// Controller reconciles Products.
type Controller struct {
	kit.Kit
	Names store.Names
	Keys  *secrets.Holder
	// KeysSecret is where Keys comes from; a rotation there changes the tokens.
	KeysSecret types.NamespacedName
}

// Setup adds the controller to a manager.
func (c *Controller) Setup(mgr manager.Manager) error {
	return builder.ControllerManagedBy(mgr).
		For(&v1alpha1.Product{}, builder.WithPredicates(predicate.GenerationChangedPredicate{})).
		Watches(&v1alpha1.Product{}, handler.EnqueueRequestsFromMapFunc(c.rivalsOf),
			builder.WithPredicates(predicate.GenerationChangedPredicate{})).
		WatchesMetadata(store.NamespaceMetadata(), handler.EnqueueRequestsFromMapFunc(c.ofNamespace),
			builder.WithPredicates(predicate.AnnotationChangedPredicate{})).
		Watches(&corev1.Secret{}, handler.Funcs{UpdateFunc: c.keysChanged}).
		Named("product").
		Complete(reconcile.AsReconciler(c.Client, c))
}

// Reconcile brings one Product's status and Secret in step.
func (c *Controller) Reconcile(ctx context.Context, p *v1alpha1.Product) (reconcile.Result, error) {
	base := p.DeepCopy()
	ns, err := c.Namespace(ctx, p.Namespace)
	if err != nil {
		return kit.Retry(err)
	}
	account, _ := c.Names.Account(ns)
	p.Status.Code = c.Names.Code(p)
	p.Status.SKU = c.Names.SKU(p)
	p.Status.KeyFingerprint = c.Names.KeyFingerprint(account, p)
	p.Status.ObservedGeneration = p.Generation

	ready, unique, err := c.judge(ctx, p, ns)
	if err != nil {
		return reconcile.Result{}, err
	}
	var failure error
	if ready.Status == metav1.ConditionTrue {
		ready, failure = c.writeToken(ctx, p, ready)
	}
	if ready.Status == metav1.ConditionTrue {
		ready, failure = c.writeWebhookSecret(ctx, p, ready)
	}
	c.Set(p, &p.Status.Conditions, unique)
	changed := c.Set(p, &p.Status.Conditions, ready)
	if err := c.PatchStatus(ctx, base, p, base.Status, p.Status); err != nil {
		return kit.Retry(err)
	}
	if changed {
		c.Emit(p, []kit.Event{readyChanged(ready)})
	}
	if failure != nil {
		return reconcile.Result{}, failure
	}
	if ready.Reason == v1alpha1.ReasonSecretConflict {
		// Secrets are not watched: look again whether it has gone.
		return reconcile.Result{RequeueAfter: kit.SecretConflictPause}, nil
	}
	return reconcile.Result{RequeueAfter: c.next()}, nil
}

// next is when the token is to be applied again: in a while, or as soon as a
// newer version of the sealing key is used.
func (c *Controller) next() time.Duration {
	now := c.Clock.Now()
	if use, pending := c.Keys.Get().Sealing.NextUseFromTime(now); pending {
		return min(kit.ReapplyInterval, use.Sub(now))
	}
	return kit.ReapplyInterval
}

// keysPause is how long a change of the keys is given to reach Keys.
const keysPause = 5 * time.Second

// keysChanged looks at every Product again after a change of the keys.
func (c *Controller) keysChanged(ctx context.Context, e event.UpdateEvent, q workqueue.TypedRateLimitingInterface[reconcile.Request]) {
	if client.ObjectKeyFromObject(e.ObjectNew) != c.KeysSecret {
		return
	}
	if e.ObjectNew.GetResourceVersion() == e.ObjectOld.GetResourceVersion() {
		return
	}
	for _, r := range kit.Requests(ctx, c.Client, &v1alpha1.ProductList{}) {
		q.AddAfter(r, keysPause)
	}
}

// writeToken writes the product token into its Secret. The token is the same
// each time, so this changes nothing once it is there.
func (c *Controller) writeToken(ctx context.Context, p *v1alpha1.Product, ready metav1.Condition) (metav1.Condition, error) {
	name := v1alpha1.ProductTokenSecretName(p.Name)
	token, err := c.Keys.Get().Sealing.SealProductToken(c.Clock.Now(),
		secrets.ProductToken{Namespace: p.Namespace, Code: p.Status.Code})
	if err != nil {
		return kit.SecretNotWritten(name), fmt.Errorf("seal the product token: %w", err)
	}
	return c.apply(ctx, p, ready, name, v1alpha1.SecretKeyProductToken, token, &p.Status.TokenSecretRef)
}

// writeWebhookSecret writes the key that signs what is posted to the webhook
// into its Secret, if there is a webhook. It is derived, and so the same each
// time.
func (c *Controller) writeWebhookSecret(ctx context.Context, p *v1alpha1.Product, ready metav1.Condition) (metav1.Condition, error) {
	if p.Spec.Notifications.WebhookURL == "" {
		p.Status.WebhookSecretRef = nil
		return ready, nil
	}
	key := c.Names.WebhookKey(p, c.Names.WebhookRotation(p))
	return c.apply(ctx, p, ready, v1alpha1.WebhookSecretName(p.Name), v1alpha1.SecretKeyWebhook, key.Secret(), &p.Status.WebhookSecretRef)
}

// apply writes one value into a Secret and lets the status refer to it.
func (c *Controller) apply(ctx context.Context, p *v1alpha1.Product, ready metav1.Condition, name, key, value string, ref **v1alpha1.SecretReference) (metav1.Condition, error) {
	err := store.ApplySecret(ctx, c.Client, p, v1alpha1.GroupVersion.WithKind("Product"), name, map[string]string{key: value})
	if errors.Is(err, store.ErrSecretConflict) {
		return kit.SecretConflict(name, key), nil
	}
	if err != nil {
		return kit.SecretNotWritten(name), fmt.Errorf("write the Secret %s: %w", name, err)
	}
	*ref = &v1alpha1.SecretReference{Name: name}
	return ready, nil
}
