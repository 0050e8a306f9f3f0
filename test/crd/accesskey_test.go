// Copyright The license-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package crd_test

import (
	"strings"

	"k8s.io/utils/ptr"

	"github.com/license-operator/license-operator/api/v1alpha1"
	"github.com/license-operator/license-operator/test/builder"
)

const (
	keyTypeImmutable         = "`type` is immutable: whoever holds the pair would act for somebody else; create another AccessKey instead"
	keySubscriptionImmutable = "`subscriptionRef` is immutable: whoever holds the pair would act for somebody else; create another AccessKey instead"
	keyActivationImmutable   = "`activationRef` is immutable; create another AccessKey instead"
	keySubscriptionWords     = "`subscriptionRef` must be set for `type` Customer and must not be set for Vendor"
	keyActivationWords       = "`activationRef` must not be set unless `type` is Customer"
)

func vendorKey() *builder.AccessKeyBuilder { return builder.VendorKey("acme-vendor") }

func customerKey() *builder.AccessKeyBuilder { return builder.CustomerKey("initech-key", "initech") }

func ref(name string) *v1alpha1.LocalReference { return &v1alpha1.LocalReference{Name: name} }

var accessKeyCases = cases{
	creations: map[string]creation{
		"a vendor's key is accepted":                      {object: vendorKey().Build()},
		"a customer's key is accepted":                    {object: customerKey().Build()},
		"a key made by an activation is accepted":         {object: customerKey().MadeBy("initech-first").Build()},
		"the type alone is enough":                        {object: vendorKey().With(func(k *v1alpha1.AccessKey) { k.Spec.State, k.Spec.SecretPolicy = "", "" }).Build()},
		"a name of 63 characters is accepted":             {object: builder.VendorKey(strings.Repeat("k", 63)).Build()},
		"a name of 64 characters is refused":              {object: builder.VendorKey(strings.Repeat("k", 64)).Build(), want: refusals{"<nil>": nameWords}},
		"no type is refused":                              {object: vendorKey().With(func(k *v1alpha1.AccessKey) { k.Spec.Type = "" }).Build(), want: refusals{"spec.type": "Required value"}},
		"an unknown type is refused":                      {object: vendorKey().With(func(k *v1alpha1.AccessKey) { k.Spec.Type = "Root" }).Build(), want: refusals{"spec.type": `Unsupported value: "Root": supported values: "Vendor", "Customer"`}},
		"an unknown state is refused":                     {object: vendorKey().With(func(k *v1alpha1.AccessKey) { k.Spec.State = "Revoked" }).Build(), want: refusals{"spec.state": `Unsupported value: "Revoked": supported values: "Active", "Inactive"`}},
		"an unknown secret policy is refused":             {object: vendorKey().With(func(k *v1alpha1.AccessKey) { k.Spec.SecretPolicy = "Print" }).Build(), want: refusals{"spec.secretPolicy": `Unsupported value: "Print": supported values: "Create", "None"`}},
		"a customer's key for nobody is refused":          {object: customerKey().With(func(k *v1alpha1.AccessKey) { k.Spec.SubscriptionRef = nil }).Build(), want: refusals{"spec.subscriptionRef": keySubscriptionWords}},
		"a vendor's key for a Subscription is refused":    {object: vendorKey().With(func(k *v1alpha1.AccessKey) { k.Spec.SubscriptionRef = ref("initech") }).Build(), want: refusals{"spec.subscriptionRef": keySubscriptionWords}},
		"a vendor's key made by an activation is refused": {object: vendorKey().With(func(k *v1alpha1.AccessKey) { k.Spec.ActivationRef = ref("initech-first") }).Build(), want: refusals{"spec.activationRef": keyActivationWords}},
	},
	updates: map[string]update{
		"a vendor's key can't become a customer's": {object: vendorKey().Build(), change: changing(func(k *v1alpha1.AccessKey) {
			k.Spec.Type, k.Spec.SubscriptionRef = v1alpha1.AccessKeyCustomer, ref("initech")
		}), want: refusals{"spec.type": keyTypeImmutable, "spec.subscriptionRef": keySubscriptionImmutable}},
		"a customer's key can't become a vendor's": {object: customerKey().Build(), change: changing(func(k *v1alpha1.AccessKey) { k.Spec.Type, k.Spec.SubscriptionRef = v1alpha1.AccessKeyVendor, nil }), want: refusals{"spec.type": keyTypeImmutable, "spec.subscriptionRef": keySubscriptionImmutable}},
		"the Subscription can't be changed":        {object: customerKey().Build(), change: changing(func(k *v1alpha1.AccessKey) { k.Spec.SubscriptionRef.Name = "globex" }), want: refusals{"spec.subscriptionRef": keySubscriptionImmutable}},
		"the Activation can't be changed":          {object: customerKey().MadeBy("first").Build(), change: changing(func(k *v1alpha1.AccessKey) { k.Spec.ActivationRef.Name = "second" }), want: refusals{"spec.activationRef": keyActivationImmutable}},
		"the Activation can't be set later":        {object: customerKey().Build(), change: changing(func(k *v1alpha1.AccessKey) { k.Spec.ActivationRef = ref("first") }), want: refusals{"spec.activationRef": keyActivationImmutable}},
		"the Activation can't be taken away":       {object: customerKey().MadeBy("first").Build(), change: changing(func(k *v1alpha1.AccessKey) { k.Spec.ActivationRef = nil }), want: refusals{"spec.activationRef": keyActivationImmutable}},
		"it can be rotated with an overlap": {object: vendorKey().Build(), change: changing(func(k *v1alpha1.AccessKey) {
			k.Spec.Rotation, k.Spec.OverlapSeconds = ptr.To[int32](2), ptr.To[int32](600)
		})},
		"a rotation can be taken back":      {object: vendorKey().WithRotation(2).Build(), change: changing(func(k *v1alpha1.AccessKey) { k.Spec.Rotation = ptr.To[int32](1) })},
		"it can be made inactive":           {object: vendorKey().Build(), change: changing(func(k *v1alpha1.AccessKey) { k.Spec.State = v1alpha1.AccessKeyInactive })},
		"it can be made active again":       {object: vendorKey().Inactive().Build(), change: changing(func(k *v1alpha1.AccessKey) { k.Spec.State = v1alpha1.AccessKeyActive })},
		"its Secret can be asked for later": {object: vendorKey().WithoutSecret().Build(), change: changing(func(k *v1alpha1.AccessKey) { k.Spec.SecretPolicy = v1alpha1.SecretPolicyCreate })},
	},
}
