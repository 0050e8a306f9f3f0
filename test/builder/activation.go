// Copyright The license-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package builder

import (
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/ptr"

	"github.com/license-operator/license-operator/api/v1alpha1"
)

// ActivationBuilder builds an Activation.
type ActivationBuilder struct {
	object[*ActivationBuilder, *v1alpha1.Activation]
}

// Activation starts an Activation with an activation key for a Subscription.
func Activation(name, subscription string) *ActivationBuilder {
	b := &ActivationBuilder{}
	b.self, b.build = b, &v1alpha1.Activation{
		ObjectMeta: metav1.ObjectMeta{Name: name},
		Spec: v1alpha1.ActivationSpec{
			SubscriptionRef: v1alpha1.LocalReference{Name: subscription},
			Type:            v1alpha1.ActivationTypeKey,
			State:           v1alpha1.ActivationActive,
		},
	}
	return b
}

// ForRegistration makes it a registration token.
func (b *ActivationBuilder) ForRegistration() *ActivationBuilder {
	b.build.Spec.Type = v1alpha1.ActivationTypeRegistration
	return b
}

// WithLifetime sets how many seconds the key or token can be used.
func (b *ActivationBuilder) WithLifetime(seconds int32) *ActivationBuilder {
	b.build.Spec.LifetimeSeconds = ptr.To(seconds)
	return b
}

// Revoked takes it back.
func (b *ActivationBuilder) Revoked() *ActivationBuilder {
	b.build.Spec.State = v1alpha1.ActivationRevoked
	return b
}

// WithoutSecret has the key written into no Secret.
func (b *ActivationBuilder) WithoutSecret() *ActivationBuilder {
	b.build.Spec.SecretPolicy = v1alpha1.SecretPolicyNone
	return b
}

// WithKeyHash makes it stand for a registration token that exists already: 64
// hexadecimal digits of its hash.
func (b *ActivationBuilder) WithKeyHash(hash string) *ActivationBuilder {
	b.build.Spec.KeyHash = hash
	return b.ForRegistration().WithoutSecret()
}

// MadeByPage labels it as made by a page.
func (b *ActivationBuilder) MadeByPage(page string) *ActivationBuilder {
	return b.WithLabel(v1alpha1.LabelPage, page)
}
