// Copyright The license-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package lifecycle

import (
	corev1 "k8s.io/api/core/v1"

	"github.com/license-operator/license-operator/api/v1alpha1"
	"github.com/license-operator/license-operator/controllers/kit"
)

// happened tells what has become of the subscription.
func happened(action v1alpha1.NotificationAction) kit.Event {
	switch action {
	case v1alpha1.ActionSubscribeSuccess:
		return kit.Event{Type: corev1.EventTypeNormal, Reason: "Subscribed", Action: "Subscribe",
			Note: "The customer has subscribed; usage is accepted"}
	case v1alpha1.ActionSubscribeFail:
		return kit.Event{Type: corev1.EventTypeWarning, Reason: "SubscribeFailed", Action: "Subscribe",
			Note: "The subscription is over before it was ever active"}
	case v1alpha1.ActionUnsubscribePending:
		return kit.Event{Type: corev1.EventTypeNormal, Reason: "UnsubscribePending", Action: "Unsubscribe",
			Note: "The subscription has ended; its last usage is accepted for one hour from its end"}
	case v1alpha1.ActionUnsubscribeSuccess:
		return kit.Event{Type: corev1.EventTypeNormal, Reason: "Unsubscribed", Action: "Unsubscribe",
			Note: "The subscription ended an hour ago; no more usage is accepted"}
	default:
		return kit.Event{Type: corev1.EventTypeNormal, Reason: "EntitlementsUpdated", Action: "Entitle",
			Note: "What the customer is entitled to, or until when, has changed"}
	}
}

// failed tells that the webhook does not take notifications.
func failed(message string) kit.Event {
	return kit.Event{Type: corev1.EventTypeWarning, Reason: v1alpha1.ReasonDeliveryFailed, Action: "Notify", Note: message}
}

// abandoned tells that a notification is given up.
func abandoned(action v1alpha1.NotificationAction) kit.Event {
	return kit.Event{Type: corev1.EventTypeWarning, Reason: v1alpha1.ReasonDeliveryAbandoned, Action: "Notify",
		Note: "The notification " + string(action) + " was tried for three days and is given up"}
}

// superseded tells that a notification is left out because too many wait.
func superseded(action v1alpha1.NotificationAction) kit.Event {
	return kit.Event{Type: corev1.EventTypeWarning, Reason: "NotificationSuperseded", Action: "Notify",
		Note: "16 notifications wait for the webhook; an older " + string(action) + " is left out, since a later one says the same"}
}
