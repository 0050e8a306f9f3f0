// Copyright The license-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package seats_test

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/license-operator/license-operator/api/v1alpha1"
	"github.com/license-operator/license-operator/internal/fault"
	"github.com/license-operator/license-operator/internal/seats"
	"github.com/license-operator/license-operator/test/seatstest"
)

// operations are one of each kind; each does one write, of which the outcome is
// in doubt. held is what the store holds at the end.
var operations = map[string]struct {
	run  func(w *world, a *replica, g seats.Grant) error
	held []string
}{
	"a checkout": {held: []string{"x", "y"}, run: func(w *world, a *replica, _ seats.Grant) error {
		got, err := a.checkout("y")
		if err == nil {
			if diff := cmp.Diff(w.store.Held(team)[got.ID].Grant, got); diff != "" {
				w.Errorf("another grant is answered than is held (-held +answered):\n%s", diff)
			}
		}
		return err
	}},
	"a check-in": {run: func(_ *world, a *replica, g seats.Grant) error { return a.checkIn(g) }},
	"an extension": {held: []string{"x"}, run: func(w *world, a *replica, g seats.Grant) error {
		got, err := a.extend(g, 2*time.Hour)
		if e := w.store.Held(team)[g.ID]; err == nil && !e.ExpirationTime.Equal(got.ExpirationTime) {
			w.Errorf("the answer ends at %v, what is held at %v", got.ExpirationTime, e.ExpirationTime)
		}
		return err
	}},
	"a change of capacity": {held: []string{"x"}, run: func(w *world, a *replica, _ seats.Grant) error {
		err := a.setPools(9)
		if total := w.store.Book(team)[0].Pools[0].Total; err == nil && total != 9 {
			w.Errorf("the total is %d", total)
		}
		return err
	}},
}

func TestEveryUnknownOutcomeIsFoundOut(t *testing.T) {
	landings := map[string]time.Duration{"at once": time.Nanosecond, "soon": 60 * time.Millisecond, "after a while": time.Minute, "never": 0}
	for name, op := range operations {
		for _, f := range []seatstest.Fault{seatstest.None, seatstest.DropBefore, seatstest.DropAfter, seatstest.Late, seatstest.FalseConflict} {
			for when, after := range landings {
				if f != seatstest.Late && when != "never" {
					continue
				}
				t.Run(fmt.Sprintf("%s, %s, landing %s", name, f, when), func(t *testing.T) {
					inWorld(t, 3, func(w *world) {
						a := w.replica()
						g := a.must("x")
						inject := once(f)
						a.client.OnWrite = func(l *v1alpha1.SeatLedger) seatstest.Fault {
							if got := inject(l); got != seatstest.Late || after == 0 {
								return got
							}
							time.AfterFunc(after, func() { w.store.Land(nil) })
							return seatstest.Late
						}
						w.want(op.run(w, a, g), "")
						time.Sleep(2 * time.Minute)
						w.holds(op.held...)
						a.client.OnWrite = nil
						if len(op.held) == 0 {
							w.want(a.checkIn(g), fault.CheckoutNotFound)
						}
						a.must("z") // The committer goes on.
					})
				})
			}
		}
	}
}

func TestTheFirstBlockIsMadeOnce(t *testing.T) {
	for _, f := range seatstest.Faults[:5] {
		t.Run(f.String(), func(t *testing.T) {
			inWorld(t, 3, func(w *world) {
				a, b := w.replica(), w.replica()
				a.client.OnWrite = once(f)
				a.client.WriteDelay, b.client.WriteDelay = 2*time.Millisecond, 2*time.Millisecond
				got := w.rush(8, "x", a, b)
				w.store.Land(nil)
				if got.kinds[""] != 3 || got.kinds[fault.NoCapacity] != 5 {
					t.Errorf("the answers are %v", got.kinds)
				}
				w.acknowledged(got.grants)
			})
		})
	}
}

// An API server that takes no writes, as when etcd's quota is full, must not be
// stormed.
func TestWritesThatFailForLongAreNotStorms(t *testing.T) {
	for _, f := range []seatstest.Fault{seatstest.DropBefore, seatstest.FalseConflict} {
		t.Run(f.String(), func(t *testing.T) {
			inWorld(t, 5, func(w *world) {
				a := w.replica()
				a.must("x")
				broken := true
				tries := 0
				a.client.OnWrite = func(*v1alpha1.SeatLedger) seatstest.Fault {
					if tries++; tries == 10000 {
						a.kill()
					}
					if broken {
						return f
					}
					return seatstest.None
				}
				start := time.Now()
				_, err := a.checkout("y")
				w.want(err, fault.Unavailable)
				if took := time.Since(start); took > 30*time.Second {
					t.Errorf("the caller waited for %v", took)
				}
				if tries > 200 {
					t.Errorf("%d writes were tried in %v", tries, time.Since(start))
				}
				broken = false
				a.must("y")
			})
		})
	}
}

