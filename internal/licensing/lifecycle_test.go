// Copyright The license-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package licensing

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/ptr"

	"github.com/license-operator/license-operator/api/v1alpha1"
)

// life is a Subscription whose status is kept as the controllers keep it.
type life struct {
	sub     *v1alpha1.Subscription
	product *v1alpha1.Product
	now     time.Time
	version int
	// seen is what the last look went by.
	seen *v1alpha1.Subscription
}

func newLife(state v1alpha1.SubscriptionState) *life {
	return &life{
		now: time.Date(2031, 5, 6, 7, 8, 9, 250_000_000, time.UTC),
		product: &v1alpha1.Product{Spec: v1alpha1.ProductSpec{License: v1alpha1.LicenseTerms{Entitlements: []v1alpha1.Entitlement{
			{Name: "seats", Unit: v1alpha1.UnitCount, MaxCount: ptr.To[int64](3)}, {Name: "fast", Unit: v1alpha1.UnitNone, Value: "On"}}}}},
		sub: &v1alpha1.Subscription{ObjectMeta: metav1.ObjectMeta{Namespace: "acme", Name: "initech", UID: "u-1", ResourceVersion: "1"},
			Spec: v1alpha1.SubscriptionSpec{State: state}},
	}
}

// look is what the controllers do when they see the Subscription: one says
// whether the customer is subscribed, the other what that means.
func (l *life) look() Progress {
	set := func(kind string, ok bool, reason string) {
		status := metav1.ConditionFalse
		if ok {
			status = metav1.ConditionTrue
		}
		meta.SetStatusCondition(&l.sub.Status.Conditions, metav1.Condition{Type: kind, Status: status, Reason: reason,
			LastTransitionTime: metav1.NewTime(l.now.Truncate(time.Second))})
	}
	standing := Stand(l.sub, l.product != nil, l.now)
	set(v1alpha1.ConditionSubscribed, standing.Subscribed, standing.Reason)
	l.seen = l.sub.DeepCopy()
	p := Advance(l.sub, l.product, l.now)
	l.sub.Status.Lifecycle = &v1alpha1.Lifecycle{Stage: p.Stage, StageTime: p.StageTime, EntitlementsHash: p.EntitlementsHash}
	usage := UsageStanding(l.sub, l.product != nil, l.now)
	set(v1alpha1.ConditionUsageAccepted, usage.Accepted, usage.Reason)
	l.version++
	l.sub.ResourceVersion = strings.Repeat("i", l.version)
	return p
}

func actions(news []v1alpha1.Notification) string {
	var words []string
	for _, n := range news {
		words = append(words, string(n.Action))
	}
	return strings.Join(words, " ")
}

