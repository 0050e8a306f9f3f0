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

// licenseManagerFailures is the table of LicenseManager. The kinds that only
// other protocols have are what they would be here: a wrong parameter.
var licenseManagerFailures = with(frontDoor, map[fault.Kind]Failure{
	fault.Throttled: throttled("RateLimitExceededException"),

	fault.MissingParameter:      mistake("InvalidParameterValueException"),
	fault.InvalidParameter:      mistake("InvalidParameterValueException"),
	fault.ParameterCombination:  mistake("InvalidParameterValueException"),
	fault.ConflictingParameter:  mistake("InvalidParameterValueException"),
	fault.MissingPID:            mistake("InvalidParameterValueException"),
	fault.MissingProductToken:   mistake("InvalidParameterValueException"),
	fault.MissingUserToken:      mistake("InvalidParameterValueException"),
	fault.ActivationKeyExpired:  mistake("InvalidParameterValueException"),
	fault.ActivationKeyMismatch: mistake("InvalidParameterValueException"),
	fault.ActivationKeyInvalid:  mistake("InvalidParameterValueException"),
	fault.ProductTokenInvalid:   mistake("InvalidParameterValueException"),
	fault.UserTokenInvalid:      mistake("InvalidParameterValueException"),
	fault.PIDInvalid:            mistake("InvalidParameterValueException"),

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

// with returns a table and another's rows.
func with(table, more map[fault.Kind]Failure) map[fault.Kind]Failure {
	all := maps.Clone(table)
	maps.Copy(all, more)
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
