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
	// turnMemory is after how long a replica that has not committed is forgotten.
	turnMemory = time.Second
	// turnPatience is how many times as long as its own commit took a replica
	// waits for each other one, which has to see the version, commit the next, and
	// be seen.
	turnPatience = 4
	// maxPatience bounds the whole wait.
	maxPatience = 250 * time.Millisecond
	// maxIgnored bounds how many rounds a replica is not waited for.
	maxIgnored = 16
)

// rival is another replica that commits to the open block.
type rival struct {
	// seen is when its last version came.
	seen time.Time
	// wrote says that it has committed since this replica has.
	wrote bool
	// vain is 0 if the last wait for it was not in vain, and more the more often
	// it was. ignored is in how many rounds it is not waited for: who commits now
	// and then only holds nobody up.
	vain, ignored int
}

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
	r := bk.rivals[b.Writer]
	if r == nil {
		r = &rival{}
		bk.rivals[b.Writer] = r
	}
	r.seen, r.wrote = bk.parent.clock.Now(), true
	if bk.turn == nil {
		return
	}
	if _, awaited := bk.turn.awaited[b.Writer]; awaited {
		r.vain = 0
		delete(bk.turn.awaited, b.Writer)
	}
	if len(bk.turn.awaited) == 0 {
		close(bk.turn.over)
		bk.turn = nil
	}
}

// yield lets the other replicas come first, after a commit of the block that was
// opened last, which took so long. The lock is held.
func (bk *book) yield(took time.Duration) {
	now := bk.parent.clock.Now()
	awaited := make(map[string]struct{}, len(bk.rivals))
	for writer, r := range bk.rivals {
		if now.Sub(r.seen) > turnMemory {
			delete(bk.rivals, writer)
			continue
		}
		if !r.wrote {
			continue
		}
		r.wrote = false
		if r.ignored > 0 {
			r.ignored--
			continue
		}
		awaited[writer] = struct{}{}
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
		for writer := range t.awaited {
			if r := bk.rivals[writer]; r != nil {
				r.ignored = min(2*r.vain, maxIgnored)
				r.vain = r.ignored + 1
			}
		}
		bk.turn = nil
	}
}
