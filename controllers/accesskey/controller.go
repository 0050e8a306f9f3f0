// Copyright The license-operator Authors.
// SPDX-License-Identifier: Apache-2.0

// Package accesskey reconciles AccessKeys: it derives the pair, writes it into
// a Secret and records a rotation's overlap.
package accesskey

import (
	"context"
	"errors"
	"fmt"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/builder"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/handler"
	"sigs.k8s.io/controller-runtime/pkg/manager"
	"sigs.k8s.io/controller-runtime/pkg/predicate"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"

	"github.com/license-operator/license-operator/api/v1alpha1"
	"github.com/license-operator/license-operator/controllers/kit"
	"github.com/license-operator/license-operator/internal/licensing"
	"github.com/license-operator/license-operator/internal/store"
)

// Controller reconciles AccessKeys.
type Controller struct {
	kit.Kit
	Names store.Names
}

// Setup adds the controller to a manager.
func (c *Controller) Setup(mgr manager.Manager) error {
	return builder.ControllerManagedBy(mgr).
		For(&v1alpha1.AccessKey{}, builder.WithPredicates(predicate.GenerationChangedPredicate{})).
		Watches(&v1alpha1.Subscription{}, handler.EnqueueRequestsFromMapFunc(c.ofSubscription),
			builder.WithPredicates(kit.CreatedOrDeleted())).
		Watches(&v1alpha1.Activation{}, handler.EnqueueRequestsFromMapFunc(c.ofActivation),
			builder.WithPredicates(predicate.GenerationChangedPredicate{})).
		Named("accesskey").
		Complete(reconcile.AsReconciler(c.Client, c))
}

// Reconcile brings one AccessKey's status and Secret in step.
func (c *Controller) Reconcile(ctx context.Context, k *v1alpha1.AccessKey) (reconcile.Result, error) {
	base := k.DeepCopy()
	c.rotate(k)
	ready, err := c.judge(ctx, k)
	if err != nil {
		return reconcile.Result{}, err
	}
	if base.Status.AccessKeyID != k.Status.AccessKeyID {
		// The id is on record before anybody can read it in the Secret: by it a
		// replica finds the key that its cache does not hold yet.
		if err := c.PatchStatus(ctx, base, k, base.Status, k.Status); err != nil {
			return kit.Retry(err)
		}
		base = k.DeepCopy()
	}
	obstacle, failure := c.writePair(ctx, k)
	if obstacle != nil && ready.Status == metav1.ConditionTrue {
		ready = *obstacle
	}
	changed := c.Set(k, &k.Status.Conditions, ready)
	k.Status.ObservedGeneration = k.Generation
	if err := c.PatchStatus(ctx, base, k, base.Status, k.Status); err != nil {
		return kit.Retry(err)
	}
	if changed {
		c.Emit(k, []kit.Event{readyChanged(ready)})
	}
	if failure != nil {
		return reconcile.Result{}, failure
	}
	return reconcile.Result{RequeueAfter: c.next(k, obstacle != nil)}, nil
}

// rotate records which pair is the current one, and until when the one before
// is accepted.
func (c *Controller) rotate(k *v1alpha1.AccessKey) {
	now := c.Clock.Now()
	if before, pending := licensing.PendingRotation(k); pending {
		overlap := time.Duration(*k.Spec.OverlapSeconds) * time.Second
		k.Status.Previous = &v1alpha1.PreviousAccessKey{
			AccessKeyID: c.Names.AccessKeyID(k, before), Rotation: before,
			ExpirationTime: metav1.NewTime(now.Add(overlap)),
		}
	} else if k.Status.Rotation != 0 && k.Status.Rotation != licensing.Rotation(k) {
		k.Status.Previous = nil
	}
	if p := k.Status.Previous; p != nil && (!licensing.Overlaps(k) || !now.Before(p.ExpirationTime.Time)) {
		k.Status.Previous = nil
	}
	k.Status.Rotation = licensing.Rotation(k)
	k.Status.AccessKeyID = c.Names.AccessKeyID(k, k.Status.Rotation)
}

