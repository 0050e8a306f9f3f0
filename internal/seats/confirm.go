// Copyright The license-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package seats

import (
	"context"
	"time"

	"github.com/license-operator/license-operator/internal/sleep"
)

// A refusal is confirmed by a read of the whole book that all who wait for one
// share: one each readGap, and one in readShare of the time at most, or one each
// maxReadGap.
const (
	readGap    = 50 * time.Millisecond
	readShare  = 5
	maxReadGap = 2 * time.Second
)

// sharedRead is a read that begins after everybody has asked who waits for it.
type sharedRead struct {
	done chan struct{}
	err  error
	// unswept is why an entry whose time is over may still be there.
	unswept error
}

// confirm returns when this copy is at least as new as the moment of the call.
func (bk *book) confirm(ctx context.Context) error {
	_, err := bk.sweepAndConfirm(ctx)
	return err
}

// sweepAndConfirm returns when this copy is at least as new as the moment of the
// call, and has no entry whose time is over, unless it says why.
func (bk *book) sweepAndConfirm(ctx context.Context) (unswept, err error) {
	bk.mu.Lock()
	r := bk.next
	if r == nil {
		r = &sharedRead{done: make(chan struct{})}
		bk.next = r
		go bk.read(r)
	}
	bk.mu.Unlock()
	select {
	case <-r.done:
		return r.unswept, r.err
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

func (bk *book) read(r *sharedRead) {
	defer close(r.done)
	ctx, cancel := context.WithTimeout(bk.parent.ctx, opTimeout)
	defer cancel()
	clk := bk.parent.clock
	bk.mu.Lock()
	wait := min(max(readGap, readShare*bk.readTook), maxReadGap) - clk.Since(bk.readEnd)
	bk.mu.Unlock()
	r.err = sleep.For(ctx, clk, wait)
	bk.mu.Lock()
	bk.next = nil
	bk.mu.Unlock()
	if r.err != nil {
		return
	}
	start := clk.Now()
	r.err = bk.reload(ctx)
	bk.mu.Lock()
	bk.readEnd, bk.readTook = clk.Now(), clk.Since(start)
	bk.mu.Unlock()
	if r.err == nil {
		r.unswept = bk.sweepDue(ctx)
	}
}

// sweepDue ends what is over in the blocks that are known.
func (bk *book) sweepDue(ctx context.Context) (unswept error) {
	if !bk.parent.trusted() {
		return nil
	}
	now := bk.parent.now()
	var waiting []*op
	bk.mu.Lock()
	for _, s := range bk.slots {
		if s.current == nil {
			continue
		}
		if next := s.current.NextExpiration(); !next.IsZero() && !now.Before(next) {
			o := bk.parent.newOp(func(*draft) outcome { return done })
			bk.enqueue(s, o)
			waiting = append(waiting, o)
		}
	}
	bk.mu.Unlock()
	for _, o := range waiting {
		if err := o.wait(ctx); err != nil {
			unswept = err
		}
	}
	return unswept
}
