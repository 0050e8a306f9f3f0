// Copyright The license-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package crd_test

import (
	"strings"
	"time"

	"k8s.io/utils/ptr"

	"github.com/license-operator/license-operator/api/v1alpha1"
	"github.com/license-operator/license-operator/test/builder"
)

const (
	productRefImmutable = "`productRef` is immutable: a Subscription is for one Product; create another Subscription instead"
	identifierImmutable = "`identifier` is immutable: the customer's tokens and persistent identifier are bound to it; create another Subscription instead"
	customerImmutable   = "`customer.identifier` is immutable: the customer's tokens and persistent identifier are bound to it; create another Subscription instead"
	identifierWords     = "`identifier` must consist of letters, digits and any of - / = : _ . @ +"
	accountWords        = "`accountID` must be 12 digits; quote it in YAML"
	termWords           = "`endTime` must be later than `startTime`"
	overrideWords       = "exactly one of `maxCount` and `value` must be set"
)

var noon = time.Date(2030, time.June, 1, 12, 0, 0, 0, time.UTC)

func subscription() *builder.SubscriptionBuilder {
	return builder.Subscription("initech", "render-farm")
}

func overridden(o v1alpha1.EntitlementOverride) *v1alpha1.Subscription {
	return subscription().With(func(s *v1alpha1.Subscription) {
		s.Spec.Entitlements = []v1alpha1.EntitlementOverride{o}
	}).Build()
}

