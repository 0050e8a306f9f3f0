// Copyright The license-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package awsjson

import (
	"errors"
	"maps"
	"net/http"

	"github.com/license-operator/license-operator/internal/fault"
)

// retryAfterSeconds is what a client is told to wait before it repeats a
// request that the service could not take.
const retryAfterSeconds = 1

const (
	// internalMessage says nothing of the inside.
	internalMessage = "The request could not be processed because of an internal error. Try again later."
	// unavailableMessage stands in for a detail that is missing.
	unavailableMessage = "The request can't be processed now. Try again later."
)

// Failure is how an error looks on the wire.
type Failure struct {
	// Code is the shape's name in the API model, without a namespace.
	Code string
	// Status is the HTTP status: 400 for every mistake of the caller's, that
	// of authentication too, as the JSON services of AWS answer, and 500.
	Status int
	// Message is a sentence for people.
	Message string
	// RetryAfterSeconds is sent as Retry-After unless it is 0.
	RetryAfterSeconds int
}

// mistake is an error of the caller's.
func mistake(code string) Failure { return Failure{Code: code, Status: http.StatusBadRequest} }

// throttled is status 400 by the contract, so Retry-After is for those who
// read it; SDKs go by the code.
func throttled(code string) Failure {
	return Failure{Code: code, Status: http.StatusBadRequest, RetryAfterSeconds: retryAfterSeconds}
}

// frontDoor holds the errors that all services have in common: those that
// arise before an operation's own. The names are those that the JSON services
// of AWS answer with; REST-Query has others for the same things.
var frontDoor = map[fault.Kind]Failure{
	// There is no name for plain HTTP. Nobody may call over it.
	fault.TLSRequired: mistake("AccessDeniedException"),
	// A request that is no POST has no operation.
	fault.UnsupportedMethod: mistake("UnknownOperationException"),
	// No JSON service has a name of its own for what is too large.
	// ValidationException is what a value answers that is longer than the API
	// allows: SDKs have a class for it and never repeat such a request.
	fault.URITooLong:      mistake("ValidationException"),
	fault.RequestTooLarge: mistake("ValidationException"),
	fault.Malformed:       mistake("SerializationException"),

	fault.MissingAction:  mistake("UnknownOperationException"),
	fault.UnknownAction:  mistake("UnknownOperationException"),
	fault.UnknownVersion: mistake("UnknownOperationException"),

	fault.MissingAuthentication: mistake("MissingAuthenticationTokenException"),
	fault.IncompleteSignature:   mistake("IncompleteSignatureException"),
	fault.InvalidSignature:      mistake("InvalidSignatureException"),
	fault.SignatureMismatch:     mistake("InvalidSignatureException"),
	// SDKs repeat this one with a corrected clock, going by the Date of the
	// answer.
	fault.RequestExpired:     mistake("InvalidSignatureException"),
	fault.UnknownAccessKey:   mistake("UnrecognizedClientException"),
	fault.CredentialsExpired: mistake("ExpiredTokenException"),
	fault.AccessDenied:       mistake("AccessDeniedException"),
	fault.Validation:         mistake("ValidationException"),
}

// frontDoorFailures is the table of Unknown, whose requests get no further.
var frontDoorFailures = with(frontDoor, map[fault.Kind]Failure{
	fault.Throttled:   throttled("ThrottlingException"),
	fault.Unavailable: {Code: "InternalServiceErrorException", Status: http.StatusInternalServerError, RetryAfterSeconds: retryAfterSeconds},
	fault.Internal:    {Code: "InternalServiceErrorException", Status: http.StatusInternalServerError},
})

// ofOperations are the kinds of mistakes that single operations, of this or of
// another protocol, tell of. What a service has no name for is what it would be
// there: a wrong parameter.
var ofOperations = []fault.Kind{
	fault.MissingParameter, fault.InvalidParameter, fault.ParameterCombination, fault.ConflictingParameter,

	fault.MissingPID, fault.MissingProductToken, fault.MissingUserToken,
	fault.ActivationKeyExpired, fault.ActivationKeyMismatch, fault.ActivationKeyInvalid,
	fault.ProductTokenInvalid, fault.UserTokenInvalid, fault.PIDInvalid,

	fault.NotEntitled, fault.NoCapacity, fault.CheckoutNotFound, fault.Conflict,
	fault.BorrowNotAllowed, fault.UnsupportedSignatureMethod,

	fault.RegistrationTokenInvalid, fault.RegistrationTokenExpired, fault.ProductCodeInvalid,
	fault.DimensionInvalid, fault.CustomerInvalid, fault.LicenseInvalid, fault.TagInvalid, fault.AllocationsInvalid,
	fault.TimestampOutOfBounds, fault.DuplicateUsage, fault.IdempotencyConflict, fault.CustomerNotEntitled,
	fault.PublicKeyVersionInvalid, fault.DryRunAllowed, fault.DryRunDenied,

	fault.PageNotFound, fault.LinkExpired, fault.PageNotOffered, fault.NotSubscribed, fault.FormInvalid, fault.CrossSite,
}

