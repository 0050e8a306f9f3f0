// Copyright The license-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package store

import (
	"testing"
	"time"

	clocktesting "k8s.io/utils/clock/testing"
)

func TestACallerHasAShareOfANamespacesLookUps(t *testing.T) {
	b := newBound(scansPerSecond, scanBurst, clocktesting.NewFakePassiveClock(time.Unix(2_000_000_000, 0)))
	allowed := func(caller, namespace string) (passed int) {
		ctx := t.Context()
		if caller != "" {
			ctx = ForCaller(ctx, caller)
		}
		for range 100 {
			if b.allow(ctx, namespace) {
				passed++
			}
		}
		return passed
	}
	for _, step := range []struct {
		caller, namespace string
		want              int
	}{{"a", "acme", 1}, {"a", "acme", 0}, {"b", "acme", 1}, {"a", "globex", 1}, {"", "acme", 3}, {"c", "acme", 0}, {"", "globex", 4}} {
		if got := allowed(step.caller, step.namespace); got != step.want {
			t.Errorf("%q may look up %d times in %s, want %d", step.caller, got, step.namespace, step.want)
		}
	}
}
