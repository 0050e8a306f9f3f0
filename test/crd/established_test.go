// Copyright The license-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package crd_test

import (
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"
	apiextensionsv1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/license-operator/license-operator/api/v1alpha1"
	"github.com/license-operator/license-operator/test/env"
)

// definitions are the CustomResourceDefinitions as the API server has them.
func definitions(t *testing.T) []apiextensionsv1.CustomResourceDefinition {
	t.Helper()
	scheme := runtime.NewScheme()
	if err := apiextensionsv1.AddToScheme(scheme); err != nil {
		t.Fatal(err)
	}
	c, err := client.New(cluster.Admin, client.Options{Scheme: scheme})
	if err != nil {
		t.Fatal(err)
	}
	var list apiextensionsv1.CustomResourceDefinitionList
	if err := c.List(t.Context(), &list); err != nil {
		t.Fatal(err)
	}
	return list.Items
}

func TestTheAPIServerServesEveryDefinitionWithoutComplaint(t *testing.T) {
	files, err := filepath.Glob(filepath.Join(env.Root(), "config", "crd", "bases", "*.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	got := definitions(t)
	if len(got) != len(files) {
		t.Fatalf("%d definitions in the cluster, %d files", len(got), len(files))
	}
	// A schema that is not structural, a rule that does not compile and a name
	// that is taken each show in a condition of their own.
	want := map[apiextensionsv1.CustomResourceDefinitionConditionType]apiextensionsv1.ConditionStatus{
		apiextensionsv1.Established:   apiextensionsv1.ConditionTrue,
		apiextensionsv1.NamesAccepted: apiextensionsv1.ConditionTrue,
	}
	for _, crd := range got {
		t.Run(crd.Name, func(t *testing.T) {
			conditions := map[apiextensionsv1.CustomResourceDefinitionConditionType]apiextensionsv1.ConditionStatus{}
			for _, c := range crd.Status.Conditions {
				conditions[c.Type] = c.Status
			}
			if diff := cmp.Diff(want, conditions); diff != "" {
				t.Errorf("conditions (-want +got):\n%s\n%+v", diff, crd.Status.Conditions)
			}
			if crd.Spec.Group != v1alpha1.GroupVersion.Group || crd.Spec.Scope != apiextensionsv1.NamespaceScoped {
				t.Errorf("group %q, scope %q", crd.Spec.Group, crd.Spec.Scope)
			}
			if diff := cmp.Diff([]string{"licensing"}, crd.Spec.Names.Categories); diff != "" {
				t.Errorf("categories (-want +got):\n%s", diff)
			}
		})
	}
}
