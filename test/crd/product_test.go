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
	codeImmutable = "`code` is immutable: customers' tokens name it; create another Product instead"
	codeWords     = "`code` must consist of letters and digits only"
	skuWords      = "`sku` must be printable ASCII without blanks at its ends"
	hashWords     = "`importedTokenSHA256` must be 64 lower-case hexadecimal digits: printf %s \"$TOKEN\" | sha256sum"
	issuerWords   = "`issuerName` must be printable ASCII without colons and without blanks at its ends"
	redirectWords = "`redirectURL` must be an absolute https URL (http only to localhost)"
	fulfillWords  = "`fulfillmentURL` must be an absolute https URL (http only to localhost)"
	webhookWords  = "`webhookURL` must be an absolute https URL (http only to localhost)"
	nameWords     = "the name must be at most 63 characters long: it becomes part of other names"
	patternWords  = "should match '^[!-~]([ -~]*[!-~])?$'"

	featureCounted   = "`maxCount` must not be set for `unit` None: a feature is held or not, never counted"
	countMissing     = "`maxCount` must be set unless `unit` is None"
	countedWithValue = "`value` must not be set unless `unit` is None: what is counted has a `maxCount`"
)

func product() *builder.ProductBuilder { return builder.Product("render-farm") }

func entitled(e v1alpha1.Entitlement) *v1alpha1.Product {
	return product().WithEntitlement(e).Build()
}

