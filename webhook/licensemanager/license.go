// Copyright The license-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package licensemanager

import (
	"cmp"
	"context"
	"strconv"
	"time"

	"k8s.io/utils/ptr"

	"github.com/license-operator/license-operator/api/v1alpha1"
	"github.com/license-operator/license-operator/internal/fault"
	"github.com/license-operator/license-operator/internal/licensing"
	"github.com/license-operator/license-operator/webhook/auth"
	"github.com/license-operator/license-operator/webhook/awsjson"
)

// homeRegion is every licence's HomeRegion. Here are no regions; this is where
// the licences of AWS Marketplace are at home, so clients that compare it find
// what they expect.
const homeRegion = "us-east-1"

// GetLicense reads one licence. An ARN that is unknown, or not the caller's, is
// InvalidParameter: the operation has no ResourceNotFoundException. So is a
// Version other than the present one, which is the generation of the
// Subscription: earlier ones are not kept.
func (s *Service) GetLicense(ctx context.Context, who *auth.Principal, in *awsjson.GetLicenseRequest) (*awsjson.GetLicenseResponse, error) {
	lic, err := s.readable(ctx, who, in.LicenseARN)
	if err != nil {
		return nil, err
	}
	license := s.describe(lic)
	if in.Version != nil && *in.Version != license.Version {
		return nil, fault.New(fault.InvalidParameter, "Version must be left out or be %s, the present one: no others are kept.", license.Version)
	}
	return &awsjson.GetLicenseResponse{License: &license}, nil
}

// GetLicenseUsage says how many units of each counted entitlement are in use.
// Features are held or not and are not listed.
func (s *Service) GetLicenseUsage(ctx context.Context, who *auth.Principal, in *awsjson.GetLicenseUsageRequest) (*awsjson.GetLicenseUsageResponse, error) {
	lic, err := s.readable(ctx, who, in.LicenseARN)
	if err != nil {
		return nil, err
	}
	usage, err := s.Books.Usage(ctx, lic.key())
	if err != nil {
		return nil, err
	}
	used := make(map[string]int64, len(usage))
	for _, u := range usage {
		used[u.Name] = u.Used
	}
	out := []awsjson.EntitlementUsage{}
	for _, e := range lic.entitlements {
		if e.Unit != v1alpha1.UnitNone {
			out = append(out, awsjson.EntitlementUsage{
				Name: e.Name, Unit: string(e.Unit),
				ConsumedValue: strconv.FormatInt(used[e.Name], 10),
				MaxCount:      strconv.FormatInt(ptr.Deref(e.MaxCount, 0), 10),
			})
		}
	}
	return &awsjson.GetLicenseUsageResponse{LicenseUsage: &awsjson.LicenseUsage{EntitlementUsages: out}}, nil
}

// readable is a licence that the caller may read. A ServiceAccount may be
// allowed one Subscription by its name, which only the cache is asked for: who
// may not read all of the namespace causes no look-up at the API server.
func (s *Service) readable(ctx context.Context, who *auth.Principal, arn string) (*licence, error) {
	namespace, err := s.namespaceByARN(ctx, who, arn)
	if err != nil {
		return nil, err
	}
	denied := s.check(ctx, who, mayGet, namespace, "")
	if denied == nil {
		return s.licenceByARN(ctx, who, namespace, arn)
	}
	if namespace == "" || fault.KindOf(denied) != fault.AccessDenied {
		return nil, denied
	}
	sub, err := s.Store.CachedSubscriptionByLicense(ctx, namespace, arn)
	if err != nil || sub == nil {
		return nil, cmp.Or(err, denied)
	}
	if err := s.check(ctx, who, mayGet, namespace, sub.Name); err != nil {
		return nil, err
	}
	return s.licenceOf(ctx, sub)
}

// licenceByARN finds a licence of a namespace. A customer has its own only. The
// fault is InvalidParameter.
func (s *Service) licenceByARN(ctx context.Context, who *auth.Principal, namespace, arn string) (*licence, error) {
	unknown := fault.New(fault.InvalidParameter, "LicenseArn names no licence of the caller's; copy it from the Subscription's `status.licenseARN`.")
	if namespace == "" {
		return nil, unknown
	}
	sub, err := s.Store.SubscriptionByLicense(ctx, namespace, arn)
	if err != nil {
		return nil, err
	}
	if sub == nil || who.Kind == auth.Customer && sub.Name != who.Subscription {
		return nil, unknown
	}
	return s.licenceOf(ctx, sub)
}

