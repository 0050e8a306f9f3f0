// Copyright The license-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package auth

import (
	"crypto/hmac"
	"crypto/sha1" //nolint:gosec // The protocol's hash; HMAC-SHA1 is not broken.
	"crypto/sha256"
	"encoding/base64"
	"hash"

	"github.com/license-operator/license-operator/internal/fault"
	"github.com/license-operator/license-operator/webhook/query"
)

// The values of SignatureMethod.
const (
	HmacSHA1   = "HmacSHA1"
	HmacSHA256 = "HmacSHA256"
)

// signatureVersion is how one SignatureVersion works.
type signatureVersion interface {
	// matches reports in constant time whether the signature is the one that
	// the secret makes.
	matches(in *Input, secret, signature string) bool
	// checkNames refuses parameters that the signature can't protect.
	checkNames(in *Input) error
	// checkMeaning refuses a request whose signature fits another one too.
	checkMeaning(in *Input) error
}

// version returns the signature version of a request, if it is allowed.
func (v *Verifier) version(in *Input) (signatureVersion, error) {
	switch in.get(query.SignatureVersion) {
	case "2":
		newHash, err := method(in)
		if err != nil {
			return nil, err
		}
		return version2{newHash}, nil
	case "1":
		if v.AllowVersion1 {
			return version1{}, nil
		}
		return nil, fault.New(fault.InvalidParameter, "Signature version 1 is switched off here; sign with `SignatureVersion` 2.")
	case "", "0":
		if v.AllowVersion0 {
			return version0{}, nil
		}
		return nil, fault.New(fault.InvalidParameter,
			"Signature version 0, which is meant by a missing `SignatureVersion`, is switched off here; sign with `SignatureVersion` 2.")
	default:
		return nil, fault.New(fault.InvalidParameter, "The `SignatureVersion` is unknown; sign with `SignatureVersion` 2.")
	}
}

// method returns the hash of a version 2 signature.
func method(in *Input) (func() hash.Hash, error) {
	switch name, ok := in.lookup(query.SignatureMethod); {
	case !ok:
		return nil, fault.New(fault.MissingParameter, "The request is missing the required parameter `SignatureMethod`: HmacSHA256 or HmacSHA1.")
	case name == HmacSHA256:
		return sha256.New, nil
	case name == HmacSHA1:
		return sha1.New, nil
	default:
		return nil, fault.New(fault.InvalidParameter, "The `SignatureMethod` is unknown; use HmacSHA256 or HmacSHA1.")
	}
}

// appendMAC appends the base64 form of the MAC of text.
func appendMAC(b []byte, newHash func() hash.Hash, secret string, text []byte) []byte {
	mac := hmac.New(newHash, []byte(secret))
	mac.Write(text)
	var sum [sha256.Size]byte
	return base64.StdEncoding.AppendEncode(b, mac.Sum(sum[:0]))
}

// equalMAC reports in constant time whether a signature is the MAC of text. It
// compares the base64 forms: a MAC has only one that we make, so no other
// spelling of the same bytes passes.
func equalMAC(newHash func() hash.Hash, secret string, text []byte, signature string) bool {
	var buf [base64Size]byte
	return hmac.Equal(appendMAC(buf[:0], newHash, secret, text), []byte(signature))
}

// base64Size is the length of the base64 form of the longest MAC.
const base64Size = (sha256.Size + 2) / 3 * 4
