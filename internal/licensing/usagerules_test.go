// Copyright The license-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package licensing

import (
	"math"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/license-operator/license-operator/api/v1alpha1"
	"github.com/license-operator/license-operator/internal/fault"
	"github.com/license-operator/license-operator/test/builder"
)

// part is an allocation; tags are key=value.
func part(quantity int32, tags ...string) v1alpha1.UsageAllocation {
	a := v1alpha1.UsageAllocation{Quantity: quantity}
	for _, tag := range tags {
		key, value, _ := strings.Cut(tag, "=")
		a.Tags = append(a.Tags, v1alpha1.UsageTag{Key: key, Value: value})
	}
	return a
}

func TestCheckUsage(t *testing.T) {
	first := time.Date(2031, time.June, 1, 5, 59, 59, 0, time.UTC)
	closed := first.Add(time.Second)
	lastOfMay := time.Date(2031, time.May, 31, 23, 59, 59, 0, time.UTC)
	long := strings.Repeat("x", 256)
	for name, test := range map[string]struct {
		dimension string // "" is one that is declared
		at        time.Time
		now       time.Time
		window    time.Duration
		quantity  int32
		parts     []v1alpha1.UsageAllocation
		want      fault.Kind
	}{
		"usage of now":                               {quantity: 3},
		"none at all":                                {},
		"the most there is":                          {quantity: math.MaxInt32},
		"a dimension that nobody declared":           {dimension: "others", want: fault.DimensionInvalid},
		"one in another case":                        {dimension: "Render-Minutes", want: fault.DimensionInvalid},
		"one with a blank behind it":                 {dimension: "render-minutes ", want: fault.DimensionInvalid},
		"24 hours ago":                               {at: now.Add(-24 * time.Hour)},
		"a nanosecond more than 24 hours ago":        {at: now.Add(-24*time.Hour - 1), want: fault.TimestampOutOfBounds},
		"6 hours ago, for MeterUsage":                {at: now.Add(-6 * time.Hour), window: MeterUsageWindow},
		"a nanosecond more, for MeterUsage":          {at: now.Add(-6*time.Hour - 1), window: MeterUsageWindow, want: fault.TimestampOutOfBounds},
		"five minutes ahead":                         {at: now.Add(5 * time.Minute)},
		"a nanosecond more than five minutes ahead":  {at: now.Add(5*time.Minute + 1), want: fault.TimestampOutOfBounds},
		"a month that is not closed yet":             {now: first, at: lastOfMay},
		"a month that is closed":                     {now: closed, at: lastOfMay, want: fault.TimestampOutOfBounds},
		"the new month when the old one is closed":   {now: closed, at: lastOfMay.Add(time.Second)},
		"months are those of UTC":                    {now: closed.In(time.FixedZone("", -10*3600)), at: lastOfMay.In(time.FixedZone("", 5*3600)), want: fault.TimestampOutOfBounds},
		"the year 1":                                 {at: time.Date(1, 1, 1, 0, 0, 1, 0, time.UTC), want: fault.TimestampOutOfBounds},
		"the year 9999":                              {at: time.Date(9999, 1, 1, 0, 0, 0, 0, time.UTC), want: fault.TimestampOutOfBounds},
		"allocations that add up":                    {quantity: 3, parts: []v1alpha1.UsageAllocation{part(1, "team=a"), part(2, "team=b")}},
		"one of them without tags":                   {quantity: 3, parts: []v1alpha1.UsageAllocation{part(1, "team=a"), part(2)}},
		"allocations of nothing":                     {parts: []v1alpha1.UsageAllocation{part(0, "team=a"), part(0)}},
		"allocations that add up to less":            {quantity: 4, parts: []v1alpha1.UsageAllocation{part(1, "team=a"), part(2)}, want: fault.AllocationsInvalid},
		"allocations that add up to more":            {quantity: 2, parts: []v1alpha1.UsageAllocation{part(1, "team=a"), part(2)}, want: fault.AllocationsInvalid},
		"a sum that is the quantity in 32 bits":      {quantity: math.MinInt32 + 1 + math.MaxInt32, parts: []v1alpha1.UsageAllocation{part(math.MaxInt32, "a=a"), part(math.MaxInt32, "b=b"), part(2)}, want: fault.AllocationsInvalid},
		"a negative allocation":                      {quantity: 1, parts: []v1alpha1.UsageAllocation{part(2, "a=a"), part(-1)}, want: fault.AllocationsInvalid},
		"the same tags twice":                        {quantity: 2, parts: []v1alpha1.UsageAllocation{part(1, "a=a"), part(1, "a=a")}, want: fault.AllocationsInvalid},
		"the same tags in another order":             {quantity: 2, parts: []v1alpha1.UsageAllocation{part(1, "a=a", "b=b"), part(1, "b=b", "a=a")}, want: fault.AllocationsInvalid},
		"no tags twice":                              {quantity: 2, parts: []v1alpha1.UsageAllocation{part(1), part(1)}, want: fault.AllocationsInvalid},
		"tags that look alike when they are joined":  {quantity: 2, parts: []v1alpha1.UsageAllocation{part(1, "a=b", "c=d"), part(1, "a=bc", "d=d")}},
		"five tags":                                  {parts: []v1alpha1.UsageAllocation{part(0, "a=1", "b=1", "c=1", "d=1", "e=1")}},
		"six tags":                                   {parts: []v1alpha1.UsageAllocation{part(0, "a=1", "b=1", "c=1", "d=1", "e=1", "f=1")}, want: fault.TagInvalid},
		"a tag that is named twice":                  {parts: []v1alpha1.UsageAllocation{part(0, "a=1", "a=2")}, want: fault.TagInvalid},
		"a tag without a key":                        {parts: []v1alpha1.UsageAllocation{part(0, "=1")}, want: fault.TagInvalid},
		"a tag without a value":                      {parts: []v1alpha1.UsageAllocation{part(0, "a=")}, want: fault.TagInvalid},
		"the longest tag":                            {parts: []v1alpha1.UsageAllocation{part(0, long[:100]+"="+long)}},
		"a key that is too long":                     {parts: []v1alpha1.UsageAllocation{part(0, long[:101]+"=1")}, want: fault.TagInvalid},
		"a value that is too long":                   {parts: []v1alpha1.UsageAllocation{part(0, "a="+long+"x")}, want: fault.TagInvalid},
		"a tag with punctuation of the model":        {parts: []v1alpha1.UsageAllocation{part(0, `a !"#$%&'()*+,-./:;<@_=b`)}},
		"a tag with an umlaut":                       {parts: []v1alpha1.UsageAllocation{part(0, "ä=1")}, want: fault.TagInvalid},
		"a tag with a line feed":                     {parts: []v1alpha1.UsageAllocation{part(0, "a\n=1")}, want: fault.TagInvalid},
		"2,500 allocations":                          {quantity: 2500, parts: many(2500)},
		"2,501 allocations":                          {quantity: 2501, parts: many(2501), want: fault.AllocationsInvalid},
		"the dimension is looked at before the tags": {dimension: "others", parts: []v1alpha1.UsageAllocation{part(1, "=")}, want: fault.DimensionInvalid},
		"the tags are looked at before the sum":      {parts: []v1alpha1.UsageAllocation{part(1, "=")}, want: fault.TagInvalid},
		"the sum is looked at before the time":       {at: now.Add(-25 * time.Hour), parts: []v1alpha1.UsageAllocation{part(1)}, want: fault.AllocationsInvalid},
	} {
		t.Run(name, func(t *testing.T) {
			p := builder.Product("p").WithDimension("storage").WithDimension("render-minutes").Build()
			at := test.now
			if at.IsZero() {
				at = now
			}
			r := UsageReport{Dimension: test.dimension, Timestamp: test.at, Quantity: test.quantity, Allocations: test.parts}
			if r.Dimension == "" {
				r.Dimension = "render-minutes"
			}
			if test.at.IsZero() {
				r.Timestamp = at
			}
			window := test.window
			if window == 0 {
				window = BatchUsageWindow
			}
			err := CheckUsage(p, r, window, at)
			if test.want == "" && err == nil {
				return
			}
			if got := fault.KindOf(err); err == nil || got != test.want {
				t.Errorf("%v, want %q", err, test.want)
			}
		})
	}
}

