// Copyright The license-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package checkout

import (
	"context"
	"fmt"
	"time"

	"golang.org/x/sync/errgroup"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/license-operator/license-operator/api/v1alpha1"
	"github.com/license-operator/license-operator/internal/fault"
	"github.com/license-operator/license-operator/internal/licensing"
	"github.com/license-operator/license-operator/internal/seats"
	"github.com/license-operator/license-operator/internal/store"
)

const (
	// atOnce is how many grants, reads or reports are under way together. The
	// book commits grants that come together with one write.
	atOnce = 16
	// maxRounds is how often a pass looks who of the queue is granted, when
	// others were faster.
	maxRounds = 4
	// againPause is how long until what the book did not do is tried again.
	againPause = 5 * time.Second
	// racedPause is how long until the queue is looked at again after requests
	// through the API were faster again and again.
	racedPause = 100 * time.Millisecond
)

// release gives the seats back of those that may not have them any more, and
// ends what is over.
func (p *pass) release(ctx context.Context) {
	ids := map[int32][]string{}
	due := map[int32]bool{}
	var strangers []*seats.Entry
	for _, b := range p.blocks {
		if next := b.NextExpiration(); !next.IsZero() && !p.now.Before(next) {
			due[b.Number] = true
		}
		for _, e := range b.Entries {
			if e.Object == "" {
				continue
			}
			r := p.byID[e.ID]
			switch {
			case r == nil:
				strangers = append(strangers, e)
			case !r.obj.DeletionTimestamp.IsZero():
				ids[b.Number] = append(ids[b.Number], e.ID)
			case r.obj.Spec.HolderRef != nil && !r.live(e.Holder) && p.leaves(ctx, r, e.Holder):
				r.left = true
				ids[b.Number] = append(ids[b.Number], e.ID)
			}
		}
	}
	for _, e := range p.gone(ctx, strangers) {
		ids[e.Block] = append(ids[e.Block], e.ID)
	}
	if len(ids) == 0 && len(due) == 0 {
		return
	}
	for _, b := range p.blocks {
		if len(ids[b.Number]) > 0 || due[b.Number] {
			p.fail(p.Books.Keep(ctx, p.key, b.Number, seats.Upkeep{Release: ids[b.Number]}))
		}
	}
	p.fail(p.readBook(ctx))
}

// leaves says whether a holder that the cache does not show has gone. One that
// is there still counts as seen.
func (p *pass) leaves(ctx context.Context, r *request, uid string) bool {
	gone, err := store.PodGone(ctx, p.Live, p.key.Namespace, r.obj.Spec.HolderRef.Name, uid)
	p.fail(err)
	if err == nil && !gone {
		r.pod = store.PodMetadata()
		r.pod.SetUID(types.UID(uid))
	}
	return err == nil && gone
}

// gone are the entries whose LicenseCheckouts do not exist, as the API server
// says: what the cache does not show may only not have come yet.
func (p *pass) gone(ctx context.Context, entries []*seats.Entry) (gone []*seats.Entry) {
	are := make([]bool, len(entries))
	var group errgroup.Group
	group.SetLimit(atOnce)
	for i, e := range entries {
		group.Go(func() error {
			o := &metav1.PartialObjectMetadata{}
			o.SetGroupVersionKind(v1alpha1.GroupVersion.WithKind("LicenseCheckout"))
			err := p.Live.Get(ctx, client.ObjectKey{Namespace: p.key.Namespace, Name: e.Object}, o)
			switch {
			case apierrors.IsNotFound(err):
				are[i] = true
			case err != nil:
				p.fail(fmt.Errorf("look for a LicenseCheckout: %w", err))
			default:
				are[i] = id(o) != e.ID || !o.DeletionTimestamp.IsZero()
			}
			return nil
		})
	}
	_ = group.Wait() // What fails is noted in the pass.
	for i, e := range entries {
		if are[i] {
			gone = append(gone, e)
		}
	}
	return gone
}

// together is what Books.Keep prolongs together.
type together struct {
	block    int32
	lifetime time.Duration
}

// renewable says from when on a checkout is to be prolonged: half of its
// lifetime before its end, if its holder lives, the Subscription is subscribed,
// and that would make it end later.
func (p *pass) renewable(r *request) (from time.Time, ok bool) {
	lifetime := p.lifetime(r)
	if r.pod == nil || lifetime == 0 || r.grant.ExpirationTime.IsZero() || !p.standing.Subscribed {
		return from, false
	}
	bound := licensing.NotAfter(p.sub)
	return r.grant.ExpirationTime.Add(-lifetime / 2), bound.IsZero() || r.grant.ExpirationTime.Before(bound)
}

