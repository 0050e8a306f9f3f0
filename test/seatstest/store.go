// Copyright The license-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package seatstest

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/license-operator/license-operator/api/v1alpha1"
	"github.com/license-operator/license-operator/internal/seats"
)

// Store keeps blocks in memory. Its clients are seats.Stores.
type Store struct {
	t testing.TB
	// Unchecked turns the rules and the checks off, for benchmarks.
	Unchecked bool

	mu      sync.Mutex
	version int64
	blocks  map[types.NamespacedName]*v1alpha1.SeatLedger
	decoded map[types.NamespacedName]*seats.Block
	events  []event
	late    []*v1alpha1.SeatLedger
}

// event is a version as a watch shows it.
type event struct {
	ledger  *v1alpha1.SeatLedger
	deleted bool
	// version of the whole store: 1 for the first event.
	version int64
}

// New returns an empty store.
func New(t testing.TB) *Store {
	return &Store{t: t, blocks: map[types.NamespacedName]*v1alpha1.SeatLedger{}, decoded: map[types.NamespacedName]*seats.Block{}}
}

// put compares and swaps, holds the new version against the rules and makes it
// the newest. The lock is held.
func (s *Store) put(next *v1alpha1.SeatLedger) (*v1alpha1.SeatLedger, seats.Result, error) {
	name := types.NamespacedName{Namespace: next.Namespace, Name: next.Name}
	old := s.blocks[name]
	switch {
	case old == nil && next.ResourceVersion != "":
		return nil, seats.Conflict, fmt.Errorf("%s was deleted", name)
	case old != nil && next.ResourceVersion != old.ResourceVersion:
		return nil, seats.Conflict, fmt.Errorf("%s was at %q, not at %q", name, old.ResourceVersion, next.ResourceVersion)
	}
	if !s.Unchecked {
		if broken := Broken(old, next); len(broken) > 0 {
			s.t.Errorf("the API server would have refused %s: %s", name, strings.Join(broken, "; "))
			return nil, seats.Refused, fmt.Errorf("invalid: %s", strings.Join(broken, "; "))
		}
	}
	return s.commit(name, old, next), seats.Committed, nil
}

func (s *Store) commit(name types.NamespacedName, old, next *v1alpha1.SeatLedger) *v1alpha1.SeatLedger {
	s.version++
	saved := next.DeepCopy()
	saved.ResourceVersion = strconv.FormatInt(s.version, 10)
	saved.ManagedFields = []metav1.ManagedFieldsEntry{{Manager: "license-operator"}}
	if old == nil {
		saved.UID = types.UID(fmt.Sprintf("uid-%d", s.version))
	}
	s.blocks[name] = saved
	s.events = append(s.events, event{ledger: saved, version: s.version})
	if !s.Unchecked {
		s.check(name, saved)
	}
	return saved
}

// check holds the newest version against the one before it and all blocks of
// its book against the invariants.
func (s *Store) check(name types.NamespacedName, saved *v1alpha1.SeatLedger) {
	block, err := seats.Decode(saved)
	if err != nil {
		s.t.Errorf("a version was committed that nobody can read: %v", err)
		return
	}
	var drift []seats.Drift
	if before := s.decoded[name]; before != nil {
		drift = seats.CheckStep(before, block)
	}
	s.decoded[name] = block
	for _, d := range append(drift, seats.Check(s.decodedBook(block.Key))...) {
		s.t.Errorf("after version %d: drift of %d: %s", s.version, d.Units, d.What)
	}
}

// decodedBook are the blocks of a book in order. The lock is held.
func (s *Store) decodedBook(key seats.Key) []*seats.Block {
	var blocks []*seats.Block
	for _, b := range s.decoded {
		if b.Key == key {
			blocks = append(blocks, b)
		}
	}
	slices.SortFunc(blocks, func(x, y *seats.Block) int { return int(x.Number - y.Number) })
	return blocks
}