// judge says whether the key may sign.
func (c *Controller) judge(ctx context.Context, k *v1alpha1.AccessKey) (metav1.Condition, error) {
	refuse := func(reason, message string) (metav1.Condition, error) {
		return kit.Condition(v1alpha1.ConditionReady, metav1.ConditionFalse, reason, message), nil
	}
	if k.Spec.State == v1alpha1.AccessKeyInactive {
		return refuse(v1alpha1.ReasonInactive, "`spec.state` is Inactive; set it to Active to accept the key again")
	}
	if ref := k.Spec.SubscriptionRef; ref != nil {
		err := c.Client.Get(ctx, client.ObjectKey{Namespace: k.Namespace, Name: ref.Name}, &v1alpha1.Subscription{})
		if apierrors.IsNotFound(err) {
			return refuse(v1alpha1.ReasonSubscriptionNotFound,
				"The Subscription in `spec.subscriptionRef` does not exist in this namespace; apply it, and the key is accepted")
		}
		if err != nil {
			return metav1.Condition{}, err
		}
	}
	if ref := k.Spec.ActivationRef; ref != nil {
		a := &v1alpha1.Activation{}
		err := c.Client.Get(ctx, client.ObjectKey{Namespace: k.Namespace, Name: ref.Name}, a)
		if err == nil && licensing.Revoked(a) {
			return refuse(v1alpha1.ReasonRevoked, "The Activation in `spec.activationRef` is Revoked; the key is refused")
		}
		if client.IgnoreNotFound(err) != nil {
			return metav1.Condition{}, err
		}
	}
	return kit.Condition(v1alpha1.ConditionReady, metav1.ConditionTrue, v1alpha1.ReasonReady, "The key may sign"), nil
}

// writePair writes the pair into its Secret. It is derived, so this changes
// nothing once it is there. An obstacle is what the condition says of a Secret
// that can't be written.
func (c *Controller) writePair(ctx context.Context, k *v1alpha1.AccessKey) (obstacle *metav1.Condition, err error) {
	if k.Spec.SecretPolicy == v1alpha1.SecretPolicyNone {
		k.Status.SecretRef = nil
		return nil, nil
	}
	name := v1alpha1.AccessKeySecretName(k.Name)
	err = store.ApplySecret(ctx, c.Client, k, v1alpha1.GroupVersion.WithKind("AccessKey"), name, map[string]string{
		v1alpha1.SecretKeyAccessKeyID:     k.Status.AccessKeyID,
		v1alpha1.SecretKeySecretAccessKey: c.Names.SecretAccessKey(k, k.Status.Rotation),
	})
	if errors.Is(err, store.ErrSecretConflict) {
		refused := kit.SecretConflict(name, v1alpha1.SecretKeySecretAccessKey)
		return &refused, nil
	}
	if err != nil {
		refused := kit.SecretNotWritten(name)
		return &refused, fmt.Errorf("write the Secret %s: %w", name, err)
	}
	k.Status.SecretRef = &v1alpha1.SecretReference{Name: name}
	return nil, nil
}

// next is when time alone asks for another look.
func (c *Controller) next(k *v1alpha1.AccessKey, conflict bool) time.Duration {
	var after time.Duration
	switch {
	case conflict:
		after = kit.SecretConflictPause
	case k.Spec.SecretPolicy != v1alpha1.SecretPolicyNone:
		after = kit.ReapplyInterval
	}
	if p := k.Status.Previous; p != nil {
		until := max(p.ExpirationTime.Sub(c.Clock.Now()), 1)
		if after == 0 || until < after {
			after = until
		}
	}
	return after
}

// readyChanged tells that the key may or may not sign from now on.
func readyChanged(ready metav1.Condition) kit.Event {
	kind := corev1.EventTypeNormal
	if ready.Status != metav1.ConditionTrue {
		kind = corev1.EventTypeWarning
	}
	return kit.Event{Type: kind, Reason: ready.Reason, Action: "Authorize", Note: ready.Message}
}

func (c *Controller) ofSubscription(ctx context.Context, sub client.Object) []reconcile.Request {
	return kit.Requests(ctx, c.Client, &v1alpha1.AccessKeyList{}, client.InNamespace(sub.GetNamespace()),
		client.MatchingFields{store.IndexAccessKeySubscription: sub.GetName()})
}

func (c *Controller) ofActivation(ctx context.Context, a client.Object) []reconcile.Request {
	return kit.Requests(ctx, c.Client, &v1alpha1.AccessKeyList{}, client.InNamespace(a.GetNamespace()),
		client.MatchingFields{store.IndexAccessKeyActivation: a.GetName()})
}
