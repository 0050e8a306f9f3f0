// Copyright The license-operator Authors.
// SPDX-License-Identifier: Apache-2.0

// Package checkout reconciles the LicenseCheckouts that users apply. All those of
// one Subscription are looked at together, for they wait in one queue: seats of
// those that are gone are given back, those of holders that live are prolonged,
// and what is free is granted in the order of the queue.
//
// Which checkouts hold seats is decided by the book of seats alone; what is
// granted follows from the objects, the Pods and the book. The status is a
// report, and a memory of two things that can't be seen any more: that a
// checkout has been over, and that it has been refused.
package checkout

import (
	"context"
	"errors"
	"time"

	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"

	"github.com/license-operator/license-operator/api/v1alpha1"
	"github.com/license-operator/license-operator/controllers/kit"
	"github.com/license-operator/license-operator/internal/seats"
	"github.com/license-operator/license-operator/internal/secrets"
	"github.com/license-operator/license-operator/internal/store"
)

// Books are the books of seats, as *seats.Books keeps them: see there.
type Books interface {
	Blocks(ctx context.Context, key seats.Key) ([]*seats.Block, error)
	Checkout(ctx context.Context, key seats.Key, pools []seats.Pool, r seats.Request) (seats.Grant, error)
	Keep(ctx context.Context, key seats.Key, number int32, u seats.Upkeep) error
	Observe(l *v1alpha1.SeatLedger)
	Forget(l *v1alpha1.SeatLedger)
}

// Controller reconciles the LicenseCheckouts of Subscriptions.
type Controller struct {
	kit.Kit
	// Live asks the API server.
	Live  client.Reader
	Books Books
	Names store.Names
	Keys  *secrets.Holder
	// KeysSecret is where Keys comes from; a rotation there changes the tokens.
	KeysSecret types.NamespacedName

	memory memory
}

// Reconcile brings all LicenseCheckouts of one Subscription, which need not
// exist, in step with the book and the book with them.
func (c *Controller) Reconcile(ctx context.Context, req reconcile.Request) (reconcile.Result, error) {
	p, err := c.begin(ctx, req.NamespacedName)
	if err != nil {
		return kit.Retry(err)
	}
	p.release(ctx)
	p.renew(ctx)
	p.admit(ctx)
	p.report(ctx)
	return p.result()
}

// fail notes that something could not be done. The rest is done all the same.
func (p *pass) fail(err error) {
	if err == nil {
		return
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	result, err := kit.Retry(err)
	if err != nil {
		p.failures = append(p.failures, err)
	} else if result.RequeueAfter > 0 {
		p.wakeAt(p.now.Add(result.RequeueAfter))
	}
}

// at has the Subscription looked at again at a time, or earlier; zero is never.
func (p *pass) at(t time.Time) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.wakeAt(t)
}

func (p *pass) wakeAt(t time.Time) {
	if !t.IsZero() && (p.wake.IsZero() || t.Before(p.wake)) {
		p.wake = t
	}
}

func (p *pass) result() (reconcile.Result, error) {
	if err := errors.Join(p.failures...); err != nil {
		return reconcile.Result{}, err
	}
	if p.wake.IsZero() {
		return reconcile.Result{}, nil
	}
	return reconcile.Result{RequeueAfter: max(p.wake.Sub(p.Clock.Now()), time.Millisecond)}, nil
}