// Book are the blocks of a book in the order of their numbers.
func (s *Store) Book(key seats.Key) []*seats.Block {
	s.mu.Lock()
	defer s.mu.Unlock()
	var blocks []*seats.Block
	for _, l := range s.list(key) {
		b, err := seats.Decode(l)
		if err != nil {
			s.t.Errorf("read %s: %v", key, err)
			continue
		}
		blocks = append(blocks, b)
	}
	return blocks
}

// Held are the entries of a book by id.
func (s *Store) Held(key seats.Key) map[string]*seats.Entry {
	held := map[string]*seats.Entry{}
	for _, b := range s.Book(key) {
		for _, e := range b.Entries {
			held[e.ID] = e
		}
	}
	return held
}

// Version counts the changes of the whole store.
func (s *Store) Version() int64 {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.version
}

// Versions are all versions that were ever committed of one book, in the order
// of their commits.
func (s *Store) Versions(key seats.Key) []*v1alpha1.SeatLedger {
	s.mu.Lock()
	defer s.mu.Unlock()
	var all []*v1alpha1.SeatLedger
	for _, e := range s.events {
		if !e.deleted && keyOf(e.ledger) == key {
			all = append(all, e.ledger.DeepCopy())
		}
	}
	return all
}

// list are the newest versions of a book in the order of their numbers. The
// lock is held.
func (s *Store) list(key seats.Key) []*v1alpha1.SeatLedger {
	var found []*v1alpha1.SeatLedger
	for _, l := range s.blocks {
		if keyOf(l) == key {
			found = append(found, l)
		}
	}
	slices.SortFunc(found, func(x, y *v1alpha1.SeatLedger) int { return int(x.Spec.Block - y.Spec.Block) })
	return found
}

func keyOf(l *v1alpha1.SeatLedger) seats.Key {
	return seats.Key{Namespace: l.Namespace, Name: l.Spec.SubscriptionRef.Name}
}

// Put commits a version that a test made, by whatever it carries, without any
// rule: as somebody with too many rights would.
func (s *Store) Put(next *v1alpha1.SeatLedger) *v1alpha1.SeatLedger {
	s.mu.Lock()
	defer s.mu.Unlock()
	name := types.NamespacedName{Namespace: next.Namespace, Name: next.Name}
	unchecked := s.Unchecked
	s.Unchecked = true
	defer func() { s.Unchecked = unchecked }()
	saved := s.commit(name, s.blocks[name], next)
	if b, err := seats.Decode(saved); err == nil {
		s.decoded[name] = b
	}
	return saved.DeepCopy()
}

// Delete deletes all blocks of a book, in the order of their numbers.
func (s *Store) Delete(key seats.Key) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, l := range s.list(key) {
		s.remove(l)
	}
}

func (s *Store) remove(l *v1alpha1.SeatLedger) {
	name := types.NamespacedName{Namespace: l.Namespace, Name: l.Name}
	s.version++
	delete(s.blocks, name)
	delete(s.decoded, name)
	s.events = append(s.events, event{ledger: l, deleted: true, version: s.version})
}

// Restore brings back what the store held at a version, as the restore of a
// backup does. No watch shows it: the watches have to be listed again.
func (s *Store) Restore(version int64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.blocks, s.decoded = map[types.NamespacedName]*v1alpha1.SeatLedger{}, map[types.NamespacedName]*seats.Block{}
	for _, e := range s.events {
		if e.version > version {
			break
		}
		name := types.NamespacedName{Namespace: e.ledger.Namespace, Name: e.ledger.Name}
		if e.deleted {
			delete(s.blocks, name)
			continue
		}
		s.blocks[name] = e.ledger
	}
	for name, l := range s.blocks {
		b, err := seats.Decode(l)
		if err != nil {
			s.t.Errorf("restore: %v", err)
			continue
		}
		s.decoded[name] = b
	}
}
