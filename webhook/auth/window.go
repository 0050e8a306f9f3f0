// Copyright The license-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package auth

import (
	"time"

	"github.com/license-operator/license-operator/internal/fault"
	"github.com/license-operator/license-operator/webhook/query"
)

const (
	// MaxTimestampAge is how far a Timestamp may be from the server's clock,
	// either way.
	MaxTimestampAge = 15 * time.Minute
	// MaxExpiresAhead is how far ahead an Expires may be. The contract has
	// no bound; without one a captured request could be replayed for ever.
	// A week is also the longest life of a presigned request of AWS.
	MaxExpiresAhead = 7 * 24 * time.Hour
)

// checkTime checks the one date that a request must have.
func checkTime(in *Input, now time.Time) error {
	timestamp, hasTimestamp := in.lookup(query.Timestamp)
	expires, hasExpires := in.lookup(query.Expires)
	switch {
	case hasTimestamp && hasExpires:
		return fault.New(fault.ParameterCombination, "The request must have either `Timestamp` or `Expires`, not both.")
	case hasTimestamp:
		return checkTimestamp(timestamp, now)
	case hasExpires:
		return checkExpires(expires, now)
	default:
		return fault.New(fault.MissingParameter, "The request is missing the required parameter `Timestamp` or `Expires`.")
	}
}

func checkTimestamp(value string, now time.Time) error {
	t, err := query.ParseTime(value)
	if err != nil {
		return err
	}
	if t.Before(now.Add(-MaxTimestampAge)) || t.After(now.Add(MaxTimestampAge)) {
		return fault.New(fault.RequestExpired,
			"The `Timestamp` must be within 15 minutes of the server's time, which is %s.", serverTime(now))
	}
	return nil
}

func checkExpires(value string, now time.Time) error {
	t, err := query.ParseTime(value)
	if err != nil {
		return err
	}
	if !t.After(now) || t.After(now.Add(MaxExpiresAhead)) {
		return fault.New(fault.RequestExpired,
			"The `Expires` must be after the server's time, which is %s, and at most 7 days after it.", serverTime(now))
	}
	return nil
}

func serverTime(now time.Time) string { return now.UTC().Format(time.RFC3339) }
