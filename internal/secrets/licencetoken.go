// Copyright The license-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package secrets

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"sync"
	"time"

	"github.com/license-operator/license-operator/api/v1alpha1"
)

const (
	// MinLicenceTokenLength is the least length of a licence token, in
	// characters: License Manager's API model says so of SignedToken.
	MinLicenceTokenLength = 4096

	// MaxTermsLength is the length, in characters, up to which a licence token
	// carries all entitlements of the licence. A longer one carries only those
	// that were allowed.
	MaxTermsLength = 16 << 10

	// MaxLicenceTokenLength bounds a licence token, in characters.
	MaxLicenceTokenLength = 64 << 10
)

// LicenceClaims is what a licence token says: who may use what, and until when.
type LicenceClaims struct {
	// KeyFingerprint names the vendor; it is the claim `iss`.
	KeyFingerprint string
	// Customer is the CustomerIdentifier; it is the claim `sub`.
	Customer string
	// CheckoutID is the claim `jti`.
	CheckoutID   string
	CheckoutType v1alpha1.CheckoutType
	LicenceARN   string
	// ConsumptionToken gives the checkout back.
	ConsumptionToken    string
	EntitlementsAllowed []AllowedEntitlement
	// NodeID is where the holder says it is; "" for nowhere.
	NodeID string
	// IssueTime and ExpirationTime are written in whole seconds. A zero
	// ExpirationTime is never.
	IssueTime, ExpirationTime time.Time
	// CheckoutMetadata is what a borrower said of itself.
	CheckoutMetadata map[string]string
	Terms            LicenceTerms
}

// AllowedEntitlement is what a checkout may use of one entitlement.
type AllowedEntitlement struct {
	Name string `json:"name"`
	// Value is the number of units in decimal digits, or a feature's value,
	// which may be "".
	Value string        `json:"value,omitempty"`
	Unit  v1alpha1.Unit `json:"unit"`
}

// LicenceTerms is what the licence allows beyond one checkout.
type LicenceTerms struct {
	ProductSKU, ProductCode, ProductName string
	// IssuerName is the vendor's name.
	IssuerName  string
	Beneficiary string
	// Begin and End are the licence's validity; a zero time is open.
	Begin, End time.Time
	// Entitlements are all of the licence.
	Entitlements []v1alpha1.Entitlement
	Renewal      v1alpha1.Renewal
	// ProvisionalMinutes and BorrowMinutes are how long checkouts live; 0
	// BorrowMinutes: there is no borrowing.
	ProvisionalMinutes, BorrowMinutes int32
	// EarlyCheckIn says whether what is borrowed may be given back early.
	EarlyCheckIn v1alpha1.Permission
}

// SignLicence makes a licence token with the version that is current at this
// time: a JSON Web Signature in compact form (RFC 7515) of at least
// MinLicenceTokenLength characters. The algorithm "" is ES256. The same claims
// give the same token for as long as the same version is current. It fails on
// an unknown algorithm, on claims without the names and times that every
// checkout has, and on a token longer than MaxLicenceTokenLength; the error
// quotes nothing.
func (s *Signing) SignLicence(now time.Time, algorithm v1alpha1.SigningAlgorithm, claims LicenceClaims) (string, error) {
	if err := claims.check(); err != nil {
		return "", err
	}
	if algorithm == "" {
		algorithm = v1alpha1.ES256
	}
	signer, ok := s.current(now).signers[algorithm]
	if !ok {
		return "", errors.New("the algorithm of a licence token must be ES256, PS384 or EdDSA")
	}
	w := tokenWriters.Get().(*tokenWriter)
	defer w.release()
	payload, err := w.payload(signer, &claims)
	if err != nil {
		return "", err
	}
	if w.token, err = signer.append(w.token[:0], payload); err != nil {
		return "", err
	}
	return string(w.token), nil
}

func (c *LicenceClaims) check() error {
	if c.KeyFingerprint == "" || c.Customer == "" || c.CheckoutID == "" || c.LicenceARN == "" || c.ConsumptionToken == "" {
		return errors.New("a licence token needs a key fingerprint, a customer, a checkout id, a licence ARN and a consumption token")
	}
	if c.IssueTime.IsZero() || !sealableTime(c.IssueTime) || !sealableTime(c.ExpirationTime) || !sealableTime(c.Terms.Begin) || !sealableTime(c.Terms.End) {
		return errors.New("a licence token needs a time of issue, and its times must lie in the years 1 to 9999")
	}
	if !c.ExpirationTime.IsZero() && c.ExpirationTime.Before(c.IssueTime) {
		return errors.New("a licence token must not expire before it is issued")
	}
	return nil
}

// tokenWriter holds the buffers of one token.
type tokenWriter struct {
	json    bytes.Buffer
	encoder *json.Encoder
	token   []byte
}

// maxKept is the largest buffer that is kept for the next token, in bytes.
const maxKept = 16 << 10

var tokenWriters = sync.Pool{New: func() any {
	w := &tokenWriter{}
	w.encoder = json.NewEncoder(&w.json)
	w.encoder.SetEscapeHTML(false)
	return w
}}

func (w *tokenWriter) release() {
	if w.json.Cap() <= maxKept && cap(w.token) <= maxKept {
		tokenWriters.Put(w)
	}
}

// payload writes the claims and pads them.
func (w *tokenWriter) payload(signer *tokenSigner, claims *LicenceClaims) ([]byte, error) {
	wire := claims.wire()
	raw, err := w.encode(wire)
	if err == nil && signer.length(len(raw)) > MaxTermsLength {
		wire.Entitlements = nil
		raw, err = w.encode(wire)
	}
	if err != nil {
		return nil, errors.New("the claims of a licence token can't be written as JSON")
	}
	if length := signer.length(len(raw)); length > MaxLicenceTokenLength {
		return nil, fmt.Errorf("the licence token would have %d characters, at most %d are possible", length, MaxLicenceTokenLength)
	}
	return padClaims(raw, signer.leastPayload(MinLicenceTokenLength)), nil
}

// encode returns the JSON without the line break that the encoder adds. It is
// overwritten by the next call.
func (w *tokenWriter) encode(claims *wireClaims) ([]byte, error) {
	w.json.Reset()
	w.json.Grow(MinLicenceTokenLength) // The padding fits in too.
	err := w.encoder.Encode(claims)
	return bytes.TrimSuffix(w.json.Bytes(), []byte("\n")), err
}

const padStart, padEnd = `,"pad":"`, `"}`

var padding = strings.Repeat(".", MinLicenceTokenLength)

// padClaims adds a claim `pad` to a JSON object that is shorter than so many
// bytes.
func padClaims(object []byte, least int) []byte {
	if len(object) >= least {
		return object
	}
	object = append(object[:len(object)-1], padStart...)
	if missing := least - len(object) - len(padEnd); missing > 0 {
		object = append(object, padding[:missing]...)
	}
	return append(object, padEnd...)
}
