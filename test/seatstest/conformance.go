// Copyright The license-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package seatstest

import (
	"context"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/ptr"

	"github.com/license-operator/license-operator/api/v1alpha1"
	"github.com/license-operator/license-operator/internal/seats"
)

// Conformance holds a seats.Store against what the book of seats counts on.
// newStore returns a store, and the key of a book in it that has no block; its
// namespace must be there.
func Conformance(t *testing.T, newStore func(t *testing.T) (seats.Store, seats.Key)) {
	t.Helper()
	for name, run := range conformance {
		t.Run(name, func(t *testing.T) {
			store, key := newStore(t)
			run(&conforming{T: t, Store: store, key: key})
		})
	}
}

type conforming struct {
	*testing.T
	seats.Store
	key seats.Key
}

// ledger is the first version of a block.
func ledger(key seats.Key, number int32) *v1alpha1.SeatLedger {
	at := metav1.NewMicroTime(time.Date(2026, 1, 2, 3, 4, 5, 6000, time.UTC))
	return &v1alpha1.SeatLedger{
		ObjectMeta: metav1.ObjectMeta{Namespace: key.Namespace, Name: seats.BlockName(key.Name, number),
			Labels: map[string]string{seats.LabelBlock: key.Name}},
		Spec: v1alpha1.SeatLedgerSpec{
			SubscriptionRef: v1alpha1.LocalReference{Name: key.Name}, Block: number, Sequence: 1700000000000, Term: int64(number) + 1,
			HighWaterTime: &at,
			Pools:         []v1alpha1.SeatPool{{Name: "seats", Total: 50, Capacity: 50, Overage: v1alpha1.Forbidden}},
		},
	}
}

// next is a version that grants one more unit.
func next(l *v1alpha1.SeatLedger) *v1alpha1.SeatLedger {
	l = l.DeepCopy()
	l.Spec.Sequence++
	l.Spec.Pools[0].Used++
	return l
}

func (c *conforming) commit(l *v1alpha1.SeatLedger, want seats.Result) *v1alpha1.SeatLedger {
	c.Helper()
	saved, result, err := c.Commit(c.Context(), l)
	if result != want {
		c.Fatalf("Commit answered %s, %v; want %s", result, err, want)
	}
	if (err == nil) != (result == seats.Committed) {
		c.Fatalf("Commit answered %s with the error %v", result, err)
	}
	return saved
}

func (c *conforming) read(number int32) *v1alpha1.SeatLedger {
	c.Helper()
	l, err := c.Read(c.Context(), c.key, number)
	if err != nil {
		c.Fatal(err)
	}
	return l
}

func (c *conforming) sequence(want int64) {
	c.Helper()
	if l := c.read(0); l == nil || l.Spec.Sequence != want {
		c.Errorf("the store holds %+v, want sequence %d", l, want)
	}
}

