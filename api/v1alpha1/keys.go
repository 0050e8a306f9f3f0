// Copyright The license-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package v1alpha1

// FieldOwner is the name under which the operator applies and patches.
const FieldOwner = "license-operator"

const (
	// LabelSubscription, on what was made for a Subscription, holds its name.
	LabelSubscription = "license-operator.dev/subscription"
	// LabelProduct, on a UsageRecord, holds the name of its Product: by it the
	// operator knows how long to keep the record without reading it.
	LabelProduct = "license-operator.dev/product"
	// LabelActivation, on what was made by an Activation, holds its name.
	LabelActivation = "license-operator.dev/activation"
	// LabelPage, on an Activation, says which page has made it: PageRegistration
	// or PageActivation. The operator deletes those that have it once they are
	// of no use any more.
	LabelPage = "license-operator.dev/page"
	// LabelLedgerBlock, on a LicenseCheckout that stands for a checkout through
	// the API, holds the number of the block with its entry. The operator makes
	// and deletes those that have it; nobody else may set it.
	LabelLedgerBlock = "license-operator.dev/ledger-block"

	// AnnotationAccountID, on a Namespace, sets the 12 digits of the vendor's
	// account instead of those derived from the Namespace's name.
	AnnotationAccountID = "license-operator.dev/account-id"
)

// The values of LabelPage.
const (
	// PageRegistration: the token was handed out by the registration page, and
	// has been resolved.
	PageRegistration = "registration"
	// PageActivation: the key was handed out by the activation page.
	PageActivation = "activation"
)

// The keys of the Secrets that controllers write beside their objects.
const (
	// SecretKeyProductToken is in the Secret <product>-product-token.
	SecretKeyProductToken = "productToken"
	// SecretKeyActivationKey and SecretKeyRegistrationToken are in the Secret
	// <activation>-activation, one of them by the Activation's type.
	SecretKeyActivationKey     = "activationKey"
	SecretKeyRegistrationToken = "registrationToken"
	// SecretKeyAccessKeyID and SecretKeySecretAccessKey are in the Secret
	// <accesskey>-access-key.
	SecretKeyAccessKeyID     = "accessKeyId"
	SecretKeySecretAccessKey = "secretAccessKey"
	// SecretKeyRegistrationURL and SecretKeyActivationURL are in the Secret
	// <subscription>-links: links to the pages, as good as a key each.
	SecretKeyRegistrationURL = "registrationURL"
	SecretKeyActivationURL   = "activationURL"
	// SecretKeyWebhook is in the Secret <product>-webhook.
	SecretKeyWebhook = "webhookSecret"
	// SecretKeySignedLicense and SecretKeyJWKS are in the Secret
	// <licensecheckout>-license: the signed token while the seats are held, and
	// the public keys that verify it.
	SecretKeySignedLicense = "license.jwt"
	SecretKeyJWKS          = "jwks.json" //nolint:gosec // The name of a file of public keys.
)

// ProductTokenSecretName is the name of the Secret with a Product's token.
func ProductTokenSecretName(product string) string { return product + "-product-token" }

// ActivationSecretName is the name of the Secret with an Activation's key.
func ActivationSecretName(activation string) string { return activation + "-activation" }

// AccessKeySecretName is the name of the Secret with an AccessKey's pair.
func AccessKeySecretName(accessKey string) string { return accessKey + "-access-key" }

// LinksSecretName is the name of the Secret with a Subscription's links.
func LinksSecretName(subscription string) string { return subscription + "-links" }

// WebhookSecretName is the name of the Secret with the key that signs what is
// posted to a Product's webhook.
func WebhookSecretName(product string) string { return product + "-webhook" }

// LicenseSecretName is the name of the Secret with a LicenseCheckout's token.
func LicenseSecretName(checkout string) string { return checkout + "-license" }
