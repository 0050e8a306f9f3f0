// Copyright The license-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package secrets

import (
	"bytes"
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/sha512"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/go-jose/go-jose/v4"
	"golang.org/x/crypto/cryptobyte"
	"golang.org/x/crypto/cryptobyte/asn1"

	"github.com/license-operator/license-operator/api/v1alpha1"
)

// saltInfo is the HKDF info of the key that PS384 salts come from.
const saltInfo = "license-operator.dev/signing/v1/salt"

// tokenSigner makes JSON Web Signatures with one key. What is the same in all
// of them, the header, is prepared once, and the rest is put together here:
// go-jose would take about as long again as the signature itself, and twice the
// allocations. The tests hold the result against go-jose.
//
// Signing is deterministic: the same claims under the same version give the
// same token. So a repeated request gets the same answer, and a Secret that the
// operator may not read can be applied again without a change.
type tokenSigner struct {
	algorithm v1alpha1.SigningAlgorithm
	public    jose.JSONWebKey
	// header is the protected header in base64 with the full stop behind it.
	header []byte
	// signatureSize is in bytes.
	signatureSize int
	sign          func(input []byte) ([]byte, error)
}

// newTokenSigners prepares the signers of a version, in the order in which the
// JWKS has their keys.
func newTokenSigners(key SigningKey) ([]*tokenSigner, error) {
	ps384, err := signPS384(key.PS384)
	if err != nil {
		return nil, err
	}
	signers := []*tokenSigner{
		{algorithm: v1alpha1.ES256, public: jose.JSONWebKey{Key: key.ES256.Public()}, signatureSize: 64, sign: signES256(key.ES256)},
		{algorithm: v1alpha1.PS384, public: jose.JSONWebKey{Key: key.PS384.Public()}, signatureSize: key.PS384.Size(), sign: ps384},
		{algorithm: v1alpha1.EdDSA, public: jose.JSONWebKey{Key: key.EdDSA.Public()}, signatureSize: ed25519.SignatureSize, sign: signEdDSA(key.EdDSA)},
	}
	for _, s := range signers {
		// RFC 7638: the key's id follows from the key and from nothing else.
		thumbprint, err := s.public.Thumbprint(crypto.SHA256)
		if err != nil {
			return nil, fmt.Errorf("derive the id of the key for %s: %w", s.algorithm, err)
		}
		s.public.KeyID = base64.RawURLEncoding.EncodeToString(thumbprint)
		s.public.Algorithm = string(s.algorithm)
		s.public.Use = "sig"
		header, err := json.Marshal(struct {
			Algorithm string `json:"alg"`
			KeyID     string `json:"kid"`
			Type      string `json:"typ"`
		}{s.public.Algorithm, s.public.KeyID, "JWT"})
		if err != nil {
			return nil, fmt.Errorf("write the header for %s: %w", s.algorithm, err)
		}
		s.header = append(base64.RawURLEncoding.AppendEncode(nil, header), '.')
		// A key that can't sign is found now and not at the first checkout.
		if signature, err := s.sign(s.header); err != nil || len(signature) != s.signatureSize {
			return nil, fmt.Errorf("the key for %s doesn't sign", s.algorithm)
		}
	}
	return signers, nil
}

// length is how many characters a token with a payload of so many bytes has.
func (s *tokenSigner) length(payload int) int {
	return len(s.header) + base64.RawURLEncoding.EncodedLen(payload) + 1 + base64.RawURLEncoding.EncodedLen(s.signatureSize)
}

// leastPayload is how many bytes of payload make a token of at least so many
// characters: n bytes make 4n/3 of them, rounded up.
func (s *tokenSigner) leastPayload(length int) int {
	return (length-s.length(0)-1)*3/4 + 1
}

// append appends the token in the compact form of RFC 7515, section 7.1.
func (s *tokenSigner) append(out, payload []byte) ([]byte, error) {
	start := len(out)
	out = append(out, s.header...)
	out = base64.RawURLEncoding.AppendEncode(out, payload)
	signature, err := s.sign(out[start:])
	if err != nil {
		return nil, fmt.Errorf("sign with %s: %w", s.algorithm, err)
	}
	out = append(out, '.')
	return base64.RawURLEncoding.AppendEncode(out, signature), nil
}

// signES256 signs as RFC 7518, section 3.4 has it: both numbers of the
// signature as 32 bytes each. The nonce is that of RFC 6979.
func signES256(key *ecdsa.PrivateKey) func([]byte) ([]byte, error) {
	return func(input []byte) ([]byte, error) {
		digest := sha256.Sum256(input)
		der, err := key.Sign(nil, digest[:], crypto.SHA256)
		if err != nil {
			return nil, err
		}
		var pair cryptobyte.String
		var r, s []byte
		rest := cryptobyte.String(der)
		if !rest.ReadASN1(&pair, asn1.SEQUENCE) || !pair.ReadASN1Integer(&r) || !pair.ReadASN1Integer(&s) || len(r) > 32 || len(s) > 32 {
			return nil, errors.New("the signature has another form")
		}
		signature := make([]byte, 64)
		copy(signature[32-len(r):], r)
		copy(signature[64-len(s):], s)
		return signature, nil
	}
}

// signPS384 signs as RFC 7518, section 3.5 has it: the salt is as long as the
// hash. It is not random but an HMAC of what is signed, under a key of its own,
// which nobody without the key can tell from a random one.
func signPS384(key *rsa.PrivateKey) (func([]byte) ([]byte, error), error) {
	secret, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return nil, errors.New("write the RSA key")
	}
	salts, err := newPRF(secret, saltInfo)
	if err != nil {
		return nil, err
	}
	return func(input []byte) ([]byte, error) {
		digest := sha512.Sum384(input)
		first, second := salts.sum("1", string(digest[:])), salts.sum("2", string(digest[:]))
		salt := bytes.NewReader(append(first[:], second[:]...))
		return rsa.SignPSS(salt, key, crypto.SHA384, digest[:], &rsa.PSSOptions{SaltLength: rsa.PSSSaltLengthEqualsHash})
	}, nil
}

// signEdDSA signs as RFC 8037, section 3.1 has it.
func signEdDSA(key ed25519.PrivateKey) func([]byte) ([]byte, error) {
	return func(input []byte) ([]byte, error) {
		return ed25519.Sign(key, input), nil
	}
}