func TestWhatBecomesOfASubscription(t *testing.T) {
	const (
		subscribed   = "Subscribed: "
		pending      = "UnsubscribePending: "
		unsubscribed = "Unsubscribed: "
		failed       = "Failed: "
		nothingYet   = ": "
	)
	state := func(s v1alpha1.SubscriptionState) func(*life) { return func(l *life) { l.sub.Spec.State = s } }
	after := func(d time.Duration) func(*life) { return func(l *life) { l.now = l.now.Add(d) } }
	ends := func(d time.Duration) func(*life) {
		return func(l *life) { l.sub.Spec.EndTime = ptr.To(metav1.NewTime(l.now.Add(d).Truncate(time.Second))) }
	}
	product := newLife("").product
	gone := func(l *life) { l.product = nil }
	back := func(l *life) { l.product = product }
	// subscribedUntil is what an operator of before has left.
	subscribedUntil := func(d time.Duration) func(*life) {
		return func(l *life) {
			meta.SetStatusCondition(&l.sub.Status.Conditions, metav1.Condition{Type: v1alpha1.ConditionSubscribed, Status: metav1.ConditionFalse,
				Reason: v1alpha1.ReasonCancelled, LastTransitionTime: metav1.NewTime(l.now.Add(d))})
		}
	}
	both := func(all ...func(*life)) func(*life) {
		return func(l *life) {
			for _, f := range all {
				f(l)
			}
		}
	}
	type step struct {
		change func(*life)
		want   string
	}
	for name, steps := range map[string][]step{
		"active from the first": {{nil, subscribed + "subscribe-success"}, {after(time.Hour), subscribed}},
		"pending is not told, and active is": {{state("Pending"), nothingYet}, {after(time.Hour), nothingYet},
			{state("Active"), subscribed + "subscribe-success"}},
		"cancelled before it was active, and active after all": {{state("Pending"), nothingYet},
			{state("Cancelled"), failed + "subscribe-fail"}, {after(time.Hour), failed},
			{state("Pending"), failed}, {state("Active"), subscribed + "subscribe-success"}},
		"over for an hour before it was known":          {{ends(-time.Hour), unsubscribed}, {after(time.Hour), unsubscribed}, {ends(time.Hour), subscribed + "subscribe-success"}},
		"over for half an hour before it was known":     {{ends(-30 * time.Minute), pending + "unsubscribe-pending"}, {after(30 * time.Minute), unsubscribed + "unsubscribe-success"}},
		"suspended and over before it was known":        {{both(state("Suspended"), ends(-2*time.Hour)), unsubscribed}, {after(time.Hour), unsubscribed}},
		"suspended and just over before it was known":   {{both(state("Suspended"), ends(-time.Minute)), pending + "unsubscribe-pending"}, {after(59 * time.Minute), unsubscribed + "unsubscribe-success"}},
		"pending and over is not told":                  {{both(state("Pending"), ends(-2*time.Hour)), nothingYet}, {state("Cancelled"), failed + "subscribe-fail"}},
		"paid after it was over":                        {{state("Pending"), nothingYet}, {both(state("Active"), ends(-time.Minute)), failed + "subscribe-fail"}},
		"cancelled long before it was known":            {{both(state("Cancelled"), subscribedUntil(-61*time.Second)), unsubscribed}, {after(time.Minute), unsubscribed}, {state("Active"), subscribed + "subscribe-success"}},
		"cancelled just before it was known":            {{both(state("Cancelled"), subscribedUntil(-time.Minute)), failed + "subscribe-fail"}},
		"cancelled long after it was seen to be unpaid": {{state("Pending"), nothingYet}, {both(state("Cancelled"), after(time.Hour)), failed + "subscribe-fail"}},
		"suspended from the first, and cancelled":       {{state("Suspended"), nothingYet}, {both(state("Cancelled"), after(time.Hour)), pending + "unsubscribe-pending"}},
		"suspended until its end": {{both(state("Suspended"), ends(time.Hour)), nothingYet}, {after(time.Hour), pending + "unsubscribe-pending"},
			{after(time.Hour), unsubscribed + "unsubscribe-success"}},
		"suspended after it was active, until its end": {{ends(time.Hour), subscribed + "subscribe-success"}, {both(state("Suspended"), after(time.Minute)), subscribed},
			{after(59 * time.Minute), pending + "unsubscribe-pending"}, {after(time.Hour), unsubscribed + "unsubscribe-success"}},
		"back to pending until its end": {{ends(time.Hour), subscribed + "subscribe-success"}, {both(state("Pending"), after(time.Minute)), subscribed},
			{after(59 * time.Minute), pending + "unsubscribe-pending"}, {after(time.Hour), unsubscribed + "unsubscribe-success"}},
		"cancelled after it was suspended beyond its end": {{ends(time.Hour), subscribed + "subscribe-success"}, {state("Suspended"), subscribed},
			{both(state("Cancelled"), after(90*time.Minute)), pending + "unsubscribe-pending"}, {after(30 * time.Minute), unsubscribed + "unsubscribe-success"}},
		"not begun": {{func(l *life) { l.sub.Spec.StartTime = ptr.To(metav1.NewTime(l.now.Add(time.Hour))) }, nothingYet}, {after(time.Hour), subscribed + "subscribe-success"}},
		"suspended from the first, and resumed": {{state("Suspended"), nothingYet},
			{state("Active"), subscribed + "subscribe-success"}, {state("Suspended"), subscribed},
			{after(48 * time.Hour), subscribed}, {state("Active"), subscribed}},
		"back to pending after it was active": {{nil, subscribed + "subscribe-success"}, {state("Pending"), subscribed},
			{state("Active"), subscribed}, {state("Cancelled"), pending + "unsubscribe-pending"}},
		"cancelled, and over an hour later": {{nil, subscribed + "subscribe-success"},
			{state("Cancelled"), pending + "unsubscribe-pending"}, {after(time.Hour - time.Second), pending},
			{after(time.Second), unsubscribed + "unsubscribe-success"}, {after(time.Hour), unsubscribed},
			{state("Active"), subscribed + "subscribe-success"}},
		"subscribed again within the hour": {{nil, subscribed + "subscribe-success"},
			{state("Cancelled"), pending + "unsubscribe-pending"}, {both(state("Active"), after(time.Minute)), subscribed + "subscribe-success"},
			{after(2 * time.Hour), subscribed}},
		"suspended within the hour": {{nil, subscribed + "subscribe-success"},
			{state("Cancelled"), pending + "unsubscribe-pending"}, {state("Suspended"), pending},
			{after(time.Hour), unsubscribed + "unsubscribe-success"}},
		"cancelled after it was suspended for long has its hour too": {{nil, subscribed + "subscribe-success"},
			{state("Suspended"), subscribed}, {both(state("Cancelled"), after(48*time.Hour)), pending + "unsubscribe-pending"},
			{after(59 * time.Minute), pending}, {after(time.Minute), unsubscribed + "unsubscribe-success"}},
		"a term that ends": {{ends(time.Hour), subscribed + "subscribe-success"}, {after(time.Hour), pending + "unsubscribe-pending"},
			{after(time.Hour), unsubscribed + "unsubscribe-success"}},
		"a term that ended long before anybody looked": {{ends(time.Hour), subscribed + "subscribe-success"},
			{after(3 * time.Hour), unsubscribed + "unsubscribe-pending unsubscribe-success"}},
		"a term with grace": {{both(ends(time.Hour), func(l *life) { l.sub.Spec.GracePeriodSeconds = ptr.To[int32](600) }), subscribed + "subscribe-success"},
			{after(time.Hour), subscribed}, {after(10 * time.Minute), pending + "unsubscribe-pending"},
			{after(59 * time.Minute), pending}, {after(time.Minute), unsubscribed + "unsubscribe-success"}},
		"renewed in time": {{ends(time.Hour), subscribed + "subscribe-success"}, {ends(48 * time.Hour), subscribed + "entitlement-updated"}},
		"a Product that goes for good": {{nil, subscribed + "subscribe-success"}, {gone, pending + "unsubscribe-pending"},
			{after(time.Hour), unsubscribed + "unsubscribe-success"}},
		"a Product that comes back": {{nil, subscribed + "subscribe-success"}, {gone, pending + "unsubscribe-pending"},
			{back, subscribed + "subscribe-success"}},
		"a Product that is not there yet": {{gone, nothingYet}, {state("Cancelled"), nothingYet}, {back, failed + "subscribe-fail"}},
		"more seats": {{nil, subscribed + "subscribe-success"},
			{func(l *life) {
				l.sub.Spec.Entitlements = []v1alpha1.EntitlementOverride{{Name: "seats", MaxCount: ptr.To[int64](9)}}
			}, subscribed + "entitlement-updated"}, {nil, subscribed}},
		"another value of a feature": {{nil, subscribed + "subscribe-success"},
			{func(l *life) {
				l.product = l.product.DeepCopy()
				l.product.Spec.License.Entitlements[1].Value = "Off"
			}, subscribed + "entitlement-updated"}},
		"another order is no change": {{nil, subscribed + "subscribe-success"}, {func(l *life) {
			l.product = l.product.DeepCopy()
			e := l.product.Spec.License.Entitlements
			e[0], e[1] = e[1], e[0]
		}, subscribed}},
		"more seats while suspended are told afterwards": {{nil, subscribed + "subscribe-success"}, {state("Suspended"), subscribed},
			{func(l *life) {
				l.sub.Spec.Entitlements = []v1alpha1.EntitlementOverride{{Name: "seats", MaxCount: ptr.To[int64](9)}}
			}, subscribed},
			{state("Active"), subscribed + "entitlement-updated"}},
	} {
		t.Run(name, func(t *testing.T) {
			l := newLife(v1alpha1.SubscriptionActive)
			for i, s := range steps {
				if s.change != nil {
					s.change(l)
				}
				p := l.look()
				if got := string(p.Stage) + ": " + actions(p.News); got != s.want {
					t.Fatalf("step %d: got %q, want %q", i, got, s.want)
				}
			}
		})
	}
}

