// Copyright The license-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package marketplace

import (
	"strconv"
	"testing"
	"time"

	"github.com/license-operator/license-operator/api/v1alpha1"
	"github.com/license-operator/license-operator/test/builder"
)

func TestTheMemoryOfClientTokens(t *testing.T) {
	at := time.Date(2031, time.May, 6, 7, 8, 9, 0, time.UTC)
	record := func(token string, quantity int32) *v1alpha1.UsageRecord {
		return builder.UsageRecord("usage-1", "render-farm", "initech").InNamespace("acme").WithQuantity(quantity).
			With(func(r *v1alpha1.UsageRecord) {
				r.Spec.ClientTokenHash, r.Spec.ReportedTime = token, r.Spec.Hour.DeepCopy()
			}).Build()
	}
	m := &tokenMemory{}
	expect := func(what string, r *v1alpha1.UsageRecord, now time.Time, fresh, ok bool) {
		t.Helper()
		if f, o := m.claim(r, now); f != fresh || o != ok {
			t.Errorf("%s: fresh %t, ok %t; want %t, %t", what, f, o, fresh, ok)
		}
	}
	expect("a new token", record("a", 1), at, true, true)
	expect("the same again", record("a", 1), at, false, true)
	expect("with other parameters", record("a", 2), at, false, false)
	other := record("a", 2)
	other.Spec.SubscriptionRef.Name = "globex"
	expect("another customer's", other, at, true, true)
	expect("with other parameters, a nanosecond before it is forgotten", record("a", 2), at.Add(tokenLifetime-1), false, false)
	expect("with other parameters, a day later", record("a", 2), at.Add(tokenLifetime), true, true)
	m.forget(record("a", 2))
	expect("one that was forgotten", record("a", 3), at, true, true)
	for i := range 2 * maxTokens {
		m.claim(record(strconv.Itoa(i), 1), at)
	}
	if got := m.known.Len(); got != maxTokens {
		t.Errorf("%d tokens are remembered, at most %d may be", got, maxTokens)
	}
}