func many(n int) []v1alpha1.UsageAllocation {
	parts := make([]v1alpha1.UsageAllocation, n)
	for i := range parts {
		parts[i] = part(1, "number="+strconv.Itoa(i))
	}
	return parts
}

// reports draws reports with allocations that add up.
func reports(t *rapid.T) UsageReport {
	tag := rapid.Custom(func(t *rapid.T) v1alpha1.UsageTag {
		return v1alpha1.UsageTag{Key: rapid.StringMatching(`[a-z]{1,2}`).Draw(t, "key"), Value: rapid.StringMatching(`[0-9]{1,2}`).Draw(t, "value")}
	})
	r := UsageReport{Dimension: "render-minutes", Timestamp: now.Add(-time.Duration(rapid.IntRange(0, 23*3600).Draw(t, "seconds")) * time.Second)}
	seen := map[string]bool{}
	for range rapid.IntRange(0, 6).Draw(t, "parts") {
		a := v1alpha1.UsageAllocation{Quantity: rapid.Int32Range(0, 1000).Draw(t, "quantity"),
			Tags: rapid.SliceOfNDistinct(tag, 0, 5, func(tag v1alpha1.UsageTag) string { return tag.Key }).Draw(t, "tags")}
		if key := tagsKey(a.Tags); !seen[key] {
			seen[key] = true
			r.Allocations = append(r.Allocations, a)
			r.Quantity += a.Quantity
		}
	}
	return r
}

