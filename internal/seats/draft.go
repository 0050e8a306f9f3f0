// Copyright The license-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package seats

import (
	"slices"
	"time"

	"github.com/license-operator/license-operator/api/v1alpha1"
)

// outcome is what a draft says to one operation. It counts only once the draft
// has been committed, or was not changed at all.
type outcome int

const (
	// done: it holds in this version.
	done outcome = iota
	// absent: the block does not hold the entry.
	absent
	// mismatched: the id is taken by a request with other parameters.
	mismatched
	// ended: the id's checkout is over.
	ended
	// short: too few units are free.
	short
	// full: the block has no room for another entry.
	full
	// closed: the block is not open.
	closed
	// frozen: the book is older than a token that it gave.
	frozen
	// crowded: the book has as many checkouts as it may.
	crowded
	// behind: the book is not known up to this block's term.
	behind
	// over: the checkout would have ended before it began.
	over
)

// draft is the next version of a block in the making. It is pure: the same
// operations on the same block at the same time give the same version.
type draft struct {
	*Block
	now time.Time
	// elsewhere is how many units of each pool the other blocks hold, at least:
	// never less than they do.
	elsewhere map[string]int64
	// reserved units are kept for the queue.
	reserved map[string]int64
	// expiring says that the clock can be trusted to end checkouts.
	expiring bool
	changed  bool
	// granted counts the entries that came; a version that grants can't close
	// the block as well, for the API server holds a closed one to giving nothing.
	granted int
	// gone are the ids of the entries that left and that the API gave.
	gone []string
	// room, if bounded, is how many entries the block may have for the book to
	// have no more than it may.
	bounded bool
	room    int
	// viewTerm is the term up to which the book is known completely.
	viewTerm int64
	// opened is how the draft has opened the block, nil if it has not.
	opened *opening
	// bulk bounds the bytes of the entries.
	bulk int
	// limit is how many entries there may be.
	limit int
}

// newDraft starts from a committed version, or from a new block. Time never
// runs backwards: what a version was decided at, the next one is not before.
func newDraft(base *Block, now time.Time, elsewhere, reserved map[string]int64, expiring bool) *draft {
	now = now.UTC().Truncate(time.Microsecond)
	if base.HighWater.After(now) {
		now = base.HighWater
	}
	d := &draft{Block: base.clone(), now: now, elsewhere: elsewhere, reserved: reserved, expiring: expiring, limit: maxEntries}
	for i := range d.Pools {
		d.Pools[i].Used = d.held(d.Pools[i].Name)
	}
	d.bulk = base.bulk()
	d.expire()
	return d
}

// expire removes what is over.
func (d *draft) expire() {
	if !d.expiring {
		return
	}
	d.remove(func(e *Entry) bool { return e.expired(d.now) })
}

// remove takes entries away. What came through the API is remembered for a
// while; an object may ask again under its id.
func (d *draft) remove(which func(*Entry) bool) {
	kept := d.Entries[:0]
	for _, e := range d.Entries {
		if !which(e) {
			kept = append(kept, e)
			continue
		}
		delete(d.byID, e.ID)
		d.count(e.Items, -1)
		d.bulk -= e.bulk()
		if e.Object == "" {
			d.Released = append(d.Released, e.ID[:ringPrefix])
			d.gone = append(d.gone, e.ID)
		}
		d.changed = true
	}
	clear(d.Entries[len(kept):])
	d.Entries = kept
	if over := len(d.Released) - ringSize; over > 0 {
		d.Released = d.Released[over:]
	}
}

// pool finds a pool, nil if the block has none of the name.
func (d *draft) pool(name string) *v1alpha1.SeatPool {
	for i := range d.Pools {
		if d.Pools[i].Name == name {
			return &d.Pools[i]
		}
	}
	return nil
}

// free is how many units of a pool may still be granted here.
func (d *draft) free(p *v1alpha1.SeatPool) int64 {
	return p.Total - d.elsewhere[p.Name] - p.Used
}

// count keeps the sums of a draft; finish makes them anew.
func (d *draft) count(items []Item, sign int64) {
	for _, item := range items {
		if p := d.pool(item.Name); p != nil {
			p.Used += sign * item.Quantity
		}
	}
}

// held is the sum of the entries, which is what is in use: never a counter.
func (d *draft) held(pool string) (sum int64) {
	for _, e := range d.Entries {
		for _, item := range e.Items {
			if item.Quantity > 0 && item.Name == pool {
				sum += item.Quantity
			}
		}
	}
	return sum
}

