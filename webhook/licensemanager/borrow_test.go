// Copyright The license-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package licensemanager_test

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"k8s.io/utils/ptr"

	"github.com/license-operator/license-operator/api/v1alpha1"
	"github.com/license-operator/license-operator/internal/fault"
	"github.com/license-operator/license-operator/webhook/auth"
	"github.com/license-operator/license-operator/webhook/awsjson"
)

type borrowRequest = awsjson.CheckoutBorrowLicenseRequest

// loan asks for one seat to borrow.
func (f *fixture) loan(token string, with ...func(*borrowRequest)) *borrowRequest {
	in := &borrowRequest{LicenseARN: f.arn("initech"), Entitlements: []awsjson.EntitlementData{units("1"), feature("gpu")},
		DigitalSignatureMethod: awsjson.DigitalSignatureMethodJWTPS384, ClientToken: token,
		NodeID: ptr.To("laptop-1"), CheckoutMetadata: []awsjson.Metadata{about("Mac", "00:11"), about("Site", "")}}
	for _, w := range with {
		w(in)
	}
	return in
}

func about(name, value string) awsjson.Metadata { return awsjson.Metadata{Name: &name, Value: &value} }

func TestBorrowing(t *testing.T) {
	f := newFixture(t)
	out, err := f.service.CheckoutBorrowLicense(t.Context(), initech(), f.loan("t"))
	if err != nil {
		t.Fatal(err)
	}
	want := &awsjson.CheckoutBorrowLicenseResponse{
		LicenseARN: f.arn("initech"), LicenseConsumptionToken: out.LicenseConsumptionToken, SignedToken: out.SignedToken,
		EntitlementsAllowed: []awsjson.EntitlementData{units("1"), {Name: "gpu", Unit: "None", Value: ptr.To("Enabled")}},
		NodeID:              "laptop-1", IssuedAt: "2026-11-22T02:44:00Z", Expiration: "2026-11-23T02:44:00Z",
		CheckoutMetadata: []awsjson.Metadata{about("Mac", "00:11"), about("Site", "")},
	}
	if diff := cmp.Diff(want, out); diff != "" {
		t.Errorf("the answer (-want +got):\n%s", diff)
	}
	header, claims := f.verified(out.SignedToken)
	if header.Algorithm != "PS384" {
		t.Errorf("the token is signed with %s", header.Algorithm)
	}
	if diff := cmp.Diff(map[string]any{"Mac": "00:11", "Site": ""}, claims["checkoutMetadata"]); diff != "" {
		t.Errorf("the metadata in the token (-want +got):\n%s", diff)
	}
	again, err := f.service.CheckoutBorrowLicense(t.Context(), initech(), f.loan("t"))
	if err != nil || again.LicenseConsumptionToken != out.LicenseConsumptionToken || len(f.books.entries) != 1 {
		t.Errorf("a repeated request is answered %+v, %v", again, err)
	}
	// The same ClientToken of the other operation is another request.
	f.checkout(initech(), f.request("t"))
	_, err = f.extend(initech(), out.LicenseConsumptionToken, nil)
	f.refused(err, fault.InvalidParameter, "can't be extended")
	if err := f.checkIn(initech(), out.LicenseConsumptionToken, nil); err != nil {
		t.Errorf("it can't be given back early: %v", err)
	}
}

func TestWhatIsBorrowedMayHaveToStay(t *testing.T) {
	f := newFixture(t)
	change(f, "render-farm", func(p *v1alpha1.Product) { p.Spec.License.Borrow.EarlyCheckIn = v1alpha1.Forbidden })
	out, err := f.service.CheckoutBorrowLicense(t.Context(), vendor, f.loan("t"))
	if err != nil {
		t.Fatal(err)
	}
	f.refused(f.checkIn(vendor, out.LicenseConsumptionToken, nil), fault.Conflict, "comes back at 2026-11-23T02:44:00Z")
}

