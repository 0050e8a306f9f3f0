// Copyright The license-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package licensing

import (
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/license-operator/license-operator/api/v1alpha1"
	"github.com/license-operator/license-operator/internal/fault"
)

// What AWS Marketplace Metering takes, by its API model of version 2016-01-14
// and the AWS Marketplace Seller Guide.
const (
	// MaxUsageRecords is how many records one BatchMeterUsage may have.
	MaxUsageRecords = 25
	// BatchUsageWindow and MeterUsageWindow are how long ago usage may have
	// been that BatchMeterUsage and MeterUsage report.
	BatchUsageWindow = 24 * time.Hour
	MeterUsageWindow = 6 * time.Hour
	// UsageFuture is how far the clock of who reports may be ahead.
	UsageFuture = 5 * time.Minute
	// monthClosing is how long after the end of a month its usage is taken.
	monthClosing = 6 * time.Hour

	maxAllocations = 2500
	maxTags        = 5
	maxTagKey      = 100
	maxTagValue    = 256
)

// tagText is the pattern of keys and values in the API model,
// ^[a-zA-Z0-9+ -=._:\/@]+$, in which " -=" is a range.
var tagText = regexp.MustCompile(`^[\x20-\x3d@A-Z_a-z]+$`)

// UsageReport is what somebody reports to have been used.
type UsageReport struct {
	// Dimension that it was used in.
	Dimension string
	// Timestamp is when; only the hour counts.
	Timestamp time.Time
	// Quantity in units of the dimension, 0 or more.
	Quantity int32
	// Allocations of the quantity; none if it is not split.
	Allocations []v1alpha1.UsageAllocation
}

// Hour is the beginning of the hour of the report, in UTC.
func (r UsageReport) Hour() time.Time { return UsageHour(r.Timestamp) }

// UsageHour is the beginning of an hour, in UTC.
func UsageHour(t time.Time) time.Time { return t.UTC().Truncate(time.Hour) }

// Same says whether two reports of one hour say the same: the quantity, and how
// it is split, in whatever order. Minutes and seconds do not count.
func (r UsageReport) Same(other UsageReport) bool {
	return slices.Equal(r.Quantities(), other.Quantities())
}

// Quantities are texts that say how much was used and how it is split: the same
// for reports that are the Same, and for no others.
func (r UsageReport) Quantities() []string {
	texts := make([]string, 0, 1+len(r.Allocations))
	for _, a := range r.Allocations {
		texts = append(texts, tagsKey(a.Tags)+strconv.Itoa(int(a.Quantity)))
	}
	slices.Sort(texts)
	return append(texts, strconv.Itoa(int(r.Quantity)))
}

// CheckUsage is nil if a Product's usage may be reported so. Faults, in the
// order in which they are looked for: DimensionInvalid, TagInvalid,
// AllocationsInvalid, TimestampOutOfBounds.
func CheckUsage(p *v1alpha1.Product, r UsageReport, window time.Duration, now time.Time) error {
	declared := func(d v1alpha1.MeteringDimension) bool { return d.Name == r.Dimension }
	if !slices.ContainsFunc(p.Spec.Metering.Dimensions, declared) {
		return fault.New(fault.DimensionInvalid,
			"The product has no dimension of that name; upper and lower case are different. Dimensions are declared in `spec.metering.dimensions` of the Product.")
	}
	if err := checkTags(r.Allocations); err != nil {
		return err
	}
	if err := checkAllocations(r.Quantity, r.Allocations); err != nil {
		return err
	}
	return checkTimestamp(r.Timestamp, window, now)
}

func checkTags(allocations []v1alpha1.UsageAllocation) error {
	for _, a := range allocations {
		if len(a.Tags) > maxTags {
			return fault.New(fault.TagInvalid, "An allocation may have %d tags.", maxTags)
		}
		for i, tag := range a.Tags {
			if len(tag.Key) > maxTagKey || len(tag.Value) > maxTagValue || !tagText.MatchString(tag.Key) || !tagText.MatchString(tag.Value) {
				return fault.New(fault.TagInvalid,
					"The key of a tag has 1 to %d characters, the value 1 to %d: letters, digits, blanks and punctuation.", maxTagKey, maxTagValue)
			}
			if slices.ContainsFunc(a.Tags[:i], func(other v1alpha1.UsageTag) bool { return other.Key == tag.Key }) {
				return fault.New(fault.TagInvalid, "A tag must be named once in an allocation.")
			}
		}
	}
	return nil
}

func checkAllocations(quantity int32, allocations []v1alpha1.UsageAllocation) error {
	if len(allocations) == 0 {
		return nil
	}
	if len(allocations) > maxAllocations {
		return fault.New(fault.AllocationsInvalid, "Usage may be split into %d allocations.", maxAllocations)
	}
	var sum int64
	for _, a := range allocations {
		if a.Quantity < 0 {
			return fault.New(fault.AllocationsInvalid, "The quantity of an allocation must not be negative.")
		}
		sum += int64(a.Quantity)
	}
	if sum != int64(quantity) {
		return fault.New(fault.AllocationsInvalid, "The allocations add up to %d, the quantity is %d.", sum, quantity)
	}
	seen := make(map[string]struct{}, len(allocations))
	for _, a := range allocations {
		tags := tagsKey(a.Tags)
		if _, twice := seen[tags]; twice {
			return fault.New(fault.AllocationsInvalid, "Two allocations have the same tags; report their sum.")
		}
		seen[tags] = struct{}{}
	}
	return nil
}

// checkTimestamp looks whether usage of a time is taken now: not of the future,
// not of before the window, and none of a month that is closed.
func checkTimestamp(t time.Time, window time.Duration, now time.Time) error {
	month := time.Date(now.UTC().Year(), now.UTC().Month(), 1, 0, 0, 0, 0, time.UTC)
	switch {
	case t.After(now.Add(UsageFuture)):
		return fault.New(fault.TimestampOutOfBounds, "The timestamp of a usage record is in the future.")
	case t.Before(now.Add(-window)):
		return fault.New(fault.TimestampOutOfBounds, "The timestamp of a usage record is more than %d hours ago.", int(window/time.Hour))
	case t.Before(month) && !now.Before(month.Add(monthClosing)):
		return fault.New(fault.TimestampOutOfBounds, "The timestamp of a usage record is of last month, which was closed on the first at 06:00 UTC.")
	}
	return nil
}

// UsageCovered says whether the usage of an hour is the customer's to pay: some
// of the hour lies between the start and the end of the subscription.
func UsageCovered(sub *v1alpha1.Subscription, d UsageDecision, hour time.Time) bool {
	if start := sub.Spec.StartTime; start != nil && !hour.Add(time.Hour).After(start.Time) {
		return false
	}
	return d.End.IsZero() || hour.Before(d.End)
}

// tagsKey is a text that is the same for the same tags in another order, and
// for no others: no tag holds the separators.
func tagsKey(tags []v1alpha1.UsageTag) string {
	if len(tags) == 0 {
		return "\x00"
	}
	texts := make([]string, 0, len(tags))
	for _, tag := range tags {
		texts = append(texts, tag.Key+"\x01"+tag.Value)
	}
	slices.Sort(texts)
	return strings.Join(texts, "\x02") + "\x00"
}
