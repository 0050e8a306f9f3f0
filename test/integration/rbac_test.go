// Copyright The license-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package integration

import (
	"context"
	"fmt"
	"testing"

	authorizationv1 "k8s.io/api/authorization/v1"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/license-operator/license-operator/api/v1alpha1"
	"github.com/license-operator/license-operator/test/builder"
	"github.com/license-operator/license-operator/test/integration/wire"
)

// resources are everything of a vendor's that an operator could be after, as
// group and resource.
var resources = [][2]string{
	{"", "secrets"}, {"", "configmaps"}, {"", "serviceaccounts"}, {"", "pods"},
	{"license-operator.dev", "products"}, {"license-operator.dev", "subscriptions"}, {"license-operator.dev", "activations"},
	{"license-operator.dev", "accesskeys"}, {"license-operator.dev", "licensecheckouts"}, {"license-operator.dev", "seatledgers"},
	{"license-operator.dev", "usagerecords"},
	{"rbac.authorization.k8s.io", "roles"}, {"rbac.authorization.k8s.io", "rolebindings"},
}

// allowed are the verbs that the operator has in a vendor's namespace beside
// reading its own resources.
var allowed = map[string]bool{
	"create secrets": true, "patch secrets": true, "create accesskeys": true,
	// Those of the pages, which go when they are of no use any more.
	"create activations": true, "delete activations": true,
	// What customers have used, which goes when it is old.
	"create usagerecords": true, "delete usagerecords": true,
	"create licensecheckouts": true, "delete licensecheckouts": true,
	"create seatledgers": true, "update seatledgers": true, "delete seatledgers": true,
	// Seats live with Pods.
	"get pods": true, "list pods": true, "watch pods": true,
}

func TestTheOperatorMayDoNothingToAVendorBeyondItsJob(t *testing.T) {
	s := newShop(t)
	asOperator := cluster.OperatorClient(t)
	ask := func(namespace, group, resource, verb string) bool {
		t.Helper()
		review := &authorizationv1.SelfSubjectAccessReview{Spec: authorizationv1.SelfSubjectAccessReviewSpec{
			ResourceAttributes: &authorizationv1.ResourceAttributes{Namespace: namespace, Group: group, Resource: resource, Verb: verb}}}
		if err := asOperator.Create(t.Context(), review); err != nil {
			t.Fatal(err)
		}
		return review.Status.Allowed
	}
	for _, r := range resources {
		ours := r[0] == v1alpha1.GroupVersion.Group
		for _, verb := range []string{"get", "list", "watch", "create", "update", "patch", "delete", "deletecollection", "escalate", "bind", "impersonate"} {
			read := verb == "get" || verb == "list" || verb == "watch" && r[1] != "usagerecords"
			want := allowed[verb+" "+r[1]] || ours && read
			if got := ask(s.Namespace, r[0], r[1], verb); got && !want {
				t.Errorf("the operator may %s %s in a vendor's namespace", verb, r[1])
			} else if want && !got {
				t.Errorf("the operator may not %s %s in a vendor's namespace, which it needs", verb, r[1])
			}
		}
	}
	for _, verb := range []string{"create", "update", "patch", "delete"} {
		if ask("", "", "namespaces", verb) {
			t.Errorf("the operator may %s namespaces", verb)
		}
	}
	if ask("", "*", "*", "*") {
		t.Error("the operator may do everything")
	}
}

