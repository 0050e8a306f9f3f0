// Copyright The license-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package store_test

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/license-operator/license-operator/api/v1alpha1"
	"github.com/license-operator/license-operator/internal/store"
	"github.com/license-operator/license-operator/test/builder"
)

func TestAProductIsFoundByItsCode(t *testing.T) {
	s := newScene(t)
	derived := builder.Product("studio").Build()
	s.Create(builder.Product("render-farm").WithCode("774F4FF8").Build(), derived)
	for code, want := range map[string]string{"774F4FF8": "render-farm", s.Names.Code(derived): "studio", "774f4ff8": "", "": "", "studio": ""} {
		for name, st := range map[string]*store.Store{"the cache": s.current, "the API server": s.lagging} {
			p, err := st.ProductByCode(t.Context(), s.Namespace, code)
			if err != nil || (p == nil) != (want == "") || p != nil && p.Name != want {
				t.Errorf("%s: %q is of %v, %v, want %q", name, code, p, err, want)
			}
		}
	}
	if p, err := s.current.ProductByCode(t.Context(), "elsewhere", "774F4FF8"); p != nil || err != nil {
		t.Errorf("in another namespace it is of %v, %v", p, err)
	}
	s.reads(7) // Nothing is asked for "".
}

func TestOfTwoProductsWithOneCodeTheOlderIsFound(t *testing.T) {
	s := newScene(t)
	s.Create(builder.Product("b").WithCode("FARM").Build())
	time.Sleep(time.Second) // Times of creation are to the second.
	s.Create(builder.Product("a").WithCode("FARM").Build())
	for name, st := range map[string]*store.Store{"the cache": s.current, "the API server": s.lagging} {
		if p, err := st.ProductByCode(t.Context(), s.Namespace, "FARM"); err != nil || p == nil || p.Name != "b" {
			t.Errorf("%s: it is %v, %v", name, p, err)
		}
	}
}

func TestWhoHasACodeFirst(t *testing.T) {
	s, other := newScene(t), newScene(t)
	code := "CODE" + s.Namespace[strings.LastIndexByte(s.Namespace, '-')+1:]
	first, second := s, other
	if s.Namespace < other.Namespace {
		first, second = other, s
	}
	oldest := builder.Product("b").WithCode(code).Build()
	later, again := builder.Product("a").WithCode(code).Build(), builder.Product("a").WithCode(code).Build()
	first.Create(oldest)
	time.Sleep(time.Second) // Times of creation are to the second.
	second.Create(later)
	first.Create(again)
	for p, want := range map[*v1alpha1.Product]bool{oldest: true, later: false, again: false} {
		if got, err := s.current.HasCodeFirst(t.Context(), p); err != nil || got != want {
			t.Errorf("that %s/%s has its code first is %t, %v", p.Namespace, p.Name, got, err)
		}
	}
	want := []string{first.Namespace, second.Namespace}
	got, err := s.current.NamespacesOfCode(t.Context(), code)
	if diff := cmp.Diff(want, got); err != nil || diff != "" {
		t.Errorf("%v, other namespaces (-want +got):\n%s", err, diff)
	}
	// Nobody makes the API server look for a code.
	s.reads(0)
	for _, unknown := range []string{"", "NONE"} {
		if got, err := s.lagging.NamespacesOfCode(t.Context(), unknown); err != nil || len(got) != 0 {
			t.Errorf("%q is of %v, %v", unknown, got, err)
		}
	}
	s.reads(0)
}

func TestSubscriptionsOfAProductInTheOrderOfNames(t *testing.T) {
	s := newScene(t)
	s.Create(builder.Subscription("c", "farm").Build(), builder.Subscription("a", "farm").Build(),
		builder.Subscription("b", "studio").Build(), builder.Subscription("a-b", "farm").Build())
	for from, want := range map[string][]string{"": {"a", "a-b", "c"}, "a": {"a", "a-b", "c"}, "a-": {"a-b", "c"}, "b": {"c"}, "c": {"c"}, "d": nil} {
		subs, err := s.current.SubscriptionsOf(t.Context(), s.Namespace, "farm", from)
		if err != nil {
			t.Fatal(err)
		}
		var got []string
		for sub := range subs {
			got = append(got, sub.Name)
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("from %q (-want +got):\n%s", from, diff)
		}
	}
}

func TestACodeIsOwnUnlessTheProductSaysThatItIsNot(t *testing.T) {
	p := builder.Product("farm").Build()
	if !store.HasOwnCode(p) {
		t.Error("that of a Product without conditions is not")
	}
	p.Status.Conditions = []metav1.Condition{builder.Condition(v1alpha1.ConditionReady, metav1.ConditionFalse, v1alpha1.ReasonDuplicateCode)}
	if store.HasOwnCode(p) {
		t.Error("that of a Product with the code of another is")
	}
}
