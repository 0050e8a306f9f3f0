// Copyright The license-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package controllers

import (
	"time"

	"k8s.io/apimachinery/pkg/types"
	"k8s.io/utils/clock"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/manager"

	"github.com/license-operator/license-operator/controllers/accesskey"
	"github.com/license-operator/license-operator/controllers/activation"
	"github.com/license-operator/license-operator/controllers/checkout"
	"github.com/license-operator/license-operator/controllers/kit"
	"github.com/license-operator/license-operator/controllers/lifecycle"
	"github.com/license-operator/license-operator/controllers/operatorsecrets"
	"github.com/license-operator/license-operator/controllers/product"
	"github.com/license-operator/license-operator/controllers/seatledger"
	"github.com/license-operator/license-operator/controllers/subscription"
	"github.com/license-operator/license-operator/controllers/usage"
	"github.com/license-operator/license-operator/internal/notify"
	"github.com/license-operator/license-operator/internal/seats"
	"github.com/license-operator/license-operator/internal/secrets"
	"github.com/license-operator/license-operator/internal/store"
)

// Config is what the controllers need beside the manager.
type Config struct {
	Names store.Names
	Keys  *secrets.Holder
	Books *seats.Books
	// Live asks the API server, and is not throttled.
	Live client.Client
	// Trusted says whether the clock may end checkouts.
	Trusted func() bool
	// ProjectionRate is in LicenseCheckouts a second.
	ProjectionRate float64
	// PagesURL is where browsers reach the endpoint, LinkLifetime how long a link
	// to a page is good.
	PagesURL     string
	LinkLifetime time.Duration
	// KeysSecret is where Keys comes from.
	KeysSecret types.NamespacedName
	// Webhooks posts notifications.
	Webhooks notify.Sender
	// OperatorSecrets are read again by every replica when they change.
	OperatorSecrets operatorsecrets.Readers
}

// Setup adds every controller to a manager: this is the one list.
func Setup(mgr manager.Manager, cfg Config, clk clock.Clock) error {
	newKit := func(name string) kit.Kit {
		return kit.Kit{Clock: clk, Client: mgr.GetClient(), Recorder: mgr.GetEventRecorder(name)}
	}
	failures := kit.NewFailures()
	for _, c := range []interface{ Setup(manager.Manager) error }{
		&product.Controller{Kit: newKit("product"), Names: cfg.Names, Keys: cfg.Keys, KeysSecret: cfg.KeysSecret},
		&subscription.Controller{Kit: newKit("subscription"), Names: cfg.Names, Books: cfg.Books, Projection: failures,
			Links: subscription.NewLinks(cfg.PagesURL, cfg.LinkLifetime, cfg.Keys)},
		lifecycle.New(newKit("lifecycle"), cfg.Names, notify.NewDispatcher(cfg.Webhooks)),
		&activation.Controller{Kit: newKit("activation"), Names: cfg.Names},
		&accesskey.Controller{Kit: newKit("accesskey"), Names: cfg.Names},
		&checkout.Controller{Kit: newKit("checkout"), Live: cfg.Live, Books: cfg.Books, Names: cfg.Names, Keys: cfg.Keys, KeysSecret: cfg.KeysSecret},
		&checkout.Reservations{Client: mgr.GetClient(), Books: cfg.Books},
		seatledger.New(seatledger.Config{Kit: newKit("seatledger"), Live: cfg.Live, Books: cfg.Books,
			ProjectionRate: cfg.ProjectionRate, Busy: cfg.Books.Busy, Trusted: cfg.Trusted, Failures: failures}),
		&seatledger.Auditor{Clock: clk, Client: mgr.GetClient(), Books: cfg.Books, Log: mgr.GetLogger().WithName("audit")},
		&usage.Retention{Clock: clk, Products: mgr.GetClient(), Live: cfg.Live, Trusted: cfg.Trusted, Log: mgr.GetLogger().WithName("usage")},
		&operatorsecrets.Controller{Client: mgr.GetClient(), Readers: cfg.OperatorSecrets},
	} {
		if err := c.Setup(mgr); err != nil {
			return err
		}
	}
	return nil
}
