// Copyright The license-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package seats

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/license-operator/license-operator/api/v1alpha1"
	"github.com/license-operator/license-operator/internal/fault"
	"github.com/license-operator/license-operator/internal/metrics"
	"github.com/license-operator/license-operator/internal/sleep"
)

const (
	// opTimeout is how long an operation may take until its caller is told to
	// try again.
	opTimeout = 20 * time.Second
	// commitTimeout is how long one write may take until it counts as unknown.
	commitTimeout = 5 * time.Second
	// maxPending bounds the operations that wait for one block.
	maxPending = 8192
	// commitGap is how far apart commits of one block begin while several
	// operations come with each: those that were just answered come back within
	// it, and make the next one larger.
	commitGap = 4 * time.Millisecond
	// firstPause and lastPause are between the tries to reach the API server.
	firstPause = 50 * time.Millisecond
	lastPause  = 2 * time.Second
	// maxConflicts is how often in a row others may come first without a pause.
	maxConflicts = 8
)

// op is one operation on a block. Its step may be taken several times, on
// newer and newer versions; the last time counts.
type op struct {
	step     func(*draft) outcome
	deadline time.Time
	// opening, unless its term is 0, is taken before the step.
	opening opening
	// closing is a step that must not share a version with grants before it: it
	// closes the block, or lowers what the block may give.
	closing bool
	// tried says that a commit with this operation may have happened.
	tried bool
	// committed says that a commit has confirmed the result. Else it is what
	// this replica's copy says, which may be old.
	committed bool

	// overtaken says that the version which it was in was not committed at once.
	overtaken bool

	result outcome
	err    error
	ended  chan struct{}
}

// opening is how a block is opened after another, or as the first for term 1.
type opening struct {
	term int64
	// after is the block that was open before.
	after  int32
	pools  []v1alpha1.SeatPool
	frozen time.Time
}

// wait returns when the operation has ended. An error means that it is not
// known whether it has happened, or that it has not.
func (o *op) wait(ctx context.Context) error {
	select {
	case <-o.ended:
		return o.err
	case <-ctx.Done():
		return unavailable(ctx.Err())
	}
}

func unavailable(err error) error {
	return fault.Wrap(err, fault.Unavailable, "The book of seats can't be read or committed now. Try again with the same ClientToken.")
}

func (b *Books) newOp(step func(*draft) outcome) *op {
	return &op{step: step, deadline: b.clock.Now().Add(opTimeout), ended: make(chan struct{})}
}

func (o *op) end(err error) {
	o.err = err
	close(o.ended)
}

// do runs an operation on a block.
func (bk *book) do(ctx context.Context, number int32, o *op) (outcome, error) {
	bk.mu.Lock()
	bk.enqueue(bk.slot(number), o)
	bk.mu.Unlock()
	if err := o.wait(ctx); err != nil {
		return 0, err
	}
	return o.result, nil
}

// enqueue leaves an operation to the block's committer, of which one runs at a
// time. The lock is held.
func (bk *book) enqueue(s *slot, o *op) {
	if len(s.pending) >= maxPending {
		o.end(fault.New(fault.Throttled, "Too many requests for seats of one Subscription. Try again later."))
		return
	}
	s.pending = append(s.pending, o)
	if !s.running {
		s.running = true
		go bk.run(s)
	}
}

// run commits what is pending, everything that came while the last commit was
// under way at once, until nothing is.
func (bk *book) run(s *slot) {
	ctx := bk.parent.ctx
	var again []*op
	pause, failures := firstPause, 0
	for {
		bk.pace(ctx, s, again)
		bk.mu.Lock()
		ops := slices.Concat(again, s.pending)
		s.pending = nil
		if len(ops) == 0 {
			s.running = false
			bk.mu.Unlock()
			return
		}
		d := bk.draft(s)
		d.limit = bk.limit(len(ops))
		bk.mu.Unlock()
		bk.parent.note(len(ops))

		ops, deferred := d.take(ops)
		again = deferred
		if !d.changed {
			finish(ops, nil)
			continue
		}
		result, err := bk.commit(ctx, s, d, len(ops))
		failures++
		if result != Committed {
			for _, o := range ops {
				o.overtaken = true
			}
		}
		switch result {
		case Committed:
			for _, o := range ops {
				o.committed = true
			}
			finish(ops, nil)
			pause, failures = firstPause, 0
			continue
		case Refused:
			bk.parent.log.Error(err, "The API server refuses a version of a block", "namespace", bk.key.Namespace, "subscription", bk.key.Name, "block", s.number)
			finish(ops, unavailable(err))
			continue
		case Unknown:
			for _, o := range ops {
				o.tried = true
			}
		}
		// The operations are taken again, on what is there now: whoever's entry
		// is there already finds it.
		again = append(ops, again...)
		failure := bk.reread(ctx, s.number)
		if failure != nil || result == Unknown || failures > maxConflicts {
			_ = sleep.For(ctx, bk.parent.clock, pause) // A process that ends drops everything at once.
			pause = min(2*pause, lastPause)
		}
		if failure != nil {
			err = failure
		}
		again = bk.parent.drop(again, err)
	}
}

