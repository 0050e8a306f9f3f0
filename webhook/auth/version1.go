// Copyright The license-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package auth

import (
	"crypto/sha1" //nolint:gosec // The protocol's hash; HMAC-SHA1 is not broken.
	"slices"

	"github.com/license-operator/license-operator/internal/fault"
	"github.com/license-operator/license-operator/webhook/query"
)

// version1 is the signature that the service's documentation specifies ("an
// HMAC-SHA1 request signature"): all parameters but Signature, sorted by name
// ignoring case, names and values run together. Because they run together,
// another request can have the same signature; checkNames and checkMeaning
// refuse every request for which there is another that the server would act
// upon.
type version1 struct{}

func (version1) matches(in *Input, secret, signature string) bool {
	return equalMAC(sha1.New, secret, stringToSign1(in.Parameters), signature)
}

// checkNames allows only the names that the action knows. No two of those
// differ only in case, so ignoring case they have one order.
func (version1) checkNames(in *Input) error {
	rules := in.Action.SignedRules()
	for _, p := range in.Parameters {
		if p.Name != query.Signature && !isKnown(rules, p.Name) {
			return fault.New(fault.InvalidParameter,
				"Signature version 1 can't protect a parameter that %s does not know; leave it out or sign with `SignatureVersion` 2.",
				in.Action.Name)
		}
	}
	return nil
}

func isKnown(rules []query.Rule, name string) bool {
	return slices.ContainsFunc(rules, func(r query.Rule) bool { return r.Name == name })
}

// checkMeaning refuses a request of which a value is not acceptable, with the
// fault that the action's rule names, and then one whose signed string can be
// read in a second way. The first makes the second sound: what is accepted
// here is one of the readings that are counted.
func (version1) checkMeaning(in *Input) error {
	rules := in.Action.SignedRules()
	for i := range rules {
		rule := &rules[i]
		value, present := in.lookup(rule.Name)
		if err := rule.Check(value, present); err != nil {
			return err
		}
		if present && !acceptable(rule, value) {
			return fault.New(rule.Invalid,
				"The parameter `%s` can't be protected by signature version 1; sign with `SignatureVersion` 2.", rule.Name)
		}
	}
	if countReadings(string(stringToSign1(in.Parameters)), rules) != 1 {
		return fault.New(fault.InvalidParameter,
			"Signature version 1 can't tell these parameters from others with the same text; sign with `SignatureVersion` 2.")
	}
	return nil
}

// stringToSign1 runs names and values together.
func stringToSign1(parameters []query.Parameter) []byte {
	sorted := make([]query.Parameter, 0, query.MaxParameters)
	size := 0
	for _, p := range parameters {
		if p.Name != query.Signature {
			sorted = append(sorted, p)
			size += len(p.Name) + len(p.Value)
		}
	}
	slices.SortFunc(sorted, func(x, y query.Parameter) int { return query.CompareFold(x.Name, y.Name) })
	text := make([]byte, 0, size)
	for _, p := range sorted {
		text = append(text, p.Name...)
		text = append(text, p.Value...)
	}
	return text
}
