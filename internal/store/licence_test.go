// Copyright The license-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package store_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"

	"github.com/license-operator/license-operator/api/v1alpha1"
	"github.com/license-operator/license-operator/internal/fault"
	"github.com/license-operator/license-operator/internal/store"
	"github.com/license-operator/license-operator/test/builder"
	"github.com/license-operator/license-operator/test/expect"
)

func TestOfTwoProductsWithOneSKUTheOlderIsFound(t *testing.T) {
	s := newScene(t)
	s.Create(builder.Product("b").WithSKU("FARM").Build(), builder.Product("c").WithSKU("FARM").Build())
	// Within one second the names decide.
	if p, err := s.current.ProductBySKU(t.Context(), s.Namespace, "FARM"); err != nil || p == nil || p.Name != "b" {
		t.Errorf("it is %v and the error %v", p, err)
	}
	for _, sku := range []string{"", "farm", "b"} {
		if p, err := s.current.ProductBySKU(t.Context(), s.Namespace, sku); p != nil || err != nil {
			t.Errorf("%q is %v and the error %v", sku, p, err)
		}
	}
	if p, err := s.current.ProductBySKU(t.Context(), "elsewhere", "FARM"); p != nil || err != nil {
		t.Errorf("elsewhere it is %v and the error %v", p, err)
	}
}

func TestSubscriptionsTo(t *testing.T) {
	s := newScene(t)
	for _, b := range []*builder.SubscriptionBuilder{
		builder.Subscription("one", "farm").WithCustomer("cust-42"),
		builder.Subscription("other", "studio").WithCustomer("cust-42").WithAccountID("210987654321"),
		builder.Subscription("two", "farm").WithCustomer("cust-42").WithAccountID("210987654321"),
		builder.Subscription("three", "farm").WithCustomer("cust-43").WithAccountID("210987654321"),
		builder.Subscription("four", "farm").WithCustomer("999999999999").WithAccountID("999999999999"),
	} {
		s.subscription(b)
	}
	derived := s.subscription(builder.Subscription("five", "farm"))
	for name, test := range map[string]struct {
		beneficiary string
		want        []string
	}{
		"by identifier, the newest first":           {"cust-42", []string{"two", "one"}},
		"by the account of two customers":           {"210987654321", []string{"two", "three"}},
		"by an identifier that is the account":      {"999999999999", []string{"four"}},
		"by an identifier that was derived":         {s.Names.Customer(derived), []string{"five"}},
		"by an identifier that nobody has":          {"cust-44", nil},
		"by an account that nobody has":             {"111111111111", nil},
		"by no name, though many have no account":   {"", nil},
		"by the name of the object":                 {"one", nil},
		"by an identifier that is written in other": {"CUST-42", nil},
	} {
		for place, st := range map[string]*store.Store{"in the cache": s.current, "at the API server": s.lagging} {
			t.Run(name+" "+place, func(t *testing.T) {
				subs, err := st.SubscriptionsTo(t.Context(), s.Namespace, "farm", test.beneficiary)
				if err != nil {
					t.Fatal(err)
				}
				var got []string
				for _, sub := range subs {
					got = append(got, sub.Name)
				}
				// What was made within one second is in the order of names.
				if diff := cmp.Diff(newest(subs, test.want), got); diff != "" {
					t.Errorf("found (-want +got):\n%s", diff)
				}
			})
		}
		s.Step(time.Minute)
	}
}

// newest puts names into the order that the times of creation ask for, which a
// test can't set.
func newest(subs []*v1alpha1.Subscription, names []string) []string {
	created := map[string]string{}
	for _, sub := range subs {
		created[sub.Name] = sub.CreationTimestamp.UTC().Format(time.RFC3339) + sub.Name
	}
	var sorted []string
	for _, name := range names {
		at := 0
		for at < len(sorted) && created[sorted[at]] > created[name] {
			at++
		}
		sorted = append(sorted[:at], append([]string{name}, sorted[at:]...)...)
	}
	return sorted
}

