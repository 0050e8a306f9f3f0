// Copyright The license-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package seatledger

import (
	"strings"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/ptr"

	"github.com/license-operator/license-operator/api/v1alpha1"
	"github.com/license-operator/license-operator/internal/seats"
	"github.com/license-operator/license-operator/test/builder"
	"github.com/license-operator/license-operator/test/expect"
)

func TestCheckoutsEndWhenTheirTimeIsOver(t *testing.T) {
	t.Parallel()
	s := stage(t)
	r := request("short")
	r.Lifetime = time.Minute
	short, long := s.checkout(r), s.checkout(request("long"))
	r = request("users")
	r.Lifetime, r.Object = time.Minute, "worker"
	users := s.checkout(r)
	s.AtTime(s.reconcile(), issue.Add(time.Minute))

	s.Clock.SetTime(issue.Add(time.Minute - time.Millisecond))
	s.After(s.reconcile(), time.Millisecond)
	s.holds(short, true)

	s.Clock.SetTime(issue.Add(time.Minute))
	sequence := s.block(0).Sequence
	s.AtTime(s.reconcile(), issue.Add(time.Hour))
	s.holds(short, false)
	s.holds(users, false)
	s.holds(long, true)
	s.object(long)
	if n := len(s.objects()); n != 1 {
		t.Errorf("%d objects are left", n)
	}
	if after := s.block(0).Sequence; after != sequence+1 {
		t.Errorf("it took %d commits", after-sequence)
	}
	s.quiet()
}

func TestAClockThatIsNotTrustedEndsNothing(t *testing.T) {
	t.Parallel()
	s := stageWith(t, builder.Product("render-farm").WithRenewal(v1alpha1.RenewalWeekly))
	expect.Edit(s.Stage, s.sub, func(sub *v1alpha1.Subscription) { sub.Spec.StartTime = ptr.To(metav1.NewTime(issue)) })
	r := request("perpetual")
	r.Type = v1alpha1.CheckoutPerpetual
	g, p := s.checkout(request("a")), s.checkout(r)
	s.reconcile()
	s.untrusted = true
	s.Step(8 * 24 * time.Hour)
	s.After(s.reconcile(), longPause)
	s.holds(g, true)
	s.holds(p, true)
	s.object(g)
	s.untrusted = false
	s.AtTime(s.reconcile(), issue.AddDate(0, 0, 14))
	if n := len(s.block(0).Entries); n > 0 {
		t.Errorf("%d entries are left", n)
	}
}

func TestPerpetualCheckoutsOfAnEndedPeriodAreRemovedTogether(t *testing.T) {
	for name, test := range map[string]struct {
		renewal v1alpha1.Renewal
		next    time.Time
	}{
		"every week":  {v1alpha1.RenewalWeekly, issue.AddDate(0, 0, 7)},
		"every month": {v1alpha1.RenewalMonthly, issue.AddDate(0, 1, 0)},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := stageWith(t, builder.Product("render-farm").WithRenewal(test.renewal))
			expect.Edit(s.Stage, s.sub, func(sub *v1alpha1.Subscription) { sub.Spec.StartTime = ptr.To(metav1.NewTime(issue)) })
			var ended []seats.Grant
			for _, id := range []string{"a", "b", "c"} {
				r := request(id)
				r.Type = v1alpha1.CheckoutPerpetual
				ended = append(ended, s.checkout(r))
			}
			s.AtTime(s.reconcile(), test.next)
			s.Clock.SetTime(test.next.Add(-time.Second))
			s.After(s.reconcile(), time.Second)

			s.Clock.SetTime(test.next)
			r := request("new")
			r.Type = v1alpha1.CheckoutPerpetual
			fresh := s.checkout(r)
			sequence := s.block(0).Sequence
			s.reconcile()
			for _, g := range ended {
				s.holds(g, false)
			}
			s.holds(fresh, true)
			if n := len(s.objects()); n != 1 {
				t.Errorf("%d objects are left", n)
			}
			if after := s.block(0).Sequence; after != sequence+2 { // The second notes the object.
				t.Errorf("it took %d commits", after-sequence)
			}
			s.quiet()
		})
	}
}

func TestWithoutARenewalPerpetualCheckoutsStay(t *testing.T) {
	t.Parallel()
	s := stage(t)
	r := request("a")
	r.Type = v1alpha1.CheckoutPerpetual
	g := s.checkout(r)
	s.After(s.reconcile(), 0)
	s.Step(10 * 365 * 24 * time.Hour)
	s.After(s.reconcile(), 0)
	s.holds(g, true)
}

// freeze has the book see a token that is ahead of it.
func (s *scene) freeze() {
	s.Helper()
	h := seats.Handle{ID: seats.NewID("forgotten"), Block: 0, Sequence: s.block(0).Sequence + 1000}
	if _, err := s.Books.Lookup(s.Context(), s.key, h); err == nil {
		s.Fatal("a token that is ahead is held")
	}
	if s.block(0).Frozen.IsZero() {
		s.Fatal("the book is not frozen")
	}
}

func TestAFrozenBookThawsWhenAllThatItMayHaveForgottenIsOver(t *testing.T) {
	t.Parallel()
	s := stage(t)
	s.checkIn(s.checkout(request("a")))
	s.freeze()
	thawed := issue.Add(2 * time.Hour) // Borrowing is for two hours, other checkouts for one.
	s.AtTime(s.reconcile(), thawed)
	if text := s.Events("Warning BookFrozen")[0]; !strings.Contains(text, thawed.Format(time.RFC3339)) {
		t.Errorf("the event does not say when: %s", text)
	}
	s.quiet()

	s.Clock.SetTime(thawed.Add(-time.Second))
	s.After(s.reconcile(), time.Second)
	if _, err := s.Books.Checkout(t.Context(), s.key, nil, request("early")); err == nil {
		t.Error("a frozen book grants")
	}

	s.Clock.SetTime(thawed)
	s.After(s.reconcile(), 0)
	s.Events("Normal BookThawed")
	g := s.checkout(request("late"))
	s.reconcile()
	s.object(g)
	s.quiet()
}

func TestALongerLifetimeKeepsABookFrozenForLonger(t *testing.T) {
	t.Parallel()
	s := stage(t)
	s.checkIn(s.checkout(request("a")))
	s.freeze()
	s.AtTime(s.reconcile(), issue.Add(2*time.Hour))
	s.Events("Warning BookFrozen")
	expect.Edit(s.Stage, s.product, func(p *v1alpha1.Product) {
		p.Spec.License.Borrow = nil
		p.Spec.License.Provisional.MaxTimeToLiveMinutes = ptr.To[int32](300)
	})
	s.AtTime(s.reconcile(), issue.Add(5*time.Hour))
	s.Events(nil...)
}
