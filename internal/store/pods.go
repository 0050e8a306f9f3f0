// Copyright The license-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package store

import (
	"context"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

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

// PodGone says whether a Pod is gone or has finished, as the API server says:
// what the cache does not show may only not have come yet.
func PodGone(ctx context.Context, live client.Reader, namespace, name, uid string) (bool, error) {
	pod := &corev1.Pod{}
	err := live.Get(ctx, client.ObjectKey{Namespace: namespace, Name: name}, pod)
	switch {
	case apierrors.IsNotFound(err):
		return true, nil
	case err != nil:
		return false, err
	}
	finished := pod.Status.Phase == corev1.PodSucceeded || pod.Status.Phase == corev1.PodFailed
	return finished || string(pod.UID) != uid, nil
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
