// Copyright The license-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package seats

import (
	"fmt"
	"slices"

	"github.com/license-operator/license-operator/api/v1alpha1"
)

// Drift is something that the book must never say.
type Drift struct {
	// Units that are at fault; 1 where it is not about units.
	Units int64
	// What is wrong, for the log.
	What string
}

// Check holds all blocks of one book, of one moment, against the invariants.
// Tests call it after each step, and the running operator on every book: the
// sum of the units is the metric license_operator_ledger_drift_units, and must
// be 0.
//
//   - A block's used is the sum of its entries.
//   - No block has given more than its capacity, unless the total was lowered or
//     overage is allowed.
//   - The capacities of all blocks add up to the total at most, or to what is
//     held where the total was lowered.
//   - One block at most is open, the one with the highest term, and no two have
//     the same; a closed one has no capacity but what it holds.
//   - An id is held once in the book.
//   - Every entry but a Perpetual one expires.
func Check(blocks []*Block) []Drift {
	c := &checker{}
	seen := map[string]int32{}
	for _, b := range blocks {
		c.block(b)
		for _, e := range b.Entries {
			if other, twice := seen[e.ID]; twice {
				c.add(1, "%s is held by the blocks %d and %d", e.ID, other, b.Number)
			}
			seen[e.ID] = b.Number
		}
	}
	c.book(blocks)
	return c.found
}

// CheckStep holds a version of a block against the one before it.
func CheckStep(before, after *Block) []Drift {
	c := &checker{}
	if after.Sequence != before.Sequence+1 {
		c.add(1, "the sequence of block %d went from %d to %d", after.Number, before.Sequence, after.Sequence)
	}
	if after.HighWater.Before(before.HighWater) {
		c.add(1, "the time of block %d went back", after.Number)
	}
	if after.Term < before.Term || after.Open() && !before.Open() && after.Term == before.Term {
		c.add(1, "block %d was opened without a new term", after.Number)
	}
	for _, p := range after.Pools {
		if grown := p.Used - before.used(p.Name); grown > 0 && p.Used > p.Capacity && p.Overage != v1alpha1.Allowed {
			c.add(min(grown, p.Used-p.Capacity), "block %d gave %d of %d %s", after.Number, p.Used, p.Capacity, p.Name)
		}
		if grown := p.Used - before.used(p.Name); grown > 0 && after.Successor != nil {
			c.add(grown, "block %d is closed and gave %d %s", after.Number, grown, p.Name)
		}
	}
	return c.found
}

type checker struct{ found []Drift }

func (c *checker) add(units int64, format string, args ...any) {
	c.found = append(c.found, Drift{Units: units, What: fmt.Sprintf(format, args...)})
}

func (c *checker) block(b *Block) {
	held := map[string]int64{}
	for _, e := range b.Entries {
		for _, item := range e.Items {
			held[item.Name] += item.Quantity
		}
		if e.Type != v1alpha1.CheckoutPerpetual && e.ExpirationTime.IsZero() {
			c.add(1, "%s never expires", e.ID)
		}
	}
	for _, p := range b.Pools {
		if p.Used != held[p.Name] {
			c.add(abs(p.Used-held[p.Name]), "block %d says %d of %s, its entries hold %d", b.Number, p.Used, p.Name, held[p.Name])
		}
		if !b.Open() && p.Capacity > p.Used {
			c.add(p.Capacity-p.Used, "block %d is closed and has %d of %s, of which it holds %d", b.Number, p.Capacity, p.Name, p.Used)
		}
		delete(held, p.Name)
	}
	for name, units := range held {
		if units > 0 {
			c.add(units, "block %d holds %d of %s without a pool", b.Number, units, name)
		}
	}
}

func (c *checker) book(blocks []*Block) {
	var head *Block
	open := 0
	terms := map[int64]int32{}
	for _, b := range blocks {
		if other, twice := terms[b.Term]; twice && b.Term > 0 {
			c.add(1, "the blocks %d and %d have the term %d", other, b.Number, b.Term)
		}
		terms[b.Term] = b.Number
		if head == nil || b.Term > head.Term {
			head = b
		}
		if b.Open() {
			open++
		}
	}
	if head == nil {
		return
	}
	if open > 1 || open == 1 && !head.Open() {
		c.add(1, "%d blocks are open, and the last that was opened is block %d", open, head.Number)
	}
	if !head.Open() {
		return
	}
	for _, p := range head.Pools {
		var capacity, used int64
		for _, b := range blocks {
			if at := slices.IndexFunc(b.Pools, func(q v1alpha1.SeatPool) bool { return q.Name == p.Name }); at >= 0 {
				capacity, used = capacity+b.Pools[at].Capacity, used+b.Pools[at].Used
			}
		}
		if over := capacity - max(p.Total, used); over > 0 && p.Overage != v1alpha1.Allowed {
			c.add(over, "the blocks may give %d of %d %s", capacity, p.Total, p.Name)
		}
	}
}

func abs(n int64) int64 { return max(n, -n) }
