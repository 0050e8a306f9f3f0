// Copyright The license-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package subscription

import (
	"regexp"
	"testing"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"

	"github.com/license-operator/license-operator/api/v1alpha1"
	"github.com/license-operator/license-operator/test/builder"
	"github.com/license-operator/license-operator/test/expect"
)

func TestOneCustomerHasOnePIDInANamespace(t *testing.T) {
	t.Parallel()
	s, c := stage(t)
	s.Create(builder.Product("studio").Build())
	farm := subscribed(s, c, builder.Subscription("initech-farm", "render-farm").WithCustomer("cust-42"))
	studio := subscribed(s, c, builder.Subscription("initech-studio", "studio").WithCustomer("cust-42"))
	other := subscribed(s, c, builder.Subscription("globex", "studio").WithCustomer("cust-43"))
	if farm.Status.PersistentIdentifier != studio.Status.PersistentIdentifier {
		t.Error("two Subscriptions of one customer have two PIDs")
	}
	if farm.Status.LicenseARN == studio.Status.LicenseARN {
		t.Error("two Subscriptions have one ARN")
	}
	if farm.Status.PersistentIdentifier == other.Status.PersistentIdentifier {
		t.Error("two customers have one PID")
	}
	elsewhere, c2 := stage(t)
	same := subscribed(elsewhere, c2, builder.Subscription("initech-farm", "render-farm").WithCustomer("cust-42"))
	if farm.Status.PersistentIdentifier == same.Status.PersistentIdentifier {
		t.Error("two vendors know one customer by one PID")
	}
	if farm.Status.LicenseARN == same.Status.LicenseARN {
		t.Error("two vendors have one ARN")
	}
	expect.Truth(s, c, farm)
}

func TestIdentifiersFollowFromTheNames(t *testing.T) {
	for name, test := range map[string]struct {
		subscription *builder.SubscriptionBuilder
		want         func(s *expect.Stage) string
	}{
		"the customer's identifier is derived": {
			builder.Subscription("initech", "render-farm"),
			func(s *expect.Stage) string { return s.Names.Identity.CustomerIdentifier(s.Namespace, "initech") },
		},
		"the customer's identifier is in the spec": {
			builder.Subscription("initech", "render-farm").WithCustomer("cust-42").WithAccountID("210987654321"),
			func(*expect.Stage) string { return "cust-42" },
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s, c := stage(t)
			sub := subscribed(s, c, test.subscription)
			identity := s.Names.Identity
			want := v1alpha1.SubscriptionStatus{
				ObservedGeneration:   1,
				CustomerIdentifier:   test.want(s),
				PersistentIdentifier: identity.PersistentIdentifier(s.Namespace, test.want(s)),
				LicenseARN:           identity.LicenseARN(identity.AccountID(s.Namespace), s.Namespace, "initech"),
			}
			got := sub.Status
			got.Conditions = nil
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("status (-want +got):\n%s", diff)
			}
			if !identity.AuthenticPID(s.Namespace, got.PersistentIdentifier) {
				t.Errorf("the PID %s is not authentic", got.PersistentIdentifier)
			}
			expect.Truth(s, c, sub)

			ns := &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: s.Namespace}}
			expect.Edit(s, ns, func(ns *corev1.Namespace) {
				ns.Annotations = map[string]string{v1alpha1.AnnotationAccountID: "123456789012"}
			})
			expect.Reconcile(s, c, sub)
			if form := regexp.MustCompile(`^arn:aws:license-manager::123456789012:license:l-[0-9a-f]{32}$`); !form.MatchString(sub.Status.LicenseARN) {
				t.Errorf("with an account of its own the ARN is %s", sub.Status.LicenseARN)
			}
			if sub.Status.PersistentIdentifier != want.PersistentIdentifier {
				t.Errorf("the PID depends on the account: %s", sub.Status.PersistentIdentifier)
			}
			s.Events(nil...)
			expect.Truth(s, c, sub)
		})
	}
}

func TestANamespaceThatIsNotInTheCacheYetIsWaitedFor(t *testing.T) {
	t.Parallel()
	s, c := stage(t)
	sub := builder.Subscription("initech", "render-farm").InNamespace("not-there").Build()
	result, err := c.Reconcile(t.Context(), sub)
	if err != nil || result.RequeueAfter <= 0 {
		t.Errorf("the result is %v and the error %v, want a retry and none", result, err)
	}
	s.Events(nil...)
}

func TestWhoIsLookedAtWhenSomethingElseChanges(t *testing.T) {
	t.Parallel()
	s, c := stage(t)
	farm := builder.Subscription("initech", "render-farm").Build()
	studio := builder.Subscription("globex", "studio").Build()
	s.Create(farm, studio)
	request := func(o client.Object) reconcile.Request {
		return reconcile.Request{NamespacedName: client.ObjectKeyFromObject(o)}
	}
	product := builder.Product("render-farm").InNamespace(s.Namespace).Build()
	if diff := cmp.Diff([]reconcile.Request{request(farm)}, c.ofProduct(t.Context(), product)); diff != "" {
		t.Errorf("by a Product (-want +got):\n%s", diff)
	}
	ns := builder.Namespace(s.Namespace).Build()
	if diff := cmp.Diff([]reconcile.Request{request(studio), request(farm)}, c.ofNamespace(t.Context(), ns)); diff != "" {
		t.Errorf("by the Namespace (-want +got):\n%s", diff)
	}
}
