// Copyright The license-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package v1alpha1

import metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

// ProductSpec is what the vendor says of a product.
//
// +kubebuilder:validation:XValidation:rule="has(self.code) == has(oldSelf.code) && (!has(self.code) || self.code == oldSelf.code)",message="`code` is immutable: customers' tokens name it; create another Product instead",fieldPath=".code"
type ProductSpec struct {
	// displayName is what people read.
	// +optional
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=256
	DisplayName string `json:"displayName,omitempty"`

	// code is the public product code that API calls name. Without it one of
	// 8 upper-case hexadecimal digits is derived, see status.code. Immutable,
	// unique in the namespace.
	// +optional
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=64
	// +kubebuilder:validation:XValidation:rule="self.matches('^[A-Za-z0-9]+$')",message="`code` must consist of letters and digits only"
	Code string `json:"code,omitempty"`

	// sku is the ProductSKU of CheckoutLicense; the object's name without it.
	// Unique in the namespace.
	// +optional
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=256
	// +kubebuilder:validation:XValidation:rule="self.matches('^[!-~]([ -~]*[!-~])?$')",message="`sku` must be printable ASCII without blanks at its ends"
	SKU string `json:"sku,omitempty"`

	// importedTokenSHA256 is the SHA-256, in lower-case hexadecimal digits, of
	// a product token that exists already: binaries in the field that carry it
	// are accepted beside those with the token in status.tokenSecretRef.
	// +optional
	// +kubebuilder:validation:MinLength=64
	// +kubebuilder:validation:MaxLength=64
	// +kubebuilder:validation:XValidation:rule="self.matches('^[0-9a-f]{64}$')",message="`importedTokenSHA256` must be 64 lower-case hexadecimal digits: printf %s \"$TOKEN\" | sha256sum"
	ImportedTokenSHA256 string `json:"importedTokenSHA256,omitempty"`

	// activation sets how activation keys and user tokens live.
	// +optional
	// +default={"keyLifetimeSeconds":3600}
	Activation ActivationPolicy `json:"activation,omitempty,omitzero"`

	// registration sets how registration tokens live.
	// +optional
	// +default={"tokenLifetimeSeconds":14400}
	Registration RegistrationPolicy `json:"registration,omitempty,omitzero"`

	// license sets what a checkout may hold, for how long and how its token is
	// signed.
	// +optional
	// +default={"signingAlgorithm":"ES256"}
	License LicenseTerms `json:"license,omitempty,omitzero"`

	// metering sets what usage is metered in. Without it none is accepted.
	// +optional
	Metering MeteringPolicy `json:"metering,omitempty,omitzero"`

	// notifications sets who is told what becomes of Subscriptions.
	// +optional
	Notifications NotificationPolicy `json:"notifications,omitempty,omitzero"`
}

// ActivationPolicy sets how activation keys and user tokens live.
//
// +kubebuilder:validation:MinProperties=1
type ActivationPolicy struct {
	// keyLifetimeSeconds is how long an activation key can be used.
	// +optional
	// +default=3600
	// +kubebuilder:validation:Minimum=60
	// +kubebuilder:validation:Maximum=31536000
	KeyLifetimeSeconds *int32 `json:"keyLifetimeSeconds,omitempty"`

	// userTokenLifetimeSeconds is the longest a user token may live. Without it
	// and without TokenExpiration in the call a token never expires.
	// +optional
	// +kubebuilder:validation:Minimum=60
	// +kubebuilder:validation:Maximum=3153600000
	UserTokenLifetimeSeconds *int64 `json:"userTokenLifetimeSeconds,omitempty"`

	// redirectURL is where the activation page sends the browser, with
	// ActivationKey and ProductCode as query parameters.
	// +optional
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=2048
	// +kubebuilder:validation:XValidation:rule="isURL(self) && url(self).getHostname() != '' && (url(self).getScheme() == 'https' || (url(self).getScheme() == 'http' && url(self).getHostname() in ['localhost', '127.0.0.1']))",message="`redirectURL` must be an absolute https URL (http only to localhost)"
	RedirectURL string `json:"redirectURL,omitempty"`
}

// TokenUse says how often a registration token can be resolved.
// +kubebuilder:validation:Enum=Reusable;Once
type TokenUse string

const (
	// TokenUseReusable: any number of times until it expires.
	TokenUseReusable TokenUse = "Reusable"
	// TokenUseOnce: one time.
	TokenUseOnce TokenUse = "Once"
)

// IdentifierAnswer says whether ResolveCustomer answers a CustomerIdentifier.
// +kubebuilder:validation:Enum=Included;Omitted
type IdentifierAnswer string

const (
	// IdentifierIncluded: beside CustomerAWSAccountId and LicenseArn.
	IdentifierIncluded IdentifierAnswer = "Included"
	// IdentifierOmitted: as AWS does for products made since June 2026.
	IdentifierOmitted IdentifierAnswer = "Omitted"
)

