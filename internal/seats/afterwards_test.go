// Copyright The license-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package seats_test

import (
	"context"
	"testing"
	"time"

	"github.com/license-operator/license-operator/api/v1alpha1"
	"github.com/license-operator/license-operator/internal/fault"
	"github.com/license-operator/license-operator/internal/seats"
)

func TestFindLooksInAllBooksAnew(t *testing.T) {
	inWorld(t, 5, func(w *world) {
		a, b := w.replica(), w.replica()
		other := seats.Key{Namespace: "ns", Name: "other"}
		keys := []seats.Key{team, other}
		if _, _, found, err := b.Find(context.Background(), keys, seats.NewID("x")); found || err != nil {
			t.Errorf("found %v, %v in empty books", found, err)
		}
		g, err := a.Checkout(context.Background(), other, w.pools, request("x"))
		w.want(err, "")
		key, got, found, err := b.Find(context.Background(), keys, g.ID)
		if err != nil || !found || key != other || got.ID != g.ID {
			t.Errorf("found %v in %v: %+v, %v", found, key, got, err)
		}
		w.want(a.CheckIn(context.Background(), other, handle(g)), "")
		if _, _, found, err := b.Find(context.Background(), keys, g.ID); found || err != nil {
			t.Errorf("found %v, %v after it was checked in", found, err)
		}
		b.client.OnRead = func(bool) error { return errRead }
		_, _, _, err = b.Find(context.Background(), keys, g.ID)
		w.want(err, fault.Unavailable)
	})
}

func TestATokenIsFoundByAnotherReplica(t *testing.T) {
	inWorld(t, 5, func(w *world) {
		a, b := w.replica(), w.replica()
		b.must("other")
		g := a.must("x") // b's watch has not shown it.
		got, err := b.Lookup(context.Background(), team, handle(g))
		if err != nil || got.ID != g.ID {
			t.Errorf("found %+v, %v", got, err)
		}
		for name, h := range map[string]seats.Handle{
			"an unknown id":             {ID: seats.NewID("unknown"), Sequence: g.Sequence},
			"a block far off":           {ID: seats.NewID("unknown"), Block: seats.MaxBlocks, Sequence: 1},
			"a block below 0":           {ID: seats.NewID("unknown"), Block: -1, Sequence: 1},
			"a block that is not there": {ID: seats.NewID("unknown"), Block: 7, Sequence: 1},
		} {
			if _, err := b.Lookup(context.Background(), team, h); fault.KindOf(err) != fault.CheckoutNotFound {
				t.Errorf("%s: %v", name, err)
			}
		}
		b.must("y") // None of that froze the book.
	})
}

func TestTheQueueKeepsWhatItNeeds(t *testing.T) {
	inWorld(t, 3, func(w *world) {
		a := w.replica()
		w.want(a.Reserve(context.Background(), team, map[string]int64{"seats": 2}), "")
		a.must("x")
		_, err := a.checkout("y")
		w.want(err, fault.NoCapacity)
		a.must("queued", units(2), func(r *seats.Request) { r.Object = "queued" })
		w.want(a.Reserve(context.Background(), team, nil), "")
		_, err = a.checkout("y")
		w.want(err, fault.NoCapacity)
		w.holds("x", "queued")
	})
}

func TestUpkeepIsOneCommitOrNone(t *testing.T) {
	inWorld(t, 9, func(w *world) {
		a := w.replica()
		grants := map[string]seats.Grant{}
		for _, id := range []string{"gone", "live", "made", "over"} {
			d := time.Hour
			if id == "over" {
				d = time.Minute
			}
			grants[id] = a.must(id, lasting(d))
		}
		a.must("perpetual", func(r *seats.Request) { r.Type = v1alpha1.CheckoutPerpetual })
		time.Sleep(2 * time.Minute)
		writes := a.client.Writes()
		u := seats.Upkeep{Release: []string{grants["gone"].ID}, Extend: []string{grants["live"].ID}, Lifetime: time.Hour,
			Projected: []string{grants["made"].ID}, RenewalStart: time.Now()}
		for range 3 {
			w.want(a.Keep(context.Background(), team, 0, u), "")
		}
		if n := a.client.Writes() - writes; n != 1 {
			t.Errorf("the same upkeep three times took %d commits", n)
		}
		w.holds("live", "made")
		held := w.store.Held(team)
		if want := grants["live"].ExpirationTime.Add(2 * time.Minute); !held[grants["live"].ID].ExpirationTime.Equal(want) {
			t.Errorf("live ends at %v, want %v", held[grants["live"].ID].ExpirationTime, want)
		}
		if !held[grants["made"].ID].Projected {
			t.Error("made is not marked")
		}
		w.want(a.Keep(context.Background(), team, 5, u), "")
		if n := len(w.store.Book(team)); n != 1 {
			t.Errorf("the upkeep of a block that is not there made one: %d", n)
		}
	})
}

func TestTheAuditFindsWhatSomebodyElseWrote(t *testing.T) {
	inWorld(t, 5, func(w *world) {
		a := w.replica()
		a.must("x")
		drift, err := a.Audit(context.Background(), team)
		if err != nil || len(drift) != 0 {
			t.Errorf("a sound book: %v, %v", drift, err)
		}
		versions := w.store.Versions(team)
		l := versions[len(versions)-1]
		l.Spec.Pools[0].Used = 3
		w.store.Put(l)
		if drift, err = a.Audit(context.Background(), team); err != nil || len(drift) != 1 || drift[0].Units != 2 {
			t.Errorf("2 units too many: %v, %v", drift, err)
		}
		l.Spec.Entries = "nonsense"
		w.store.Put(l)
		if drift, err = a.Audit(context.Background(), team); err != nil || len(drift) != 1 || drift[0].Units != 1 {
			t.Errorf("nonsense: %v, %v", drift, err)
		}
	})
}

func TestAnExtensionThatChangesNothingIsConfirmed(t *testing.T) {
	inWorld(t, 5, func(w *world) {
		a, b := w.replica(), w.replica()
		g := a.must("x")
		same, err := b.extend(g, time.Minute) // Ends before what b knows already.
		if w.want(err, ""); !same.ExpirationTime.Equal(g.ExpirationTime) {
			t.Errorf("it ends at %v, want %v", same.ExpirationTime, g.ExpirationTime)
		}
		w.want(a.checkIn(g), "")
		_, err = b.extend(g, time.Minute)
		w.want(err, fault.CheckoutNotFound)
	})
}
