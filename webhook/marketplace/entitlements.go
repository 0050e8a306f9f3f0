// Copyright The license-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package marketplace

import (
	"context"
	"math"
	"slices"
	"strconv"
	"strings"

	"k8s.io/utils/ptr"

	"github.com/license-operator/license-operator/api/v1alpha1"
	"github.com/license-operator/license-operator/internal/fault"
	"github.com/license-operator/license-operator/internal/licensing"
	"github.com/license-operator/license-operator/webhook/auth"
	"github.com/license-operator/license-operator/webhook/awsjson"
)

const (
	// maxEntitlements is the largest page and the default, by the API model.
	maxEntitlements = 25

	// maxCandidates is at how many Subscriptions one call looks: with filters
	// that match few of many, a page may be short or empty and still have a next
	// one.
	maxCandidates = 1000
)

// GetEntitlements lists what the customers of a product are entitled to now:
// one row for each entitlement of each Subscription that stands, in the order of
// their names. Those of a Subscription that is suspended, cancelled or over are
// not there, rather than zero. A customer has the rows of its own Subscription
// only. A list is read from the cache and may lag for a moment, but a customer
// who is named in a filter is looked up where the cache has none.
//
// A product code that is none of the caller's is InvalidParameter.
func (s *Service) GetEntitlements(ctx context.Context, who *auth.Principal, in *awsjson.GetEntitlementsRequest) (*awsjson.GetEntitlementsResult, error) {
	f, err := newFilters(in.Filter)
	if err != nil {
		return nil, err
	}
	most := int(ptr.Deref(in.MaxResults, maxEntitlements))
	if most < 1 || most > maxEntitlements {
		return nil, fault.New(fault.InvalidParameter, "MaxResults must be from 1 to %d.", maxEntitlements)
	}
	product, err := s.listedProduct(ctx, who, in.ProductCode, f)
	if err != nil {
		return nil, err
	}
	mark := f.mark(who, product.Namespace, in.ProductCode)
	after := place{}
	if token := ptr.Deref(in.NextToken, ""); token != "" {
		text, err := s.pages().Open(token, mark)
		if err != nil {
			return nil, err
		}
		after = placeOf(text)
	}
	rows, next, err := s.entitlements(ctx, who, product, f, after, most)
	if err != nil {
		return nil, err
	}
	out := &awsjson.GetEntitlementsResult{Entitlements: rows}
	if next != nil {
		out.NextToken, err = s.pages().Seal(s.Clock.Now(), mark, next.String())
	}
	return out, err
}

// entitlements is one page of rows, and the place of its last one if there may
// be more.
func (s *Service) entitlements(ctx context.Context, who *auth.Principal, product *v1alpha1.Product, f filters, after place, most int) ([]awsjson.CustomerEntitlement, *place, error) {
	subs, err := s.listed(ctx, who, product, f, after.subscription)
	if err != nil {
		return nil, nil, err
	}
	rows := []awsjson.CustomerEntitlement{}
	looked := 0
	for sub := range subs {
		if looked == maxCandidates {
			return rows, &after, nil
		}
		if err := ctx.Err(); err != nil {
			return nil, nil, fault.Wrap(err, fault.Unavailable, "The request took too long. Try again later.")
		}
		own, err := s.rows(ctx, product, sub, f)
		if err != nil {
			return nil, nil, err
		}
		done := ""
		if sub.Name == after.subscription {
			done = after.dimension
		}
		for _, row := range own {
			if row.Dimension <= done {
				continue
			}
			if len(rows) == most {
				return rows, &after, nil
			}
			rows = append(rows, row)
			done = row.Dimension
			after = place{sub.Name, done}
		}
		looked, after = looked+1, place{sub.Name, done}
	}
	return rows, nil, nil
}

// rows are what a Subscription gives now and the filters let through, in the
// order of the names.
func (s *Service) rows(ctx context.Context, product *v1alpha1.Product, sub *v1alpha1.Subscription, f filters) ([]awsjson.CustomerEntitlement, error) {
	names := s.Store.Names
	if sub.Spec.ProductRef.Name != product.Name || !licensing.Stand(sub, true, s.Clock.Now()).Subscribed ||
		!f.pass(awsjson.FilterCustomerIdentifier, names.Customer(sub)) ||
		!f.pass(awsjson.FilterCustomerAWSAccountID, sub.Spec.Customer.AccountID) {
		return nil, nil
	}
	arn, err := s.licenseARN(ctx, sub)
	if err != nil || !f.pass(awsjson.FilterLicenseARN, arn) {
		return nil, err
	}
	given, _ := licensing.Entitlements(product, sub)
	slices.SortFunc(given, func(a, b v1alpha1.Entitlement) int { return strings.Compare(a.Name, b.Name) })
	var rows []awsjson.CustomerEntitlement
	for i := range given {
		if !f.pass(awsjson.FilterDimension, given[i].Name) {
			continue
		}
		row := awsjson.CustomerEntitlement{
			ProductCode:          names.Code(product),
			Dimension:            given[i].Name,
			CustomerIdentifier:   s.customerIdentifier(product, sub),
			CustomerAWSAccountID: sub.Spec.Customer.AccountID,
			Value:                entitlementValue(&given[i]),
			LicenseARN:           arn,
		}
		if end := licensing.NotAfter(sub); !end.IsZero() {
			row.ExpirationDate = &awsjson.Timestamp{Time: end}
		}
		rows = append(rows, row)
	}
	return rows, nil
}

// entitlementValue is how much an entitlement gives. What is counted is an
// integer, or a double where it is too large for one of 32 bits; a feature is
// true unless its value says something else.
func entitlementValue(e *v1alpha1.Entitlement) *awsjson.EntitlementValue {
	if e.Unit != v1alpha1.UnitNone {
		count := ptr.Deref(e.MaxCount, 0)
		if count > math.MaxInt32 {
			return &awsjson.EntitlementValue{DoubleValue: ptr.To(float64(count))}
		}
		return &awsjson.EntitlementValue{IntegerValue: ptr.To(int32(count))} //nolint:gosec // It is within the bounds.
	}
	switch e.Value {
	case "", "true", "false":
		return &awsjson.EntitlementValue{BooleanValue: ptr.To(e.Value != strconv.FormatBool(false))}
	default:
		return &awsjson.EntitlementValue{StringValue: ptr.To(e.Value)}
	}
}
