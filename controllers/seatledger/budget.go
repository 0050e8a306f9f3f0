// Copyright The license-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package seatledger

import (
	"sync"
	"time"

	"golang.org/x/time/rate"
	"k8s.io/apimachinery/pkg/types"
)

const (
	// defaultRate is for a controller without one.
	defaultRate = 200
	// burstShare of a second's objects may be worked on at once, more than a
	// pause fills up again.
	burstShare = 4
	// yield is the share of the rate that is left while checkouts come thick.
	yield = 16
	// fewBlocks may be looked at again and again while their objects wait.
	fewBlocks = 8
)

// budget is how many objects all blocks together may work on.
type budget struct {
	limit *rate.Limiter
	full  rate.Limit
	busy  func() bool

	mu sync.Mutex
	// waiting are the blocks whose work was not done for want of budget.
	waiting map[types.NamespacedName]struct{}
}

func newBudget(perSecond float64, busy func() bool) *budget {
	if perSecond <= 0 {
		perSecond = defaultRate
	}
	burst := max(int(perSecond)/burstShare, 1)
	return &budget{limit: rate.NewLimiter(rate.Limit(perSecond), burst), full: rate.Limit(perSecond), busy: busy,
		waiting: map[types.NamespacedName]struct{}{}}
}

// take takes one object from the budget, if there is one.
func (b *budget) take(now time.Time) bool {
	b.adjust(now)
	return b.limit.AllowN(now, 1)
}

// affords says whether a pass should make objects now, if it could make so many.
// While checkouts come thick it should only if all of them can be made.
func (b *budget) affords(now time.Time, objects int) bool {
	b.adjust(now)
	return b.limit.Limit() == b.full || b.limit.TokensAt(now) >= float64(objects)
}

// adjust sets the rate by how thick checkouts come.
func (b *budget) adjust(now time.Time) {
	want := b.full
	if b.busy != nil && b.busy() {
		want /= yield
	}
	if b.limit.Limit() != want {
		b.limit.SetLimitAt(now, want)
	}
}

// most is how many objects one pass may work on.
func (b *budget) most() int { return b.limit.Burst() }

// turn is how long until it is a block's turn again, whose work was not done:
// the more blocks wait the longer, or looking at all of them in vain would cost
// more than their objects do.
func (b *budget) turn(block types.NamespacedName) time.Duration {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.waiting[block] = struct{}{}
	seconds := float64(len(b.waiting)-fewBlocks) * float64(b.limit.Burst()) / float64(b.limit.Limit())
	return min(max(time.Duration(seconds*float64(time.Second)), pause), longPause)
}

// done says that a block has nothing left to do.
func (b *budget) done(block types.NamespacedName) {
	b.mu.Lock()
	defer b.mu.Unlock()
	delete(b.waiting, block)
}
