// Copyright The license-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package marketplace

import (
	"context"
	"slices"

	"github.com/license-operator/license-operator/api/v1alpha1"
	"github.com/license-operator/license-operator/internal/fault"
	"github.com/license-operator/license-operator/internal/licensing"
	"github.com/license-operator/license-operator/internal/store"
	"github.com/license-operator/license-operator/webhook/auth"
)

var errNotEntitled = fault.New(fault.CustomerNotEntitled, "The customer is not subscribed to the product.")

// acceptsUsage says whether usage of a Subscription is accepted now.
func (s *Service) acceptsUsage(sub *v1alpha1.Subscription) bool {
	return licensing.UsageStanding(sub, true, s.Clock.Now()).Accepted
}

// subscribed says whether a customer is subscribed now.
func (s *Service) subscribed(sub *v1alpha1.Subscription) bool {
	return licensing.Stand(sub, true, s.Clock.Now()).Subscribed
}

// consumer is the customer for whom the caller uses a product: the customer's
// Subscriptions to it, the oldest first, of which at least one is accepted.
//
// A customer's AccessKey is of one Subscription. A ServiceAccount is the customer
// whose account is that of its namespace. A vendor's AccessKey is nobody's, so it
// will do only while the product has one customer, as where one is tried out.
// Faults: ProductCodeInvalid, AccessDenied, CustomerNotEntitled.
func (s *Service) consumer(ctx context.Context, who *auth.Principal, code string, accepted func(*v1alpha1.Subscription) bool) (metered, []*v1alpha1.Subscription, error) {
	if code == "" {
		return metered{}, nil, fault.New(fault.ProductCodeInvalid, "The ProductCode must not be empty.")
	}
	var t metered
	var subs []*v1alpha1.Subscription
	var err error
	switch who.Kind {
	case auth.Customer:
		t, subs, err = s.ownSubscription(ctx, who, code)
	case auth.ServiceAccount:
		t, subs, err = s.subscriptionsOfAccount(ctx, who, code)
	default:
		return s.onlyCustomer(ctx, who.Namespace, code, accepted)
	}
	if err != nil {
		return metered{}, nil, err
	}
	if !slices.ContainsFunc(subs, accepted) {
		return metered{}, nil, errNotEntitled
	}
	return t, subs, nil
}

// ownSubscription is that of a customer's AccessKey.
func (s *Service) ownSubscription(ctx context.Context, who *auth.Principal, code string) (metered, []*v1alpha1.Subscription, error) {
	sub, err := s.Store.Subscription(ctx, who.Namespace, who.Subscription)
	if err != nil {
		return metered{}, nil, err
	}
	if sub == nil {
		return metered{}, nil, errNotEntitled
	}
	p, err := s.Store.Product(ctx, who.Namespace, sub.Spec.ProductRef.Name)
	if err != nil {
		return metered{}, nil, err
	}
	if p == nil || !store.HasOwnCode(p) || s.Store.Names.Code(p) != code {
		// Whether the vendor has another product with this code is nobody's
		// business.
		return metered{}, nil, fault.New(fault.ProductCodeInvalid, "The access key is not for a product with this code.")
	}
	return metered{product: p, code: code}, []*v1alpha1.Subscription{sub}, nil
}

// subscriptionsOfAccount are those of the account of the ServiceAccount's own
// namespace, the oldest first.
func (s *Service) subscriptionsOfAccount(ctx context.Context, who *auth.Principal, code string) (metered, []*v1alpha1.Subscription, error) {
	namespace, err := s.namespaceOf(ctx, who, mayMeterItself, "", code)
	if err != nil {
		return metered{}, nil, err
	}
	t, err := s.productByCode(ctx, namespace, code)
	if err != nil {
		return metered{}, nil, err
	}
	own, _ := who.ServiceAccountName()
	account, err := s.Store.Account(ctx, own)
	if fault.KindOf(err) == fault.NotEntitled { // The account is another namespace's.
		return metered{}, nil, fault.Wrap(err, fault.CustomerNotEntitled, "%s", errNotEntitled.Detail)
	}
	if err != nil {
		return metered{}, nil, err
	}
	subs, err := s.subscriptionsOf(ctx, t, account, func(sub *v1alpha1.Subscription) bool { return sub.Spec.Customer.AccountID == account })
	return t, subs, err
}

// onlyCustomer are the Subscriptions of the only customer of a product who is
// subscribed, or if nobody is, of the only one who is accepted.
func (s *Service) onlyCustomer(ctx context.Context, namespace, code string, accepted func(*v1alpha1.Subscription) bool) (metered, []*v1alpha1.Subscription, error) {
	t, err := s.productByCode(ctx, namespace, code)
	if err != nil {
		return metered{}, nil, err
	}
	for _, is := range []func(*v1alpha1.Subscription) bool{s.subscribed, accepted} {
		subs, err := s.Store.OnlyCustomer(ctx, namespace, t.product.Name, is)
		if err != nil {
			return metered{}, nil, err
		}
		if len(subs) > 0 {
			return t, subs, nil
		}
	}
	return metered{}, nil, fault.New(fault.CustomerNotEntitled,
		"A vendor's AccessKey does not say who the customer is, and not exactly one customer is subscribed: sign with the AccessKey of the customer, or call as a ServiceAccount in a namespace with the customer's account.")
}
