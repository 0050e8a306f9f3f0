// Copyright The license-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package seatledger

import (
	"time"

	"golang.org/x/time/rate"
)

const (
	// defaultRate is for a controller without one.
	defaultRate = 200
	// burstShare of a second's objects may be worked on at once, more than a
	// pause fills up again.
	burstShare = 4
	// yield is the share of the rate that is left while checkouts come thick.
	yield = 4
)

// budget is how many objects all blocks together may work on.
type budget struct {
	limit *rate.Limiter
	full  rate.Limit
	busy  func() bool
}

func newBudget(perSecond float64, busy func() bool) *budget {
	if perSecond <= 0 {
		perSecond = defaultRate
	}
	burst := max(int(perSecond)/burstShare, 1)
	return &budget{limit: rate.NewLimiter(rate.Limit(perSecond), burst), full: rate.Limit(perSecond), busy: busy}
}

// take takes one object from the budget, if there is one.
func (b *budget) take(now time.Time) bool {
	want := b.full
	if b.busy != nil && b.busy() {
		want /= yield
	}
	if b.limit.Limit() != want {
		b.limit.SetLimitAt(now, want)
	}
	return b.limit.AllowN(now, 1)
}

// most is how many objects one pass may work on.
func (b *budget) most() int { return b.limit.Burst() }
