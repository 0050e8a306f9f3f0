// Copyright The license-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package seats_test

import (
	"context"
	"fmt"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/license-operator/license-operator/api/v1alpha1"
	"github.com/license-operator/license-operator/internal/fault"
	"github.com/license-operator/license-operator/internal/seats"
	"github.com/license-operator/license-operator/test/seatstest"
)

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

func TestCapacityLoweredUnderLoad(t *testing.T) {
	seats.SetMaxEntries(t, 16)
	const clients = 240
	inWorld(t, clients, func(w *world) {
		a, b := w.following(5*time.Millisecond), w.following(5*time.Millisecond)
		a.client.WriteDelay, b.client.WriteDelay = 2*time.Millisecond, 2*time.Millisecond
		all := &tally{}
		var group sync.WaitGroup
		for i := range clients {
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
		if int(held) != all.kinds[""] || all.kinds[""]+all.kinds[fault.NoCapacity] != clients || held >= clients {
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
