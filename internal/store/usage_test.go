// Copyright The license-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package store_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/util/validation"
	"pgregory.net/rapid"

	"github.com/license-operator/license-operator/api/v1alpha1"
	"github.com/license-operator/license-operator/internal/store"
	"github.com/license-operator/license-operator/test/builder"
	"github.com/license-operator/license-operator/test/expect"
)

var usedKey = store.UsageKey{Namespace: "acme", ProductCode: "774F4FF8", Customer: "cust-42", License: "l-0123456789abcdef0123456789abcdef", Dimension: "render-minutes",
	Hour: time.Date(2031, time.May, 6, 7, 0, 0, 0, time.UTC)}

// The names are those of records that are stored: they must never change.
func TestTheNameOfAUsageRecordIsWhatItAlwaysWas(t *testing.T) {
	if got, want := usedKey.Name(), "usage-b01e3ac2ff3f235e5f8b5a1c90698ae13b641547"; got != want {
		t.Errorf("the name is %s, want %s", got, want)
	}
	if got, want := usedKey.MeteringRecordID(), "3b641547-ce85-8d74-a74a-20ddf70b3723"; got != want {
		t.Errorf("the MeteringRecordId is %s, want %s", got, want)
	}
}

func TestEachKeyHasANameOfItsOwn(t *testing.T) {
	text := rapid.StringMatching(`[a-c]{0,2}`)
	key := rapid.Custom(func(t *rapid.T) store.UsageKey {
		return store.UsageKey{Namespace: text.Draw(t, "namespace"), ProductCode: text.Draw(t, "code"), Customer: text.Draw(t, "customer"),
			License: text.Draw(t, "licence"), Dimension: text.Draw(t, "dimension"), PodUID: text.Draw(t, "pod"),
			Hour: usedKey.Hour.Add(time.Duration(rapid.IntRange(-2, 2).Draw(t, "hours")) * time.Hour)}
	})
	rapid.Check(t, func(t *rapid.T) {
		a, b := key.Draw(t, "a"), key.Draw(t, "b")
		if (a.Name() == b.Name()) != (a == b) || (a.MeteringRecordID() == b.MeteringRecordID()) != (a == b) {
			t.Fatalf("%+v is %s, %+v is %s", a, a.Name(), b, b.Name())
		}
		if wrong := validation.IsDNS1123Subdomain(a.Name()); len(wrong) > 0 {
			t.Fatalf("%s: %v", a.Name(), wrong)
		}
		if id, err := uuid.Parse(a.MeteringRecordID()); err != nil || id.Version() != 8 || id.Variant() != uuid.RFC4122 {
			t.Fatalf("%s is no UUID of version 8", a.MeteringRecordID())
		}
	})
}

func TestTheHourIsTheSameInEveryTimeZone(t *testing.T) {
	other := usedKey
	other.Hour = usedKey.Hour.In(time.FixedZone("", 5*3600+1800))
	if other.Name() != usedKey.Name() {
		t.Error("the same hour in another time zone has another name")
	}
}

func TestPutKeepsTheFirst(t *testing.T) {
	s := newScene(t)
	records := store.NewUsageRecords(s.Operator)
	key := usedKey
	key.Namespace = s.Namespace
	record := func(quantity int32) *v1alpha1.UsageRecord {
		r := store.NewUsageRecord(key, "render-farm", "initech")
		r.Spec.Quantity, r.Spec.Operation = quantity, v1alpha1.OperationMeterUsage
		return r
	}
	for _, test := range []struct {
		quantity, first int32
		created         bool
	}{{7, 7, true}, {7, 7, false}, {8, 7, false}} {
		first, created, err := records.Put(t.Context(), record(test.quantity), store.OtherUsage{})
		if err != nil || created != test.created || first.Spec.Quantity != test.first || first.UID == "" {
			t.Errorf("%d: %+v, created %t, %v", test.quantity, first, created, err)
		}
	}
	if first, _, err := store.NewUsageRecords(broken{s.Operator}).Put(t.Context(), record(9), store.OtherUsage{}); !errors.Is(err, errBroken) || first != nil {
		t.Errorf("the first can't be read: %+v, %v", first, err)
	}
}

