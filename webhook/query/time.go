// Copyright The license-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package query

import (
	"time"

	"github.com/license-operator/license-operator/internal/fault"
)

// ParseTime reads the dates that clients of the service are known to send:
// YYYY-MM-DDThh:mm:ss, then perhaps a fraction of up to nine digits, then Z, a
// numeric zone (+hh:mm, +hhmm or +hh, at most 14 hours) or nothing, which
// means UTC. The result is in UTC. The error is fault.InvalidParameter.
func ParseTime(s string) (time.Time, error) {
	t, ok := parseTime(s)
	if !ok {
		return time.Time{}, fault.New(fault.InvalidParameter,
			"A date must have the form YYYY-MM-DDThh:mm:ssZ, as ISO 8601 says.")
	}
	return t, nil
}

func isTime(s string) bool {
	_, ok := parseTime(s)
	return ok
}

func parseTime(s string) (time.Time, bool) {
	const layout = "YYYY-MM-DDThh:mm:ss"
	if len(s) < len(layout) || s[4] != '-' || s[7] != '-' || s[10] != 'T' || s[13] != ':' || s[16] != ':' {
		return time.Time{}, false
	}
	year, ok1 := digits(s[0:4])
	month, ok2 := digits(s[5:7])
	day, ok3 := digits(s[8:10])
	hour, ok4 := digits(s[11:13])
	minute, ok5 := digits(s[14:16])
	second, ok6 := digits(s[17:19])
	if !ok1 || !ok2 || !ok3 || !ok4 || !ok5 || !ok6 || hour > 23 || minute > 59 || second > 59 {
		return time.Time{}, false
	}
	nanos, rest, ok := fraction(s[len(layout):])
	if !ok {
		return time.Time{}, false
	}
	offset, ok := zone(rest)
	if !ok {
		return time.Time{}, false
	}
	t := time.Date(year, time.Month(month), day, hour, minute, second, nanos, time.UTC)
	if t.Year() != year || t.Month() != time.Month(month) || t.Day() != day {
		return time.Time{}, false // time.Date turns the 31st of April into the 1st of May.
	}
	return t.Add(-offset), true
}

// digits reads a number that consists of digits only, at most ten of them.
func digits(s string) (int, bool) {
	if s == "" || len(s) > 10 {
		return 0, false
	}
	n := 0
	for i := 0; i < len(s); i++ {
		if s[i] < '0' || s[i] > '9' {
			return 0, false
		}
		n = n*10 + int(s[i]-'0')
	}
	return n, true
}

// fraction reads a point and one to nine digits at the start of s, if there is
// a point, and returns them as nanoseconds, and what follows.
func fraction(s string) (nanos int, rest string, ok bool) {
	if s == "" || s[0] != '.' {
		return 0, s, true
	}
	i, scale := 1, 1_000_000_000
	for i < len(s) && i <= 9 && s[i] >= '0' && s[i] <= '9' {
		scale /= 10
		nanos += int(s[i]-'0') * scale
		i++
	}
	return nanos, s[i:], i > 1
}

// zone reads a time zone, nothing being UTC.
func zone(s string) (time.Duration, bool) {
	if s == "" || s == "Z" {
		return 0, true
	}
	sign := time.Duration(1)
	switch s[0] {
	case '+':
	case '-':
		sign = -1
	default:
		return 0, false
	}
	hh, mm := "", "00"
	switch {
	case len(s) == 6 && s[3] == ':':
		hh, mm = s[1:3], s[4:6]
	case len(s) == 5:
		hh, mm = s[1:3], s[3:5]
	case len(s) == 3:
		hh = s[1:3]
	}
	h, ok1 := digits(hh)
	m, ok2 := digits(mm)
	if !ok1 || !ok2 || m > 59 || h*60+m > 14*60 {
		return 0, false
	}
	return sign * (time.Duration(h)*time.Hour + time.Duration(m)*time.Minute), true
}
