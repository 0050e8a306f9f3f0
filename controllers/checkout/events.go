// Copyright The license-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package checkout

import (
	"fmt"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/license-operator/license-operator/api/v1alpha1"
	"github.com/license-operator/license-operator/controllers/kit"
)

// newsOf is what a request's new status tells that the old one did not.
func newsOf(r *request) []kit.Event {
	var news []kit.Event
	released, changed := change(r, v1alpha1.ConditionReleased)
	if changed && released.Status == metav1.ConditionTrue {
		news = append(news, kit.Event{Type: corev1.EventTypeNormal, Reason: released.Reason, Action: "Release", Note: released.Message})
	}
	granted, changed := change(r, v1alpha1.ConditionGranted)
	if !changed {
		return news
	}
	e := kit.Event{Type: corev1.EventTypeWarning, Reason: granted.Reason, Action: "Grant", Note: granted.Message}
	switch granted.Reason {
	case released.Reason, v1alpha1.ReasonWaitingForHolder, v1alpha1.ReasonPending:
		return news
	case v1alpha1.ReasonGranted:
		e.Type = corev1.EventTypeNormal
	case v1alpha1.ReasonQueued:
		e.Type, e.Note = corev1.EventTypeNormal, fmt.Sprintf("It waits in the queue at place %d", r.position)
	}
	return append(news, e)
}

// change is a condition as it is to be, and whether it says something else than
// before.
func change(r *request, kind string) (metav1.Condition, bool) {
	is := meta.FindStatusCondition(r.obj.Status.Conditions, kind)
	was := meta.FindStatusCondition(r.base.Status.Conditions, kind)
	return *is, was == nil || was.Status != is.Status || was.Reason != is.Reason
}
