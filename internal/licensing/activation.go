// Copyright The license-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package licensing

import (
	"time"

	"github.com/license-operator/license-operator/api/v1alpha1"
	"github.com/license-operator/license-operator/internal/fault"
)

const (
	defaultKeyLifetime   = time.Hour
	defaultTokenLifetime = 4 * time.Hour
)

// ActivationLifetime is how long an Activation's key or token can be used:
// what it asks for, at most what the Product allows.
func ActivationLifetime(product *v1alpha1.Product, a *v1alpha1.Activation) time.Duration {
	limit := defaultKeyLifetime
	seconds := product.Spec.Activation.KeyLifetimeSeconds
	if a.Spec.Type == v1alpha1.ActivationTypeRegistration {
		limit, seconds = defaultTokenLifetime, product.Spec.Registration.TokenLifetimeSeconds
	}
	if seconds != nil {
		limit = time.Duration(*seconds) * time.Second
	}
	if own := a.Spec.LifetimeSeconds; own != nil {
		return min(limit, time.Duration(*own)*time.Second)
	}
	return limit
}

// IssuedMessage is what the condition Issued says of an Activation's key.
func IssuedMessage(a *v1alpha1.Activation) string {
	if a.Spec.SecretPolicy == v1alpha1.SecretPolicyNone {
		return "The key has been handed out and is in no Secret"
	}
	return "The key is in its Secret"
}

// pageKept is how long an Activation that a page has made is kept after its key
// has expired, for those who look.
const pageKept = 24 * time.Hour

// PageUseless is from when on an Activation that a page has made is of no use:
// its key has expired and has activated nothing. A key that was redeemed stays,
// since what it activated can be taken back by it; a registration token
// activates nothing. One whose key was never issued would have expired a lifetime
// after it was made: its own or the default one. It is zero where that time does
// not come.
func PageUseless(a *v1alpha1.Activation) time.Time {
	token := a.Spec.Type == v1alpha1.ActivationTypeRegistration
	switch {
	case a.Labels[v1alpha1.LabelPage] == "" || (!token && a.Status.FirstRedemptionTime != nil):
		return time.Time{}
	case a.Status.ExpirationTime != nil:
		return a.Status.ExpirationTime.Add(pageKept)
	case a.Spec.LifetimeSeconds != nil:
		// Not the Product's limit: a token that was revoked must stay as long as
		// it says itself that it lives.
		return a.CreationTimestamp.Add(time.Duration(*a.Spec.LifetimeSeconds)*time.Second + pageKept)
	default:
		return a.CreationTimestamp.Add(ActivationLifetime(&v1alpha1.Product{}, a) + pageKept)
	}
}

// KeyUsable says whether an Activation's key may be used now. The answer is
// nil, ActivationKeyInvalid for a revoked one or ActivationKeyExpired.
func KeyUsable(a *v1alpha1.Activation, now time.Time) error {
	if Revoked(a) {
		return fault.New(fault.ActivationKeyInvalid, "The activation key has been revoked. Ask the vendor for another.")
	}
	if a.Status.IssueTime == nil || a.Status.ExpirationTime == nil || !now.Before(a.Status.ExpirationTime.Time) {
		return fault.New(fault.ActivationKeyExpired, "The activation key has expired. Ask the vendor for another.")
	}
	return nil
}

// Revoked says whether what was activated with an Activation may no longer be
// used. One that does not exist is not revoked: keys live an hour, what they
// activated lives on.
func Revoked(a *v1alpha1.Activation) bool {
	return a != nil && a.Spec.State == v1alpha1.ActivationRevoked
}

// UserTokenExpiration is when a user token issued now expires: after what the
// caller asks for (0 for nothing), at most what the Product allows; zero for
// never.
func UserTokenExpiration(product *v1alpha1.Product, asked time.Duration, now time.Time) time.Time {
	lifetime := asked
	if limit := product.Spec.Activation.UserTokenLifetimeSeconds; limit != nil {
		most := time.Duration(*limit) * time.Second
		if lifetime == 0 || lifetime > most {
			lifetime = most
		}
	}
	if lifetime == 0 {
		return time.Time{}
	}
	return now.Add(lifetime)
}

// AcceptedRotation is the rotation whose pair an access key id belongs to, if
// that pair may sign now. idOf derives the id of a rotation of this AccessKey.
// One that is deleted and only waits for a finalizer, as after a foreground
// deletion, may not sign any more.
func AcceptedRotation(k *v1alpha1.AccessKey, id string, idOf func(rotation int32) string, now time.Time) (int32, bool) {
	if k.Spec.State == v1alpha1.AccessKeyInactive || !k.DeletionTimestamp.IsZero() {
		return 0, false
	}
	rotation := Rotation(k)
	if id == idOf(rotation) {
		return rotation, true
	}
	if before, pending := PendingRotation(k); pending && id == idOf(before) {
		return before, true
	}
	if p := k.Status.Previous; p != nil && Overlaps(k) && id == p.AccessKeyID && id == idOf(p.Rotation) && now.Before(p.ExpirationTime.Time) {
		return p.Rotation, true
	}
	return 0, false
}

// Rotation is the rotation that an AccessKey's spec asks for.
func Rotation(k *v1alpha1.AccessKey) int32 {
	if k.Spec.Rotation == nil {
		return 1
	}
	return *k.Spec.Rotation
}

// PendingRotation is the rotation before the one asked for, while the
// controller has not recorded the change yet and an overlap is asked for: its
// pair must not be refused in between.
func PendingRotation(k *v1alpha1.AccessKey) (int32, bool) {
	before := k.Status.Rotation
	return before, before != 0 && before != Rotation(k) && Overlaps(k)
}

// Overlaps says whether the pair before a rotation may be accepted for a while.
// Taking the overlap back ends it at once: that pair may have leaked.
func Overlaps(k *v1alpha1.AccessKey) bool {
	overlap := k.Spec.OverlapSeconds
	return overlap != nil && *overlap > 0
}
