// Copyright The license-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package store

import (
	"context"
	"slices"

	"k8s.io/apimachinery/pkg/api/meta"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/license-operator/license-operator/api/v1alpha1"
	"github.com/license-operator/license-operator/internal/fault"
	"github.com/license-operator/license-operator/internal/licensing"
)

// Right is a Subscription with its Product, which exists.
type Right struct {
	Subscription *v1alpha1.Subscription
	Product      *v1alpha1.Product
	// Code is the Product's code.
	Code string
}

// Subscribed says whether any Subscription of the customer to the product with
// this code stands now. known is false if the customer has none to it.
func (s *Store) Subscribed(ctx context.Context, namespace, pid, code string) (subscribed, known bool, err error) {
	rights, err := s.rights(ctx, namespace, pid)
	if subscribed, known = s.stands(rights, code); subscribed {
		return true, true, nil
	}
	if err != nil || known {
		return false, known, err
	}
	rights, err = s.liveRights(ctx, namespace, pid, code)
	subscribed, known = s.stands(rights, code)
	return subscribed, known, err
}

// stands says whether any of the rights to a product stands now, and whether
// there is any.
func (s *Store) stands(rights []Right, code string) (subscribed, known bool) {
	for _, r := range rights {
		if r.Code != code {
			continue
		}
		known = true
		if licensing.Stand(r.Subscription, true, s.clock.Now()).Subscribed {
			return true, true
		}
	}
	return false, known
}

// ActiveCodes are the codes, sorted, of all products of the namespace that the
// customer is subscribed to now.
func (s *Store) ActiveCodes(ctx context.Context, namespace, pid string) ([]string, error) {
	rights, err := s.rights(ctx, namespace, pid)
	if err == nil && len(rights) == 0 {
		rights, err = s.liveRights(ctx, namespace, pid, "")
	}
	if err != nil {
		return nil, err
	}
	var codes []string
	for _, r := range rights {
		if licensing.Stand(r.Subscription, true, s.clock.Now()).Subscribed {
			codes = append(codes, r.Code)
		}
	}
	slices.Sort(codes)
	return slices.Compact(codes), nil
}

// ProductKnown says whether the namespace has a Product with this code.
func (s *Store) ProductKnown(ctx context.Context, namespace, code string) (bool, error) {
	list, err := listOf(ctx, s.cache, &v1alpha1.ProductList{}, namespace, IndexProductCode, code)
	return len(list.Items) > 0, err
}

// TokenImported says whether any Product, of one namespace or of all if it is
// "", has imported the product token with this SHA-256.
func (s *Store) TokenImported(ctx context.Context, namespace, sha256 string) (bool, error) {
	list, err := listOf(ctx, s.cache, &v1alpha1.ProductList{}, namespace, IndexProductImportedToken, sha256)
	return len(list.Items) > 0, err
}

// rights are the customer's Subscriptions with their Products, by the cache.
func (s *Store) rights(ctx context.Context, namespace, pid string) ([]Right, error) {
	list, err := listOf(ctx, s.cache, &v1alpha1.SubscriptionList{}, namespace, IndexSubscriptionPID, pid)
	if err != nil {
		return nil, err
	}
	return s.withProducts(ctx, list.Items)
}

// liveRights asks the API server for the customer's rights to the product with
// this code, or to any for "". One that was made up costs no look-up. That a
// customer has no right is an everyday answer, so where too many ask for such
// the cache's word is taken for it instead of refusing them.
func (s *Store) liveRights(ctx context.Context, namespace, pid, code string) ([]Right, error) {
	if !s.Names.Identity.AuthenticPID(namespace, pid) {
		return nil, nil
	}
	var rights []Right
	_, err := s.look(ctx, namespace, pid+"/"+code, func(ctx context.Context) (bool, error) {
		list := &v1alpha1.SubscriptionList{}
		err := s.live.List(ctx, list, client.InNamespace(namespace),
			client.MatchingFields{"status.persistentIdentifier": pid})
		if err != nil {
			return false, err
		}
		rights, err = s.withProducts(ctx, list.Items)
		return slices.ContainsFunc(rights, func(r Right) bool { return code == "" || r.Code == code }), err
	})
	if fault.KindOf(err) == fault.Throttled {
		return nil, nil
	}
	return rights, err
}

// withProducts joins Subscriptions with their Products. One that can't be read
// does not hide the others: the error comes with what could be. Where too many
// ask for Products that are gone, the cache's word is taken for it.
func (s *Store) withProducts(ctx context.Context, subs []v1alpha1.Subscription) ([]Right, error) {
	var rights []Right
	var failure error
	for i := range subs {
		sub := &subs[i]
		p, err := s.Product(ctx, sub.Namespace, sub.Spec.ProductRef.Name)
		if err != nil && fault.KindOf(err) != fault.Throttled {
			failure = err
		}
		if p == nil || duplicatesCode(p) {
			continue
		}
		rights = append(rights, Right{Subscription: sub, Product: p, Code: s.Names.Code(p)})
	}
	return rights, failure
}

// duplicatesCode says whether an older Product has the code: then it belongs to
// that one.
func duplicatesCode(p *v1alpha1.Product) bool {
	ready := meta.FindStatusCondition(p.Status.Conditions, v1alpha1.ConditionReady)
	return ready != nil && ready.Reason == v1alpha1.ReasonDuplicateCode
}

// TokenImportedFor says whether the Product of a namespace with this code has
// imported the product token with this SHA-256.
func (s *Store) TokenImportedFor(ctx context.Context, namespace, sha256, code string) (bool, error) {
	list, err := listOf(ctx, s.cache, &v1alpha1.ProductList{}, namespace, IndexProductImportedToken, sha256)
	for i := range list.Items {
		if s.Names.Code(&list.Items[i]) == code {
			return true, err
		}
	}
	return false, err
}
