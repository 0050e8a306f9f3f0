// Copyright The license-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package licensing

import (
	"k8s.io/apimachinery/pkg/api/meta"

	"github.com/license-operator/license-operator/api/v1alpha1"
)

// Queued says whether a LicenseCheckout waits in the queue, or will unless it
// is granted when it is first looked at. It is meant for those that users have
// made.
func Queued(co *v1alpha1.LicenseCheckout) bool {
	if co.Spec.WhenUnavailable == v1alpha1.WhenUnavailableFail || !co.DeletionTimestamp.IsZero() {
		return false
	}
	granted := meta.FindStatusCondition(co.Status.Conditions, v1alpha1.ConditionGranted)
	return granted == nil || granted.Reason == v1alpha1.ReasonQueued
}

// QueueNeeds is how many units of each entitlement LicenseCheckouts that are
// Queued wait for; nil for none.
func QueueNeeds(queued []v1alpha1.LicenseCheckout) map[string]int64 {
	var units map[string]int64
	for i := range queued {
		if !Queued(&queued[i]) {
			continue
		}
		for _, e := range queued[i].Spec.Entitlements {
			if e.Quantity != nil {
				if units == nil {
					units = map[string]int64{}
				}
				units[e.Name] += *e.Quantity
			}
		}
	}
	return units
}

// RankBefore says whether one LicenseCheckout comes before another in the queue:
// the one that was made first, and of one second the one whose name comes first.
func RankBefore(a, b *v1alpha1.LicenseCheckout) bool {
	if !a.CreationTimestamp.Equal(&b.CreationTimestamp) {
		return a.CreationTimestamp.Before(&b.CreationTimestamp)
	}
	return a.Name < b.Name
}
