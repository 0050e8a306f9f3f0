// Copyright The license-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package licensemanager_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/license-operator/license-operator/api/v1alpha1"
	"github.com/license-operator/license-operator/internal/fault"
	"github.com/license-operator/license-operator/internal/seats"
	"github.com/license-operator/license-operator/test/builder"
	"github.com/license-operator/license-operator/webhook/auth"
	"github.com/license-operator/license-operator/webhook/awsjson"
	"github.com/license-operator/license-operator/webhook/licensemanager"
)

// What the endpoint puts in.
var (
	_ licensemanager.Books  = (*seats.Books)(nil)
	_ licensemanager.Access = (*auth.Authorizer)(nil)
)

func TestEveryOperationThatIsServedIsAnswered(t *testing.T) {
	f := newFixture(t)
	for target, op := range awsjson.Targets {
		if op.Service != awsjson.LicenseManager {
			continue
		}
		out, err := f.service.Do(t.Context(), op, initech(), op.New())
		if refused := fault.KindOf(err) == fault.UnknownAction; refused != (op.Served() != nil) {
			t.Errorf("%s is answered with %v, %v", target, out, err)
		}
		if err != nil && out != nil {
			t.Errorf("%s has the answer %v beside the error", target, out)
		}
	}
	op := awsjson.Targets["AWSLicenseManager.CheckoutLicense"]
	out, err := f.service.Do(t.Context(), op, vendor, f.request("t"))
	if answer, ok := out.(*awsjson.CheckoutLicenseResponse); err != nil || !ok || answer.LicenseARN != f.arn("initech") {
		t.Errorf("it is answered with %v, %v", out, err)
	}
	if _, err := f.service.Do(t.Context(), op, vendor, &awsjson.GetLicenseRequest{}); err == nil || fault.KindOf(err) != fault.Internal {
		t.Errorf("a request of another operation: the error is %v", err)
	}
	elsewhere := &awsjson.Operation{Service: awsjson.Unknown, Name: "CheckoutLicense"}
	if _, err := f.service.Do(t.Context(), elsewhere, vendor, f.request("t")); fault.KindOf(err) != fault.UnknownAction {
		t.Errorf("an operation of another service: the error is %v", err)
	}
}

func TestAServiceAccountActsWhereRBACLetsIt(t *testing.T) {
	denied := "may not create licensecheckouts there, or there is no such vendor"
	for name, test := range map[string]struct {
		allowed     string
		fingerprint string // "" for the vendor's
		failure     error
		kind        fault.Kind // "" for granted
		says        string
	}{
		"allowed in the vendor's namespace":     {allowed: "create licensecheckouts acme"},
		"allowed elsewhere":                     {allowed: "create licensecheckouts farm", kind: fault.AccessDenied, says: denied},
		"allowed to read only":                  {allowed: "get licensecheckouts acme", kind: fault.AccessDenied, says: denied},
		"allowed, a vendor that is not":         {allowed: "create licensecheckouts acme", fingerprint: "aws:999999999999:Acme:issuer-fingerprint", kind: fault.AccessDenied, says: denied},
		"allowed, what is no fingerprint":       {allowed: "create licensecheckouts acme", fingerprint: account, kind: fault.AccessDenied, says: denied},
		"allowed, a fingerprint of others":      {allowed: "create licensecheckouts acme", fingerprint: "gcp:" + account + ":Acme:issuer-fingerprint", kind: fault.AccessDenied, says: denied},
		"allowed, another issuer of the vendor": {allowed: "create licensecheckouts acme", fingerprint: "aws:" + account + ":Other:issuer-fingerprint", kind: fault.NotEntitled, says: "KeyFingerprint"},
		"nobody knows whether allowed":          {failure: fault.New(fault.Unavailable, "Try again later."), kind: fault.Unavailable, says: "Try again"},
	} {
		t.Run(name, func(t *testing.T) {
			f := newFixture(t)
			f.rbac.allowed[test.allowed], f.rbac.failure = true, test.failure
			in := f.request("t")
			if test.fingerprint != "" {
				in.KeyFingerprint = test.fingerprint
			}
			_, err := f.service.CheckoutLicense(t.Context(), pod, in)
			if test.kind != "" {
				f.refused(err, test.kind, test.says)
			} else if err != nil {
				t.Error(err)
			}
		})
	}
}

// The fault of a caller without rights tells nothing of what there is.
func TestAStrangerLearnsNothing(t *testing.T) {
	f := newFixture(t)
	told := map[string]bool{}
	for _, fingerprint := range []string{f.fingerprint(), "aws:999999999999:Acme:issuer-fingerprint"} {
		_, err := f.service.CheckoutLicense(t.Context(), pod, f.request("t", func(in *checkoutRequest) { in.KeyFingerprint = fingerprint }))
		told[err.Error()] = true
	}
	if len(told) != 1 {
		t.Errorf("it is told %v", told)
	}
	if f.live.reads != 0 {
		t.Errorf("the API server was asked %d times", f.live.reads)
	}
}

