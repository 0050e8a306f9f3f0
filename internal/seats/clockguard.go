// Copyright The license-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package seats

import (
	"net/http"
	"sync/atomic"
	"time"

	"k8s.io/utils/clock"

	"github.com/license-operator/license-operator/internal/metrics"
)

// maxRoundTrip is how long an answer may take to say something of the time.
const maxRoundTrip = 2 * time.Second

// ClockGuard holds this process's clock against the API server's, by the Date of
// its answers. While they differ by more than a bound, no checkout expires: a
// clock that is wrong must not take seats from those who hold them.
type ClockGuard struct {
	clock    clock.PassiveClock
	bound    time.Duration
	doubtful atomic.Bool
}

// NewClockGuard returns a guard that trusts the clock at first. A bound of 0
// trusts it always.
func NewClockGuard(clk clock.PassiveClock, bound time.Duration) *ClockGuard {
	return &ClockGuard{clock: clk, bound: bound}
}

// Trusted says whether the clock may end checkouts.
func (g *ClockGuard) Trusted() bool { return !g.doubtful.Load() }

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
	g := t.guard
	start := g.clock.Now()
	response, err := t.inner.RoundTrip(r)
	if err != nil || g.bound == 0 {
		return response, err
	}
	now := g.clock.Now()
	date, parseErr := http.ParseTime(response.Header.Get("Date"))
	if parseErr != nil || now.Sub(start) > maxRoundTrip {
		return response, nil
	}
	// A Date has whole seconds: what it names began up to a second before.
	ahead := now.Sub(date.Add(time.Second / 2))
	g.doubtful.Store(ahead.Abs() > g.bound)
	metrics.ClockSkew(ahead, ahead.Abs() <= g.bound)
	return response, nil
}
