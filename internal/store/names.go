// Copyright The license-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package store

import (
	"regexp"
	"strings"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/license-operator/license-operator/api/v1alpha1"
	"github.com/license-operator/license-operator/internal/secrets"
)

// Names says how objects are called on the wire: what their specs set, or what
// the identity key derives from their names. The same manifests and the same
// identity key give the same names in every cluster.
type Names struct{ Identity *secrets.Identity }

var accountPattern = regexp.MustCompile(`^[0-9]{12}$`)

// Code is a Product's code.
func (n Names) Code(p *v1alpha1.Product) string {
	if p.Spec.Code != "" {
		return p.Spec.Code
	}
	return n.Identity.ProductCode(p.Namespace, p.Name)
}

// SKU is a Product's SKU.
func (n Names) SKU(p *v1alpha1.Product) string {
	if p.Spec.SKU != "" {
		return p.Spec.SKU
	}
	return p.Name
}

// Account is the 12 digits of a namespace's account. valid is false when the
// annotation that sets it is not 12 digits; the derived account is returned
// then.
func (n Names) Account(ns metav1.Object) (account string, valid bool) {
	derived := n.Identity.AccountID(ns.GetName())
	set, found := ns.GetAnnotations()[v1alpha1.AnnotationAccountID]
	switch {
	case !found:
		return derived, true
	case accountPattern.MatchString(set):
		return set, true
	default:
		return derived, false
	}
}

// KeyFingerprint is the KeyFingerprint that CheckoutLicense asks for. Its tail
// is literal (API reference of License Manager).
func (n Names) KeyFingerprint(account string, p *v1alpha1.Product) string {
	issuer := p.Spec.License.IssuerName
	if issuer == "" {
		issuer = p.Namespace
	}
	return "aws:" + account + ":" + issuer + ":issuer-fingerprint"
}

// Customer is the customer identifier of a Subscription.
func (n Names) Customer(s *v1alpha1.Subscription) string {
	if s.Spec.Customer.Identifier != "" {
		return s.Spec.Customer.Identifier
	}
	return n.Identity.CustomerIdentifier(s.Namespace, s.Name)
}

// Party is whom links and tokens of the pages are for, beside the Subscription's
// name.
func (n Names) Party(p *v1alpha1.Product, s *v1alpha1.Subscription) secrets.Party {
	return secrets.PartyOf(n.Code(p), n.Customer(s))
}

// PID is the persistent identifier of a Subscription's customer: the same for
// all Subscriptions of one customer in one namespace.
func (n Names) PID(s *v1alpha1.Subscription) string {
	return n.Identity.PersistentIdentifier(s.Namespace, n.Customer(s))
}

// LicenseARN is the ARN of a Subscription's licence.
func (n Names) LicenseARN(account string, s *v1alpha1.Subscription) string {
	return n.Identity.LicenseARN(account, s.Namespace, s.Name)
}

// licenseARNHead and licenseARNMiddle are what is fixed of a licence's ARN. Its
// region is empty (API reference of License Manager).
const (
	licenseARNHead   = "arn:aws:license-manager::"
	licenseARNMiddle = ":license:"
)

var licenseIDPattern = regexp.MustCompile(`^l-[0-9a-f]{32}$`)

// ParseLicenseARN takes the ARN of a licence apart; false if it has not the
// form of one of ours.
func ParseLicenseARN(arn string) (account, id string, ok bool) {
	rest, headed := strings.CutPrefix(arn, licenseARNHead)
	account, id, cut := strings.Cut(rest, licenseARNMiddle)
	return account, id, headed && cut && accountPattern.MatchString(account) && licenseIDPattern.MatchString(id)
}

// LicenseID is the end of the ARN of a Subscription's licence: what of it does
// not depend on the account.
func (n Names) LicenseID(s *v1alpha1.Subscription) string {
	_, id, _ := strings.Cut(n.LicenseARN("", s), licenseARNMiddle)
	return id
}

// Beneficiary is how a checkout may call a Subscription's customer: by its
// account if that is known, else by its identifier.
func (n Names) Beneficiary(s *v1alpha1.Subscription) string {
	if s.Spec.Customer.AccountID != "" {
		return s.Spec.Customer.AccountID
	}
	return n.Customer(s)
}

// IsBeneficiary says whether a checkout may call a Subscription's customer so.
func (n Names) IsBeneficiary(s *v1alpha1.Subscription, name string) bool {
	return name != "" && (name == s.Spec.Customer.AccountID || name == n.Customer(s))
}

// ActivationKey is the activation key of an Activation.
func (n Names) ActivationKey(a *v1alpha1.Activation) (string, error) {
	return n.Identity.NewActivationKey(n.Identity.ActivationRandom(a.Namespace, a.Name, string(a.UID)))
}

// RegistrationToken is the registration token of an Activation.
func (n Names) RegistrationToken(a *v1alpha1.Activation) (string, error) {
	return n.Identity.NewRegistrationToken(n.Identity.ActivationRandom(a.Namespace, a.Name, string(a.UID)))
}

// AccessKeyID is the id of one rotation of an AccessKey.
func (n Names) AccessKeyID(k *v1alpha1.AccessKey, rotation int32) string {
	return n.Identity.AccessKeyID(k.Namespace, k.Name, int64(rotation))
}

// SecretAccessKey is the secret half of one rotation of an AccessKey.
func (n Names) SecretAccessKey(k *v1alpha1.AccessKey, rotation int32) string {
	return n.Identity.SecretAccessKey(k.Namespace, k.Name, int64(rotation))
}

// WebhookRotation is the number of the secret that a Product's webhook has now.
func (n Names) WebhookRotation(p *v1alpha1.Product) int64 {
	if r := p.Spec.Notifications.WebhookSecretRotation; r != nil {
		return int64(*r)
	}
	return 1
}

// WebhookKey is the key that signs what is posted to a Product's webhook, in one
// of its rotations.
func (n Names) WebhookKey(p *v1alpha1.Product, rotation int64) secrets.WebhookKey {
	return n.Identity.WebhookKey(p.Namespace, p.Name, rotation)
}
