// Copyright The license-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package store

import (
	"context"
	"fmt"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/license-operator/license-operator/api/v1alpha1"
	"github.com/license-operator/license-operator/internal/fault"
	"github.com/license-operator/license-operator/internal/licensing"
)

// pageKeyPrefix begins the names of Activations that the activation page makes.
const pageKeyPrefix = "page-"

// PageKey makes an Activation for a Subscription and returns its activation key.
// form is what the activation page was posted: the object's name is derived from
// it, so that posting it again, also at two replicas at once, gives the same key.
// The issue is committed when this returns, so that every replica accepts the
// key at once. What was posted before, and whose key can't be used any more, is
// refused as licensing.KeyUsable does.
func (s *Store) PageKey(ctx context.Context, p *v1alpha1.Product, sub *v1alpha1.Subscription, form string) (key string, err error) {
	ctx, cancel := context.WithTimeout(ctx, writeTimeout)
	defer cancel()
	want := &v1alpha1.Activation{
		ObjectMeta: metav1.ObjectMeta{
			Namespace: sub.Namespace,
			Name:      pageKeyPrefix + s.Names.Identity.HashRegistrationToken(form)[:32],
			Labels:    map[string]string{v1alpha1.LabelPage: v1alpha1.PageActivation},
		},
		Spec: v1alpha1.ActivationSpec{
			SubscriptionRef: v1alpha1.LocalReference{Name: sub.Name},
			Type:            v1alpha1.ActivationTypeKey,
			SecretPolicy:    v1alpha1.SecretPolicyNone,
			State:           v1alpha1.ActivationActive,
		},
	}
	a := want.DeepCopy()
	err = s.live.Create(ctx, a, client.FieldOwner(v1alpha1.FieldOwner))
	if apierrors.IsAlreadyExists(err) {
		a = &v1alpha1.Activation{}
		err = s.live.Get(ctx, client.ObjectKeyFromObject(want), a)
	}
	if err != nil {
		return "", unavailable(fmt.Errorf("make the activation: %w", err))
	}
	if a.Labels[v1alpha1.LabelPage] != v1alpha1.PageActivation || a.Spec.SubscriptionRef != want.Spec.SubscriptionRef || a.Spec.Type != want.Spec.Type {
		return "", fmt.Errorf("the Activation %s/%s exists and is not the page's", a.Namespace, a.Name)
	}
	if key, err = s.Names.ActivationKey(a); err != nil {
		return "", fmt.Errorf("make a key: %w", err)
	}
	if a, err = s.recordIssue(ctx, p, a, s.Names.Identity.HashActivationKey(key)); err != nil {
		return "", err
	}
	if err := licensing.KeyUsable(a, s.clock.Now()); err != nil {
		return "", err
	}
	return key, nil
}

// recordIssue commits the hash of a key and its times where they aren't yet. The
// Activation's controller may be quicker: it derives the same key.
func (s *Store) recordIssue(ctx context.Context, p *v1alpha1.Product, a *v1alpha1.Activation, hash string) (*v1alpha1.Activation, error) {
	for attempt := 0; ; attempt++ {
		if a.Status.KeyHash == hash && a.Status.ExpirationTime != nil {
			return a, nil
		}
		changed := a.DeepCopy()
		now := metav1.NewTime(s.clock.Now())
		changed.Status.KeyHash, changed.Status.IssueTime = hash, &now
		changed.Status.ExpirationTime = &metav1.Time{Time: now.Add(licensing.ActivationLifetime(p, a))}
		meta.SetStatusCondition(&changed.Status.Conditions, metav1.Condition{
			Type: v1alpha1.ConditionIssued, Status: metav1.ConditionTrue, Reason: v1alpha1.ReasonIssued,
			Message: licensing.IssuedMessage(a), ObservedGeneration: a.Generation, LastTransitionTime: now,
		})
		patch := client.MergeFromWithOptions(a, client.MergeFromWithOptimisticLock{})
		err := s.live.Status().Patch(ctx, changed, patch, client.FieldOwner(v1alpha1.FieldOwner))
		if err == nil {
			return changed, nil
		}
		if apierrors.IsNotFound(err) {
			return nil, errGone
		}
		if !apierrors.IsConflict(err) || attempt == redeemAttempts {
			return nil, unavailable(fmt.Errorf("record the issue: %w", err))
		}
		fresh := &v1alpha1.Activation{}
		if err := client.IgnoreNotFound(s.live.Get(ctx, client.ObjectKeyFromObject(a), fresh)); err != nil {
			return nil, unavailable(fmt.Errorf("read the activation again: %w", err))
		}
		if fresh.UID != a.UID {
			return nil, fault.New(fault.ActivationKeyInvalid, "The activation key has been taken back. Load the page again.")
		}
		a = fresh
	}
}