var subscriptionCases = cases{
	creations: map[string]creation{
		"a Product is enough":                          {object: subscription().InState("").Build()},
		"a name of 63 characters is accepted":          {object: builder.Subscription(strings.Repeat("s", 63), "p").Build()},
		"a name of 64 characters is refused":           {object: builder.Subscription(strings.Repeat("s", 64), "p").Build(), want: refusals{"<nil>": nameWords}},
		"no Product is refused":                        {object: builder.Subscription("initech", "").Build(), want: refusals{"spec.productRef": "Required value"}},
		"every character of an identifier is accepted": {object: subscription().WithCustomer("aZ09-/=:_.@+").Build()},
		"an identifier with a blank is refused":        {object: subscription().WithCustomer("cust 42").Build(), want: refusals{"spec.customer.identifier": identifierWords}},
		"an identifier with a comma is refused":        {object: subscription().WithCustomer("cust,42").Build(), want: refusals{"spec.customer.identifier": identifierWords}},
		"an account of 12 digits is accepted":          {object: subscription().WithAccountID("000000000001").Build()},
		"an account with a letter is refused":          {object: subscription().WithAccountID("21098765432l").Build(), want: refusals{"spec.customer.accountID": accountWords}},
		"an account with a hyphen is refused":          {object: subscription().WithAccountID("2109-8765-43").Build(), want: refusals{"spec.customer.accountID": accountWords}},
		"a free trial is accepted":                     {object: subscription().FreeTrial().Build()},
		"an unknown offer is refused":                  {object: subscription().With(func(s *v1alpha1.Subscription) { s.Spec.OfferType = "Gift" }).Build(), want: refusals{"spec.offerType": `Unsupported value: "Gift": supported values: "Standard", "FreeTrial"`}},
		"an unknown state is refused":                  {object: subscription().InState("Paused").Build(), want: refusals{"spec.state": `Unsupported value: "Paused": supported values: "Pending", "Active", "Suspended", "Cancelled"`}},
		"an end a second after the start is accepted":  {object: subscription().StartingAt(noon).EndingAt(noon.Add(time.Second)).Build()},
		"an end at the start is refused":               {object: subscription().StartingAt(noon).EndingAt(noon).Build(), want: refusals{"spec.endTime": termWords}},
		"an end before the start is refused":           {object: subscription().StartingAt(noon).EndingAt(noon.Add(-time.Hour)).Build(), want: refusals{"spec.endTime": termWords}},
		"an end without a start is accepted":           {object: subscription().EndingAt(noon).Build()},
		"a start without an end is accepted":           {object: subscription().StartingAt(noon).Build()},
		"an override of seats is accepted":             {object: subscription().WithSeats("seats", 25).Build()},
		"an override to no seats is accepted":          {object: subscription().WithSeats("seats", 0).Build()},
		"an override of a feature is accepted":         {object: subscription().WithFeature("gpu", "Disabled").Build()},
		"an override of nothing is refused":            {object: overridden(v1alpha1.EntitlementOverride{Name: "seats"}), want: refusals{"spec.entitlements[0]": overrideWords}},
		"an override of both is refused":               {object: overridden(v1alpha1.EntitlementOverride{Name: "seats", MaxCount: ptr.To[int64](1), Value: "x"}), want: refusals{"spec.entitlements[0]": overrideWords}},
		"an override without a name is refused":        {object: subscription().WithSeats("", 1).Build(), want: refusals{"spec.entitlements[0].name": "Required value"}},
		"an entitlement overridden twice is refused":   {object: subscription().WithSeats("seats", 1).WithSeats("seats", 2).Build(), want: refusals{"spec.entitlements[1]": `Duplicate value: {"name":"seats"}`}},
	},
	updates: map[string]update{
		"the Product can't be changed":              {object: subscription().Build(), change: changing(func(s *v1alpha1.Subscription) { s.Spec.ProductRef.Name = "studio" }), want: refusals{"spec.productRef": productRefImmutable}},
		"the identifier can't be changed":           {object: subscription().WithCustomer("cust-42").Build(), change: changing(func(s *v1alpha1.Subscription) { s.Spec.Customer.Identifier = "cust-43" }), want: refusals{"spec.customer.identifier": identifierImmutable}},
		"the identifier can't be taken away":        {object: subscription().WithCustomer("cust-42").WithDisplayName("Initech").Build(), change: changing(func(s *v1alpha1.Subscription) { s.Spec.Customer.Identifier = "" }), want: refusals{"spec.customer.identifier": identifierImmutable}},
		"the identifier can't be set later":         {object: subscription().WithDisplayName("Initech").Build(), change: changing(func(s *v1alpha1.Subscription) { s.Spec.Customer.Identifier = "cust-42" }), want: refusals{"spec.customer.identifier": identifierImmutable}},
		"the customer can't be set later with one":  {object: subscription().Build(), change: changing(func(s *v1alpha1.Subscription) { s.Spec.Customer.Identifier = "cust-42" }), want: refusals{"spec.customer": customerImmutable}},
		"the customer can't be taken away with one": {object: subscription().WithCustomer("cust-42").Build(), change: changing(func(s *v1alpha1.Subscription) { s.Spec.Customer = v1alpha1.Customer{} }), want: refusals{"spec.customer": customerImmutable}},
		"a customer without one can be set later":   {object: subscription().Build(), change: changing(func(s *v1alpha1.Subscription) { s.Spec.Customer.DisplayName = "Initech" })},
		"a customer without one can be taken away":  {object: subscription().WithDisplayName("Initech").Build(), change: changing(func(s *v1alpha1.Subscription) { s.Spec.Customer = v1alpha1.Customer{} })},
		"the rest of a customer can be changed": {object: subscription().WithCustomer("cust-42").Build(), change: changing(func(s *v1alpha1.Subscription) {
			s.Spec.Customer.AccountID, s.Spec.Customer.DisplayName = "210987654321", "Initech"
		})},
		"the state can go from Active to Cancelled": {object: subscription().Build(), change: changing(func(s *v1alpha1.Subscription) { s.Spec.State = v1alpha1.SubscriptionCancelled })},
		"the state can come back from Cancelled":    {object: subscription().InState(v1alpha1.SubscriptionCancelled).Build(), change: changing(func(s *v1alpha1.Subscription) { s.Spec.State = v1alpha1.SubscriptionActive })},
		"the end can't be moved before the start":   {object: subscription().StartingAt(noon).EndingAt(noon.Add(time.Hour)).Build(), change: changing(func(s *v1alpha1.Subscription) { s.Spec.EndTime = s.Spec.StartTime.DeepCopy() }), want: refusals{"spec.endTime": termWords}},
		"the term, the grace and the seats can change": {object: subscription().Build(), change: changing(func(s *v1alpha1.Subscription) {
			s.Spec = subscription().StartingAt(noon).EndingAt(noon.Add(time.Hour)).WithGracePeriod(60).WithSeats("seats", 1).Build().Spec
		})},
	},
}
