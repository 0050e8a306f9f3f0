// Copyright The license-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package seats

import (
	"context"
	"crypto/rand"
	"sync"
	"sync/atomic"
	"time"

	"github.com/go-logr/logr"
	"golang.org/x/time/rate"
	"k8s.io/utils/clock"
	"k8s.io/utils/lru"

	"github.com/license-operator/license-operator/api/v1alpha1"
)

// Options of Books.
type Options struct {
	Store Store
	Clock clock.Clock
	Log   logr.Logger
	// Now is the time to decide with; nil for Clock's.
	Now func() time.Time
	// Trusted says whether the clock may end checkouts; nil for always.
	Trusted func() bool
	// Writer is this replica's name in the blocks, which no other has; "" for a
	// random one.
	Writer string
	// MaxCheckouts is how many a book may have at once; 0 for no bound but
	// MaxBlocks.
	MaxCheckouts int
	// WriteRate is how many bytes a second all commits of this replica may write
	// in the long run; 0 for no bound.
	WriteRate int
}

// burst is how many bytes may be written beyond the rate for a while: what
// half a minute of it is, so that etcd's quota is nowhere near.
const burstSeconds = 30

// releasedRemembered is how many released ids a replica remembers beside what
// the blocks do.
const releasedRemembered = 1 << 16

// Books is this replica's copies of all books. It may be used by many
// goroutines at once.
type Books struct {
	store   Store
	clock   clock.Clock
	log     logr.Logger
	now     func() time.Time
	trusted func() bool
	writer  string
	max     int
	budget  *budget
	// ended are the beginnings of the ids released lately, in any block.
	ended *lru.Cache
	// ctx ends when the process does.
	ctx context.Context
	// crowded is when many operations last waited for one commit, in
	// nanoseconds since 1970.
	crowded atomic.Int64

	mu    sync.Mutex
	books map[Key]*book
}

// NewBooks returns empty books. What they have under way ends with ctx.
func NewBooks(ctx context.Context, o Options) *Books {
	trusted := o.Trusted
	if trusted == nil {
		trusted = func() bool { return true }
	}
	now := o.Now
	if now == nil {
		now = o.Clock.Now
	}
	writer := o.Writer
	if writer == "" {
		writer = rand.Text()
	}
	return &Books{store: o.Store, clock: o.Clock, log: o.Log, now: now, trusted: trusted, writer: writer, max: o.MaxCheckouts,
		budget: newBudget(o.WriteRate), ended: lru.New(releasedRemembered), ctx: ctx, books: map[Key]*book{}}
}

// book returns the copy of a book, and reads it first if there is none.
func (b *Books) book(ctx context.Context, key Key) (*book, error) {
	b.mu.Lock()
	bk, found := b.books[key]
	if !found {
		bk = &book{parent: b, key: key, slots: map[int32]*slot{}, rivals: map[string]*rival{}, index: newIndex(), viewTerm: -1, loading: make(chan struct{}), reading: make(chan struct{}, 1)}
		b.books[key] = bk // From here on what the watch shows is taken in.
		go bk.load()
	}
	b.mu.Unlock()
	select {
	case <-bk.loading:
	case <-ctx.Done():
		return nil, unavailable(ctx.Err())
	}
	if bk.failure != nil {
		return nil, unavailable(bk.failure)
	}
	return bk, nil
}

// load reads a book for the first time. One that can't be read is forgotten, so
// that the next request tries again.
func (bk *book) load() {
	defer close(bk.loading)
	ctx, cancel := context.WithTimeout(bk.parent.ctx, opTimeout)
	defer cancel()
	if bk.failure = bk.reload(ctx); bk.failure == nil {
		return
	}
	bk.parent.mu.Lock()
	defer bk.parent.mu.Unlock()
	delete(bk.parent.books, bk.key)
}

// Observe takes in what the watch shows of a block.
func (b *Books) Observe(l *v1alpha1.SeatLedger) {
	if bk := b.known(l); bk != nil {
		bk.observe(l)
	}
}

// Forget takes in that a block has been deleted.
func (b *Books) Forget(l *v1alpha1.SeatLedger) {
	if bk := b.known(l); bk != nil {
		bk.forget(l)
	}
}

func (b *Books) known(l *v1alpha1.SeatLedger) *book {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.books[Key{Namespace: l.Namespace, Name: l.Spec.SubscriptionRef.Name}]
}

// Reserve keeps free units for the queue: a request through the API gets only
// what the queue does not need.
func (b *Books) Reserve(ctx context.Context, key Key, units map[string]int64) error {
	bk, err := b.book(ctx, key)
	if err != nil {
		return err
	}
	bk.mu.Lock()
	defer bk.mu.Unlock()
	bk.reserved = units
	return nil
}

// remember keeps ids that have been released, so that a late duplicate is told
// from a new request.
func (b *Books) remember(ids []string) {
	for _, id := range ids {
		b.ended.Add(id[:ringPrefix], struct{}{})
	}
}

// budget paces commits by the bytes that they write: etcd keeps every version
// until it compacts, and stops the whole cluster when its quota is full.
type budget struct{ limit *rate.Limiter }

func newBudget(bytesPerSecond int) *budget {
	if bytesPerSecond == 0 {
		return &budget{rate.NewLimiter(rate.Inf, 0)}
	}
	return &budget{rate.NewLimiter(rate.Limit(bytesPerSecond), burstSeconds*bytesPerSecond)}
}

// delay spends the bytes of one write, and returns how long to wait until the
// next one.
func (b *budget) delay(now time.Time, size int) time.Duration {
	if b.limit.Limit() == rate.Inf {
		return 0
	}
	return b.limit.ReserveN(now, min(size, b.limit.Burst())).DelayFrom(now)
}
