// Copyright The license-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package checkout

import (
	"time"

	"errors"

	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/license-operator/license-operator/api/v1alpha1"
	"github.com/license-operator/license-operator/internal/fault"
	"github.com/license-operator/license-operator/internal/licensing"
	"github.com/license-operator/license-operator/internal/seats"
)

// answer is what becomes of a request that holds nothing.
type answer struct {
	// asks says that it is to be granted, if there is room. Reason and message
	// are for the case that there is none.
	asks            bool
	reason, message string
	// released says that reason is why its seats came back.
	released bool
	// unknown says that what becomes of it is not known now.
	unknown bool
}

var (
	queued = answer{asks: true, reason: v1alpha1.ReasonQueued,
		message: "The seats that it asks for are in use, or others wait for them; `status.queuePosition` is its place"}
	refused = answer{reason: v1alpha1.ReasonNoCapacity,
		message: "No seats were free, and `spec.whenUnavailable` is Fail; create it again later, or raise the Subscription's `maxCount`"}
	tooLarge = answer{reason: v1alpha1.ReasonNoCapacity,
		message: "It asks for more than the Subscription has altogether; raise the Subscription's `maxCount`, or ask for less"}
	notFound = answer{reason: v1alpha1.ReasonSubscriptionNotFound,
		message: "The Subscription in `spec.subscriptionRef` does not exist in this namespace; apply it, and seats can be granted"}
	notSubscribed = answer{reason: v1alpha1.ReasonNotSubscribed,
		message: "The Subscription is not subscribed; see its condition Subscribed"}
	noHolder = answer{reason: v1alpha1.ReasonWaitingForHolder,
		message: "The Pod in `spec.holderRef` does not exist, has finished or is being deleted; seats are asked for when one is there"}
	holderGone = answer{released: true, reason: v1alpha1.ReasonHolderGone,
		message: "The Pod in `spec.holderRef` has gone or has finished; seats are asked for again when a Pod of this name is there"}
	expired = answer{released: true, reason: v1alpha1.ReasonExpired,
		message: "The time of the checkout is over; create it again to ask for seats"}
	periodEnded = answer{released: true, reason: v1alpha1.ReasonPeriodEnded,
		message: "The Product's period of renewal has ended, and with it what was drawn down; create it again to draw from the new one"}
	deleted = answer{released: true, reason: v1alpha1.ReasonDeleted, message: "It is being deleted, and its seats are free"}
	removed = answer{released: true, reason: v1alpha1.ReasonRemoved, message: "The book of seats does not hold its seats any more"}
	unknown = answer{unknown: true, reason: v1alpha1.ReasonPending,
		message: "The book of seats can't be read or committed now; it is tried again"}
)

// judge decides what becomes of a request that holds nothing: the first check
// that has an answer decides. It sets the items that it asks for.
func (p *pass) judge(r *request) answer {
	for _, check := range []func(*request) *answer{p.checkOver, p.checkRefused, p.checkStanding, p.checkItems, p.checkHolder, p.checkSize} {
		if a := check(r); a != nil {
			return *a
		}
	}
	return queued
}

// checkOver finds those that had seats and don't ask again.
func (p *pass) checkOver(r *request) *answer {
	status := &r.base.Status
	switch {
	case !r.obj.DeletionTimestamp.IsZero():
		return &deleted
	case r.obj.Spec.HolderRef != nil:
		if r.pod == nil && (r.left || status.IssueTime != nil) {
			return &holderGone
		}
		return nil
	}
	if was := meta.FindStatusCondition(status.Conditions, v1alpha1.ConditionReleased); was != nil && was.Status == metav1.ConditionTrue {
		switch was.Reason {
		case v1alpha1.ReasonExpired:
			return &expired
		case v1alpha1.ReasonPeriodEnded:
			return &periodEnded
		}
	}
	return p.ended(r)
}

// ended finds those whose time was over when the book lost them. One whose time
// is not has to be in the book: it asks again.
func (p *pass) ended(r *request) *answer {
	status := &r.base.Status
	switch {
	case status.IssueTime == nil:
	case r.obj.Spec.Type != v1alpha1.CheckoutPerpetual:
		if e := status.ExpirationTime; e != nil && !p.bookTime().Before(e.Time) {
			return &expired
		}
	case p.product != nil:
		if status.IssueTime.Time.Before(licensing.RenewalPeriodStart(p.product, p.sub, p.bookTime())) {
			return &periodEnded
		}
	}
	return nil
}

// bookTime is the time by which the book ends checkouts: that of this replica, or
// the latest at which any has committed, whose clock may be ahead.
func (p *pass) bookTime() time.Time {
	latest := p.now
	for _, b := range p.blocks {
		if b.HighWater.After(latest) {
			latest = b.HighWater
		}
	}
	return latest
}

// checkRefused finds those that were refused once and for all.
func (p *pass) checkRefused(r *request) *answer {
	if r.obj.Spec.WhenUnavailable != v1alpha1.WhenUnavailableFail {
		return nil
	}
	was := meta.FindStatusCondition(r.base.Status.Conditions, v1alpha1.ConditionGranted)
	if was != nil && was.Reason == v1alpha1.ReasonNoCapacity || p.recall.refused(r.obj.UID) {
		return &refused
	}
	return nil
}

func (p *pass) checkStanding(*request) *answer {
	switch {
	case p.sub == nil:
		return &notFound
	case !p.standing.Subscribed, !p.sub.DeletionTimestamp.IsZero():
		return &notSubscribed
	}
	return nil
}

func (p *pass) checkItems(r *request) *answer {
	match, err := licensing.Match, p.contested
	if err == nil && r.obj.Spec.Type == v1alpha1.CheckoutBorrow {
		err, match = licensing.CheckBorrow(p.product), licensing.MatchAll
	}
	if err == nil {
		var held []licensing.Held
		held, err = match(p.entitlements, licensing.Wants(r.obj.Spec.Entitlements))
		r.items = seats.ItemsOf(held)
		if err == nil {
			err = licensing.CheckPerpetual(r.obj.Spec.Type, held)
		}
	}
	if err == nil {
		return nil
	}
	a := answer{reason: v1alpha1.ReasonNotEntitled, message: "The Subscription does not have what it asks for"}
	if f, ok := errors.AsType[*fault.Error](err); ok {
		a.message = f.Detail
	}
	return &a
}

// checkHolder finds those whose holder is not there. One that is being deleted
// keeps what it has, and gets nothing.
func (p *pass) checkHolder(r *request) *answer {
	if r.obj.Spec.HolderRef != nil && (r.pod == nil || !r.pod.DeletionTimestamp.IsZero()) {
		return &noHolder
	}
	return nil
}

// checkSize finds those for which there will never be room: in the queue they
// would keep everybody waiting for ever.
func (p *pass) checkSize(r *request) *answer {
	units := unitsOf(r.items)
	for _, pool := range p.pools {
		if units[pool.Name] > pool.Total && !pool.Overage {
			return &tooLarge
		}
	}
	return nil
}

// unitsOf are the units of each pool that items ask for.
func unitsOf(items []seats.Item) map[string]int64 {
	units := make(map[string]int64, len(items))
	for _, item := range items {
		if item.Quantity > 0 {
			units[item.Name] = item.Quantity
		}
	}
	return units
}
