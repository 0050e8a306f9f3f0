// Copyright The license-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package seats_test

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/license-operator/license-operator/api/v1alpha1"
	"github.com/license-operator/license-operator/internal/seats"
)

// all lets so many clients do something at once and waits for them.
func all(count int, do func(client int)) {
	var wg sync.WaitGroup
	start := make(chan struct{})
	for i := range count {
		wg.Go(func() {
			<-start
			do(i)
		})
	}
	close(start)
	wg.Wait()
}

// rush lets clients, spread over both replicas, each ask for one seat at once.
// It returns what was granted; the others must have been refused for want of
// seats.
func (l *licence) rush(t *testing.T, clients int, name string) []*grant {
	t.Helper()
	var mu sync.Mutex
	var granted []*grant
	all(clients, func(i int) {
		g, code, err := l.checkout(t.Context(), both.at(i), fmt.Sprintf("%s-%d", name, i))
		mu.Lock()
		defer mu.Unlock()
		if g != nil {
			granted = append(granted, g)
		} else if code != noEntitlements || err != nil {
			t.Errorf("client %d is answered %q %v", i, code, err)
		}
	})
	return granted
}

func TestFiftySeatsGoToFiftyOfTwoHundredAndFiftySix(t *testing.T) {
	const clients, total = 256, 50
	first, second := both.whole(t)
	l := newVendor(t, 60).licence(t, "initech", total, first, second)

	granted := l.rush(t, clients, "race")
	if len(granted) != total {
		t.Fatalf("%d checkouts were granted, want %d", len(granted), total)
	}
	l.holds(t, granted)
	t.Run("and the API server refuses one that is written by hand", func(t *testing.T) { l.oversell(t) })

	// Each comes back through the replica that may not have given it.
	all(total, func(i int) {
		code, err := l.checkIn(t.Context(), both.at(i), granted[i])
		expect(t, "the check-in", "", code, err)
	})
	if held := l.entries(t); len(held) > 0 {
		t.Errorf("the book holds %d checkouts, want none", len(held))
	}
	granted = l.rush(t, total, "again")
	if len(granted) != total {
		t.Errorf("%d checkouts were granted of seats that were all free, want %d", len(granted), total)
	}
	l.holds(t, granted)
}

// oversell tries to give a seat too many in a book that is full, as an admin
// could who makes a mistake.
func (l *licence) oversell(t *testing.T) {
	ledger := &v1alpha1.SeatLedger{}
	key := client.ObjectKey{Namespace: l.Namespace, Name: seats.BlockName(l.customer, 0)}
	// The operator may write too, of objects that it has made.
	for range 100 {
		if err := cluster.Client.Get(t.Context(), key, ledger); err != nil {
			t.Fatal(err)
		}
		ledger.Spec.Sequence++
		ledger.Spec.Pools[0].Used++
		err := cluster.Client.Update(t.Context(), ledger)
		if apierrors.IsConflict(err) {
			continue
		}
		if !apierrors.IsInvalid(err) || !strings.Contains(err.Error(), "a seat would be sold twice") {
			t.Errorf("a seat too many is answered %v", err)
		}
		return
	}
	t.Error("the book never came to rest")
}

// visitors take seats and give them back, turn after turn.
type visitors struct {
	*licence
	name string
	// start is the beginning of the history, hold how long a seat is held.
	start time.Time
	hold  time.Duration

	mu sync.Mutex
	history
}

// turn is one client's: it takes a seat if there is one, holds it and gives it
// back. Every request must be answered.
func (v *visitors) turn(ctx context.Context, t *testing.T, place, client, turn int) bool {
	asked := time.Since(v.start)
	g, code, err := v.checkout(ctx, both.at(place), fmt.Sprintf("%s-%d-%d", v.name, client, turn))
	got := time.Since(v.start)
	switch {
	case err != nil || g == nil && code != noEntitlements:
		t.Errorf("client %d is answered %q %v", client, code, err)
		return false
	case g == nil:
		v.note(history{refusals: []refusal{{asked, got}}})
		return false
	}
	time.Sleep(v.hold)
	gave := time.Since(v.start)
	// The replica that is asked next may not have heard of it.
	code, err = v.checkIn(ctx, both.at(place+turn), g)
	expect(t, "the check-in", "", code, err)
	v.note(history{stays: []stay{{asked, got, gave, time.Since(v.start)}}})
	return true
}

func (v *visitors) note(h history) {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.add(h)
}

// proved holds the whole history against the number of seats.
func (v *visitors) proved(t *testing.T, total int) {
	t.Helper()
	t.Logf("%s: %d turns, %d refusals, at most %d seats held at once", v.name, len(v.stays), len(v.refusals), v.surely())
	if most := v.surely(); most > total {
		t.Errorf("%d seats of %d were held at once", most, total)
	}
	if wrong := v.wrongly(total); len(wrong) > 0 {
		t.Errorf("%d were refused while a seat was free, such as from %s to %s", len(wrong), wrong[0].asked, wrong[0].told)
	}
	if held := v.entries(t); len(held) > 0 {
		t.Errorf("the book holds %d checkouts of which all were given back", len(held))
	}
}

func TestSeatsInTurnsAreNeverTooManyAndNeverRefusedWhileOneIsFree(t *testing.T) {
	first, second := both.whole(t)
	v := newVendor(t, 60)
	for name, test := range map[string]struct {
		clients, total, turns int
		hold                  time.Duration
		// full says that at some time every seat is held beyond doubt, and somebody
		// is refused.
		full bool
	}{
		"a crowd":                         {clients: 256, total: 50, turns: 2, hold: 150 * time.Millisecond, full: true},
		"a few more than there are seats": {clients: 54, total: 50, turns: 4, hold: 5 * time.Millisecond},
		"as many as there are seats":      {clients: 50, total: 50, turns: 4},
		"four for two seats":              {clients: 4, total: 2, turns: 20, hold: time.Millisecond},
		"one for one seat":                {clients: 1, total: 1, turns: 60},
	} {
		t.Run(name, func(t *testing.T) {
			l := v.licence(t, strings.ReplaceAll(name, " ", "-"), int64(test.total), first, second)
			visitors := &visitors{licence: l, name: l.customer, start: time.Now(), hold: test.hold}
			all(test.clients, func(i int) {
				for n := range test.turns {
					visitors.turn(t.Context(), t, i, i, n)
				}
			})
			visitors.proved(t, test.total)
			if test.clients <= test.total && len(visitors.refusals) > 0 {
				t.Errorf("%d were refused though there was a seat for each", len(visitors.refusals))
			}
			if len(visitors.stays) == 0 || test.full && (len(visitors.refusals) == 0 || visitors.surely() < test.total) {
				t.Error("there was no crowd, so nothing is proved")
			}
		})
	}
}
