// Copyright The license-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package seats_test

import (
	"context"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/license-operator/license-operator/api/v1alpha1"
	"github.com/license-operator/license-operator/internal/fault"
	"github.com/license-operator/license-operator/internal/seats"
	"github.com/license-operator/license-operator/internal/seats/seatstest"
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

func TestManyCheckoutsShareCommits(t *testing.T) {
	inWorld(t, 1000, func(w *world) {
		a := w.replica()
		a.client.WriteDelay = 5 * time.Millisecond
		got := w.rush(200, "x", a)
		if got.kinds[""] != 200 || w.held() != 200 {
			t.Errorf("the answers are %v, the store holds %d", got.kinds, w.held())
		}
		if n := a.client.Writes(); n > 4 {
			t.Errorf("200 checkouts at once took %d commits", n)
		}
	})
}

func TestCommitsOfManyArePaced(t *testing.T) {
	inWorld(t, 100000, func(w *world) {
		a := w.replica()
		a.client.WriteDelay = time.Millisecond
		end := time.Now().Add(time.Second)
		var group sync.WaitGroup
		for i := range 16 {
			group.Go(func() {
				for n := 0; time.Now().Before(end); n++ {
					a.must(fmt.Sprint(i, "-", n))
					time.Sleep(time.Millisecond)
				}
			})
		}
		group.Wait()
		if n := a.client.Writes(); n > 300 {
			t.Errorf("16 clients made %d commits in a second", n)
		}
	})
}

func TestTheBytesWrittenHaveABudget(t *testing.T) {
	inWorld(t, 100000, func(w *world) {
		const rate = 100 << 10
		a := w.replica(func(o *seats.Options) { o.WriteRate = rate })
		written := 0
		a.client.OnWrite = func(l *v1alpha1.SeatLedger) seatstest.Fault {
			written += len(l.Spec.Entries)
			return seatstest.None
		}
		const length = 120
		end := time.Now().Add(length * time.Second)
		for n := 0; time.Now().Before(end); n++ {
			a.must(fmt.Sprint(n))
			time.Sleep(time.Millisecond)
		}
		if most := rate * (length + 30 + 1); written > most || written < most/2 {
			t.Errorf("%d bytes were written in %d s, at most %d may be", written, length, most)
		}
	})
}

func TestTheLastSeatsThroughTwoReplicas(t *testing.T) {
	for name, lag := range map[string]time.Duration{"watches that lag a little": time.Millisecond, "watches that lag": 30 * time.Millisecond,
		"watches that lag much": time.Second, "frozen watches": time.Hour} {
		t.Run(name, func(t *testing.T) {
			inWorld(t, 50, func(w *world) {
				a, b := w.following(lag), w.following(lag)
				a.client.WriteDelay, b.client.WriteDelay = 4*time.Millisecond, 5*time.Millisecond
				got := w.rush(256, "x", a, b)
				if diff := cmp.Diff(map[fault.Kind]int{"": 50, fault.NoCapacity: 206}, got.kinds); diff != "" {
					t.Errorf("other answers (-want +got):\n%s", diff)
				}
				w.acknowledged(got.grants)
			})
		})
	}
}

// acknowledged fails the test unless the store holds exactly the grants.
func (w *world) acknowledged(grants []seats.Grant) {
	w.Helper()
	held := w.store.Held(team)
	for _, g := range grants {
		e := held[g.ID]
		if e == nil {
			w.Errorf("an acknowledged grant is lost: %s in block %d", g.ID, g.Block)
			continue
		}
		if diff := cmp.Diff(g, e.Grant); diff != "" {
			w.Errorf("the store holds another grant (-answered +held):\n%s", diff)
		}
	}
	if len(held) != len(grants) {
		w.Errorf("the store holds %d entries, %d were granted", len(held), len(grants))
	}
}

func TestAThousandSeatsOverSeveralBlocks(t *testing.T) {
	for name, lag := range map[string]time.Duration{"watches that lag": 10 * time.Millisecond, "frozen watches": time.Hour} {
		t.Run(name, func(t *testing.T) {
			inWorld(t, 1000, func(w *world) {
				a, b := w.following(lag), w.following(lag)
				a.client.WriteDelay, b.client.WriteDelay = 4*time.Millisecond, 3*time.Millisecond
				got := w.rush(1100, "x", a, b)
				if diff := cmp.Diff(map[fault.Kind]int{"": 1000, fault.NoCapacity: 100}, got.kinds); diff != "" {
					t.Errorf("other answers (-want +got):\n%s", diff)
				}
				w.acknowledged(got.grants)
				if n := len(w.store.Book(team)); n != 4 {
					t.Errorf("%d blocks were made", n)
				}
				usage, err := a.Usage(context.Background(), team)
				if err != nil || lag < time.Second && (len(usage) != 1 || usage[0].Used > 1000) {
					t.Errorf("the usage is %v, %v", usage, err)
				}
				for i, g := range got.grants {
					if i%2 == 0 {
						w.want([]*replica{a, b}[i%4/2].checkIn(g), "")
					}
				}
				if w.held() != 500 {
					t.Errorf("the store holds %d after half were checked in", w.held())
				}
				again := w.rush(600, "y", a, b)
				if diff := cmp.Diff(map[fault.Kind]int{"": 500, fault.NoCapacity: 100}, again.kinds); diff != "" {
					t.Errorf("other answers for the freed seats (-want +got):\n%s", diff)
				}
			})
		})
	}
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

func TestCapacityLoweredUnderLoad(t *testing.T) {
	seats.SetMaxEntries(t, 16)
	inWorld(t, 100, func(w *world) {
		a, b := w.following(5*time.Millisecond), w.following(5*time.Millisecond)
		a.client.WriteDelay, b.client.WriteDelay = 2*time.Millisecond, 2*time.Millisecond
		all := &tally{}
		var group sync.WaitGroup
		for i := range 80 {
			group.Go(func() {
				time.Sleep(time.Duration(i) * time.Millisecond)
				all.add([]*replica{a, b}[i%2].checkout(fmt.Sprint(i)))
			})
		}
		group.Go(func() {
			time.Sleep(40 * time.Millisecond)
			w.want(a.setPools(20), "")
		})
		group.Wait()
		held := w.held()
		if int(held) != all.kinds[""] || all.kinds[""]+all.kinds[fault.NoCapacity] != 80 || held >= 80 {
			t.Errorf("the store holds %d, the answers are %v", held, all.kinds)
		}
		w.pools = pools(20)
		for i, g := range all.grants {
			_, err := b.checkout(fmt.Sprint("more", i))
			if int(held)-i < 20 {
				w.want(err, "")
				return
			}
			w.want(err, fault.NoCapacity)
			w.want(a.checkIn(g), "")
		}
		t.Error("nothing was granted once it fitted")
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

func TestShutdownEndsAllThatWait(t *testing.T) {
	tests := map[string]func(a *replica){
		"no answer to a write": func(a *replica) { a.client.WriteDelay = time.Hour },
		"no answer to a read":  func(a *replica) { a.client.ReadDelay = time.Hour },
		"every write is lost": func(a *replica) {
			a.client.OnWrite = func(*v1alpha1.SeatLedger) seatstest.Fault { return seatstest.DropBefore }
		},
		"every read fails":            func(a *replica) { a.client.OnRead = func(bool) error { return errRead } },
		"the first read is under way": func(a *replica) { a.client.ReadDelay = time.Hour },
	}
	for name, break_ := range tests {
		t.Run(name, func(t *testing.T) {
			inWorld(t, 1, func(w *world) {
				a := w.replica()
				if name != "the first read is under way" {
					a.must("x")
				}
				break_(a)
				got := &tally{}
				for i := range 5 {
					go func() { got.add(a.checkout(fmt.Sprint(i))) }()
					go func() { got.add(seats.Grant{}, a.setPools(2)) }()
				}
				time.Sleep(time.Second)
				start := time.Now()
				a.kill()
				synctest.Wait()
				// Some may have been answered before: a change of capacity needs no read, a refusal no write.
				answers := got.kinds[fault.Unavailable] + got.kinds[""] + got.kinds[fault.NoCapacity]
				if took := time.Since(start); took != 0 || answers != 10 || got.kinds[fault.Unavailable] < 5 {
					t.Errorf("after %v the answers are %v", took, got.kinds)
				}
			})
		})
	}
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
