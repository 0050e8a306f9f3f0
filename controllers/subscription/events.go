// Copyright The license-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package subscription

import (
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/license-operator/license-operator/controllers/kit"
	"github.com/license-operator/license-operator/internal/licensing"
)

// standingChanged tells that the customer may or may not use the product from
// now on.
func standingChanged(s licensing.Standing) kit.Event {
	if s.Subscribed {
		return kit.Event{Type: corev1.EventTypeNormal, Reason: s.Reason, Action: "Subscribe", Note: s.Message}
	}
	return kit.Event{Type: corev1.EventTypeWarning, Reason: s.Reason, Action: "Unsubscribe", Note: s.Message}
}

// unknownEntitlement tells that an override fits nothing.
func unknownEntitlement(message string) kit.Event {
	return kit.Event{Type: corev1.EventTypeWarning, Reason: "UnknownEntitlement", Action: "Entitle", Note: message}
}

// linksNotWritten tells that the links to the pages are not in their Secret.
func linksNotWritten(ready metav1.Condition) kit.Event {
	return kit.Event{Type: corev1.EventTypeWarning, Reason: ready.Reason, Action: "Link", Note: ready.Message}
}
