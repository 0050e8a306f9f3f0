// Copyright The license-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package marketplace

import (
	"context"
	"time"

	"k8s.io/utils/ptr"

	"github.com/license-operator/license-operator/api/v1alpha1"
	"github.com/license-operator/license-operator/internal/fault"
	"github.com/license-operator/license-operator/internal/licensing"
	"github.com/license-operator/license-operator/internal/store"
	"github.com/license-operator/license-operator/webhook/auth"
	"github.com/license-operator/license-operator/webhook/awsjson"
)

// What a request must say. Real metering refuses a ProductCode beside a
// LicenseArn for some products; here both may be given if they agree.
var (
	errNoProduct = fault.New(fault.ProductCodeInvalid,
		"Give the ProductCode, or the LicenseArn in every usage record.")
	errOtherProduct = fault.New(fault.LicenseInvalid,
		"A LicenseArn is of no licence of this vendor's, or of another product; each call is for one product.")
	errOtherCustomer = fault.New(fault.LicenseInvalid,
		"A LicenseArn is not of the customer whom its usage record names.")
	errNoCustomer = fault.New(fault.CustomerInvalid,
		"Each usage record must have either CustomerIdentifier or CustomerAWSAccountId, and not both.")
	errUnknownProduct = fault.New(fault.ProductCodeInvalid, "The vendor has no product with this code.")
)

// meteredProduct is the one product that a request is for: the one that its
// ProductCode names, or that of its first LicenseArn.
func (s *Service) meteredProduct(ctx context.Context, who *auth.Principal, in *awsjson.BatchMeterUsageRequest) (metered, error) {
	code, arn := ptr.Deref(in.ProductCode, ""), ""
	for i := range in.UsageRecords {
		own := ptr.Deref(in.UsageRecords[i].LicenseARN, "")
		if own == "" && code == "" {
			return metered{}, errNoProduct
		}
		if arn == "" {
			arn = own
		}
	}
	if code == "" && arn == "" {
		return metered{}, errNoProduct
	}
	namespace, err := s.namespaceOf(ctx, who, mayMeter, arn, code)
	if err != nil {
		return metered{}, err
	}
	if code != "" {
		return s.productByCode(ctx, namespace, code)
	}
	sub, err := s.subscriptionByLicense(ctx, namespace, arn)
	if err != nil {
		return metered{}, err
	}
	p, err := s.Store.Product(ctx, namespace, sub.Spec.ProductRef.Name)
	if err != nil {
		return metered{}, err
	}
	if p == nil || !store.HasOwnCode(p) { // Records go by the code.
		return metered{}, errOtherProduct
	}
	return metered{product: p, code: s.Store.Names.Code(p)}, nil
}

func (s *Service) productByCode(ctx context.Context, namespace, code string) (metered, error) {
	p, err := s.Store.ProductByCode(ctx, namespace, code)
	if err != nil {
		return metered{}, err
	}
	if p == nil {
		return metered{}, errUnknownProduct
	}
	return metered{product: p, code: code}, nil
}

// subscriptionByLicense is the Subscription whose licence has an ARN. The fault
// is LicenseInvalid if there is none.
func (s *Service) subscriptionByLicense(ctx context.Context, namespace, arn string) (*v1alpha1.Subscription, error) {
	sub, err := s.Store.SubscriptionByLicense(ctx, namespace, arn)
	if fault.KindOf(err) == fault.NotEntitled { // The vendor's account is another's.
		return nil, fault.Wrap(err, fault.LicenseInvalid, "%s", errOtherProduct.Detail)
	}
	if err == nil && sub == nil {
		err = errOtherProduct
	}
	return sub, err
}