func TestPutLooksForTheRecordUnderOtherNames(t *testing.T) {
	s := newScene(t)
	records := store.NewUsageRecords(s.Operator)
	of := func(license, subscription string) *v1alpha1.UsageRecord {
		key := usedKey
		key.Namespace, key.License = s.Namespace, license
		r := store.NewUsageRecord(key, "render-farm", subscription)
		r.Spec.Operation = v1alpha1.OperationBatchMeterUsage
		return r
	}
	every := func(names ...string) store.OtherUsage { return store.OtherUsage{Names: names} }
	own := func(names ...string) store.OtherUsage { return store.OtherUsage{Names: names, Own: true} }
	old, next, none := of("old", "initech"), of("next", "initech"), of("none", "initech")
	for _, test := range []struct {
		what    string
		put     *v1alpha1.UsageRecord
		others  store.OtherUsage
		first   string
		created bool
	}{
		{"there is none of any name", old, every(next.Name, none.Name), old.Name, true},
		{"there is one of another name", next, every(none.Name, old.Name), old.Name, false},
		{"there is one of another name and the same Subscription", next, own(none.Name, old.Name), old.Name, false},
		{"the other names are not asked for", next, every(), next.Name, true},
		{"its own name comes first", next, every(old.Name), next.Name, false},
		{"there is one of another Subscription", of("third", "initech-2"), every(old.Name), old.Name, false},
		{"there is one of another Subscription, which does not count", of("third", "initech-2"), own(old.Name), of("third", "").Name, true},
	} {
		first, created, err := records.Put(t.Context(), test.put, test.others)
		if err != nil || first.Name != test.first || created != test.created {
			t.Errorf("%s: %s, created %t, %v", test.what, first.Name, created, err)
		}
	}
	if first, _, err := store.NewUsageRecords(broken{s.Operator}).Put(t.Context(), of("new", "initech"), every(old.Name)); !errors.Is(err, errBroken) || first != nil {
		t.Errorf("the others can't be read: %+v, %v", first, err)
	}
}

func TestContinueAfter(t *testing.T) {
	gone := apierrors.NewResourceExpired("too old")
	gone.ErrStatus.Continue = "token"
	for name, test := range map[string]struct {
		err  error
		want string
	}{
		"no error":                   {nil, ""},
		"another error":              {errBroken, ""},
		"gone with a token":          {gone, "token"},
		"gone without a token":       {apierrors.NewResourceExpired("too old"), ""},
		"another error with a token": {apierrors.NewServiceUnavailable("away"), ""},
	} {
		if got := store.ContinueAfter(test.err); got != test.want {
			t.Errorf("%s: %q", name, got)
		}
	}
}

func TestTheOnlyCustomerOfAProduct(t *testing.T) {
	s := newScene(t)
	of := func(name, product, customer string) *v1alpha1.Subscription {
		return builder.Subscription(name, product).WithCustomer(customer).Build()
	}
	s.Create(of("f", "render-farm", "cust-42"))
	time.Sleep(time.Second) // Times of creation are to the second.
	s.Create(of("a", "render-farm", "cust-42"), of("b", "studio", "cust-42"), of("c", "render-farm", "cust-43"), of("d", "render-farm", "cust-44"))
	for name, test := range map[string]struct{ accepted, want string }{
		"none":                           {"", ""},
		"one":                            {"c", "c"},
		"two":                            {"ac", ""},
		"three":                          {"acd", ""},
		"one with two, the oldest first": {"af", "fa"},
		"one of another product":         {"b", ""},
		"one, and one of another's":      {"bd", "d"},
	} {
		accepted := func(sub *v1alpha1.Subscription) bool { return strings.Contains(test.accepted, sub.Name) }
		for where, st := range map[string]*store.Store{
			"in the cache":         store.New(s.Names, s.Operator, broken{s.Operator}, s.Clock),
			"at the API server":    store.New(s.Names, expect.EmptyCache{}, s.Operator, s.Clock),
			"in the cache of none": store.New(s.Names, s.Operator, s.Operator, s.Clock),
		} {
			subs, err := st.OnlyCustomer(t.Context(), s.Namespace, "render-farm", accepted)
			if known := strings.ContainsAny(test.accepted, "acdf"); where == "in the cache" && !known {
				if err == nil {
					t.Errorf("%s %s: nobody was asked", name, where)
				}
				continue
			}
			got := ""
			for _, sub := range subs {
				got += sub.Name
			}
			if err != nil || got != test.want {
				t.Errorf("%s %s: %q %v, want %q", name, where, got, err, test.want)
			}
		}
	}
}