func TestTheHourIsCountedFromTheEnd(t *testing.T) {
	l := newLife(v1alpha1.SubscriptionActive)
	l.look()
	l.sub.Spec.State = v1alpha1.SubscriptionCancelled
	p := l.look()
	until := l.now.Truncate(time.Second).Add(UsageGrace)
	if !p.NextChange.Equal(until) {
		t.Errorf("the next look is at %s, want %s", p.NextChange, until)
	}
	if usage := UsageStanding(l.sub, true, l.now); !usage.Until.Equal(until) || !usage.Accepted {
		t.Errorf("usage is accepted until %s, told was %s", usage.Until, until)
	}
	l.now = until
	p = l.look()
	if p.News[0].Action != v1alpha1.ActionUnsubscribeSuccess || !p.StageTime.Time.Equal(until) || !p.NextChange.IsZero() {
		t.Errorf("after the hour: %+v", p)
	}
	if usage := UsageStanding(l.sub, true, l.now); usage.Accepted {
		t.Error("usage is accepted after unsubscribe-success")
	}
}

func TestUsageIsAcceptedForTheHourThatIsToldAfterASuspension(t *testing.T) {
	l := newLife(v1alpha1.SubscriptionActive)
	l.look()
	l.sub.Spec.State = v1alpha1.SubscriptionSuspended
	l.look()
	l.now = l.now.Add(48 * time.Hour)
	l.sub.Spec.State = v1alpha1.SubscriptionCancelled
	p := l.look()
	if usage := UsageStanding(l.sub, true, l.now); !usage.Accepted || !usage.Until.Equal(p.NextChange) {
		t.Errorf("usage: %+v, the stage ends at %s", usage, p.NextChange)
	}
}

