// Copyright The license-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package builder

import (
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/ptr"

	"github.com/license-operator/license-operator/api/v1alpha1"
)

// AccessKeyBuilder builds an AccessKey.
type AccessKeyBuilder struct {
	object[*AccessKeyBuilder, *v1alpha1.AccessKey]
}

// VendorKey starts an AccessKey that acts for its namespace.
func VendorKey(name string) *AccessKeyBuilder {
	b := &AccessKeyBuilder{}
	b.self, b.build = b, &v1alpha1.AccessKey{
		ObjectMeta: metav1.ObjectMeta{Name: name},
		Spec: v1alpha1.AccessKeySpec{
			Type:         v1alpha1.AccessKeyVendor,
			State:        v1alpha1.AccessKeyActive,
			SecretPolicy: v1alpha1.SecretPolicyCreate,
		},
	}
	return b
}

// CustomerKey starts an AccessKey that acts for one Subscription.
func CustomerKey(name, subscription string) *AccessKeyBuilder {
	b := VendorKey(name)
	b.build.Spec.Type = v1alpha1.AccessKeyCustomer
	b.build.Spec.SubscriptionRef = &v1alpha1.LocalReference{Name: subscription}
	return b
}

// MadeBy sets the Activation that a customer's key was made by, with the
// labels and the policy that such a key has.
func (b *AccessKeyBuilder) MadeBy(activation string) *AccessKeyBuilder {
	b.build.Spec.ActivationRef = &v1alpha1.LocalReference{Name: activation}
	if ref := b.build.Spec.SubscriptionRef; ref != nil {
		b.WithLabel(v1alpha1.LabelSubscription, ref.Name)
	}
	return b.WithLabel(v1alpha1.LabelActivation, activation).WithoutSecret()
}

// WithRotation sets the number of the pair.
func (b *AccessKeyBuilder) WithRotation(number int32) *AccessKeyBuilder {
	b.build.Spec.Rotation = ptr.To(number)
	return b
}

// WithOverlap sets how many seconds the pair before is still accepted.
func (b *AccessKeyBuilder) WithOverlap(seconds int32) *AccessKeyBuilder {
	b.build.Spec.OverlapSeconds = ptr.To(seconds)
	return b
}

// WithoutSecret keeps the pair out of any Secret.
func (b *AccessKeyBuilder) WithoutSecret() *AccessKeyBuilder {
	b.build.Spec.SecretPolicy = v1alpha1.SecretPolicyNone
	return b
}

// Inactive revokes the key.
func (b *AccessKeyBuilder) Inactive() *AccessKeyBuilder {
	b.build.Spec.State = v1alpha1.AccessKeyInactive
	return b
}
