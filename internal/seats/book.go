// Copyright The license-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package seats

import (
	"context"
	"maps"
	"sync"
	"time"

	"github.com/license-operator/license-operator/api/v1alpha1"
)

// book is this replica's copy of one Subscription's book.
type book struct {
	parent *Books
	key    Key
	// loading ends when the first read has; failure is why it failed.
	loading chan struct{}
	failure error

	mu    sync.Mutex
	slots map[int32]*slot
	index index
	// newest is the block that was opened last.
	newest *Block
	// viewTerm is the term up to which this copy is complete: every block that
	// was closed before that term began is known as it was then, or later. Seats
	// are granted in that term only, so that no grant of another replica is
	// overlooked. Below 0 nothing is known until the whole book is read.
	viewTerm int64
	// rewinds counts how often the book was found not to be the one that was
	// known: a block was deleted, or is older since a backup was restored.
	rewinds int
	// reserved units are kept for the queue.
	reserved map[string]int64
	// next is the read that those who wait now will share.
	next *sharedRead
	// rivals are the other replicas that have committed lately.
	rivals map[string]*rival
	// batch is how many operations came with each commit lately.
	batch int
	// turn is nil if this replica may write next.
	turn *turn
	// readEnd is when the last one ended, readTook how long it took.
	readEnd  time.Time
	readTook time.Duration
	// known is a moment at which the copy was no newer than it is now: when the
	// last read of the whole book began.
	known time.Time

	// reading holds a value while a list runs: one does at a time.
	reading chan struct{}
}

// slot is one block's place in a copy.
type slot struct {
	number int32
	// current is the newest committed version that is known; nil if there is no
	// such block.
	current *Block
	// changes counts the versions that current has had.
	changes int
	pending []*op
	running bool
	// notBefore paces the commits.
	notBefore time.Time
}

// set makes a version the newest that is known of a block, nil for none, and
// remembers what it says to have released lately. The lock is held.
func (bk *book) set(s *slot, b *Block) {
	if c := s.current; b != nil && (c == nil || c.Sequence != b.Sequence) { // Not the same, read once more.
		bk.seen(b)
	}
	if b != nil {
		last := ""
		if c := s.current; c != nil && len(c.Released) > 0 {
			last = c.Released[len(c.Released)-1]
		}
		for i := len(b.Released) - 1; i >= 0 && b.Released[i] != last; i-- {
			bk.parent.ended.Add(b.Released[i], struct{}{})
		}
	}
	old := s.current
	lost := bk.index.replace(s.number, old, b)
	s.current = b
	s.changes++
	for _, id := range lost {
		bk.findAgain(id)
	}
	if bk.newest == nil || b != nil && b.Term >= bk.newest.Term {
		bk.newest = b
	} else if bk.newest == old {
		bk.newest = nil
		for _, s := range bk.slots {
			if s.current != nil && (bk.newest == nil || s.current.Term > bk.newest.Term) {
				bk.newest = s.current
			}
		}
	}
}

// findAgain looks for an id that several blocks held in this copy.
func (bk *book) findAgain(id string) {
	delete(bk.index.at, id)
	for n, s := range bk.slots {
		if s.current != nil && s.current.Get(id) != nil {
			bk.index.at[id] = n
			return
		}
	}
	delete(bk.index.twice, id)
}

// slot returns a block's place. The lock is held.
func (bk *book) slot(number int32) *slot {
	s := bk.slots[number]
	if s == nil {
		s = &slot{number: number}
		bk.slots[number] = s
	}
	return s
}

// head is the block that was opened last; nil in an empty book. The lock is
// held.
func (bk *book) head() *Block { return bk.newest }

// find finds an entry and the block that holds it.
func (bk *book) find(id string) (*Entry, int32) {
	bk.mu.Lock()
	defer bk.mu.Unlock()
	if n, found := bk.index.at[id]; found {
		return bk.slots[n].current.Get(id), n
	}
	return nil, 0
}

