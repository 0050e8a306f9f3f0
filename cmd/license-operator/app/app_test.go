// Copyright The license-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package app

import (
	"testing"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/license-operator/license-operator/api/v1alpha1"
	"github.com/license-operator/license-operator/internal/options"
	"github.com/license-operator/license-operator/internal/store"
)

func TestTheCacheDoesNotKeepWhoWroteAnObject(t *testing.T) {
	cache := cacheOptions(&options.Options{Namespace: "operator"})
	for name, object := range map[string]client.Object{
		"of a Product":            &v1alpha1.Product{},
		"of a Subscription":       &v1alpha1.Subscription{},
		"of a SeatLedger":         &v1alpha1.SeatLedger{},
		"of a LicenseCheckout":    &v1alpha1.LicenseCheckout{},
		"of a Secret":             &corev1.Secret{},
		"of a Pod, as metadata":   store.PodMetadata(),
		"of a Namespace, as such": store.NamespaceMetadata(),
	} {
		t.Run(name, func(t *testing.T) {
			transform := cache.DefaultTransform
			for o, special := range cache.ByObject {
				if o.GetObjectKind().GroupVersionKind() == object.GetObjectKind().GroupVersionKind() && special.Transform != nil {
					transform = special.Transform
				}
			}
			object.SetManagedFields([]metav1.ManagedFieldsEntry{{Manager: "kubectl"}})
			kept, err := transform(object)
			if err != nil {
				t.Fatal(err)
			}
			if got := kept.(client.Object).GetManagedFields(); got != nil {
				t.Errorf("the cache keeps %v", got)
			}
		})
	}
}
