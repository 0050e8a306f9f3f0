// Copyright The license-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package checkout

import (
	"context"
	"fmt"

	"k8s.io/utils/ptr"
	"sigs.k8s.io/controller-runtime/pkg/builder"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/controller"
	"sigs.k8s.io/controller-runtime/pkg/handler"
	"sigs.k8s.io/controller-runtime/pkg/manager"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"

	"github.com/license-operator/license-operator/api/v1alpha1"
	"github.com/license-operator/license-operator/controllers/kit"
	"github.com/license-operator/license-operator/internal/licensing"
	"github.com/license-operator/license-operator/internal/seats"
	"github.com/license-operator/license-operator/internal/store"
)

// Reservations keep what the queue needs from being given away through the API.
// Every replica runs them, for every replica grants; the leader's grants to the
// queue itself are not held back by them.
type Reservations struct {
	// Client reads from the cache.
	Client client.Reader
	Books  interface {
		Reserve(ctx context.Context, key seats.Key, units map[string]int64) error
	}
}

// Setup adds the reservations to a manager.
func (r *Reservations) Setup(mgr manager.Manager) error {
	return builder.ControllerManagedBy(mgr).
		Named("reservations").
		Watches(&v1alpha1.LicenseCheckout{}, handler.EnqueueRequestsFromMapFunc(ofCheckout), builder.WithPredicates(kit.QueueChanged())).
		WithOptions(controller.Options{NeedLeaderElection: ptr.To(false)}).
		Complete(r)
}

// Reconcile reserves what the queue of one Subscription needs.
func (r *Reservations) Reconcile(ctx context.Context, req reconcile.Request) (reconcile.Result, error) {
	list := &v1alpha1.LicenseCheckoutList{}
	if err := r.Client.List(ctx, list, client.InNamespace(req.Namespace), client.UnsafeDisableDeepCopy,
		client.MatchingFields{store.IndexLicenseCheckoutQueued: req.Name}); err != nil {
		return reconcile.Result{}, fmt.Errorf("list the queue: %w", err)
	}
	if err := r.Books.Reserve(ctx, req.NamespacedName, licensing.QueueNeeds(list.Items)); err != nil {
		return reconcile.Result{}, fmt.Errorf("reserve what the queue needs: %w", err)
	}
	return reconcile.Result{}, nil
}