// elsewhere is what the blocks but one hold of each pool. The lock is held.
func (bk *book) elsewhere(number int32) map[string]int64 {
	sums := maps.Clone(bk.index.used)
	if s := bk.slots[number]; s != nil && s.current != nil {
		for i := range s.current.Pools {
			sums[s.current.Pools[i].Name] -= s.current.Pools[i].Used
		}
	}
	return sums
}

// successor chooses the block to open after one: a closed one that is less than
// half full, or a new one; false if there may be no more. The lock is held.
func (bk *book) successor(of int32) (int32, bool) {
	best, last, limit := int32(-1), of, bk.limit(0)
	for n, s := range bk.slots {
		if s.current == nil || n == of {
			continue
		}
		last = max(last, n)
		if (best < 0 || n < best) && s.current.roomy(limit) {
			best = n
		}
	}
	if best >= 0 {
		return best, true
	}
	return last + 1, last+1 < MaxBlocks
}

// search looks for an id in all blocks. It returns the entry, or else the term
// up to which the id is granted in no block: only the block that is opened for
// that term may hold it, or one that is opened later.
func (bk *book) search(id string) (e *Entry, upTo int64) {
	bk.mu.Lock()
	defer bk.mu.Unlock()
	if n, found := bk.index.at[id]; found {
		return bk.slots[n].current.Get(id), 0
	}
	head := bk.head()
	if head == nil || head.Successor != nil && head.Term == bk.viewTerm {
		return nil, bk.viewTerm + 1
	}
	return nil, bk.viewTerm
}

// limit is how many entries the open block may hold when so many operations wait
// for its next version. The lock is held.
func (bk *book) limit(ops int) int {
	return min(max(calmEntries, entriesEach*max(bk.batch, ops)), maxEntries)
}

// doubt takes in that the book is not the one that was known. The lock is held.
func (bk *book) doubt() {
	bk.viewTerm = -1
	bk.rewinds++
}

// advance raises the view by each hand-over of which both sides are known. A
// watch that is listed anew shows blocks in any order, so that a block is known
// says nothing of those before it. b is the block that has just come; the lock
// is held.
func (bk *book) advance(b *Block) {
	if bk.viewTerm < 0 || b.Term != bk.viewTerm+1 && (b.Term != bk.viewTerm || b.Successor == nil) {
		return
	}
	terms := make(map[int64]*Block, len(bk.slots))
	for _, s := range bk.slots {
		if s.current != nil {
			terms[s.current.Term] = s.current
		}
	}
	for {
		last, next := terms[bk.viewTerm], terms[bk.viewTerm+1]
		if next == nil || bk.viewTerm > 0 && (last == nil || last.Successor == nil || *last.Successor != next.Number) {
			return
		}
		bk.viewTerm++
	}
}

// observe takes in a version that the watch has shown, unless it is known. The
// sequences of a book that is begun anew are greater than those of the one
// before, so the greater is the newer.
func (bk *book) observe(l *v1alpha1.SeatLedger) {
	bk.mu.Lock()
	defer bk.mu.Unlock()
	s := bk.slot(l.Spec.Block)
	if c := s.current; c != nil && c.Sequence >= l.Spec.Sequence {
		return
	}
	b, err := Decode(l)
	if err != nil {
		bk.parent.log.Error(err, "A block can't be read")
		return
	}
	bk.shown(s, b)
}

// shown takes in a version that is newer than the copy's. The lock is held.
func (bk *book) shown(s *slot, b *Block) {
	if c := s.current; c != nil && c.meta.UID != b.meta.UID {
		bk.doubt()
	}
	bk.set(s, b)
	bk.advance(b)
}

// forget takes in that a block has been deleted.
func (bk *book) forget(l *v1alpha1.SeatLedger) {
	bk.mu.Lock()
	defer bk.mu.Unlock()
	if s := bk.slots[l.Spec.Block]; s != nil && s.current != nil && s.current.meta.UID == l.UID {
		bk.set(s, nil)
		bk.doubt()
	}
}

