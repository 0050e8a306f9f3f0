// Copyright The license-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package seatledger

import (
	"context"
	"fmt"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/utils/ptr"
	"sigs.k8s.io/controller-runtime/pkg/client"
	logf "sigs.k8s.io/controller-runtime/pkg/log"

	"github.com/license-operator/license-operator/api/v1alpha1"
	"github.com/license-operator/license-operator/internal/seats"
	"github.com/license-operator/license-operator/internal/store"
)

// retire deletes the block of a Subscription that has been gone for long, once
// nothing in it runs any more: a Subscription that was deleted and is applied
// again finds its book, and one that comes back from a backup after its book
// does too.
func (p *pass) retire(ctx context.Context) (deleted bool, err error) {
	due := p.missing.lost(subscriptionKind, p.block.Key, p.now).Add(graceAfterLoss)
	if p.now.Before(due) {
		p.at(due)
		return false, nil
	}
	if !p.idle(p.block) || !p.trusted() {
		return false, nil // It comes again when the next entry's time is over.
	}
	if turn, err := p.turnToGo(ctx); err != nil || !turn {
		p.at(p.now.Add(longPause))
		return false, err
	}
	err = p.Live.Get(ctx, p.block.Key, &v1alpha1.Subscription{})
	switch {
	case err == nil:
		p.missing.found(subscriptionKind, p.block.Key)
		p.soon()
		return false, nil
	case !apierrors.IsNotFound(err):
		return false, fmt.Errorf("look for the Subscription of a block: %w", err)
	}
	// Its objects are not to wait: it is known why the block is gone.
	p.missing.since(blockKind, p.name, p.now.Add(-graceAfterLoss), p.now)
	err = p.Live.Delete(ctx, p.ledger, client.Preconditions{
		UID: ptr.To(p.ledger.UID), ResourceVersion: ptr.To(p.ledger.ResourceVersion)})
	switch {
	case apierrors.IsConflict(err):
		p.missing.found(blockKind, p.name)
		p.soon()
		return false, nil
	case client.IgnoreNotFound(err) != nil:
		p.missing.found(blockKind, p.name)
		return false, fmt.Errorf("delete a block: %w", err)
	}
	p.Failures.Set(p.block.Key, p.name.Name, false)
	p.resting.forget(p.name)
	p.frozen.forget(p.name)
	logf.FromContext(ctx).Info("Deleted a block of the book of a Subscription that is gone", "namespace", p.name.Namespace, "name", p.name.Name)
	p.soon()
	return true, nil
}

// turnToGo says whether the whole book runs nothing any more, and this block is
// not the open one or is the last that is left: a book that had lost some of its
// blocks would look as if it came from an old backup.
func (p *pass) turnToGo(ctx context.Context) (bool, error) {
	list := &v1alpha1.SeatLedgerList{}
	if err := p.Client.List(ctx, list, client.InNamespace(p.name.Namespace), client.UnsafeDisableDeepCopy,
		client.MatchingFields{store.IndexSeatLedgerSubscription: p.block.Key.Name}); err != nil {
		return false, fmt.Errorf("list the blocks of a book: %w", err)
	}
	for i := range list.Items {
		other, err := p.Books.Newest(&list.Items[i])
		if err != nil {
			return false, err
		}
		if other.Number != p.block.Number && (!p.idle(other) || other.Term < p.block.Term) {
			return false, nil
		}
	}
	return true, nil
}

// idle says whether nothing in the block runs: what is Perpetual has no use
// without the Subscription.
func (p *pass) idle(b *seats.Block) bool {
	for _, e := range b.Entries {
		if !e.ExpirationTime.IsZero() && p.now.Before(e.ExpirationTime) {
			return false
		}
	}
	return true
}

// orphans deletes the objects of a block that has been gone for long. A block
// that comes back from a backup after its objects takes them over.
func (p *pass) orphans(ctx context.Context) error {
	p.deletions.take(p.name)
	if err := p.readObjects(ctx); err != nil {
		return err
	}
	if len(p.objects) == 0 {
		p.missing.found(blockKind, p.name)
		return nil
	}
	due := p.missing.lost(blockKind, p.name, p.now).Add(graceAfterLoss)
	if p.now.Before(due) {
		p.at(due)
		return nil
	}
	err := p.Live.Get(ctx, p.name, &v1alpha1.SeatLedger{})
	if err == nil {
		p.soon()
		return nil
	}
	if !apierrors.IsNotFound(err) {
		return fmt.Errorf("look for a block: %w", err)
	}
	w := &work{pass: p, left: p.budget.most()}
	for _, co := range p.objects {
		if !co.DeletionTimestamp.IsZero() {
			continue
		}
		if !w.may() {
			return nil
		}
		if err := p.delete(ctx, co); err != nil {
			return err
		}
	}
	return nil
}
