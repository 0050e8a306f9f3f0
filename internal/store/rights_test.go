// Copyright The license-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package store_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/license-operator/license-operator/api/v1alpha1"
	"github.com/license-operator/license-operator/internal/store"
	"github.com/license-operator/license-operator/test/builder"
	"github.com/license-operator/license-operator/test/expect"
)

func TestACustomerIsSubscribedByAnyOfItsSubscriptions(t *testing.T) {
	end := expect.Start.Truncate(time.Second).Add(time.Hour)
	s := newScene(t)
	s.Create(builder.Product("render-farm").WithCode("FARM").Build(), builder.Product("studio").WithCode("STUDIO").Build(),
		builder.Product("viewer").WithCode("VIEWER").Build())
	s.subscription(builder.Subscription("old", "render-farm").WithCustomer("cust-42").InState(v1alpha1.SubscriptionCancelled))
	s.subscription(builder.Subscription("new", "render-farm").WithCustomer("cust-42").EndingAt(end))
	s.subscription(builder.Subscription("studio", "studio").WithCustomer("cust-42").InState(v1alpha1.SubscriptionSuspended))
	s.subscription(builder.Subscription("gone", "gone").WithCustomer("cust-42"))
	s.subscription(builder.Subscription("globex", "viewer").WithCustomer("cust-43"))
	pid := s.Names.Identity.PersistentIdentifier(s.Namespace, "cust-42")
	type answer struct{ Subscribed, Known bool }
	check := func(want map[string]answer, codes []string) {
		t.Helper()
		for what, st := range map[string]*store.Store{"a cache": s.current, "an empty cache": s.lagging} {
			got := map[string]answer{}
			for code := range want {
				subscribed, known, err := st.Subscribed(t.Context(), s.Namespace, pid, code)
				if err != nil {
					t.Fatal(err)
				}
				got[code] = answer{subscribed, known}
			}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("with %s (-want +got):\n%s", what, diff)
			}
			active, err := st.ActiveCodes(t.Context(), s.Namespace, pid)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(codes, active); diff != "" {
				t.Errorf("active codes with %s (-want +got):\n%s", what, diff)
			}
		}
	}
	check(map[string]answer{"FARM": {true, true}, "STUDIO": {false, true}, "VIEWER": {}, "NOBODYS": {}}, []string{"FARM"})
	s.Step(end.Sub(s.Clock.Now()))
	check(map[string]answer{"FARM": {false, true}, "STUDIO": {false, true}}, nil)

	studio := builder.Subscription("studio", "studio").InNamespace(s.Namespace).Build()
	expect.Edit(s.Stage, studio, func(sub *v1alpha1.Subscription) { sub.Spec.State = v1alpha1.SubscriptionActive })
	s.subscription(builder.Subscription("first", "viewer").WithCustomer("cust-42"))
	s.subscription(builder.Subscription("second", "viewer").WithCustomer("cust-42"))
	s.subscription(builder.Subscription("third", "render-farm").WithCustomer("cust-42"))
	s.Step(time.Second)
	check(map[string]answer{"FARM": {true, true}, "STUDIO": {true, true}, "VIEWER": {true, true}},
		[]string{"FARM", "STUDIO", "VIEWER"})

	s.Delete(builder.Product("studio").InNamespace(s.Namespace).Build())
	s.Step(time.Second)
	check(map[string]answer{"FARM": {true, true}, "STUDIO": {}}, []string{"FARM", "VIEWER"})
}

func TestADeletedProductDoesNotDisturbTheOthersOfItsCustomer(t *testing.T) {
	s := newScene(t)
	s.Create(builder.Product("render-farm").WithCode("FARM").Build())
	s.subscription(builder.Subscription("farm", "render-farm").WithCustomer("cust-42"))
	s.subscription(builder.Subscription("gone", "gone").WithCustomer("cust-42"))
	pid := s.Names.Identity.PersistentIdentifier(s.Namespace, "cust-42")
	for n := range 200 {
		subscribed, _, err := s.current.Subscribed(t.Context(), s.Namespace, pid, "FARM")
		if err != nil || !subscribed {
			t.Fatalf("call %d: subscribed is %t and the error %v", n, subscribed, err)
		}
	}
	if reads := s.live.reads.Load(); reads > 20 {
		t.Errorf("the API server was read %d times", reads)
	}
}

