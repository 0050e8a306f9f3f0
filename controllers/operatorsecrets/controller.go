// Copyright The license-operator Authors.
// SPDX-License-Identifier: Apache-2.0

// Package operatorsecrets reads the operator's own Secrets again when they
// change, on every replica: keys that were rotated, a certificate that another
// replica has renewed.
package operatorsecrets

import (
	"context"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/utils/ptr"
	"sigs.k8s.io/controller-runtime/pkg/builder"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/controller"
	logf "sigs.k8s.io/controller-runtime/pkg/log"
	"sigs.k8s.io/controller-runtime/pkg/manager"
	"sigs.k8s.io/controller-runtime/pkg/predicate"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"
)

// Readers take the data of a Secret by its name. An error leaves what was there
// before in use.
type Readers map[string]func(data map[string][]byte) error

// Controller hands changed Secrets to their readers.
type Controller struct {
	Client  client.Client
	Readers Readers
}

// Setup adds the controller to a manager.
func (c *Controller) Setup(mgr manager.Manager) error {
	ours := predicate.NewPredicateFuncs(func(o client.Object) bool { return c.Readers[o.GetName()] != nil })
	return builder.ControllerManagedBy(mgr).
		For(&corev1.Secret{}, builder.WithPredicates(ours)).
		WithOptions(controller.Options{NeedLeaderElection: ptr.To(false)}).
		Named("operatorsecrets").
		Complete(reconcile.AsReconciler(c.Client, c))
}

// Reconcile reads one Secret. One that can't be used is logged, not retried:
// only its next change can mend it.
func (c *Controller) Reconcile(ctx context.Context, s *corev1.Secret) (reconcile.Result, error) {
	log := logf.FromContext(ctx)
	if err := c.Readers[s.Name](s.Data); err != nil {
		log.Error(err, "The Secret has changed and can't be used; going on with what was there before")
		return reconcile.Result{}, nil
	}
	log.V(1).Info("Read the Secret")
	return reconcile.Result{}, nil
}
