// Copyright The license-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package serving

import (
	"context"
	"fmt"

	corev1ac "k8s.io/client-go/applyconfigurations/core/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/license-operator/license-operator/api/v1alpha1"
)

// CAConfigMapName is the name of the ConfigMap from which clients take the CAs
// to trust, under CADataKey.
const CAConfigMapName = "license-operator-ca"

// Publish writes the CA bundle to the ConfigMap CAConfigMapName by server-side
// apply, so the operator needs no right to read ConfigMaps. It takes the data
// key back from whoever has changed it and leaves other keys alone. Publishing
// the same again changes nothing.
func Publish(ctx context.Context, c client.Client, namespace string, caPEM []byte) error {
	apply := corev1ac.ConfigMap(CAConfigMapName, namespace).
		WithLabels(map[string]string{"app.kubernetes.io/managed-by": v1alpha1.FieldOwner}).
		WithData(map[string]string{CADataKey: string(caPEM)})
	if err := c.Apply(ctx, apply, client.FieldOwner(v1alpha1.FieldOwner), client.ForceOwnership); err != nil {
		return fmt.Errorf("publish the ConfigMap %s/%s: %w", namespace, CAConfigMapName, err)
	}
	return nil
}
