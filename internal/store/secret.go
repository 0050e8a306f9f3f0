// Copyright The license-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package store

import (
	"context"
	"errors"
	"slices"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
	corev1ac "k8s.io/client-go/applyconfigurations/core/v1"
	metav1ac "k8s.io/client-go/applyconfigurations/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/license-operator/license-operator/api/v1alpha1"
)

// secretType marks the operator's Secrets. A Secret's type can't be changed, so
// one that a user made under the same name is never taken over, and never goes
// with an owner that we would have given it.
const secretType corev1.SecretType = "license-operator.dev/credentials"

// ErrSecretConflict says that a Secret exists that somebody else holds, or
// whose key somebody else has written.
var ErrSecretConflict = errors.New("the Secret or its key is somebody else's")

// ApplySecret writes one Secret beside its owner, by server-side apply and
// without force: the operator may not read Secrets in vendors' namespaces and
// must not overwrite what is not its own. Applying the same again changes
// nothing. The Secret goes with its owner.
func ApplySecret(ctx context.Context, c client.Client, owner client.Object, kind schema.GroupVersionKind, name string, data map[string]string, opts ...client.ApplyOption) error {
	bytes := make(map[string][]byte, len(data))
	for key, value := range data {
		bytes[key] = []byte(value)
	}
	apply := corev1ac.Secret(name, owner.GetNamespace()).
		WithLabels(map[string]string{"app.kubernetes.io/managed-by": v1alpha1.FieldOwner}).
		WithOwnerReferences(metav1ac.OwnerReference().
			WithAPIVersion(kind.GroupVersion().String()).WithKind(kind.Kind).
			WithName(owner.GetName()).WithUID(owner.GetUID()).WithController(true)).
		WithType(secretType).
		WithData(bytes)
	err := c.Apply(ctx, apply, append(opts, client.FieldOwner(v1alpha1.FieldOwner))...)
	if apierrors.IsConflict(err) || isForeign(err) {
		return ErrSecretConflict
	}
	return err
}

// isForeign says whether the API server refused the Secret for what was there
// before: another type, immutable data, another controller. A policy's refusal
// has the same reason and names none of these fields.
func isForeign(err error) bool {
	status, ok := errors.AsType[*apierrors.StatusError](err)
	if !ok || !apierrors.IsInvalid(err) || status.ErrStatus.Details == nil {
		return false
	}
	return slices.ContainsFunc(status.ErrStatus.Details.Causes, func(c metav1.StatusCause) bool {
		return c.Field == "type" || c.Field == "data" || c.Field == "metadata.ownerReferences"
	})
}
