// Copyright The license-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package seats_test

import (
	"fmt"
	"net/http"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/license-operator/license-operator/api/v1alpha1"
)

// patience is how long a client tries until it gives up.
const patience = time.Minute

// sale is one checkout that was answered in the end.
type sale struct {
	clientToken string
	grant       *grant
	// retried says that a try before it had no answer.
	retried bool
}

// sell lets 32 clients check out one seat each time, until so many are sold.
// Each tries again with the same ClientToken at the other replica where one
// fails. sold is called with how many have been answered.
func (l *licence) sell(t *testing.T, name string, count int, sold func(done int)) []sale {
	t.Helper()
	const clients = 32
	var next, done atomic.Int64
	var mu sync.Mutex
	var sales []sale
	all(clients, func(client int) {
		for i := int(next.Add(1)) - 1; i < count; i = int(next.Add(1)) - 1 {
			s := sale{clientToken: fmt.Sprintf("%s-%d", name, i)}
			start := time.Now()
			for try := client; ; try++ {
				g, code, err := l.checkout(t.Context(), both.at(try), s.clientToken)
				if g != nil {
					s.grant = g
					break
				}
				if err == nil || time.Since(start) > patience {
					t.Errorf("%s is answered %q %v", s.clientToken, code, err)
					return
				}
				s.retried = true
				time.Sleep(10 * time.Millisecond)
			}
			mu.Lock()
			sales = append(sales, s)
			mu.Unlock()
			sold(int(done.Add(1)))
		}
	})
	if len(sales) != count {
		t.Fatalf("%d checkouts were answered, want %d", len(sales), count)
	}
	return sales
}

// settled holds the book against all that was sold in it.
func (l *licence) settled(t *testing.T, sales []sale) {
	t.Helper()
	grants := make([]*grant, len(sales))
	for i := range sales {
		grants[i] = sales[i].grant
	}
	l.holds(t, grants)
}

// repeated asks once more for what was sold: for all that was answered to a
// second try only, and some of the others.
func (l *licence) repeated(t *testing.T, sales []sale) {
	t.Helper()
	retried := 0
	var asked []sale
	for i, s := range sales {
		if s.retried {
			retried++
		}
		if s.retried || i%16 == 0 {
			asked = append(asked, s)
		}
	}
	t.Logf("%d of %d checkouts were answered to a second try only", retried, len(sales))
	if retried == 0 {
		t.Error("nobody had to try again, so nothing is proved")
	}
	all(len(asked), func(i int) {
		s := asked[i]
		for place := range 2 {
			r := both.at(place)
			if r.dead.Load() {
				continue
			}
			again, code, err := l.checkout(t.Context(), r, s.clientToken)
			if again == nil || !again.same(s.grant) {
				t.Errorf("%s: %s was answered %s, and is now answered %s %q %v", r.name, s.clientToken, s.grant, again, code, err)
			}
		}
	})
}

func TestNothingIsSoldTwiceOrLostWhenAReplicaIsKilled(t *testing.T) {
	const count, killAt = 1000, 400
	leader, other := both.whole(t)
	// There is a seat for each, and none to spare for one that is given twice.
	l := newVendor(t, 60).licence(t, "initech", count, leader, other)
	sales := l.sell(t, "kill", count, func(done int) {
		if done == killAt {
			if err := both.kill(leader); err != nil {
				t.Error(err)
			}
		}
	})
	l.settled(t, sales)
	l.repeated(t, sales)
	_, code, err := l.checkout(t.Context(), other, "one-more")
	expect(t, "a checkout after the last seat", noEntitlements, code, err)
}

func TestNothingIsSoldTwiceOrLostWhenAReplicaIsKilledAsOneBlockFollowsAnother(t *testing.T) {
	const total, each = 2000, 300 // A block holds 256.
	first, second := both.whole(t)
	v := newVendor(t, 60)
	l := v.licence(t, "initech", total, first, second)
	closed := map[string]bool{}
	closing := func(_ *replica, method string, b *v1alpha1.SeatLedger) bool {
		// A block that is closed already is written too.
		return method == http.MethodPut && b.Namespace == v.Namespace && b.Spec.Successor != nil && !closed[b.Name]
	}
	opening := func(_ *replica, method string, b *v1alpha1.SeatLedger) bool {
		return method == http.MethodPost && b.Namespace == v.Namespace && b.Spec.Block > 0
	}
	var sales []sale
	for i, moment := range []struct {
		name string
		cut  *cut
	}{
		{"before the old one is closed", &cut{at: closing}},
		{"before the new one is opened", &cut{at: opening}},
		{"once the old one is closed and it was not told", &cut{at: closing, done: true}},
		{"once the new one is opened and it was not told", &cut{at: opening, done: true}},
	} {
		t.Run(moment.name, func(t *testing.T) {
			if err := both.fill(t.Context()); err != nil {
				t.Fatal(err)
			}
			for _, b := range l.blocks(t) {
				closed[fmt.Sprintf("initech-%d", b.Number)] = !b.Open()
			}
			armed.Store(moment.cut)
			defer armed.Store(nil)
			more := l.sell(t, fmt.Sprintf("moment-%d", i), each, func(int) {})
			armed.Store(nil)
			if made, err := moment.cut.made(); !made || err != nil {
				t.Fatalf("nobody was killed: %v", err)
			}
			sales = append(sales, more...)
			l.settled(t, sales)
			l.repeated(t, more)
		})
	}
	if blocks := l.blocks(t); len(blocks) < len(sales)/256 {
		t.Errorf("the book has %d blocks for %d checkouts", len(blocks), len(sales))
	}
}