// grant enters a checkout.
func (d *draft) grant(r *Request, pools []Pool) (Grant, outcome) {
	if e := d.Get(r.ID); e != nil {
		if e.Digest != r.Digest {
			return Grant{}, mismatched
		}
		return e.Grant, done
	}
	switch {
	case !d.Open():
		return Grant{}, closed
	case d.Term > d.viewTerm:
		return Grant{}, behind
	case !d.Frozen.IsZero():
		return Grant{}, frozen
	case r.Object == "" && slices.Contains(d.Released, r.ID[:ringPrefix]):
		return Grant{}, ended
	case d.bounded && len(d.Entries) >= d.room:
		return Grant{}, crowded
	case d.full(r.bulk()):
		return Grant{}, full
	}
	d.learn(pools)
	for i, item := range r.Items {
		if item.Quantity == 0 {
			continue
		}
		wanted := item.Quantity
		for _, other := range r.Items[:i] {
			if other.Name == item.Name {
				wanted += other.Quantity
			}
		}
		p := d.pool(item.Name)
		if p == nil {
			return Grant{}, short
		}
		kept := int64(0)
		if r.Object == "" {
			kept = d.reserved[item.Name]
		}
		if p.Overage != v1alpha1.Allowed && d.free(p)-kept < wanted {
			return Grant{}, short
		}
	}
	g := Grant{ID: r.ID, Block: d.Number, Sequence: d.next(), Type: r.Type, Items: r.Items,
		IssueTime: d.now.Truncate(time.Second), Caller: r.Caller, NodeID: r.NodeID, Object: r.Object, Holder: r.Holder,
		Projected: r.Object != ""}
	if r.Type != v1alpha1.CheckoutPerpetual {
		if g.ExpirationTime = expiration(g.IssueTime, r.Lifetime, r.NotAfter); !g.ExpirationTime.After(g.IssueTime) {
			return Grant{}, over
		}
	}
	e := &Entry{Grant: g, Digest: r.Digest}
	d.Entries, d.byID[r.ID], d.changed = append(d.Entries, e), e, true
	d.granted++
	d.bulk += e.bulk()
	d.count(r.Items, 1)
	return g, done
}

func expiration(from time.Time, lifetime time.Duration, notAfter time.Time) time.Time {
	at := from.Add(lifetime)
	if !notAfter.IsZero() && at.After(notAfter) {
		at = notAfter
	}
	return at.UTC().Truncate(time.Second)
}

// grantSearched enters a checkout whose id was searched for up to a term. A block
// that was opened for a later one follows blocks that may hold the id.
func (d *draft) grantSearched(r *Request, pools []Pool, upTo int64) (Grant, outcome) {
	if d.Term > upTo && d.Term <= d.viewTerm && d.Get(r.ID) == nil {
		return Grant{}, closed
	}
	return d.grant(r, pools)
}

// full says whether the block has no room for an entry of a bulk.
func (d *draft) full(more int) bool {
	return len(d.Entries) >= d.limit || len(d.Entries) > 0 && d.bulk+more > maxBulk
}

// release removes an entry.
func (d *draft) release(id string) outcome {
	if d.Get(id) == nil {
		return absent
	}
	d.remove(func(e *Entry) bool { return e.ID == id })
	return done
}

// extend moves an entry's expiration, never back and only while it is there:
// what is over has left the draft already, unless the time is in doubt.
func (d *draft) extend(id string, lifetime time.Duration, notAfter time.Time) (Grant, outcome) {
	e := d.Get(id)
	if e == nil {
		return Grant{}, absent
	}
	at := expiration(d.now.Truncate(time.Second), lifetime, notAfter)
	if e.ExpirationTime.IsZero() || !at.After(e.ExpirationTime) {
		return e.Grant, done
	}
	d.change(id, func(e *Entry) { e.ExpirationTime = at })
	return d.Get(id).Grant, done
}

// mark notes that LicenseCheckouts have been made.
func (d *draft) mark(ids []string) {
	for _, id := range ids {
		if e := d.Get(id); e != nil && !e.Projected {
			d.change(id, func(e *Entry) { e.Projected = true })
		}
	}
}

// change replaces an entry, which is shared with the version before.
func (d *draft) change(id string, edit func(*Entry)) {
	at := slices.IndexFunc(d.Entries, func(e *Entry) bool { return e.ID == id })
	next := *d.Entries[at]
	edit(&next)
	d.Entries[at], d.byID[id], d.changed = &next, &next, true
}

// renew removes the Perpetual entries of the periods before.
func (d *draft) renew(before time.Time) {
	d.remove(func(e *Entry) bool { return e.Type == v1alpha1.CheckoutPerpetual && e.IssueTime.Before(before) })
}

func (d *draft) next() int64 {
	if d.Sequence == 0 {
		return d.now.UnixMilli()
	}
	return d.Sequence + 1
}
