// Copyright The license-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package query

import (
	"testing"
	"time"

	"github.com/license-operator/license-operator/internal/fault"
)

func TestParseDuration(t *testing.T) {
	const day = 24 * time.Hour
	from := time.Date(2008, time.January, 31, 12, 0, 0, 0, time.UTC)
	tests := map[string]struct {
		in   string
		want time.Duration // zero: refused
	}{
		"days":                                         {"P365D", 365 * day},
		"seconds":                                      {"PT3600S", time.Hour},
		"bare seconds":                                 {"3600", time.Hour},
		"one second":                                   {"1", time.Second},
		"everything":                                   {"P1Y2M3DT4H5M6.5S", time.Date(2009, 4, 3, 16, 5, 6, 500_000_000, time.UTC).Sub(from)},
		"a month after the 31st ends February":         {"P1M", 29 * day},
		"two months keep the day":                      {"P2M", time.Date(2008, 3, 31, 12, 0, 0, 0, time.UTC).Sub(from)},
		"a year has the calendar's days":               {"P1Y", 366 * day},
		"thirteen months":                              {"P13M", time.Date(2009, 2, 28, 12, 0, 0, 0, time.UTC).Sub(from)},
		"a fraction of a second":                       {"PT0.001S", time.Millisecond},
		"a zero beside a number":                       {"P0Y1D", day},
		"a hundred years":                              {"P100Y", time.Date(2108, 1, 31, 12, 0, 0, 0, time.UTC).Sub(from)},
		"minutes":                                      {"PT90M", 90 * time.Minute},
		"a hundred years and a second":                 {in: "P100YT1S"},
		"a hundred and one years":                      {in: "P101Y"},
		"more seconds than a hundred years":            {in: "3200000000"},
		"hours that would wrap around":                 {in: "PT9999999999H"},
		"hours and minutes that together are too long": {in: "PT878400H52704000M3162240000S"},
		"digits without end":                           {in: "99999999999999999999"},
		"zero":                                         {in: "PT0S"},
		"zero bare seconds":                            {in: "0"},
		"less than a nanosecond":                       {in: "PT0.0000000001S"},
		"negative":                                     {in: "-P1D"},
		"negative bare seconds":                        {in: "-3600"},
		"a negative part":                              {in: "P-1D"},
		"a plus":                                       {in: "+3600"},
		"nothing":                                      {in: ""},
		"P alone":                                      {in: "P"},
		"PT alone":                                     {in: "PT"},
		"a T without a time":                           {in: "P1DT"},
		"a unit without a number":                      {in: "PD"},
		"a number without a unit":                      {in: "P1"},
		"parts out of order":                           {in: "P1D1Y"},
		"a part twice":                                 {in: "P1D1D"},
		"a time without its T":                         {in: "P1H"},
		"two Ts":                                       {in: "PT1HT1M"},
		"weeks":                                        {in: "P1W"},
		"a fraction of a day":                          {in: "P1.5D"},
		"a fraction of an hour":                        {in: "PT1.5H"},
		"an empty fraction":                            {in: "PT1.S"},
		"bare seconds with a fraction":                 {in: "3600.5"},
		"small letters":                                {in: "p1d"},
		"a space":                                      {in: "P1D "},
		"Go's form":                                    {in: "1h"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			got, err := ParseDuration(test.in, from)
			if test.want == 0 {
				if fault.KindOf(err) != fault.InvalidParameter {
					t.Fatalf("ParseDuration(%q) = %v, %v, want InvalidParameter", test.in, got, err)
				}
				return
			}
			if err != nil || got != test.want {
				t.Fatalf("ParseDuration(%q) = %v, %v, want %v", test.in, got, err, test.want)
			}
		})
	}
}

// FuzzParseDuration demands bounds, and that a day more is longer.
func FuzzParseDuration(f *testing.F) {
	for _, s := range []string{"P365D", "PT3600S", "3600", "P1Y2M3DT4H5M6.5S", "-P1D", "P100Y", "PT0.000000001S"} {
		f.Add(s, int64(1_211_198_400))
	}
	f.Fuzz(func(t *testing.T, s string, unix int64) {
		from := time.Unix(unix%(1<<33), 0).UTC()
		got, err := ParseDuration(s, from)
		if err != nil {
			return
		}
		if limit := from.AddDate(MaxDurationYears, 0, 0).Sub(from); got <= 0 || got > limit {
			t.Fatalf("ParseDuration(%q, %v) = %v, want more than 0 and at most %v", s, from, got, limit)
		}
		local, err := ParseDuration(s, from.In(time.FixedZone("east", 3600)))
		if err != nil || local != got {
			t.Fatalf("ParseDuration(%q) in another zone = %v, %v, want %v", s, local, err, got)
		}
		if n, ok := digits(s); ok && got != time.Duration(n)*time.Second {
			t.Fatalf("ParseDuration(%q) = %v, want %d seconds", s, got, n)
		}
	})
}
