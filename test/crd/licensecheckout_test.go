// Copyright The license-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package crd_test

import (
	"slices"
	"strings"

	"k8s.io/utils/ptr"

	"github.com/license-operator/license-operator/api/v1alpha1"
	"github.com/license-operator/license-operator/test/builder"
)

const (
	checkoutImmutable = "`spec` is immutable: delete the LicenseCheckout, which gives its seats back, and create another"
	perpetualWords    = "`lifetimeMinutes` must not be set for `type` Perpetual, which never expires"
)

func checkout() *builder.LicenseCheckoutBuilder {
	return builder.LicenseCheckout("worker-0", "initech")
}

var checkoutCases = cases{
	creations: map[string]creation{
		"a Subscription and an entitlement are enough": {object: checkout().With(func(c *v1alpha1.LicenseCheckout) { c.Spec.Type, c.Spec.WhenUnavailable = "", "" }).Build()},
		"seats and a feature for a Pod are accepted":   {object: checkout().WithSeats("seats", 2).WithFeature("gpu").OnNode("node-1").WithLifetime(60).OrFail().HeldByPod("worker-0").Build()},
		"a name of 63 characters is accepted":          {object: builder.LicenseCheckout(strings.Repeat("c", 63), "initech").Build()},
		"a name of 64 characters is refused":           {object: builder.LicenseCheckout(strings.Repeat("c", 64), "initech").Build(), want: refusals{"<nil>": nameWords}},
		"no Subscription is refused":                   {object: builder.LicenseCheckout("worker-0", "").Build(), want: refusals{"spec.subscriptionRef": "Required value"}},
		"an entitlement without a name is refused":     {object: checkout().WithSeats("", 1).Build(), want: refusals{"spec.entitlements[0].name": "Required value"}},
		"an entitlement asked for twice is refused":    {object: checkout().WithSeats("seats", 1).WithSeats("seats", 1).Build(), want: refusals{"spec.entitlements[1]": `Duplicate value: {"name":"seats"}`}},
		"an unknown type is refused":                   {object: checkout().OfType("Forever").Build(), want: refusals{"spec.type": `Unsupported value: "Forever": supported values: "Provisional", "Perpetual", "Borrow"`}},
		"an unknown whenUnavailable is refused":        {object: checkout().With(func(c *v1alpha1.LicenseCheckout) { c.Spec.WhenUnavailable = "Steal" }).Build(), want: refusals{"spec.whenUnavailable": `Unsupported value: "Steal": supported values: "Queue", "Fail"`}},
		"a holder that is no Pod is refused":           {object: checkout().HeldByPod("worker").With(func(c *v1alpha1.LicenseCheckout) { c.Spec.HolderRef.Kind = "Job" }).Build(), want: refusals{"spec.holderRef.kind": `Unsupported value: "Job": supported values: "Pod"`}},
		"a Perpetual one is accepted":                  {object: checkout().OfType(v1alpha1.CheckoutPerpetual).Build()},
		"a Perpetual one with a lifetime is refused":   {object: checkout().OfType(v1alpha1.CheckoutPerpetual).WithLifetime(60).Build(), want: refusals{"spec.lifetimeMinutes": perpetualWords}},
		"a Borrow one with a lifetime is accepted":     {object: checkout().OfType(v1alpha1.CheckoutBorrow).WithLifetime(60).Build()},
	},
	updates: map[string]update{
		"the Subscription can't be changed": {object: checkout().Build(), change: changing(func(c *v1alpha1.LicenseCheckout) { c.Spec.SubscriptionRef.Name = "globex" }), want: refusals{"spec": checkoutImmutable}},
		"the type can't be changed":         {object: checkout().Build(), change: changing(func(c *v1alpha1.LicenseCheckout) { c.Spec.Type = v1alpha1.CheckoutBorrow }), want: refusals{"spec": checkoutImmutable}},
		"the quantity can't be changed":     {object: checkout().WithSeats("seats", 2).Build(), change: changing(func(c *v1alpha1.LicenseCheckout) { c.Spec.Entitlements[0].Quantity = ptr.To[int64](3) }), want: refusals{"spec": checkoutImmutable}},
		"no entitlement can be added": {object: checkout().WithSeats("seats", 2).Build(), change: changing(func(c *v1alpha1.LicenseCheckout) {
			c.Spec.Entitlements = append(c.Spec.Entitlements, v1alpha1.EntitlementRequest{Name: "gpu"})
		}), want: refusals{"spec": checkoutImmutable}},
		"the node can't be set later":             {object: checkout().Build(), change: changing(func(c *v1alpha1.LicenseCheckout) { c.Spec.NodeID = "node-1" }), want: refusals{"spec": checkoutImmutable}},
		"the lifetime can't be changed":           {object: checkout().WithLifetime(60).Build(), change: changing(func(c *v1alpha1.LicenseCheckout) { c.Spec.LifetimeMinutes = ptr.To[int32](61) }), want: refusals{"spec": checkoutImmutable}},
		"whenUnavailable can't be changed":        {object: checkout().Build(), change: changing(func(c *v1alpha1.LicenseCheckout) { c.Spec.WhenUnavailable = v1alpha1.WhenUnavailableFail }), want: refusals{"spec": checkoutImmutable}},
		"the holder can't be taken away":          {object: checkout().HeldByPod("worker-0").Build(), change: changing(func(c *v1alpha1.LicenseCheckout) { c.Spec.HolderRef = nil }), want: refusals{"spec": checkoutImmutable}},
		"the order of entitlements means nothing": {object: checkout().WithSeats("seats", 2).WithFeature("gpu").Build(), change: changing(func(c *v1alpha1.LicenseCheckout) { slices.Reverse(c.Spec.Entitlements) })},
		"a label can be set":                      {object: checkout().Build(), change: changing(func(c *v1alpha1.LicenseCheckout) { c.Labels = map[string]string{"team": "render"} })},
	},
}
