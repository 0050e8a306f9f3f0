// Copyright The license-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package pages

import (
	"errors"
	"net/http"

	"github.com/license-operator/license-operator/internal/fault"
)

// failure is how an error looks on a page.
type failure struct {
	// code is what the log and the metrics call it.
	code   string
	status int
	// heading is a sentence for people; what they can do follows.
	heading string
}

// retryAfterSeconds is what a browser is told to wait before it asks again.
const retryAfterSeconds = "5"

// internalDetail says nothing of the inside.
const internalDetail = "This is our fault, not yours. Load the page again in a while, or tell the vendor."

// failures is the one table from kinds of fault to what is shown.
var failures = map[fault.Kind]failure{
	fault.TLSRequired:       {"TLSRequired", http.StatusForbidden, "This page needs https"},
	fault.URITooLong:        {"URITooLong", http.StatusRequestURITooLong, "The address is too long"},
	fault.RequestTooLarge:   {"RequestTooLarge", http.StatusRequestEntityTooLarge, "That was too much"},
	fault.Malformed:         {"MalformedRequest", http.StatusBadRequest, "The form did not arrive"},
	fault.UnsupportedMethod: {"MethodNotAllowed", http.StatusMethodNotAllowed, "A browser can't do that here"},
	fault.Throttled:         {"Throttling", http.StatusTooManyRequests, "Please wait a moment"},
	fault.Unavailable:       {"ServiceUnavailable", http.StatusServiceUnavailable, "Please try again in a moment"},
	fault.PageNotFound:      {"PageNotFound", http.StatusNotFound, "There is nothing behind this link"},
	fault.LinkExpired:       {"LinkExpired", http.StatusGone, "This link has expired"},
	fault.PageNotOffered:    {"PageNotOffered", http.StatusNotFound, "This product can't be set up here"},
	fault.NotSubscribed:     {"NotSubscribed", http.StatusForbidden, "Your subscription is not active"},
	fault.FormInvalid:       {"FormInvalid", http.StatusBadRequest, "Please load the page again"},
	fault.CrossSite:         {"CrossSite", http.StatusForbidden, "This form came from another site"},
}

var internalFailure = failure{"InternalFailure", http.StatusInternalServerError, "Something went wrong here"}

// failureOf is how an error looks, and what the caller is told of it.
func failureOf(err error) (failure, string) {
	known, ok := failures[fault.KindOf(err)]
	f, isFault := errors.AsType[*fault.Error](err)
	if !ok || !isFault {
		return internalFailure, internalDetail
	}
	return known, f.Detail
}
