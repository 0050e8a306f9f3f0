// Copyright The license-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package crd_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
)

func contains(err error, words string) bool {
	return err != nil && strings.Contains(err.Error(), words)
}

// withStatus are the kinds whose status the operator writes. A SeatLedger has
// none: one write must change all of it or nothing; a UsageRecord never changes.
func withStatus(t *testing.T) map[string]*unstructured.Unstructured {
	t.Helper()
	objects := full(t)
	delete(objects, "SeatLedger")
	delete(objects, "UsageRecord")
	return objects
}

func TestTheStatusCanOnlyBeWrittenAsAStatus(t *testing.T) {
	for kind, complete := range withStatus(t) {
		t.Run(kind, func(t *testing.T) {
			complete.SetNamespace(cluster.Namespace(t))
			o := complete.DeepCopy()
			if err := cluster.Client.Create(t.Context(), o); err != nil {
				t.Fatal(err)
			}
			if _, has := o.Object["status"]; has {
				t.Errorf("a status was created with the object: %v", o.Object["status"])
			}

			o.Object["status"] = complete.DeepCopy().Object["status"]
			if err := cluster.Client.Update(t.Context(), o); err != nil {
				t.Fatal(err)
			}
			if _, has := o.Object["status"]; has {
				t.Errorf("a status was updated with the object: %v", o.Object["status"])
			}

			o.Object["status"] = complete.DeepCopy().Object["status"]
			o.SetLabels(map[string]string{"through": "status"})
			if err := cluster.Client.Status().Update(t.Context(), o); err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(complete.Object["status"], o.Object["status"]); diff != "" {
				t.Errorf("the status as a status (-want +got):\n%s", diff)
			}
			if len(o.GetLabels()) != len(complete.GetLabels()) {
				t.Errorf("labels were written with the status: %v", o.GetLabels())
			}
			if o.GetGeneration() != 1 {
				t.Errorf("a status made generation %d", o.GetGeneration())
			}
		})
	}
}

func TestASpecCannotBeChangedThroughTheStatus(t *testing.T) {
	changes := map[string][2]string{
		"Product":         {"displayName", "Other"},
		"Subscription":    {"state", "Cancelled"},
		"Activation":      {"state", "Revoked"},
		"LicenseCheckout": {"nodeID", "other"},
		"AccessKey":       {"state", "Inactive"},
	}
	for kind, complete := range withStatus(t) {
		t.Run(kind, func(t *testing.T) {
			complete.SetNamespace(cluster.Namespace(t))
			o := complete.DeepCopy()
			if err := cluster.Client.Create(t.Context(), o); err != nil {
				t.Fatal(err)
			}
			before := o.DeepCopy().Object["spec"]
			field, value := changes[kind][0], changes[kind][1]
			o.Object["spec"].(map[string]any)[field] = value
			if cmp.Diff(before, o.Object["spec"]) == "" {
				t.Fatalf("the change of %q changes nothing", field)
			}
			o.Object["status"] = complete.DeepCopy().Object["status"]
			if err := cluster.Client.Status().Update(t.Context(), o); err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(before, o.Object["spec"]); diff != "" {
				t.Errorf("the spec (-before +after):\n%s", diff)
			}
		})
	}
}

func TestASeatLedgerHasNoStatus(t *testing.T) {
	l := ledger().InNamespace(cluster.Namespace(t)).Build()
	if err := cluster.Client.Create(t.Context(), l); err != nil {
		t.Fatal(err)
	}
	if err := cluster.Client.Status().Update(t.Context(), l); !apierrors.IsNotFound(err) {
		t.Errorf("a write of its status answers %v", err)
	}
}