func TestManyDeletedProductsDoNotDisturbTheOthersOfTheirCustomers(t *testing.T) {
	s := newScene(t)
	s.Create(builder.Product("render-farm").WithCode("FARM").Build())
	const customers = 120
	for n := range customers {
		customer := fmt.Sprint("cust-", n)
		s.Create(builder.Subscription(fmt.Sprint("farm-", n), "render-farm").WithCustomer(customer).Build(),
			builder.Subscription(fmt.Sprint("gone-", n), fmt.Sprint("gone-", n)).WithCustomer(customer).Build())
	}
	for n := range customers {
		pid := s.Names.Identity.PersistentIdentifier(s.Namespace, fmt.Sprint("cust-", n))
		if subscribed, _, err := s.current.Subscribed(t.Context(), s.Namespace, pid, "FARM"); err != nil || !subscribed {
			t.Fatalf("customer %d: subscribed is %t and the error %v", n, subscribed, err)
		}
	}
	// A list that may lack something is no answer; it is complete soon after.
	s.Step(time.Second)
	for n := range customers {
		pid := s.Names.Identity.PersistentIdentifier(s.Namespace, fmt.Sprint("cust-", n))
		if codes, err := s.current.ActiveCodes(t.Context(), s.Namespace, pid); err != nil || len(codes) != 1 {
			t.Fatalf("customer %d: the codes are %v and the error %v", n, codes, err)
		}
	}
}

func TestAProductWhoseCodeIsAnothersGivesNoRight(t *testing.T) {
	s := newScene(t)
	older, younger := builder.Product("alpha").WithCode("FARM").Build(), builder.Product("beta").WithCode("FARM").Build()
	s.Create(older, younger)
	expect.EditStatus(s.Stage, younger, func(p *v1alpha1.Product) {
		p.Status.Conditions = []metav1.Condition{builder.Condition(v1alpha1.ConditionReady, metav1.ConditionFalse, v1alpha1.ReasonDuplicateCode)}
	})
	s.subscription(builder.Subscription("rightful", "alpha").WithCustomer("cust-42"))
	s.subscription(builder.Subscription("wrongful", "beta").WithCustomer("cust-43"))
	for customer, want := range map[string]bool{"cust-42": true, "cust-43": false} {
		pid := s.Names.Identity.PersistentIdentifier(s.Namespace, customer)
		for what, st := range map[string]*store.Store{"a cache": s.current, "an empty cache": s.lagging} {
			if subscribed, known, err := st.Subscribed(t.Context(), s.Namespace, pid, "FARM"); subscribed != want || known != want || err != nil {
				t.Errorf("%s with %s: subscribed is %t, known %t and the error %v; want %t", customer, what, subscribed, known, err, want)
			}
		}
	}
}

func TestProductsAreKnownByCodeAndByImportedToken(t *testing.T) {
	s, other := newScene(t), newScene(t)
	sum := strings.Repeat("0123456789abcdef", 4)
	s.Create(builder.Product("render-farm").WithCode("774F4FF8").WithImportedToken(sum).Build(), builder.Product("studio").Build())
	derived := s.Names.Identity.ProductCode(s.Namespace, "studio")
	for name, test := range map[string]struct {
		ask  func() (bool, error)
		want bool
	}{
		"a code of the spec":               {func() (bool, error) { return s.current.ProductKnown(t.Context(), s.Namespace, "774F4FF8") }, true},
		"a derived code":                   {func() (bool, error) { return s.current.ProductKnown(t.Context(), s.Namespace, derived) }, true},
		"a code in lower case":             {func() (bool, error) { return s.current.ProductKnown(t.Context(), s.Namespace, "774f4ff8") }, false},
		"no code":                          {func() (bool, error) { return s.current.ProductKnown(t.Context(), s.Namespace, "") }, false},
		"a code of another vendor":         {func() (bool, error) { return s.current.ProductKnown(t.Context(), other.Namespace, "774F4FF8") }, false},
		"a token of the vendor":            {func() (bool, error) { return s.current.TokenImported(t.Context(), s.Namespace, sum) }, true},
		"a token of anybody":               {func() (bool, error) { return s.current.TokenImported(t.Context(), "", sum) }, true},
		"a token of another vendor":        {func() (bool, error) { return s.current.TokenImported(t.Context(), other.Namespace, sum) }, false},
		"a token of nobody":                {func() (bool, error) { return s.current.TokenImported(t.Context(), "", strings.Repeat("0", 64)) }, false},
		"Products without a token":         {func() (bool, error) { return s.current.TokenImported(t.Context(), s.Namespace, "") }, false},
		"a token for its product":          {func() (bool, error) { return s.current.TokenImportedFor(t.Context(), s.Namespace, sum, "774F4FF8") }, true},
		"a token for another product":      {func() (bool, error) { return s.current.TokenImportedFor(t.Context(), s.Namespace, sum, derived) }, false},
		"a token for a product, elsewhere": {func() (bool, error) { return s.current.TokenImportedFor(t.Context(), other.Namespace, sum, "774F4FF8") }, false},
	} {
		t.Run(name, func(t *testing.T) {
			if got, err := test.ask(); got != test.want || err != nil {
				t.Errorf("it is %t and the error %v, want %t", got, err, test.want)
			}
		})
	}
	s.reads(0)
}