func TestSubscriptionByLicense(t *testing.T) {
	s := newScene(t)
	sub := s.subscription(builder.Subscription("initech", "farm"))
	account := s.Names.Identity.AccountID(s.Namespace)
	arn := s.Names.LicenseARN(account, sub)
	id := s.Names.LicenseID(sub)
	if parsed, end, ok := store.ParseLicenseARN(arn); parsed != account || end != id || !ok {
		t.Errorf("%s is parsed as %s, %s, %t", arn, parsed, end, ok)
	}
	for name, other := range map[string]string{
		"nothing":              "",
		"another account's":    s.Names.LicenseARN("111111111111", sub),
		"with a region":        strings.Replace(arn, "license-manager::", "license-manager:us-east-1:", 1),
		"a grant's":            strings.Replace(arn, ":license:", ":grant:", 1),
		"without its head":     strings.TrimPrefix(arn, "arn:"),
		"in capital letters":   strings.ToUpper(arn),
		"cut":                  arn[:len(arn)-1],
		"with more at its end": arn + "0",
		"another partition's":  strings.Replace(arn, "arn:aws:", "arn:aws-cn:", 1),
	} {
		for _, st := range []*store.Store{s.current, s.lagging} {
			if got, err := st.SubscriptionByLicense(t.Context(), s.Namespace, other); got != nil || err != nil {
				t.Errorf("%s: it is %v and the error %v", name, got, err)
			}
		}
	}
	if got, err := s.current.SubscriptionByLicense(t.Context(), s.Namespace, arn); err != nil || got == nil || got.Name != "initech" {
		t.Errorf("it is %v and the error %v", got, err)
	}
}

func TestScansOfALargeNamespaceAreRare(t *testing.T) {
	s := newScene(t)
	account := s.Names.Identity.AccountID(s.Namespace)
	unknown := func(n int) string {
		return fmt.Sprintf("arn:aws:license-manager::%s:license:l-%032x", account, n)
	}
	for n := range 100 {
		if sub, err := s.current.SubscriptionByLicense(t.Context(), s.Namespace, unknown(n)); sub != nil || err != nil {
			t.Fatalf("an unknown licence is %v and the error %v", sub, err)
		}
		if subs, err := s.current.SubscriptionsTo(t.Context(), s.Namespace, "farm", fmt.Sprintf("%012d", n)); len(subs) > 0 || err != nil {
			t.Fatalf("an unknown account's are %v and the error %v", subs, err)
		}
	}
	// 100 for persistent identifiers, and 5 scans.
	if got := s.live.reads.Swap(0); got > 105 {
		t.Errorf("the API server was read %d times", got)
	}
	sub := s.subscription(builder.Subscription("initech", "farm"))
	s.Step(time.Second)
	if got, err := s.lagging.SubscriptionByLicense(t.Context(), s.Namespace, s.Names.LicenseARN(account, sub)); got == nil || err != nil {
		t.Errorf("a second later a new one is %v and the error %v", got, err)
	}
}

func TestAccounts(t *testing.T) {
	s := newScene(t)
	derived := s.Names.Identity.AccountID(s.Namespace)
	check := func(want string) {
		t.Helper()
		for _, st := range []*store.Store{s.current, s.lagging} {
			if got, err := st.Account(t.Context(), s.Namespace); got != want || err != nil {
				t.Errorf("the account is %s and the error %v, want %s", got, err, want)
			}
		}
		if got, err := s.current.NamespaceOfAccount(t.Context(), want); got != s.Namespace || err != nil {
			t.Errorf("the namespace of %s is %q and the error %v", want, got, err)
		}
	}
	annotate := func(account string) {
		t.Helper()
		expect.Edit(s.Stage, builder.Namespace(s.Namespace).Build(), func(ns *corev1.Namespace) {
			ns.Annotations = map[string]string{v1alpha1.AnnotationAccountID: account}
		})
	}
	check(derived)
	annotate("111222333444")
	check("111222333444")
	if got, err := s.current.NamespaceOfAccount(t.Context(), derived); got != "" || err != nil {
		t.Errorf("the namespace of the account before is %q and the error %v", got, err)
	}
	annotate("not digits")
	check(derived)
	if got, err := s.lagging.NamespaceOfAccount(t.Context(), derived); got != "" || err != nil {
		t.Errorf("the cache that holds nothing says %q and the error %v", got, err)
	}
}

