// Copyright The license-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package seatledger

import (
	"fmt"
	"testing"
	"time"

	"sigs.k8s.io/controller-runtime/pkg/reconcile"

	"github.com/license-operator/license-operator/api/v1alpha1"
	"github.com/license-operator/license-operator/internal/seats"
	"github.com/license-operator/license-operator/test/builder"
)

func TestTheBookOfASubscriptionThatStaysAwayIsDeleted(t *testing.T) {
	t.Parallel()
	s := stage(t)
	r := request("perpetual")
	r.Type = v1alpha1.CheckoutPerpetual
	s.checkout(r)
	r = request("running")
	r.Lifetime = 90 * time.Minute
	running := s.checkout(r)
	s.reconcile()
	s.Delete(s.sub)
	s.AtTime(s.reconcile(), s.Clock.Now().Add(graceAfterLoss))

	s.Step(graceAfterLoss)
	s.AtTime(s.reconcile(), issue.Add(90*time.Minute))
	s.holds(running, true)
	if n := len(s.objects()); n != 2 {
		t.Errorf("%d objects are there while a checkout runs", n)
	}

	s.Clock.SetTime(issue.Add(90 * time.Minute))
	s.reconcile() // The commit that ends the checkout comes before the deletion.
	s.reconcile()
	if s.block(0) != nil {
		t.Fatal("the block is still there")
	}
	s.reconcile()
	s.none()
	s.After(s.reconcile(), 0)
	s.Events(nil...)
}

func TestABookIsNotDeletedTooEarly(t *testing.T) {
	hour := graceAfterLoss
	for name, test := range map[string]func(s *scene){
		"within the hour": func(s *scene) { s.Step(hour - time.Second) },
		"when the operator has just been started": func(s *scene) {
			s.Step(hour)
			s.restart()
		},
		"when the Subscription has been applied again": func(s *scene) {
			s.Create(builder.Subscription("initech", "render-farm").Build())
			s.Step(hour)
		},
		"when only the cache lacks the Subscription": func(s *scene) {
			s.Create(builder.Subscription("initech", "render-farm").Build())
			s.cache.gone = true
			s.reconcile()
			s.Step(hour)
		},
		"when the Subscription was away only twice for half an hour": func(s *scene) {
			s.Step(hour / 2)
			sub := builder.Subscription("initech", "render-farm").Build()
			s.Create(sub)
			s.reconcile()
			s.Delete(sub)
			s.reconcile()
			s.Step(hour / 2)
		},
		"while the clock is not trusted": func(s *scene) {
			s.untrusted = true
			s.Step(hour)
		},
		"when it has changed since it was read": func(s *scene) {
			s.Step(hour)
			s.cache.ledger = s.ledger(0)
			r := request("late")
			r.Type = v1alpha1.CheckoutPerpetual
			s.checkout(r)
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := stage(t)
			r := request("perpetual")
			r.Type = v1alpha1.CheckoutPerpetual
			g := s.checkout(r)
			s.reconcile()
			s.Delete(s.sub)
			s.reconcile()
			test(s)
			s.reconcile()
			s.holds(g, true)
			s.object(g)
		})
	}
}

func TestABookGoesAsAWhole(t *testing.T) {
	t.Parallel()
	s := stage(t)
	for i := range seats.MaxEntries {
		s.checkout(request(fmt.Sprintf("first-%d", i)))
	}
	r := request("long")
	r.Lifetime = 3 * time.Hour
	s.checkout(r) // It opens the second block.
	s.Delete(s.sub)
	both := func() {
		for n := range int32(2) {
			if _, err := s.Controller.Reconcile(s.Context(), reconcile.Request{NamespacedName: s.name(n)}); err != nil {
				t.Fatal(err)
			}
		}
	}
	both()
	s.Step(2 * time.Hour)
	both()
	both()
	if s.block(0) == nil || s.block(1) == nil {
		t.Fatal("a block has gone while a checkout of the book runs")
	}
	s.Step(2 * time.Hour)
	for range 4 {
		both()
	}
	if s.block(0) != nil || s.block(1) != nil {
		t.Error("the book is still there")
	}
}
