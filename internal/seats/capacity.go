// Copyright The license-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package seats

import (
	"slices"
	"time"

	"github.com/license-operator/license-operator/api/v1alpha1"
)

// learn adds pools that the block does not know; what it knows is changed by
// setPools alone.
func (d *draft) learn(pools []Pool) {
	for _, p := range pools {
		if d.pool(p.Name) == nil {
			d.Pools = append(d.Pools, v1alpha1.SeatPool{Name: p.Name, Total: p.Total, Overage: overage(p)})
		}
	}
}

func overage(p Pool) v1alpha1.Permission {
	if p.Overage {
		return v1alpha1.Allowed
	}
	return v1alpha1.Forbidden
}

// setPools makes the open block give what the Subscription has now.
func (d *draft) setPools(pools []Pool) outcome {
	switch {
	case !d.Open():
		return closed
	case d.Term > d.viewTerm:
		return behind
	}
	for i := range d.Pools {
		p := &d.Pools[i]
		at := slices.IndexFunc(pools, func(want Pool) bool { return want.Name == p.Name })
		want := Pool{Name: p.Name}
		if at >= 0 {
			want = pools[at]
		}
		if p.Total != want.Total || p.Overage != overage(want) {
			p.Total, p.Overage, d.changed = want.Total, overage(want), true
		}
	}
	before := len(d.Pools)
	d.learn(pools)
	d.changed = d.changed || len(d.Pools) != before
	d.Pools = slices.DeleteFunc(d.Pools, func(p v1alpha1.SeatPool) bool {
		gone := !slices.ContainsFunc(pools, func(want Pool) bool { return want.Name == p.Name }) && d.held(p.Name) == 0
		d.changed = d.changed || gone
		return gone
	})
	return done
}

// freeze stops granting, thaw goes on. The blocks that are opened later are
// frozen as the one before.
func (d *draft) freeze() outcome {
	if !d.Open() {
		return closed
	}
	if d.Frozen.IsZero() {
		d.Frozen, d.changed = d.now.Truncate(time.Second), true
	}
	return done
}

func (d *draft) thaw() {
	if !d.Frozen.IsZero() {
		d.Frozen, d.changed = time.Time{}, true
	}
}

// closeFor closes the block: it gives up what it has free, and names the block
// that may be opened in its place.
func (d *draft) closeFor(successor int32) {
	if d.Open() {
		d.Successor, d.changed = &successor, true
	}
}

// closeIfFull closes the block if it is full for an entry of a bulk.
func (d *draft) closeIfFull(more int, successor int32) outcome {
	if d.full(more) {
		d.closeFor(successor)
	}
	return done
}

// open opens the block for a term, with what the closed one before it had. It
// does nothing if the block has been open in that term or a later one. Who knows
// the book up to the term before, and the block of that term as closed, knows it
// up to the new one.
func (d *draft) open(o opening) outcome {
	switch {
	case d.Term >= o.term:
		return done
	case d.viewTerm < o.term-1:
		return behind
	}
	d.Term, d.Successor, d.Frozen, d.changed = o.term, nil, o.frozen, true
	d.viewTerm, d.opened = max(d.viewTerm, o.term), &o
	old := d.Pools
	d.Pools = make([]v1alpha1.SeatPool, 0, len(o.pools))
	for _, p := range o.pools {
		d.Pools = append(d.Pools, v1alpha1.SeatPool{Name: p.Name, Total: p.Total, Overage: p.Overage})
	}
	for _, p := range old {
		if d.pool(p.Name) == nil && d.held(p.Name) > 0 {
			d.Pools = append(d.Pools, v1alpha1.SeatPool{Name: p.Name, Overage: v1alpha1.Forbidden})
		}
	}
	for i := range d.Pools {
		d.Pools[i].Used = d.held(d.Pools[i].Name)
	}
	return done
}

// finish settles the numbers of the version that is to be committed. A clock
// that is in doubt does not move the block's time: others would believe it. And
// who is behind does not know what the other blocks hold: the capacity stays.
//
// A new block counts from the time in milliseconds: should a book be lost and
// begun anew, no token of the old one shows a sequence that is ahead of it.
func (d *draft) finish() *Block {
	d.Sequence = d.next()
	if d.expiring {
		d.HighWater = d.now
	}
	for i := range d.Pools {
		p := &d.Pools[i]
		p.Used = d.held(p.Name)
		if d.Successor != nil {
			p.Capacity = p.Used
			continue
		}
		if d.Term <= d.viewTerm {
			p.Capacity = max(p.Total-d.elsewhere[p.Name], 0)
		}
	}
	return d.Block
}
