// Copyright The license-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package store

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/ptr"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/license-operator/license-operator/api/v1alpha1"
	"github.com/license-operator/license-operator/internal/fault"
	"github.com/license-operator/license-operator/internal/licensing"
)

const (
	// redemptionPrecision is how exact lastRedemptionTime is: a key that is
	// used over and over is written once in this time.
	redemptionPrecision = time.Minute
	// redeemAttempts bounds how often a conflict is tried again; each time
	// somebody else has made progress.
	redeemAttempts = 5
	writeTimeout   = 10 * time.Second
)

// errGone: the Activation that a key belongs to has been deleted meanwhile.
var errGone = fault.New(fault.ActivationKeyInvalid, "The activation key is no longer valid. Ask the vendor for another.")

// Redeem records that an Activation's key was used now, and returns only after
// the record is committed: what is answered to the key afterwards can't be
// lost. The returned Activation is the committed one. A key that meanwhile was
// revoked or expired is refused as licensing.KeyUsable does.
func (s *Store) Redeem(ctx context.Context, a *v1alpha1.Activation) (*v1alpha1.Activation, error) {
	ctx, cancel := context.WithTimeout(ctx, writeTimeout)
	defer cancel()
	return s.redeem(ctx, a, redemption{usable: licensing.KeyUsable, gone: errGone, message: "The key has been used"})
}

// redemption is how a key or token is used.
type redemption struct {
	// usable is nil if it may be used now.
	usable func(a *v1alpha1.Activation, now time.Time) error
	// gone is the error of one whose Activation is no longer there.
	gone error
	// record, if there is one, adds to the status that is written.
	record func(a *v1alpha1.Activation, now metav1.Time)
	// message is that of the condition Redeemed.
	message string
}

// redeem records a use and returns the Activation as it is committed.
func (s *Store) redeem(ctx context.Context, a *v1alpha1.Activation, use redemption) (*v1alpha1.Activation, error) {
	for attempt := 0; ; attempt++ {
		now := metav1.NewTime(s.clock.Now())
		if err := use.usable(a, now.Time); err != nil {
			return nil, err
		}
		if last := a.Status.LastRedemptionTime; last != nil && now.Sub(last.Time) < redemptionPrecision {
			return a, nil
		}
		changed := redeemed(a, now, use)
		patch := client.MergeFromWithOptions(a, client.MergeFromWithOptimisticLock{})
		err := s.live.Status().Patch(ctx, changed, patch, client.FieldOwner(v1alpha1.FieldOwner))
		if err == nil {
			return changed, nil
		}
		if apierrors.IsNotFound(err) {
			return nil, use.gone
		}
		if !apierrors.IsConflict(err) || attempt == redeemAttempts {
			return nil, unavailable(fmt.Errorf("record the redemption: %w", err))
		}
		fresh := &v1alpha1.Activation{}
		err = client.IgnoreNotFound(s.live.Get(ctx, client.ObjectKeyFromObject(a), fresh))
		if err != nil {
			return nil, unavailable(fmt.Errorf("read the activation again: %w", err))
		}
		// Another object of that name is another key's.
		if fresh.UID != a.UID || keyHash(fresh) != keyHash(a) {
			return nil, use.gone
		}
		a = fresh
	}
}

// keyHash is the hash of an Activation's key: of one that was made for a token,
// the token's.
func keyHash(a *v1alpha1.Activation) string { return cmp.Or(a.Spec.KeyHash, a.Status.KeyHash) }

// redeemed returns a copy of an Activation that says it was used now.
func redeemed(a *v1alpha1.Activation, now metav1.Time, use redemption) *v1alpha1.Activation {
	changed := a.DeepCopy()
	changed.Status.LastRedemptionTime = &now
	if changed.Status.FirstRedemptionTime == nil {
		changed.Status.FirstRedemptionTime = &now
	}
	meta.SetStatusCondition(&changed.Status.Conditions, metav1.Condition{
		Type: v1alpha1.ConditionRedeemed, Status: metav1.ConditionTrue, Reason: v1alpha1.ReasonRedeemed,
		Message: use.message, ObservedGeneration: a.Generation, LastTransitionTime: now,
	})
	if use.record != nil {
		use.record(changed, now)
	}
	return changed
}