func TestAFaultQuotesNoSecret(t *testing.T) {
	f := newFixture(t)
	token := f.checkout(vendor, f.request("t")).LicenseConsumptionToken
	f.books.entries = nil
	err := f.checkIn(vendor, token, nil)
	if err == nil || strings.Contains(err.Error(), token) {
		t.Errorf("the error is %v", err)
	}
	f.cache.failure = errors.New("no cache")
	for _, who := range []*auth.Principal{vendor, initech()} {
		if _, err := f.service.CheckoutLicense(t.Context(), who, f.request("t")); fault.KindOf(err) != fault.Internal {
			t.Errorf("a broken cache is answered with %v", err)
		}
	}
}

// The account is in tokens and ARNs: who has taken another vendor's by an
// annotation gets neither.
func TestNothingIsSaidInTheNameOfAnotherVendor(t *testing.T) {
	f := newFixture(t)
	f.add(&metav1.PartialObjectMetadata{ObjectMeta: builder.Namespace("evil").WithAccountID(f.names.Identity.AccountID("globex")).Build().ObjectMeta},
		&metav1.PartialObjectMetadata{ObjectMeta: builder.Namespace("globex").Build().ObjectMeta},
		f.product().InNamespace("evil").Build(), f.subscription("victim").InNamespace("evil").WithSeats("seats", 2).Build())
	change(f, "globex", func(ns *metav1.PartialObjectMetadata) { ns.CreationTimestamp = metav1.NewTime(start) })
	taken := f.names.Identity.AccountID("globex")
	sub := f.subscription("victim").InNamespace("evil").Build()
	arn := f.names.LicenseARN(taken, sub)
	evil := &auth.Principal{Kind: auth.Vendor, Namespace: "evil", KeyName: "backend"}
	in := f.request("t", func(in *checkoutRequest) { in.KeyFingerprint = "aws:" + taken + ":Acme:issuer-fingerprint" })
	for name, call := range map[string]func() (any, error){
		"CheckoutLicense": func() (any, error) { return f.service.CheckoutLicense(t.Context(), evil, in) },
		"CheckoutBorrowLicense": func() (any, error) {
			return f.service.CheckoutBorrowLicense(t.Context(), evil, &awsjson.CheckoutBorrowLicenseRequest{LicenseARN: arn,
				Entitlements: []awsjson.EntitlementData{units("1")}, ClientToken: "t", DigitalSignatureMethod: awsjson.DigitalSignatureMethodJWTPS384})
		},
		"GetLicense": func() (any, error) {
			return f.service.GetLicense(t.Context(), evil, &awsjson.GetLicenseRequest{LicenseARN: arn})
		},
		"ListLicenses": func() (any, error) { return f.service.ListLicenses(t.Context(), evil, &awsjson.ListLicensesRequest{}) },
		"ListReceivedLicenses": func() (any, error) {
			return f.service.ListReceivedLicenses(t.Context(), evil, &awsjson.ListReceivedLicensesRequest{LicenseARNs: []string{arn}})
		},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := call()
			f.TB = t
			f.refused(err, fault.NotEntitled, "AccountUnique")
		})
	}
	if len(f.books.entries) > 0 {
		t.Error("seats were given")
	}
}

func TestOneCallerLeavesLookUpsToOthers(t *testing.T) {
	other := &auth.Principal{Kind: auth.Customer, Namespace: namespace, KeyName: "laptop", AccessKeyID: "AKIAOTHER", Subscription: "initech"}
	f := newFixture(t)
	op := awsjson.Targets["AWSLicenseManager.CheckoutLicense"]
	made := func(who *auth.Principal, n int) {
		in := f.request("t", func(in *checkoutRequest) { in.ProductSKU, in.Beneficiary = fmt.Sprint("MADE-UP-", n), nil })
		_, err := f.service.Do(t.Context(), op, who, in)
		f.refused(err, fault.NotEntitled, "no product")
	}
	for n := range 1000 {
		made(initech(), n)
	}
	before := f.live.reads
	if before > 20 {
		t.Errorf("one caller has caused %d look-ups", before)
	}
	made(other, 1000)
	if f.live.reads == before {
		t.Error("another caller may cause none")
	}
	// What the cache lacks for the moment is found for the other caller.
	f.live.add(f.product().With(func(p *v1alpha1.Product) { p.Name = "studio" }).WithSKU("STUDIO").Build())
	_, err := f.service.Do(t.Context(), op, other, f.request("t", func(in *checkoutRequest) { in.ProductSKU, in.Beneficiary = "STUDIO", nil }))
	f.refused(err, fault.NotEntitled, "another product")
}