func TestReadsThatFailDelayAnswersOnly(t *testing.T) {
	inWorld(t, 1, func(w *world) {
		a, b := w.replica(), w.replica()
		g := a.must("x")
		_, err := b.checkout("y")
		w.want(err, fault.NoCapacity)
		b.client.OnRead = func(bool) error { return errRead }
		_, err = b.checkout("y")
		w.want(err, fault.Unavailable)
		w.want(a.checkIn(g), "")
		_, err = b.checkout("y") // By b's copy nothing is free, and no read says otherwise.
		w.want(err, fault.Unavailable)
		b.client.OnRead = nil
		b.must("y")
		c := w.replica()
		c.client.OnRead = func(bool) error { return errRead }
		_, err = c.checkout("y")
		w.want(err, fault.Unavailable)
		c.client.OnRead = nil
		c.must("y")
	})
}

func TestReadsThatAreSlowForAWhileAreGotOver(t *testing.T) {
	inWorld(t, 1, func(w *world) {
		a := w.replica()
		g := a.must("x")
		a.client.ReadDelay = 10 * time.Second
		_, err := a.checkout("y")
		w.want(err, fault.NoCapacity)
		a.client.ReadDelay = 0
		_, _ = a.checkout("y")
		w.want(a.checkIn(g), "")
		start := time.Now()
		for _, err = a.checkout("y"); err != nil; _, err = a.checkout("y") {
			if time.Since(start) > time.Minute {
				t.Fatalf("a minute after the reads have become fast: %v", err)
			}
			time.Sleep(time.Second)
		}
	})
}

func TestABookThatIsOlderThanItsTokensIsFrozen(t *testing.T) {
	for name, others := range map[string]int{"one block": 0, "the token's block has not been made yet": 2} {
		t.Run(name, func(t *testing.T) {
			seats.SetMaxEntries(t, 2)
			inWorld(t, 9, func(w *world) {
				a := w.replica()
				a.must("before")
				backup := w.store.Version()
				for i := range others {
					a.must(fmt.Sprint("other", i))
				}
				lost := a.must("lost")
				w.store.Restore(backup)
				b := w.replica()
				for _, r := range []*replica{a, b} {
					if r == a && others > 0 {
						continue // a knows the block from before.
					}
					_, err := r.Lookup(context.Background(), team, handle(lost))
					if r == b {
						w.want(err, fault.CheckoutNotFound)
					}
				}
				for _, r := range []*replica{a, b} {
					_, err := r.checkout("new")
					w.want(err, fault.Unavailable)
					r.must("before")
				}
				w.holds("before")
				w.want(b.Keep(context.Background(), team, 0, seats.Upkeep{Thaw: true}), "")
				b.must("new")
				a.must("new")
			})
		})
	}
}

// The hand-over and the token that is ahead may come at the same time.
func TestAFreezeIsNotLostInAHandOver(t *testing.T) {
	seats.SetMaxEntries(t, 2)
	inWorld(t, 9, func(w *world) {
		a, b := w.replica(), w.replica()
		a.must("x")
		backup := w.store.Version()
		for i := range 5 {
			g := a.must(fmt.Sprint("filler", i))
			w.want(a.checkIn(g), "")
		}
		ahead := a.must("lost")
		w.store.Restore(backup)
		c := w.replica()
		b.must("x")
		c.must("x")
		c.must("y") // The block is full, b does not know.
		inject := once(seatstest.None)
		c.client.OnWrite = inject
		b.client.OnWrite = func(*v1alpha1.SeatLedger) seatstest.Fault {
			b.client.OnWrite = nil
			c.must("z") // Closes the block just before b's freeze arrives.
			return seatstest.None
		}
		_, err := b.Lookup(context.Background(), team, handle(ahead))
		w.want(err, fault.CheckoutNotFound)
		_, err = c.checkout("w")
		w.want(err, fault.Unavailable)
	})
}

