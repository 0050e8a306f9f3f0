// Copyright The license-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package seats

import (
	"math"

	"github.com/license-operator/license-operator/api/v1alpha1"
	"github.com/license-operator/license-operator/internal/licensing"
)

// Unlimited is how many units are free in a pool that allows overage.
const Unlimited = math.MaxInt64

// Waiting is a checkout that asks for units.
type Waiting struct {
	ID string
	// Units by pool, 1 or more of each; one that asks for features only has none.
	Units map[string]int64
	// Fail says that it is refused rather than made to wait.
	Fail bool
}

// Admission is what the queue decides. All ids are in the order of the queue.
type Admission struct {
	// Grant are those for which there is room now, for all of them together.
	Grant []string
	// Queue are those that wait; the first has position 1.
	Queue []string
	// Refuse are those that don't wait and for which there is no room.
	Refuse []string
}

// Admit decides who of the queue is granted. free is how many units each pool
// has, Unlimited where overage is allowed, below 0 where the total was lowered.
// waiting is in the order in which they came.
//
// In each pool the order is strict: who waits for a pool keeps it from everybody
// behind, so that many small requests can't starve a large one. Who needs none
// of the pools that somebody before waits for may pass. A pool that has no end
// keeps nobody waiting.
func Admit(free map[string]int64, waiting []Waiting) Admission {
	var a Admission
	left := make(map[string]int64, len(free))
	for pool, units := range free {
		left[pool] = units
	}
	taken := map[string]bool{}
	for _, w := range waiting {
		switch {
		case fits(left, taken, w.Units):
			for pool, units := range w.Units {
				if left[pool] != Unlimited {
					left[pool] -= units
				}
			}
			a.Grant = append(a.Grant, w.ID)
		case w.Fail:
			a.Refuse = append(a.Refuse, w.ID)
		default:
			for pool := range w.Units {
				taken[pool] = taken[pool] || left[pool] != Unlimited
			}
			a.Queue = append(a.Queue, w.ID)
		}
	}
	return a
}

func fits(left map[string]int64, taken map[string]bool, units map[string]int64) bool {
	for pool, n := range units {
		if taken[pool] || left[pool] < n {
			return false
		}
	}
	return true
}

// Free is how many units of each pool a book may give, for Admit. pools are what
// the Subscription has, for those that the book does not know yet.
func Free(blocks []*Block, pools []Pool) map[string]int64 {
	head := Head(blocks)
	free := make(map[string]int64, len(pools))
	for _, p := range pools {
		if head != nil {
			for i := range head.Pools {
				if known := &head.Pools[i]; known.Name == p.Name {
					p.Total, p.Overage = known.Total, known.Overage == v1alpha1.Allowed
				}
			}
		}
		free[p.Name] = p.Total
		if p.Overage {
			free[p.Name] = Unlimited
			continue
		}
		for _, b := range blocks {
			free[p.Name] -= b.used(p.Name)
		}
	}
	return free
}

// Head is the block that was opened last; nil if there is none.
func Head(blocks []*Block) *Block {
	var head *Block
	for _, b := range blocks {
		if head == nil || b.Term > head.Term {
			head = b
		}
	}
	return head
}

// PoolsOf are the pools of a book for those of a Subscription.
func PoolsOf(pools []licensing.Pool) []Pool {
	list := make([]Pool, 0, len(pools))
	for _, p := range pools {
		list = append(list, Pool(p))
	}
	return list
}

// ItemsOf are the items of a request for what a checkout may hold.
func ItemsOf(held []licensing.Held) []Item {
	items := make([]Item, 0, len(held))
	for _, h := range held {
		items = append(items, Item(h))
	}
	return items
}
