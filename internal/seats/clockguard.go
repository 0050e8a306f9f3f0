// Copyright The license-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package seats

import (
	"net/http"
	"sync"
	"time"

	"k8s.io/utils/clock"

	"github.com/license-operator/license-operator/internal/metrics"
)

// maxRoundTrip is how long an answer may take to say something of the time.
const maxRoundTrip = 2 * time.Second

// ClockGuard holds this process's clock against the API server's, by the Date of
// its answers, and against the monotonic clock in between. While they differ by
// more than a bound no checkout expires, and the time is reckoned from the last
// Date: a clock that is wrong, or leaps, must neither take seats from those who
// hold them nor give any for longer than it should.
type ClockGuard struct {
	clock clock.PassiveClock
	bound time.Duration
	// monotonic is a time that nobody sets, from some beginning.
	monotonic func() time.Duration

	mu   sync.Mutex
	last clockReading
}

// clockReading is what the last answer told.
type clockReading struct {
	// wall is this process's time when it came, monotonic that which nobody sets.
	wall      time.Time
	monotonic time.Duration
	// date is the API server's.
	date     time.Time
	doubtful bool
}

// NewClockGuard returns a guard that trusts the clock at first. A bound of 0
// trusts it always.
func NewClockGuard(clk clock.PassiveClock, bound time.Duration) *ClockGuard {
	start := clk.Now()
	return &ClockGuard{clock: clk, bound: bound, monotonic: func() time.Duration { return clk.Now().Sub(start) }}
}

// Trusted says whether the clock may end checkouts.
func (g *ClockGuard) Trusted() bool {
	_, trusted := g.read()
	return trusted
}

// Now is the time to decide with.
func (g *ClockGuard) Now() time.Time {
	now, _ := g.read()
	return now
}

func (g *ClockGuard) read() (now time.Time, trusted bool) {
	now = g.clock.Now()
	if g.bound == 0 {
		return now, true
	}
	g.mu.Lock()
	last := g.last
	g.mu.Unlock()
	if last.wall.IsZero() {
		return now, true
	}
	passed, shown := g.monotonic()-last.monotonic, wall(now).Sub(last.wall)
	if !last.doubtful && (shown-passed).Abs() <= g.bound {
		return now, true
	}
	return last.date.Add(passed), false
}

// Wrap returns a transport that looks at the answers.
func (g *ClockGuard) Wrap(inner http.RoundTripper) http.RoundTripper {
	return &guardedTransport{guard: g, inner: inner}
}

type guardedTransport struct {
	guard *ClockGuard
	inner http.RoundTripper
}

// RoundTrip implements http.RoundTripper.
func (t *guardedTransport) RoundTrip(r *http.Request) (*http.Response, error) {
	start := t.guard.clock.Now()
	response, err := t.inner.RoundTrip(r)
	if err == nil {
		t.guard.take(start, response.Header.Get("Date"))
	}
	return response, err
}

// take takes in the Date of an answer to a request.
func (g *ClockGuard) take(start time.Time, header string) {
	now := g.clock.Now()
	date, err := http.ParseTime(header)
	if g.bound == 0 || err != nil || now.Sub(start) > maxRoundTrip {
		return
	}
	// A Date has whole seconds: what it names began up to a second before.
	date = date.Add(time.Second / 2)
	ahead := wall(now).Sub(date)
	doubtful := ahead.Abs() > g.bound
	g.mu.Lock()
	g.last = clockReading{wall: wall(now), monotonic: g.monotonic(), date: date, doubtful: doubtful}
	g.mu.Unlock()
	metrics.ClockSkew(ahead, !doubtful)
}

// wall is a time without its monotonic part, so that differences show how the
// clock was set.
func wall(t time.Time) time.Time { return t.Round(0) }
