// Copyright The license-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package licensing

import (
	"testing"

	"github.com/google/go-cmp/cmp"
	"k8s.io/utils/ptr"

	"github.com/license-operator/license-operator/api/v1alpha1"
	"github.com/license-operator/license-operator/test/builder"
)

func TestEntitlements(t *testing.T) {
	product := builder.Product("render-farm").WithFeature("gpu", "Enabled").WithSeats("seats", 10).
		WithEntitlement(v1alpha1.Entitlement{Name: "traffic", Unit: "Gigabytes", MaxCount: ptr.To[int64](5), Overage: v1alpha1.Allowed})
	gpu := func(value string) v1alpha1.Entitlement {
		return v1alpha1.Entitlement{Name: "gpu", Unit: v1alpha1.UnitNone, Value: value}
	}
	seats := func(count int64) v1alpha1.Entitlement {
		return v1alpha1.Entitlement{Name: "seats", Unit: v1alpha1.UnitCount, MaxCount: &count}
	}
	traffic := func(count int64) v1alpha1.Entitlement {
		return v1alpha1.Entitlement{Name: "traffic", Unit: "Gigabytes", MaxCount: &count, Overage: v1alpha1.Allowed}
	}
	type list = []v1alpha1.Entitlement
	for name, test := range map[string]struct {
		product      *builder.ProductBuilder
		subscription *builder.SubscriptionBuilder
		merged       list
		unknown      []string
	}{
		"the Product's without overrides": {
			product, sub(), list{gpu("Enabled"), seats(10), traffic(5)}, nil},
		"overrides keep the Product's order and its other fields": {
			product, sub().WithSeats("traffic", 9).WithSeats("seats", 25).WithFeature("gpu", "Fast"),
			list{gpu("Fast"), seats(25), traffic(9)}, nil},
		"an override may lower, to 0 as well": {
			product, sub().WithSeats("seats", 0), list{gpu("Enabled"), seats(0), traffic(5)}, nil},
		"an unknown name adds nothing": {
			product, sub().WithSeats("rooms", 3), list{gpu("Enabled"), seats(10), traffic(5)}, []string{"rooms"}},
		"a count for a feature": {
			product, sub().WithSeats("gpu", 3), list{gpu("Enabled"), seats(10), traffic(5)}, []string{"gpu"}},
		"a value for what is counted": {
			product, sub().WithFeature("seats", "Many"), list{gpu("Enabled"), seats(10), traffic(5)}, []string{"seats"}},
		"unknown ones come in the order of the spec": {
			product, sub().WithSeats("z", 1).WithSeats("seats", 3).WithSeats("a", 1), list{gpu("Enabled"), seats(3), traffic(5)}, []string{"z", "a"}},
		"a Product without any": {
			builder.Product("render-farm"), sub().WithSeats("seats", 3), nil, []string{"seats"}},
	} {
		t.Run(name, func(t *testing.T) {
			p, s := test.product.Build(), test.subscription.Build()
			before, beforeSub := p.DeepCopy(), s.DeepCopy()
			merged, unknown := Entitlements(p, s)
			if diff := cmp.Diff(test.merged, merged); diff != "" {
				t.Errorf("merged (-want +got):\n%s", diff)
			}
			if diff := cmp.Diff(test.unknown, unknown); diff != "" {
				t.Errorf("unknown (-want +got):\n%s", diff)
			}
			if diff := cmp.Diff(before, p) + cmp.Diff(beforeSub, s); diff != "" {
				t.Errorf("the objects, which may be the cache's, were changed:\n%s", diff)
			}
		})
	}
}
