// Copyright The license-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package fault

// The kinds that only the services of AWS Marketplace tell apart.
const (
	// RegistrationTokenInvalid: no registration token of the caller's.
	RegistrationTokenInvalid Kind = "RegistrationTokenInvalid"
	// RegistrationTokenExpired: its time is over, or it was for one use only
	// and has been used.
	RegistrationTokenExpired Kind = "RegistrationTokenExpired"
	// ProductCodeInvalid: no product code of the caller's.
	ProductCodeInvalid Kind = "ProductCodeInvalid"
	// DimensionInvalid: usage is not metered in this dimension.
	DimensionInvalid Kind = "DimensionInvalid"
	// CustomerInvalid: the customer is not named as it must be.
	CustomerInvalid Kind = "CustomerInvalid"
	// LicenseInvalid: no licence of the product's, or several products'.
	LicenseInvalid Kind = "LicenseInvalid"
	// TagInvalid and AllocationsInvalid: usage can't be split so.
	TagInvalid         Kind = "TagInvalid"
	AllocationsInvalid Kind = "AllocationsInvalid"
	// TimestampOutOfBounds: usage of a time for which none is taken now.
	TimestampOutOfBounds Kind = "TimestampOutOfBounds"
	// DuplicateUsage: the hour has been reported with another quantity.
	DuplicateUsage Kind = "DuplicateUsage"
	// IdempotencyConflict: a client token came before, with other parameters.
	IdempotencyConflict Kind = "IdempotencyConflict"
	// CustomerNotEntitled: the customer has no right to the product now.
	CustomerNotEntitled Kind = "CustomerNotEntitled"
	// PublicKeyVersionInvalid: no key of this version has ever been published.
	PublicKeyVersionInvalid Kind = "PublicKeyVersionInvalid"
	// DryRunAllowed and DryRunDenied are what a dry run answers.
	DryRunAllowed Kind = "DryRunAllowed"
	DryRunDenied  Kind = "DryRunDenied"
)
