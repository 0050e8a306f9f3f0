// Copyright The license-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package store

import (
	"context"
	"fmt"
	"time"

	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/ptr"

	"github.com/license-operator/license-operator/api/v1alpha1"
	"github.com/license-operator/license-operator/internal/fault"
	"github.com/license-operator/license-operator/internal/licensing"
	"github.com/license-operator/license-operator/internal/secrets"
)

// registrationPrefix begins, and registrationHash characters of the token's hash
// end, the name of an Activation that stands for a token of the registration
// page: 160 bits, so that nobody finds two tokens of one name.
const (
	registrationPrefix = "registration-"
	registrationHash   = 40
)

// RegistrationName is the name of the Activation of a token of the registration
// page whose hash is this, of 64 characters. It is derived, so that of several
// replicas only one makes it.
func RegistrationName(hash string) string { return registrationPrefix + hash[:registrationHash] }

// Registration is a registration token that is authentic.
type Registration struct {
	// Namespace is the vendor's. Subscription is the name of the object.
	Namespace, Subscription string

	// activation is the token's; nil for a token of the registration page, which
	// has one only once it has been resolved.
	activation *v1alpha1.Activation
	// hash and claims are those of a token of the registration page.
	hash   string
	claims secrets.RegistrationClaims
}

// For says whether the token is for the Subscription when it is this party's. A
// token of an Activation goes with the object.
func (r *Registration) For(party secrets.Party) bool {
	return r.activation != nil || r.claims.Party == party
}

var errRegistrationGone = fault.New(fault.RegistrationTokenInvalid,
	"The registration token is no longer valid. Send the buyer to the registration page again.")

// RegistrationByToken reads a registration token: that of an Activation, or one
// of the registration page, which is sealed and says itself what it is for. It
// is nil for what is neither.
func (s *Store) RegistrationByToken(ctx context.Context, sealing *secrets.Keyring, token string) (*Registration, error) {
	if !s.Names.Identity.AuthenticRegistrationToken(token) {
		claims, err := sealing.OpenRegistrationToken(token)
		if err != nil {
			return nil, nil //nolint:nilerr // A token that can't be opened is none.
		}
		return &Registration{Namespace: claims.Namespace, Subscription: claims.Subscription,
			hash: s.Names.Identity.HashRegistrationToken(token), claims: claims}, nil
	}
	a, err := s.activationByHash(ctx, s.Names.Identity.HashRegistrationToken(token), func(a *v1alpha1.Activation) bool {
		own, err := s.Names.RegistrationToken(a)
		return err == nil && own == token
	})
	if a == nil || a.Spec.Type != v1alpha1.ActivationTypeRegistration {
		return nil, err
	}
	return &Registration{Namespace: a.Namespace, Subscription: a.Spec.SubscriptionRef.Name, activation: a}, nil
}

// Resolve records that a registration token is resolved now, and returns only
// after the record is committed. Of a token of the registration page the
// Activation is made first; where there are MaxPageTokens it is Throttled. A token
// that was for one use is resolved once, at whatever replica. Faults are those of
// licensing.RegistrationUsable.
func (s *Store) Resolve(ctx context.Context, r *Registration, use v1alpha1.TokenUse) error {
	ctx, cancel := context.WithTimeout(ctx, writeTimeout)
	defer cancel()
	if r.activation == nil && r.claims.Expired(s.clock.Now()) {
		// Nothing is made for what can't be resolved.
		return licensing.RegistrationUsable(licensing.RegistrationUse{Expiration: r.claims.Expiration}, s.clock.Now())
	}
	a := r.activation
	if a == nil {
		var err error
		if a, err = s.registrationActivation(ctx, r); err != nil {
			return err
		}
	}
	_, err := s.redeem(ctx, a, redemption{
		usable: func(a *v1alpha1.Activation, now time.Time) error {
			expiration := r.claims.Expiration
			if r.activation != nil {
				expiration = ptr.Deref(a.Status.ExpirationTime, metav1.Time{}).Time
			}
			return licensing.RegistrationUsable(licensing.RegistrationUse{Activation: a, Use: use, Expiration: expiration}, now)
		},
		gone: errRegistrationGone,
		record: func(a *v1alpha1.Activation, now metav1.Time) {
			if r.activation == nil {
				r.issued(a, now)
			}
		},
		message: "The token has been resolved",
	})
	return err
}

// registrationActivation is the Activation that stands for a token of the
// registration page, which is made if need be.
func (s *Store) registrationActivation(ctx context.Context, r *Registration) (*v1alpha1.Activation, error) {
	want := &v1alpha1.Activation{
		ObjectMeta: metav1.ObjectMeta{
			Namespace: r.Namespace, Name: RegistrationName(r.hash),
			Labels: map[string]string{v1alpha1.LabelPage: v1alpha1.PageRegistration},
		},
		Spec: v1alpha1.ActivationSpec{
			SubscriptionRef: v1alpha1.LocalReference{Name: r.Subscription},
			Type:            v1alpha1.ActivationTypeRegistration,
			LifetimeSeconds: ptr.To(licensing.RegistrationLifetime(r.claims.IssueTime, r.claims.Expiration)),
			SecretPolicy:    v1alpha1.SecretPolicyNone,
			KeyHash:         r.hash,
			State:           v1alpha1.ActivationActive,
		},
	}
	a, err := s.Activation(ctx, r.Namespace, want.Name)
	if err != nil {
		return nil, err
	}
	if a == nil {
		if a, err = s.makeOnce(ctx, want, MaxPageTokens); err != nil {
			return nil, err
		}
	}
	if a == nil {
		return nil, fault.New(fault.Throttled,
			"%d tokens of the registration page have been resolved for this Subscription within 24 hours, and no more may be. Try again later.", MaxPageTokens)
	}
	if a.Spec.KeyHash != r.hash || a.Spec.SubscriptionRef.Name != r.Subscription || a.Spec.Type != v1alpha1.ActivationTypeRegistration {
		return nil, fmt.Errorf("the Activation %s/%s exists and is not the registration token's", a.Namespace, a.Name)
	}
	return a, nil
}

// issued says what the token itself says of its time.
func (r *Registration) issued(a *v1alpha1.Activation, now metav1.Time) {
	a.Status.KeyHash = r.hash
	a.Status.IssueTime = &metav1.Time{Time: r.claims.IssueTime}
	a.Status.ExpirationTime = &metav1.Time{Time: r.claims.Expiration}
	meta.SetStatusCondition(&a.Status.Conditions, metav1.Condition{
		Type: v1alpha1.ConditionIssued, Status: metav1.ConditionTrue, Reason: v1alpha1.ReasonIssued,
		Message: licensing.IssuedMessage(a), ObservedGeneration: a.Generation, LastTransitionTime: now,
	})
}
