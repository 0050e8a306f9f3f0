// Copyright The license-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package seats_test

import (
	"context"
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/license-operator/license-operator/api/v1alpha1"
	"github.com/license-operator/license-operator/internal/fault"
	"github.com/license-operator/license-operator/internal/seats"
	"github.com/license-operator/license-operator/test/seatstest"
)

// A watch that was cut is listed anew by name. In between this replica knows the
// newest block and not how full the one before has become.
func TestAListOutOfOrderIsNoCompleteView(t *testing.T) {
	seats.SetMaxEntries(t, 2)
	inWorld(t, 3, func(w *world) {
		a, b := w.replica(), w.replica()
		first, second := a.must("0"), a.must("1")
		a.must("p")
		w.want(a.checkIn(first), "")
		w.want(a.checkIn(second), "")
		b.must("p") // b knows that block 0 is empty and that block 1 holds p.
		a.must("x") // Block 1 is full.
		a.must("y")
		if g := w.grant("y"); g.Block != 0 {
			t.Fatalf("y is in block %d", g.Block)
		}
		shown := 0
		b.feed.Relist(func() {
			if shown++; shown == 2 { // Block 0 was shown, block 1 was not.
				_, err := b.checkout("z")
				w.want(err, fault.NoCapacity)
			}
		})
		w.holds("p", "x", "y")
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
	inWorld(t, 500, func(w *world) {
		a, b := w.replica(), w.replica()
		b.must("x")
		b.client.WriteDelay = time.Millisecond
		w.rush(6, "b", b) // Several at once: the next commit waits for a while.
		b.client.WriteDelay = 0
		b.feed.All()
		g := a.must("y")
		w.want(a.checkIn(g), "")
		for i := range 70 { // So that the block has forgotten y.
			w.want(a.checkIn(a.must(fmt.Sprint("churn", i))), "")
		}
		answered := make(chan seats.Grant, 1)
		go func() {
			g, err := b.checkout("y")
			w.want(err, "")
			answered <- g
		}()
		synctest.Wait()   // b has looked for y, and waits for its turn.
		b.feed.Deliver(1) // The watch shows y's grant, and not its end.
		if got := <-answered; w.store.Held(team)[got.ID] == nil {
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

// Who was cut in a hand-over before a backup was restored must not finish it: in
// the book of now another block is open.
func TestAHandOverFromBeforeARestoreIsNotFinished(t *testing.T) {
	seats.SetMaxEntries(t, 2)
	inWorld(t, 8, func(w *world) {
		a := w.replica()
		a.must("x")
		backup := w.store.Version()
		for i := range 3 {
			a.must(fmt.Sprint("lost", i))
		}
		a.client.OnWrite = func(l *v1alpha1.SeatLedger) seatstest.Fault {
			if l.Spec.Block == 2 {
				return seatstest.Refuse
			}
			return seatstest.None
		}
		_, err := a.checkout("lost3") // Block 1 is closed, 2 can't be opened.
		w.want(err, fault.Unavailable)
		w.store.Restore(backup)
		a.client.OnWrite = nil
		a.must("new")
		w.holds("x", "new")
	})
}

func TestABookIsCrowdedOnlyIfAReadSaysSo(t *testing.T) {
	inWorld(t, 5, func(w *world) {
		two := func(o *seats.Options) { o.MaxCheckouts = 2 }
		a, b := w.replica(two), w.replica(two)
		g := a.must("x")
		a.must("y")
		_, err := b.checkout("z")
		w.want(err, fault.NoCapacity)
		w.want(a.checkIn(g), "")
		b.must("z") // b's watch is frozen.
		w.holds("y", "z")
	})
}