var conformance = map[string]func(c *conforming){
	"a book that was never begun has no blocks": func(c *conforming) {
		list, err := c.List(c.Context(), c.key)
		if err != nil || len(list) != 0 {
			c.Errorf("List answered %v, %v", list, err)
		}
		if l := c.read(0); l != nil {
			c.Errorf("Read answered %v", l)
		}
	},
	"a block is read as it was committed": func(c *conforming) {
		l := ledger(c.key, 0)
		l.Spec.Entries, l.Spec.Released = "+1\n=a%20b,Count,\n=\nline with blanks\n", "abcdefghijkl mnopqrstuvwx"
		l.Spec.Successor, l.Spec.FrozenTime = ptr.To[int32](0), ptr.To(metav1.NewTime(time.Unix(1700000000, 0).UTC()))
		want := l.DeepCopy().Spec
		saved := c.commit(l, seats.Committed)
		if saved.ResourceVersion == "" || saved.UID == "" {
			c.Errorf("the committed block has the resourceVersion %q and the UID %q", saved.ResourceVersion, saved.UID)
		}
		for from, spec := range map[string]v1alpha1.SeatLedgerSpec{"Commit": saved.Spec, "Read": c.read(0).Spec} {
			if diff := cmp.Diff(want, spec); diff != "" {
				c.Errorf("%s answers another block (-sent +read):\n%s", from, diff)
			}
		}
	},
	"a book is all of its blocks and no other's": func(c *conforming) {
		other := seats.Key{Namespace: c.key.Namespace, Name: c.key.Name + "-1"}
		for _, l := range []*v1alpha1.SeatLedger{ledger(c.key, 0), ledger(c.key, 1), ledger(c.key, 10), ledger(other, 0)} {
			c.commit(l, seats.Committed)
		}
		list, err := c.List(c.Context(), c.key)
		if err != nil {
			c.Fatal(err)
		}
		got := map[string]bool{}
		for _, l := range list {
			got[l.Name] = true
		}
		want := map[string]bool{c.key.Name + "-0": true, c.key.Name + "-1": true, c.key.Name + "-10": true}
		if diff := cmp.Diff(want, got); diff != "" {
			c.Errorf("List answers other blocks (-want +got):\n%s", diff)
		}
	},
	"the newest version can be replaced, again and again": func(c *conforming) {
		l := c.commit(ledger(c.key, 0), seats.Committed)
		for range 5 {
			before := l.ResourceVersion
			if l = c.commit(next(l), seats.Committed); l.ResourceVersion == before {
				c.Error("a new version has the resourceVersion of the old one")
			}
			c.sequence(l.Spec.Sequence)
		}
	},
	"a version that is not the newest can't be replaced": func(c *conforming) {
		first := c.commit(ledger(c.key, 0), seats.Committed).DeepCopy()
		second := c.commit(next(first), seats.Committed).DeepCopy()
		c.commit(next(first), seats.Conflict)
		c.sequence(second.Spec.Sequence)
	},
	"the same write twice is done once": func(c *conforming) {
		first := c.commit(ledger(c.key, 0), seats.Committed)
		update := next(first)
		c.commit(update.DeepCopy(), seats.Committed)
		c.commit(update.DeepCopy(), seats.Conflict)
		c.sequence(update.Spec.Sequence)
	},
	"a block is made once": func(c *conforming) {
		c.commit(ledger(c.key, 0), seats.Committed)
		c.commit(ledger(c.key, 0), seats.Conflict)
	},
	"what was never there can't be replaced": func(c *conforming) {
		l := next(c.commit(ledger(c.key, 0), seats.Committed))
		l.Spec.Block, l.Name, l.UID = 1, seats.BlockName(c.key.Name, 1), ""
		c.commit(l, seats.Conflict)
		if l := c.read(1); l != nil {
			c.Errorf("the block was made: %v", l)
		}
	},
	"a version that sells a seat twice is refused": func(c *conforming) {
		l := ledger(c.key, 0)
		l.Spec.Pools[0].Used = 50
		full := c.commit(l, seats.Committed)
		c.commit(next(full), seats.Refused)
		c.sequence(full.Spec.Sequence)
	},
	"a version that skips one is refused": func(c *conforming) {
		l := next(c.commit(ledger(c.key, 0), seats.Committed))
		l.Spec.Sequence++
		c.commit(l, seats.Refused)
		c.sequence(1700000000000)
	},
	"of many writers of one version one wins": func(c *conforming) {
		const writers = 16
		first := c.commit(ledger(c.key, 0), seats.Committed)
		results := make(chan seats.Result, writers)
		var group sync.WaitGroup
		for i := range writers {
			l := next(first)
			l.Spec.Entries = fmt.Sprintf("+1\n=%d\n", i)
			group.Go(func() {
				_, result, _ := c.Commit(c.Context(), l)
				results <- result
			})
		}
		group.Wait()
		close(results)
		got := map[seats.Result]int{}
		for r := range results {
			got[r]++
		}
		if diff := cmp.Diff(map[seats.Result]int{seats.Committed: 1, seats.Conflict: writers - 1}, got); diff != "" {
			c.Errorf("the results differ (-want +got):\n%s", diff)
		}
	},
	"what was read belongs to the reader": func(c *conforming) {
		l := c.commit(ledger(c.key, 0), seats.Committed)
		for _, mine := range []*v1alpha1.SeatLedger{l, c.read(0)} {
			mine.Spec.Pools[0].Used, mine.Labels["mine"] = 1000, "true"
		}
		if l := c.read(0); l.Spec.Pools[0].Used != 0 || l.Labels["mine"] != "" {
			c.Error("changing what was read changes the store")
		}
	},
	"a caller who has gone is never told that a write is done": func(c *conforming) {
		ctx, cancel := context.WithCancel(c.Context())
		cancel()
		if _, result, err := c.Commit(ctx, ledger(c.key, 0)); result != seats.Unknown || err == nil {
			c.Errorf("Commit answered %s, %v; want Unknown: what was sent may still be done", result, err)
		}
		if _, err := c.List(ctx, c.key); err == nil {
			c.Error("List answered a caller who has gone")
		}
		if _, err := c.Read(ctx, c.key, 0); err == nil {
			c.Error("Read answered a caller who has gone")
		}
	},
}
