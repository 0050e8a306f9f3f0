// Copyright The license-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package seats_test

import (
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// crowd lets clients of each replica check out one after the other for a time,
// and returns how many each replica has granted.
func (w *world) crowd(length time.Duration, clients int, replicas ...*replica) []int64 {
	granted := make([]atomic.Int64, len(replicas))
	start := time.Now()
	var group sync.WaitGroup
	for i := range clients {
		at := i % len(replicas)
		group.Go(func() {
			for n := 0; time.Since(start) < length; n++ {
				if _, err := replicas[at].checkout(fmt.Sprint(start, i, "-", n)); err != nil {
					w.Error(err)
				}
				granted[at].Add(1)
			}
		})
	}
	group.Wait()
	counts := make([]int64, len(replicas))
	for i := range granted {
		counts[i] = granted[i].Load()
	}
	return counts
}

func (w *world) busy(count int) []*replica {
	replicas := make([]*replica, count)
	for i := range replicas {
		replicas[i] = w.following(2 * time.Millisecond)
		replicas[i].client.WriteDelay, replicas[i].client.ReadDelay = 8*time.Millisecond, 3*time.Millisecond
	}
	return replicas
}

func TestReplicasThatWantOneBlockTakeTurns(t *testing.T) {
	for _, count := range []int{1, 2, 3, 5} {
		t.Run(fmt.Sprint(count, " replicas"), func(t *testing.T) {
			inWorld(t, 100000, func(w *world) {
				replicas := w.busy(count)
				granted := w.crowd(2*time.Second, 60, replicas...)
				tried, committed := 0, int(w.store.Version())
				for i, r := range replicas {
					tried += r.client.Writes()
					if granted[i] < granted[0]/2 || granted[i] > 2*granted[0] {
						t.Errorf("the replicas granted %v: one is left behind", granted)
					}
				}
				t.Logf("granted %v, %d of %d writes committed", granted, committed, tried)
				if lost := tried - committed; lost > tried/8 {
					t.Errorf("%d of %d writes lost the race", lost, tried)
				}
			})
		})
	}
}

func TestAnIdleReplicaHoldsNobodyUp(t *testing.T) {
	inWorld(t, 100000, func(w *world) {
		replicas := w.busy(2)
		w.crowd(200*time.Millisecond, 10, replicas...)
		before := replicas[0].client.Writes()
		w.crowd(time.Second, 10, replicas[0])
		// A commit takes 8 ms. Waiting for the other each time, there would be a
		// third of them.
		if writes := replicas[0].client.Writes() - before; writes < 80 {
			t.Errorf("%d commits in a second", writes)
		}
	})
}

func TestAReplicaThatCommitsNowAndThenHoldsNobodyUp(t *testing.T) {
	inWorld(t, 100000, func(w *world) {
		replicas := w.busy(2)
		for n := range 5 { // Both are known.
			replicas[0].must(fmt.Sprint("a", n))
			replicas[1].must(fmt.Sprint("b", n))
		}
		before := replicas[0].client.Writes()
		var group sync.WaitGroup
		group.Go(func() {
			for n := range 25 {
				time.Sleep(40 * time.Millisecond)
				replicas[1].must(fmt.Sprint("now and then ", n))
			}
		})
		w.crowd(time.Second, 10, replicas[0])
		group.Wait()
		// Waiting 32 ms after each of the 25, there would be some 55.
		if writes := replicas[0].client.Writes() - before; writes < 75 {
			t.Errorf("%d commits in a second", writes)
		}
	})
}

func TestBlocksAreSmallWhileItIsCalm(t *testing.T) {
	largest := func(w *world) (blocks, entries int) {
		book := w.store.Book(team)
		for _, b := range book {
			entries = max(entries, len(b.Entries))
		}
		return len(book), entries
	}
	t.Run("one client after the other", func(t *testing.T) {
		inWorld(t, 1000, func(w *world) {
			a := w.replica()
			for i := range 130 {
				a.must(fmt.Sprint(i))
			}
			if blocks, entries := largest(w); blocks != 3 || entries != 64 {
				t.Errorf("%d blocks of %d entries at most, want 3 of 64", blocks, entries)
			}
		})
	})
	t.Run("many at once", func(t *testing.T) {
		inWorld(t, 100000, func(w *world) {
			w.crowd(time.Second, 60, w.busy(1)...)
			if _, entries := largest(w); entries < 200 || entries > 256 {
				t.Errorf("blocks of %d entries at most, want 200 to 256", entries)
			}
		})
	})
}
