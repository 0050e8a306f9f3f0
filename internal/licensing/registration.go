// Copyright The license-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package licensing

import (
	"time"

	"github.com/license-operator/license-operator/api/v1alpha1"
	"github.com/license-operator/license-operator/internal/fault"
)

// RegistrationUse is what decides whether a registration token may be resolved.
type RegistrationUse struct {
	// Activation is the token's.
	Activation *v1alpha1.Activation
	// Use is the Product's; "" is Reusable.
	Use v1alpha1.TokenUse
	// Expiration is from when on the token can't be resolved.
	Expiration time.Time
}

// RegistrationUsable is nil if a token may be resolved now, else the fault
// RegistrationTokenInvalid for a revoked one or RegistrationTokenExpired, also
// for one that was for one use and has been used (API reference of
// ResolveCustomer: "the buyer has resubmitted the registration token").
func RegistrationUsable(u RegistrationUse, now time.Time) error {
	if Revoked(u.Activation) {
		return fault.New(fault.RegistrationTokenInvalid, "The registration token is invalid: it has been revoked. Send the buyer to the registration page again.")
	}
	if !now.Before(u.Expiration) {
		return fault.New(fault.RegistrationTokenExpired, "The registration token has expired. Send the buyer to the registration page again.")
	}
	if u.Use == v1alpha1.TokenUseOnce && u.Activation.Status.FirstRedemptionTime != nil {
		return fault.New(fault.RegistrationTokenExpired, "The registration token has expired: it was for one use and has been resolved. Send the buyer to the registration page again.")
	}
	return nil
}

// RegistrationLifetime is the lifetimeSeconds of the Activation that stands for
// a token of the registration page with these times, within the bounds of the
// field.
func RegistrationLifetime(issued, expires time.Time) int32 {
	const least, most = 60, 31536000
	return int32(min(max(expires.Sub(issued)/time.Second, least), most))
}
