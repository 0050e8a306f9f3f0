// Copyright The license-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package throttle

import (
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	clocktesting "k8s.io/utils/clock/testing"
)

// allowed is how many of n requests of a caller pass now.
func allowed(t *Throttle, caller string, n int) (passed int) {
	for range n {
		if t.Allow(caller) {
			passed++
		}
	}
	return passed
}

func TestABurstPassesAndThenTheRate(t *testing.T) {
	clk := clocktesting.NewFakePassiveClock(time.Unix(2_000_000_000, 0))
	throttle := New(10, 20, clk)
	for n, step := range []struct {
		after time.Duration
		want  int
	}{
		{0, 20}, {0, 0}, {99 * time.Millisecond, 0}, {time.Millisecond, 1}, {time.Second, 10}, {time.Hour, 20}, {-time.Hour, 0},
	} {
		clk.SetTime(clk.Now().Add(step.after))
		if got := allowed(throttle, "a", 100); got != step.want {
			t.Errorf("step %d: %d requests pass, want %d", n, got, step.want)
		}
	}
}

func TestCallersDoNotShareABucket(t *testing.T) {
	throttle := New(1, 2, clocktesting.NewFakePassiveClock(time.Unix(2_000_000_000, 0)))
	for _, caller := range []string{"a", "b", "", "A"} {
		if got := allowed(throttle, caller, 10); got != 2 {
			t.Errorf("%d requests of %q pass, want 2", got, caller)
		}
	}
}

func TestZeroIsNoBound(t *testing.T) {
	throttle := New(0, 0, clocktesting.NewFakePassiveClock(time.Unix(2_000_000_000, 0)))
	if got := allowed(throttle, "a", 10_000); got != 10_000 {
		t.Errorf("%d requests pass, want all", got)
	}
}

func TestTheMemoryIsBounded(t *testing.T) {
	throttle := New(1, 1, clocktesting.NewFakePassiveClock(time.Unix(2_000_000_000, 0)))
	for n := range maxCallers + 1000 {
		throttle.Allow(strconv.Itoa(n))
	}
	if got := throttle.buckets.Len(); got != maxCallers {
		t.Errorf("%d buckets are kept, want %d", got, maxCallers)
	}
	if throttle.Allow(strconv.Itoa(maxCallers + 999)) {
		t.Error("the last caller has got another bucket")
	}
	if !throttle.Allow("0") {
		t.Error("the first caller, long forgotten, is refused")
	}
}

func TestManyAtOnceGetLittleMoreThanTheBurst(t *testing.T) {
	const callers, burst = 16, 50
	throttle := New(1, burst, clocktesting.NewFakePassiveClock(time.Unix(2_000_000_000, 0)))
	throttle.Allow("a")
	var passed atomic.Int64
	var group sync.WaitGroup
	for range callers {
		group.Go(func() { passed.Add(int64(allowed(throttle, "a", burst))) })
	}
	group.Wait()
	if got := passed.Load(); got != burst-1 {
		t.Errorf("%d requests pass, want %d", got, burst-1)
	}
}
