// Copyright The license-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package subscription

import (
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/ptr"

	"github.com/license-operator/license-operator/api/v1alpha1"
	"github.com/license-operator/license-operator/test/builder"
	"github.com/license-operator/license-operator/test/expect"
)

// at is a time, to the second, so long after the clock of a stage starts.
func at(d time.Duration) time.Time { return expect.Start.Truncate(time.Second).Add(d) }

func TestEachReasonAndTheWayBack(t *testing.T) {
	type spec = v1alpha1.SubscriptionSpec
	when := func(d time.Duration) *metav1.Time { return ptr.To(metav1.NewTime(at(d))) }
	for name, test := range map[string]struct {
		break_ func(*spec)
		want   string
		event  string
		next   time.Duration // after the start of the clock's second; 0 for never
		mend   func(*spec)
	}{
		"Pending until the payment is there": {
			break_: func(s *spec) { s.State = v1alpha1.SubscriptionPending },
			want:   "False, PaymentPending", event: "Warning PaymentPending",
			mend: func(s *spec) { s.State = v1alpha1.SubscriptionActive },
		},
		"Suspended": {
			break_: func(s *spec) { s.State = v1alpha1.SubscriptionSuspended },
			want:   "False, Suspended", event: "Warning Suspended",
			mend: func(s *spec) { s.State = v1alpha1.SubscriptionActive },
		},
		"Cancelled": {
			break_: func(s *spec) { s.State = v1alpha1.SubscriptionCancelled },
			want:   "False, Cancelled", event: "Warning Cancelled",
			mend: func(s *spec) { s.State = v1alpha1.SubscriptionActive },
		},
		"Cancelled before its term is over needs no look at its end": {
			break_: func(s *spec) { s.State, s.EndTime = v1alpha1.SubscriptionCancelled, when(time.Hour) },
			want:   "False, Cancelled", event: "Warning Cancelled",
			mend: func(s *spec) { s.State, s.EndTime = v1alpha1.SubscriptionActive, nil },
		},
		"a start in the future": {
			break_: func(s *spec) { s.StartTime = when(time.Hour) },
			want:   "False, NotStarted", event: "Warning NotStarted", next: time.Hour,
			mend: func(s *spec) { s.StartTime = when(-time.Hour) },
		},
		"an end in the past": {
			break_: func(s *spec) { s.EndTime = when(-time.Hour) },
			want:   "False, Expired", event: "Warning Expired",
			mend: func(s *spec) { s.EndTime = nil },
		},
		"an end in the past within the grace period": {
			break_: func(s *spec) { s.EndTime, s.GracePeriodSeconds = when(-time.Hour), ptr.To[int32](7200) },
			want:   "True, InGracePeriod", event: "Normal InGracePeriod", next: time.Hour,
			mend: func(s *spec) { s.EndTime = nil },
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s, c := stage(t)
			sub := subscribed(s, c, builder.Subscription("initech", "render-farm"))
			pid := sub.Status.PersistentIdentifier

			expect.Edit(s, sub, func(sub *v1alpha1.Subscription) { test.break_(&sub.Spec) })
			result := expect.Reconcile(s, c, sub)
			s.Condition(sub, v1alpha1.ConditionSubscribed, test.want)
			s.Condition(sub, v1alpha1.ConditionReady, "True, Ready")
			s.Events(test.event)
			if test.next == 0 {
				s.After(result, 0)
			} else {
				s.AtTime(result, at(test.next))
			}
			expect.Truth(s, c, sub)

			expect.Edit(s, sub, func(sub *v1alpha1.Subscription) { test.mend(&sub.Spec) })
			s.After(expect.Reconcile(s, c, sub), 0)
			s.Condition(sub, v1alpha1.ConditionSubscribed, "True, Active")
			s.Events("Normal Active")
			if sub.Status.PersistentIdentifier != pid {
				t.Errorf("the PID was %s and is %s", pid, sub.Status.PersistentIdentifier)
			}
			expect.Truth(s, c, sub)
		})
	}
}