func TestABookThatIsBegunAnewIsNotFrozen(t *testing.T) {
	for name, watch := range map[string]func(*replica){"the watch shows it": func(r *replica) { r.feed.All() },
		"the watch is listed anew": func(r *replica) { r.feed.Relist(nil) }, "the watch is frozen": func(*replica) {}} {
		t.Run(name, func(t *testing.T) {
			inWorld(t, 2, func(w *world) {
				a, b := w.replica(), w.replica()
				old := a.must("old")
				b.must("old2")
				a.must("old")
				time.Sleep(time.Minute)
				w.store.Delete(team)
				watch(a)
				watch(b)
				a.must("new")
				_, err := a.Lookup(context.Background(), team, handle(old))
				w.want(err, fault.CheckoutNotFound)
				b.must("new")
				_, err = b.Lookup(context.Background(), team, handle(old))
				w.want(err, fault.CheckoutNotFound)
				a.must("new2")
				_, err = b.checkout("more")
				w.want(err, fault.NoCapacity)
				w.holds("new", "new2")
			})
		})
	}
}

// What its own licence's end has overtaken must not be entered: it would have
// ended before it began.
func TestALicenceThatEndsWhileARequestWaits(t *testing.T) {
	inWorld(t, 5, func(w *world) {
		a := w.replica()
		a.must("x")
		a.client.WriteDelay = 3 * time.Second
		go func() { _, _ = a.checkout("y") }()
		time.Sleep(time.Second)
		_, err := a.checkout("z", func(r *seats.Request) { r.NotAfter = time.Now().Add(time.Second) })
		w.want(err, fault.NotEntitled)
		a.client.WriteDelay = 0
		w.holds("x", "y")
		w.replica().must("w")
	})
}

func TestRequestsThatNobodyMayMakeAreRefused(t *testing.T) {
	tests := map[string]func(*seats.Request){
		"an id that is too short":      func(r *seats.Request) { r.ID = "short" },
		"an id with a blank":           func(r *seats.Request) { r.ID = "abcdefghijklm nop" },
		"an id that begins like words": func(r *seats.Request) { r.ID = "=bcdefghijklmnop" },
		"a digest with a line's end":   func(r *seats.Request) { r.Digest = "a\nb" },
		"no type":                      func(r *seats.Request) { r.Type = "" },
		"units of nothing":             func(r *seats.Request) { r.Items[0].Quantity = 0 },
		"units below nothing":          units(-1),
		"more units than a pool has":   units(1_000_000_000_001),
		"a feature with a number":      func(r *seats.Request) { r.Items[0].Unit = v1alpha1.UnitNone },
		"no unit":                      func(r *seats.Request) { r.Items[0].Unit, r.Items[0].Quantity = "", 0 },
		"a unit with a comma":          func(r *seats.Request) { r.Items[0].Unit = "a,b" },
		"a unit with a line's end":     func(r *seats.Request) { r.Items[0].Unit = "a\n" },
		"no name":                      func(r *seats.Request) { r.Items[0].Name = "" },
	}
	for name, edit := range tests {
		t.Run(name, func(t *testing.T) {
			inWorld(t, 5, func(w *world) {
				a := w.replica()
				a.must("x")
				_, err := a.checkout("y", edit)
				w.want(err, fault.Internal)
				w.holds("x")
				w.replica().must("z")
			})
		})
	}
}

// Who sends large requests must not be able to stop everybody else.
func TestABlockIsFullBeforeTheSchemaRefusesIt(t *testing.T) {
	inWorld(t, 1000000, func(w *world) {
		a := w.replica()
		w.pools = nil
		large := func(n int) func(*seats.Request) {
			return func(r *seats.Request) {
				r.Items = nil
				for i := range 60 {
					r.Items = append(r.Items, seats.Item{Name: fmt.Sprintf("%s-%d-%d", nodes(100), n, i), Unit: v1alpha1.UnitNone, Value: nodes(200)})
				}
			}
		}
		for n := range 120 {
			a.must(fmt.Sprint("large", n), large(n))
		}
		if n := len(w.store.Book(team)); n < 3 || n > 120 {
			t.Errorf("there are %d blocks", n)
		}
		for n := range 300 {
			a.must(fmt.Sprint("small", n), func(r *seats.Request) { r.Items = nil })
		}
	})
}

func nodes(n int) string {
	text := make([]byte, n)
	for i := range text {
		text[i] = 'a'
	}
	return string(text)
}

// Seats whose time is over are free, and if that can't be written now, nobody is
// told that there are none.
func TestARefusalDoesNotCountWhatIsOver(t *testing.T) {
	seats.SetMaxEntries(t, 2)
	inWorld(t, 3, func(w *world) {
		a := w.replica()
		a.must("over0")
		a.must("over1")
		a.must("lasts", lasting(5*time.Hour)) // In the next block.
		time.Sleep(2 * time.Hour)
		a.client.OnWrite = func(*v1alpha1.SeatLedger) seatstest.Fault { return seatstest.Refuse }
		_, err := a.checkout("x", units(2))
		w.want(err, fault.Unavailable)
		a.client.OnWrite = nil
		a.must("x", units(2))
		w.holds("lasts", "x")
	})
}
