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
	keyHashImmutable                = "`keyHash` is immutable; create another Activation instead"
	keyHashType                     = "`keyHash` is for the type RegistrationToken only"
	keyHashPolicy                   = "`keyHash` needs `secretPolicy` None: there is no token to write"
	keyHashDigits                   = "`keyHash` must be 64 lower-case hexadecimal digits"
	activationSubscriptionImmutable = "`subscriptionRef` is immutable: the key was handed to that customer; create another Activation instead"
	activationTypeImmutable         = "`type` is immutable; create another Activation instead"
	lifetimeImmutable               = "`lifetimeSeconds` is immutable: the key's expiry was told to the customer; set `state` to Revoked or create another Activation instead"
)

// someHash is of some registration token.
var someHash = strings.Repeat("0123456789abcdef", 4)

func activation() *builder.ActivationBuilder {
	return builder.Activation("initech-first", "initech")
}

var activationCases = cases{
	creations: map[string]creation{
		"a Subscription is enough":            {object: activation().With(func(a *v1alpha1.Activation) { a.Spec.Type, a.Spec.State = "", "" }).Build()},
		"a registration token is accepted":    {object: activation().ForRegistration().WithLifetime(14400).Build()},
		"a name of 63 characters is accepted": {object: builder.Activation(strings.Repeat("a", 63), "initech").Build()},
		"a name of 64 characters is refused":  {object: builder.Activation(strings.Repeat("a", 64), "initech").Build(), want: refusals{"<nil>": nameWords}},
		"no Subscription is refused":          {object: builder.Activation("initech-first", "").Build(), want: refusals{"spec.subscriptionRef": "Required value"}},
		"an unknown type is refused":          {object: activation().With(func(a *v1alpha1.Activation) { a.Spec.Type = "Coupon" }).Build(), want: refusals{"spec.type": `Unsupported value: "Coupon": supported values: "ActivationKey", "RegistrationToken"`}},
		"a key in no Secret is accepted":      {object: activation().WithoutSecret().Build()},
		"a token that exists is accepted":     {object: activation().WithKeyHash(someHash).Build()},
		"an unknown policy is refused":        {object: activation().With(func(a *v1alpha1.Activation) { a.Spec.SecretPolicy = "Keep" }).Build(), want: refusals{"spec.secretPolicy": `Unsupported value: "Keep": supported values: "Create", "None"`}},
		"a hash of a key is refused":          {object: activation().WithKeyHash(someHash).With(func(a *v1alpha1.Activation) { a.Spec.Type = v1alpha1.ActivationTypeKey }).Build(), want: refusals{"spec.keyHash": keyHashType}},
		"a hash with a Secret is refused":     {object: activation().WithKeyHash(someHash).With(func(a *v1alpha1.Activation) { a.Spec.SecretPolicy = "" }).Build(), want: refusals{"spec.keyHash": keyHashPolicy}},
		"a hash in upper case is refused":     {object: activation().WithKeyHash(strings.ToUpper(someHash)).Build(), want: refusals{"spec.keyHash": keyHashDigits}},
		"an unknown state is refused":         {object: activation().With(func(a *v1alpha1.Activation) { a.Spec.State = "Used" }).Build(), want: refusals{"spec.state": `Unsupported value: "Used": supported values: "Active", "Revoked"`}},
	},
	updates: map[string]update{
		"the Subscription can't be changed": {object: activation().Build(), change: changing(func(a *v1alpha1.Activation) { a.Spec.SubscriptionRef.Name = "globex" }), want: refusals{"spec.subscriptionRef": activationSubscriptionImmutable}},
		"the type can't be changed":         {object: activation().Build(), change: changing(func(a *v1alpha1.Activation) { a.Spec.Type = v1alpha1.ActivationTypeRegistration }), want: refusals{"spec.type": activationTypeImmutable}},
		"a type that was left out is fixed": {object: activation().With(func(a *v1alpha1.Activation) { a.Spec.Type = "" }).Build(), change: changing(func(a *v1alpha1.Activation) { a.Spec.Type = v1alpha1.ActivationTypeRegistration }), want: refusals{"spec.type": activationTypeImmutable}},
		"the lifetime can't be changed":     {object: activation().WithLifetime(60).Build(), change: changing(func(a *v1alpha1.Activation) { a.Spec.LifetimeSeconds = ptr.To[int32](61) }), want: refusals{"spec.lifetimeSeconds": lifetimeImmutable}},
		"the lifetime can't be set later":   {object: activation().Build(), change: changing(func(a *v1alpha1.Activation) { a.Spec.LifetimeSeconds = ptr.To[int32](60) }), want: refusals{"spec.lifetimeSeconds": lifetimeImmutable}},
		"the lifetime can't be taken away":  {object: activation().WithLifetime(60).Build(), change: changing(func(a *v1alpha1.Activation) { a.Spec.LifetimeSeconds = nil }), want: refusals{"spec.lifetimeSeconds": lifetimeImmutable}},
		"the hash can't be changed":         {object: activation().WithKeyHash(someHash).Build(), change: changing(func(a *v1alpha1.Activation) { a.Spec.KeyHash = strings.Repeat("0", 64) }), want: refusals{"spec.keyHash": keyHashImmutable}},
		"the hash can't be set later":       {object: activation().ForRegistration().WithoutSecret().Build(), change: changing(func(a *v1alpha1.Activation) { a.Spec.KeyHash = someHash }), want: refusals{"spec.keyHash": keyHashImmutable}},
		"the hash can't be taken away":      {object: activation().WithKeyHash(someHash).Build(), change: changing(func(a *v1alpha1.Activation) { a.Spec.KeyHash = "" }), want: refusals{"spec.keyHash": keyHashImmutable}},
		"the policy of a hash is fixed":     {object: activation().WithKeyHash(someHash).Build(), change: changing(func(a *v1alpha1.Activation) { a.Spec.SecretPolicy = v1alpha1.SecretPolicyCreate }), want: refusals{"spec.keyHash": keyHashPolicy}},
		"a Secret can be asked for later":   {object: activation().WithoutSecret().Build(), change: changing(func(a *v1alpha1.Activation) { a.Spec.SecretPolicy = v1alpha1.SecretPolicyCreate })},
		"it can be revoked":                 {object: activation().Build(), change: changing(func(a *v1alpha1.Activation) { a.Spec.State = v1alpha1.ActivationRevoked })},
		"a revoked one can be given back":   {object: activation().Revoked().Build(), change: changing(func(a *v1alpha1.Activation) { a.Spec.State = v1alpha1.ActivationActive })},
	},
}
