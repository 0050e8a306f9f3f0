// Copyright The license-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package integration

import (
	"sync"
	"time"

	testclock "k8s.io/utils/clock/testing"
)

// clock is a fake one that flows like the real one, so that what refills with
// time does, and that tests step ahead. It never goes back.
type clock struct {
	*testclock.FakeClock

	mu    sync.Mutex
	ahead time.Duration
}

func newClock() *clock { return &clock{FakeClock: testclock.NewFakeClock(time.Now())} }

// flow lets the clock go on until the returned function is called.
func (c *clock) flow() (stop func()) {
	done := make(chan struct{})
	go func() {
		tick := time.NewTicker(5 * time.Millisecond)
		defer tick.Stop()
		for {
			select {
			case <-done:
				return
			case <-tick.C:
				c.step(0)
			}
		}
	}()
	return func() { close(done) }
}

// step moves the clock ahead.
func (c *clock) step(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.ahead += d
	c.SetTime(time.Now().Add(c.ahead))
}
