// Copyright The license-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package store

import (
	"context"

	"k8s.io/utils/clock"

	"github.com/license-operator/license-operator/internal/throttle"
)

// shares is how many callers it takes to use up what a namespace may look up.
const shares = 5

// bound bounds look-ups: those of a namespace altogether, and to a share of that
// those of each caller who is named in the context.
type bound struct{ all, each *throttle.Throttle }

func newBound(perSecond float64, burst int, clk clock.PassiveClock) bound {
	return bound{all: throttle.New(perSecond, burst, clk), each: throttle.New(perSecond/shares, burst/shares, clk)}
}

// allow says whether one more look-up may be made.
func (b bound) allow(ctx context.Context, namespace string) bool {
	if caller, named := ctx.Value(callerKey{}).(string); named && !b.each.Allow(namespace+"/"+caller) {
		return false
	}
	return b.all.Allow(namespace)
}

type callerKey struct{}

// ForCaller returns a context in which look-ups count for a caller too: one who
// may make up names of things, and must not use up what others need to find
// what the cache lacks for the moment.
func ForCaller(ctx context.Context, caller string) context.Context {
	return context.WithValue(ctx, callerKey{}, caller)
}
