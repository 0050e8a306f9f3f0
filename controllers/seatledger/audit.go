// Copyright The license-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package seatledger

import (
	"context"
	"fmt"
	"time"

	"github.com/go-logr/logr"
	"k8s.io/utils/clock"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/manager"

	"github.com/license-operator/license-operator/api/v1alpha1"
	"github.com/license-operator/license-operator/internal/metrics"
	"github.com/license-operator/license-operator/internal/seats"
	"github.com/license-operator/license-operator/internal/sleep"
)

// AuditInterval is how often all books are held against the invariants.
const AuditInterval = 5 * time.Minute

// Auditor holds all books of seats against the invariants again and again and
// sets the metric license_operator_ledger_drift_units. Only the leader runs it.
type Auditor struct {
	Clock clock.Clock
	// Client reads from the cache.
	Client client.Reader
	Books  *seats.Books
	Log    logr.Logger
}

// Setup adds the auditor to a manager.
func (a *Auditor) Setup(mgr manager.Manager) error { return mgr.Add(a) }

// NeedLeaderElection implements manager.LeaderElectionRunnable.
func (*Auditor) NeedLeaderElection() bool { return true }

// Start implements manager.Runnable.
func (a *Auditor) Start(ctx context.Context) error {
	for {
		if _, err := a.Audit(ctx); err != nil && ctx.Err() == nil {
			a.Log.Error(err, "The books of seats can't be audited")
		}
		if sleep.For(ctx, a.Clock, AuditInterval) != nil {
			return nil
		}
	}
}

// Audit holds all books against the invariants once and returns by how many
// units they break them. The cache may hold blocks of different moments, so
// what it shows counts only if the API server shows it too. An error means
// that not all books could be audited; the metric stays as it was.
func (a *Auditor) Audit(ctx context.Context) (units int64, err error) {
	list := &v1alpha1.SeatLedgerList{}
	if err := a.Client.List(ctx, list, client.UnsafeDisableDeepCopy); err != nil {
		return 0, fmt.Errorf("list the blocks: %w", err)
	}
	books := map[seats.Key][]*v1alpha1.SeatLedger{}
	for i := range list.Items {
		l := &list.Items[i]
		key := seats.Key{Namespace: l.Namespace, Name: l.Spec.SubscriptionRef.Name}
		books[key] = append(books[key], l)
	}
	for key, ledgers := range books {
		if err := ctx.Err(); err != nil {
			return units, err
		}
		if sound(ledgers) {
			continue
		}
		found, err := a.Books.Audit(ctx, key)
		if err != nil {
			return units, fmt.Errorf("read the book of %s: %w", key, err)
		}
		for _, drift := range found {
			units += drift.Units
			a.Log.Error(nil, "A book of seats breaks an invariant",
				"namespace", key.Namespace, "subscription", key.Name, "units", drift.Units, "what", drift.What)
		}
	}
	metrics.LedgerDrift(units)
	return units, nil
}

func sound(ledgers []*v1alpha1.SeatLedger) bool {
	blocks := make([]*seats.Block, 0, len(ledgers))
	for _, l := range ledgers {
		block, err := seats.Decode(l)
		if err != nil {
			return false
		}
		blocks = append(blocks, block)
	}
	return len(seats.Check(blocks)) == 0
}
