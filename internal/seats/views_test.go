// Copyright The license-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package seats_test

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/license-operator/license-operator/api/v1alpha1"
	"github.com/license-operator/license-operator/internal/fault"
	"github.com/license-operator/license-operator/internal/seats"
	"github.com/license-operator/license-operator/internal/seats/seatstest"
)

// A watch that was cut is listed anew by name. In between this replica knows the
// newest block and not how full the one before has become.
func TestAListOutOfOrderIsNoCompleteView(t *testing.T) {
	seats.SetMaxEntries(t, 4)
	inWorld(t, 11, func(w *world) {
		a, b := w.replica(), w.replica()
		g := a.must("a0")
		for i := range 4 {
			a.must(fmt.Sprint("b", i)) // Block 0 is full, 1 is open with one.
		}
		b.must("b0") // b knows the book as it is now.
		w.want(a.checkIn(g), "")
		for i := range 2 {
			w.want(a.checkIn(w.grant(fmt.Sprint("b", i))), "")
		}
		for i := range 6 {
			a.must(fmt.Sprint("c", i)) // Block 1 fills, 0 is opened again and fills, 2 is opened.
		}
		asked := 0
		b.feed.Relist(func() {
			for range 2 { // More than are free, and both at a moment between two versions.
				asked++
				_, _ = b.checkout(fmt.Sprint("d", asked))
			}
		})
		if held := w.held(); held > 11 {
			t.Errorf("%d of 11 seats are given", held)
		}
	})
}

// grant is what the store holds under an id.
func (w *world) grant(id string) seats.Grant {
	w.Helper()
	e := w.store.Held(team)[seats.NewID(id)]
	if e == nil {
		w.Fatalf("the store lacks %s", id)
	}
	return e.Grant
}

// A replica may know the newest version of one block, by a read of it, and only
// old ones of others, because the read of the others failed.
func TestAReadOfOneBlockIsNoCompleteView(t *testing.T) {
	seats.SetMaxEntries(t, 4)
	inWorld(t, 6, func(w *world) {
		a, b := w.replica(), w.replica()
		a.must("a0")
		b.must("b0")
		for i := 1; i < 5; i++ {
			a.must(fmt.Sprint("a", i)) // Block 0 holds 4, which b does not know; block 1 holds 2.
		}
		b.client.OnRead = func(one bool) error {
			if one {
				return nil
			}
			return errRead
		}
		g := w.grant("a4")
		if g.Block != 1 {
			t.Fatalf("the last grant is in block %d", g.Block)
		}
		if _, err := b.extend(g, 2*time.Hour); err != nil { // b reads block 1 and commits it.
			w.want(err, fault.Unavailable)
			_, err = b.extend(g, 2*time.Hour)
			w.want(err, "")
		}
		for i := range 4 {
			_, err := b.checkout(fmt.Sprint("new", i))
			w.want(err, fault.Unavailable) // The book can't be read.
		}
		b.client.OnRead = nil
		_, err := b.checkout("new")
		w.want(err, fault.NoCapacity)
		if held := w.held(); held != 6 {
			t.Errorf("%d of 6 seats are given", held)
		}
	})
}

// A request looked for its id in all blocks, and then waited in the committer of
// one. What was granted in another block meanwhile must not be granted again.
func TestARequestThatWaitedLooksAgain(t *testing.T) {
	seats.SetMaxEntries(t, 2)
	inWorld(t, 20, func(w *world) {
		a, b := w.replica(), w.replica()
		grants := []seats.Grant{a.must("p0"), a.must("p1"), a.must("p2")} // Block 0 is closed, 1 is open with one.
		w.want(a.checkIn(grants[0]), "")
		w.want(a.checkIn(grants[1]), "") // Block 0 may be opened again.
		b.must("p2")
		stalled := true
		a.client.OnWrite = func(*v1alpha1.SeatLedger) seatstest.Fault {
			if stalled {
				stalled = false
				b.must("q0") // Block 1 is full.
				b.must("x")  // In block 0, which was opened again.
				b.must("q1") // Block 0 is full.
				w.want(b.checkIn(w.grant("p2")), "")
				w.want(b.checkIn(w.grant("q0")), "")
				b.must("q2") // Block 1 was opened again.
				if x, head := w.grant("x"), w.grant("q2"); x.Block != 0 || head.Block != 1 {
					t.Errorf("x is in block %d, the open one is %d", x.Block, head.Block)
				}
			}
			return seatstest.None
		}
		g := a.must("x") // Waits for block 1 meanwhile.
		if g.Block != 0 {
			t.Errorf("x was granted again, in block %d", g.Block)
		}
		w.holds("q1", "x", "q2")
	})
}

