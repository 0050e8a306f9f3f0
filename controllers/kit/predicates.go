// Copyright The license-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package kit

import (
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/event"
	"sigs.k8s.io/controller-runtime/pkg/predicate"

	"github.com/license-operator/license-operator/api/v1alpha1"
	"github.com/license-operator/license-operator/internal/licensing"
	"github.com/license-operator/license-operator/internal/store"
)

// IdentifiersChanged passes a Subscription that appears, goes, or gets its
// identifiers: all that Activations and AccessKeys depend on.
type IdentifiersChanged struct{ predicate.Funcs }

// Update implements predicate.Predicate.
func (IdentifiersChanged) Update(e event.UpdateEvent) bool {
	before, ok := e.ObjectOld.(*v1alpha1.Subscription)
	after, ok2 := e.ObjectNew.(*v1alpha1.Subscription)
	return ok && ok2 && before.Status.PersistentIdentifier != after.Status.PersistentIdentifier
}

// CreatedOrDeleted passes an object that appears or goes.
func CreatedOrDeleted() predicate.Predicate {
	return predicate.Funcs{UpdateFunc: func(event.UpdateEvent) bool { return false }}
}

// QueueChanged passes LicenseCheckouts of users that come to the queue of their
// Subscription or leave it: nothing else changes what the queue needs.
func QueueChanged() predicate.Predicate {
	return predicate.Funcs{
		CreateFunc: func(e event.CreateEvent) bool { return inQueue(e.Object) },
		UpdateFunc: func(e event.UpdateEvent) bool { return inQueue(e.ObjectOld) != inQueue(e.ObjectNew) },
		DeleteFunc: func(e event.DeleteEvent) bool { return inQueue(e.Object) },
	}
}

func inQueue(o client.Object) bool {
	co, ok := o.(*v1alpha1.LicenseCheckout)
	return ok && store.BlockOf(co) == "" && licensing.Queued(co)
}
