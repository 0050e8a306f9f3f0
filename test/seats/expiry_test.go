// Copyright The license-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package seats_test

import (
	"fmt"
	"testing"
	"time"
)

// lifetime is the least that a Product may give a checkout.
const lifetime = time.Minute

func TestAHolderWhoComesTooLateTakesTheSeatFromNobody(t *testing.T) {
	first, second := both.whole(t)
	third, clk := aheadOf(t)
	v := newVendor(t, int32(lifetime/time.Minute))
	ctx := t.Context()
	all := map[string]*replica{"the replica that ended it": third, "another": first, "and another": second}

	t.Run("after another took it", func(t *testing.T) {
		l := v.licence(t, "initech", 1, first, second, third)
		old := l.must(t, third, "old")
		clk.Step(lifetime / 2)
		_, code, err := l.extend(ctx, third, old)
		expect(t, "an extension in time", "", code, err)
		clk.Step(lifetime * 3 / 4) // Past what it was without the extension.
		_, code, err = l.checkout(ctx, third, "too-early")
		expect(t, "a checkout before the seat is free", noEntitlements, code, err)
		clk.Step(lifetime / 4)
		next := l.must(t, third, "next")

		for name, r := range all {
			_, code, err := l.extend(ctx, r, old)
			expect(t, name+": a late extension", notFound, code, err)
			code, err = l.checkIn(ctx, r, old)
			expect(t, name+": a late check-in", notFound, code, err)
			_, code, err = l.checkout(ctx, r, "old")
			expect(t, name+": the old ClientToken", invalidValue, code, err)
			_, code, err = l.checkout(ctx, r, "more")
			expect(t, name+": a checkout of the seat that is held", noEntitlements, code, err)
		}
		l.holds(t, []*grant{next})
		for name, r := range all {
			_, code, err := l.extend(ctx, r, next)
			expect(t, name+": an extension by the one who holds it", "", code, err)
		}
		if held := l.entries(t); len(held) != 1 {
			t.Errorf("the book holds %d checkouts, want 1", len(held))
		}
	})
	t.Run("as another takes it", func(t *testing.T) {
		l := v.licence(t, "globex", 1, first, second, third)
		old := l.must(t, third, "0")
		extended, taken := 0, 0
		for n := 1; n <= 12; n++ {
			ends, err := time.Parse(time.RFC3339, old.Expiration)
			if err != nil {
				t.Fatal(err)
			}
			// By the clock of the third it is over in a moment, by the clock of the
			// first it is not by far. What both go by is the book.
			clk.Step(ends.Sub(clk.Now()) - 20*time.Millisecond)
			holder := []*replica{third, first}[n%2]
			var next *grant
			var late *extension
			var extend, checkout string
			race(time.Duration(n)*4*time.Millisecond,
				func() { late, extend, _ = l.extend(ctx, holder, old) },
				func() { next, checkout, _ = l.checkout(ctx, third, fmt.Sprint(n)) })
			switch {
			case late == nil && extend != notFound, next == nil && checkout != noEntitlements:
				t.Fatalf("the extension is answered %q and the checkout %q", extend, checkout)
			case late != nil && next != nil && late.Expiration > next.IssuedAt:
				t.Fatalf("the seat is the one's until %s and the other's from %s", late.Expiration, next.IssuedAt)
			case next != nil:
				taken++
				old = next
			case late != nil:
				extended++
				old.Expiration = late.Expiration
			default: // The one came too late and the other too early.
				clk.Step(time.Second)
				old = l.must(t, third, fmt.Sprint("then-", n))
			}
			if held := l.entries(t); len(held) != 1 {
				t.Fatalf("the book holds %d checkouts, want 1", len(held))
			}
		}
		t.Logf("%d extensions came first, and %d checkouts", extended, taken)
	})
}

// race does two things, the one a while after the other.
func race(after time.Duration, first, second func()) {
	all(2, func(i int) {
		if i == 0 {
			first()
		} else {
			time.Sleep(after)
			second()
		}
	})
}