func TestWhatTheOperatorTriesAgainstAVendorIsForbidden(t *testing.T) {
	s := newShop(t)
	asOperator := cluster.OperatorClient(t)
	at := metav1.ObjectMeta{Namespace: s.Namespace}
	named := func(name string) metav1.ObjectMeta { return metav1.ObjectMeta{Namespace: s.Namespace, Name: name} }
	spec := client.RawPatch("application/merge-patch+json", []byte(`{"metadata":{"labels":{"mine":"now"}}}`))
	for name, try := range map[string]func() error{
		"reading the Secret it has written": func() error {
			return asOperator.Get(t.Context(), client.ObjectKey{Namespace: s.Namespace, Name: v1alpha1.AccessKeySecretName("vendor")}, &corev1.Secret{})
		},
		"listing Secrets": func() error {
			return asOperator.List(t.Context(), &corev1.SecretList{}, client.InNamespace(s.Namespace))
		},
		"listing all Secrets": func() error { return asOperator.List(t.Context(), &corev1.SecretList{}) },
		"deleting a Secret": func() error {
			return asOperator.Delete(t.Context(), &corev1.Secret{ObjectMeta: named("vendor-access-key")})
		},
		"deleting a Product": func() error {
			return asOperator.Delete(t.Context(), &v1alpha1.Product{ObjectMeta: named("render-farm")})
		},
		"deleting a Subscription": func() error {
			return asOperator.Delete(t.Context(), &v1alpha1.Subscription{ObjectMeta: named("initech")})
		},
		"changing an Activation": func() error {
			return asOperator.Patch(t.Context(), &v1alpha1.Activation{ObjectMeta: named("initech-first")}, spec)
		},
		"deleting an AccessKey": func() error { return asOperator.Delete(t.Context(), &v1alpha1.AccessKey{ObjectMeta: named("vendor")}) },
		"changing a Product": func() error {
			return asOperator.Patch(t.Context(), &v1alpha1.Product{ObjectMeta: named("render-farm")}, spec)
		},
		"changing a Subscription": func() error {
			return asOperator.Patch(t.Context(), &v1alpha1.Subscription{ObjectMeta: named("initech")}, spec)
		},
		"changing an AccessKey": func() error {
			return asOperator.Patch(t.Context(), &v1alpha1.AccessKey{ObjectMeta: named("vendor")}, spec)
		},
		"making a Subscription": func() error {
			return asOperator.Create(t.Context(), builder.Subscription("free", "render-farm").InNamespace(s.Namespace).Build())
		},
		"deleting all Subscriptions": func() error {
			return asOperator.DeleteAllOf(t.Context(), &v1alpha1.Subscription{ObjectMeta: at}, client.InNamespace(s.Namespace))
		},
		"deleting the Namespace": func() error {
			return asOperator.Delete(t.Context(), &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: s.Namespace}})
		},
	} {
		t.Run(name, func(t *testing.T) {
			if err := try(); !apierrors.IsForbidden(err) {
				t.Errorf("it was not forbidden: %v", err)
			}
		})
	}
	s.is(t, "after all that", subscribed)
}

func TestAVendorsOwnSecretIsNeverOverwritten(t *testing.T) {
	v := vendor(t)
	const mine = "what the vendor keeps here"
	v.Apply(t, &corev1.Secret{ObjectMeta: metav1.ObjectMeta{Name: v1alpha1.AccessKeySecretName("second")},
		StringData: map[string]string{v1alpha1.SecretKeySecretAccessKey: mine}})
	v.Apply(t, builder.VendorKey("second").Build())
	k := &v1alpha1.AccessKey{}
	wire.Eventually(t, "the AccessKey says that the Secret is somebody else's", func(ctx context.Context) error {
		if err := cluster.Client.Get(ctx, client.ObjectKey{Namespace: v.Namespace, Name: "second"}, k); err != nil {
			return err
		}
		ready := meta.FindStatusCondition(k.Status.Conditions, v1alpha1.ConditionReady)
		if ready == nil || ready.Reason != v1alpha1.ReasonSecretConflict {
			return fmt.Errorf("the condition is %+v", ready)
		}
		return nil
	})
	s := &corev1.Secret{}
	if err := cluster.Client.Get(t.Context(), client.ObjectKey{Namespace: v.Namespace, Name: v1alpha1.AccessKeySecretName("second")}, s); err != nil {
		t.Fatal(err)
	}
	if got := string(s.Data[v1alpha1.SecretKeySecretAccessKey]); got != mine || len(s.Data) != 1 {
		t.Errorf("the Secret holds %d keys, and %q", len(s.Data), got)
	}
}