// renew prolongs the checkouts of Pods that live. Others end at their time.
func (p *pass) renew(ctx context.Context) {
	due := map[together][]string{}
	for _, r := range p.requests {
		if r.grant == nil {
			continue
		}
		if from, ok := p.renewable(r); ok && !p.now.Before(from) {
			with := together{r.grant.Block, p.lifetime(r)}
			due[with] = append(due[with], r.id)
		}
	}
	if len(due) == 0 {
		return
	}
	for with, ids := range due {
		p.fail(p.Books.Keep(ctx, p.key, with.block, seats.Upkeep{
			Extend: ids, Lifetime: with.lifetime, NotAfter: licensing.NotAfter(p.sub)}))
	}
	p.fail(p.readBook(ctx))
}

// schedule has the Subscription looked at again when a checkout is to be
// prolonged or is over, and when others' checkouts make room for those that
// wait.
func (p *pass) schedule() {
	waits := false
	for _, r := range p.requests {
		waits = waits || r.position > 0
		if r.grant == nil {
			continue
		}
		if from, ok := p.renewable(r); ok {
			p.at(p.later(from))
		} else if !r.grant.ExpirationTime.IsZero() {
			p.at(p.later(r.grant.ExpirationTime))
		}
	}
	for _, b := range p.blocks {
		if next := b.NextExpiration(); waits && !next.IsZero() {
			p.at(p.later(next))
		}
	}
}

// later puts off what is due and was not done: the book does not end anything
// while the clock can't be trusted.
func (p *pass) later(t time.Time) time.Time {
	if p.now.Before(t) {
		return t
	}
	return p.now.Add(againPause)
}

// admit grants what is free in the order of the queue, and tells everybody else
// why not.
func (p *pass) admit(ctx context.Context) {
	for _, r := range p.requests {
		if r.grant == nil {
			r.answer = p.judge(r)
		}
	}
	for range maxRounds {
		if raced := p.grant(ctx); !raced {
			break
		}
	}
	var position int32
	for _, r := range p.requests {
		if r.grant == nil && r.answer.asks {
			position++
			r.position = position
		}
	}
}

// grant grants those for whom there is room, and says whether others were
// faster, so that the queue has to be looked at again.
func (p *pass) grant(ctx context.Context) (raced bool) {
	var waiting []seats.Waiting
	for _, r := range p.requests {
		if r.grant == nil && r.answer.asks {
			waiting = append(waiting, seats.Waiting{ID: r.id, Units: unitsOf(r.items),
				Fail: r.obj.Spec.WhenUnavailable == v1alpha1.WhenUnavailableFail})
		}
	}
	if len(waiting) == 0 {
		return false
	}
	if head := seats.Head(p.blocks); head != nil && !head.Frozen.IsZero() {
		// Nothing is granted until the book thaws, which shows in it.
		for _, w := range waiting {
			p.postpone(p.byID[w.ID])
		}
		return false
	}
	a := seats.Admit(seats.Free(p.blocks, p.pools), waiting)
	for _, id := range a.Refuse {
		p.refuse(p.byID[id])
	}
	results := make([]error, len(a.Grant))
	var group errgroup.Group
	group.SetLimit(atOnce)
	for i, id := range a.Grant {
		group.Go(func() error {
			results[i] = p.checkout(ctx, p.byID[id])
			return nil
		})
	}
	_ = group.Wait() // Each has its own result.
	for i, id := range a.Grant {
		switch r := p.byID[id]; {
		case results[i] == nil:
		case fault.KindOf(results[i]) == fault.NoCapacity:
			raced = true
			if r.obj.Spec.WhenUnavailable == v1alpha1.WhenUnavailableFail {
				p.refuse(r)
			}
		default:
			p.postpone(r)
			p.fail(fmt.Errorf("grant seats: %w", results[i]))
		}
	}
	if !raced {
		return false
	}
	p.at(p.now.Add(racedPause))
	blocks, err := p.Books.Blocks(ctx, p.key)
	p.fail(err)
	if err == nil {
		p.blocks = blocks
	}
	return err == nil
}

// postpone leaves it open what becomes of a request. One that waits goes on
// waiting.
func (p *pass) postpone(r *request) {
	if r.obj.Spec.WhenUnavailable == v1alpha1.WhenUnavailableFail {
		r.answer = unknown
	}
}

// refuse refuses a request once and for all.
func (p *pass) refuse(r *request) {
	r.answer = refused
	p.recall.refuse(r.obj.UID)
}

func (p *pass) checkout(ctx context.Context, r *request) error {
	order, err := p.order(r)
	if err != nil {
		return err
	}
	g, err := p.Books.Checkout(ctx, p.key, p.pools, order)
	if err != nil {
		return err
	}
	r.grant = &g
	return nil
}
