// Copyright The license-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package fault

// The kinds that only the JSON protocols tell apart.
const (
	// IncompleteSignature and InvalidSignature: the parts of a signature are
	// not all there, or it can't be one for this request.
	IncompleteSignature Kind = "IncompleteSignature"
	InvalidSignature    Kind = "InvalidSignature"
	// CredentialsExpired: temporary credentials whose time is over.
	CredentialsExpired Kind = "CredentialsExpired"
	// Validation: a value breaks a constraint of the protocol's API model.
	Validation Kind = "Validation"
	// NotEntitled: nothing that the caller may use fits the request.
	NotEntitled Kind = "NotEntitled"
	// NoCapacity: what the caller may use is all in use now.
	NoCapacity Kind = "NoCapacity"
	// CheckoutNotFound: no checkout of the caller's, or one that has ended.
	CheckoutNotFound Kind = "CheckoutNotFound"
	// Conflict: the state of the thing forbids it.
	Conflict Kind = "Conflict"
	// BorrowNotAllowed: the licence may not be borrowed.
	BorrowNotAllowed Kind = "BorrowNotAllowed"
	// UnsupportedSignatureMethod: a signature of tokens that is not offered.
	UnsupportedSignatureMethod Kind = "UnsupportedSignatureMethod"
)
