// Copyright The license-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package store

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/ptr"

	"github.com/license-operator/license-operator/api/v1alpha1"
	"github.com/license-operator/license-operator/internal/seats"
	"github.com/license-operator/license-operator/test/builder"
)

func TestWhichLicenseCheckoutsStandForEntries(t *testing.T) {
	for name, test := range map[string]struct {
		labels map[string]string
		want   string
	}{
		"one that the operator made":            {ProjectionLabels(seats.Key{Namespace: "acme", Name: "initech"}, 12), "initech-12"},
		"one that a user made":                  {nil, ""},
		"one that a user made and labelled":     {map[string]string{v1alpha1.LabelSubscription: "initech"}, ""},
		"one that says no more than the number": {map[string]string{v1alpha1.LabelLedgerBlock: "0"}, "-0"},
	} {
		t.Run(name, func(t *testing.T) {
			co := builder.LicenseCheckout("co-a", "initech").Build()
			co.Labels = test.labels
			if got := BlockOf(co); got != test.want {
				t.Errorf("the block is %q, want %q", got, test.want)
			}
		})
	}
}

func TestNamesOfProjections(t *testing.T) {
	id := seats.NewID("a")
	if got, ok := ProjectionID(ProjectionName(id)); got != id || !ok {
		t.Errorf("the id is %q, %t", got, ok)
	}
	if _, ok := ProjectionID("worker-co-a"); ok {
		t.Error("a user's name is one of the operator's")
	}
}

func TestTheCacheKeepsOfProjectionsWhatIsRead(t *testing.T) {
	full := func(labels map[string]string) *v1alpha1.LicenseCheckout {
		co := builder.LicenseCheckout("co-a", "initech").OnNode("node-1").WithAnnotation("a", "b").Build()
		co.Labels, co.UID, co.ResourceVersion, co.Generation = labels, "uid", "7", 1
		co.ManagedFields = []metav1.ManagedFieldsEntry{{Manager: "kubectl"}}
		co.Status = v1alpha1.LicenseCheckoutStatus{
			ObservedGeneration: 1, QueuePosition: ptr.To[int32](1), IssueTime: ptr.To(metav1.NewTime(time.Unix(1, 0))),
			ExpirationTime:      ptr.To(metav1.NewTime(time.Unix(2, 0))),
			Conditions:          []metav1.Condition{{Type: v1alpha1.ConditionGranted}},
			EntitlementsAllowed: []v1alpha1.AllowedEntitlement{{Name: "seats"}},
		}
		return co
	}
	labels := ProjectionLabels(seats.Key{Namespace: "acme", Name: "initech"}, 0)
	for name, test := range map[string]struct {
		labels map[string]string
		want   func(*v1alpha1.LicenseCheckout)
	}{
		"of a user's all but who wrote it": {nil, func(co *v1alpha1.LicenseCheckout) { co.ManagedFields = nil }},
		"of the operator's how it stands": {labels, func(co *v1alpha1.LicenseCheckout) {
			co.ManagedFields, co.Annotations, co.Spec = nil, nil, v1alpha1.LicenseCheckoutSpec{}
			co.Status.QueuePosition, co.Status.Conditions, co.Status.EntitlementsAllowed = nil, nil, nil
		}},
	} {
		t.Run(name, func(t *testing.T) {
			want := full(test.labels)
			test.want(want)
			got := any(full(test.labels))
			for range 2 { // The cache may transform an object again.
				var err error
				if got, err = StripCheckout(got); err != nil {
					t.Fatal(err)
				}
			}
			if diff := cmp.Diff(any(want), got); diff != "" {
				t.Errorf("the cache (-want +got):\n%s", diff)
			}
		})
	}
	if got, err := StripCheckout("gone"); got != "gone" || err != nil {
		t.Errorf("something else becomes %v: %v", got, err)
	}
}