func TestAllocationsMustAddUp(t *testing.T) {
	p := builder.Product("p").WithDimension("render-minutes").Build()
	rapid.Check(t, func(t *rapid.T) {
		r := reports(t)
		if err := CheckUsage(p, r, BatchUsageWindow, now); err != nil {
			t.Fatalf("%+v: %v", r, err)
		}
		r.Quantity += rapid.Int32Range(1, 5).Draw(t, "too much")
		if err := CheckUsage(p, r, BatchUsageWindow, now); len(r.Allocations) > 0 && fault.KindOf(err) != fault.AllocationsInvalid {
			t.Fatalf("%+v: %v", r, err)
		}
	})
}

func TestTheOrderOfAllocationsAndTagsMakesNoDifferenceAndAllElseDoes(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		r := reports(t)
		shuffled := r
		shuffled.Allocations = rapid.Permutation(r.Allocations).Draw(t, "allocations")
		for i := range shuffled.Allocations {
			shuffled.Allocations[i].Tags = rapid.Permutation(shuffled.Allocations[i].Tags).Draw(t, "tags")
		}
		if !r.Same(shuffled) {
			t.Fatalf("%+v and %+v are the same", r, shuffled)
		}
		other := r
		other.Allocations = slices.Clone(r.Allocations)
		if len(other.Allocations) == 0 {
			other.Quantity++
		} else {
			i := rapid.IntRange(0, len(other.Allocations)-1).Draw(t, "which")
			other.Allocations[i].Quantity++
		}
		if r.Same(other) {
			t.Fatalf("%+v and %+v are not the same", r, other)
		}
	})
}

func TestTheHourOfAReport(t *testing.T) {
	at := time.Date(2031, time.May, 6, 13, 38, 9, 5, time.FixedZone("", 5*3600+1800))
	if got, want := (UsageReport{Timestamp: at}).Hour(), time.Date(2031, time.May, 6, 8, 0, 0, 0, time.UTC); !got.Equal(want) || got.Location() != time.UTC {
		t.Errorf("%s is in the hour of %s", at, got)
	}
}
