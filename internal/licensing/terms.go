// Copyright The license-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package licensing

import (
	"slices"
	"time"

	"k8s.io/utils/ptr"

	"github.com/license-operator/license-operator/api/v1alpha1"
	"github.com/license-operator/license-operator/internal/fault"
)

// The lifetimes of checkouts that a Product without them has, in minutes: the
// defaults of its schema.
const (
	defaultProvisionalMinutes = 60
	defaultBorrowMinutes      = 1440
)

// ProvisionalMinutes is how many minutes a Provisional checkout of a Product
// lives at most.
func ProvisionalMinutes(product *v1alpha1.Product) int32 {
	return ptr.Deref(product.Spec.License.Provisional.MaxTimeToLiveMinutes, defaultProvisionalMinutes)
}

// BorrowMinutes is how many minutes a Borrow checkout lives at most.
func BorrowMinutes(terms *v1alpha1.BorrowTerms) int32 {
	return ptr.Deref(terms.MaxTimeToLiveMinutes, defaultBorrowMinutes)
}

// CheckoutLifetime is how long a checkout of a type lives: own minutes if it
// asks for some, at most what the Product allows; 0 for Perpetual, which never
// expires, and for a Borrow of a Product that allows none.
func CheckoutLifetime(product *v1alpha1.Product, kind v1alpha1.CheckoutType, own *int32) time.Duration {
	var minutes int32
	switch kind {
	case v1alpha1.CheckoutPerpetual:
		return 0
	case v1alpha1.CheckoutBorrow:
		if product.Spec.License.Borrow == nil {
			return 0
		}
		minutes = BorrowMinutes(product.Spec.License.Borrow)
	default:
		minutes = ProvisionalMinutes(product)
	}
	if own != nil {
		minutes = min(minutes, *own)
	}
	return time.Duration(minutes) * time.Minute
}

// NotAfter is when a Subscription ends, grace included: no checkout of it may
// live longer. Zero is never.
func NotAfter(sub *v1alpha1.Subscription) time.Time {
	if sub.Spec.EndTime == nil {
		return time.Time{}
	}
	grace := ptr.Deref(sub.Spec.GracePeriodSeconds, 0)
	return sub.Spec.EndTime.Add(time.Duration(grace) * time.Second)
}

// CheckBorrow is nil if the Product's licences may be borrowed, else the fault
// BorrowNotAllowed.
func CheckBorrow(product *v1alpha1.Product) error {
	if product.Spec.License.Borrow != nil {
		return nil
	}
	return fault.New(fault.BorrowNotAllowed,
		"The licence may not be borrowed; ask the vendor to set `spec.license.borrow` of the Product.")
}

// Return is what decides whether a checkout may be given back early.
type Return struct {
	// Product, or nil if it is gone; then only the type decides.
	Product      *v1alpha1.Product
	Subscription *v1alpha1.Subscription
	Type         v1alpha1.CheckoutType
	// Names are the entitlements that the checkout holds.
	Names []string
	// ExpirationTime of the checkout; zero for never.
	ExpirationTime time.Time
}

// CheckIn is nil if a checkout may be given back now, else the fault Conflict
// that says when it comes back.
func CheckIn(r Return, now time.Time) error {
	if r.Type == v1alpha1.CheckoutPerpetual {
		next := time.Time{}
		if r.Product != nil {
			next = NextRenewal(r.Product, r.Subscription, now)
		}
		if next.IsZero() {
			return fault.New(fault.Conflict, "The checkout is perpetual: what it drew down does not come back.")
		}
		return fault.New(fault.Conflict, "The checkout is perpetual: what it drew down comes back when the licence is renewed, at %s.", stamp(next))
	}
	if r.Product == nil {
		return nil
	}
	if b := r.Product.Spec.License.Borrow; r.Type == v1alpha1.CheckoutBorrow && b != nil && b.EarlyCheckIn == v1alpha1.Forbidden {
		return fault.New(fault.Conflict, "The licence forbids giving back early what is borrowed: it comes back at %s.", stamp(r.ExpirationTime))
	}
	for _, e := range r.Product.Spec.License.Entitlements {
		if e.CheckIn == v1alpha1.Forbidden && slices.Contains(r.Names, e.Name) {
			return fault.New(fault.Conflict, "The licence forbids giving %q back early: it comes back at %s.", e.Name, stamp(r.ExpirationTime))
		}
	}
	return nil
}

func stamp(t time.Time) string { return t.UTC().Format(time.RFC3339) }

// The statuses of a licence in the words of AWS License Manager (LicenseStatus
// of its API model).
const (
	LicenseAvailable        = "AVAILABLE"
	LicensePendingAvailable = "PENDING_AVAILABLE"
	LicenseDeactivated      = "DEACTIVATED"
	LicenseSuspended        = "SUSPENDED"
	LicenseExpired          = "EXPIRED"
)

// LicenseStatus is the status of the licence of a Subscription that stands so.
func LicenseStatus(s Standing) string {
	switch s.Reason {
	case v1alpha1.ReasonActive, v1alpha1.ReasonInGracePeriod:
		return LicenseAvailable
	case v1alpha1.ReasonPaymentPending, v1alpha1.ReasonNotStarted:
		return LicensePendingAvailable
	case v1alpha1.ReasonSuspended:
		return LicenseSuspended
	case v1alpha1.ReasonExpired:
		return LicenseExpired
	default:
		return LicenseDeactivated
	}
}

// NotSubscribed is the fault NotEntitled of a Subscription that stands so: it
// tells whoever asks for seats why there are none.
func NotSubscribed(s Standing) *fault.Error {
	var why string
	switch s.Reason {
	case v1alpha1.ReasonPaymentPending:
		why = "its payment is pending"
	case v1alpha1.ReasonNotStarted:
		why = "its term has not begun"
	case v1alpha1.ReasonSuspended:
		why = "it is suspended"
	case v1alpha1.ReasonExpired:
		why = "its term is over"
	case v1alpha1.ReasonProductNotFound:
		why = "its product no longer exists"
	default:
		why = "it has been cancelled"
	}
	return fault.New(fault.NotEntitled, "The licence can't be used: %s. Ask the vendor about it.", why)
}
