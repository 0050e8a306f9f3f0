// Copyright The license-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package licensing

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/ptr"

	"github.com/license-operator/license-operator/api/v1alpha1"
	"github.com/license-operator/license-operator/test/builder"
)

// unsubscribedAt gives a Subscription the condition that its controller sets.
func unsubscribedAt(b *builder.SubscriptionBuilder, at time.Time) *builder.SubscriptionBuilder {
	return b.With(func(s *v1alpha1.Subscription) {
		c := builder.Condition(v1alpha1.ConditionSubscribed, metav1.ConditionFalse, v1alpha1.ReasonCancelled)
		c.LastTransitionTime = metav1.NewTime(at)
		s.Status.Conditions = append(s.Status.Conditions, c)
	})
}

func inStage(b *builder.SubscriptionBuilder, stage v1alpha1.LifecycleStage, at time.Time) *builder.SubscriptionBuilder {
	return b.With(func(s *v1alpha1.Subscription) {
		s.Status.Lifecycle = &v1alpha1.Lifecycle{Stage: stage, StageTime: ptr.To(metav1.NewTime(at))}
	})
}

func TestUsageStanding(t *testing.T) {
	const minute = time.Minute
	cancelled := func() *builder.SubscriptionBuilder { return sub().InState(v1alpha1.SubscriptionCancelled) }
	for name, test := range map[string]struct {
		sub       *builder.SubscriptionBuilder
		noProduct bool
		accepted  bool
		reason    string
		end       time.Time
	}{
		"a subscribed customer's usage is accepted":            {sub: sub(), accepted: true, reason: "Subscribed"},
		"so is that of the grace period":                       {sub: sub().EndingAt(now.Add(-minute)).WithGracePeriod(120), accepted: true, reason: "Subscribed"},
		"a subscription that expired half an hour ago":         {sub: sub().EndingAt(now.Add(-30 * minute)), accepted: true, reason: "UnsubscribePending", end: now.Add(-30 * minute)},
		"one whose grace period ended half an hour ago":        {sub: sub().EndingAt(now.Add(-90 * minute)).WithGracePeriod(3600), accepted: true, reason: "UnsubscribePending", end: now.Add(-30 * minute)},
		"one that expired a second less than an hour ago":      {sub: sub().EndingAt(now.Add(time.Second - 60*minute)), accepted: true, reason: "UnsubscribePending", end: now.Add(time.Second - 60*minute)},
		"one that expired an hour ago":                         {sub: sub().EndingAt(now.Add(-60 * minute)), reason: "Unsubscribed", end: now.Add(-60 * minute)},
		"the controller may have seen the end late":            {sub: unsubscribedAt(sub().EndingAt(now.Add(-60*minute)), now.Add(-minute)), reason: "Unsubscribed", end: now.Add(-60 * minute)},
		"one that is cancelled now, which nobody has seen yet": {sub: cancelled(), accepted: true, reason: "UnsubscribePending", end: now},
		"one that was cancelled a minute ago":                  {sub: unsubscribedAt(cancelled(), now.Add(-minute)), accepted: true, reason: "UnsubscribePending", end: now.Add(-minute)},
		"one that was cancelled an hour ago":                   {sub: unsubscribedAt(cancelled(), now.Add(-60*minute)), reason: "Unsubscribed", end: now.Add(-60 * minute)},
		"one that had expired before it was cancelled":         {sub: unsubscribedAt(cancelled().EndingAt(now.Add(-2*60*minute)), now.Add(-minute)), reason: "Unsubscribed", end: now.Add(-2 * 60 * minute)},
		"one that would have ended after it was cancelled":     {sub: unsubscribedAt(cancelled().EndingAt(now.Add(60*minute)), now.Add(-minute)), accepted: true, reason: "UnsubscribePending", end: now.Add(-minute)},
		"one that was cancelled before it began":               {sub: cancelled().StartingAt(now.Add(minute)), reason: "NeverSubscribed"},
		"one that was cancelled before it was paid":            {sub: inStage(cancelled(), v1alpha1.StageFailed, now), reason: "NeverSubscribed"},
		"one that is not paid":                                 {sub: sub().InState(v1alpha1.SubscriptionPending), reason: "NeverSubscribed"},
		"one that was active and is not paid now":              {sub: inStage(sub().InState(v1alpha1.SubscriptionPending), v1alpha1.StageSubscribed, now), reason: "PaymentPending"},
		"one that is unpaid and over":                          {sub: sub().InState(v1alpha1.SubscriptionPending).EndingAt(now.Add(-minute)), reason: "NeverSubscribed"},
		"a suspended one that ended a minute ago":              {sub: unsubscribedAt(sub().InState(v1alpha1.SubscriptionSuspended).EndingAt(now.Add(-minute)), now), accepted: true, reason: "UnsubscribePending", end: now.Add(-minute)},
		"a suspended one that ended an hour ago":               {sub: unsubscribedAt(sub().InState(v1alpha1.SubscriptionSuspended).EndingAt(now.Add(-60*minute)), now), reason: "Unsubscribed", end: now.Add(-60 * minute)},
		"one that begins in a minute":                          {sub: sub().StartingAt(now.Add(minute)), reason: "NeverSubscribed"},
		"a suspended one":                                      {sub: unsubscribedAt(sub().InState(v1alpha1.SubscriptionSuspended), now), reason: "Suspended"},
		"one whose Product is gone":                            {sub: sub(), noProduct: true, reason: "ProductNotFound"},
	} {
		t.Run(name, func(t *testing.T) {
			got := UsageStanding(test.sub.Build(), !test.noProduct, now)
			if got.Message == "" {
				t.Error("nothing is said to people")
			}
			want := UsageDecision{Accepted: test.accepted, Reason: test.reason, Message: got.Message, End: test.end}
			if !test.end.IsZero() {
				want.Until = test.end.Add(UsageGrace)
			}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("(-want +got)\n%s", diff)
			}
		})
	}
}

