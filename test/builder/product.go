// Copyright The license-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package builder

import (
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/ptr"

	"github.com/license-operator/license-operator/api/v1alpha1"
)

// ProductBuilder builds a Product.
type ProductBuilder struct {
	object[*ProductBuilder, *v1alpha1.Product]
}

// Product starts a Product that has a display name and nothing else.
func Product(name string) *ProductBuilder {
	b := &ProductBuilder{}
	b.self, b.build = b, &v1alpha1.Product{
		ObjectMeta: metav1.ObjectMeta{Name: name},
		Spec:       v1alpha1.ProductSpec{DisplayName: "Product " + name},
	}
	return b
}

// WithDisplayName sets what people read.
func (b *ProductBuilder) WithDisplayName(name string) *ProductBuilder {
	b.build.Spec.DisplayName = name
	return b
}

// WithCode sets the product code.
func (b *ProductBuilder) WithCode(code string) *ProductBuilder {
	b.build.Spec.Code = code
	return b
}

// WithSKU sets the ProductSKU of CheckoutLicense.
func (b *ProductBuilder) WithSKU(sku string) *ProductBuilder {
	b.build.Spec.SKU = sku
	return b
}

// WithImportedToken sets the SHA-256, in hexadecimal digits, of a product
// token that exists already.
func (b *ProductBuilder) WithImportedToken(sha256 string) *ProductBuilder {
	b.build.Spec.ImportedTokenSHA256 = sha256
	return b
}

// WithKeyLifetime sets how many seconds an activation key can be used.
func (b *ProductBuilder) WithKeyLifetime(seconds int32) *ProductBuilder {
	b.build.Spec.Activation.KeyLifetimeSeconds = ptr.To(seconds)
	return b
}

// WithUserTokenLifetime sets how many seconds a user token may live.
func (b *ProductBuilder) WithUserTokenLifetime(seconds int64) *ProductBuilder {
	b.build.Spec.Activation.UserTokenLifetimeSeconds = ptr.To(seconds)
	return b
}

// WithRedirectURL sets where the activation page sends the browser.
func (b *ProductBuilder) WithRedirectURL(url string) *ProductBuilder {
	b.build.Spec.Activation.RedirectURL = url
	return b
}

// WithRegistration sets how many seconds a registration token lives and how
// often it can be resolved.
func (b *ProductBuilder) WithRegistration(seconds int32, use v1alpha1.TokenUse) *ProductBuilder {
	b.build.Spec.Registration.TokenLifetimeSeconds = ptr.To(seconds)
	b.build.Spec.Registration.TokenUse = use
	return b
}

// WithFulfillmentURL sets where the registration page posts the token.
func (b *ProductBuilder) WithFulfillmentURL(url string) *ProductBuilder {
	b.build.Spec.Registration.FulfillmentURL = url
	return b
}

// WithIdentifier says whether answers have a CustomerIdentifier.
func (b *ProductBuilder) WithIdentifier(answer v1alpha1.IdentifierAnswer) *ProductBuilder {
	b.build.Spec.Registration.CustomerIdentifier = answer
	return b
}

// WithIssuer sets the issuer in the key fingerprint.
func (b *ProductBuilder) WithIssuer(name string) *ProductBuilder {
	b.build.Spec.License.IssuerName = name
	return b
}

// WithSigningAlgorithm sets the algorithm of SignedToken.
func (b *ProductBuilder) WithSigningAlgorithm(algorithm v1alpha1.SigningAlgorithm) *ProductBuilder {
	b.build.Spec.License.SigningAlgorithm = algorithm
	return b
}

// WithRenewal sets when drawn-down units are filled up again.
func (b *ProductBuilder) WithRenewal(renewal v1alpha1.Renewal) *ProductBuilder {
	b.build.Spec.License.Renewal = renewal
	return b
}

// WithProvisional sets how many minutes a Provisional checkout lives.
func (b *ProductBuilder) WithProvisional(minutes int32) *ProductBuilder {
	b.build.Spec.License.Provisional.MaxTimeToLiveMinutes = ptr.To(minutes)
	return b
}

// WithBorrow allows borrowing, for so many minutes.
func (b *ProductBuilder) WithBorrow(minutes int32, earlyCheckIn v1alpha1.Permission) *ProductBuilder {
	b.build.Spec.License.Borrow = &v1alpha1.BorrowTerms{
		MaxTimeToLiveMinutes: ptr.To(minutes), EarlyCheckIn: earlyCheckIn}
	return b
}

// WithSeats adds an entitlement that is counted in seats.
func (b *ProductBuilder) WithSeats(name string, maxCount int64) *ProductBuilder {
	return b.WithEntitlement(v1alpha1.Entitlement{
		Name: name, Unit: v1alpha1.UnitCount, MaxCount: ptr.To(maxCount)})
}

// WithFeature adds an entitlement that is held or not.
func (b *ProductBuilder) WithFeature(name, value string) *ProductBuilder {
	return b.WithEntitlement(v1alpha1.Entitlement{
		Name: name, Unit: v1alpha1.UnitNone, Value: value})
}

// WithEntitlement adds an entitlement.
func (b *ProductBuilder) WithEntitlement(e v1alpha1.Entitlement) *ProductBuilder {
	b.build.Spec.License.Entitlements = append(b.build.Spec.License.Entitlements, e)
	return b
}
