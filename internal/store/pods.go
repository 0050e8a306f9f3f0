// Copyright The license-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package store

import (
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/license-operator/license-operator/api/v1alpha1"
	"github.com/license-operator/license-operator/internal/seats"
)

// PodMetadata returns an empty object for reading Pods, of which only the
// metadata is cached, and only of those that have not finished.
func PodMetadata() *metav1.PartialObjectMetadata {
	pod := &metav1.PartialObjectMetadata{}
	pod.SetGroupVersionKind(corev1.SchemeGroupVersion.WithKind("Pod"))
	return pod
}

// PodKey is the value by which IndexSeatLedgerPod knows a Pod.
func PodKey(namespace, name string) string { return namespace + "/" + name }

func ledgerPods(l *v1alpha1.SeatLedger) []string {
	var keys []string
	for _, pod := range seats.Pods(l) {
		keys = append(keys, PodKey(pod.Namespace, pod.Name))
	}
	return keys
}
