// Copyright The license-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package seatledger

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/event"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"

	"github.com/license-operator/license-operator/api/v1alpha1"
	"github.com/license-operator/license-operator/test/builder"
)

// recorded notes after how long a block is looked at.
type recorded struct {
	queue
	added map[string]time.Duration
}

func (r *recorded) Add(req reconcile.Request) { r.AddAfter(req, 0) }

func (r *recorded) AddAfter(req reconcile.Request, after time.Duration) {
	r.added[req.Name] = after
}

// deleted shows the controller the deletion of an object, as the watch does.
func (s *scene) deleted(co client.Object) map[string]time.Duration {
	q := &recorded{added: map[string]time.Duration{}}
	s.onCheckout().Delete(s.Context(), event.DeleteEvent{Object: co}, q)
	return q.added
}

func TestWhatHasABlockLookedAtAndWhen(t *testing.T) {
	ours := func(block string) *v1alpha1.LicenseCheckout {
		return builder.LicenseCheckout("co-a", "initech").WithLabel(v1alpha1.LabelSubscription, "initech").
			WithLabel(v1alpha1.LabelLedgerBlock, block).Build()
	}
	users := builder.LicenseCheckout("co-a", "initech").Build()
	block := builder.SeatLedger("initech", 2).Build()
	c := New(Config{})
	checkouts := c.onCheckout()
	create := func(o client.Object) func(queue) {
		return func(q queue) { checkouts.Create(t.Context(), event.CreateEvent{Object: o}, q) }
	}
	update := func(before, after client.Object) func(queue) {
		return func(q queue) {
			checkouts.Update(t.Context(), event.UpdateEvent{ObjectOld: before, ObjectNew: after}, q)
		}
	}
	remove := func(o client.Object) func(queue) {
		return func(q queue) { checkouts.Delete(t.Context(), event.DeleteEvent{Object: o}, q) }
	}
	own := ours("2")
	own.UID = "own"
	c.deletions.expect("own")
	for name, test := range map[string]struct {
		happens func(queue)
		want    map[string]time.Duration
	}{
		"a new block, after a while": {
			func(q queue) { onLedger().Create(t.Context(), event.CreateEvent{Object: block}, q) },
			map[string]time.Duration{"initech-2": coalesce}},
		"a block that changes, after a while": {
			func(q queue) {
				onLedger().Update(t.Context(), event.UpdateEvent{ObjectOld: block, ObjectNew: block}, q)
			},
			map[string]time.Duration{"initech-2": coalesce}},
		"a block that goes": {
			func(q queue) { onLedger().Delete(t.Context(), event.DeleteEvent{Object: block}, q) },
			map[string]time.Duration{"initech-2": coalesce}},
		"an object that somebody deletes, at once":             {remove(ours("2")), map[string]time.Duration{"initech-2": 0}},
		"an object that the operator has deleted":              {remove(own), map[string]time.Duration{"initech-2": coalesce}},
		"a user's object that goes is nobody's":                {remove(users), map[string]time.Duration{}},
		"an object that appears":                               {create(ours("2")), map[string]time.Duration{"initech-2": coalesce}},
		"a user's object that appears is nobody's":             {create(users), map[string]time.Duration{}},
		"an object whose status changes is the operator's own": {update(ours("2"), ours("2")), map[string]time.Duration{}},
		"an object that is given to another block":             {update(ours("2"), ours("3")), map[string]time.Duration{"initech-2": coalesce, "initech-3": coalesce}},
		"an object that loses its label":                       {update(ours("2"), users), map[string]time.Duration{"initech-2": coalesce}},
		"an object that gets the label":                        {update(users, ours("2")), map[string]time.Duration{"initech-2": coalesce}},
	} {
		t.Run(name, func(t *testing.T) {
			q := &recorded{added: map[string]time.Duration{}}
			test.happens(q)
			if diff := cmp.Diff(test.want, q.added); diff != "" {
				t.Errorf("looked at (-want +got):\n%s", diff)
			}
		})
	}
}

func TestWhoseBlocksAreLookedAtWhenSomethingElseChanges(t *testing.T) {
	t.Parallel()
	s := stage(t)
	s.Create(builder.Product("studio").Build(), builder.Subscription("globex", "studio").Build(),
		builder.SeatLedger("initech", 0).Build(), builder.SeatLedger("initech", 1).Build(), builder.SeatLedger("globex", 0).Build())
	want := []reconcile.Request{{NamespacedName: s.name(0)}, {NamespacedName: s.name(1)}}
	if diff := cmp.Diff(want, s.ofSubscription(t.Context(), s.sub)); diff != "" {
		t.Errorf("by the Subscription (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff(want, s.ofProduct(t.Context(), s.product)); diff != "" {
		t.Errorf("by the Product (-want +got):\n%s", diff)
	}
}
