// Copyright The license-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package licensing

import (
	"slices"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/ptr"
	"pgregory.net/rapid"

	"github.com/license-operator/license-operator/api/v1alpha1"
)

// follows says what may be told after what; "" is the beginning.
var follows = map[v1alpha1.NotificationAction][]v1alpha1.NotificationAction{
	"":                                {v1alpha1.ActionSubscribeSuccess, v1alpha1.ActionSubscribeFail, v1alpha1.ActionUnsubscribePending},
	v1alpha1.ActionSubscribeFail:      {v1alpha1.ActionSubscribeSuccess},
	v1alpha1.ActionSubscribeSuccess:   {v1alpha1.ActionEntitlementUpdated, v1alpha1.ActionUnsubscribePending},
	v1alpha1.ActionEntitlementUpdated: {v1alpha1.ActionEntitlementUpdated, v1alpha1.ActionUnsubscribePending},
	v1alpha1.ActionUnsubscribePending: {v1alpha1.ActionUnsubscribeSuccess, v1alpha1.ActionSubscribeSuccess},
	v1alpha1.ActionUnsubscribeSuccess: {v1alpha1.ActionSubscribeSuccess},
}

// stageAfter is the stage in which each action leaves a subscription.
var stageAfter = map[v1alpha1.NotificationAction]v1alpha1.LifecycleStage{
	"":                                "",
	v1alpha1.ActionSubscribeFail:      v1alpha1.StageFailed,
	v1alpha1.ActionSubscribeSuccess:   v1alpha1.StageSubscribed,
	v1alpha1.ActionEntitlementUpdated: v1alpha1.StageSubscribed,
	v1alpha1.ActionUnsubscribePending: v1alpha1.StageUnsubscribePending,
	v1alpha1.ActionUnsubscribeSuccess: v1alpha1.StageUnsubscribed,
}

// history is any life of a Subscription, and what was told of it.
type history struct {
	*life
	kept *v1alpha1.Product
	last v1alpha1.NotificationAction
	ids  map[string]bool
}

func (h *history) change(t *rapid.T) {
	when := func(label string) *metav1.Time {
		if rapid.Bool().Draw(t, label) {
			return nil
		}
		return ptr.To(metav1.NewTime(h.now.Add(time.Duration(rapid.IntRange(-7200, 7200).Draw(t, "at")) * time.Second).Truncate(time.Second)))
	}
	switch rapid.IntRange(0, 7).Draw(t, "change") {
	case 0, 1:
		h.sub.Spec.State = rapid.SampledFrom([]v1alpha1.SubscriptionState{v1alpha1.SubscriptionPending, v1alpha1.SubscriptionActive,
			v1alpha1.SubscriptionSuspended, v1alpha1.SubscriptionCancelled}).Draw(t, "state")
	case 2, 3:
		h.now = h.now.Add(time.Duration(rapid.IntRange(0, 5400).Draw(t, "seconds")) * time.Second)
	case 4:
		h.sub.Spec.EndTime = when("end")
		h.sub.Spec.GracePeriodSeconds = ptr.To(int32(rapid.IntRange(0, 1200).Draw(t, "grace")))
	case 5:
		h.sub.Spec.StartTime = when("start")
	case 6:
		if h.product = nil; rapid.Bool().Draw(t, "product") {
			h.product = h.kept
		}
	case 7:
		h.sub.Spec.Entitlements = []v1alpha1.EntitlementOverride{{Name: "seats", MaxCount: ptr.To(rapid.Int64Range(0, 2).Draw(t, "seats"))}}
	}
}

func TestWhateverHappensWhatIsToldIsWellFormed(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		l := newLife(v1alpha1.SubscriptionActive)
		h := &history{life: l, kept: l.product, ids: map[string]bool{}}
		for range rapid.IntRange(1, 60).Draw(t, "steps") {
			h.change(t)
			if rapid.IntRange(0, 3).Draw(t, "unseen") == 0 {
				continue // Somebody is faster than the controllers.
			}
			p := h.look()
			for _, n := range p.News {
				if !slices.Contains(follows[h.last], n.Action) {
					t.Fatalf("%s after %q", n.Action, h.last)
				}
				if h.ids[n.ID] {
					t.Fatalf("%s has an id of before", n.Action)
				}
				h.ids[n.ID], h.last = true, n.Action
			}
			silent := h.last == "" && p.Stage == v1alpha1.StageUnsubscribed // It was over for long when it was first seen.
			if p.Stage != stageAfter[h.last] && !silent {
				t.Fatalf("the stage is %q after %q", p.Stage, h.last)
			}
			if Stand(h.sub, h.product != nil, h.now).Subscribed != (p.Stage == v1alpha1.StageSubscribed) && p.Stage != v1alpha1.StageSubscribed {
				t.Fatalf("the stage is %q of who is subscribed", p.Stage)
			}
			if p.Stage == v1alpha1.StageUnsubscribed && h.now.Sub(p.StageTime.Time) < 0 {
				t.Fatalf("unsubscribed at %s, before its time %s", h.now, p.StageTime)
			}
			over, ends := specEnd(h.sub)
			waits := p.Stage == v1alpha1.StageUnsubscribePending || ends && h.now.Before(over) && h.product != nil &&
				(p.Stage == v1alpha1.StageSubscribed && h.sub.Spec.State == v1alpha1.SubscriptionPending ||
					(p.Stage == "" || p.Stage == v1alpha1.StageSubscribed) && h.sub.Spec.State == v1alpha1.SubscriptionSuspended)
			if p.NextChange.IsZero() == waits || !p.NextChange.IsZero() && !p.NextChange.After(h.now) {
				t.Fatalf("in %q the next look is at %s", p.Stage, p.NextChange)
			}
			usage := UsageStanding(h.sub, h.product != nil, h.now)
			if p.Stage == v1alpha1.StageUnsubscribed && usage.Accepted || p.Stage == v1alpha1.StageFailed && usage.Accepted {
				t.Fatalf("usage is accepted in the stage %q: %+v", p.Stage, usage)
			}
			h.again(t, p)
		}
	})
}

// again decides once more: on the version of before, which a leader that lags
// still has, and on what was written.
func (h *history) again(t *rapid.T, p Progress) {
	if second := Advance(h.sub, h.product, h.now); len(second.News) > 0 || second.Stage != p.Stage || second.EntitlementsHash != p.EntitlementsHash {
		t.Fatalf("a second look at the same time tells %v", second.News)
	}
	if lagging := Advance(h.seen, h.product, h.now); !slices.Equal(lagging.News, p.News) {
		t.Fatalf("who lags tells %v, told was %v", lagging.News, p.News)
	}
}