// RegistrationPolicy sets how registration tokens live.
//
// +kubebuilder:validation:MinProperties=1
type RegistrationPolicy struct {
	// tokenLifetimeSeconds is how long a registration token can be used.
	// +optional
	// +default=14400
	// +kubebuilder:validation:Minimum=60
	// +kubebuilder:validation:Maximum=31536000
	TokenLifetimeSeconds *int32 `json:"tokenLifetimeSeconds,omitempty"`

	// tokenUse says whether a token can be resolved again until it expires.
	// +optional
	// +default="Reusable"
	TokenUse TokenUse `json:"tokenUse,omitempty"`

	// customerIdentifier says whether ResolveCustomer and GetEntitlements answer
	// a CustomerIdentifier.
	// +optional
	// +default="Included"
	CustomerIdentifier IdentifierAnswer `json:"customerIdentifier,omitempty"`

	// fulfillmentURL is where the registration page posts the token.
	// +optional
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=2048
	// +kubebuilder:validation:XValidation:rule="isURL(self) && url(self).getHostname() != '' && (url(self).getScheme() == 'https' || (url(self).getScheme() == 'http' && url(self).getHostname() in ['localhost', '127.0.0.1']))",message="`fulfillmentURL` must be an absolute https URL (http only to localhost)"
	FulfillmentURL string `json:"fulfillmentURL,omitempty"`
}

// SigningAlgorithm is the JWS algorithm of a checkout's SignedToken.
// +kubebuilder:validation:Enum=ES256;PS384;EdDSA
type SigningAlgorithm string

// The algorithms of RFC 7518 and RFC 8037 that can be chosen.
const (
	ES256 SigningAlgorithm = "ES256"
	PS384 SigningAlgorithm = "PS384"
	EdDSA SigningAlgorithm = "EdDSA"
)

// Renewal says when what Perpetual checkouts drew down is filled up again.
// +kubebuilder:validation:Enum=None;Weekly;Monthly
type Renewal string

const (
	// RenewalNone: never.
	RenewalNone Renewal = "None"
	// RenewalWeekly: each week counted from the Subscription's start.
	RenewalWeekly Renewal = "Weekly"
	// RenewalMonthly: each month counted from the Subscription's start.
	RenewalMonthly Renewal = "Monthly"
)

// LicenseTerms sets what a checkout may hold, for how long and how its token
// is signed.
//
// +kubebuilder:validation:MinProperties=1
type LicenseTerms struct {
	// issuerName is the issuer in the key fingerprint; the namespace without
	// it.
	// +optional
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=128
	// +kubebuilder:validation:XValidation:rule="self.matches('^[!-9;-~]([ -9;-~]*[!-9;-~])?$')",message="`issuerName` must be printable ASCII without colons and without blanks at its ends"
	IssuerName string `json:"issuerName,omitempty"`

	// signingAlgorithm of SignedToken.
	// +optional
	// +default="ES256"
	SigningAlgorithm SigningAlgorithm `json:"signingAlgorithm,omitempty"`

	// renewal of what Perpetual checkouts drew down.
	// +optional
	// +default="None"
	Renewal Renewal `json:"renewal,omitempty"`

	// provisional sets the terms of Provisional checkouts.
	// +optional
	// +default={"maxTimeToLiveMinutes":60}
	Provisional ProvisionalTerms `json:"provisional,omitempty,omitzero"`

	// borrow sets the terms of Borrow checkouts; without it there are none.
	// +optional
	Borrow *BorrowTerms `json:"borrow,omitempty"`

	// entitlements that every Subscription has unless it overrides them.
	// +optional
	// +listType=map
	// +listMapKey=name
	// +kubebuilder:validation:MinItems=1
	// +kubebuilder:validation:MaxItems=64
	Entitlements []Entitlement `json:"entitlements,omitempty"`
}

// ProvisionalTerms are the terms of checkouts that expire.
//
// +kubebuilder:validation:MinProperties=1
type ProvisionalTerms struct {
	// maxTimeToLiveMinutes is how long such a checkout lives unless extended.
	// +optional
	// +default=60
	// +kubebuilder:validation:Minimum=1
	// +kubebuilder:validation:Maximum=525600
	MaxTimeToLiveMinutes *int32 `json:"maxTimeToLiveMinutes,omitempty"`
}

// BorrowTerms are the terms of checkouts for use without a connection.
type BorrowTerms struct {
	// maxTimeToLiveMinutes is how long such a checkout lives.
	// +optional
	// +default=1440
	// +kubebuilder:validation:Minimum=1
	// +kubebuilder:validation:Maximum=525600
	MaxTimeToLiveMinutes *int32 `json:"maxTimeToLiveMinutes,omitempty"`

	// earlyCheckIn says whether it may be given back before it expires.
	// +optional
	// +default="Allowed"
	EarlyCheckIn Permission `json:"earlyCheckIn,omitempty"`
}

// MeteringPolicy sets what usage is metered in.
//
// +kubebuilder:validation:MinProperties=1
type MeteringPolicy struct {
	// dimensions that usage is reported in.
	// +optional
	// +listType=map
	// +listMapKey=name
	// +kubebuilder:validation:MinItems=1
	// +kubebuilder:validation:MaxItems=200
	Dimensions []MeteringDimension `json:"dimensions,omitempty"`

	// recordRetentionDays is how long a UsageRecord is kept after it was made.
	// Export it before.
	// +optional
	// +default=90
	// +kubebuilder:validation:Minimum=2
	// +kubebuilder:validation:Maximum=3650
	RecordRetentionDays *int32 `json:"recordRetentionDays,omitempty"`
}

