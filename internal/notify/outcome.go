// Copyright The license-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package notify

import (
	"context"
	"crypto/tls"
	"errors"
	"net"
	"net/http"
	"strconv"
	"time"
)

// Result is how a try to deliver ended. The set is bounded: it is a label of a
// metric.
type Result string

// The results. All but Delivered are tried again.
const (
	// Delivered: the webhook answered with a status of 200 to 299.
	Delivered Result = "Delivered"
	// Refused: it answered with another one.
	Refused Result = "Refused"
	// Redirected: it answered with a redirect, which is not followed.
	Redirected Result = "Redirected"
	// TimedOut: it did not answer in time.
	TimedOut Result = "TimedOut"
	// Forbidden: its address is one that must not be reached.
	Forbidden Result = "Forbidden"
	// Unresolved: its name is not known.
	Unresolved Result = "Unresolved"
	// Untrusted: its certificate is not trusted, or TLS failed.
	Untrusted Result = "Untrusted"
	// Unreachable: there was no connection, or it broke.
	Unreachable Result = "Unreachable"
)

// Answer is what came of one try.
type Answer struct {
	Result Result
	// Status is the HTTP status; 0 if there was none.
	Status int
	// RetryAfter is what the webhook asked for; 0 if it did not.
	RetryAfter time.Duration
}

// maxStatus is the highest status that is told as it came: three digits.
const maxStatus = 999

// Reason tells a person what happened, without times, addresses or anything
// that the webhook wrote.
func (a Answer) Reason() string {
	switch a.Result {
	case Delivered:
		return "the webhook has taken it"
	case Refused:
		if a.Status < 100 || a.Status > maxStatus {
			return "the webhook answered with no valid status"
		}
		return "the webhook answered with the status " + strconv.Itoa(a.Status)
	case Redirected:
		return "the webhook answered with a redirect, which is not followed"
	case TimedOut:
		return "the webhook did not answer within 10 seconds"
	case Forbidden:
		return "the webhook's address is one that the operator may not reach"
	case Unresolved:
		return "the name in the webhook's URL can't be resolved"
	case Untrusted:
		return "the webhook's certificate is not trusted, or TLS failed"
	default:
		return "the webhook can't be reached, or the connection broke"
	}
}

// answerOf says what an HTTP answer means.
func answerOf(resp *http.Response, now time.Time) Answer {
	a := Answer{Result: Refused, Status: resp.StatusCode}
	switch {
	case resp.StatusCode >= 200 && resp.StatusCode < 300:
		a.Result = Delivered
		return a
	case resp.StatusCode >= 300 && resp.StatusCode < 400:
		a.Result = Redirected
	}
	a.RetryAfter = retryAfter(resp.Header.Get("Retry-After"), now)
	return a
}

// maxRetryAfter is more than anybody honours; it keeps sums from overflowing.
const maxRetryAfter = 24 * time.Hour

// retryAfter reads the header of that name (RFC 9110, section 10.2.3): seconds
// or a date. What is neither counts as absent.
func retryAfter(text string, now time.Time) time.Duration {
	if seconds, err := strconv.ParseUint(text, 10, 31); err == nil {
		return min(time.Duration(seconds)*time.Second, maxRetryAfter)
	}
	at, err := http.ParseTime(text)
	if err != nil || !at.After(now) {
		return 0
	}
	return min(at.Sub(now), maxRetryAfter)
}

// failureOf says what the error of an HTTP client means. The error itself holds
// the URL and goes nowhere.
func failureOf(err error) Result {
	var timeout net.Error
	var unknown *net.DNSError
	switch {
	case errors.Is(err, errForbidden):
		return Forbidden
	case errors.As(err, &unknown) && unknown.IsNotFound:
		return Unresolved
	case errors.Is(err, context.DeadlineExceeded), errors.As(err, &timeout) && timeout.Timeout():
		return TimedOut
	case isTLS(err):
		return Untrusted
	}
	return Unreachable
}

// isTLS says whether TLS failed: the certificate, the version, an alert of
// either side, or that the other side speaks something else.
func isTLS(err error) bool {
	var op *net.OpError
	if errors.As(err, &op) && (op.Op == "remote error" || op.Op == "local error") {
		return true
	}
	for _, target := range []any{new(*tls.CertificateVerificationError), new(tls.RecordHeaderError)} {
		if errors.As(err, target) {
			return true
		}
	}
	return errors.Is(err, http.ErrSchemeMismatch)
}
