// Copyright The license-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package builder

import (
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/ptr"

	"github.com/license-operator/license-operator/api/v1alpha1"
)

// SubscriptionBuilder builds a Subscription.
type SubscriptionBuilder struct {
	object[*SubscriptionBuilder, *v1alpha1.Subscription]
}

// Subscription starts an Active Subscription to a Product, with no end.
func Subscription(name, product string) *SubscriptionBuilder {
	b := &SubscriptionBuilder{}
	b.self, b.build = b, &v1alpha1.Subscription{
		ObjectMeta: metav1.ObjectMeta{Name: name},
		Spec: v1alpha1.SubscriptionSpec{
			ProductRef: v1alpha1.LocalReference{Name: product},
			State:      v1alpha1.SubscriptionActive,
		},
	}
	return b
}

// WithCustomer sets the customer's identifier.
func (b *SubscriptionBuilder) WithCustomer(identifier string) *SubscriptionBuilder {
	b.build.Spec.Customer.Identifier = identifier
	return b
}

// WithAccountID sets the 12 digits of the customer's account.
func (b *SubscriptionBuilder) WithAccountID(digits string) *SubscriptionBuilder {
	b.build.Spec.Customer.AccountID = digits
	return b
}

// WithDisplayName sets the customer's name that people read.
func (b *SubscriptionBuilder) WithDisplayName(name string) *SubscriptionBuilder {
	b.build.Spec.Customer.DisplayName = name
	return b
}

// InState sets what billing has decided.
func (b *SubscriptionBuilder) InState(state v1alpha1.SubscriptionState) *SubscriptionBuilder {
	b.build.Spec.State = state
	return b
}

// FreeTrial makes it one that is free of charge.
func (b *SubscriptionBuilder) FreeTrial() *SubscriptionBuilder {
	b.build.Spec.OfferType = v1alpha1.OfferFreeTrial
	return b
}

// StartingAt sets the beginning of the term, to the second.
func (b *SubscriptionBuilder) StartingAt(start time.Time) *SubscriptionBuilder {
	b.build.Spec.StartTime = ptr.To(metav1.NewTime(start.Truncate(time.Second)))
	return b
}

// EndingAt sets the end of the term, to the second.
func (b *SubscriptionBuilder) EndingAt(end time.Time) *SubscriptionBuilder {
	b.build.Spec.EndTime = ptr.To(metav1.NewTime(end.Truncate(time.Second)))
	return b
}

// WithGracePeriod sets how many seconds after the end the customer stays
// subscribed.
func (b *SubscriptionBuilder) WithGracePeriod(seconds int32) *SubscriptionBuilder {
	b.build.Spec.GracePeriodSeconds = ptr.To(seconds)
	return b
}

// WithSeats overrides the number of units of a counted entitlement.
func (b *SubscriptionBuilder) WithSeats(name string, maxCount int64) *SubscriptionBuilder {
	return b.withOverride(v1alpha1.EntitlementOverride{Name: name, MaxCount: ptr.To(maxCount)})
}

// WithFeature overrides the value of a feature.
func (b *SubscriptionBuilder) WithFeature(name, value string) *SubscriptionBuilder {
	return b.withOverride(v1alpha1.EntitlementOverride{Name: name, Value: value})
}

func (b *SubscriptionBuilder) withOverride(o v1alpha1.EntitlementOverride) *SubscriptionBuilder {
	b.build.Spec.Entitlements = append(b.build.Spec.Entitlements, o)
	return b
}
