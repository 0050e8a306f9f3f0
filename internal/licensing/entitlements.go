// Copyright The license-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package licensing

import "github.com/license-operator/license-operator/api/v1alpha1"

// Entitlements returns a Subscription's entitlements: the Product's in their
// order, with the Subscription's overrides merged in by name. unknown are the
// overrides that name nothing the Product has, or set a value of the wrong
// kind; they add nothing.
func Entitlements(product *v1alpha1.Product, sub *v1alpha1.Subscription) (merged []v1alpha1.Entitlement, unknown []string) {
	overrides := make(map[string]v1alpha1.EntitlementOverride, len(sub.Spec.Entitlements))
	for _, o := range sub.Spec.Entitlements {
		overrides[o.Name] = o
	}
	for _, e := range product.Spec.License.Entitlements {
		o, found := overrides[e.Name]
		switch {
		case found && o.MaxCount != nil && e.Unit != v1alpha1.UnitNone:
			e.MaxCount = o.MaxCount
			delete(overrides, e.Name)
		case found && o.MaxCount == nil && e.Unit == v1alpha1.UnitNone:
			e.Value = o.Value
			delete(overrides, e.Name)
		}
		merged = append(merged, e)
	}
	for _, o := range sub.Spec.Entitlements {
		if _, left := overrides[o.Name]; left {
			unknown = append(unknown, o.Name)
		}
	}
	return merged, unknown
}
