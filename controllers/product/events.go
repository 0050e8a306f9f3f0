// Copyright The license-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package product

import (
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/license-operator/license-operator/controllers/kit"
)

// readyChanged tells that the product can or can't be used from now on.
func readyChanged(ready metav1.Condition) kit.Event {
	kind := corev1.EventTypeNormal
	if ready.Status != metav1.ConditionTrue {
		kind = corev1.EventTypeWarning
	}
	return kit.Event{Type: kind, Reason: ready.Reason, Action: "Publish", Note: ready.Message}
}
