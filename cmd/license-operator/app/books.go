// Copyright The license-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package app

import (
	"context"
	"crypto/rand"
	"fmt"
	"os"
	"strings"

	"github.com/go-logr/logr"
	"k8s.io/client-go/rest"
	toolscache "k8s.io/client-go/tools/cache"
	"k8s.io/utils/clock"
	"sigs.k8s.io/controller-runtime/pkg/cache"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/manager"

	"github.com/license-operator/license-operator/api/v1alpha1"
	"github.com/license-operator/license-operator/internal/options"
	"github.com/license-operator/license-operator/internal/seats"
	"github.com/license-operator/license-operator/internal/store"
)

// openBooks returns the books of seats, which follow the cache's watch, and the
// client that they write with.
func openBooks(ctx context.Context, mgr manager.Manager, cfg *rest.Config, o *options.Options, guard *seats.ClockGuard, log logr.Logger, clk clock.Clock) (*seats.Books, client.Client, error) {
	// Commits are paced by the bytes that they write, not by their number.
	unbounded := rest.CopyConfig(cfg)
	unbounded.QPS, unbounded.RateLimiter = -1, nil
	live, err := client.New(unbounded, client.Options{Scheme: mgr.GetScheme()})
	if err != nil {
		return nil, nil, fmt.Errorf("connect to the API server: %w", err)
	}
	books := seats.NewBooks(ctx, seats.Options{
		Store: store.Ledgers{Live: live}, Clock: clk, Log: log.WithName("seats"), Writer: writerName(),
		Now: guard.Now, Trusted: guard.Trusted, WriteRate: o.LedgerWriteRate, MaxCheckouts: o.MaxCheckouts,
	})
	informer, err := mgr.GetCache().GetInformer(ctx, &v1alpha1.SeatLedger{}, cache.BlockUntilSynced(false))
	if err != nil {
		return nil, nil, fmt.Errorf("watch the books of seats: %w", err)
	}
	_, err = informer.AddEventHandler(toolscache.ResourceEventHandlerFuncs{
		AddFunc:    func(obj any) { observe(books, obj) },
		UpdateFunc: func(_, obj any) { observe(books, obj) },
		DeleteFunc: func(obj any) { forget(books, obj) },
	})
	return books, live, err
}

// writerName is this process's name in the books: the Pod's, for people, and what
// no other process has.
func writerName() string {
	const own, most = 8, 40
	host, err := os.Hostname()
	if err != nil {
		host = "replica"
	}
	return host[:min(len(host), most)] + "-" + strings.ToLower(rand.Text()[:own])
}

func observe(books *seats.Books, obj any) {
	if l, ok := obj.(*v1alpha1.SeatLedger); ok {
		books.Observe(l)
	}
}

func forget(books *seats.Books, obj any) {
	if gone, ok := obj.(toolscache.DeletedFinalStateUnknown); ok {
		obj = gone.Obj
	}
	if l, ok := obj.(*v1alpha1.SeatLedger); ok {
		books.Forget(l)
	}
}
