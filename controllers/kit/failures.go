// Copyright The license-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package kit

import (
	"sync"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/event"

	"github.com/license-operator/license-operator/api/v1alpha1"
)

// pendingChanges is how many changes may wait for the controller that tells of
// them.
const pendingChanges = 1024

// Failures says what fails for which Subscriptions. One controller finds out,
// another one, which writes their status, tells.
type Failures struct {
	mu      sync.Mutex
	failing map[types.NamespacedName]map[string]struct{}
	changes chan event.GenericEvent
}

// NewFailures returns an empty list.
func NewFailures() *Failures {
	return &Failures{
		failing: map[types.NamespacedName]map[string]struct{}{},
		changes: make(chan event.GenericEvent, pendingChanges),
	}
}

// Set says whether a part of a Subscription fails, and reports whether it is
// another answer than before for the whole Subscription.
func (f *Failures) Set(subscription types.NamespacedName, part string, failing bool) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	parts := f.failing[subscription]
	before := len(parts) > 0
	switch {
	case failing && parts == nil:
		f.failing[subscription] = map[string]struct{}{part: {}}
	case failing:
		parts[part] = struct{}{}
	default:
		delete(parts, part)
		if len(parts) == 0 {
			delete(f.failing, subscription)
		}
	}
	if before == (len(f.failing[subscription]) > 0) {
		return false
	}
	select {
	case f.changes <- event.GenericEvent{Object: &v1alpha1.Subscription{
		ObjectMeta: metav1.ObjectMeta{Namespace: subscription.Namespace, Name: subscription.Name}}}:
	default: // The Subscription is told of at its next turn.
	}
	return true
}

// Failing says whether anything fails for a Subscription. Nothing fails of no
// list.
func (f *Failures) Failing(subscription types.NamespacedName) bool {
	if f == nil {
		return false
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	return len(f.failing[subscription]) > 0
}

// Changes are the Subscriptions for which the answer has become another one.
func (f *Failures) Changes() <-chan event.GenericEvent { return f.changes }