// licenceOf joins a Subscription with its Product, which may be gone.
func (s *Service) licenceOf(ctx context.Context, sub *v1alpha1.Subscription) (*licence, error) {
	product, err := s.product(ctx, sub)
	if err != nil {
		return nil, err
	}
	account, err := s.Store.Account(ctx, sub.Namespace)
	if err != nil {
		return nil, err
	}
	return s.licence(sub, product, account), nil
}

// describe says everything of a licence. Of one whose Product is gone it is what
// the Subscription says.
func (s *Service) describe(l *licence) awsjson.License {
	names := s.Store.Names
	out := awsjson.License{
		LicenseARN:   l.arn,
		LicenseName:  l.sub.Name,
		ProductName:  l.sub.Spec.ProductRef.Name,
		HomeRegion:   homeRegion,
		Status:       licensing.LicenseStatus(l.standing),
		Validity:     &awsjson.DatetimeRange{Begin: formatTime(begin(l.sub))},
		Beneficiary:  names.Beneficiary(l.sub),
		Entitlements: make([]awsjson.Entitlement, len(l.entitlements)),
		CreateTime:   formatTime(l.sub.CreationTimestamp.Time),
		Version:      strconv.FormatInt(l.sub.Generation, 10),
	}
	if end := l.sub.Spec.EndTime; end != nil {
		out.Validity.End = formatTime(end.Time)
	}
	for i := range l.entitlements {
		out.Entitlements[i] = entitlement(&l.entitlements[i])
	}
	if l.product == nil {
		return out
	}
	out.ProductName = productName(l.product)
	out.ProductSKU = names.SKU(l.product)
	out.Issuer = &awsjson.IssuerDetails{Name: issuerName(l.product), KeyFingerprint: names.KeyFingerprint(l.account, l.product)}
	terms := &l.product.Spec.License
	out.ConsumptionConfiguration = &awsjson.ConsumptionConfiguration{
		RenewType:                string(terms.Renewal),
		ProvisionalConfiguration: &awsjson.ProvisionalConfiguration{MaxTimeToLiveInMinutes: licensing.ProvisionalMinutes(l.product)},
	}
	if terms.Renewal == "" {
		out.ConsumptionConfiguration.RenewType = awsjson.RenewTypeNone
	}
	if b := terms.Borrow; b != nil {
		out.ConsumptionConfiguration.BorrowConfiguration = &awsjson.BorrowConfiguration{
			AllowEarlyCheckIn: b.EarlyCheckIn != v1alpha1.Forbidden, MaxTimeToLiveInMinutes: licensing.BorrowMinutes(b)}
	}
	return out
}

// entitlement says what a licence gives: a feature has a value, what is counted
// has a maximum and what may be done beyond and before it ends.
func entitlement(e *v1alpha1.Entitlement) awsjson.Entitlement {
	out := awsjson.Entitlement{Name: e.Name, Unit: string(e.Unit)}
	if e.Unit == v1alpha1.UnitNone {
		if e.Value != "" {
			out.Value = ptr.To(e.Value)
		}
		return out
	}
	out.MaxCount = ptr.To(ptr.Deref(e.MaxCount, 0))
	out.Overage = ptr.To(e.Overage == v1alpha1.Allowed)
	out.AllowCheckIn = ptr.To(e.CheckIn != v1alpha1.Forbidden)
	return out
}

// begin is when a licence begins to be valid.
func begin(sub *v1alpha1.Subscription) time.Time {
	if sub.Spec.StartTime != nil {
		return sub.Spec.StartTime.Time
	}
	return sub.CreationTimestamp.Time
}

func productName(p *v1alpha1.Product) string {
	if p.Spec.DisplayName != "" {
		return p.Spec.DisplayName
	}
	return p.Name
}

func issuerName(p *v1alpha1.Product) string {
	if p.Spec.License.IssuerName != "" {
		return p.Spec.License.IssuerName
	}
	return p.Namespace
}