func TestWhatMayNotBeBorrowed(t *testing.T) {
	for name, test := range map[string]struct {
		who   *auth.Principal // nil for the vendor
		scene func(*fixture)
		with  func(*borrowRequest)
		kind  fault.Kind // "" for lent
		says  string
	}{
		"by the vendor":                    {},
		"with another method of signature": {with: func(in *borrowRequest) { in.DigitalSignatureMethod = "JWT_ES256" }, kind: fault.UnsupportedSignatureMethod, says: "JWT_PS384"},
		"a licence that is unknown": {with: func(in *borrowRequest) {
			in.LicenseARN = strings.Replace(in.LicenseARN, "license:l-", "license:l-0", 1)[:len(in.LicenseARN)]
		}, kind: fault.InvalidParameter, says: "no licence of the caller's"},
		"another vendor's licence":   {who: &auth.Principal{Kind: auth.Vendor, Namespace: "globex"}, scene: func(f *fixture) { f.add(vendorNamespace("globex", "999999999999")) }, kind: fault.InvalidParameter, says: "no licence of the caller's"},
		"another customer's licence": {who: &auth.Principal{Kind: auth.Customer, Namespace: namespace, Subscription: "globex"}, kind: fault.InvalidParameter, says: "no licence of the caller's"},
		"what is no licence's ARN":   {with: func(in *borrowRequest) { in.LicenseARN = "arn:aws:iam::123456789012:root" }, kind: fault.InvalidParameter, says: "no licence of the caller's"},
		"a licence that may not be":  {scene: func(f *fixture) { change(f, "render-farm", func(p *v1alpha1.Product) { p.Spec.License.Borrow = nil }) }, kind: fault.BorrowNotAllowed, says: "may not be borrowed"},
		"by a customer who is suspended": {scene: func(f *fixture) {
			change(f, "initech", func(sub *v1alpha1.Subscription) { sub.Spec.State = v1alpha1.SubscriptionSuspended })
		}, kind: fault.NotEntitled, says: "suspended"},
		"after the Product has gone":         {scene: func(f *fixture) { f.remove("render-farm") }, kind: fault.NotEntitled, says: "product no longer exists"},
		"in part only":                       {with: func(in *borrowRequest) { in.Entitlements = append(in.Entitlements, feature("ray-tracing")) }, kind: fault.NotEntitled, says: `no entitlement "ray-tracing"`},
		"more than is free":                  {with: func(in *borrowRequest) { in.Entitlements[0] = units("3") }, kind: fault.NoCapacity},
		"with metadata that has no name":     {with: func(in *borrowRequest) { in.CheckoutMetadata[0].Name = nil }, kind: fault.InvalidParameter, says: "Name"},
		"with metadata of one name twice":    {with: func(in *borrowRequest) { in.CheckoutMetadata[1] = about("Mac", "1") }, kind: fault.InvalidParameter, says: "twice"},
		"with more metadata than fits":       {with: func(in *borrowRequest) { in.CheckoutMetadata[1] = about("Site", strings.Repeat("s", 4090)) }, kind: fault.InvalidParameter, says: "4096 bytes"},
		"with as much metadata as fits":      {with: func(in *borrowRequest) { in.CheckoutMetadata[1] = about("Site", strings.Repeat("\x01", 4080)) }},
		"by a ServiceAccount without rights": {who: pod, kind: fault.AccessDenied, says: "bind a Role"},
		"by a ServiceAccount with rights":    {who: pod, scene: func(f *fixture) { f.rbac.allowed["create licensecheckouts acme"] = true }},
		"at a vendor that does not exist, by a ServiceAccount": {who: pod, with: func(in *borrowRequest) { in.LicenseARN = strings.Replace(in.LicenseARN, account, "999999999999", 1) },
			kind: fault.AccessDenied, says: "bind a Role"},
	} {
		t.Run(name, func(t *testing.T) {
			f := newFixture(t)
			if test.scene != nil {
				test.scene(f)
			}
			who := vendor
			if test.who != nil {
				who = test.who
			}
			in := f.loan("t")
			if test.with != nil {
				test.with(in)
			}
			_, err := f.service.CheckoutBorrowLicense(t.Context(), who, in)
			f.decided(err, test.kind, test.says)
		})
	}
}

func TestTheSameClientTokenIsTheSameLoan(t *testing.T) {
	f := newFixture(t)
	if _, err := f.service.CheckoutBorrowLicense(t.Context(), vendor, f.loan("t")); err != nil {
		t.Fatal(err)
	}
	for name, other := range map[string]func(*borrowRequest){
		"another number": func(in *borrowRequest) { in.Entitlements[0] = units("2") },
		"another node":   func(in *borrowRequest) { in.NodeID = ptr.To("laptop-2") },
		"other metadata": func(in *borrowRequest) { in.CheckoutMetadata[0] = about("Mac", "00:12") },
		"no metadata":    func(in *borrowRequest) { in.CheckoutMetadata = nil },
		"metadata in turn": func(in *borrowRequest) {
			in.CheckoutMetadata[0], in.CheckoutMetadata[1] = in.CheckoutMetadata[1], in.CheckoutMetadata[0]
		},
		"metadata as if a value": func(in *borrowRequest) { in.CheckoutMetadata = []awsjson.Metadata{about("Mac", "00:11Site")} },
	} {
		_, err := f.service.CheckoutBorrowLicense(t.Context(), vendor, f.loan("t", other))
		if fault.KindOf(err) != fault.InvalidParameter || !strings.Contains(err.Error(), "ClientToken") {
			t.Errorf("%s: the error is %v", name, err)
		}
	}
	if got := f.books.last.Lifetime; got != 24*time.Hour {
		t.Errorf("the lifetime is %s", got)
	}
}
