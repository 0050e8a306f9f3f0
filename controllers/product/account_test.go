// Copyright The license-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package product

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"

	"github.com/license-operator/license-operator/api/v1alpha1"
	"github.com/license-operator/license-operator/test/builder"
	"github.com/license-operator/license-operator/test/expect"
)

// vendors makes namespaces with one account, each a second after the one
// before, and a Product in each.
func vendors(s *expect.Stage, account string, names ...string) (namespaces []*corev1.Namespace, products []*v1alpha1.Product) {
	s.Helper()
	for n, name := range names {
		if n > 0 {
			aSecond()
		}
		ns := builder.Namespace(s.Namespace + "-" + name).WithAccountID(account).Build()
		if err := s.Admin.Create(s.Context(), ns); err != nil {
			s.Fatal(err)
		}
		p := builder.Product("render-farm").InNamespace(ns.Name).Build()
		s.Create(p)
		namespaces, products = append(namespaces, ns), append(products, p)
	}
	return namespaces, products
}

func TestOfTwoNamespacesWithOneAccountTheOlderIsUsable(t *testing.T) {
	t.Parallel()
	s, c := stage(t)
	namespaces, products := vendors(s, "111122223333", "zeta", "alpha")
	older, younger := products[0], products[1]
	expect.Reconcile(s, c, older)
	s.Condition(older, v1alpha1.ConditionReady, "True, Ready")
	unique := s.Condition(older, v1alpha1.ConditionAccountUnique, "False, DuplicateAccount")
	if !strings.Contains(unique.Message, younger.Namespace) {
		t.Errorf("the message does not name the rival: %s", unique.Message)
	}
	s.Events("Normal Ready")

	expect.Reconcile(s, c, younger)
	ready := s.Condition(younger, v1alpha1.ConditionReady, "False, DuplicateAccount")
	if !strings.Contains(ready.Message, older.Namespace) {
		t.Errorf("the message does not name the rival: %s", ready.Message)
	}
	s.Condition(younger, v1alpha1.ConditionAccountUnique, "False, DuplicateAccount")
	s.Events("Warning DuplicateAccount")
	expect.Truth(s, c, older)
	expect.Truth(s, c, younger)

	want := sorted(requests(older, younger))
	if diff := cmp.Diff(want, sorted(c.ofNamespace(t.Context(), namespaces[0]))); diff != "" {
		t.Errorf("who is looked at when the Namespace changes (-want +got):\n%s", diff)
	}
	expect.Edit(s, namespaces[0], func(ns *corev1.Namespace) { ns.Annotations = nil })
	for _, p := range products {
		expect.Reconcile(s, c, p)
		s.Condition(p, v1alpha1.ConditionReady, "True, Ready")
		s.Condition(p, v1alpha1.ConditionAccountUnique, "True, Unique")
	}
	s.Events("Normal Ready")
	expect.Truth(s, c, older)
	expect.Truth(s, c, younger)
}

func TestOfThreeNamespacesWithOneAccountTheMessagesDoNotFlap(t *testing.T) {
	t.Parallel()
	s, c := stage(t)
	_, products := vendors(s, "444455556666", "zeta", "alpha", "beta")
	for n, p := range products {
		expect.Reconcile(s, c, p)
		state := "False, DuplicateAccount"
		if n == 0 {
			state = "True, Ready"
		}
		before := s.Condition(p, v1alpha1.ConditionReady, state)
		c.Client = reversed{s.Operator}
		expect.Reconcile(s, c, p)
		if diff := cmp.Diff(before, s.Condition(p, v1alpha1.ConditionReady, state)); diff != "" {
			t.Errorf("the condition of %s (-in order +reversed):\n%s", p.Namespace, diff)
		}
		c.Client = s.Operator
	}
	s.Events("Normal Ready", "Warning DuplicateAccount", "Warning DuplicateAccount")
}
