// Copyright The license-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package seatledger

import (
	"context"
	"slices"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/license-operator/license-operator/api/v1alpha1"
	"github.com/license-operator/license-operator/controllers/kit"
	"github.com/license-operator/license-operator/internal/licensing"
	"github.com/license-operator/license-operator/internal/seats"
	"github.com/license-operator/license-operator/internal/store"
)

// restoreMargin is how much older than its block an entry must be to show that
// the block was made from a backup; clocks may differ by less.
const restoreMargin = time.Minute

// upkeep does what time and users ask for, in one commit at most.
func (p *pass) upkeep(ctx context.Context) error {
	var u seats.Upkeep
	released, err := p.released(ctx)
	if err != nil {
		return err
	}
	gone, err := p.abandoned(ctx)
	if err != nil {
		return err
	}
	u.Release = slices.Concat(released, gone)
	due := p.expire()
	u.RenewalStart = p.renew()
	u.Thaw = p.thaw()
	if due || len(u.Release) > 0 || !u.RenewalStart.IsZero() || u.Thaw {
		if err := p.Books.Keep(ctx, p.block.Key, p.block.Number, u); err != nil {
			return err
		}
		if p.block, err = p.Books.Newest(p.ledger); err != nil {
			return err
		}
	}
	if u.Thaw {
		p.frozen.forget(p.name)
		p.Emit(p.sub, []kit.Event{bookThawed()})
	}
	// What came in the meantime counts as well.
	p.expire()
	return nil
}

// expire says whether an entry's time is over, and has the block looked at when
// the next one's is.
func (p *pass) expire() (due bool) {
	next := p.block.NextExpiration()
	switch {
	case next.IsZero():
		return false
	case p.now.Before(next):
		p.at(next)
		return false
	}
	return p.trusted()
}

// renew is when the present period of renewal began, if a Perpetual entry of one
// before is left; else zero.
func (p *pass) renew() time.Time {
	if p.product == nil {
		return time.Time{}
	}
	start := licensing.RenewalPeriodStart(p.product, p.sub, p.now)
	ended, perpetual := false, false
	for _, e := range p.block.Entries {
		if e.Type == v1alpha1.CheckoutPerpetual {
			perpetual = true
			ended = ended || e.IssueTime.Before(start)
		}
	}
	if next := licensing.NextRenewal(p.product, p.sub, p.now); perpetual && !next.IsZero() {
		p.at(next)
	}
	if !ended || !p.trusted() {
		return time.Time{}
	}
	return start
}

// thaw says whether a frozen book may grant again: everything that it may have
// granted and forgotten is over by then.
func (p *pass) thaw() bool {
	if p.block.Frozen.IsZero() || !p.block.Open() || p.product == nil {
		return false
	}
	until := p.block.Frozen.Add(longestLifetime(p.product))
	if p.frozen.set(p.name, p.block.Frozen) {
		p.Emit(p.sub, []kit.Event{bookFrozen(until)})
	}
	if p.now.Before(until) {
		p.at(until)
		return false
	}
	return p.trusted()
}

func longestLifetime(product *v1alpha1.Product) time.Duration {
	minutes := licensing.ProvisionalMinutes(product)
	if b := product.Spec.License.Borrow; b != nil {
		minutes = max(minutes, licensing.BorrowMinutes(b))
	}
	return time.Duration(minutes) * time.Minute
}

// released are the ids of the entries whose objects somebody has deleted: they
// were there, as the book says, and are not at the API server now. What the
// cache does not show may only not have come yet.
func (p *pass) released(ctx context.Context) (ids []string, err error) {
	deleted := p.deletions.take(p.name)
	p.again = map[string]bool{}
	for _, e := range p.block.Entries {
		if e.Object != "" || !e.Projected || p.objects[e.ID] != nil {
			continue
		}
		name := store.ProjectionName(e.ID)
		co := &metav1.PartialObjectMetadata{}
		co.SetGroupVersionKind(v1alpha1.GroupVersion.WithKind("LicenseCheckout"))
		err := p.Live.Get(ctx, client.ObjectKey{Namespace: p.name.Namespace, Name: name}, co)
		switch {
		case err == nil && store.BlockOf(co) == p.name.Name:
			p.soon()
		case err == nil:
			p.isForeign(ctx, co)
		case !apierrors.IsNotFound(err):
			return nil, err
		case p.restored(e) && !deleted[name]:
			p.again[e.ID] = true
		default:
			ids = append(ids, e.ID)
		}
	}
	return ids, nil
}

// restored says whether the block was made from a backup after an entry came.
// Its object need not have been in the backup: that it is not there does not
// say that somebody deleted it.
func (p *pass) restored(e *seats.Entry) bool {
	return e.IssueTime.Add(restoreMargin).Before(p.ledger.CreationTimestamp.Time)
}
