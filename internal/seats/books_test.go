// Copyright The license-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package seats_test

import (
	"context"
	"fmt"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/license-operator/license-operator/api/v1alpha1"
	"github.com/license-operator/license-operator/internal/fault"
	"github.com/license-operator/license-operator/internal/seats"
	"github.com/license-operator/license-operator/test/seatstest"
)

func TestARepeatedCheckoutHasTheSameAnswer(t *testing.T) {
	inWorld(t, 5, func(w *world) {
		a, b := w.replica(), w.replica()
		first := a.must("x")
		writes := w.store.Version()
		for _, r := range []*replica{a, b, a} {
			time.Sleep(90 * time.Second)
			g := r.must("x")
			if diff := cmp.Diff(first, g); diff != "" {
				t.Errorf("another answer (-first +again):\n%s", diff)
			}
		}
		if w.store.Version() != writes {
			t.Error("a repeated checkout was written")
		}
		for _, r := range []*replica{a, b} {
			_, err := r.checkout("x", func(r *seats.Request) { r.Digest = seats.NewDigest("other") })
			w.want(err, fault.InvalidParameter)
		}
		w.holds("x")
	})
}

func TestADuplicateThatComesAfterTheCheckInIsRefused(t *testing.T) {
	inWorld(t, 5, func(w *world) {
		a, b := w.replica(), w.replica()
		a.must("other")
		g := a.must("x")
		w.want(a.checkIn(g), "")
		for name, r := range map[string]*replica{"the same replica": a, "another replica": b, "a replica that has just started": w.replica()} {
			_, err := r.checkout("x")
			if w.want(err, fault.InvalidParameter); t.Failed() {
				t.Fatal(name)
			}
		}
		w.want(a.checkIn(g), fault.CheckoutNotFound)
		w.want(b.checkIn(g), fault.CheckoutNotFound)
		w.holds("other")
	})
}

func TestADuplicateIsRefusedAlsoWhenTheBookHasMovedOn(t *testing.T) {
	seats.SetMaxEntries(t, 2)
	inWorld(t, 9, func(w *world) {
		a, b := w.replica(), w.replica()
		b.must("other")
		g := a.must("x")
		a.must("y") // In the next block.
		w.want(a.checkIn(g), "")
		for name, r := range map[string]*replica{"the same replica": a, "a replica that knew nothing of it": b, "one that has just started": w.replica()} {
			if _, err := r.checkout("x"); fault.KindOf(err) != fault.InvalidParameter {
				t.Errorf("%s: %v", name, err)
			}
		}
	})
}

func TestARefusalIsConfirmedByAReadAndWritesNothing(t *testing.T) {
	inWorld(t, 2, func(w *world) {
		a, b := w.replica(), w.replica()
		g := a.must("x")
		a.must("y")
		_, err := b.checkout("z") // b knows the book from now on.
		w.want(err, fault.NoCapacity)
		writes, lists := a.client.Writes()+b.client.Writes(), b.client.Lists()
		if got := w.rush(100, "none", b).kinds; got[fault.NoCapacity] != 100 {
			t.Errorf("the answers are %v", got)
		}
		if n := a.client.Writes() + b.client.Writes() - writes; n != 0 {
			t.Errorf("refusals were written %d times", n)
		}
		if n := b.client.Lists() - lists; n < 1 || n > 2 {
			t.Errorf("100 refusals at once were confirmed by %d reads", n)
		}
		w.want(a.checkIn(g), "")
		b.must("z") // b's watch is frozen: its copy says that nothing is free.
	})
}

func TestARefusalIsAsFreshAsTheCall(t *testing.T) {
	inWorld(t, 1, func(w *world) {
		a, b := w.replica(), w.replica()
		g := a.must("x")
		b.client.ReadDelay = 200 * time.Millisecond
		_, _ = b.checkout("y")
		early := make(chan error, 1)
		go func() {
			_, err := b.checkout("y")
			early <- err
		}()
		time.Sleep(200 * time.Millisecond) // The read of the early one is under way.
		w.want(a.checkIn(g), "")
		_, late := b.checkout("z")
		if first := <-early; (first == nil) == (late == nil) {
			t.Errorf("the seat that was free before the later call: %v, %v", first, late)
		}
	})
}

func TestEmptiedBlocksAreUsedAgain(t *testing.T) {
	seats.SetMaxEntries(t, 4)
	inWorld(t, 8, func(w *world) {
		a, b := w.following(time.Millisecond), w.following(time.Millisecond)
		var held []seats.Grant
		for i := range 100 {
			if len(held) == 8 {
				w.want(b.checkIn(held[0]), "")
				held = held[1:]
			}
			held = append(held, a.must(fmt.Sprint(i)))
		}
		if n := len(w.store.Book(team)); n > 5 {
			t.Errorf("%d blocks were made for 8 seats", n)
		}
		w.acknowledged(held)
	})
}

