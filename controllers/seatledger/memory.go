// Copyright The license-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package seatledger

import (
	"sync"
	"time"

	"k8s.io/apimachinery/pkg/types"
)

// What the controller remembers is of this process alone: a new leader finds
// everything out again.

const (
	subscriptionKind = "Subscription"
	blockKind        = "SeatLedger"
	// absenceForgotten is after how long an absence is forgotten that nobody has
	// seen again.
	absenceForgotten = 48 * time.Hour
)

type absentKey struct {
	kind string
	name types.NamespacedName
}

type absence struct{ since, seen time.Time }

// absences remembers since when something has been missing.
type absences struct {
	mu sync.Mutex
	m  map[absentKey]absence
}

func newAbsences() *absences { return &absences{m: map[absentKey]absence{}} }

// lost says that something is missing now, and returns since when it has been.
func (a *absences) lost(kind string, name types.NamespacedName, now time.Time) time.Time {
	a.mu.Lock()
	defer a.mu.Unlock()
	key := absentKey{kind, name}
	entry, known := a.m[key]
	if !known {
		entry.since = now
		for other, e := range a.m {
			if now.Sub(e.seen) > absenceForgotten {
				delete(a.m, other)
			}
		}
	}
	entry.seen = now
	a.m[key] = entry
	return entry.since
}

// since sets since when something has been missing.
func (a *absences) since(kind string, name types.NamespacedName, since, now time.Time) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.m[absentKey{kind, name}] = absence{since, now}
}

// found says that something is there, or that its absence no longer matters.
func (a *absences) found(kind string, name types.NamespacedName) {
	a.mu.Lock()
	defer a.mu.Unlock()
	delete(a.m, absentKey{kind, name})
}

// deletions tells the deletions of LicenseCheckouts by this process from those
// by users.
type deletions struct {
	mu      sync.Mutex
	own     map[types.UID]struct{}
	foreign map[types.NamespacedName]map[string]bool
}

func newDeletions() *deletions {
	return &deletions{own: map[types.UID]struct{}{}, foreign: map[types.NamespacedName]map[string]bool{}}
}

// expect says that this process is about to delete an object; cancel that it
// has not.
func (d *deletions) expect(uid types.UID) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.own[uid] = struct{}{}
}

func (d *deletions) cancel(uid types.UID) {
	d.mu.Lock()
	defer d.mu.Unlock()
	delete(d.own, uid)
}

// seen takes in that an object of a block is gone, and says whether this
// process has deleted it.
func (d *deletions) seen(block types.NamespacedName, name string, uid types.UID) (own bool) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if _, own = d.own[uid]; own {
		delete(d.own, uid)
		return true
	}
	if d.foreign[block] == nil {
		d.foreign[block] = map[string]bool{}
	}
	d.foreign[block][name] = true
	return false
}

// take returns and forgets the names of the objects of a block that others have
// deleted.
func (d *deletions) take(block types.NamespacedName) map[string]bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	names := d.foreign[block]
	delete(d.foreign, block)
	return names
}

// times remembers a time for each of some blocks.
type times struct {
	mu sync.Mutex
	m  map[types.NamespacedName]time.Time
}

func newTimes() *times { return &times{m: map[types.NamespacedName]time.Time{}} }

// set reports whether it is another time than before.
func (t *times) set(name types.NamespacedName, at time.Time) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	if before, known := t.m[name]; known && before.Equal(at) {
		return false
	}
	t.m[name] = at
	return true
}

// get is zero for a block without a time.
func (t *times) get(name types.NamespacedName) time.Time {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.m[name]
}

func (t *times) forget(name types.NamespacedName) {
	t.mu.Lock()
	defer t.mu.Unlock()
	delete(t.m, name)
}
