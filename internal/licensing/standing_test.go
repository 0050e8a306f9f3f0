// Copyright The license-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package licensing

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/license-operator/license-operator/api/v1alpha1"
	"github.com/license-operator/license-operator/test/builder"
)

// now is the time of all tests; it is a whole second, as the times of specs are.
var now = time.Date(2031, time.May, 6, 7, 8, 9, 0, time.UTC)

func sub() *builder.SubscriptionBuilder { return builder.Subscription("initech", "render-farm") }

func TestStand(t *testing.T) {
	const hour = time.Hour
	term := func() *builder.SubscriptionBuilder {
		return sub().StartingAt(now).EndingAt(now.Add(2 * hour)).WithGracePeriod(1800)
	}
	for name, test := range map[string]struct {
		subscription *builder.SubscriptionBuilder
		noProduct    bool
		at           time.Time
		want         string
		subscribed   bool
		next         time.Time
	}{
		"for ever":                              {subscription: sub(), at: now, want: "Active", subscribed: true},
		"a state that is not said is Active":    {subscription: sub().InState(""), at: now, want: "Active", subscribed: true},
		"Pending":                               {subscription: sub().InState(v1alpha1.SubscriptionPending), at: now, want: "PaymentPending"},
		"Suspended":                             {subscription: sub().InState(v1alpha1.SubscriptionSuspended), at: now, want: "Suspended"},
		"Cancelled":                             {subscription: sub().InState(v1alpha1.SubscriptionCancelled), at: now, want: "Cancelled"},
		"a state that nobody knows":             {subscription: sub().InState("Other"), at: now, want: "Cancelled"},
		"no Product":                            {subscription: sub(), noProduct: true, at: now, want: "ProductNotFound"},
		"no Product and Cancelled":              {subscription: sub().InState(v1alpha1.SubscriptionCancelled), noProduct: true, at: now, want: "ProductNotFound"},
		"no Product, a term that ends":          {subscription: term(), noProduct: true, at: now, want: "ProductNotFound"},
		"billing comes before the start":        {subscription: term().InState(v1alpha1.SubscriptionPending), at: now.Add(-hour), want: "PaymentPending"},
		"billing comes before the end":          {subscription: term().InState(v1alpha1.SubscriptionSuspended), at: now.Add(3 * hour), want: "Suspended"},
		"a nanosecond before the start":         {subscription: term(), at: now.Add(-1), want: "NotStarted", next: now},
		"at the start":                          {subscription: term(), at: now, want: "Active", subscribed: true, next: now.Add(2 * hour)},
		"a nanosecond before the end":           {subscription: term(), at: now.Add(2*hour - 1), want: "Active", subscribed: true, next: now.Add(2 * hour)},
		"at the end":                            {subscription: term(), at: now.Add(2 * hour), want: "InGracePeriod", subscribed: true, next: now.Add(2*hour + hour/2)},
		"a nanosecond before the grace is over": {subscription: term(), at: now.Add(2*hour + hour/2 - 1), want: "InGracePeriod", subscribed: true, next: now.Add(2*hour + hour/2)},
		"when the grace is over":                {subscription: term(), at: now.Add(2*hour + hour/2), want: "Expired"},
		"at the end without grace":              {subscription: term().WithGracePeriod(0), at: now.Add(2 * hour), want: "Expired"},
		"at the end, grace not said":            {subscription: sub().EndingAt(now), at: now, want: "Expired"},
		"before the end, grace not said":        {subscription: sub().EndingAt(now), at: now.Add(-1), want: "Active", subscribed: true, next: now},
		"grace without an end":                  {subscription: sub().WithGracePeriod(60), at: now, want: "Active", subscribed: true},
		"a start that is over and no end":       {subscription: sub().StartingAt(now), at: now.Add(hour), want: "Active", subscribed: true},
		"not started, whatever the end":         {subscription: sub().StartingAt(now.Add(hour)).EndingAt(now.Add(2 * hour)), at: now, want: "NotStarted", next: now.Add(hour)},
		"another time zone is the same time":    {subscription: term(), at: now.Add(2 * hour).In(time.FixedZone("", 3600)), want: "InGracePeriod", subscribed: true, next: now.Add(2*hour + hour/2)},
	} {
		t.Run(name, func(t *testing.T) {
			got := Stand(test.subscription.Build(), !test.noProduct, test.at)
			if got.Message == "" {
				t.Error("there is no message")
			}
			if got.Reason != test.want || got.Subscribed != test.subscribed || !got.NextChange.Equal(test.next) {
				t.Errorf("it is %s, %t, until %s; want %s, %t, %s",
					got.Reason, got.Subscribed, got.NextChange, test.want, test.subscribed, test.next)
			}
			if test.next.IsZero() || !got.NextChange.After(test.at) {
				if !test.next.IsZero() {
					t.Errorf("the next change %s is not after %s", got.NextChange, test.at)
				}
				return
			}
			if before := Stand(test.subscription.Build(), true, got.NextChange.Add(-1)); before.Reason != got.Reason {
				t.Errorf("it is %s already before the next change", before.Reason)
			}
			if then := Stand(test.subscription.Build(), true, got.NextChange); then.Reason == got.Reason {
				t.Errorf("it is still %s at the next change", then.Reason)
			}
		})
	}
}

func TestAStandingDoesNotDependOnTheStatus(t *testing.T) {
	spec := sub().EndingAt(now.Add(time.Hour))
	want := Stand(spec.Build(), true, now)
	spec.With(func(s *v1alpha1.Subscription) {
		s.Status.Conditions = append(s.Status.Conditions, builder.Condition(v1alpha1.ConditionSubscribed, "False", "Cancelled"))
	})
	if diff := cmp.Diff(want, Stand(spec.Build(), true, now)); diff != "" {
		t.Errorf("standing (-without a status +with one):\n%s", diff)
	}
}
