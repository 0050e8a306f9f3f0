// Copyright The license-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package licensemanager_test

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/ptr"

	"github.com/license-operator/license-operator/api/v1alpha1"
	"github.com/license-operator/license-operator/internal/fault"
	"github.com/license-operator/license-operator/webhook/auth"
	"github.com/license-operator/license-operator/webhook/awsjson"
)

// described is the licence of the fixture.
func (f *fixture) described() awsjson.License {
	return awsjson.License{
		LicenseARN: f.arn("initech"), LicenseName: "initech", ProductName: "Acme Render Farm", ProductSKU: sku,
		Issuer:     &awsjson.IssuerDetails{Name: "Acme", KeyFingerprint: f.fingerprint()},
		HomeRegion: "us-east-1", Status: "AVAILABLE", Beneficiary: theirs,
		Validity: &awsjson.DatetimeRange{Begin: "2026-11-22T01:44:00Z"},
		Entitlements: []awsjson.Entitlement{
			{Name: "seats", Unit: "Count", MaxCount: ptr.To[int64](2), Overage: ptr.To(false), AllowCheckIn: ptr.To(true)},
			{Name: "gpu", Unit: "None", Value: ptr.To("Enabled")},
		},
		ConsumptionConfiguration: &awsjson.ConsumptionConfiguration{
			RenewType:                "None",
			ProvisionalConfiguration: &awsjson.ProvisionalConfiguration{MaxTimeToLiveInMinutes: 60},
			BorrowConfiguration:      &awsjson.BorrowConfiguration{MaxTimeToLiveInMinutes: 1440, AllowEarlyCheckIn: true},
		},
		CreateTime: "2026-11-22T01:44:00Z", Version: "3",
	}
}

func TestGetLicense(t *testing.T) {
	for name, test := range map[string]struct {
		scene func(*fixture)
		want  func(*awsjson.License)
	}{
		"as it is": {},
		"with everything that may be set": {func(f *fixture) {
			change(f, "initech", func(sub *v1alpha1.Subscription) {
				sub.Spec.StartTime = &metav1.Time{Time: time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)}
				sub.Spec.EndTime = &metav1.Time{Time: time.Date(2027, 1, 1, 0, 0, 0, 0, time.UTC)}
				sub.Spec.GracePeriodSeconds = ptr.To[int32](60)
				sub.Spec.Customer.AccountID = ""
			})
			change(f, "render-farm", func(p *v1alpha1.Product) {
				terms := &p.Spec.License
				terms.Renewal, terms.IssuerName, p.Spec.DisplayName = v1alpha1.RenewalMonthly, "", ""
				terms.Provisional.MaxTimeToLiveMinutes = ptr.To[int32](5)
				terms.Borrow.EarlyCheckIn = v1alpha1.Forbidden
				terms.Entitlements[0].Overage, terms.Entitlements[0].CheckIn = v1alpha1.Allowed, v1alpha1.Forbidden
				terms.Entitlements[1].Value = ""
			})
		}, func(l *awsjson.License) {
			l.Validity = &awsjson.DatetimeRange{Begin: "2026-01-01T00:00:00Z", End: "2027-01-01T00:00:00Z"}
			l.Beneficiary, l.ProductName = customer, "render-farm"
			l.Issuer = &awsjson.IssuerDetails{Name: "acme", KeyFingerprint: "aws:" + account + ":acme:issuer-fingerprint"}
			l.ConsumptionConfiguration.RenewType = "Monthly"
			l.ConsumptionConfiguration.ProvisionalConfiguration.MaxTimeToLiveInMinutes = 5
			l.ConsumptionConfiguration.BorrowConfiguration.AllowEarlyCheckIn = false
			l.Entitlements[0].Overage, l.Entitlements[0].AllowCheckIn = ptr.To(true), ptr.To(false)
			l.Entitlements[1].Value = nil
		}},
		"that may not be borrowed": {
			func(f *fixture) { change(f, "render-farm", func(p *v1alpha1.Product) { p.Spec.License.Borrow = nil }) },
			func(l *awsjson.License) { l.ConsumptionConfiguration.BorrowConfiguration = nil }},
		"that is suspended": {
			func(f *fixture) {
				change(f, "initech", func(sub *v1alpha1.Subscription) { sub.Spec.State = v1alpha1.SubscriptionSuspended })
			},
			func(l *awsjson.License) { l.Status = "SUSPENDED" }},
		"whose Product has gone": {
			func(f *fixture) { f.remove("render-farm") },
			func(l *awsjson.License) {
				l.Status, l.ProductName, l.ProductSKU = "DEACTIVATED", "render-farm", ""
				l.Issuer, l.ConsumptionConfiguration, l.Entitlements = nil, nil, []awsjson.Entitlement{}
			}},
	} {
		t.Run(name, func(t *testing.T) {
			f := newFixture(t)
			want := f.described()
			if test.scene != nil {
				test.scene(f)
				test.want(&want)
			}
			out, err := f.service.GetLicense(t.Context(), vendor, &awsjson.GetLicenseRequest{LicenseARN: f.arn("initech"), Version: ptr.To("3")})
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(&want, out.License); diff != "" {
				t.Errorf("the licence (-want +got):\n%s", diff)
			}
		})
	}
}

