// Copyright The license-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package secrets

import (
	"bytes"
	"crypto"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"time"
)

const (
	// registrationSaltInfo is the HKDF info of the key that PS256 salts come from.
	registrationSaltInfo = "license-operator.dev/signing/v1/registration-salt"

	// registrationHeader is what "Verify the signature" of the AWS Marketplace
	// Seller Guide shows. It has no kid: the version of the key is a claim.
	registrationHeader = `{"alg":"PS256","typ":"JWT"}`
)

// UsageRegistration is what the Signature of RegisterUsage says. The names of
// the claims are those that AWS's own verifier reads.
type UsageRegistration struct {
	// Issuer is the vendor's account. It is no claim of AWS's.
	Issuer      string `json:"iss"`
	ProductCode string `json:"productCode"`
	// PublicKeyVersion of the key that signs, which the caller has chosen.
	PublicKeyVersion int `json:"publicKeyVersion"`
	// Nonce is the caller's; "" for none.
	Nonce string `json:"nonce,omitempty"`
	// IssueTime in seconds since 1970.
	IssueTime int64 `json:"iat"`
}

// SignUsageRegistration makes the Signature of RegisterUsage: a JSON Web
// Signature in compact form with PS256 (RFC 7518, section 3.5) by the RSA key of
// the version that the registration names. The same registration gives the same
// signature. The only error that can be expected is ErrUnknownVersion.
func (s *Signing) SignUsageRegistration(r UsageRegistration) (string, error) {
	v := s.version(r.PublicKeyVersion)
	if v == nil {
		return "", ErrUnknownVersion
	}
	payload, err := json.Marshal(r)
	if err != nil {
		return "", fmt.Errorf("write a usage registration: %w", err)
	}
	token, err := v.registrations.append(nil, payload)
	return string(token), err
}

// PublicKeyVersion is one version of the RSA key that signs for RegisterUsage.
// It holds no secret.
type PublicKeyVersion struct {
	Version int
	// PEM is the public key as SubjectPublicKeyInfo (RFC 7468, section 13).
	PEM []byte
	// SignFromTime is when the version becomes the current one.
	SignFromTime time.Time
	// RotationTime is when another version took its place; zero for the current
	// one and for one that waits.
	RotationTime time.Time
	// Current says that new software is to be built with it.
	Current bool
}

// PublicKeyVersions are all versions, the oldest first.
func (s *Signing) PublicKeyVersions(now time.Time) []PublicKeyVersion {
	current := s.CurrentVersion(now)
	all := make([]PublicKeyVersion, 0, len(s.versions))
	for n := range s.versions {
		v := &s.versions[n]
		public := PublicKeyVersion{Version: v.version, PEM: v.publicPEM, SignFromTime: v.signFrom, Current: v.version == current}
		if v.version < current {
			public.RotationTime = s.versions[n+1].signFrom
		}
		all = append(all, public)
	}
	return all
}

func (s *Signing) version(version int) *signingVersion {
	for n := range s.versions {
		if s.versions[n].version == version {
			return &s.versions[n]
		}
	}
	return nil
}

// newRegistrationSigner prepares the signer of a version for RegisterUsage, and
// its public key as PEM.
func newRegistrationSigner(key SigningKey) (*tokenSigner, []byte, error) {
	sign, err := signPS256(key.PS384)
	if err != nil {
		return nil, nil, err
	}
	der, err := x509.MarshalPKIXPublicKey(key.PS384.Public())
	if err != nil {
		return nil, nil, errors.New("write the public RSA key")
	}
	s := &tokenSigner{algorithm: "PS256", signatureSize: key.PS384.Size(), sign: sign,
		header: append(base64.RawURLEncoding.AppendEncode(nil, []byte(registrationHeader)), '.')}
	return s, pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der}), nil
}

// signPS256 is signPS384 with another hash and salts of its own.
func signPS256(key *rsa.PrivateKey) (func([]byte) ([]byte, error), error) {
	secret, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return nil, errors.New("write the RSA key")
	}
	salts, err := newPRF(secret, registrationSaltInfo)
	if err != nil {
		return nil, err
	}
	return func(input []byte) ([]byte, error) {
		digest := sha256.Sum256(input)
		salt := salts.sum(string(digest[:]))
		return rsa.SignPSS(bytes.NewReader(salt[:]), key, crypto.SHA256, digest[:], &rsa.PSSOptions{SaltLength: rsa.PSSSaltLengthEqualsHash})
	}, nil
}
