// Copyright The license-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package store

import (
	"testing"

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
