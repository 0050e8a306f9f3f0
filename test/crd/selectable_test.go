// Copyright The license-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package crd_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"
	"k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/apimachinery/pkg/runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/license-operator/license-operator/api/v1alpha1"
	"github.com/license-operator/license-operator/test/builder"
)

// createWithStatus makes an object and writes the status that it came with.
func createWithStatus[O client.Object](t *testing.T, o O, setStatus func(O)) {
	t.Helper()
	if err := cluster.Client.Create(t.Context(), o); err != nil {
		t.Fatal(err)
	}
	setStatus(o)
	if err := cluster.Client.Status().Update(t.Context(), o); err != nil {
		t.Fatal(err)
	}
}

// names are the names of a list's objects.
func names(t *testing.T, list client.ObjectList) []string {
	t.Helper()
	var names []string
	err := meta.EachListItem(list, func(o runtime.Object) error {
		names = append(names, o.(client.Object).GetName())
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return names
}

// The operator looks up what its cache does not hold yet by these fields, with
// one request to the API server; see the rule of reading one's own writes.
func TestObjectsAreFoundByTheFieldsThatTheOperatorLooksUp(t *testing.T) {
	namespace := cluster.Namespace(t)
	for name, value := range map[string]string{"first": "one", "second": "two", "third": "two"} {
		createWithStatus(t, builder.Subscription(name, "p").InNamespace(namespace).Build(),
			func(s *v1alpha1.Subscription) { s.Status.PersistentIdentifier = value })
		createWithStatus(t, builder.Activation(name, "s").InNamespace(namespace).Build(),
			func(a *v1alpha1.Activation) { a.Status.KeyHash = value })
		createWithStatus(t, builder.VendorKey(name).InNamespace(namespace).Build(),
			func(k *v1alpha1.AccessKey) { k.Status.AccessKeyID = value })
	}
	lists := map[string]func() client.ObjectList{
		"status.persistentIdentifier": func() client.ObjectList { return &v1alpha1.SubscriptionList{} },
		"status.keyHash":              func() client.ObjectList { return &v1alpha1.ActivationList{} },
		"status.accessKeyID":          func() client.ObjectList { return &v1alpha1.AccessKeyList{} },
	}
	for field, newList := range lists {
		for value, want := range map[string][]string{"one": {"first"}, "two": {"second", "third"}, "three": nil} {
			t.Run(field+"="+value, func(t *testing.T) {
				list := newList()
				err := cluster.Client.List(t.Context(), list,
					client.InNamespace(namespace), client.MatchingFields{field: value})
				if err != nil {
					t.Fatal(err)
				}
				if diff := cmp.Diff(want, names(t, list)); diff != "" {
					t.Errorf("(-want +got):\n%s", diff)
				}
			})
		}
	}
}

func TestObjectsAreNotFoundByAnyOtherField(t *testing.T) {
	err := cluster.Client.List(t.Context(), &v1alpha1.SubscriptionList{},
		client.MatchingFields{"status.customerIdentifier": "cust-42"})
	if !contains(err, "field label not supported") {
		t.Errorf("got %v", err)
	}
}
