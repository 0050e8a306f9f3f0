// Copyright The license-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package seats

import (
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"k8s.io/utils/clock"
)

// leapingClock is the real clock, whose wall time leaps.
type leapingClock struct {
	clock.RealClock
	leap time.Duration
}

// Now implements clock.PassiveClock.
func (c *leapingClock) Now() time.Time { return c.RealClock.Now().Add(c.leap) }

func TestClockGuard(t *testing.T) {
	const bound = 30 * time.Second
	for name, test := range map[string]struct {
		bound time.Duration
		// ahead is how far the clock is ahead of the API server's when it answers.
		ahead   time.Duration
		trusted bool
	}{
		"the same time":              {bound, 0, true},
		"a little ahead":             {bound, 25 * time.Second, true},
		"a little behind":            {bound, -25 * time.Second, true},
		"far ahead":                  {bound, time.Hour, false},
		"far behind":                 {bound, -time.Hour, false},
		"far ahead, and nobody asks": {0, time.Hour, true},
	} {
		t.Run(name, func(t *testing.T) {
			clk := &leapingClock{leap: test.ahead}
			g := NewClockGuard(clk, test.bound)
			if !g.Trusted() {
				t.Error("the clock is in doubt before anybody has said anything")
			}
			askServer(t, g)
			if got := g.Trusted(); got != test.trusted {
				t.Errorf("it is trusted: %t, want %t", got, test.trusted)
			}
			want := clk.Now()
			if !test.trusted {
				want = time.Now() // By the API server's Date.
			}
			if off := g.Now().Sub(want).Abs(); off > 2*time.Second {
				t.Errorf("the time to decide with is %s off", off)
			}
			clk.leap = 0
			askServer(t, g)
			if !g.Trusted() {
				t.Error("a clock that was put right is still in doubt")
			}
		})
	}
}

// askServer asks a server that tells the real time.
func askServer(t *testing.T, g *ClockGuard) {
	t.Helper()
	server := httptest.NewServer(http.NotFoundHandler())
	defer server.Close()
	client := &http.Client{Transport: g.Wrap(http.DefaultTransport)}
	resp, err := client.Get(server.URL)
	if err != nil {
		t.Fatal(err)
	}
	_ = resp.Body.Close()
}

func TestAClockThatLeapsBetweenTwoAnswers(t *testing.T) {
	for name, leap := range map[string]time.Duration{"ahead": 24 * time.Hour, "back": -24 * time.Hour} {
		t.Run(name, func(t *testing.T) {
			clk := &leapingClock{}
			g := NewClockGuard(clk, 30*time.Second)
			start := time.Now()
			g.monotonic = func() time.Duration { return time.Since(start) }
			askServer(t, g)
			clk.leap = leap
			if g.Trusted() {
				t.Error("the clock is trusted")
			}
			if off := time.Until(g.Now()).Abs(); off > 2*time.Second {
				t.Errorf("the time to decide with is %s off", off)
			}
		})
	}
}
