// Copyright The license-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package builder

import (
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/ptr"

	"github.com/license-operator/license-operator/api/v1alpha1"
)

// LicenseCheckoutBuilder builds a LicenseCheckout.
type LicenseCheckoutBuilder struct {
	object[*LicenseCheckoutBuilder, *v1alpha1.LicenseCheckout]
}

// LicenseCheckout starts a Provisional LicenseCheckout that waits in the
// queue. Until the test names an entitlement it asks for one seat of "seats".
func LicenseCheckout(name, subscription string) *LicenseCheckoutBuilder {
	b := &LicenseCheckoutBuilder{}
	b.self, b.build = b, &v1alpha1.LicenseCheckout{
		ObjectMeta: metav1.ObjectMeta{Name: name},
		Spec: v1alpha1.LicenseCheckoutSpec{
			SubscriptionRef: v1alpha1.LocalReference{Name: subscription},
			Type:            v1alpha1.CheckoutProvisional,
			WhenUnavailable: v1alpha1.WhenUnavailableQueue,
		},
	}
	return b
}

// Build returns a copy of what has been built so far.
func (b *LicenseCheckoutBuilder) Build() *v1alpha1.LicenseCheckout {
	checkout := b.object.Build()
	if len(checkout.Spec.Entitlements) == 0 {
		checkout.Spec.Entitlements = []v1alpha1.EntitlementRequest{{Name: "seats", Quantity: ptr.To[int64](1)}}
	}
	return checkout
}

// OfType sets for how long the seats are held.
func (b *LicenseCheckoutBuilder) OfType(checkoutType v1alpha1.CheckoutType) *LicenseCheckoutBuilder {
	b.build.Spec.Type = checkoutType
	return b
}

// WithSeats asks for units of a counted entitlement.
func (b *LicenseCheckoutBuilder) WithSeats(name string, quantity int64) *LicenseCheckoutBuilder {
	b.build.Spec.Entitlements = append(b.build.Spec.Entitlements,
		v1alpha1.EntitlementRequest{Name: name, Quantity: ptr.To(quantity)})
	return b
}

// WithFeature asks for a feature.
func (b *LicenseCheckoutBuilder) WithFeature(name string) *LicenseCheckoutBuilder {
	b.build.Spec.Entitlements = append(b.build.Spec.Entitlements, v1alpha1.EntitlementRequest{Name: name})
	return b
}

// OnNode sets where the holder says it is.
func (b *LicenseCheckoutBuilder) OnNode(id string) *LicenseCheckoutBuilder {
	b.build.Spec.NodeID = id
	return b
}

// WithLifetime sets how many minutes the checkout lives.
func (b *LicenseCheckoutBuilder) WithLifetime(minutes int32) *LicenseCheckoutBuilder {
	b.build.Spec.LifetimeMinutes = ptr.To(minutes)
	return b
}

// OrFail makes it be refused rather than wait when no seat is free.
func (b *LicenseCheckoutBuilder) OrFail() *LicenseCheckoutBuilder {
	b.build.Spec.WhenUnavailable = v1alpha1.WhenUnavailableFail
	return b
}

// HeldByPod lets the seats live and die with a Pod.
func (b *LicenseCheckoutBuilder) HeldByPod(name string) *LicenseCheckoutBuilder {
	b.build.Spec.HolderRef = &v1alpha1.HolderReference{Kind: v1alpha1.HolderPod, Name: name}
	return b
}
