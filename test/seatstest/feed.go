// Copyright The license-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package seatstest

import (
	"cmp"
	"context"
	"slices"
	"time"

	"k8s.io/apimachinery/pkg/types"

	"github.com/license-operator/license-operator/api/v1alpha1"
)

// Observer is what a watch tells, as *seats.Books.
type Observer interface {
	Observe(l *v1alpha1.SeatLedger)
	Forget(l *v1alpha1.SeatLedger)
}

// Feed is one watch of a Store: it shows all versions in the order of their
// commits, when the test says so. It must be used by one goroutine at a time.
type Feed struct {
	store *Store
	to    Observer
	// position counts the events that were shown.
	position int
	known    map[types.NamespacedName]*v1alpha1.SeatLedger
}

// Feed begins a watch at the present, of which it shows nothing.
func (s *Store) Feed(to Observer) *Feed {
	s.mu.Lock()
	defer s.mu.Unlock()
	f := &Feed{store: s, to: to, position: len(s.events), known: map[types.NamespacedName]*v1alpha1.SeatLedger{}}
	for name, l := range s.blocks {
		f.known[name] = l
	}
	return f
}

// Deliver shows the next events, at most n, and returns how many it did.
func (f *Feed) Deliver(n int) int {
	for i := range n {
		f.store.mu.Lock()
		if f.position == len(f.store.events) {
			f.store.mu.Unlock()
			return i
		}
		e := f.store.events[f.position]
		f.position++
		f.store.mu.Unlock()
		name := types.NamespacedName{Namespace: e.ledger.Namespace, Name: e.ledger.Name}
		if e.deleted {
			delete(f.known, name)
			f.to.Forget(e.ledger.DeepCopy())
			continue
		}
		f.known[name] = e.ledger
		f.to.Observe(e.ledger.DeepCopy())
	}
	return n
}

// All shows everything that there is.
func (f *Feed) All() { f.Deliver(int(^uint(0) >> 1)) }

// Lag counts the events that have not been shown.
func (f *Feed) Lag() int {
	f.store.mu.Lock()
	defer f.store.mu.Unlock()
	return len(f.store.events) - f.position
}

// Relist ends a watch that was cut and lists anew: the newest version of each
// block that has changed, in the order of their names and not of their commits,
// then what is gone. between, unless nil, is called before each.
func (f *Feed) Relist(between func()) {
	f.store.mu.Lock()
	var fresh []*v1alpha1.SeatLedger
	for name, l := range f.store.blocks {
		if f.known[name] != l {
			fresh = append(fresh, l)
		}
	}
	var gone []*v1alpha1.SeatLedger
	for name, l := range f.known {
		if f.store.blocks[name] == nil {
			gone = append(gone, l)
			delete(f.known, name)
		}
	}
	f.position = len(f.store.events)
	f.store.mu.Unlock()
	byName := func(x, y *v1alpha1.SeatLedger) int { return cmp.Compare(x.Name, y.Name) }
	slices.SortFunc(fresh, byName)
	slices.SortFunc(gone, byName)
	show := func(list []*v1alpha1.SeatLedger, to func(*v1alpha1.SeatLedger)) {
		for _, l := range list {
			if between != nil {
				between()
			}
			to(l.DeepCopy())
		}
	}
	for _, l := range fresh {
		f.known[types.NamespacedName{Namespace: l.Namespace, Name: l.Name}] = l
	}
	show(fresh, f.to.Observe)
	show(gone, f.to.Forget)
}

// Follow shows everything, each a while after its commit, until ctx ends. It
// looks for news once per lag, or per millisecond.
func (f *Feed) Follow(ctx context.Context, lag time.Duration) {
	lag = max(lag, time.Millisecond)
	for {
		f.store.mu.Lock()
		upTo := len(f.store.events)
		f.store.mu.Unlock()
		if pause(ctx, lag) != nil {
			return
		}
		f.Deliver(upTo - f.position)
	}
}
