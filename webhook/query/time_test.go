// Copyright The license-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package query

import (
	"testing"
	"time"

	"github.com/license-operator/license-operator/internal/fault"
)

func TestParseTime(t *testing.T) {
	noon := time.Date(2008, time.May, 19, 12, 0, 0, 0, time.UTC)
	tests := map[string]struct {
		in   string
		want time.Time // zero: refused
	}{
		"the documented form":                    {"2008-05-19T12:00:00Z", noon},
		"milliseconds":                           {"2008-05-19T12:00:00.250Z", noon.Add(250 * time.Millisecond)},
		"nine digits of a fraction":              {"2008-05-19T12:00:00.123456789Z", noon.Add(123456789)},
		"no zone is UTC":                         {"2008-05-19T12:00:00", noon},
		"a fraction and no zone":                 {"2008-05-19T12:00:00.5", noon.Add(500 * time.Millisecond)},
		"a zone west with a colon":               {"2008-05-19T07:00:00-05:00", noon},
		"a zone east without a colon":            {"2008-05-19T17:30:00+0530", noon},
		"a zone of hours only":                   {"2008-05-19T13:00:00+01", noon},
		"a zone of zero":                         {"2008-05-19T12:00:00+00:00", noon},
		"a fraction and a zone":                  {"2008-05-19T07:00:00.000-05:00", noon},
		"the 29th of February of a leap year":    {"2008-02-29T00:00:00Z", time.Date(2008, 2, 29, 0, 0, 0, 0, time.UTC)},
		"the 29th of February of another year":   {in: "2007-02-29T00:00:00Z"},
		"the 31st of April":                      {in: "2008-04-31T00:00:00Z"},
		"the month zero":                         {in: "2008-00-01T00:00:00Z"},
		"the day zero":                           {in: "2008-01-00T00:00:00Z"},
		"the hour 24":                            {in: "2008-05-19T24:00:00Z"},
		"the minute 60":                          {in: "2008-05-19T12:60:00Z"},
		"the second 60":                          {in: "2008-05-19T12:00:60Z"},
		"a date without a time":                  {in: "2008-05-19"},
		"a time without seconds":                 {in: "2008-05-19T12:00Z"},
		"a space for the T":                      {in: "2008-05-19 12:00:00Z"},
		"a sign in a number":                     {in: "2008-05-19T12:00:+1Z"},
		"an empty fraction":                      {in: "2008-05-19T12:00:00.Z"},
		"ten digits of a fraction":               {in: "2008-05-19T12:00:00.0123456789Z"},
		"a zone of more than 14 hours":           {in: "2008-05-19T12:00:00+14:01"},
		"a zone with a minute of 60":             {in: "2008-05-19T12:00:00+00:60"},
		"half a zone":                            {in: "2008-05-19T12:00:00+1"},
		"a zone with the colon in a wrong place": {in: "2008-05-19T12:00:00+1:000"},
		"a zone's name":                          {in: "2008-05-19T12:00:00GMT"},
		"something behind":                       {in: "2008-05-19T12:00:00Z "},
		"nothing":                                {in: ""},
		"seconds since 1970":                     {in: "1211198400"},
		"HTTP's form":                            {in: "Mon, 19 May 2008 12:00:00 GMT"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			got, err := ParseTime(test.in)
			if test.want.IsZero() {
				if fault.KindOf(err) != fault.InvalidParameter {
					t.Fatalf("ParseTime(%q) = %v, %v, want InvalidParameter", test.in, got, err)
				}
				return
			}
			if err != nil || got != test.want {
				t.Fatalf("ParseTime(%q) = %v, %v, want %v", test.in, got, err, test.want)
			}
		})
	}
}

// FuzzParseTime holds ParseTime against the standard library.
func FuzzParseTime(f *testing.F) {
	for _, s := range []string{"2008-05-19T12:00:00Z", "2008-05-19T12:00:00.250-05:00", "2008-05-19T12:00:00", "2008-02-30T12:00:00+0530", "0001-01-01T00:00:00+14"} {
		f.Add(s)
	}
	layouts := []string{"2006-01-02T15:04:05.999999999Z07:00", "2006-01-02T15:04:05.999999999Z0700", "2006-01-02T15:04:05.999999999Z07", "2006-01-02T15:04:05.999999999"}
	f.Fuzz(func(t *testing.T, s string) {
		got, err := ParseTime(s)
		if err != nil {
			return
		}
		if got.Location() != time.UTC {
			t.Fatalf("ParseTime(%q) is in %v", s, got.Location())
		}
		for _, layout := range layouts {
			if want, err := time.Parse(layout, s); err == nil {
				if !got.Equal(want) {
					t.Fatalf("ParseTime(%q) = %v, want %v", s, got, want)
				}
				return
			}
		}
		t.Fatalf("ParseTime(%q) = %v, but the standard library refuses it", s, got)
	})
}