// CustomerKey returns the AccessKey of the customer that an Activation
// activated, making it if need be. Its name is derived, so that the same key
// used twice, also at two replicas at once, gives the same pair. The object is
// committed with its id in the status when this returns. One that the vendor has
// set Inactive is not handed out again: ActivationKeyInvalid.
func (s *Store) CustomerKey(ctx context.Context, a *v1alpha1.Activation) (*v1alpha1.AccessKey, error) {
	ctx, cancel := context.WithTimeout(ctx, writeTimeout)
	defer cancel()
	want := s.customerKey(a)
	// The API server is asked, not the cache: a pair whose object was deleted a
	// moment ago must not be answered.
	k := &v1alpha1.AccessKey{}
	err := s.live.Get(ctx, client.ObjectKeyFromObject(want), k)
	if apierrors.IsNotFound(err) {
		k = want
		err = s.live.Create(ctx, k, client.FieldOwner(v1alpha1.FieldOwner))
		if apierrors.IsAlreadyExists(err) {
			k = &v1alpha1.AccessKey{}
			err = s.live.Get(ctx, client.ObjectKeyFromObject(want), k)
		}
	}
	if err != nil {
		return nil, unavailable(fmt.Errorf("read or make the access key: %w", err))
	}
	if !k.DeletionTimestamp.IsZero() {
		return nil, unavailable(errors.New("the access key is being deleted"))
	}
	if k.Spec.Type != v1alpha1.AccessKeyCustomer || !refersTo(k.Spec.SubscriptionRef, a.Spec.SubscriptionRef.Name) ||
		!refersTo(k.Spec.ActivationRef, a.Name) {
		return nil, fmt.Errorf("the AccessKey %s/%s exists and is not the customer's", k.Namespace, k.Name)
	}
	if k.Spec.State == v1alpha1.AccessKeyInactive {
		return nil, fault.New(fault.ActivationKeyInvalid,
			"The access key that this activation key gave has been revoked. Ask the vendor for another activation key.")
	}
	return k, s.recordKeyID(ctx, k)
}

func refersTo(ref *v1alpha1.LocalReference, name string) bool { return ref != nil && ref.Name == name }

func (s *Store) customerKey(a *v1alpha1.Activation) *v1alpha1.AccessKey {
	sub := a.Spec.SubscriptionRef.Name
	return &v1alpha1.AccessKey{
		ObjectMeta: metav1.ObjectMeta{
			Namespace: a.Namespace,
			Name:      s.Names.Identity.ActivatedKeyName(a.Namespace, sub, a.Name),
			Labels:    map[string]string{v1alpha1.LabelSubscription: sub, v1alpha1.LabelActivation: a.Name},
		},
		Spec: v1alpha1.AccessKeySpec{
			Type:            v1alpha1.AccessKeyCustomer,
			SubscriptionRef: &v1alpha1.LocalReference{Name: sub},
			ActivationRef:   &v1alpha1.LocalReference{Name: a.Name},
			Rotation:        ptr.To[int32](1),
			State:           v1alpha1.AccessKeyActive,
			SecretPolicy:    v1alpha1.SecretPolicyNone,
		},
	}
}

// recordKeyID commits the id into the status where it isn't yet: by it another
// replica finds the key that its cache doesn't hold.
func (s *Store) recordKeyID(ctx context.Context, k *v1alpha1.AccessKey) error {
	if k.Status.AccessKeyID != "" {
		return nil
	}
	before := k.DeepCopy()
	k.Status.Rotation = licensing.Rotation(k)
	k.Status.AccessKeyID = s.Names.AccessKeyID(k, k.Status.Rotation)
	err := s.live.Status().Patch(ctx, k, client.MergeFromWithOptions(before, client.MergeFromWithOptimisticLock{}), client.FieldOwner(v1alpha1.FieldOwner))
	if apierrors.IsConflict(err) {
		// The controller was quicker: then it is on record.
		if err = s.live.Get(ctx, client.ObjectKeyFromObject(before), k); err == nil && k.Status.AccessKeyID == "" {
			err = errors.New("others keep changing it")
		}
	}
	if err != nil {
		return unavailable(fmt.Errorf("record the access key's id: %w", err))
	}
	return nil
}