var productCases = cases{
	creations: map[string]creation{
		"a Product without a spec is refused":           {object: product().WithDisplayName("").Build(), want: refusals{"spec": "Required value"}},
		"a name of 63 characters is accepted":           {object: builder.Product(strings.Repeat("p", 63)).Build()},
		"a name of 64 characters is refused":            {object: builder.Product(strings.Repeat("p", 64)).Build(), want: refusals{"<nil>": nameWords}},
		"a code like DevPay's is accepted":              {object: product().WithCode("774F4FF8").Build()},
		"a code may have letters of both cases":         {object: product().WithCode("abcXYZ019").Build()},
		"a code with a hyphen is refused":               {object: product().WithCode("774F-4FF8").Build(), want: refusals{"spec.code": codeWords}},
		"a code with a letter beyond ASCII is refused":  {object: product().WithCode("caf\u00e9").Build(), want: refusals{"spec.code": codeWords}},
		"a code that ends with a line break is refused": {object: product().WithCode("774F4FF8\n").Build(), want: refusals{"spec.code": codeWords}},
		"a SKU may have blanks inside":                  {object: product().WithSKU("ACME RENDER/2").Build()},
		"a SKU of one character is accepted":            {object: product().WithSKU("A").Build()},
		"a SKU that begins with a blank is refused":     {object: product().WithSKU(" ACME").Build(), want: refusals{"spec.sku": skuWords}},
		"a SKU that ends with a blank is refused":       {object: product().WithSKU("ACME ").Build(), want: refusals{"spec.sku": skuWords}},
		"a SKU with a tab is refused":                   {object: product().WithSKU("AC\tME").Build(), want: refusals{"spec.sku": skuWords}},
		"a lower-case token hash is accepted":           {object: product().WithImportedToken(strings.Repeat("0123456789abcdef", 4)).Build()},
		"an upper-case token hash is refused":           {object: product().WithImportedToken(strings.Repeat("0123456789ABCDEF", 4)).Build(), want: refusals{"spec.importedTokenSHA256": hashWords}},
		"a token in place of its hash is refused":       {object: product().WithImportedToken("{ProductToken}" + strings.Repeat("A", 50)).Build(), want: refusals{"spec.importedTokenSHA256": hashWords}},
		"an issuer may have blanks inside":              {object: product().WithIssuer("Acme Inc.").Build()},
		"an issuer with a colon is refused":             {object: product().WithIssuer("acme:inc").Build(), want: refusals{"spec.license.issuerName": issuerWords}},
		"an issuer that ends with a blank is refused":   {object: product().WithIssuer("Acme ").Build(), want: refusals{"spec.license.issuerName": issuerWords}},
		"an unknown signing algorithm is refused":       {object: product().WithSigningAlgorithm("HS256").Build(), want: refusals{"spec.license.signingAlgorithm": `Unsupported value: "HS256": supported values: "ES256", "PS384", "EdDSA"`}},
		"an unknown renewal is refused":                 {object: product().WithRenewal("Daily").Build(), want: refusals{"spec.license.renewal": `Unsupported value: "Daily": supported values: "None", "Weekly", "Monthly"`}},
		"customers without identifiers are accepted":    {object: product().WithIdentifier(v1alpha1.IdentifierOmitted).Build()},
		"customers with identifiers are accepted":       {object: product().WithIdentifier(v1alpha1.IdentifierIncluded).Build()},
		"another answer about identifiers is refused":   {object: product().WithIdentifier("Sometimes").Build(), want: refusals{"spec.registration.customerIdentifier": `Unsupported value: "Sometimes": supported values: "Included", "Omitted"`}},
		"an unknown token use is refused":               {object: product().WithRegistration(60, "Twice").Build(), want: refusals{"spec.registration.tokenUse": `Unsupported value: "Twice": supported values: "Reusable", "Once"`}},
		"an unknown early check-in is refused":          {object: product().WithBorrow(60, "Maybe").Build(), want: refusals{"spec.license.borrow.earlyCheckIn": `Unsupported value: "Maybe": supported values: "Allowed", "Forbidden"`}},
		"seats with a count are accepted":               {object: product().WithSeats("seats", 10).Build()},
		"no seats at all are accepted":                  {object: product().WithSeats("seats", 0).Build()},
		"a feature is accepted with its value":          {object: product().WithFeature("gpu", "Enabled").Build()},
		"a feature is accepted without a value":         {object: product().WithFeature("gpu", "").Build()},
		"a feature with a count is refused":             {object: entitled(v1alpha1.Entitlement{Name: "gpu", Unit: v1alpha1.UnitNone, MaxCount: ptr.To[int64](1)}), want: refusals{"spec.license.entitlements[0].maxCount": featureCounted}},
		"seats without a count are refused":             {object: entitled(v1alpha1.Entitlement{Name: "seats", Unit: v1alpha1.UnitCount}), want: refusals{"spec.license.entitlements[0].maxCount": countMissing}},
		"gigabytes without a count are refused":         {object: entitled(v1alpha1.Entitlement{Name: "disk", Unit: "Gigabytes"}), want: refusals{"spec.license.entitlements[0].maxCount": countMissing}},
		"seats with a value are refused":                {object: entitled(v1alpha1.Entitlement{Name: "seats", Unit: v1alpha1.UnitCount, MaxCount: ptr.To[int64](1), Value: "x"}), want: refusals{"spec.license.entitlements[0].value": countedWithValue}},
		"an unknown unit is refused":                    {object: entitled(v1alpha1.Entitlement{Name: "seats", Unit: "Seats", MaxCount: ptr.To[int64](1)}), want: refusals{"spec.license.entitlements[0].unit": `Unsupported value: "Seats"`}},
		"an entitlement's name may have blanks inside":  {object: product().WithSeats("render nodes", 1).Build()},
		"an entitlement's name must not end with one":   {object: product().WithSeats("seats ", 1).Build(), want: refusals{"spec.license.entitlements[0].name": patternWords}},
		"an entitlement without a name is refused":      {object: product().WithSeats("", 1).Build(), want: refusals{"spec.license.entitlements[0].name": "Required value"}},
		"an entitlement named twice is refused":         {object: product().WithSeats("seats", 1).WithSeats("seats", 2).Build(), want: refusals{"spec.license.entitlements[1]": `Duplicate value: {"name":"seats"}`}},
		"https URLs are accepted":                       {object: product().WithRedirectURL("https://acme.example/activate?from=mail").WithFulfillmentURL("https://acme.example:8443").Build()},
		"http to localhost is accepted":                 {object: product().WithRedirectURL("http://localhost:8080/").WithFulfillmentURL("http://127.0.0.1:8080/register").Build()},
		"http to anywhere else is refused":              {object: product().WithRedirectURL("http://acme.example/").WithFulfillmentURL("http://acme.example/").Build(), want: refusals{"spec.activation.redirectURL": redirectWords, "spec.registration.fulfillmentURL": fulfillWords}},
		"a host that begins like localhost is refused":  {object: product().WithRedirectURL("http://localhost.acme.example/").WithFulfillmentURL("http://127.0.0.1.acme.example/").Build(), want: refusals{"spec.activation.redirectURL": redirectWords, "spec.registration.fulfillmentURL": fulfillWords}},
		"another scheme is refused":                     {object: product().WithRedirectURL("javascript:alert(1)").WithFulfillmentURL("ftp://acme.example/").Build(), want: refusals{"spec.activation.redirectURL": redirectWords, "spec.registration.fulfillmentURL": fulfillWords}},
		"a path without a host is refused":              {object: product().WithRedirectURL("/activate").WithFulfillmentURL("https:///register").Build(), want: refusals{"spec.activation.redirectURL": redirectWords, "spec.registration.fulfillmentURL": fulfillWords}},
		"what is no URL at all is refused":              {object: product().WithRedirectURL("acme.example").WithFulfillmentURL("https://acme example/").Build(), want: refusals{"spec.activation.redirectURL": redirectWords, "spec.registration.fulfillmentURL": fulfillWords}},
		"a webhook by https is accepted":                {object: product().WithWebhook("https://hooks.acme.example:8443/in?from=licences").WithWebhookRotation(7).Build()},
		"a webhook by http on this host is accepted":    {object: product().WithWebhook("http://localhost:8080/").Build()},
		"a webhook by http elsewhere is refused":        {object: product().WithWebhook("http://hooks.acme.example/").Build(), want: refusals{"spec.notifications.webhookURL": webhookWords}},
		"a webhook on what begins like this host":       {object: product().WithWebhook("http://127.0.0.1.acme.example/").Build(), want: refusals{"spec.notifications.webhookURL": webhookWords}},
		"a webhook without a host is refused":           {object: product().WithWebhook("https:///in").Build(), want: refusals{"spec.notifications.webhookURL": webhookWords}},
		"a webhook of another scheme is refused":        {object: product().WithWebhook("file:///etc/passwd").Build(), want: refusals{"spec.notifications.webhookURL": webhookWords}},
		"a webhook that is no URL is refused":           {object: product().WithWebhook("hooks.acme.example").Build(), want: refusals{"spec.notifications.webhookURL": webhookWords}},
	},
	updates: map[string]update{
		"a webhook can be set, changed and taken away": {object: product().WithWebhook("https://acme.example/").Build(), change: changing(func(p *v1alpha1.Product) { p.Spec.Notifications = v1alpha1.NotificationPolicy{} })},
		"the code can't be changed":                    {object: product().WithCode("A1").Build(), change: changing(func(p *v1alpha1.Product) { p.Spec.Code = "A2" }), want: refusals{"spec.code": codeImmutable}},
		"the code can't be taken away":                 {object: product().WithCode("A1").Build(), change: changing(func(p *v1alpha1.Product) { p.Spec.Code = "" }), want: refusals{"spec.code": codeImmutable}},
		"the code can't be set later":                  {object: product().Build(), change: changing(func(p *v1alpha1.Product) { p.Spec.Code = "A1" }), want: refusals{"spec.code": codeImmutable}},
		"everything else can be changed":               {object: product().WithCode("A1").WithSeats("seats", 1).Build(), change: changing(func(p *v1alpha1.Product) { *p = *everythingElse(p) })},
		"borrowing can be taken away":                  {object: product().WithBorrow(60, v1alpha1.Allowed).Build(), change: changing(func(p *v1alpha1.Product) { p.Spec.License.Borrow = nil })},
		"seats can't be made a counted None":           {object: product().WithSeats("seats", 1).Build(), change: changing(func(p *v1alpha1.Product) { p.Spec.License.Entitlements[0].Unit = v1alpha1.UnitNone }), want: refusals{"spec.license.entitlements[0].maxCount": featureCounted}},
	},
}

// everythingElse is a Product with all of its spec changed but the code.
func everythingElse(p *v1alpha1.Product) *v1alpha1.Product {
	other := product().WithCode(p.Spec.Code).
		WithDisplayName("Other").WithSKU("OTHER").WithImportedToken(strings.Repeat("a", 64)).
		WithKeyLifetime(60).WithUserTokenLifetime(60).WithRedirectURL("https://other.example/").
		WithRegistration(60, v1alpha1.TokenUseOnce).WithFulfillmentURL("https://other.example/").
		WithIssuer("Other").WithSigningAlgorithm(v1alpha1.PS384).WithRenewal(v1alpha1.RenewalWeekly).
		WithProvisional(1).WithBorrow(1, v1alpha1.Forbidden).WithFeature("other", "Enabled").Build()
	other.ObjectMeta = p.ObjectMeta
	return other
}