// licenseManagerFailures is the table of LicenseManager.
var licenseManagerFailures = with(frontDoor, mistakes(ofOperations, "InvalidParameterValueException"), map[fault.Kind]Failure{
	fault.Throttled: throttled("RateLimitExceededException"),

	fault.NotEntitled:                mistake("NoEntitlementsAllowedException"),
	fault.NoCapacity:                 mistake("NoEntitlementsAllowedException"),
	fault.CheckoutNotFound:           mistake("ResourceNotFoundException"),
	fault.Conflict:                   mistake("ConflictException"),
	fault.BorrowNotAllowed:           mistake("EntitlementNotAllowedException"),
	fault.UnsupportedSignatureMethod: mistake("UnsupportedDigitalSignatureMethodException"),

	// SDKs repeat a request that had status 500, with the same client token.
	fault.Unavailable: {Code: "ServerInternalException", Status: http.StatusInternalServerError, RetryAfterSeconds: retryAfterSeconds},
	fault.Internal:    {Code: "ServerInternalException", Status: http.StatusInternalServerError},
})

// meteringFailures is the table of MarketplaceMetering. It has no
// DisabledApiException, InvalidEndpointRegionException, InvalidRegionException
// and PlatformNotSupportedException: here is one region, where everything is
// enabled, and one platform.
var meteringFailures = with(frontDoorFailures, mistakes(ofOperations, "ValidationException"), map[fault.Kind]Failure{
	fault.RegistrationTokenInvalid: mistake("InvalidTokenException"),
	fault.RegistrationTokenExpired: mistake("ExpiredTokenException"),
	fault.ProductCodeInvalid:       mistake("InvalidProductCodeException"),
	fault.DimensionInvalid:         mistake("InvalidUsageDimensionException"),
	fault.CustomerInvalid:          mistake("InvalidCustomerIdentifierException"),
	fault.LicenseInvalid:           mistake("InvalidLicenseException"),
	fault.TagInvalid:               mistake("InvalidTagException"),
	fault.AllocationsInvalid:       mistake("InvalidUsageAllocationsException"),
	fault.TimestampOutOfBounds:     mistake("TimestampOutOfBoundsException"),
	fault.DuplicateUsage:           mistake("DuplicateRequestException"),
	fault.IdempotencyConflict:      mistake("IdempotencyConflictException"),
	fault.CustomerNotEntitled:      mistake("CustomerNotEntitledException"),
	fault.PublicKeyVersionInvalid:  mistake("InvalidPublicKeyVersionException"),
	// These two are not in the API model but in the API reference, at the
	// parameter DryRun of MeterUsage.
	fault.DryRunAllowed: mistake("DryRunOperation"),
	fault.DryRunDenied:  mistake("UnauthorizedException"),
})

// entitlementFailures is the table of MarketplaceEntitlement.
var entitlementFailures = with(frontDoorFailures, mistakes(ofOperations, "InvalidParameterException"))

// mistakes returns rows that give all kinds one code.
func mistakes(kinds []fault.Kind, code string) map[fault.Kind]Failure {
	rows := make(map[fault.Kind]Failure, len(kinds))
	for _, kind := range kinds {
		rows[kind] = mistake(code)
	}
	return rows
}

// with joins tables; of several rows the last counts.
func with(tables ...map[fault.Kind]Failure) map[fault.Kind]Failure {
	all := map[fault.Kind]Failure{}
	for _, table := range tables {
		maps.Copy(all, table)
	}
	return all
}

// FailureOf returns how an error looks on the wire: a fault by its kind and
// with its detail, anything else as an internal error with a fixed message.
func (s *Service) FailureOf(err error) Failure {
	if f, ok := errors.AsType[*fault.Error](err); ok && f.Kind != fault.Internal {
		if failure, known := s.failures[f.Kind]; known {
			failure.Message = f.Detail
			if f.Kind == fault.Unavailable && f.Detail == "" {
				failure.Message = unavailableMessage
			}
			return failure
		}
	}
	failure := s.failures[fault.Internal]
	failure.Message = internalMessage
	return failure
}