func TestAnIDIsTheSameForTheSameDecisionAndForNothingElse(t *testing.T) {
	sub := newLife("").sub
	at := newLife("").now
	id := func(change func(*v1alpha1.Subscription), action v1alpha1.NotificationAction, at time.Time) string {
		s := sub.DeepCopy()
		if change != nil {
			change(s)
		}
		return notificationID(s, action, at)
	}
	first := id(nil, v1alpha1.ActionSubscribeSuccess, at)
	if again := id(nil, v1alpha1.ActionSubscribeSuccess, at.In(time.FixedZone("x", 3600))); again != first {
		t.Errorf("%s is %s the second time", first, again)
	}
	if diff := cmp.Diff(30, len(first)); diff != "" || !strings.HasPrefix(first, "msg_") {
		t.Errorf("the id is %s", first)
	}
	seen := map[string]string{first: "the first"}
	for name, other := range map[string]string{
		"another action":    id(nil, v1alpha1.ActionUnsubscribePending, at),
		"another time":      id(nil, v1alpha1.ActionSubscribeSuccess, at.Add(time.Second)),
		"another object":    id(func(s *v1alpha1.Subscription) { s.UID = "u-2" }, v1alpha1.ActionSubscribeSuccess, at),
		"another version":   id(func(s *v1alpha1.Subscription) { s.ResourceVersion = "2" }, v1alpha1.ActionSubscribeSuccess, at),
		"another name":      id(func(s *v1alpha1.Subscription) { s.Name = "initec" }, v1alpha1.ActionSubscribeSuccess, at),
		"another namespace": id(func(s *v1alpha1.Subscription) { s.Namespace = "acm" }, v1alpha1.ActionSubscribeSuccess, at),
		"a shifted border":  id(func(s *v1alpha1.Subscription) { s.Namespace, s.Name = "acmei", "nitech" }, v1alpha1.ActionSubscribeSuccess, at),
	} {
		if before, taken := seen[other]; taken {
			t.Errorf("%s has the id of %s", name, before)
		}
		seen[other] = name
	}
}

func TestAStageWithoutATimeHasItsHourFromNowOn(t *testing.T) {
	l := newLife(v1alpha1.SubscriptionCancelled)
	l.sub.Status.Lifecycle = &v1alpha1.Lifecycle{Stage: v1alpha1.StageUnsubscribePending}
	if p := l.look(); p.Stage != v1alpha1.StageUnsubscribePending || p.NextChange.Sub(l.now) > UsageGrace || p.StageTime == nil {
		t.Errorf("%+v", p)
	}
}

// Whoever reports usage is told the same as the webhook, before and after the
// controller has looked.
func TestASuspendedTermEndsForUsageAsWell(t *testing.T) {
	l := newLife(v1alpha1.SubscriptionActive)
	over := l.now.Truncate(time.Second).Add(time.Hour)
	l.sub.Spec.EndTime = ptr.To(metav1.NewTime(over))
	l.look()
	l.sub.Spec.State = v1alpha1.SubscriptionSuspended
	if p := l.look(); !p.NextChange.Equal(over) {
		t.Fatalf("the next look is at %s, want %s", p.NextChange, over)
	}
	suspended := l.now.Truncate(time.Second)
	l.now = over
	until := over.Add(UsageGrace)
	for _, when := range []string{"before", "after"} {
		usage := UsageStanding(l.sub, true, l.now)
		if !usage.Accepted || !usage.Until.Equal(until) || !usage.End.Equal(suspended) {
			t.Errorf("%s the look: %+v", when, usage)
		}
		l.look()
	}
	l.now = until
	if p := l.look(); p.Stage != v1alpha1.StageUnsubscribed || UsageStanding(l.sub, true, l.now).Accepted {
		t.Errorf("after the hour: %+v, %+v", p, UsageStanding(l.sub, true, l.now))
	}
}
