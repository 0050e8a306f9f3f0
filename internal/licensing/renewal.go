// Copyright The license-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package licensing

import (
	"time"

	"github.com/license-operator/license-operator/api/v1alpha1"
)

// RenewalPeriodStart is when the present period of renewal began: what Perpetual
// checkouts drew down before it has been filled up again. Periods are counted
// from the Subscription's start, or from when it was made. Zero means that
// nothing is ever renewed, or that the first period has not begun.
func RenewalPeriodStart(product *v1alpha1.Product, sub *v1alpha1.Subscription, now time.Time) time.Time {
	start, _ := renewalPeriod(product, sub, now)
	return start
}

// NextRenewal is when the next period of renewal begins; zero for never. Before
// the first period it is when the second begins: at the start of the first there
// is nothing to renew.
func NextRenewal(product *v1alpha1.Product, sub *v1alpha1.Subscription, now time.Time) time.Time {
	_, next := renewalPeriod(product, sub, now)
	return next
}

func renewalPeriod(product *v1alpha1.Product, sub *v1alpha1.Subscription, now time.Time) (start, next time.Time) {
	anchor := sub.CreationTimestamp.UTC()
	if sub.Spec.StartTime != nil {
		anchor = sub.Spec.StartTime.UTC()
	}
	now = now.UTC()
	var at func(n int) time.Time
	var n int
	switch product.Spec.License.Renewal {
	case v1alpha1.RenewalWeekly:
		const week = 7 * 24 * 60 * 60
		at = func(n int) time.Time { return anchor.AddDate(0, 0, 7*n) }
		n = int((now.Unix() - anchor.Unix()) / week)
	case v1alpha1.RenewalMonthly:
		at = func(n int) time.Time { return addMonths(anchor, n) }
		n = 12*(now.Year()-anchor.Year()) + int(now.Month()) - int(anchor.Month())
	default:
		return start, next
	}
	if now.Before(anchor) {
		return start, at(1)
	}
	if at(n).After(now) {
		n--
	}
	return at(n), at(n + 1)
}

// addMonths adds calendar months. A day that a month does not have is its last
// one, and comes back in the next month that has it: 31 January, 28 February,
// 31 March.
func addMonths(t time.Time, months int) time.Time {
	first := time.Date(t.Year(), t.Month()+time.Month(months), 1, t.Hour(), t.Minute(), t.Second(), t.Nanosecond(), time.UTC)
	last := first.AddDate(0, 1, -1).Day()
	return first.AddDate(0, 0, min(t.Day(), last)-1)
}
