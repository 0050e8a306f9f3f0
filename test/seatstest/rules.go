// Copyright The license-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package seatstest

import (
	"fmt"

	"k8s.io/apimachinery/pkg/api/equality"

	"github.com/license-operator/license-operator/api/v1alpha1"
	"github.com/license-operator/license-operator/internal/seats"
)

// The bounds of the SeatLedger's schema.
const (
	maxUnits    = 1_000_000_000_000
	maxUsed     = 1_000_000_000_000_000
	maxBlock    = 9999
	maxPools    = 64
	maxPoolName = 128
	maxEntries  = 524288
	maxReleased = 65536
)

// Broken lists the rules of the SeatLedger's schema, transition rules included,
// by which the API server would refuse next in the place of old, which is nil
// for a block that does not exist.
func Broken(old, next *v1alpha1.SeatLedger) []string {
	r := &rules{}
	s := &next.Spec
	r.hold(next.Name == seats.BlockName(s.SubscriptionRef.Name, s.Block), "the name %q is not that of block %d", next.Name, s.Block)
	r.hold(s.Block >= 0 && s.Block <= maxBlock, "block is %d", s.Block)
	r.hold(s.Sequence >= 1, "sequence is %d", s.Sequence)
	r.hold(s.Term >= 1, "term is %d", s.Term)
	r.hold(s.Successor == nil || *s.Successor >= 0 && *s.Successor <= maxBlock, "successor is out of bounds")
	r.hold(len(s.Pools) <= maxPools, "there are %d pools", len(s.Pools))
	r.hold(len(s.Entries) <= maxEntries, "entries has %d characters", len(s.Entries))
	r.hold(len(s.Released) <= maxReleased, "released has %d characters", len(s.Released))
	names := map[string]bool{}
	for _, p := range s.Pools {
		r.hold(!names[p.Name], "the pool %q is there twice", p.Name)
		names[p.Name] = true
		r.hold(p.Name != "" && len(p.Name) <= maxPoolName, "a pool's name is %q", p.Name)
		r.hold(p.Total >= 0 && p.Total <= maxUnits, "the total of %s is %d", p.Name, p.Total)
		r.hold(p.Capacity >= 0 && p.Capacity <= maxUnits, "the capacity of %s is %d", p.Name, p.Capacity)
		r.hold(p.Used >= 0 && p.Used <= maxUsed, "used of %s is %d", p.Name, p.Used)
		r.hold(p.Overage == v1alpha1.Allowed || p.Overage == v1alpha1.Forbidden, "overage of %s is %q", p.Name, p.Overage)
		r.hold(p.Used <= p.Capacity || p.Overage == v1alpha1.Allowed || !grew(old, p),
			"used of %s is %d, its capacity %d: a seat would be sold twice", p.Name, p.Used, p.Capacity)
	}
	if old != nil {
		r.transition(&old.Spec, s, old)
	}
	return r.broken
}

func (r *rules) transition(o, s *v1alpha1.SeatLedgerSpec, old *v1alpha1.SeatLedger) {
	r.hold(s.SubscriptionRef == o.SubscriptionRef && s.Block == o.Block, "subscriptionRef and block are immutable")
	r.hold(s.Sequence == o.Sequence+1 || equality.Semantic.DeepEqual(s, o), "sequence went from %d to %d", o.Sequence, s.Sequence)
	if o.HighWaterTime != nil {
		r.hold(s.HighWaterTime != nil && !s.HighWaterTime.Time.Before(o.HighWaterTime.Time), "highWaterTime fell")
	}
	r.hold(s.Term >= o.Term, "term fell from %d to %d", o.Term, s.Term)
	r.hold(s.Successor != nil || o.Successor == nil || s.Term > o.Term, "the block is opened again in the same term")
	if s.Successor != nil {
		for _, p := range s.Pools {
			r.hold(p.Used == 0 || !grew(old, p), "used of %s grew to %d in a closed block", p.Name, p.Used)
		}
	}
}

// grew says whether a pool's used is more than it was.
func grew(old *v1alpha1.SeatLedger, p v1alpha1.SeatPool) bool {
	if old != nil {
		for _, o := range old.Spec.Pools {
			if o.Name == p.Name {
				return p.Used > o.Used
			}
		}
	}
	return true
}

type rules struct{ broken []string }

func (r *rules) hold(ok bool, format string, args ...any) {
	if !ok {
		r.broken = append(r.broken, fmt.Sprintf(format, args...))
	}
}
