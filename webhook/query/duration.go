// Copyright The license-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package query

import (
	"strings"
	"time"

	"github.com/license-operator/license-operator/internal/fault"
)

// MaxDurationYears bounds what ParseDuration accepts, in calendar years.
const MaxDurationYears = 100

// ParseDuration reads a TokenExpiration: an xsd:duration as XML Schema part 2,
// section 3.2.6, defines it (P365D, PT3600S, P1Y2M3DT4H5M6.5S), or bare whole
// seconds (3600), which real clients send. Years and months are those of the
// calendar in UTC, counted from the given time by the schema's appendix E: a
// month after the 31st of January is the last day of February. The result is
// more than zero and at most MaxDurationYears; the error is
// fault.InvalidParameter.
func ParseDuration(s string, from time.Time) (time.Duration, error) {
	d, ok := parseDuration(s, from)
	if !ok {
		return 0, fault.New(fault.InvalidParameter,
			"A duration must be an xsd:duration such as P365D or a number of seconds, more than 0 and at most %d years.", MaxDurationYears)
	}
	return d, nil
}

// isDuration reports whether s is a duration, counted from no particular day:
// the syntax does not depend on it, the upper bound by a day at most.
func isDuration(s string) bool {
	_, ok := parseDuration(s, time.Date(2000, time.January, 1, 0, 0, 0, 0, time.UTC))
	return ok
}

// parts are the numbers of a duration.
type parts struct {
	years, months, days     int
	hours, minutes, seconds int
	nanos                   int
}

func parseDuration(s string, from time.Time) (time.Duration, bool) {
	p, ok := readParts(s)
	if !ok {
		return 0, false
	}
	const maxDays = MaxDurationYears * 366
	// Each part by itself must be in bounds, lest a sum wrap around.
	if p.years > MaxDurationYears || p.months > MaxDurationYears*12 || p.days > maxDays ||
		p.hours > maxDays*24 || p.minutes > maxDays*24*60 || p.seconds > maxDays*24*60*60 {
		return 0, false
	}
	from = from.UTC()
	end := addMonths(from, p.years*12+p.months).AddDate(0, 0, p.days)
	// Each part is at most about a hundred years, which a Duration holds, but
	// their sum need not be, so they are added to the time one by one.
	for _, d := range []time.Duration{
		time.Duration(p.hours) * time.Hour,
		time.Duration(p.minutes) * time.Minute,
		time.Duration(p.seconds)*time.Second + time.Duration(p.nanos),
	} {
		end = end.Add(d)
	}
	if !end.After(from) || end.After(addMonths(from, MaxDurationYears*12)) {
		return 0, false
	}
	return end.Sub(from), true
}

// addMonths adds months of the calendar; a day the month does not have becomes
// its last one.
func addMonths(t time.Time, months int) time.Time {
	moved := t.AddDate(0, months, 0)
	if moved.Day() != t.Day() {
		moved = moved.AddDate(0, 0, -moved.Day())
	}
	return moved
}

// readParts reads the syntax of a duration.
func readParts(s string) (parts, bool) {
	var p parts
	body, isPeriod := strings.CutPrefix(s, "P")
	if !isPeriod {
		n, ok := digits(s)
		p.seconds = n
		return p, ok
	}
	date, clock, hasClock := strings.Cut(body, "T")
	if date == "" && !hasClock || hasClock && clock == "" {
		return p, false
	}
	if !readFields(date, "YMD", []*int{&p.years, &p.months, &p.days}, nil) ||
		!readFields(clock, "HMS", []*int{&p.hours, &p.minutes, &p.seconds}, &p.nanos) {
		return p, false
	}
	return p, true
}

// readFields reads numbers that are followed by the units' letters, each at
// most once and in order. Where nanos is given, the last unit may have a
// fraction.
func readFields(s, units string, into []*int, nanos *int) bool {
	next := 0
	for s != "" {
		end := 0
		for end < len(s) && s[end] >= '0' && s[end] <= '9' {
			end++
		}
		n, ok := digits(s[:end])
		if !ok {
			return false
		}
		part, rest, ok := fraction(s[end:])
		if !ok || rest == "" {
			return false
		}
		hasFraction := s[end] == '.'
		unit := strings.IndexByte(units[next:], rest[0])
		if unit < 0 {
			return false
		}
		next += unit
		if hasFraction {
			if nanos == nil || next != len(units)-1 {
				return false
			}
			*nanos = part
		}
		*into[next] = n
		next++
		s = rest[1:]
	}
	return true
}
