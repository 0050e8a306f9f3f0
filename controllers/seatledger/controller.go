// Copyright The license-operator Authors.
// SPDX-License-Identifier: Apache-2.0

// Package seatledger keeps what the books of seats ask for beside grants: it
// ends what is over, makes a LicenseCheckout for every checkout that came
// through the API, takes back the seats of those that somebody deletes, thaws
// what was frozen, and clears away the books of Subscriptions that are gone.
//
// It works on one block of a book at a time and grants nothing.
package seatledger

import (
	"context"
	"fmt"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/utils/lru"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"

	"github.com/license-operator/license-operator/api/v1alpha1"
	"github.com/license-operator/license-operator/controllers/kit"
	"github.com/license-operator/license-operator/internal/seats"
)

const (
	// coalesce is how long a block that has changed may change further before
	// its objects follow.
	coalesce = 200 * time.Millisecond
	// pause is how long until what could not be done now is tried again.
	pause = 200 * time.Millisecond
	// longPause is the same for what only a user can change.
	longPause = 30 * time.Second
	// graceAfterLoss is how long something must have been missing before what
	// depends on it is deleted: it may have been deleted to be applied again, or
	// be the next to come back from a backup.
	graceAfterLoss = time.Hour
	// foreignRemembered bounds the objects of others that were told of in the log,
	// refusedRemembered the objects that the API server has refused.
	foreignRemembered = 1024
	refusedRemembered = 4096
	// firstRetry and lastRetry are between the tries of a block that meets an
	// error.
	firstRetry = 50 * time.Millisecond
	lastRetry  = 30 * time.Second
)

// Config of a Controller.
type Config struct {
	kit.Kit
	// Live asks the API server. It should not be throttled: objects are paced by
	// ProjectionRate, and reads are few.
	Live  client.Client
	Books *seats.Books
	// ProjectionRate is how many LicenseCheckouts a second are made, changed and
	// deleted, by all blocks together.
	ProjectionRate float64
	// Busy says whether checkouts come thick, so that objects have to wait.
	Busy func() bool
	// Trusted says whether the clock may end anything.
	Trusted func() bool
	// Failures are told of Subscriptions whose LicenseCheckouts can't be made.
	Failures *kit.Failures
}

// Controller reconciles the blocks of the books of seats.
type Controller struct {
	Config

	budget *budget
	// missing remembers since when Subscriptions and blocks have been missing.
	missing *absences
	// deletions tells those of this process from those of users.
	deletions *deletions
	// refused holds until when an object that the API server has refused is not
	// tried again, resting the same for all of a block.
	refused *lru.Cache
	resting *times
	// frozen holds which freezes have been told.
	frozen *times
	// foreign are the UIDs of objects of others that were told of in the log.
	foreign *lru.Cache
}

// New returns a controller.
func New(cfg Config) *Controller {
	if cfg.Failures == nil {
		cfg.Failures = kit.NewFailures()
	}
	return &Controller{
		Config: cfg, budget: newBudget(cfg.ProjectionRate, cfg.Busy),
		missing: newAbsences(), deletions: newDeletions(), resting: newTimes(), frozen: newTimes(),
		refused: lru.New(refusedRemembered), foreign: lru.New(foreignRemembered),
	}
}

// Reconcile brings what follows from one block in step with it.
func (c *Controller) Reconcile(ctx context.Context, req reconcile.Request) (reconcile.Result, error) {
	l := &v1alpha1.SeatLedger{}
	if err := c.Client.Get(ctx, req.NamespacedName, l); err != nil {
		if !apierrors.IsNotFound(err) {
			return reconcile.Result{}, err
		}
		c.budget.done(req.NamespacedName)
		p := &pass{Controller: c, name: req.NamespacedName, now: c.Clock.Now()}
		return p.result(p.orphans(ctx))
	}
	c.missing.found(blockKind, req.NamespacedName)
	block, err := c.Books.Newest(l)
	if err != nil {
		return reconcile.Result{}, reconcile.TerminalError(err)
	}
	p := &pass{Controller: c, name: req.NamespacedName, now: c.Clock.Now(), ledger: l, block: block}
	return p.result(p.run(ctx))
}

// pass is one reconcile of one block.
type pass struct {
	*Controller
	name   types.NamespacedName
	now    time.Time
	ledger *v1alpha1.SeatLedger
	// block is the newest version known; it changes with what the pass commits.
	block *seats.Block
	// sub and product are nil if they are gone.
	sub     *v1alpha1.Subscription
	product *v1alpha1.Product
	// objects are the block's LicenseCheckouts by the ids of the entries that
	// they stand for. They are the cache's own: nobody may change them.
	objects map[string]*v1alpha1.LicenseCheckout
	// again are the ids of entries whose objects were lost, not deleted.
	again map[string]bool
	// next is when the block has to be looked at again; zero for when it changes.
	next time.Time
}

func (p *pass) run(ctx context.Context) error {
	if err := p.read(ctx); err != nil {
		return err
	}
	if err := p.upkeep(ctx); err != nil {
		return err
	}
	if p.sub == nil {
		if deleted, err := p.retire(ctx); deleted || err != nil {
			return err
		}
	}
	return p.project(ctx)
}

// read reads what the block depends on from the cache.
func (p *pass) read(ctx context.Context) error {
	sub := &v1alpha1.Subscription{}
	err := p.Client.Get(ctx, p.block.Key, sub)
	switch {
	case err == nil:
		p.sub = sub
		p.missing.found(subscriptionKind, p.block.Key)
		p.product, err = p.Product(ctx, sub)
	case apierrors.IsNotFound(err):
		p.missing.lost(subscriptionKind, p.block.Key, p.now)
	}
	if client.IgnoreNotFound(err) != nil {
		return fmt.Errorf("read what the block belongs to: %w", err)
	}
	return p.readObjects(ctx)
}

// at has the block looked at again at a time, or earlier.
func (p *pass) at(t time.Time) {
	if p.next.IsZero() || t.Before(p.next) {
		p.next = t
	}
}

// soon has the block looked at again after a pause.
func (p *pass) soon() { p.at(p.now.Add(pause)) }

func (p *pass) result(err error) (reconcile.Result, error) {
	if err != nil || p.next.IsZero() {
		return reconcile.Result{}, err
	}
	return reconcile.Result{RequeueAfter: max(p.next.Sub(p.Clock.Now()), time.Millisecond)}, nil
}

// trusted says whether the clock may end anything. If not, the block is looked
// at again until it may.
func (p *pass) trusted() bool {
	if p.Trusted == nil || p.Trusted() {
		return true
	}
	p.at(p.now.Add(longPause))
	return false
}
