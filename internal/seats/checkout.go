// Copyright The license-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package seats

import (
	"context"
	"time"

	"github.com/license-operator/license-operator/internal/fault"
)

// maxRounds bounds how often a request moves on to another block, or is tried
// again after a read.
const maxRounds = 64

// Checkout grants a request, or answers the grant of an earlier one with the
// same ID and Digest again. pools are all counted entitlements of the
// Subscription; what the book knows already goes by SetPools.
//
// The grant has been committed when Checkout returns. A refusal has been
// confirmed by a read that began after the call. Faults: NoCapacity;
// InvalidParameter that names ClientToken if the ID was used with another
// Digest, or for a checkout that has ended; Unavailable, and then it is not
// known whether it was granted: the same request finds out.
func (b *Books) Checkout(ctx context.Context, key Key, pools []Pool, r Request) (Grant, error) {
	if err := r.check(); err != nil {
		return Grant{}, err
	}
	bk, err := b.book(ctx, key)
	if err != nil {
		return Grant{}, err
	}
	confirmed := false
	var unswept error
	for range maxRounds {
		if e, upTo := bk.search(r.ID); e != nil {
			if confirmed {
				return bk.again(e, &r)
			}
		} else {
			if _, over := b.ended.Get(r.ID[:ringPrefix]); over && r.Object == "" {
				return Grant{}, faultOf(ended)
			}
			g, o, err := bk.grant(ctx, pools, &r, upTo)
			if err != nil {
				return Grant{}, err
			}
			switch o.verdict(confirmed) {
			case answer:
				return g, nil
			case refuse:
				if (o.result == short || o.result == crowded) && unswept != nil {
					return Grant{}, unswept // There may be room, once that can be written.
				}
				return Grant{}, faultOf(o.result)
			case searchAgain:
				continue
			case makeRoom:
				if err := bk.close(ctx, r.bulk()); err != nil {
					return Grant{}, err
				}
				continue
			}
		}
		if unswept, err = bk.sweepAndConfirm(ctx); err != nil {
			return Grant{}, unavailable(err)
		}
		confirmed = true
	}
	return Grant{}, fault.New(fault.Unavailable, "The book of seats changes too fast. Try again with the same ClientToken.")
}

// verdict is what becomes of a checkout after its turn at a block.
type verdict int

const (
	answer verdict = iota
	refuse
	// searchAgain: another block has been opened.
	searchAgain
	// makeRoom: the block has to be closed.
	makeRoom
	// confirmFirst: this replica's copy may be old.
	confirmFirst
)

// verdict says what becomes of a checkout; confirmed, that the copy has been
// read since the call.
func (o *op) verdict(confirmed bool) verdict {
	switch o.result {
	case closed:
		return searchAgain
	case full:
		return makeRoom
	case behind:
		return confirmFirst
	case done:
		if confirmed || o.committed {
			return answer
		}
		return confirmFirst
	case short, frozen, crowded:
		// A commit confirms this block, and none of the others. Nor does a read
		// from before a commit that another replica's came before.
		if !confirmed || o.overtaken {
			return confirmFirst
		}
	}
	return refuse
}

// again answers an entry that is there.
func (bk *book) again(e *Entry, r *Request) (Grant, error) {
	switch {
	case e.Digest != r.Digest:
		return Grant{}, faultOf(mismatched)
	case bk.parent.trusted() && e.expired(bk.parent.now()):
		return Grant{}, faultOf(ended)
	}
	return e.Grant, nil
}

func faultOf(o outcome) error {
	switch o {
	case mismatched:
		return fault.New(fault.InvalidParameter, "ClientToken was used for a checkout with other parameters. Use another ClientToken.")
	case ended:
		return fault.New(fault.InvalidParameter, "ClientToken was used for a checkout that has ended. Use another ClientToken.")
	case over:
		return fault.New(fault.NotEntitled, "The licence ends before this checkout would begin.")
	case crowded:
		return fault.New(fault.NoCapacity, "No Entitlements Allowed: the licence has as many checkouts as are possible. "+
			"Try again when some have been checked in or have expired.")
	case frozen:
		return fault.New(fault.Unavailable, "The book of seats is older than a checkout that it gave: a backup was restored. "+
			"Nothing is granted until all checkouts of before have ended.")
	default:
		return fault.New(fault.NoCapacity, "No Entitlements Allowed: all units are in use or wait for others in the queue. "+
			"Try again when a checkout has been checked in or has expired.")
	}
}

// grant submits a request to the block that is open, and opens one if none is.
// The id has been searched for up to a term; what is opened later is searched
// first.
func (bk *book) grant(ctx context.Context, pools []Pool, r *Request, upTo int64) (Grant, *op, error) {
	var g Grant // The committer's until the operation has ended.
	o := bk.parent.newOp(func(d *draft) (result outcome) {
		g, result = d.grantSearched(r, pools, upTo)
		return result
	})
	bk.toHead(o)
	if err := o.wait(ctx); err != nil {
		return Grant{}, nil, err
	}
	return g, o, nil
}

// atHead takes a step at the block that is open. It returns once the step has
// been committed, or a read that began after the call has shown that there is
// nothing to do.
func (bk *book) atHead(ctx context.Context, start time.Time, closing bool, step func(*draft) outcome) error {
	for range maxRounds {
		o := bk.parent.newOp(step)
		o.closing = closing
		bk.toHead(o)
		if err := o.wait(ctx); err != nil {
			return err
		}
		switch {
		case o.result == done && (o.committed || bk.knownSince(start)):
			return nil
		case o.result == closed:
			continue
		}
		if err := bk.confirm(ctx); err != nil {
			return unavailable(err)
		}
	}
	return fault.New(fault.Unavailable, "The book of seats changes too fast.")
}

// knownSince says whether the copy is newer than a moment.
func (bk *book) knownSince(start time.Time) bool {
	bk.mu.Lock()
	defer bk.mu.Unlock()
	return bk.known.After(start)
}

// toHead enqueues an operation at the block that is open.
func (bk *book) toHead(o *op) {
	bk.mu.Lock()
	defer bk.mu.Unlock()
	var number int32
	number, o.opening = bk.target()
	bk.enqueue(bk.slot(number), o)
}

// target is the block that is open, or that has to be opened. The lock is held.
func (bk *book) target() (int32, opening) {
	head := bk.head()
	switch {
	case head == nil:
		return 0, opening{term: 1}
	case head.Successor != nil:
		return *head.Successor, opening{term: head.Term + 1, after: head.Number, pools: head.Pools, frozen: head.Frozen}
	default:
		return head.Number, opening{}
	}
}

// close closes the block that is open if it is full for an entry of a bulk.
func (bk *book) close(ctx context.Context, more int) error {
	bk.mu.Lock()
	head := bk.head()
	if head == nil || head.Successor != nil {
		bk.mu.Unlock()
		return nil
	}
	next, possible := bk.successor(head.Number)
	if !possible {
		bk.mu.Unlock()
		return fault.New(fault.Unavailable, "The book of seats has no room for more checkouts.")
	}
	o := bk.parent.newOp(func(d *draft) outcome { return d.closeIfFull(more, next) })
	o.closing = true
	bk.enqueue(bk.slot(head.Number), o)
	bk.mu.Unlock()
	return o.wait(ctx)
}
