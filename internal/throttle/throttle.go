// Copyright The license-operator Authors.
// SPDX-License-Identifier: Apache-2.0

// Package throttle bounds how often each of many callers may do something.
package throttle

import (
	"golang.org/x/time/rate"
	"k8s.io/utils/clock"
	"k8s.io/utils/lru"
)

// maxCallers bounds the memory: of more callers than these at once the one
// that was quiet the longest starts with a full bucket again.
const maxCallers = 65536

// Throttle is one token bucket for each caller. It is safe for concurrent use.
type Throttle struct {
	clock     clock.PassiveClock
	perSecond rate.Limit
	burst     int
	buckets   *lru.Cache
}

// New returns a throttle that lets each caller act perSecond times a second in
// the long run, and burst times at once. perSecond 0 is no limit.
func New(perSecond float64, burst int, clk clock.PassiveClock) *Throttle {
	return &Throttle{clock: clk, perSecond: rate.Limit(perSecond), burst: burst, buckets: lru.New(maxCallers)}
}

// Allow takes one token from a caller's bucket and says whether there was one.
func (t *Throttle) Allow(caller string) bool {
	if t.perSecond == 0 {
		return true
	}
	found, ok := t.buckets.Get(caller)
	if !ok {
		// Of two first requests at once one bucket is forgotten: that is a
		// token more, once.
		found = rate.NewLimiter(t.perSecond, t.burst)
		t.buckets.Add(caller, found)
	}
	return found.(*rate.Limiter).AllowN(t.clock.Now(), 1)
}