func TestWhoMayReadALicence(t *testing.T) {
	for name, test := range map[string]struct {
		who     *auth.Principal
		allowed string
		arn     func(string) string
		version *string
		kind    fault.Kind // "" for readable
		says    string
	}{
		"the vendor":                                   {who: vendor},
		"the customer":                                 {who: initech()},
		"another customer":                             {who: &auth.Principal{Kind: auth.Customer, Namespace: namespace, Subscription: "globex"}, kind: fault.InvalidParameter, says: "no licence of the caller's"},
		"another vendor":                               {who: &auth.Principal{Kind: auth.Vendor, Namespace: "globex"}, kind: fault.InvalidParameter, says: "no licence of the caller's"},
		"an ARN that is unknown":                       {who: vendor, arn: func(arn string) string { return arn[:len(arn)-4] + "0000" }, kind: fault.InvalidParameter, says: "no licence of the caller's"},
		"what is no ARN":                               {who: vendor, arn: func(string) string { return "initech" }, kind: fault.InvalidParameter, says: "no licence of the caller's"},
		"another version":                              {who: vendor, version: ptr.To("2"), kind: fault.InvalidParameter, says: "must be left out or be 3"},
		"a ServiceAccount that may read all":           {who: pod, allowed: "get subscriptions acme"},
		"a ServiceAccount that may read this one":      {who: pod, allowed: "get subscriptions acme initech"},
		"a ServiceAccount that may read another":       {who: pod, allowed: "get subscriptions acme globex", kind: fault.AccessDenied, says: "may not get subscriptions"},
		"a ServiceAccount that may only check out":     {who: pod, allowed: "create licensecheckouts acme", kind: fault.AccessDenied, says: "may not get subscriptions"},
		"a ServiceAccount, an unknown ARN":             {who: pod, allowed: "get subscriptions acme", arn: func(arn string) string { return arn[:len(arn)-4] + "0000" }, kind: fault.InvalidParameter, says: "no licence"},
		"one without rights, an unknown ARN":           {who: pod, arn: func(arn string) string { return arn[:len(arn)-4] + "0000" }, kind: fault.AccessDenied, says: "may not get subscriptions"},
		"one without rights, an account of nobody":     {who: pod, arn: func(arn string) string { return strings.Replace(arn, account, "999999999999", 1) }, kind: fault.AccessDenied, says: "may not get subscriptions"},
		"a ServiceAccount, what is no ARN of licences": {who: pod, allowed: "get subscriptions acme", arn: func(string) string { return "initech" }, kind: fault.AccessDenied, says: "may not get subscriptions"},
	} {
		t.Run(name, func(t *testing.T) {
			f := newFixture(t)
			f.add(vendorNamespace("globex", "888888888888"))
			f.rbac.allowed[test.allowed] = true
			arn := f.arn("initech")
			if test.arn != nil {
				arn = test.arn(arn)
			}
			_, err := f.service.GetLicense(t.Context(), test.who, &awsjson.GetLicenseRequest{LicenseARN: arn, Version: test.version})
			errs := []error{err}
			if test.version == nil {
				_, err := f.service.GetLicenseUsage(t.Context(), test.who, &awsjson.GetLicenseUsageRequest{LicenseARN: arn})
				errs = append(errs, err)
			}
			for _, err := range errs {
				if test.kind != "" {
					f.refused(err, test.kind, test.says)
				} else if err != nil {
					t.Error(err)
				}
			}
		})
	}
}

func TestGetLicenseUsage(t *testing.T) {
	f := newFixture(t)
	change(f, "render-farm", func(p *v1alpha1.Product) {
		p.Spec.License.Entitlements = append(p.Spec.License.Entitlements, v1alpha1.Entitlement{Name: "runs", Unit: "Gigabytes", MaxCount: ptr.To[int64](7)})
	})
	f.checkout(vendor, f.request("t"))
	out, err := f.service.GetLicenseUsage(t.Context(), initech(), &awsjson.GetLicenseUsageRequest{LicenseARN: f.arn("initech")})
	if err != nil {
		t.Fatal(err)
	}
	want := []awsjson.EntitlementUsage{{Name: "seats", ConsumedValue: "1", MaxCount: "2", Unit: "Count"}, {Name: "runs", ConsumedValue: "0", MaxCount: "7", Unit: "Gigabytes"}}
	if diff := cmp.Diff(want, out.LicenseUsage.EntitlementUsages); diff != "" {
		t.Errorf("the usage (-want +got):\n%s", diff)
	}
	f.books.fail["initech"] = fault.New(fault.Unavailable, "Try again later.")
	_, err = f.service.GetLicenseUsage(t.Context(), initech(), &awsjson.GetLicenseUsageRequest{LicenseARN: f.arn("initech")})
	f.refused(err, fault.Unavailable, "Try again")
}

// A scan is dear, and one caller's must not use up what others need.
func TestWhoMayNotReadALicenceCausesNoLookUp(t *testing.T) {
	for name, test := range map[string]struct {
		allowed string
		arn     string
		reads   bool
	}{
		"no rights, an unknown ARN":          {arn: "0000"},
		"no rights, a known ARN":             {},
		"another licence's, an unknown ARN":  {allowed: "get subscriptions acme globex", arn: "0000"},
		"this licence's, a known ARN":        {allowed: "get subscriptions acme initech"},
		"the whole vendor's, an unknown ARN": {allowed: "get subscriptions acme", arn: "0000", reads: true},
	} {
		t.Run(name, func(t *testing.T) {
			f := newFixture(t)
			f.rbac.allowed[test.allowed] = true
			arn := f.arn("initech")
			arn = arn[:len(arn)-len(test.arn)] + test.arn
			_, _ = f.service.GetLicense(t.Context(), pod, &awsjson.GetLicenseRequest{LicenseARN: arn})
			_, _ = f.service.GetLicenseUsage(t.Context(), pod, &awsjson.GetLicenseUsageRequest{LicenseARN: arn})
			if (f.live.reads > 0) != test.reads {
				t.Errorf("the API server was asked %d times", f.live.reads)
			}
		})
	}
}
