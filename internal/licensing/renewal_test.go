// Copyright The license-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package licensing

import (
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/license-operator/license-operator/api/v1alpha1"
	"github.com/license-operator/license-operator/test/builder"
)

func TestRenewalPeriod(t *testing.T) {
	at := func(s string) time.Time {
		if s == "" {
			return time.Time{}
		}
		parsed, err := time.Parse(time.RFC3339, s)
		if err != nil {
			t.Fatal(err)
		}
		return parsed
	}
	const weekly, monthly = v1alpha1.RenewalWeekly, v1alpha1.RenewalMonthly
	for name, test := range map[string]struct {
		renewal          v1alpha1.Renewal
		anchor, now      string
		want, next       string
		countFromStarted bool
	}{
		"never":                                     {v1alpha1.RenewalNone, "2026-01-01T00:00:00Z", "2026-02-01T00:00:00Z", "", "", true},
		"not said is never":                         {"", "2026-01-01T00:00:00Z", "2026-02-01T00:00:00Z", "", "", true},
		"the first week":                            {weekly, "2026-01-01T10:00:00Z", "2026-01-08T09:59:59Z", "2026-01-01T10:00:00Z", "2026-01-08T10:00:00Z", true},
		"the second week begins":                    {weekly, "2026-01-01T10:00:00Z", "2026-01-08T10:00:00Z", "2026-01-08T10:00:00Z", "2026-01-15T10:00:00Z", true},
		"a week counted from the creation":          {weekly, "2026-01-01T10:00:00Z", "2026-01-09T00:00:00Z", "2026-01-08T10:00:00Z", "2026-01-15T10:00:00Z", false},
		"a week many years later":                   {weekly, "2026-01-01T10:00:00Z", "2426-01-01T00:00:00Z", "2425-12-25T10:00:00Z", "2426-01-01T10:00:00Z", true},
		"a week a thousand years later":             {weekly, "1026-01-01T10:00:00Z", "2026-01-01T00:00:00Z", "2025-12-28T10:00:00Z", "2026-01-04T10:00:00Z", true},
		"a week in another time zone":               {weekly, "2026-01-01T10:00:00Z", "2026-01-08T12:00:00+02:00", "2026-01-08T10:00:00Z", "2026-01-15T10:00:00Z", true},
		"before the start":                          {weekly, "2026-01-01T10:00:00Z", "2026-01-01T09:59:59Z", "", "2026-01-08T10:00:00Z", true},
		"at the start":                              {monthly, "2026-01-01T10:00:00Z", "2026-01-01T10:00:00Z", "2026-01-01T10:00:00Z", "2026-02-01T10:00:00Z", true},
		"the first month":                           {monthly, "2026-01-15T10:00:00Z", "2026-02-15T09:59:59Z", "2026-01-15T10:00:00Z", "2026-02-15T10:00:00Z", true},
		"the second month begins":                   {monthly, "2026-01-15T10:00:00Z", "2026-02-15T10:00:00Z", "2026-02-15T10:00:00Z", "2026-03-15T10:00:00Z", true},
		"over a year's end":                         {monthly, "2025-12-15T10:00:00Z", "2026-01-10T10:00:00Z", "2025-12-15T10:00:00Z", "2026-01-15T10:00:00Z", true},
		"31 January is followed by 28 February":     {monthly, "2026-01-31T10:00:00Z", "2026-02-28T09:59:59Z", "2026-01-31T10:00:00Z", "2026-02-28T10:00:00Z", true},
		"which is followed by 31 March":             {monthly, "2026-01-31T10:00:00Z", "2026-02-28T10:00:00Z", "2026-02-28T10:00:00Z", "2026-03-31T10:00:00Z", true},
		"which is followed by 30 April":             {monthly, "2026-01-31T10:00:00Z", "2026-04-29T10:00:00Z", "2026-03-31T10:00:00Z", "2026-04-30T10:00:00Z", true},
		"in a leap year it is 29 February":          {monthly, "2028-01-30T10:00:00Z", "2028-03-01T00:00:00Z", "2028-02-29T10:00:00Z", "2028-03-30T10:00:00Z", true},
		"29 February a year later":                  {monthly, "2028-02-29T10:00:00Z", "2029-03-01T00:00:00Z", "2029-02-28T10:00:00Z", "2029-03-29T10:00:00Z", true},
		"a start with a zone counts by the day UTC": {monthly, "2026-01-31T23:30:00-01:00", "2026-02-15T00:00:00Z", "2026-02-01T00:30:00Z", "2026-03-01T00:30:00Z", true},
	} {
		t.Run(name, func(t *testing.T) {
			p := builder.Product("render-farm").WithRenewal(test.renewal).Build()
			s := sub().Build()
			if test.countFromStarted {
				s.CreationTimestamp = metav1.NewTime(at(test.anchor).Add(-time.Hour))
				s.Spec.StartTime = &metav1.Time{Time: at(test.anchor)}
			} else {
				s.CreationTimestamp = metav1.NewTime(at(test.anchor))
			}
			if got := RenewalPeriodStart(p, s, at(test.now)); !got.Equal(at(test.want)) {
				t.Errorf("it began at %s, want %s", got, test.want)
			}
			if got := NextRenewal(p, s, at(test.now)); !got.Equal(at(test.next)) {
				t.Errorf("the next begins at %s, want %s", got, test.next)
			}
		})
	}
}

// FuzzRenewalPeriod: periods have no gap and no overlap.
func FuzzRenewalPeriod(f *testing.F) {
	f.Add(int64(1_700_000_000), int64(1_800_000_000), true)
	f.Add(int64(1_706_700_000), int64(1_709_200_000), false)
	f.Fuzz(func(t *testing.T, anchor, at int64, weekly bool) {
		const last = 253_402_300_799 / 2
		if anchor < 0 || at < 0 || anchor > last || at > last {
			t.Skip("no time that an object can have")
		}
		p := builder.Product("a").WithRenewal(v1alpha1.RenewalMonthly)
		if weekly {
			p.WithRenewal(v1alpha1.RenewalWeekly)
		}
		s, when := sub().StartingAt(time.Unix(anchor, 0)).Build(), time.Unix(at, 0)
		start, next := RenewalPeriodStart(p.Build(), s, when), NextRenewal(p.Build(), s, when)
		if at < anchor {
			if !start.IsZero() {
				t.Errorf("before the first period began one at %s", start)
			}
			return
		}
		if start.After(when) || !next.After(when) {
			t.Errorf("%s is not within %s to %s", when, start, next)
		}
		if again := NextRenewal(p.Build(), s, start); !again.Equal(next) {
			t.Errorf("the period from %s ends at %s and at %s", start, next, again)
		}
		if after := RenewalPeriodStart(p.Build(), s, next); !after.Equal(next) {
			t.Errorf("at %s begins the period of %s", next, after)
		}
	})
}
