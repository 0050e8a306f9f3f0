// Copyright The license-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package seats

import (
	"math/rand/v2"
	"strconv"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/license-operator/license-operator/api/v1alpha1"
)

// The index must say what a look at every block would, whatever versions come.
func TestTheIndexSaysWhatTheBlocksSay(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	c := copyOf{}
	bk := c.book(still())
	for step := range 20000 {
		number := int32(random.IntN(blocksMost))
		bk.set(bk.slot(number), randomVersion(random, number))
		held := map[string]int{}
		used := map[string]int64{}
		var head *Block
		for _, s := range bk.slots {
			if s.current == nil {
				continue
			}
			for _, e := range s.current.Entries {
				held[e.ID]++
			}
			for _, p := range s.current.Pools {
				if p.Used != 0 {
					used[p.Name] += p.Used
				}
			}
			if head == nil || s.current.Term > head.Term {
				head = s.current
			}
		}
		if diff := cmp.Diff(used, bk.index.used); diff != "" {
			t.Fatalf("step %d: other units are in use (-blocks +index):\n%s", step, diff)
		}
		if got := bk.head(); got != head && (got == nil || head == nil || got.Term != head.Term) {
			t.Fatalf("step %d: the head is %v, not %v", step, got, head)
		}
		for i := range 10 {
			id := NewID(strconv.Itoa(i))
			e, n := bk.find(id)
			if (e != nil) != (held[id] > 0) || e != nil && bk.slots[n].current.Get(id) != e {
				t.Fatalf("step %d: %d blocks hold %s, the index finds %v in %d", step, held[id], id, e, n)
			}
		}
		if len(bk.index.at) != len(held) {
			t.Fatalf("step %d: the index has %d ids, the blocks %d", step, len(bk.index.at), len(held))
		}
	}
}

// randomVersion is a version of a block that holds some of ten ids, in any
// order, or none.
func randomVersion(random *rand.Rand, number int32) *Block {
	if random.IntN(5) == 0 {
		return nil
	}
	b := newBlock(testKey, number)
	b.Term = random.Int64N(5)*blocksMost + int64(number) + 1
	for _, i := range random.Perm(10)[:random.IntN(6)] {
		e := entryOf(strconv.Itoa(i))
		b.Entries, b.byID[e.ID] = append(b.Entries, e), e
	}
	b.Pools = []v1alpha1.SeatPool{{Name: "seats", Used: int64(len(b.Entries))}, {Name: "empty"}}
	return b
}
