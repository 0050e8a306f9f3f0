// Copyright The license-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package seatledger

import (
	"time"

	corev1 "k8s.io/api/core/v1"

	"github.com/license-operator/license-operator/api/v1alpha1"
	"github.com/license-operator/license-operator/controllers/kit"
)

// bookFrozen tells that the book is older than a checkout that it gave.
func bookFrozen(until time.Time) kit.Event {
	return kit.Event{Type: corev1.EventTypeWarning, Reason: "BookFrozen", Action: "Freeze",
		Note: "A checkout is known that the book of seats does not know: an older backup was restored. " +
			"Nothing is granted until everything that was granted before has ended, at " + until.UTC().Format(time.RFC3339)}
}

// bookThawed tells that seats are granted again.
func bookThawed() kit.Event {
	return kit.Event{Type: corev1.EventTypeNormal, Reason: "BookThawed", Action: "Thaw",
		Note: "Everything that was granted before the restore has ended; seats are granted again"}
}

// projectionFailed tells that the API server refuses LicenseCheckouts.
func projectionFailed(err error) kit.Event {
	return kit.Event{Type: corev1.EventTypeWarning, Reason: v1alpha1.ReasonProjectionFailed, Action: "Project",
		Note: "Seats are granted, but their LicenseCheckouts can't be made; look for a quota or a policy of the namespace: " + err.Error()}
}
