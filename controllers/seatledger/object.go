// Copyright The license-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package seatledger

import (
	"k8s.io/apimachinery/pkg/api/equality"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/ptr"

	"github.com/license-operator/license-operator/api/v1alpha1"
	"github.com/license-operator/license-operator/internal/seats"
	"github.com/license-operator/license-operator/internal/store"
)

// objectOf is the LicenseCheckout that stands for an entry, without its status.
// It has no owner: what a backup brings back would be collected with an owner
// of before.
func objectOf(key seats.Key, e *seats.Entry) *v1alpha1.LicenseCheckout {
	co := &v1alpha1.LicenseCheckout{
		ObjectMeta: metav1.ObjectMeta{
			Namespace: key.Namespace, Name: store.ProjectionName(e.ID),
			Labels: store.ProjectionLabels(key, e.Block),
		},
		Spec: v1alpha1.LicenseCheckoutSpec{
			SubscriptionRef: v1alpha1.LocalReference{Name: key.Name},
			Type:            e.Type,
			NodeID:          e.NodeID,
			WhenUnavailable: v1alpha1.WhenUnavailableFail,
		},
	}
	for _, item := range e.Items {
		request := v1alpha1.EntitlementRequest{Name: item.Name}
		if item.Quantity > 0 {
			request.Quantity = ptr.To(item.Quantity)
		}
		co.Spec.Entitlements = append(co.Spec.Entitlements, request)
	}
	return co
}

// statusOf is its status. It follows from the entry alone: the seats have been
// held since they were granted.
func statusOf(e *seats.Entry, generation int64) v1alpha1.LicenseCheckoutStatus {
	condition := func(kind string, status metav1.ConditionStatus, reason, message string) metav1.Condition {
		return metav1.Condition{Type: kind, Status: status, Reason: reason, Message: message,
			ObservedGeneration: generation, LastTransitionTime: metav1.NewTime(e.IssueTime)}
	}
	status := v1alpha1.LicenseCheckoutStatus{
		ObservedGeneration: generation,
		IssueTime:          ptr.To(metav1.NewTime(e.IssueTime)),
		Conditions: []metav1.Condition{
			condition(v1alpha1.ConditionGranted, metav1.ConditionTrue, v1alpha1.ReasonGranted,
				"A checkout through the API holds the seats; delete this object to give them back"),
			condition(v1alpha1.ConditionReleased, metav1.ConditionFalse, v1alpha1.ReasonHeld, "The seats are held"),
		},
	}
	if !e.ExpirationTime.IsZero() {
		status.ExpirationTime = ptr.To(metav1.NewTime(e.ExpirationTime))
	}
	for _, item := range e.Items {
		allowed := v1alpha1.AllowedEntitlement{Name: item.Name, Unit: item.Unit, Value: item.Value}
		if item.Quantity > 0 {
			allowed.Quantity = ptr.To(item.Quantity)
		}
		status.EntitlementsAllowed = append(status.EntitlementsAllowed, allowed)
	}
	return status
}

// current says whether a status is that of an entry, by what the cache keeps of
// it: all else is written with it.
func current(status *v1alpha1.LicenseCheckoutStatus, e *seats.Entry, generation int64) bool {
	return status.ObservedGeneration == generation &&
		status.IssueTime != nil && status.IssueTime.Time.Equal(e.IssueTime) &&
		ptr.Deref(status.ExpirationTime, metav1.Time{}).Time.Equal(e.ExpirationTime)
}

// sameSpec says whether an object stands for an entry: another entry may have
// had the same id before.
func sameSpec(co *v1alpha1.LicenseCheckout, e *seats.Entry) bool {
	want := objectOf(seats.Key{Namespace: co.Namespace, Name: co.Spec.SubscriptionRef.Name}, e)
	return equality.Semantic.DeepEqual(co.Spec, want.Spec)
}