func TestAHandOverThatIsCutIsFinishedByTheOther(t *testing.T) {
	seats.SetMaxEntries(t, 2)
	inWorld(t, 10, func(w *world) {
		a, b := w.replica(), w.replica()
		b.must("b0")
		a.must("a0")
		a.client.OnWrite = func(l *v1alpha1.SeatLedger) seatstest.Fault {
			if l.Spec.Block == 1 {
				a.kill()
				return seatstest.DropBefore
			}
			return seatstest.None
		}
		_, err := a.checkout("a1")
		w.want(err, fault.Unavailable)
		blocks := w.store.Book(team)
		if len(blocks) != 1 || blocks[0].Open() {
			t.Fatalf("the hand-over was not cut between the two writes: %d blocks, open %v", len(blocks), blocks[0].Open())
		}
		g := b.must("a1")
		if g.Block != 1 {
			t.Errorf("granted in block %d", g.Block)
		}
		w.holds("a0", "b0", "a1")
	})
}

func TestALateExtensionNeverRevives(t *testing.T) {
	inWorld(t, 1, func(w *world) {
		a, b := w.replica(), w.replica()
		g := a.must("x")
		time.Sleep(time.Hour)
		b.must("y") // The only seat.
		for _, r := range []*replica{a, b} {
			_, err := r.extend(g, time.Hour)
			w.want(err, fault.CheckoutNotFound)
			w.want(r.checkIn(g), fault.CheckoutNotFound)
			_, err = r.Lookup(context.Background(), team, handle(g))
			w.want(err, fault.CheckoutNotFound)
			_, err = r.checkout("x")
			w.want(err, fault.InvalidParameter)
		}
		w.holds("y")
	})
}

func TestAnExtensionIsSeenByAll(t *testing.T) {
	inWorld(t, 1, func(w *world) {
		a, b := w.replica(), w.replica()
		g := a.must("x")
		time.Sleep(30 * time.Minute)
		longer, err := b.extend(g, time.Hour)
		w.want(err, "")
		if want := g.ExpirationTime.Add(30 * time.Minute); !longer.ExpirationTime.Equal(want) {
			t.Errorf("it ends at %v, want %v", longer.ExpirationTime, want)
		}
		time.Sleep(45 * time.Minute) // a has not seen it, and by its copy x is over.
		_, err = a.checkout("y")
		w.want(err, fault.NoCapacity)
		w.holds("x")
		time.Sleep(15 * time.Minute)
		a.must("z")
		w.holds("z")
	})
}

func TestNobodyLosesASeatToAClockInDoubt(t *testing.T) {
	inWorld(t, 2, func(w *world) {
		year := 365 * 24 * time.Hour
		offset := &atomic.Int64{}
		a, b := w.replica(), w.replica(func(o *seats.Options) {
			o.Clock, o.Trusted = clockOf{offset: offset}, func() bool { return offset.Load() == 0 }
		})
		g := a.must("x")
		b.must("b", lasting(time.Minute))
		offset.Store(int64(year))
		_, err := b.checkout("y")
		w.want(err, fault.NoCapacity)
		if _, err := b.Lookup(context.Background(), team, handle(g)); err != nil {
			t.Errorf("look up: %v", err)
		}
		if again := b.must("x"); !again.ExpirationTime.Equal(g.ExpirationTime) {
			t.Errorf("a repeated checkout ends at %v", again.ExpirationTime)
		}
		w.want(b.Keep(context.Background(), team, 0, seats.Upkeep{Projected: []string{g.ID}}), "")
		w.holds("x", "b")
		time.Sleep(time.Minute)
		a.must("x")                                                       // Reads the book anew.
		w.want(a.Keep(context.Background(), team, 0, seats.Upkeep{}), "") // a's clock is right.
		w.holds("x")
		if _, err := a.extend(g, time.Hour); err != nil {
			t.Errorf("extend: %v", err)
		}
	})
}

func TestAPoisonedStoreAnswersUnavailableAndRecovers(t *testing.T) {
	inWorld(t, 5, func(w *world) {
		a := w.replica()
		g := a.must("x")
		a.client.OnWrite = func(*v1alpha1.SeatLedger) seatstest.Fault { return seatstest.Refuse }
		got := w.rush(10, "poisoned", a)
		if got.kinds[fault.Unavailable] != 10 {
			t.Errorf("the answers are %v", got.kinds)
		}
		w.want(a.checkIn(g), fault.Unavailable)
		w.holds("x")
		a.client.OnWrite = nil
		if got := w.rush(4, "poisoned", a); got.kinds[""] != 4 {
			t.Errorf("the answers after recovery are %v", got.kinds)
		}
		w.want(a.checkIn(g), "")
	})
}

func TestACallerWhoGoesDoesNotWait(t *testing.T) {
	inWorld(t, 5, func(w *world) {
		a := w.replica()
		a.must("x")
		a.client.WriteDelay = 4 * time.Second
		ctx, cancel := context.WithTimeout(context.Background(), time.Second)
		defer cancel()
		start := time.Now()
		_, err := a.Checkout(ctx, team, w.pools, request("y"))
		w.want(err, fault.Unavailable)
		if took := time.Since(start); took != time.Second {
			t.Errorf("the caller waited for %v", took)
		}
		time.Sleep(10 * time.Second)
		w.holds("x", "y") // It was granted all the same, as the same request finds out:
		a.must("y")
	})
}
