// Copyright The license-operator Authors.
// SPDX-License-Identifier: Apache-2.0

// Package usage deletes UsageRecords when their time is over. It reads nothing
// of them but the metadata, in pages, and keeps nothing: there may be very many.
package usage

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/go-logr/logr"
	"golang.org/x/time/rate"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/wait"
	"k8s.io/utils/clock"
	"k8s.io/utils/ptr"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/manager"

	"github.com/license-operator/license-operator/api/v1alpha1"
	"github.com/license-operator/license-operator/internal/licensing"
	"github.com/license-operator/license-operator/internal/metrics"
	"github.com/license-operator/license-operator/internal/sleep"
	"github.com/license-operator/license-operator/internal/store"
)

const (
	// Interval is how often all UsageRecords are looked through, and jitter what
	// is added to it at most, so that it is not done on the hour, when usage is
	// reported.
	Interval = time.Hour
	jitter   = 0.2
	// firstPause is before the first time, and retryPause after a failure.
	firstPause = 2 * time.Minute
	retryPause = 5 * time.Minute

	// PageSize is how many are read at once.
	PageSize = 500
	// deletesPerSecond bounds what the deletions of a pass cost others.
	deletesPerSecond = 50
)

// Retention deletes UsageRecords that are older than their Products keep them.
// Only the leader runs it.
type Retention struct {
	Clock clock.Clock
	// Products reads from the cache.
	Products client.Reader
	// Live asks the API server.
	Live client.Client
	// Trusted says whether the clock may end things.
	Trusted func() bool
	Log     logr.Logger

	limit *rate.Limiter
}

// Setup adds it to a manager.
func (r *Retention) Setup(mgr manager.Manager) error { return mgr.Add(r) }

// NeedLeaderElection implements manager.LeaderElectionRunnable.
func (*Retention) NeedLeaderElection() bool { return true }

// Start implements manager.Runnable.
func (r *Retention) Start(ctx context.Context) error {
	pause := wait.Jitter(firstPause, jitter)
	for sleep.For(ctx, r.Clock, pause) == nil {
		pause = wait.Jitter(Interval, jitter)
		if _, err := r.Pass(ctx); err != nil && ctx.Err() == nil {
			r.Log.Error(err, "Old usage records can't be deleted now")
			pause = wait.Jitter(retryPause, jitter)
		}
	}
	return nil
}

// Pass looks through all UsageRecords once and deletes those whose time is over.
// It returns how many it deleted, with an error also those before the error.
func (r *Retention) Pass(ctx context.Context) (deleted int64, err error) {
	if r.Trusted != nil && !r.Trusted() {
		return 0, errors.New("the clock differs too much from the API server's")
	}
	if r.limit == nil {
		r.limit = rate.NewLimiter(deletesPerSecond, deletesPerSecond)
	}
	p := &pass{Retention: r, now: r.Clock.Now(), keep: map[client.ObjectKey]time.Duration{}}
	defer func() {
		if p.deleted > 0 {
			r.Log.Info("Deleted old usage records", "deleted", p.deleted, "kept", p.kept)
		}
	}()
	next := ""
	for {
		list := &metav1.PartialObjectMetadataList{}
		list.SetGroupVersionKind(v1alpha1.GroupVersion.WithKind("UsageRecordList"))
		err := r.Live.List(ctx, list, client.Limit(PageSize), client.Continue(next))
		// What has changed since does not matter here.
		if again := store.ContinueAfter(err); again != "" {
			next = again
			continue
		}
		if err != nil {
			return p.deleted, fmt.Errorf("list the UsageRecords: %w", err)
		}
		for i := range list.Items {
			if err := p.look(ctx, &list.Items[i]); err != nil {
				return p.deleted, err
			}
		}
		if next = list.Continue; next == "" {
			metrics.UsageRetention(p.now.Unix(), p.kept)
			return p.deleted, nil
		}
	}
}

// pass is what one pass knows.
type pass struct {
	*Retention

	now time.Time
	// keep is how long the records of a Product are kept.
	keep          map[client.ObjectKey]time.Duration
	deleted, kept int64
}

// look deletes a record whose time is over.
func (p *pass) look(ctx context.Context, o *metav1.PartialObjectMetadata) error {
	keep, err := p.retention(ctx, client.ObjectKey{Namespace: o.Namespace, Name: o.Labels[v1alpha1.LabelProduct]})
	if err != nil {
		return err
	}
	if p.now.Before(o.CreationTimestamp.Add(keep)) || !o.DeletionTimestamp.IsZero() {
		p.kept++
		return nil
	}
	if err := p.turn(ctx); err != nil {
		return err
	}
	err = p.Live.Delete(ctx, o, client.Preconditions{UID: ptr.To(o.UID)})
	if apierrors.IsNotFound(err) || apierrors.IsConflict(err) {
		return nil // It is gone, or another one has taken its place.
	}
	if err != nil {
		return fmt.Errorf("delete the UsageRecord %s/%s: %w", o.Namespace, o.Name, err)
	}
	p.deleted++
	metrics.UsageDeleted()
	return nil
}

// turn waits until one more may be deleted.
func (r *Retention) turn(ctx context.Context) error {
	now := r.Clock.Now()
	return sleep.For(ctx, r.Clock, r.limit.ReserveN(now, 1).DelayFrom(now))
}

// retention is how long the records of a Product are kept.
func (p *pass) retention(ctx context.Context, product client.ObjectKey) (time.Duration, error) {
	if keep, known := p.keep[product]; known {
		return keep, nil
	}
	var found *v1alpha1.Product
	if product.Name != "" {
		found = &v1alpha1.Product{}
		err := p.Products.Get(ctx, product, found)
		switch {
		case apierrors.IsNotFound(err):
			found = nil
		case err != nil:
			return 0, fmt.Errorf("read the Product %s: %w", product, err)
		}
	}
	keep := licensing.UsageRetention(found)
	p.keep[product] = keep
	return keep, nil
}