// reread reads a block after a commit that failed, for so long as the commit
// itself might take.
func (bk *book) reread(ctx context.Context, number int32) error {
	ctx, cancel := context.WithTimeout(ctx, commitTimeout)
	defer cancel()
	_, err := bk.readBlock(ctx, number)
	return err
}

// pace waits until the block's next commit may begin.
func (bk *book) pace(ctx context.Context, s *slot, again []*op) {
	opens := func(o *op) bool { return o.opening.term != 0 }
	bk.mu.Lock()
	wait := s.notBefore.Sub(bk.parent.clock.Now())
	wanted := s.current == nil || s.current.Open() || slices.ContainsFunc(again, opens) || slices.ContainsFunc(s.pending, opens)
	bk.mu.Unlock()
	_ = sleep.For(ctx, bk.parent.clock, wait)
	if wanted {
		bk.awaitTurn(ctx)
	}
}

// draft begins the block's next version. The lock is held.
func (bk *book) draft(s *slot) *draft {
	base := s.current
	if base == nil {
		base = newBlock(bk.key, s.number)
	}
	d := newDraft(base, bk.parent.now(), bk.elsewhere(s.number), bk.reserved, bk.parent.trusted())
	d.viewTerm = bk.viewTerm
	d.bounded, d.room = bk.parent.max > 0, bk.room(s)
	return d
}

// take takes the steps of operations. What must not be in this version comes
// back as deferred.
func (d *draft) take(ops []*op) (taken, deferred []*op) {
	taken = ops[:0:0]
	for _, o := range ops {
		if o.closing && d.granted > 0 {
			deferred = append(deferred, o)
			continue
		}
		taken = append(taken, o)
		if o.opening.term != 0 && d.open(o.opening) == behind {
			o.result = behind
			continue
		}
		o.result = o.step(d)
		if o.closing && d.Successor != nil && d.changed {
			deferred = append(deferred, ops[len(taken)+len(deferred):]...)
			break
		}
	}
	return taken, deferred
}

// commit writes a version.
func (bk *book) commit(ctx context.Context, s *slot, d *draft, ops int) (Result, error) {
	start := bk.parent.clock.Now()
	next := d.finish()
	next.Writer = bk.parent.writer
	l := next.Encode()
	size := sizeOf(l)
	ctx, cancel := context.WithTimeout(ctx, commitTimeout)
	defer cancel()
	if err := bk.stillClosed(ctx, s.number, d.opened); err != nil {
		return Conflict, err
	}
	saved, result, err := bk.parent.store.Commit(ctx, l)
	metrics.LedgerCommit(result.String(), ops, size, bk.parent.clock.Since(start))
	bk.mu.Lock()
	defer bk.mu.Unlock()
	s.notBefore = start.Add(bk.parent.budget.delay(start, size))
	if ops > 1 {
		s.notBefore = later(s.notBefore, start.Add(commitGap))
	}
	if result != Committed {
		return result, err
	}
	next.meta = saved.ObjectMeta
	next.meta.ManagedFields = nil
	bk.committed(s, d, next)
	if bk.newest == nil || next.Term >= bk.newest.Term {
		bk.batch = (3*bk.batch + ops + 3) / 4
		bk.yield(bk.parent.clock.Since(start))
	}
	bk.parent.remember(d.gone)
	return result, nil
}

// committed takes in a version that this replica has committed. The lock is
// held.
func (bk *book) committed(s *slot, d *draft, next *Block) {
	if c := s.current; c == nil || c.Sequence < next.Sequence {
		bk.set(s, next)
	}
	// A draft that was behind says nothing of the blocks before.
	if bk.viewTerm >= next.Term-1 && d.viewTerm >= next.Term {
		bk.viewTerm = max(bk.viewTerm, next.Term)
	}
}

// follows says whether a block is closed in favour of the one that is to be
// opened.
func (o *opening) follows(b *Block, number int32) bool {
	return b != nil && b.Term == o.term-1 && b.Successor != nil && *b.Successor == number
}

// stillClosed reads the block that was open before the one that is about to be
// opened. A new block compares with no version: if the book was deleted, or an
// old one restored, the copy may say that a block is closed that is open.
func (bk *book) stillClosed(ctx context.Context, number int32, o *opening) error {
	if o == nil || o.term == 1 {
		return nil
	}
	b, err := bk.readBlock(ctx, o.after)
	if err != nil {
		return err
	}
	if !o.follows(b, number) {
		return fmt.Errorf("block %d is not closed in favour of block %d", o.after, number)
	}
	return nil
}

func later(a, b time.Time) time.Time {
	if b.After(a) {
		return b
	}
	return a
}

// sizeOf is about how many bytes of etcd a version takes.
func sizeOf(l *v1alpha1.SeatLedger) int {
	const frame, pool = 900, 120
	return frame + pool*len(l.Spec.Pools) + len(l.Spec.Entries) + len(l.Spec.Released)
}

func finish(ops []*op, err error) {
	for _, o := range ops {
		o.end(err)
	}
}

// drop ends the operations whose time is over, or all if the process ends.
func (b *Books) drop(ops []*op, err error) []*op {
	now := b.clock.Now()
	kept := ops[:0]
	for _, o := range ops {
		if b.ctx.Err() != nil || now.After(o.deadline) {
			o.end(unavailable(err))
			continue
		}
		kept = append(kept, o)
	}
	return kept
}
