// Copyright The license-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package seats

import (
	"context"
	"slices"
	"time"

	"github.com/license-operator/license-operator/internal/fault"
)

var errCheckoutNotFound = fault.New(fault.CheckoutNotFound,
	"No checkout has this LicenseConsumptionToken, or it was checked in or has expired. Check out again.")

// locate finds the block that holds a grant: by this copy, and by the API
// server if the copy lacks it. An entry never moves to another block.
func (b *Books) locate(ctx context.Context, key Key, h Handle) (*book, *Entry, error) {
	bk, err := b.book(ctx, key)
	if err != nil {
		return nil, nil, err
	}
	if e, _ := bk.find(h.ID); e != nil {
		return bk, e, nil
	}
	if h.Block < 0 || h.Block >= MaxBlocks {
		return nil, nil, errCheckoutNotFound
	}
	fresh, err := bk.readBlock(ctx, h.Block)
	switch {
	case err != nil:
		return nil, nil, unavailable(err)
	case fresh == nil && !bk.misses(ctx, h):
		return nil, nil, errCheckoutNotFound
	case fresh == nil || fresh.Sequence < h.Sequence:
		b.log.Error(nil, "A token is ahead of the book: a backup was restored. Nothing is granted until the checkouts of before have ended",
			"namespace", key.Namespace, "subscription", key.Name, "block", h.Block, "tokenSequence", h.Sequence)
		if err := bk.freeze(ctx); err != nil {
			return nil, nil, err
		}
		return nil, nil, errCheckoutNotFound
	}
	if e := fresh.Get(h.ID); e != nil {
		return bk, e, nil
	}
	return nil, nil, errCheckoutNotFound
}

// misses says whether a block that is not there was in the book: a block's first
// sequence is the time, so it was, if the token's sequence is ahead of all
// blocks'. A book that was begun anew after the token is ahead of it.
func (bk *book) misses(ctx context.Context, h Handle) bool {
	if bk.confirm(ctx) != nil {
		return false
	}
	bk.mu.Lock()
	defer bk.mu.Unlock()
	var newest int64
	for _, s := range bk.slots {
		if s.current != nil {
			newest = max(newest, s.current.Sequence)
		}
	}
	return newest > 0 && newest < h.Sequence
}

func (bk *book) freeze(ctx context.Context) error {
	return bk.atHead(ctx, bk.parent.clock.Now(), false, (*draft).freeze)
}

// Find looks for an id in the books of several Subscriptions, each read anew:
// where a customer has more than one, a request that is repeated must not be
// granted by another.
func (b *Books) Find(ctx context.Context, keys []Key, id string) (key Key, g Grant, found bool, err error) {
	for _, key := range keys {
		bk, err := b.book(ctx, key)
		if err != nil {
			return Key{}, Grant{}, false, err
		}
		if err := bk.confirm(ctx); err != nil {
			return Key{}, Grant{}, false, unavailable(err)
		}
		if e, _ := bk.find(id); e != nil {
			return key, e.Grant, true, nil
		}
	}
	return Key{}, Grant{}, false, nil
}

// Lookup reads a grant that is held. The fault is CheckoutNotFound, or
// Unavailable.
func (b *Books) Lookup(ctx context.Context, key Key, h Handle) (Grant, error) {
	bk, e, err := b.locate(ctx, key, h)
	if err != nil {
		return Grant{}, err
	}
	if bk.parent.trusted() && e.expired(b.now()) {
		return Grant{}, errCheckoutNotFound
	}
	return e.Grant, nil
}

// CheckIn gives a grant back; its seats are free when CheckIn returns. The fault
// is CheckoutNotFound, also for the second time, or Unavailable.
func (b *Books) CheckIn(ctx context.Context, key Key, h Handle) error {
	bk, e, err := b.locate(ctx, key, h)
	if err != nil {
		return err
	}
	o := b.newOp(func(d *draft) outcome { return d.release(h.ID) })
	result, err := bk.do(ctx, e.Block, o)
	if err != nil {
		return err
	}
	if result == absent && !o.tried {
		return errCheckoutNotFound
	}
	return nil
}