// MeteringDimension is one thing that is counted and billed.
type MeteringDimension struct {
	// name that BatchMeterUsage and MeterUsage give. Upper and lower case are
	// different.
	// +required
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=255
	// +kubebuilder:validation:XValidation:rule="self.matches('^[!-~]([ -~]*[!-~])?$')",message="`name` must be printable ASCII without blanks at its ends"
	Name string `json:"name,omitempty"`

	// displayName is what people read.
	// +optional
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=256
	DisplayName string `json:"displayName,omitempty"`
}

// NotificationPolicy sets who is told what becomes of Subscriptions.
//
// +kubebuilder:validation:MinProperties=1
type NotificationPolicy struct {
	// webhookURL is where each change is posted to, signed with the secret in
	// status.webhookSecretRef.
	// +optional
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=2048
	// +kubebuilder:validation:XValidation:rule="isURL(self) && url(self).getHostname() != '' && (url(self).getScheme() == 'https' || (url(self).getScheme() == 'http' && url(self).getHostname() in ['localhost', '127.0.0.1']))",message="`webhookURL` must be an absolute https URL (http only to localhost)"
	WebhookURL string `json:"webhookURL,omitempty"`

	// webhookSecretRotation numbers the secret that signs what is posted:
	// another number, another secret. After a change it is signed with the
	// secret before as well, so that the receiver can change over.
	// +optional
	// +default=1
	// +kubebuilder:validation:Minimum=1
	// +kubebuilder:validation:Maximum=1000000
	WebhookSecretRotation *int32 `json:"webhookSecretRotation,omitempty"`
}

// ProductStatus is what the operator says of a product.
type ProductStatus struct {
	// conditions of the Product: Ready.
	// +optional
	// +listType=map
	// +listMapKey=type
	// +kubebuilder:validation:MaxItems=16
	Conditions []metav1.Condition `json:"conditions,omitempty"`

	// observedGeneration is the generation that this status speaks of.
	// +optional
	// +kubebuilder:validation:Minimum=0
	ObservedGeneration int64 `json:"observedGeneration,omitempty"`

	// code is the product code in use.
	// +optional
	// +kubebuilder:validation:MaxLength=64
	Code string `json:"code,omitempty"`

	// sku is the SKU in use.
	// +optional
	// +kubebuilder:validation:MaxLength=256
	SKU string `json:"sku,omitempty"`

	// keyFingerprint is the KeyFingerprint that CheckoutLicense asks for.
	// +optional
	// +kubebuilder:validation:MaxLength=256
	KeyFingerprint string `json:"keyFingerprint,omitempty"`

	// tokenSecretRef names the Secret with the product token, key productToken.
	// +optional
	TokenSecretRef *SecretReference `json:"tokenSecretRef,omitempty"`

	// webhookSecretRef names the Secret with the key that signs what is posted
	// to the webhook, key webhookSecret.
	// +optional
	WebhookSecretRef *SecretReference `json:"webhookSecretRef,omitempty"`
}

// Product is what is sold: a hosted service, a desktop program, a licence.
//
// +kubebuilder:object:root=true
// +kubebuilder:subresource:status
// +kubebuilder:resource:shortName=lprod,categories=licensing
// +kubebuilder:printcolumn:name="Code",type=string,JSONPath=`.status.code`
// +kubebuilder:printcolumn:name="SKU",type=string,JSONPath=`.status.sku`
// +kubebuilder:printcolumn:name="Ready",type=string,JSONPath=`.status.conditions[?(@.type=="Ready")].status`
// +kubebuilder:printcolumn:name="Reason",type=string,JSONPath=`.status.conditions[?(@.type=="Ready")].reason`
// +kubebuilder:printcolumn:name="Fingerprint",type=string,priority=1,JSONPath=`.status.keyFingerprint`
// +kubebuilder:printcolumn:name="Age",type=date,JSONPath=`.metadata.creationTimestamp`
// +kubebuilder:validation:XValidation:rule="self.metadata.name.size() <= 63",message="the name must be at most 63 characters long: it becomes part of other names"
type Product struct {
	metav1.TypeMeta `json:",inline"`

	// metadata is the name, the namespace, the labels and the like.
	// +optional
	metav1.ObjectMeta `json:"metadata,omitempty"`

	// spec is what the vendor says.
	// +required
	Spec ProductSpec `json:"spec,omitzero"`

	// status is what the operator says.
	// +optional
	Status ProductStatus `json:"status,omitempty,omitzero"`
}

// ProductList is a list of Products.
//
// +kubebuilder:object:root=true
type ProductList struct {
	metav1.TypeMeta `json:",inline"`
	metav1.ListMeta `json:"metadata,omitempty"`
	Items           []Product `json:"items"`
}
