// Copyright The license-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package inprocess

import (
	"sync"
	"time"

	testclock "k8s.io/utils/clock/testing"
)

// Clock is a fake one that flows like the real one, so that what refills with
// time does, and that tests step ahead. It never goes back.
type Clock struct {
	*testclock.FakeClock

	mu    sync.Mutex
	ahead time.Duration
}

// NewClock returns a clock that stands at the present time.
func NewClock() *Clock { return &Clock{FakeClock: testclock.NewFakeClock(time.Now())} }

// Flow lets the clock go on until the returned function is called.
func (c *Clock) Flow() (stop func()) {
	done := make(chan struct{})
	go func() {
		tick := time.NewTicker(5 * time.Millisecond)
		defer tick.Stop()
		for {
			select {
			case <-done:
				return
			case <-tick.C:
				c.Step(0)
			}
		}
	}()
	return func() { close(done) }
}

// Step moves the clock ahead.
func (c *Clock) Step(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.ahead += d
	c.SetTime(time.Now().Add(c.ahead))
}