func TestATermIsFollowedByTheClockAlone(t *testing.T) {
	t.Parallel()
	s, c := stage(t)
	sub := builder.Subscription("initech", "render-farm").StartingAt(at(time.Hour)).
		EndingAt(at(3 * time.Hour)).WithGracePeriod(1800).Build()
	s.Create(sub)
	generation := sub.Generation
	for _, step := range []struct {
		now   time.Time
		want  string
		event string
		next  time.Time
	}{
		{expect.Start, "False, NotStarted", "Warning NotStarted", at(time.Hour)},
		{at(time.Hour), "True, Active", "Normal Active", at(3 * time.Hour)},
		{at(3 * time.Hour), "True, InGracePeriod", "Normal InGracePeriod", at(3*time.Hour + 30*time.Minute)},
		{at(3*time.Hour + 30*time.Minute), "False, Expired", "Warning Expired", time.Time{}},
	} {
		if step.now != expect.Start {
			s.Clock.SetTime(step.now.Add(-time.Millisecond))
			s.After(expect.Reconcile(s, c, sub), time.Millisecond)
			s.Events(nil...)
		}
		s.Clock.SetTime(step.now)
		result := expect.Reconcile(s, c, sub)
		condition := s.Condition(sub, v1alpha1.ConditionSubscribed, step.want)
		s.Events(step.event)
		if !condition.LastTransitionTime.Time.Equal(step.now.Truncate(time.Second)) && condition.Reason != v1alpha1.ReasonInGracePeriod {
			t.Errorf("the last transition to %s is said to be at %s, it is %s", step.want, condition.LastTransitionTime, step.now)
		}
		if step.next.IsZero() {
			s.After(result, 0)
		} else {
			s.AtTime(result, step.next)
		}
		expect.Truth(s, c, sub)
	}
	if sub.Generation != generation {
		t.Errorf("the spec was changed: generation %d", sub.Generation)
	}
}

func TestAProductThatGoesAndComesBack(t *testing.T) {
	t.Parallel()
	s, c := stage(t)
	sub := subscribed(s, c, builder.Subscription("initech", "render-farm").EndingAt(at(time.Hour)))
	before := sub.Status
	product := builder.Product("render-farm").InNamespace(s.Namespace).Build()
	s.Delete(product)
	s.After(expect.Reconcile(s, c, sub), 0)
	s.Condition(sub, v1alpha1.ConditionSubscribed, "False, ProductNotFound")
	s.Condition(sub, v1alpha1.ConditionReady, "False, ProductNotFound")
	s.Events("Warning ProductNotFound")
	if sub.Status.PersistentIdentifier != before.PersistentIdentifier || sub.Status.LicenseARN != before.LicenseARN {
		t.Errorf("the identifiers were %v and are %v", before, sub.Status)
	}
	expect.Truth(s, c, sub)

	s.Create(builder.Product("render-farm").Build())
	s.AtTime(expect.Reconcile(s, c, sub), at(time.Hour))
	s.Condition(sub, v1alpha1.ConditionSubscribed, "True, Active")
	s.Condition(sub, v1alpha1.ConditionReady, "True, Ready")
	s.Events("Normal Active")
	expect.Truth(s, c, sub)
}

func TestAStaleSubscriptionIsRetriedInSilence(t *testing.T) {
	t.Parallel()
	s, c := stage(t)
	sub := builder.Subscription("initech", "render-farm").Build()
	s.Create(sub)
	stale := sub.DeepCopy()
	expect.Edit(s, sub, func(sub *v1alpha1.Subscription) { sub.Spec.State = v1alpha1.SubscriptionSuspended })
	result, err := c.Reconcile(t.Context(), stale)
	if err != nil || result.RequeueAfter <= 0 {
		t.Errorf("the result is %v and the error %v, want a retry and none", result, err)
	}
	s.Events(nil...)
	expect.Reconcile(s, c, sub)
	s.Events("Warning Suspended")
	expect.Truth(s, c, sub)
}

func TestASubscriptionThatIsGoneNeedsNothing(t *testing.T) {
	t.Parallel()
	s, c := stage(t)
	sub := subscribed(s, c, builder.Subscription("initech", "render-farm"))
	s.Delete(sub)
	sub.Spec.State = v1alpha1.SubscriptionSuspended
	if result, err := c.Reconcile(t.Context(), sub); err != nil || result.RequeueAfter != 0 {
		t.Errorf("the result is %v and the error %v, want neither", result, err)
	}
	s.Events(nil...)
}
