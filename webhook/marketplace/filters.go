// Copyright The license-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package marketplace

import (
	"cmp"
	"context"
	"iter"
	"slices"
	"strconv"
	"strings"

	"github.com/license-operator/license-operator/api/v1alpha1"
	"github.com/license-operator/license-operator/internal/fault"
	"github.com/license-operator/license-operator/internal/seats"
	"github.com/license-operator/license-operator/internal/store"
	"github.com/license-operator/license-operator/webhook/auth"
	"github.com/license-operator/license-operator/webhook/awsjson"
	"github.com/license-operator/license-operator/webhook/operations"
)

// filters are the values of GetEntitlements' filters, sorted, by their names. A
// row passes if it has one of the values of each (API reference: "the values are
// unioned for each key; the keys are intersected").
type filters map[string][]string

// newFilters refuses both keys of a customer at once (API reference of
// GetEntitlements): InvalidParameter.
func newFilters(given map[string][]string) (filters, error) {
	f := make(filters, len(given))
	for name, values := range given {
		f[name] = slices.Compact(slices.Sorted(slices.Values(values)))
	}
	if len(f[awsjson.FilterCustomerIdentifier]) > 0 && len(f[awsjson.FilterCustomerAWSAccountID]) > 0 {
		return nil, fault.New(fault.InvalidParameter, "The filters %s and %s exclude each other; give one of them.",
			awsjson.FilterCustomerIdentifier, awsjson.FilterCustomerAWSAccountID)
	}
	return f, nil
}

// pass says whether a value passes the filter with a name.
func (f filters) pass(name, value string) bool {
	values, given := f[name]
	if !given {
		return true
	}
	_, found := slices.BinarySearch(values, value)
	return found
}

// mark is what the pages of one list have in common.
func (f filters) mark(who *auth.Principal, namespace, code string) string {
	parts := []string{namespace, who.Subscription, code}
	for _, name := range []string{
		awsjson.FilterCustomerIdentifier, awsjson.FilterCustomerAWSAccountID, awsjson.FilterDimension, awsjson.FilterLicenseARN,
	} {
		if values, given := f[name]; given {
			parts = append(append(parts, name, strconv.Itoa(len(values))), values...)
		}
	}
	return seats.NewDigest(parts...)
}

func (s *Service) pages() operations.Pages {
	return operations.Pages{Purpose: "entitlement-list-page", Keys: s.Keys}
}

// place is where a page ends: after a dimension of a Subscription.
type place struct{ subscription, dimension string }

// String writes the name of the Subscription, which has no slash, and then the
// dimension.
func (p place) String() string { return p.subscription + "/" + p.dimension }

func placeOf(text string) place {
	subscription, dimension, _ := strings.Cut(text, "/")
	return place{subscription, dimension}
}

var errNoSuchProduct = fault.New(fault.InvalidParameter,
	"ProductCode is not the code of a product of the caller's; copy it from the Product's `status.code`.")

// listedProduct is the product with a code whose entitlements the caller may
// list. That of a customer is the one of its Subscription.
func (s *Service) listedProduct(ctx context.Context, who *auth.Principal, code string, f filters) (*v1alpha1.Product, error) {
	arn := ""
	for i, own := range f[awsjson.FilterLicenseARN] {
		account, _, _ := store.ParseLicenseARN(own)
		if first, _, _ := store.ParseLicenseARN(arn); i > 0 && account != first && who.Kind == auth.ServiceAccount {
			return nil, fault.New(fault.InvalidParameter, "The filter %s has licences of several vendors; ask for each vendor's by themselves.", awsjson.FilterLicenseARN)
		}
		arn = own
	}
	namespace, err := s.namespaceOf(ctx, who, mayList, arn, code)
	if err != nil {
		return nil, err
	}
	product, err := s.Store.ProductByCode(ctx, namespace, code)
	if err != nil || product == nil {
		return nil, cmp.Or(err, error(errNoSuchProduct))
	}
	if who.Kind != auth.Customer {
		return product, nil
	}
	sub, err := s.Store.Subscription(ctx, namespace, who.Subscription)
	if err != nil || sub == nil || sub.Spec.ProductRef.Name != product.Name {
		return nil, cmp.Or(err, error(errNoSuchProduct))
	}
	return product, nil
}

// listed are the Subscriptions, from a name on and in the order of the
// names, among which a list looks: the customer's own, those that the filters
// name, or all of the product.
func (s *Service) listed(ctx context.Context, who *auth.Principal, product *v1alpha1.Product, f filters, from string) (iter.Seq[*v1alpha1.Subscription], error) {
	var subs []*v1alpha1.Subscription
	var find func(value string) ([]*v1alpha1.Subscription, error)
	one := func(sub *v1alpha1.Subscription, err error) ([]*v1alpha1.Subscription, error) {
		if sub == nil {
			return nil, err
		}
		return []*v1alpha1.Subscription{sub}, err
	}
	customers := append(slices.Clone(f[awsjson.FilterCustomerIdentifier]), f[awsjson.FilterCustomerAWSAccountID]...)
	values := customers
	switch {
	case who.Kind == auth.Customer:
		values = []string{who.Subscription}
		find = func(name string) ([]*v1alpha1.Subscription, error) {
			return one(s.Store.Subscription(ctx, product.Namespace, name))
		}
	case len(f[awsjson.FilterLicenseARN]) > 0:
		values = f[awsjson.FilterLicenseARN]
		find = func(arn string) ([]*v1alpha1.Subscription, error) {
			return one(s.Store.SubscriptionByLicense(ctx, product.Namespace, arn))
		}
	case len(customers) > 0:
		find = func(customer string) ([]*v1alpha1.Subscription, error) {
			return s.Store.SubscriptionsTo(ctx, product.Namespace, product.Name, customer)
		}
	default:
		return s.Store.SubscriptionsOf(ctx, product.Namespace, product.Name, from)
	}
	for _, value := range values {
		found, err := find(value)
		if err != nil {
			return nil, err
		}
		subs = append(subs, found...)
	}
	subs = slices.DeleteFunc(subs, func(sub *v1alpha1.Subscription) bool { return sub.Name < from })
	slices.SortFunc(subs, func(a, b *v1alpha1.Subscription) int { return strings.Compare(a.Name, b.Name) })
	return slices.Values(slices.CompactFunc(subs, func(a, b *v1alpha1.Subscription) bool { return a.Name == b.Name })), nil
}
