// Copyright The license-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package awsjson

import "github.com/license-operator/license-operator/internal/fault"

// shape holds the constraints of one simple type or list of an API model,
// under its name there. The tag "model" of a member says
//
//	model:"<shape>[,required][,max=<n>][,secret][,fault=<kind>]"
//
// where max bounds a shape that the model leaves unbounded, in characters or
// items, secret keeps the value out of errors, and fault is the kind of
// ownFaults that a value answers with instead of Validation. A bound of our own
// answers as one of the model would.
type shape struct {
	// enum lists the values that a string may have.
	enum []string
	// minLength and maxLength are in characters, or items; 0 is no bound.
	minLength, maxLength int
	// ours says that maxLength, or max, is a bound of ours, not of the model's.
	ours bool
	// pattern is the model's; a value must match it as a whole. matches does
	// what it says.
	pattern string
	matches func(string) bool
	// min and max bound a number, if ranged.
	ranged   bool
	min, max int64
	// element is the shape of a list's items or a map's values, key that of a
	// map's keys.
	element, key string
}

// ownFaults are the errors of values that an operation has an error of its own
// for, by their kind: where the value is, and what it is, written as it may be
// shown. They come after those of validation.
var ownFaults = map[fault.Kind]func(at, shown string) error{
	fault.UnsupportedSignatureMethod: func(_, shown string) error {
		return fault.New(fault.UnsupportedSignatureMethod, "The digital signature method%s is not supported; use %s.",
			shown, DigitalSignatureMethodJWTPS384)
	},
	fault.RegistrationTokenInvalid: func(string, string) error {
		return fault.New(fault.RegistrationTokenInvalid, "The registration token is empty or too long. Pass it on as the buyer's browser has posted it.")
	},
	fault.TagInvalid: func(at, _ string) error {
		return fault.New(fault.TagInvalid, "%s is invalid: there are 1 to 5 tags, keys have 1 to 100 characters and values 1 to 256, "+
			"of letters, digits, blanks and !\"#$%%&'()*+,-./:;<=@_ only.", at)
	},
}

// arnPattern is the pattern of ARNs in all the models.
const arnPattern = `^arn:aws[a-zA-Z-]*:[A-Za-z0-9][A-Za-z0-9_/.-]{0,62}:[A-Za-z0-9_/.-]{0,63}:[A-Za-z0-9_/.-]{0,63}:[A-Za-z0-9][A-Za-z0-9:_/+=,@.-]{0,1023}$`
