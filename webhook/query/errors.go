// Copyright The license-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package query

import (
	"errors"
	"net/http"

	"github.com/license-operator/license-operator/internal/fault"
)

// The types of an error, as the contract spells them: whose mistake it was.
const (
	sender   = "Sender"
	receiver = "Receiver"
)

// retryAfterSeconds is what a client is told to wait before it repeats a
// request that the service could not take.
const retryAfterSeconds = 1

// internalMessage says nothing of the inside.
const internalMessage = "The request could not be processed because of an internal error. Try again later."

// Failure is how an error looks on the wire.
type Failure struct {
	// Code is the contract's name of the error.
	Code string
	// Status is the HTTP status. Clients repeat whatever is 500 or more, so
	// a caller's mistake is always less.
	Status int
	// Type is Sender or Receiver.
	Type string
	// Message is a sentence for people.
	Message string
	// RetryAfterSeconds is sent as Retry-After unless it is 0.
	RetryAfterSeconds int
}

// failures is the one table from kinds of fault to the codes of the contract.
// The errors of single actions have status 403: the documentation names none,
// but a client's recorded answers show it.
var failures = map[fault.Kind]Failure{
	fault.TLSRequired:       {Code: "RequiresSSL", Status: http.StatusBadRequest, Type: sender},
	fault.UnsupportedMethod: {Code: "UnsupportedHttpVerb", Status: http.StatusBadRequest, Type: sender},
	fault.URITooLong:        {Code: "URITooLong", Status: http.StatusBadRequest, Type: sender},
	// The contract has no code for a large body. URITooLong is its only word
	// for "shorten the request"; the status and the message tell the rest.
	fault.RequestTooLarge: {Code: "URITooLong", Status: http.StatusRequestEntityTooLarge, Type: sender},
	fault.Malformed:       {Code: "MalformedQueryString", Status: http.StatusBadRequest, Type: sender},
	fault.Throttled: {Code: "RequestThrottled", Status: http.StatusServiceUnavailable, Type: receiver,
		RetryAfterSeconds: retryAfterSeconds},
	fault.MissingAction:         {Code: "MissingAction", Status: http.StatusBadRequest, Type: sender},
	fault.UnknownAction:         {Code: "InvalidAction", Status: http.StatusBadRequest, Type: sender},
	fault.UnknownVersion:        {Code: "NoSuchVersion", Status: http.StatusBadRequest, Type: sender},
	fault.MissingAuthentication: {Code: "MissingAuthenticationToken", Status: http.StatusForbidden, Type: sender},
	fault.UnknownAccessKey:      {Code: "InvalidClientTokenId", Status: http.StatusForbidden, Type: sender},
	fault.SignatureMismatch:     {Code: "SignatureDoesNotMatch", Status: http.StatusForbidden, Type: sender},
	fault.RequestExpired:        {Code: "RequestExpired", Status: http.StatusBadRequest, Type: sender},
	fault.AccessDenied:          {Code: "AccessDenied", Status: http.StatusForbidden, Type: sender},
	fault.MissingParameter:      {Code: "MissingParameter", Status: http.StatusBadRequest, Type: sender},
	fault.InvalidParameter:      {Code: "InvalidParameterValue", Status: http.StatusBadRequest, Type: sender},
	fault.ParameterCombination:  {Code: "InvalidParameterCombination", Status: http.StatusBadRequest, Type: sender},
	fault.ConflictingParameter:  {Code: "ConflictingQueryParameter", Status: http.StatusBadRequest, Type: sender},
	fault.MissingPID:            {Code: "MissingPersistentIdentifier", Status: http.StatusForbidden, Type: sender},
	fault.MissingProductToken:   {Code: "MissingProductToken", Status: http.StatusForbidden, Type: sender},
	fault.MissingUserToken:      {Code: "MissingUserToken", Status: http.StatusForbidden, Type: sender},
	fault.ActivationKeyExpired:  {Code: "ExpiredActivationKey", Status: http.StatusForbidden, Type: sender},
	fault.ActivationKeyMismatch: {Code: "IncorrectActivationKey", Status: http.StatusForbidden, Type: sender},
	fault.ActivationKeyInvalid:  {Code: "InvalidActivationKey", Status: http.StatusForbidden, Type: sender},
	fault.ProductTokenInvalid:   {Code: "InvalidProductToken", Status: http.StatusForbidden, Type: sender},
	fault.UserTokenInvalid:      {Code: "InvalidUserToken", Status: http.StatusForbidden, Type: sender},
	fault.PIDInvalid:            {Code: "InvalidPersistentIdentifier", Status: http.StatusForbidden, Type: sender},
	fault.Unavailable: {Code: "ServiceUnavailable", Status: http.StatusServiceUnavailable, Type: receiver,
		RetryAfterSeconds: retryAfterSeconds},
	fault.Internal: {Code: "InternalError", Status: http.StatusInternalServerError, Type: receiver},
}

// FailureOf returns how an error looks on the wire: a fault by its kind and
// with its detail, anything else as an internal error with a fixed message.
func FailureOf(err error) Failure {
	if f, ok := errors.AsType[*fault.Error](err); ok && f.Kind != fault.Internal {
		if failure, known := failures[f.Kind]; known {
			failure.Message = f.Detail
			return failure
		}
	}
	failure := failures[fault.Internal]
	failure.Message = internalMessage
	return failure
}