// reload reads the whole book.
func (bk *book) reload(ctx context.Context) error {
	select {
	case bk.reading <- struct{}{}:
		defer func() { <-bk.reading }()
	case <-ctx.Done():
		return ctx.Err()
	}
	start := bk.parent.clock.Now()
	bk.mu.Lock()
	mark := bk.mark()
	known := make(map[string]*Block, len(bk.slots))
	for _, s := range bk.slots {
		if s.current != nil {
			known[s.current.meta.ResourceVersion] = s.current
		}
	}
	bk.mu.Unlock()
	list, err := bk.parent.store.List(ctx, bk.key)
	if err != nil {
		return err
	}
	fresh := make(map[int32]*Block, len(list))
	for _, l := range list {
		b := known[l.ResourceVersion]
		// After a restore of etcd the same number may be another version.
		if b == nil || b.meta.UID != l.UID || b.Sequence != l.Spec.Sequence {
			if b, err = Decode(l); err != nil {
				return err
			}
		}
		fresh[b.Number] = b
	}
	bk.mu.Lock()
	defer bk.mu.Unlock()
	bk.listed(fresh, mark)
	bk.known = start
	return nil
}

// mark is what a copy was when a read of the whole book began.
type mark struct {
	rewinds int
	changes map[int32]int
}

// mark notes what the copy is. The lock is held.
func (bk *book) mark() mark {
	m := mark{rewinds: bk.rewinds, changes: make(map[int32]int, len(bk.slots))}
	for n, s := range bk.slots {
		m.changes[n] = s.changes
	}
	return m
}

// listed takes in the whole book, which was read after a mark. The lock is held.
func (bk *book) listed(fresh map[int32]*Block, m mark) {
	newest, untouched := int64(0), true
	for n, b := range fresh {
		bk.slot(n)
		newest = max(newest, b.Term)
	}
	for n, s := range bk.slots {
		untouched = untouched && s.changes == m.changes[n]
		bk.accept(s, fresh[n], m.changes[n])
	}
	switch {
	case untouched: // The copy is what was read.
		bk.viewTerm = newest
	case bk.rewinds == m.rewinds:
		bk.viewTerm = max(bk.viewTerm, newest)
	}
}

// readBlock reads one block. What comes newer than the copy's view makes it
// read the whole book.
func (bk *book) readBlock(ctx context.Context, number int32) (*Block, error) {
	bk.mu.Lock()
	changes := bk.slot(number).changes
	bk.mu.Unlock()
	l, err := bk.parent.store.Read(ctx, bk.key, number)
	if err != nil {
		return nil, err
	}
	var b *Block
	if l != nil {
		if b, err = Decode(l); err != nil {
			return nil, err
		}
	}
	bk.mu.Lock()
	bk.accept(bk.slot(number), b, changes)
	behind := b != nil && b.Term > bk.viewTerm
	bk.mu.Unlock()
	if behind {
		err = bk.reload(ctx)
	}
	return b, err
}

// accept takes in what a read has shown. If the copy has not changed since the
// read began, that is the truth, even if it is older: a backup may have been
// restored. Else only a newer version is. The lock is held.
func (bk *book) accept(s *slot, b *Block, changes int) {
	c := s.current
	if c == b || s.changes != changes && (b == nil || c != nil && c.Sequence >= b.Sequence) {
		return
	}
	if c != nil && (b == nil || b.meta.UID != c.meta.UID || b.Sequence < c.Sequence) {
		bk.doubt()
	}
	bk.set(s, b)
}

// room is how many entries a block may have for the book to have no more than it
// may. The lock is held.
func (bk *book) room(s *slot) int {
	others := len(bk.index.at)
	if s.current != nil {
		others -= len(s.current.Entries)
	}
	return bk.parent.max - others
}