// Extend moves a grant's expiration to lifetime from now, at most notAfter, and
// never back. It never revives one that is over. The fault is CheckoutNotFound,
// or Unavailable.
func (b *Books) Extend(ctx context.Context, key Key, h Handle, lifetime time.Duration, notAfter time.Time) (Grant, error) {
	bk, e, err := b.locate(ctx, key, h)
	if err != nil {
		return Grant{}, err
	}
	for confirmed := false; ; confirmed = true {
		var g Grant // The committer's until the operation has ended.
		o := b.newOp(func(d *draft) (result outcome) {
			g, result = d.extend(h.ID, lifetime, notAfter)
			return result
		})
		switch result, err := bk.do(ctx, e.Block, o); {
		case err != nil:
			return Grant{}, err
		case result == absent:
			return Grant{}, errCheckoutNotFound
		case o.committed || confirmed:
			return g, nil
		}
		// Nothing was to be done, by this copy, which may be old.
		if _, err := bk.readBlock(ctx, e.Block); err != nil {
			return Grant{}, unavailable(err)
		}
	}
}

// SetPools makes the book give what the Subscription has now. It takes effect
// with one commit, after which it returns.
func (b *Books) SetPools(ctx context.Context, key Key, pools []Pool) error {
	start := b.clock.Now()
	bk, err := b.book(ctx, key)
	if err != nil {
		return err
	}
	return bk.atHead(ctx, start, true, func(d *draft) outcome { return d.setPools(pools) })
}

// Upkeep is what there is to do in one block beside what callers ask for.
type Upkeep struct {
	// Release are the ids of entries whose holders have gone.
	Release []string
	// Extend are the ids of entries whose holders live: to Lifetime from now, at
	// most NotAfter.
	Extend   []string
	Lifetime time.Duration
	NotAfter time.Time
	// Projected are the ids of entries whose LicenseCheckouts have been made.
	Projected []string
	// RenewalStart, unless zero, ends Perpetual entries issued before it.
	RenewalStart time.Time
	// Thaw lets a frozen book grant again.
	Thaw bool
}

// Keep does the upkeep of a block, and ends what is over in it, in one commit,
// or in none if there is nothing to do.
func (b *Books) Keep(ctx context.Context, key Key, number int32, u Upkeep) error {
	bk, err := b.book(ctx, key)
	if err != nil {
		return err
	}
	_, err = bk.do(ctx, number, b.newOp(func(d *draft) outcome {
		if d.Sequence == 0 {
			return absent
		}
		if len(u.Release) > 0 {
			d.remove(func(e *Entry) bool { return slices.Contains(u.Release, e.ID) })
		}
		for _, id := range u.Extend {
			_, _ = d.extend(id, u.Lifetime, u.NotAfter)
		}
		d.mark(u.Projected)
		if !u.RenewalStart.IsZero() {
			d.renew(u.RenewalStart)
		}
		if u.Thaw {
			d.thaw()
		}
		return done
	}))
	return err
}

// Audit reads a book anew and holds it against the invariants.
func (b *Books) Audit(ctx context.Context, key Key) ([]Drift, error) {
	list, err := b.store.List(ctx, key)
	if err != nil {
		return nil, err
	}
	blocks := make([]*Block, 0, len(list))
	for _, l := range list {
		block, err := Decode(l)
		if err != nil {
			return []Drift{{Units: 1, What: err.Error()}}, nil
		}
		blocks = append(blocks, block)
	}
	return Check(blocks), nil
}

// Usage is how much of each pool is in use, by this replica's copy; nil if it
// has none.
func (b *Books) Usage(ctx context.Context, key Key) ([]Usage, error) {
	bk, err := b.book(ctx, key)
	if err != nil {
		return nil, err
	}
	bk.mu.Lock()
	defer bk.mu.Unlock()
	head := bk.head()
	if head == nil {
		return nil, nil
	}
	used := bk.elsewhere(head.Number)
	usage := make([]Usage, 0, len(head.Pools))
	for _, p := range head.Pools {
		usage = append(usage, Usage{Name: p.Name, Total: p.Total, Used: p.Used + used[p.Name]})
	}
	return usage, nil
}

// Blocks are the committed blocks of a book by this replica's copy, in the order
// of their numbers. Nobody may change them.
func (b *Books) Blocks(ctx context.Context, key Key) ([]*Block, error) {
	bk, err := b.book(ctx, key)
	if err != nil {
		return nil, err
	}
	bk.mu.Lock()
	defer bk.mu.Unlock()
	blocks := make([]*Block, 0, len(bk.slots))
	for _, s := range bk.slots {
		if s.current != nil {
			blocks = append(blocks, s.current)
		}
	}
	slices.SortFunc(blocks, func(x, y *Block) int { return int(x.Number - y.Number) })
	return blocks, nil
}
