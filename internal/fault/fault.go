// Copyright The license-operator Authors.
// SPDX-License-Identifier: Apache-2.0

// Package fault holds the errors that a caller may be told about. A decision
// returns a fault with a kind and a safe detail; each protocol has one table
// that turns kinds into its own codes. An error that is no fault is internal
// and tells the caller nothing.
package fault

import (
	"errors"
	"fmt"
)

// Kind says what went wrong, in no protocol's words.
type Kind string

// The kinds, in the order in which a request is checked.
const (
	// TLSRequired: the request came over plain HTTP.
	TLSRequired Kind = "TLSRequired"
	// UnsupportedMethod: an HTTP method that the protocol does not use.
	UnsupportedMethod Kind = "UnsupportedMethod"
	// URITooLong: the request line is longer than the endpoint accepts.
	URITooLong Kind = "URITooLong"
	// RequestTooLarge: the body is larger than the endpoint accepts.
	RequestTooLarge Kind = "RequestTooLarge"
	// Malformed: the request can't be parsed.
	Malformed Kind = "Malformed"
	// Throttled: the caller sends more than its share; try again later.
	Throttled Kind = "Throttled"
	// MissingAction and UnknownAction: what to do is not said, or not known.
	MissingAction Kind = "MissingAction"
	UnknownAction Kind = "UnknownAction"
	// UnknownVersion: an API version that never was.
	UnknownVersion Kind = "UnknownVersion"
	// MissingAuthentication: a signed action came without credentials.
	MissingAuthentication Kind = "MissingAuthentication"
	// UnknownAccessKey: no active access key has this id.
	UnknownAccessKey Kind = "UnknownAccessKey"
	// SignatureMismatch: the signature is not the one the secret makes.
	SignatureMismatch Kind = "SignatureMismatch"
	// RequestExpired: the request's own time is over or too far from now.
	RequestExpired Kind = "RequestExpired"
	// AccessDenied: the caller is known and may not do this.
	AccessDenied Kind = "AccessDenied"
	// MissingParameter, InvalidParameter, ParameterCombination and
	// ConflictingParameter: what was sent can't be meant.
	MissingParameter     Kind = "MissingParameter"
	InvalidParameter     Kind = "InvalidParameter"
	ParameterCombination Kind = "ParameterCombination"
	ConflictingParameter Kind = "ConflictingParameter"
	// MissingPID, MissingProductToken and MissingUserToken are missing
	// parameters that have a code of their own in the DevPay contract.
	MissingPID          Kind = "MissingPID"
	MissingProductToken Kind = "MissingProductToken"
	MissingUserToken    Kind = "MissingUserToken"
	// ActivationKeyExpired, ActivationKeyMismatch and ActivationKeyInvalid:
	// the key's time is over, it is for another product, or it is none.
	ActivationKeyExpired  Kind = "ActivationKeyExpired"
	ActivationKeyMismatch Kind = "ActivationKeyMismatch"
	ActivationKeyInvalid  Kind = "ActivationKeyInvalid"
	// ProductTokenInvalid: no product token of the signer's, or a product
	// code that is not one of the signer's.
	ProductTokenInvalid Kind = "ProductTokenInvalid"
	// UserTokenInvalid: no user token of the signer's, or an expired one.
	UserTokenInvalid Kind = "UserTokenInvalid"
	// PIDInvalid: no persistent identifier of the signer's.
	PIDInvalid Kind = "PIDInvalid"
	// Unavailable: the state can't be read or committed now; try again.
	Unavailable Kind = "Unavailable"
	// Internal: everything that is not the caller's mistake.
	Internal Kind = "Internal"
)

// Error is an error that the caller may see: Detail goes out on the wire and
// must hold nothing secret. The cause goes to the log only.
type Error struct {
	Kind   Kind
	Detail string
	cause  error
}

// New returns a fault whose detail is formatted as by fmt.Sprintf. The detail
// is a sentence that says what to do.
func New(kind Kind, format string, args ...any) *Error {
	return &Error{Kind: kind, Detail: fmt.Sprintf(format, args...)}
}

// Wrap returns a fault that keeps the cause for the log.
func Wrap(cause error, kind Kind, format string, args ...any) *Error {
	return &Error{Kind: kind, Detail: fmt.Sprintf(format, args...), cause: cause}
}

// Error implements error; the text is for logs, the wire gets Detail.
func (e *Error) Error() string {
	if e.cause != nil {
		return fmt.Sprintf("%s: %s: %v", e.Kind, e.Detail, e.cause)
	}
	return fmt.Sprintf("%s: %s", e.Kind, e.Detail)
}

// Unwrap returns the cause, if there is one.
func (e *Error) Unwrap() error { return e.cause }

// KindOf returns the kind of the fault in err's chain, and Internal where
// there is none.
func KindOf(err error) Kind {
	if f, ok := errors.AsType[*Error](err); ok {
		return f.Kind
	}
	return Internal
}
