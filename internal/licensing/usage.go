// Copyright The license-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package licensing

import (
	"time"

	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/ptr"

	"github.com/license-operator/license-operator/api/v1alpha1"
)

// UsageGrace is how long after the end of a subscription its last usage is
// accepted: "SaaS subscriptions" of the AWS Marketplace Seller Guide gives one
// hour from unsubscribe-pending on.
const UsageGrace = time.Hour

// UsageDecision says whether the usage of a customer is accepted at one time.
type UsageDecision struct {
	// Accepted says that it is.
	Accepted bool
	// Reason is the reason of the condition UsageAccepted.
	Reason string
	// Message tells a person why, without times or names that would change.
	Message string
	// End is when the subscription ended; zero if it has not. What was used
	// in an hour that begins then or later is nobody's to pay.
	End time.Time
	// Until is when usage is no longer accepted, which is UsageGrace after End;
	// zero while no end is known.
	Until time.Time
}

// UsageStanding decides whether usage of a Subscription is accepted, whose
// Product exists or not. The end of an expired one is that of its spec, so that
// it holds at once; the end of a cancelled one is when the controller saw it,
// or now if it has not yet. Suspended is no end and accepts nothing, but ends by
// the spec as well.
func UsageStanding(sub *v1alpha1.Subscription, productExists bool, now time.Time) UsageDecision {
	standing := Stand(sub, productExists, now)
	if standing.Subscribed {
		return UsageDecision{Accepted: true, Reason: v1alpha1.ReasonSubscribed, Message: "The customer is subscribed"}
	}
	stage, since := lifecycleOf(sub)
	stopped := stoppedForGood(sub, stage, standing.Reason, now)
	switch standing.Reason {
	case v1alpha1.ReasonCancelled, v1alpha1.ReasonExpired:
	case v1alpha1.ReasonPaymentPending, v1alpha1.ReasonNotStarted:
		if stopped {
			break
		}
		if stage == v1alpha1.StageSubscribed {
			return UsageDecision{Reason: v1alpha1.ReasonPaymentPending, Message: standing.Message}
		}
		return UsageDecision{Reason: v1alpha1.ReasonNeverSubscribed, Message: "The subscription has not begun; " + standing.Message}
	default:
		if !stopped {
			return UsageDecision{Reason: standing.Reason, Message: standing.Message}
		}
	}
	if stage == v1alpha1.StageFailed {
		return UsageDecision{Reason: v1alpha1.ReasonNeverSubscribed, Message: "The subscription was cancelled before it was active"}
	}
	if start := sub.Spec.StartTime; start != nil && now.Before(start.Time) {
		return UsageDecision{Reason: v1alpha1.ReasonNeverSubscribed, Message: "The subscription was cancelled before its `spec.startTime`"}
	}
	d := UsageDecision{End: subscriptionEnd(sub, now)}
	d.Until = d.End.Add(UsageGrace)
	switch {
	case stage == v1alpha1.StageUnsubscribePending && since.After(d.End):
		d.Until = since.Add(UsageGrace) // It was suspended before: the hour is told from then on.
	case stage == v1alpha1.StageUnsubscribed && !since.IsZero() && since.Before(d.Until):
		d.Until = since // It was over before anybody looked.
	case stopped && (stage == "" || stage == v1alpha1.StageSubscribed):
		over, _ := specEnd(sub)
		d.Until = over.Add(UsageGrace) // As above, and not seen yet.
	}
	d.Accepted = now.Before(d.Until)
	if d.Accepted {
		d.Reason, d.Message = v1alpha1.ReasonUnsubscribePending, "The subscription has ended less than an hour ago; its last usage is still accepted"
	} else {
		d.Reason, d.Message = v1alpha1.ReasonUnsubscribed, "The subscription has ended more than an hour ago"
	}
	return d
}

// subscriptionEnd is when a subscription that is over ended: the earliest of
// what its spec and its condition Subscribed say.
func subscriptionEnd(sub *v1alpha1.Subscription, now time.Time) time.Time {
	end := now
	if c := meta.FindStatusCondition(sub.Status.Conditions, v1alpha1.ConditionSubscribed); c != nil &&
		c.Status == metav1.ConditionFalse && c.LastTransitionTime.Time.Before(end) {
		end = c.LastTransitionTime.Time
	}
	if over, ends := specEnd(sub); ends {
		active := sub.Spec.State == v1alpha1.SubscriptionActive || sub.Spec.State == ""
		if active || over.Before(end) {
			end = over
		}
	}
	return end
}

// specEnd is when a subscription ends by its spec, with the grace period; false
// if it has no end.
func specEnd(sub *v1alpha1.Subscription) (time.Time, bool) {
	if sub.Spec.EndTime == nil {
		return time.Time{}, false
	}
	return sub.Spec.EndTime.Add(time.Duration(ptr.Deref(sub.Spec.GracePeriodSeconds, 0)) * time.Second), true
}

// paused says whether a subscription that does not stand for a reason stood
// before and goes on when its state is Active again.
func paused(stage v1alpha1.LifecycleStage, reason string) bool {
	switch reason {
	case v1alpha1.ReasonSuspended:
		return true
	case v1alpha1.ReasonPaymentPending:
		return stage != "" && stage != v1alpha1.StageFailed
	}
	return false
}

// stoppedForGood says whether a paused subscription has come to its end.
func stoppedForGood(sub *v1alpha1.Subscription, stage v1alpha1.LifecycleStage, reason string, now time.Time) bool {
	over, ends := specEnd(sub)
	return paused(stage, reason) && ends && !now.Before(over)
}

// lifecycleOf is the stage in a Subscription's status, and since when; empty and
// zero for none.
func lifecycleOf(sub *v1alpha1.Subscription) (stage v1alpha1.LifecycleStage, since time.Time) {
	l := sub.Status.Lifecycle
	if l == nil {
		return "", time.Time{}
	}
	if l.StageTime != nil {
		since = l.StageTime.Time
	}
	return l.Stage, since
}

const (
	// defaultRetentionDays is how long the records of a Product are kept that
	// does not say so.
	defaultRetentionDays = 90
	// orphanRetentionDays is how long those of none are: the longest that a
	// Product can say, since it may be gone by mistake.
	orphanRetentionDays = 3650
)

// UsageRetention is how long a UsageRecord of a Product is kept after it was
// made. A Product that does not exist is nil.
func UsageRetention(p *v1alpha1.Product) time.Duration {
	if p == nil {
		return orphanRetentionDays * 24 * time.Hour
	}
	return time.Duration(ptr.Deref(p.Spec.Metering.RecordRetentionDays, defaultRetentionDays)) * 24 * time.Hour
}
