// Copyright The license-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package store

import (
	"context"
	"iter"
	"maps"
	"slices"
	"strings"

	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/license-operator/license-operator/api/v1alpha1"
)

// ProductByCode finds the Product that has a code in a namespace; nil if there
// is none. Of several it is the oldest, as their conditions say.
func (s *Store) ProductByCode(ctx context.Context, namespace, code string) (*v1alpha1.Product, error) {
	return s.productBy(ctx, namespace, IndexProductCode, "code/"+code, code, s.Names.Code)
}

// ProductBySKU finds the Product that has a SKU in a namespace; nil if there is
// none. Of several it is the oldest, as their conditions say.
func (s *Store) ProductBySKU(ctx context.Context, namespace, sku string) (*v1alpha1.Product, error) {
	return s.productBy(ctx, namespace, IndexProductSKU, "sku/"+sku, sku, s.Names.SKU)
}

// productBy finds the oldest Product of a namespace that has a value in an index,
// by what of says its value is. Where the cache has none the API server is
// asked, which often has none either.
func (s *Store) productBy(ctx context.Context, namespace, index, lookup, value string, of func(*v1alpha1.Product) string) (*v1alpha1.Product, error) {
	if value == "" {
		return nil, nil
	}
	list, err := listOf(ctx, s.cache, &v1alpha1.ProductList{}, namespace, index, value)
	if err == nil && len(list.Items) == 0 {
		list = &v1alpha1.ProductList{}
		err = s.lookEveryday(ctx, namespace, lookup, func(ctx context.Context) (bool, error) {
			err := s.live.List(ctx, list, client.InNamespace(namespace))
			list.Items = slices.DeleteFunc(list.Items, func(p v1alpha1.Product) bool { return of(&p) != value })
			return len(list.Items) > 0, err
		})
	}
	if err != nil || len(list.Items) == 0 {
		return nil, err
	}
	first := &list.Items[0]
	for i := range list.Items {
		if p := &list.Items[i]; older(p, first) {
			first = p
		}
	}
	return first, nil
}

// NamespacesOfCode are the namespaces that have a Product with a code, in the
// order in which their first one was created, and then of their names. Only the
// cache is asked: anybody can make up a code.
func (s *Store) NamespacesOfCode(ctx context.Context, code string) ([]string, error) {
	if code == "" {
		return nil, nil
	}
	list, err := listOf(ctx, s.cache, &v1alpha1.ProductList{}, "", IndexProductCode, code)
	if err != nil {
		return nil, err
	}
	first := map[string]*v1alpha1.Product{}
	for i := range list.Items {
		p := &list.Items[i]
		if known := first[p.Namespace]; known == nil || older(p, known) {
			first[p.Namespace] = p
		}
	}
	return slices.SortedFunc(maps.Keys(first), func(a, b string) int {
		if older(first[a], first[b]) {
			return -1
		}
		return 1
	}), nil
}

// HasOwnCode says whether a Product's code is its own: of several Products with
// one code in a namespace, the oldest has it.
func HasOwnCode(p *v1alpha1.Product) bool { return !duplicatesCode(p) }

// HasCodeFirst says whether a Product is the first in the whole cluster with its
// code, by their times of creation. Only the cache is asked.
func (s *Store) HasCodeFirst(ctx context.Context, p *v1alpha1.Product) (bool, error) {
	list, err := listOf(ctx, s.cache, &v1alpha1.ProductList{}, "", IndexProductCode, s.Names.Code(p))
	if err != nil {
		return false, err
	}
	return !slices.ContainsFunc(list.Items, func(other v1alpha1.Product) bool { return older(&other, p) }), nil
}

// SubscriptionsOf are the Subscriptions to a Product whose names are not before
// a name, in the order of names. Only the cache is read: a list may lag.
func (s *Store) SubscriptionsOf(ctx context.Context, namespace, product, from string) (iter.Seq[*v1alpha1.Subscription], error) {
	if r, ok := s.cache.(*Reader); ok {
		return r.subscriptionsOf(namespace, product, from)
	}
	list := &v1alpha1.SubscriptionList{}
	err := s.cache.List(ctx, list, client.InNamespace(namespace),
		client.MatchingFields{IndexSubscriptionProduct: product}, client.UnsafeDisableDeepCopy)
	if err != nil {
		return nil, err
	}
	var all []*v1alpha1.Subscription
	for i := range list.Items {
		if sub := &list.Items[i]; sub.Name >= from {
			all = append(all, sub)
		}
	}
	slices.SortFunc(all, func(a, b *v1alpha1.Subscription) int { return strings.Compare(a.Name, b.Name) })
	return slices.Values(all), nil
}

// subscriptionsOf sorts keys only: whoever asks for a page does not read all
// Subscriptions to a Product.
func (r *Reader) subscriptionsOf(namespace, product, from string) (iter.Seq[*v1alpha1.Subscription], error) {
	keys, err := r.subscriptions.IndexKeys(indexPrefix+IndexSubscriptionProduct, indexKey(namespace, product))
	if err != nil {
		return nil, err
	}
	return r.subscriptionsByKey(slices.DeleteFunc(keys, func(key string) bool { return key < namespace+"/"+from })), nil
}
