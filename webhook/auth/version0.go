// Copyright The license-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package auth

import (
	"crypto/sha1" //nolint:gosec // The protocol's hash; HMAC-SHA1 is not broken.

	"github.com/license-operator/license-operator/internal/fault"
	"github.com/license-operator/license-operator/webhook/query"
)

// version0 signs Action and Timestamp only, with HMAC-SHA1. Names of actions
// and dates can't run into each other, so these two are safe; nothing else is.
type version0 struct{}

func (version0) matches(in *Input, secret, signature string) bool {
	return equalMAC(sha1.New, secret, stringToSign0(in.Parameters), signature)
}

// checkNames demands the Timestamp, because an Expires would not be signed.
func (version0) checkNames(in *Input) error {
	if _, ok := in.lookup(query.Expires); ok {
		return fault.New(fault.ParameterCombination, "Signature version 0 does not cover `Expires`; send `Timestamp`, or sign with `SignatureVersion` 2.")
	}
	return nil
}

func (version0) checkMeaning(*Input) error { return nil }

func stringToSign0(parameters []query.Parameter) []byte {
	in := Input{Parameters: parameters}
	return []byte(in.get(query.ActionParameter) + in.get(query.Timestamp))
}