// What was announced when a suspended customer was cancelled holds: the hour
// begins then. What was used while suspended is still nobody's to pay.
func TestACustomerWhoWasSuspendedBeforeHasTheHourThatWasAnnounced(t *testing.T) {
	suspended, announced := now.Add(-24*time.Hour), now.Add(-10*time.Minute)
	s := inStage(unsubscribedAt(sub().InState(v1alpha1.SubscriptionCancelled), suspended), v1alpha1.StageUnsubscribePending, announced).Build()
	d := UsageStanding(s, true, now)
	if !d.Accepted || !d.Until.Equal(announced.Add(UsageGrace)) {
		t.Errorf("accepted %t until %s", d.Accepted, d.Until)
	}
	if UsageCovered(s, d, UsageHour(now)) || !UsageCovered(s, d, UsageHour(suspended)) {
		t.Error("covered must be what was used before the suspension, and nothing else")
	}
}

func TestUsageCovered(t *testing.T) {
	hour := time.Date(2031, time.May, 6, 7, 0, 0, 0, time.UTC)
	for name, test := range map[string]struct {
		sub  *builder.SubscriptionBuilder
		end  time.Time
		want bool
	}{
		"any hour without start and end":            {sub: sub(), want: true},
		"the hour in which the subscription begins": {sub: sub().StartingAt(hour.Add(59 * time.Minute)), want: true},
		"the hour that ends when it begins":         {sub: sub().StartingAt(hour.Add(time.Hour)), want: false},
		"the hour in which it ends":                 {sub: sub(), end: hour.Add(time.Minute), want: true},
		"the hour that begins when it ends":         {sub: sub(), end: hour, want: false},
		"an hour after its end":                     {sub: sub(), end: hour.Add(-time.Minute), want: false},
	} {
		t.Run(name, func(t *testing.T) {
			if got := UsageCovered(test.sub.Build(), UsageDecision{End: test.end}, hour); got != test.want {
				t.Errorf("covered is %t", got)
			}
		})
	}
}

func TestUsageRetention(t *testing.T) {
	const day = 24 * time.Hour
	if got := UsageRetention(builder.Product("p").WithRetention(2).Build()); got != 2*day {
		t.Errorf("two days are %s", got)
	}
	if got := UsageRetention(&v1alpha1.Product{}); got != 90*day {
		t.Errorf("a Product that does not say keeps its records for %s", got)
	}
	if got := UsageRetention(nil); got != 3650*day {
		t.Errorf("a Product that is gone keeps its records for %s", got)
	}
}
