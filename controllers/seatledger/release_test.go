// Copyright The license-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package seatledger

import (
	"testing"
	"time"

	"github.com/license-operator/license-operator/api/v1alpha1"
	"github.com/license-operator/license-operator/internal/seats"
	"github.com/license-operator/license-operator/test/builder"
)

func TestDeletingAnObjectGivesItsSeatsBack(t *testing.T) {
	for name, between := range map[string]func(s *scene){
		"while the operator runs":          func(*scene) {},
		"while the operator does not run":  func(s *scene) { s.restart() },
		"and the Subscription is deleted":  func(s *scene) { s.Delete(s.sub) },
		"and the Product is deleted":       func(s *scene) { s.Delete(s.product) },
		"an hour later, when it was over":  func(s *scene) { s.Step(time.Hour) },
		"while the clock is not trusted":   func(s *scene) { s.untrusted = true },
		"while the API server has no room": func(s *scene) { s.live.create = func(func() error) error { return errForbidden } },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := stage(t)
			g, other := s.checkout(request("a")), s.checkout(request("b"))
			s.reconcile()
			s.Delete(s.object(g))
			between(s)
			s.reconcile()
			s.holds(g, false)
			if name != "an hour later, when it was over" {
				s.holds(other, true)
				s.object(other)
			}
			s.quiet()
		})
	}
}

func TestManyDeletionsAreOneCommit(t *testing.T) {
	t.Parallel()
	s := stage(t)
	for _, name := range []string{"a", "b", "c", "d"} {
		s.checkout(request(name))
	}
	s.reconcile()
	for _, co := range s.objects() {
		s.Delete(co)
	}
	sequence := s.block(0).Sequence
	s.reconcile()
	b := s.block(0)
	if len(b.Entries) > 0 || b.Sequence != sequence+1 {
		t.Errorf("%d entries are left after %d commits", len(b.Entries), b.Sequence-sequence)
	}
	s.none()
}

func TestACacheThatLagsReleasesNothing(t *testing.T) {
	t.Parallel()
	s := stage(t)
	g := s.checkout(request("a"))
	s.reconcile()
	s.cache.hide = func(*v1alpha1.LicenseCheckout) bool { return true }
	s.After(s.reconcile(), pause)
	s.projected(g, true)
	s.object(g)

	s.restart()
	s.cache.hide = func(*v1alpha1.LicenseCheckout) bool { return true }
	s.After(s.reconcile(), pause)
	s.projected(g, true)
	s.object(g)
	if s.live.creates > 0 {
		t.Error("the object was made again")
	}
}

func TestAnAPIServerThatDoesNotAnswerReleasesNothing(t *testing.T) {
	t.Parallel()
	s := stage(t)
	g := s.checkout(request("a"))
	s.reconcile()
	s.Delete(s.object(g))
	live := s.live.Client
	s.live.Client = unreachable{live}
	if _, err := s.try(); err == nil {
		t.Error("it is no error")
	}
	s.projected(g, true)
	s.live.Client = live
	s.reconcile()
	s.holds(g, false)
}

func TestAnObjectDeletedBeforeItWasNotedIsMadeAgain(t *testing.T) {
	t.Parallel()
	s := stage(t)
	g := s.checkout(request("a"))
	s.store.commit = refusing
	if _, err := s.try(); err == nil {
		t.Error("a commit that was refused is no error")
	}
	s.Delete(s.object(g))
	s.restart()
	s.reconcile()
	s.projected(g, true)
	s.object(g)
}

func TestAnObjectMadeByHandInPlaceOfADeletedOneChangesNothing(t *testing.T) {
	t.Parallel()
	s := stage(t)
	g := s.checkout(request("a"))
	s.reconcile()
	co := s.object(g)
	s.Delete(co)
	own := builder.LicenseCheckout(co.Name, "initech").Build()
	s.Create(own)
	s.After(s.reconcile(), foreignPause)
	s.projected(g, true)
	if after := s.object(g); after.UID != own.UID || len(after.Status.Conditions) > 0 {
		t.Errorf("the object is %s, want %s, with the conditions %v", after.UID, own.UID, after.Status.Conditions)
	}
	s.Delete(own)
	s.reconcile()
	s.holds(g, false)
}

func TestAnObjectThatIsBeingDeletedHoldsItsSeatUntilItIsGone(t *testing.T) {
	t.Parallel()
	s := stage(t)
	g := s.checkout(request("a"))
	s.reconcile()
	co := s.object(g)
	co.Finalizers = []string{"example.com/somebody"}
	if err := s.Admin.Update(t.Context(), co); err != nil {
		t.Fatal(err)
	}
	s.Delete(co)
	s.reconcile()
	s.projected(g, true)
	co = s.object(g)
	co.Finalizers = nil
	if err := s.Admin.Update(t.Context(), co); err != nil {
		t.Fatal(err)
	}
	s.reconcile()
	s.holds(g, false)
}

// A block that was made after its entries comes from a backup. What the test
// writes was issued in the past of the API server's clock.
var backedUp = time.Date(2026, time.January, 2, 3, 4, 5, 0, time.UTC)

func TestABackupWithoutObjectsReleasesNothing(t *testing.T) {
	t.Parallel()
	s := stage(t)
	s.write(&seats.Block{Entries: []*seats.Entry{entry("a", backedUp, true), entry("b", issue, true)}})
	restored, later := seats.Grant{ID: seats.NewID("a")}, seats.Grant{ID: seats.NewID("b")}
	s.reconcile()
	s.projected(restored, true)
	co := s.object(restored)
	s.Condition(co, v1alpha1.ConditionGranted, "True, Granted")
	s.holds(later, false)
	s.quiet()

	s.Delete(co)
	s.deleted(co)
	s.reconcile()
	s.holds(restored, false)
	s.none()
}

func TestObjectsThatComeBackBeforeTheirBookAreKept(t *testing.T) {
	t.Parallel()
	s := stage(t)
	g := s.checkout(request("a"))
	s.reconcile()
	l, co := s.ledger(0), s.object(g)
	s.Delete(l)
	s.Delete(co)

	co.ResourceVersion, co.UID, co.Status = "", "", v1alpha1.LicenseCheckoutStatus{}
	s.Create(co)
	s.restart()
	s.After(s.reconcile(), graceAfterLoss)
	s.object(g)
	s.Step(graceAfterLoss - time.Second)
	s.After(s.reconcile(), time.Second)

	l.ResourceVersion, l.UID = "", ""
	s.Create(l)
	s.reconcile()
	s.projected(g, true)
	s.Condition(s.object(g), v1alpha1.ConditionGranted, "True, Granted")
}

func TestObjectsWhoseBlockStaysAwayAreDeleted(t *testing.T) {
	t.Parallel()
	s := stage(t)
	g := s.checkout(request("a"))
	s.reconcile()
	s.Delete(s.ledger(0))
	s.reconcile()
	s.object(g)
	s.Step(graceAfterLoss)
	s.reconcile()
	s.none()
	s.After(s.reconcile(), 0)
}
