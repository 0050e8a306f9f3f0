// Copyright The license-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package seats

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"k8s.io/utils/ptr"

	"github.com/license-operator/license-operator/api/v1alpha1"
)

// soundBook is a closed block that holds 2 of 5 seats and an open one with 1.
func soundBook() []*Block {
	made := func(number int32, term, used, capacity int64, successor *int32, entries ...*Entry) *Block {
		b := newBlock(testKey, number)
		b.Sequence, b.Term, b.Successor, b.HighWater = 9, term, successor, t0
		b.Pools = []v1alpha1.SeatPool{{Name: "seats", Total: 5, Used: used, Capacity: capacity, Overage: v1alpha1.Forbidden}}
		for _, e := range entries {
			b.Entries, b.byID[e.ID] = append(b.Entries, e), e
		}
		return b
	}
	return []*Block{made(0, 1, 2, 2, ptr.To[int32](1), entryOf("a"), entryOf("b")), made(1, 2, 1, 3, nil, entryOf("c"))}
}

func TestEachKindOfDriftIsFound(t *testing.T) {
	tests := map[string]struct {
		edit func(b []*Block)
		want []Drift
	}{
		"a sound book":  {edit: func([]*Block) {}},
		"an empty book": {edit: func(b []*Block) { b[0], b[1] = newBlock(testKey, 0), newBlock(testKey, 1) }},
		"more is used than the entries hold": {edit: func(b []*Block) { b[1].Pools[0].Used = 3 },
			want: []Drift{{2, "block 1 says 3 of seats, its entries hold 1"}}},
		"less is used than the entries hold": {edit: func(b []*Block) { b[1].Pools[0].Used = 0 },
			want: []Drift{{1, "block 1 says 0 of seats, its entries hold 1"}}},
		"a closed block has something to give": {edit: func(b []*Block) { b[0].Pools[0].Capacity, b[1].Pools[0].Capacity = 3, 2 },
			want: []Drift{{1, "block 0 is closed and has 3 of seats, of which it holds 2"}}},
		"the blocks may give more than there is": {edit: func(b []*Block) { b[1].Pools[0].Capacity = 4 },
			want: []Drift{{1, "the blocks may give 6 of 5 seats"}}},
		"the total was lowered below what is used": {edit: func(b []*Block) { b[1].Pools[0].Total, b[1].Pools[0].Capacity = 1, 0 }},
		"overage is allowed":                       {edit: func(b []*Block) { b[1].Pools[0].Capacity, b[1].Pools[0].Overage = 9, v1alpha1.Allowed }},
		"two blocks are open": {edit: func(b []*Block) { b[0].Successor = nil },
			want: []Drift{{1, "2 blocks are open, and the last that was opened is block 1"}}},
		"the wrong block is open": {edit: func(b []*Block) { b[0].Successor, b[1].Successor, b[1].Pools[0].Capacity = nil, ptr.To[int32](0), 1 },
			want: []Drift{{1, "1 blocks are open, and the last that was opened is block 1"}}},
		"two blocks had the same term": {edit: func(b []*Block) { b[0].Term = 2 },
			want: []Drift{{1, "the blocks 0 and 1 have the term 2"}, {1, "1 blocks are open, and the last that was opened is block 0"}}},
		"the hand-over is under way": {edit: func(b []*Block) { b[1].Successor, b[1].Pools[0].Capacity = ptr.To[int32](2), 1 }},
		"an id is held twice": {edit: func(b []*Block) { b[1].Entries[0] = entryOf("a") },
			want: []Drift{{1, NewID("a") + " is held by the blocks 0 and 1"}}},
		"an entry never expires": {edit: func(b []*Block) { b[1].Entries[0].ExpirationTime = time.Time{} },
			want: []Drift{{1, NewID("c") + " never expires"}}},
		"a Perpetual one never expires": {edit: func(b []*Block) {
			b[1].Entries[0].Type, b[1].Entries[0].ExpirationTime = v1alpha1.CheckoutPerpetual, time.Time{}
		}},
		"an entry has no pool": {edit: func(b []*Block) { b[0].Pools = nil },
			want: []Drift{{2, "block 0 holds 2 of seats without a pool"}}},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			blocks := soundBook()
			test.edit(blocks)
			if diff := cmp.Diff(test.want, Check(blocks)); diff != "" {
				t.Errorf("other drift (-want +got):\n%s", diff)
			}
		})
	}
}

func TestEachKindOfWrongStepIsFound(t *testing.T) {
	tests := map[string]struct {
		before, after func(b *Block)
		want          []Drift
	}{
		"nothing but the sequence": {},
		"the sequence stands still": {after: func(b *Block) { b.Sequence = 9 },
			want: []Drift{{1, "the sequence of block 1 went from 9 to 9"}}},
		"the sequence skips one": {after: func(b *Block) { b.Sequence = 11 },
			want: []Drift{{1, "the sequence of block 1 went from 9 to 11"}}},
		"time goes back": {after: func(b *Block) { b.HighWater = t0.Add(-1) },
			want: []Drift{{1, "the time of block 1 went back"}}},
		"the term falls": {after: func(b *Block) { b.Term = 1 },
			want: []Drift{{1, "block 1 was opened without a new term"}}},
		"opened again in the same term": {before: func(b *Block) { b.Successor = ptr.To[int32](0) },
			want: []Drift{{1, "block 1 was opened without a new term"}}},
		"opened again in a new term": {before: func(b *Block) { b.Successor = ptr.To[int32](0) }, after: func(b *Block) { b.Term = 4 }},
		"sold twice": {after: func(b *Block) { b.Pools[0].Used = 5 },
			want: []Drift{{2, "block 1 gave 5 of 3 seats"}}},
		"sold beyond, which is allowed": {after: func(b *Block) { b.Pools[0].Used, b.Pools[0].Overage = 5, v1alpha1.Allowed }},
		"lowered below what is used":    {after: func(b *Block) { b.Pools[0].Capacity = 0 }},
		"a closed block gave": {after: func(b *Block) { b.Successor, b.Pools[0].Used = ptr.To[int32](0), 2 },
			want: []Drift{{1, "block 1 is closed and gave 1 seats"}}},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			before, after := soundBook()[1], soundBook()[1]
			after.Sequence++
			if test.before != nil {
				test.before(before)
			}
			if test.after != nil {
				test.after(after)
			}
			if diff := cmp.Diff(test.want, CheckStep(before, after)); diff != "" {
				t.Errorf("other drift (-want +got):\n%s", diff)
			}
		})
	}
}