// A copy that lags may hold an entry whose checkout is over long since: it is no
// answer until a commit or a read has confirmed it.
func TestAnAnswerFromACopyIsConfirmed(t *testing.T) {
	inWorld(t, 5, func(w *world) {
		a, b := w.replica(), w.replica()
		a.must("x")
		b.must("x")
		g := a.must("y")
		w.want(a.checkIn(g), "")
		for range 70 { // So that the ring has forgotten y.
			w.want(a.checkIn(a.must(fmt.Sprint(time.Now().UnixNano()))), "")
			time.Sleep(time.Microsecond)
		}
		// Between b's look for y and its turn at the block the watch shows y's grant, not its end.
		b.client.WriteDelay = 2 * time.Second
		held := make(chan error, 1)
		go func() {
			_, err := b.extend(w.grant("x"), 2*time.Hour)
			held <- err
		}()
		time.Sleep(500 * time.Millisecond)
		answered := make(chan seats.Grant, 1)
		go func() {
			g, _ := b.checkout("y")
			answered <- g
		}()
		time.Sleep(100 * time.Millisecond)
		b.feed.Deliver(2)
		w.want(<-held, "")
		if got := <-answered; got.ID != "" && w.store.Held(team)[got.ID] == nil {
			t.Errorf("y is answered, and nobody holds it: %+v", got)
		}
	})
}

// The book of a Subscription that was deleted and made again has smaller terms
// than the one before.
func TestTheViewOfABookThatIsGoneIsWorthNothing(t *testing.T) {
	seats.SetMaxEntries(t, 2)
	for name, watch := range map[string]func(*replica){"the watch shows it": func(r *replica) { r.feed.All() },
		"the watch is listed anew": func(r *replica) { r.feed.Relist(nil) }} {
		t.Run(name, func(t *testing.T) {
			inWorld(t, 8, func(w *world) {
				a, b := w.replica(), w.replica()
				for i := range 8 {
					a.must(fmt.Sprint("old", i)) // Terms to 4.
				}
				b.must("old0")
				time.Sleep(time.Minute)
				w.store.Delete(team)
				a.must("new0")
				watch(a)
				watch(b) // Shows block 0 with one entry.
				for i := 1; i < 7; i++ {
					a.must(fmt.Sprint("new", i))
				}
				_, err := b.Lookup(context.Background(), team, handle(w.grant("new6"))) // Shows the open block.
				w.want(err, "")
				for i := range 4 {
					_, _ = b.checkout(fmt.Sprint("more", i))
				}
				if held := w.held(); held != 8 {
					t.Errorf("%d of 8 seats are given", held)
				}
			})
		})
	}
}

// A watch that lags shows the end of a book after the next one was begun.
func TestALateWatchDoesNotUndoANewBook(t *testing.T) {
	seats.SetMaxEntries(t, 2)
	inWorld(t, 4, func(w *world) {
		a := w.replica()
		for i := range 4 {
			a.must(fmt.Sprint("old", i))
		}
		time.Sleep(time.Minute)
		w.store.Delete(team)
		for i := range 3 {
			a.must(fmt.Sprint("new", i))
		}
		for i := 0; a.feed.Deliver(1) > 0; i++ {
			_, _ = a.checkout(fmt.Sprint("more", i))
		}
		if held := w.held(); held != 4 {
			t.Errorf("%d of 4 seats are given", held)
		}
	})
}

// After the restore of a backup a replica's view is ahead of the book.
func TestAViewFromBeforeARestoreIsWorthNothing(t *testing.T) {
	seats.SetMaxEntries(t, 2)
	inWorld(t, 8, func(w *world) {
		a, b := w.replica(), w.replica()
		a.must("x")
		backup := w.store.Version()
		for i := range 7 {
			a.must(fmt.Sprint("lost", i))
		}
		b.must("lost6") // b's view has term 4.
		w.store.Restore(backup)
		c := w.replica()
		for i := range 7 {
			c.must(fmt.Sprint("new", i))
		}
		for i := range 4 {
			_, _ = b.checkout(fmt.Sprint("more", i))
		}
		b.feed.Relist(func() { _, _ = b.checkout("between") })
		if held := w.held(); held != 8 {
			t.Errorf("%d of 8 seats are given", held)
		}
	})
}

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
