// Copyright The license-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package product

import (
	"context"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/apimachinery/pkg/runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"

	"github.com/license-operator/license-operator/api/v1alpha1"
	"github.com/license-operator/license-operator/test/builder"
	"github.com/license-operator/license-operator/test/expect"
)

// aSecond passes until the API server stamps another creation time.
func aSecond() { time.Sleep(1100 * time.Millisecond) }

func TestOfTwoProductsWithOneNameTheOlderKeepsIt(t *testing.T) {
	for name, test := range map[string]struct {
		give   func(*builder.ProductBuilder) *builder.ProductBuilder
		reason string
	}{
		"one code":                     {func(b *builder.ProductBuilder) *builder.ProductBuilder { return b.WithCode("774F4FF8") }, v1alpha1.ReasonDuplicateCode},
		"one SKU":                      {func(b *builder.ProductBuilder) *builder.ProductBuilder { return b.WithSKU("ACME") }, v1alpha1.ReasonDuplicateSKU},
		"the SKU is the other's name":  {func(b *builder.ProductBuilder) *builder.ProductBuilder { return b.WithSKU("zeta") }, v1alpha1.ReasonDuplicateSKU},
		"code and SKU: the code first": {func(b *builder.ProductBuilder) *builder.ProductBuilder { return b.WithCode("774F4FF8").WithSKU("ACME") }, v1alpha1.ReasonDuplicateCode},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s, c := stage(t)
			winner := published(s, c, test.give(builder.Product("zeta")))
			aSecond()
			loser := test.give(builder.Product("alpha")).Build()
			s.Create(loser)
			expect.Reconcile(s, c, loser)
			ready := s.Condition(loser, v1alpha1.ConditionReady, "False, "+test.reason)
			if !strings.Contains(ready.Message, "zeta") {
				t.Errorf("the message does not name the rival: %s", ready.Message)
			}
			s.Events("Warning " + test.reason)
			if loser.Status.TokenSecretRef != nil || s.Secret("alpha-product-token") != nil {
				t.Error("the loser has got a product token")
			}
			expect.Reconcile(s, c, winner)
			s.Condition(winner, v1alpha1.ConditionReady, "True, Ready")
			expect.Truth(s, c, winner)
			expect.Truth(s, c, loser)
			if diff := cmp.Diff(requests(loser), sorted(c.rivalsOf(t.Context(), winner))); diff != "" {
				t.Errorf("who is looked at when the winner changes (-want +got):\n%s", diff)
			}

			s.Delete(winner)
			expect.Reconcile(s, c, loser)
			s.Condition(loser, v1alpha1.ConditionReady, "True, Ready")
			s.Events("Normal Ready")
			expect.Truth(s, c, loser)
		})
	}
}

func TestTheNameDecidesWithinOneSecond(t *testing.T) {
	first, second := builder.Product("alpha").Build(), builder.Product("beta").Build()
	if !older(first, second) || older(second, first) {
		t.Error("alpha must count as older than beta when they were made in one second")
	}
}

func TestALoserRecoversWhenItsSKUIsAnother(t *testing.T) {
	t.Parallel()
	s, c := stage(t)
	published(s, c, builder.Product("alpha").WithSKU("ACME"))
	loser := builder.Product("beta").WithSKU("ACME").Build()
	s.Create(loser)
	expect.Reconcile(s, c, loser)
	s.Condition(loser, v1alpha1.ConditionReady, "False, DuplicateSKU")
	s.Events("Warning DuplicateSKU")
	expect.Edit(s, loser, func(p *v1alpha1.Product) { p.Spec.SKU = "ACME-2" })
	expect.Reconcile(s, c, loser)
	s.Condition(loser, v1alpha1.ConditionReady, "True, Ready")
	s.Events("Normal Ready")
	expect.Truth(s, c, loser)
}

func TestOneNameInTwoNamespacesIsNoConflict(t *testing.T) {
	t.Parallel()
	for range 2 {
		s, c := stage(t)
		p := published(s, c, builder.Product("render-farm").WithCode("774F4FF8").WithSKU("ACME"))
		expect.Truth(s, c, p)
	}
}

// reversed lists in the other order, as a cache may, which has none.
type reversed struct{ client.Client }

func (r reversed) List(ctx context.Context, list client.ObjectList, opts ...client.ListOption) error {
	if err := r.Client.List(ctx, list, opts...); err != nil {
		return err
	}
	items, err := meta.ExtractList(list)
	if err != nil {
		return err
	}
	slices.Reverse(items)
	return meta.SetList(list, slices.Clone[[]runtime.Object](items))
}

func TestTheMessageDoesNotDependOnTheOrderOfTheCache(t *testing.T) {
	t.Parallel()
	s, c := stage(t)
	for _, name := range []string{"alpha", "beta"} {
		s.Create(builder.Product(name).WithCode("774F4FF8").Build())
	}
	last := builder.Product("gamma").WithCode("774F4FF8").Build()
	s.Create(last)
	expect.Reconcile(s, c, last)
	before := s.Condition(last, v1alpha1.ConditionReady, "False, DuplicateCode")
	s.Events("Warning DuplicateCode")
	c.Client = reversed{s.Operator}
	expect.Reconcile(s, c, last)
	after := s.Condition(last, v1alpha1.ConditionReady, "False, DuplicateCode")
	if diff := cmp.Diff(before, after); diff != "" {
		t.Errorf("the condition (-in order +reversed):\n%s", diff)
	}
}

func requests(objects ...client.Object) []reconcile.Request {
	var list []reconcile.Request
	for _, o := range objects {
		list = append(list, reconcile.Request{NamespacedName: client.ObjectKeyFromObject(o)})
	}
	return list
}

// sorted orders requests and drops those that come twice, as a queue does.
func sorted(list []reconcile.Request) []reconcile.Request {
	slices.SortFunc(list, func(a, b reconcile.Request) int { return strings.Compare(a.String(), b.String()) })
	return slices.Compact(list)
}
