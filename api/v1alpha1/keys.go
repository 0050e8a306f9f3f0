// Copyright The license-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package v1alpha1

// FieldOwner is the name under which the operator applies and patches.
const FieldOwner = "license-operator"

const (
	// LabelSubscription, on what was made for a Subscription, holds its name.
	LabelSubscription = "license-operator.dev/subscription"
	// LabelActivation, on what was made by an Activation, holds its name.
	LabelActivation = "license-operator.dev/activation"
	// LabelLedgerBlock, on a LicenseCheckout that stands for a checkout through
	// the API, holds the number of the block with its entry. The operator makes
	// and deletes those that have it; nobody else may set it.
	LabelLedgerBlock = "license-operator.dev/ledger-block"

	// AnnotationAccountID, on a Namespace, sets the 12 digits of the vendor's
	// account instead of those derived from the Namespace's name.
	AnnotationAccountID = "license-operator.dev/account-id"
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

// LicenseSecretName is the name of the Secret with a LicenseCheckout's token.
func LicenseSecretName(checkout string) string { return checkout + "-license" }