func TestOfTwoNamespacesWithOneAccountTheOlderHasIt(t *testing.T) {
	s := newScene(t)
	var names []string
	for range 2 {
		other := expect.On(t, cluster)
		ns := builder.Namespace(other.Namespace).Build()
		expect.Edit(s.Stage, ns, func(ns *corev1.Namespace) {
			ns.Annotations = map[string]string{v1alpha1.AnnotationAccountID: "555555555555"}
		})
		names = append(names, ns.CreationTimestamp.UTC().Format(time.RFC3339)+" "+ns.Name)
	}
	slices.Sort(names)
	_, older, _ := strings.Cut(names[0], " ")
	_, younger, _ := strings.Cut(names[1], " ")
	if got, err := s.current.NamespaceOfAccount(t.Context(), "555555555555"); got != older || err != nil {
		t.Errorf("it is %s and the error %v, want %s", got, err, older)
	}
	if got, err := s.current.Account(t.Context(), older); got != "555555555555" || err != nil {
		t.Errorf("the older one's is %q and the error %v", got, err)
	}
	got, err := s.current.Account(t.Context(), younger)
	if fault.KindOf(err) != fault.NotEntitled || got != "" || !strings.Contains(err.Error(), "AccountUnique") {
		t.Errorf("the younger one's is %q and the error %v", got, err)
	}
	s.reads(0)
}

func TestNobodyTakesADerivedAccountAwayByAnAnnotation(t *testing.T) {
	thief := newScene(t) // The older one, or of the same second.
	s := newScene(t)
	derived := s.Names.Identity.AccountID(s.Namespace)
	expect.Edit(s.Stage, builder.Namespace(thief.Namespace).Build(), func(ns *corev1.Namespace) {
		ns.Annotations = map[string]string{v1alpha1.AnnotationAccountID: derived}
	})
	cached, reader := runCache(t, s.Stage)
	for name, st := range map[string]*store.Store{"by the fields": s.current,
		"by the cache's methods": store.New(s.Names, cached, noServer{t: t}, s.Clock),
		"by the indexers":        store.New(s.Names, reader, noServer{t: t}, s.Clock)} {
		if got, err := st.NamespaceOfAccount(t.Context(), derived); got != s.Namespace || err != nil {
			t.Errorf("%s it is of %q and the error %v", name, got, err)
		}
		if got, err := st.Account(t.Context(), s.Namespace); got != derived || err != nil {
			t.Errorf("%s the victim's is %q and the error %v", name, got, err)
		}
		if got, err := st.Account(t.Context(), thief.Namespace); fault.KindOf(err) != fault.NotEntitled {
			t.Errorf("%s the thief's is %q and the error %v", name, got, err)
		}
	}
}

func TestSubscriptionsInTheOrderOfNames(t *testing.T) {
	s := newScene(t)
	for _, name := range []string{"c", "a", "b", "a-1"} {
		s.subscription(builder.Subscription(name, "farm"))
	}
	for after, want := range map[string][]string{
		"": {"a", "a-1", "b", "c"}, "a": {"a-1", "b", "c"}, "a-0": {"a-1", "b", "c"}, "b": {"c"}, "c": nil,
	} {
		subs, err := s.current.Subscriptions(t.Context(), s.Namespace, after)
		if err != nil {
			t.Fatal(err)
		}
		var got []string
		for sub := range subs {
			got = append(got, sub.Name)
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("after %q (-want +got):\n%s", after, diff)
		}
	}
	s.reads(0)
}
