// Copyright The license-operator Authors.
// SPDX-License-Identifier: Apache-2.0

// Package app runs the operator: one manager with the controllers, which the
// leader runs, and the endpoint, which every replica serves.
package app

import (
	"context"
	"fmt"
	"net"
	"time"

	"github.com/go-logr/logr"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/types"
	utilruntime "k8s.io/apimachinery/pkg/util/runtime"
	clientgoscheme "k8s.io/client-go/kubernetes/scheme"
	"k8s.io/client-go/rest"
	"k8s.io/utils/clock"
	"k8s.io/utils/ptr"
	"sigs.k8s.io/controller-runtime/pkg/cache"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/config"
	"sigs.k8s.io/controller-runtime/pkg/healthz"
	"sigs.k8s.io/controller-runtime/pkg/manager"
	metricsserver "sigs.k8s.io/controller-runtime/pkg/metrics/server"

	"github.com/license-operator/license-operator/api/v1alpha1"
	"github.com/license-operator/license-operator/controllers"
	"github.com/license-operator/license-operator/controllers/checkout"
	"github.com/license-operator/license-operator/internal/options"
	"github.com/license-operator/license-operator/internal/seats"
	"github.com/license-operator/license-operator/internal/secrets"
	"github.com/license-operator/license-operator/internal/store"
	"github.com/license-operator/license-operator/webhook"
)

const (
	// leaderID is the name of the Lease that replicas contend for.
	leaderID = "license-operator"
	// A leader that can't renew its lease ends, and the endpoint of its process
	// with it, so an API server that is away for a moment must not do that. A
	// leader that is asked to stop hands over at once.
	leaseDuration = 30 * time.Second
	renewDeadline = 25 * time.Second
	retryPeriod   = 3 * time.Second
	// gracefulShutdown is longer than the endpoint takes to finish.
	gracefulShutdown = 90 * time.Second
	// concurrentReconciles is per controller: each waits for the API server
	// most of its time.
	concurrentReconciles = 8
)

// NewScheme returns a scheme with Kubernetes' own kinds and ours.
func NewScheme() *runtime.Scheme {
	s := runtime.NewScheme()
	utilruntime.Must(clientgoscheme.AddToScheme(s))
	utilruntime.Must(v1alpha1.AddToScheme(s))
	return s
}

// Run runs the operator until ctx ends. The listener is the endpoint's, without
// TLS; Run closes it.
func Run(ctx context.Context, cfg *rest.Config, o *options.Options, listener net.Listener, log logr.Logger, clk clock.WithTicker) error {
	defer func() { _ = listener.Close() }()
	cfg = rest.CopyConfig(cfg)
	cfg.QPS, cfg.Burst = o.APIRate, o.APIBurst
	guard := seats.NewClockGuard(clk, o.MaxClockSkew)
	cfg.Wrap(guard.Wrap)
	scheme := NewScheme()
	// The keys come before the manager: indexes are computed with them.
	live, err := client.New(cfg, client.Options{Scheme: scheme})
	if err != nil {
		return fmt.Errorf("connect to the API server: %w", err)
	}
	keys := &secrets.Holder{}
	loaded, err := loadKeys(ctx, live, o, log, clk)
	if err != nil {
		return err
	}
	if err := keys.Set(loaded); err != nil {
		return err
	}
	mgr, err := newManager(cfg, o, scheme, log)
	if err != nil {
		return err
	}
	names := store.Names{Identity: loaded.Identity}
	if err := store.SetupIndexes(ctx, mgr.GetCache(), names); err != nil {
		return fmt.Errorf("set up the indexes: %w", err)
	}
	tlsConfig, readers, err := setupTLS(ctx, mgr, live, o, log, clk)
	if err != nil {
		return err
	}
	readers[o.KeysSecret] = func(data map[string][]byte) error {
		changed, err := secrets.Parse(data)
		if err != nil {
			return err
		}
		return keys.Set(changed)
	}
	// What runs in the books ends after the endpoint has answered.
	booksCtx, closeBooks := context.WithCancel(context.WithoutCancel(ctx))
	defer closeBooks()
	books, unbounded, err := openBooks(booksCtx, mgr, cfg, o, guard, log, clk)
	if err != nil {
		return err
	}
	webhooks, err := webhookClient(cfg, o, clk)
	if err != nil {
		return err
	}
	cfgControllers := controllers.Config{
		Names: names, Keys: keys, Books: books, Live: unbounded, OperatorSecrets: readers,
		Trusted: guard.Trusted, ProjectionRate: o.ProjectionRate, Webhooks: webhooks,
		PagesURL: o.PagesURL(), LinkLifetime: o.LinkLifetime,
		KeysSecret: types.NamespacedName{Namespace: o.Namespace, Name: o.KeysSecret},
	}
	if err := controllers.Setup(mgr, cfgControllers, clk); err != nil {
		return fmt.Errorf("set up the controllers: %w", err)
	}
	reader, err := store.NewReader(ctx, mgr.GetCache())
	if err != nil {
		return err
	}
	endpoint := webhook.NewEndpoint(endpointConfig(o), webhook.Parts{
		Clock: clk, Store: store.New(names, reader, live, clk), Keys: keys, Books: books, Live: live, Usage: store.NewUsageRecords(unbounded)})
	server := webhook.NewServer(listener, tlsConfig, endpoint, log.WithName("endpoint"), o.ShutdownDelay, clk)
	if err := mgr.Add(server); err != nil {
		return err
	}
	if err := mgr.AddReadyzCheck("endpoint", server.Ready); err != nil {
		return err
	}
	if err := mgr.AddHealthzCheck("ping", healthz.Ping); err != nil {
		return err
	}
	return mgr.Start(ctx)
}

func newManager(cfg *rest.Config, o *options.Options, scheme *runtime.Scheme, log logr.Logger) (manager.Manager, error) {
	timeout := gracefulShutdown
	unique := true
	return manager.New(cfg, manager.Options{
		Scheme:                        scheme,
		Logger:                        log,
		Cache:                         cacheOptions(o),
		Metrics:                       metricsserver.Options{BindAddress: o.MetricsAddress},
		HealthProbeBindAddress:        o.HealthAddress,
		LeaderElection:                o.LeaderElect,
		LeaderElectionID:              leaderID,
		LeaderElectionNamespace:       o.Namespace,
		LeaderElectionReleaseOnCancel: true,
		LeaseDuration:                 ptr.To(leaseDuration),
		RenewDeadline:                 ptr.To(renewDeadline),
		RetryPeriod:                   ptr.To(retryPeriod),
		GracefulShutdownTimeout:       &timeout,
		Controller:                    config.Controller{SkipNameValidation: &unique, MaxConcurrentReconciles: concurrentReconciles},
	})
}

// cacheOptions say what the cache keeps.
func cacheOptions(o *options.Options) cache.Options {
	pods, holders := checkout.HolderPods()
	return cache.Options{
		DefaultTransform: store.NewCompactor().Transform,
		// Secrets elsewhere may not be read.
		ByObject: map[client.Object]cache.ByObject{
			&corev1.Secret{}: {Namespaces: map[string]cache.Config{o.Namespace: {}}},
			pods:             holders,
		},
	}
}

func endpointConfig(o *options.Options) webhook.Config {
	return webhook.Config{
		PathPrefix:    o.PathPrefix,
		AllowVersion0: o.AllowSignatureVersion0, AllowVersion1: o.AllowSignatureVersion1,
		CallerRate: o.CallerRate, CallerBurst: o.CallerBurst,
		AnonymousRate: o.AnonymousRate, AnonymousBurst: o.AnonymousBurst,
	}
}
