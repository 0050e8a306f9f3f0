// Copyright The license-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package licensemanager

import (
	"context"
	"iter"
	"slices"
	"strings"

	"k8s.io/utils/ptr"

	"github.com/license-operator/license-operator/api/v1alpha1"
	"github.com/license-operator/license-operator/internal/fault"
	"github.com/license-operator/license-operator/internal/licensing"
	"github.com/license-operator/license-operator/webhook/auth"
	"github.com/license-operator/license-operator/webhook/awsjson"
)

// The two operations that list, and what each may be narrowed by.
var (
	issued = operation{"ListLicenses", []string{filterBeneficiary, filterSKU, filterFingerprint, filterStatus}}
	// The names are those of the API reference; they are case-sensitive.
	received = operation{"ListReceivedLicenses", []string{filterSKU, filterStatus, filterFingerprint, filterIssuer, filterBeneficiary}}
)

// receivedDisabled is the ReceivedStatus of a licence that may not be used now.
const receivedDisabled = "DISABLED"

// ListLicenses lists the licences of a vendor's namespace. A ServiceAccount has
// no vendor's namespace, and the request names none: it lists its own
// namespace, if it may list Subscriptions there. A list is read from the cache
// and may lag for a moment.
func (s *Service) ListLicenses(ctx context.Context, who *auth.Principal, in *awsjson.ListLicensesRequest) (*awsjson.ListLicensesResponse, error) {
	if who.Kind == auth.Customer {
		return nil, fault.New(fault.AccessDenied, "A customer's access key may not call ListLicenses; call ListReceivedLicenses.")
	}
	found, next, err := s.list(ctx, who, issued, query{arns: in.LicenseARNs, filters: in.Filters, token: in.NextToken, max: in.MaxResults})
	if err != nil {
		return nil, err
	}
	out := &awsjson.ListLicensesResponse{Licenses: make([]awsjson.License, len(found)), NextToken: next}
	for i, l := range found {
		out.Licenses[i] = s.describe(l)
	}
	return out, nil
}

// ListReceivedLicenses lists the licence of a customer's access key. A vendor, or
// a ServiceAccount as for ListLicenses, sees those of all its customers and
// narrows them to one by the filter Beneficiary. A licence that may not be used
// now is DISABLED, so that a client that looks no further is not misled.
func (s *Service) ListReceivedLicenses(ctx context.Context, who *auth.Principal, in *awsjson.ListReceivedLicensesRequest) (*awsjson.ListReceivedLicensesResponse, error) {
	found, next, err := s.list(ctx, who, received, query{arns: in.LicenseARNs, filters: in.Filters, token: in.NextToken, max: in.MaxResults})
	if err != nil {
		return nil, err
	}
	out := &awsjson.ListReceivedLicensesResponse{Licenses: make([]awsjson.GrantedLicense, len(found)), NextToken: next}
	for i, l := range found {
		out.Licenses[i] = awsjson.GrantedLicense{License: s.describe(l), ReceivedMetadata: receivedMetadata(l)}
	}
	return out, nil
}

func receivedMetadata(l *licence) *awsjson.ReceivedMetadata {
	out := &awsjson.ReceivedMetadata{ReceivedStatus: awsjson.ReceivedStatusActive}
	if !l.standing.Subscribed {
		out.ReceivedStatus = receivedDisabled
		out.ReceivedStatusReason = licensing.NotSubscribed(l.standing).Detail
	}
	out.AllowedOperations = []string{awsjson.AllowedOperationCheckoutLicense, awsjson.AllowedOperationCheckInLicense, awsjson.AllowedOperationExtendConsumptionLicense}
	if l.product != nil && l.product.Spec.License.Borrow != nil {
		out.AllowedOperations = append(out.AllowedOperations, awsjson.AllowedOperationCheckoutBorrowLicense)
	}
	return out
}

// maxCandidates is at how many licences one call looks: with filters that match
// few of many, a page may be short or empty and still have a next one.
const maxCandidates = 1000

// list finds one page of licences, in the order of the Subscriptions' names, and
// the token of the next page; "" if this is the last.
func (s *Service) list(ctx context.Context, who *auth.Principal, op operation, q query) ([]*licence, string, error) {
	namespace := who.Namespace
	if who.Kind == auth.ServiceAccount {
		namespace, _ = who.ServiceAccountName()
	}
	if err := s.check(ctx, who, mayList, namespace, ""); err != nil {
		return nil, "", err
	}
	wanted, err := op.filters(q.filters)
	if err != nil {
		return nil, "", err
	}
	most := int(ptr.Deref(q.max, maxResults))
	if most < 1 || most > maxResults {
		return nil, "", fault.New(fault.InvalidParameter, "MaxResults must be from 1 to %d.", maxResults)
	}
	mark := op.mark(namespace, q.arns, wanted)
	after := ""
	if q.token != nil && *q.token != "" {
		if after, err = s.pages().Open(*q.token, mark); err != nil {
			return nil, "", err
		}
	}
	subs, err := s.candidates(ctx, who, namespace, q.arns, after)
	if err != nil {
		return nil, "", err
	}
	var page []*licence
	looked := 0
	for sub := range subs {
		if looked == maxCandidates {
			next, err := s.pages().Seal(s.Clock.Now(), mark, after)
			return page, next, err
		}
		if err := ctx.Err(); err != nil {
			return nil, "", fault.Wrap(err, fault.Unavailable, "The request took too long. Try again later.")
		}
		l, err := s.licenceOf(ctx, sub)
		if err != nil {
			return nil, "", err
		}
		if s.matches(l, wanted) {
			if len(page) == most {
				next, err := s.pages().Seal(s.Clock.Now(), mark, after)
				return page, next, err
			}
			page = append(page, l)
		}
		looked, after = looked+1, sub.Name
	}
	return page, "", nil
}

// candidates are the Subscriptions after a name among which a list looks: the
// customer's own, those with the ARNs, or all of the namespace.
func (s *Service) candidates(ctx context.Context, who *auth.Principal, namespace string, arns []string, after string) (iter.Seq[*v1alpha1.Subscription], error) {
	if who.Kind != auth.Customer && len(arns) == 0 {
		return s.Store.Subscriptions(ctx, namespace, after)
	}
	var subs []*v1alpha1.Subscription
	add := func(sub *v1alpha1.Subscription, err error) error {
		if sub != nil && sub.Name > after && (who.Kind != auth.Customer || sub.Name == who.Subscription) &&
			!slices.ContainsFunc(subs, func(other *v1alpha1.Subscription) bool { return other.Name == sub.Name }) {
			subs = append(subs, sub)
		}
		return err
	}
	if len(arns) == 0 {
		err := add(s.Store.Subscription(ctx, namespace, who.Subscription))
		return slices.Values(subs), err
	}
	for _, arn := range arns {
		if err := add(s.Store.SubscriptionByLicense(ctx, namespace, arn)); err != nil {
			return nil, err
		}
	}
	slices.SortFunc(subs, func(a, b *v1alpha1.Subscription) int { return strings.Compare(a.Name, b.Name) })
	return slices.Values(subs), nil
}
