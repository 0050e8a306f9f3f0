// Copyright The license-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package kit

import (
	"sigs.k8s.io/controller-runtime/pkg/event"
	"sigs.k8s.io/controller-runtime/pkg/predicate"

	"github.com/license-operator/license-operator/api/v1alpha1"
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
