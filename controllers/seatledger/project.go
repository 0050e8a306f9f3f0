// Copyright The license-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package seatledger

import (
	"context"
	"fmt"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/utils/ptr"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/license-operator/license-operator/api/v1alpha1"
	"github.com/license-operator/license-operator/internal/metrics"
	"github.com/license-operator/license-operator/internal/seats"
	"github.com/license-operator/license-operator/internal/store"
)

// readObjects reads the block's LicenseCheckouts from the cache.
func (p *pass) readObjects(ctx context.Context) error {
	list := &v1alpha1.LicenseCheckoutList{}
	err := p.Client.List(ctx, list, client.InNamespace(p.name.Namespace),
		client.MatchingFields{store.IndexLicenseCheckoutBlock: p.name.Name}, client.UnsafeDisableDeepCopy)
	if err != nil {
		return fmt.Errorf("list the objects of a block: %w", err)
	}
	p.objects = make(map[string]*v1alpha1.LicenseCheckout, len(list.Items))
	for i := range list.Items {
		co := &list.Items[i]
		id, ok := store.ProjectionID(co.Name)
		if !ok {
			id = "/" + co.Name // No entry has such an id.
		}
		p.objects[id] = co
	}
	return nil
}

// project makes, updates and deletes objects as far as the budget goes. What it
// made is noted in the block even if it can't go on.
func (p *pass) project(ctx context.Context) error {
	w := &work{pass: p, left: p.budget.most()}
	if until := p.resting.get(p.name); p.now.Before(until) {
		w.full, w.waiting = true, true
		p.at(until)
	}
	err := w.deleteSurplus(ctx)
	w.gather()
	for _, e := range p.block.Entries {
		if err != nil {
			break
		}
		if e.Object == "" {
			err = w.follow(ctx, e)
		}
	}
	if len(w.made) > 0 {
		if keepErr := p.Books.Keep(ctx, p.block.Key, p.block.Number, seats.Upkeep{Projected: w.made}); err == nil {
			err = keepErr
		}
	}
	w.conclude()
	if !w.short {
		p.budget.done(p.name)
	}
	return err
}

// work is what one pass does to objects.
type work struct {
	*pass
	// left is how many objects it may still work on; short says that there were
	// more.
	left  int
	short bool
	// gathering says that no objects are made until more of them can be.
	gathering bool
	// full says that the API server has refused so many objects that no others
	// are tried, waiting that some are not tried that it has refused before.
	full, waiting    bool
	created, refused int
	// made are the ids of entries whose objects have been found or made.
	made []string
}

// gather waits, while checkouts come thick, until all objects that the block lacks
// can be made at once, or as many as one pass may: what has been made is noted in
// the block, and a commit costs the API server more than the object does.
func (w *work) gather() {
	lacking := 0
	for _, e := range w.block.Entries {
		if e.Object == "" && !e.Projected && w.objects[e.ID] == nil && !w.rests(e) {
			lacking++
		}
	}
	if !w.budget.affords(w.Clock.Now(), min(lacking, w.budget.most())) {
		w.gathering, w.short = true, true
		w.at(w.now.Add(w.budget.turn(w.name)))
	}
}

// may takes one object from the budget. If there is none, the block comes again.
func (w *work) may() bool {
	if w.left > 0 && w.budget.take(w.Clock.Now()) {
		w.left--
		return true
	}
	w.short = true
	w.at(w.now.Add(w.budget.turn(w.name)))
	return false
}

// deleteSurplus deletes the objects whose entries are gone. The cache may know
// of an object before it knows of its entry, so the block itself is asked.
func (w *work) deleteSurplus(ctx context.Context) error {
	var surplus []*v1alpha1.LicenseCheckout
	for id, co := range w.objects {
		if e := w.block.Get(id); (e == nil || e.Object != "") && co.DeletionTimestamp.IsZero() {
			surplus = append(surplus, co)
		}
	}
	if len(surplus) == 0 {
		return nil
	}
	l := &v1alpha1.SeatLedger{}
	err := w.Live.Get(ctx, w.name, l)
	if apierrors.IsNotFound(err) || err == nil && l.UID != w.ledger.UID {
		w.soon()
		return nil
	}
	if err != nil {
		return fmt.Errorf("read a block: %w", err)
	}
	block, err := seats.Decode(l)
	if err != nil {
		return err
	}
	for _, co := range surplus {
		id, _ := store.ProjectionID(co.Name)
		if e := block.Get(id); e != nil && e.Object == "" {
			w.soon()
			continue
		}
		if !w.may() {
			return nil
		}
		if err := w.delete(ctx, co); err != nil {
			return err
		}
	}
	return nil
}

// delete deletes exactly this object.
func (p *pass) delete(ctx context.Context, co *v1alpha1.LicenseCheckout) error {
	p.deletions.expect(co.UID)
	err := p.Live.Delete(ctx, co, client.Preconditions{UID: ptr.To(co.UID)})
	switch {
	case err == nil:
		metrics.Projection("delete")
	case apierrors.IsNotFound(err):
		p.deletions.cancel(co.UID)
	case apierrors.IsConflict(err): // Another one has taken its place.
		p.deletions.cancel(co.UID)
		p.soon()
	default:
		p.deletions.cancel(co.UID)
		return fmt.Errorf("delete the LicenseCheckout %s: %w", co.Name, err)
	}
	return nil
}

// follow brings the object of one entry in step.
func (w *work) follow(ctx context.Context, e *seats.Entry) error {
	co := w.objects[e.ID]
	switch {
	case co == nil && e.Projected && !w.again[e.ID]:
		return nil // It was looked for in vain, or has not come yet.
	case co == nil:
		if !w.rests(e) && !w.gathering && w.may() {
			return w.create(ctx, e)
		}
	case !co.DeletionTimestamp.IsZero(): // When it is gone, the seat is free.
	case !e.Projected:
		return w.adopt(ctx, e)
	case !current(&co.Status, e, co.Generation):
		if !w.rests(e) && w.may() {
			return w.report(ctx, co, e)
		}
	}
	return nil
}

// report writes the status of an object.
func (w *work) report(ctx context.Context, co *v1alpha1.LicenseCheckout, e *seats.Entry) error {
	next := co.DeepCopy()
	next.Status = statusOf(e, co.Generation)
	err := w.Live.Status().Patch(ctx, next, client.MergeFromWithOptions(co, client.MergeFromWithOptimisticLock{}),
		client.FieldOwner(v1alpha1.FieldOwner))
	switch {
	case err == nil:
		metrics.Projection("status")
	case apierrors.IsConflict(err), apierrors.IsNotFound(err):
		w.soon()
	case refusal(err):
		w.failed(ctx, e, err)
	default:
		return fmt.Errorf("write the status of the LicenseCheckout %s: %w", co.Name, err)
	}
	return nil
}
