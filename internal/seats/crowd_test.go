// Copyright The license-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package seats_test

import (
	"strconv"
	"testing"
	"time"

	"github.com/go-logr/logr"
	"k8s.io/utils/clock"

	"github.com/license-operator/license-operator/api/v1alpha1"
	"github.com/license-operator/license-operator/internal/fault"
	"github.com/license-operator/license-operator/internal/seats"
	"github.com/license-operator/license-operator/test/seatstest"
)

func TestABookHasNoMoreCheckoutsThanItMay(t *testing.T) {
	const most = seats.MaxEntries + 3 // They take more than one block.
	key := seats.Key{Namespace: "acme", Name: "initech"}
	books := seats.NewBooks(t.Context(), seats.Options{Store: seatstest.New(t).Client(), Clock: clock.RealClock{}, Log: logr.Discard(), MaxCheckouts: most})
	feature := func(n int) seats.Request {
		return seats.Request{ID: seats.NewID("crowd", strconv.Itoa(n)), Digest: seats.NewDigest("x"), Type: v1alpha1.CheckoutProvisional,
			Items: []seats.Item{{Name: "gpu", Unit: v1alpha1.UnitNone}}, Lifetime: time.Hour, Caller: "backend"}
	}
	var first seats.Grant
	for n := range most {
		g, err := books.Checkout(t.Context(), key, nil, feature(n))
		if err != nil {
			t.Fatal(err)
		}
		if n == 0 {
			first = g
		}
	}
	if _, err := books.Checkout(t.Context(), key, nil, feature(most)); fault.KindOf(err) != fault.NoCapacity {
		t.Fatalf("one too many: %v, want NoCapacity", err)
	}
	if err := books.CheckIn(t.Context(), key, seats.Handle{ID: first.ID, Block: first.Block, Sequence: first.Sequence}); err != nil {
		t.Fatal(err)
	}
	if _, err := books.Checkout(t.Context(), key, nil, feature(most)); err != nil {
		t.Errorf("after one was given back: %v", err)
	}
}