// planUsage finds out what is to be written for each record, and everything for
// which the whole request is refused.
func (s *Service) planUsage(ctx context.Context, t metered, records []awsjson.UsageRecord) ([]usageItem, error) {
	now := s.Clock.Now()
	items := make([]usageItem, len(records))
	for i := range records {
		r := &records[i]
		if (ptr.Deref(r.CustomerIdentifier, "") == "") == (ptr.Deref(r.CustomerAWSAccountID, "") == "") {
			return nil, errNoCustomer
		}
		items[i] = usageItem{in: r, report: licensing.UsageReport{
			Dimension: r.Dimension, Timestamp: r.Timestamp.Time, Quantity: ptr.Deref(r.Quantity, 0), Allocations: allocationsOf(r.UsageAllocations),
		}}
		if err := licensing.CheckUsage(t.product, items[i].report, licensing.BatchUsageWindow, now); err != nil {
			return nil, err
		}
	}
	// One customer is looked up once, however many records are of it.
	known := map[[3]string][]*v1alpha1.Subscription{}
	for i := range items {
		r := items[i].in
		key := [3]string{ptr.Deref(r.CustomerIdentifier, ""), ptr.Deref(r.CustomerAWSAccountID, ""), ptr.Deref(r.LicenseARN, "")}
		candidates, found := known[key]
		if !found {
			var err error
			if candidates, err = s.candidates(ctx, t, r); err != nil {
				return nil, err
			}
			known[key] = candidates
		}
		if sub := acceptedFor(candidates, items[i].report.Hour(), now); sub != nil {
			var err error
			items[i].record, items[i].others, err = s.newRecord(t, candidates, sub, ptr.Deref(r.LicenseARN, "") != "", "", items[i].report)
			if err != nil {
				return nil, err
			}
			items[i].record.Spec.Operation = v1alpha1.OperationBatchMeterUsage
		}
	}
	return items, nil
}

// candidates are the Subscriptions that a record may be of, the oldest first.
func (s *Service) candidates(ctx context.Context, t metered, r *awsjson.UsageRecord) ([]*v1alpha1.Subscription, error) {
	identifier, account := ptr.Deref(r.CustomerIdentifier, ""), ptr.Deref(r.CustomerAWSAccountID, "")
	isCustomer := func(sub *v1alpha1.Subscription) bool {
		if identifier != "" {
			return s.Store.Names.Customer(sub) == identifier
		}
		return sub.Spec.Customer.AccountID == account
	}
	if arn := ptr.Deref(r.LicenseARN, ""); arn != "" {
		sub, err := s.subscriptionByLicense(ctx, t.product.Namespace, arn)
		switch {
		case err != nil:
			return nil, err
		case sub.Spec.ProductRef.Name != t.product.Name:
			return nil, errOtherProduct
		case !isCustomer(sub):
			return nil, errOtherCustomer
		}
		return []*v1alpha1.Subscription{sub}, nil
	}
	return s.subscriptionsOf(ctx, t, identifier+account, isCustomer)
}

// subscriptionsOf are a customer's Subscriptions to a product, the oldest first.
func (s *Service) subscriptionsOf(ctx context.Context, t metered, name string, isCustomer func(*v1alpha1.Subscription) bool) ([]*v1alpha1.Subscription, error) {
	newestFirst, err := s.Store.SubscriptionsTo(ctx, t.product.Namespace, t.product.Name, name)
	if err != nil {
		return nil, err
	}
	var all []*v1alpha1.Subscription
	for i := len(newestFirst) - 1; i >= 0; i-- {
		if isCustomer(newestFirst[i]) {
			all = append(all, newestFirst[i])
		}
	}
	return all, nil
}

// acceptedFor is the first of the Subscriptions whose usage of an hour is
// accepted now; nil if that of none is.
func acceptedFor(subs []*v1alpha1.Subscription, hour, now time.Time) *v1alpha1.Subscription {
	for _, sub := range subs {
		if d := licensing.UsageStanding(sub, true, now); d.Accepted && licensing.UsageCovered(sub, d, hour) {
			return sub
		}
	}
	return nil
}
