// Copyright The license-operator Authors.
// SPDX-License-Identifier: Apache-2.0

// Package licensing decides: is a customer subscribed, what is the customer
// entitled to, may this key be used. The decisions are pure: they have no
// client and no clock but the time passed in. Controllers and the endpoint
// call the same ones, so that a licence can't be valid on one wire and invalid
// on another.
package licensing

import (
	"time"

	"github.com/license-operator/license-operator/api/v1alpha1"
)

// Standing is the decision on a Subscription at one time.
type Standing struct {
	// Subscribed says whether the customer may use the product.
	Subscribed bool
	// Reason is the reason of the condition Subscribed.
	Reason string
	// Message tells a person why, without times or names that would change.
	Message string
	// NextChange is when time alone changes the decision; zero for never.
	NextChange time.Time
}

// check is one step of the decision: nil passes on to the next.
type check func(s *v1alpha1.SubscriptionSpec, now time.Time) *Standing

// checks in the order in which they decide: what billing says comes before
// what the calendar says.
var checks = []check{checkState, checkStart, checkEnd}

// Stand decides on a Subscription whose Product exists or not.
func Stand(sub *v1alpha1.Subscription, productExists bool, now time.Time) Standing {
	if !productExists {
		return Standing{Reason: v1alpha1.ReasonProductNotFound,
			Message: "The Product in `spec.productRef` does not exist in this namespace; apply it, and the subscription stands again"}
	}
	for _, c := range checks {
		if s := c(&sub.Spec, now); s != nil {
			return *s
		}
	}
	s := Standing{Subscribed: true, Reason: v1alpha1.ReasonActive, Message: "The customer is subscribed"}
	if sub.Spec.EndTime != nil {
		s.NextChange = sub.Spec.EndTime.Time
	}
	return s
}

func checkState(s *v1alpha1.SubscriptionSpec, _ time.Time) *Standing {
	switch s.State {
	case v1alpha1.SubscriptionActive, "":
		return nil
	case v1alpha1.SubscriptionPending:
		return &Standing{Reason: v1alpha1.ReasonPaymentPending,
			Message: "`spec.state` is Pending; set it to Active when the payment is there"}
	case v1alpha1.SubscriptionSuspended:
		return &Standing{Reason: v1alpha1.ReasonSuspended,
			Message: "`spec.state` is Suspended; set it to Active to resume"}
	default:
		return &Standing{Reason: v1alpha1.ReasonCancelled,
			Message: "`spec.state` is Cancelled; set it to Active to subscribe again under the same identifiers"}
	}
}

func checkStart(s *v1alpha1.SubscriptionSpec, now time.Time) *Standing {
	if s.StartTime == nil || !now.Before(s.StartTime.Time) {
		return nil
	}
	return &Standing{Reason: v1alpha1.ReasonNotStarted, NextChange: s.StartTime.Time,
		Message: "`spec.startTime` is in the future"}
}

func checkEnd(s *v1alpha1.SubscriptionSpec, now time.Time) *Standing {
	if s.EndTime == nil || now.Before(s.EndTime.Time) {
		return nil
	}
	var grace time.Duration
	if s.GracePeriodSeconds != nil {
		grace = time.Duration(*s.GracePeriodSeconds) * time.Second
	}
	if over := s.EndTime.Add(grace); now.Before(over) {
		return &Standing{Subscribed: true, Reason: v1alpha1.ReasonInGracePeriod, NextChange: over,
			Message: "`spec.endTime` is over and the grace period is not; extend `spec.endTime` to renew"}
	}
	return &Standing{Reason: v1alpha1.ReasonExpired,
		Message: "`spec.endTime` and the grace period are over; extend `spec.endTime` to renew"}
}
