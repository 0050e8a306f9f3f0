// Copyright The license-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package store

import (
	"context"
	"fmt"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/license-operator/license-operator/api/v1alpha1"
	"github.com/license-operator/license-operator/internal/fault"
	"github.com/license-operator/license-operator/internal/licensing"
)

// How many objects the pages of one Subscription make within pageWindow. They
// are counted in the cache, so a few more may be made at once. MaxPageKeys does
// not count keys that are of no use any more.
const (
	MaxPageKeys   = 20
	MaxPageTokens = 200

	pageWindow = 24 * time.Hour
)

// pageKeyPrefix begins the names of Activations that the activation page makes.
const pageKeyPrefix = "page-"

// PageKey makes an Activation for a Subscription and returns its activation key.
// form is what the activation page was posted: the object's name is derived from
// it, so that posting it again, also at two replicas at once, gives the same key.
// The issue is committed when this returns, so that every replica accepts the
// key at once. What was posted before, and whose key can't be used any more, is
// refused as licensing.KeyUsable does. Where MaxPageKeys are there, another form
// is Throttled.
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
	a, err := s.makeOnce(ctx, want, MaxPageKeys)
	if err != nil {
		return "", err
	}
	if a == nil {
		return "", fault.New(fault.Throttled, "Too many keys have been handed out today. Use one of them, or try again tomorrow.")
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

// makeOnce makes an Activation of a page, or reads the one that has its name. It
// is nil if that isn't there and the page has made its most for the Subscription.
func (s *Store) makeOnce(ctx context.Context, want *v1alpha1.Activation, most int) (*v1alpha1.Activation, error) {
	many, err := s.pageMade(ctx, want)
	if err != nil {
		return nil, err
	}
	a := want.DeepCopy()
	if many < most {
		err = s.live.Create(ctx, a, client.FieldOwner(v1alpha1.FieldOwner))
	}
	if many >= most || apierrors.IsAlreadyExists(err) {
		a = &v1alpha1.Activation{}
		err = s.live.Get(ctx, client.ObjectKeyFromObject(want), a)
	}
	switch {
	case many >= most && apierrors.IsNotFound(err):
		return nil, nil
	case err != nil:
		return nil, unavailable(fmt.Errorf("make or read the page's Activation: %w", err))
	}
	return a, nil
}

// pageMade counts the Activations that the page of one has lately made for its
// Subscription and that are still of use.
func (s *Store) pageMade(ctx context.Context, like *v1alpha1.Activation) (int, error) {
	page := like.Labels[v1alpha1.LabelPage]
	list, err := listOf(ctx, s.cache, &v1alpha1.ActivationList{}, like.Namespace, IndexActivationSubscription, like.Spec.SubscriptionRef.Name)
	if err != nil {
		return 0, fmt.Errorf("read from the cache: %w", err)
	}
	now, count := s.clock.Now(), 0
	for i := range list.Items {
		a := &list.Items[i]
		if a.Labels[v1alpha1.LabelPage] != page {
			continue
		}
		// A token may have been shown long before its Activation was made.
		made := a.Status.IssueTime
		if page == v1alpha1.PageRegistration {
			made = a.Status.FirstRedemptionTime
		}
		if made == nil {
			made = &a.CreationTimestamp
		}
		useless := licensing.PageUseless(a)
		if now.Sub(made.Time) < pageWindow && (useless.IsZero() || now.Before(useless)) {
			count++
		}
	}
	return count, nil
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
