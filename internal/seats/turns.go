// Copyright The license-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package seats

import (
	"context"
	"time"
)

// Replicas that commit to the open block at once lose most races: each loss costs a
// write and a read, and whoever has just won is the first to try again. So they
// take turns. Each version says who wrote it, and a replica that has committed
// lets every other one that it saw lately commit once before its next version.
// This is for speed only. Whoever does not wait is refused by the API server.
const (
	// turnMemory is how long a replica counts that has committed.
	turnMemory = time.Second
	// turnPatience is how many times as long as its own commit took a replica
	// waits for each other one.
	turnPatience = 2
	// maxPatience bounds the whole wait.
	maxPatience = 250 * time.Millisecond
)

// turn is what a replica waits for before its next version of the open block.
type turn struct {
	// awaited are the replicas that may come first.
	awaited map[string]struct{}
	// until bounds the wait.
	until time.Time
	// over is closed when nobody is awaited any more.
	over chan struct{}
}

// seen notes who wrote a version of the block that was opened last. The lock is
// held.
func (bk *book) seen(b *Block) {
	if b == nil || b.Writer == "" || b.Writer == bk.parent.writer || bk.newest != nil && b.Term < bk.newest.Term {
		return
	}
	bk.writers[b.Writer] = bk.parent.clock.Now()
	if bk.turn == nil {
		return
	}
	delete(bk.turn.awaited, b.Writer)
	if len(bk.turn.awaited) == 0 {
		close(bk.turn.over)
		bk.turn = nil
	}
}

// yield lets the other replicas come first, after a commit of the block that was
// opened last, which took so long. The lock is held.
func (bk *book) yield(took time.Duration) {
	now := bk.parent.clock.Now()
	awaited := make(map[string]struct{}, len(bk.writers))
	for w, last := range bk.writers {
		if now.Sub(last) > turnMemory {
			delete(bk.writers, w)
			continue
		}
		awaited[w] = struct{}{}
	}
	bk.turn = nil
	if len(awaited) > 0 {
		patience := min(turnPatience*took*time.Duration(len(awaited)), maxPatience)
		bk.turn = &turn{awaited: awaited, until: now.Add(patience), over: make(chan struct{})}
	}
}

// awaitTurn waits until the others have come first, or have nothing to write.
func (bk *book) awaitTurn(ctx context.Context) {
	bk.mu.Lock()
	t := bk.turn
	bk.mu.Unlock()
	if t == nil {
		return
	}
	timer := bk.parent.clock.NewTimer(t.until.Sub(bk.parent.clock.Now()))
	defer timer.Stop()
	select {
	case <-t.over:
		return
	case <-ctx.Done():
		return
	case <-timer.C():
	}
	bk.mu.Lock()
	defer bk.mu.Unlock()
	if bk.turn == t {
		for w := range t.awaited {
			delete(bk.writers, w)
		}
		bk.turn = nil
	}
}
