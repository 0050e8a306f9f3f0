// Copyright The license-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package awsjson

import (
	"errors"
	"net/http"
	"reflect"
	"strings"
	"testing"

	"github.com/license-operator/license-operator/internal/fault"
)

func TestRoute(t *testing.T) {
	const json = "application/x-amz-json-1.1"
	for name, test := range map[string]struct {
		method      string
		targets     []string
		contentType string
		service     *Service
		want        string // The operation, or the kind of the fault.
	}{
		"an operation that is served":        {"POST", []string{"AWSLicenseManager.CheckoutLicense"}, json, LicenseManager, "CheckoutLicense"},
		"an operation that is not served":    {"POST", []string{"AWSLicenseManager.CreateGrant"}, json, LicenseManager, "CreateGrant"},
		"a content type with a parameter":    {"POST", []string{"AWSLicenseManager.GetLicense"}, "Application/X-Amz-JSON-1.1; charset=UTF-8", LicenseManager, "GetLicense"},
		"no target":                          {"POST", nil, json, Unknown, "MissingAction"},
		"an empty target":                    {"POST", []string{""}, json, Unknown, "UnknownAction"},
		"another service":                    {"POST", []string{"DynamoDB_20120810.ListTables"}, json, Unknown, "UnknownAction"},
		"an operation of metering":           {"POST", []string{"AWSMPMeteringService.ResolveCustomer"}, json, MarketplaceMetering, "ResolveCustomer"},
		"an operation of entitlements":       {"POST", []string{"AWSMPEntitlementService.GetEntitlements"}, json, MarketplaceEntitlement, "GetEntitlements"},
		"an operation of another service":    {"POST", []string{"AWSMPMeteringService.CheckoutLicense"}, json, MarketplaceMetering, "UnknownAction"},
		"another service of the marketplace": {"POST", []string{"AWSMPCommerceService_v20200301.GetAgreement"}, json, Unknown, "UnknownAction"},
		"another operation of the service":   {"POST", []string{"AWSLicenseManager.ResolveCustomer"}, json, LicenseManager, "UnknownAction"},
		"a service without an operation":     {"POST", []string{"AWSLicenseManager"}, json, LicenseManager, "UnknownAction"},
		"a target with a namespace":          {"POST", []string{"com.amazonaws.AWSLicenseManager.GetLicense"}, json, Unknown, "UnknownAction"},
		"a target in another case":           {"POST", []string{"awslicensemanager.getlicense"}, json, Unknown, "UnknownAction"},
		"a target with a blank":              {"POST", []string{"AWSLicenseManager.GetLicense "}, json, LicenseManager, "UnknownAction"},
		"two targets":                        {"POST", []string{"AWSLicenseManager.GetLicense", "AWSLicenseManager.GetLicense"}, json, LicenseManager, "UnknownAction"},
		"another method":                     {"GET", []string{"AWSLicenseManager.GetLicense"}, json, LicenseManager, "UnsupportedMethod"},
		"another method for another service": {"PUT", []string{"X.Y"}, json, Unknown, "UnsupportedMethod"},
		"no content type":                    {"POST", []string{"AWSLicenseManager.GetLicense"}, "", LicenseManager, "Malformed"},
		"a form":                             {"POST", []string{"AWSLicenseManager.GetLicense"}, "application/x-www-form-urlencoded", LicenseManager, "Malformed"},
		"another version of the protocol":    {"POST", []string{"AWSLicenseManager.GetLicense"}, "application/x-amz-json-1.0", LicenseManager, "Malformed"},
		"a content type that is none":        {"POST", []string{"AWSLicenseManager.GetLicense"}, "/;", LicenseManager, "Malformed"},
	} {
		t.Run(name, func(t *testing.T) {
			r := &http.Request{Method: test.method, Header: http.Header{}}
			for _, target := range test.targets {
				r.Header.Add("X-Amz-Target", target)
			}
			if test.contentType != "" {
				r.Header.Set("Content-Type", test.contentType)
			}
			service, op, err := Route(r)
			got := ""
			if err != nil {
				got = string(fault.KindOf(err))
			} else {
				got = op.Name
			}
			if service != test.service || got != test.want || (op == nil) != (err != nil) {
				t.Errorf("Route() = %+v, %+v, %v, want %s", service, op, err, test.want)
			}
			for _, target := range test.targets {
				if err != nil && target != "" && strings.Contains(err.Error(), target) {
					t.Errorf("the error repeats the target: %v", err)
				}
			}
		})
	}
}

func TestServed(t *testing.T) {
	for target, op := range Targets {
		err := op.Served()
		if _, served := map[string]bool{
			"CheckoutLicense": true, "CheckInLicense": true, "ExtendLicenseConsumption": true, "CheckoutBorrowLicense": true,
			"GetLicense": true, "GetLicenseUsage": true, "ListLicenses": true, "ListReceivedLicenses": true,
			"ResolveCustomer": true, "BatchMeterUsage": true, "MeterUsage": true, "RegisterUsage": true, "GetEntitlements": true,
		}[op.Name]; served {
			if err != nil {
				t.Errorf("%s: Served() = %v", target, err)
			}
			continue
		}
		f, ok := errors.AsType[*fault.Error](err)
		if !ok || f.Kind != fault.AccessDenied {
			t.Errorf("%s: Served() = %v, want AccessDenied", target, err)
			continue
		}
		named := false
		for _, what := range []string{"Product", "Subscription", "AccessKey", "LicenseCheckout", "Helm"} {
			named = named || strings.Contains(f.Detail, what)
		}
		if !named || !strings.HasPrefix(f.Detail, op.Name+" is not served here. ") || !strings.HasSuffix(f.Detail, ".") {
			t.Errorf("%s: the detail is %q", target, f.Detail)
		}
	}
	err := Targets["AWSLicenseManager.CreateLicense"].Served()
	want := "AccessDenied: CreateLicense is not served here. Licences are Subscriptions here: kubectl apply a Subscription, which names a Product and a customer."
	if err.Error() != want {
		t.Errorf("Served() = %q, want %q", err, want)
	}
}

func TestNewIsFreshEveryTime(t *testing.T) {
	first := checkout.New().(*CheckoutLicenseRequest)
	first.ProductSKU = "x"
	if got := checkout.New().(*CheckoutLicenseRequest); !reflect.ValueOf(*got).IsZero() {
		t.Errorf("New() = %+v, want an empty one", got)
	}
}

func TestCheck(t *testing.T) {
	token := strings.Repeat("x", 4096)
	for name, test := range map[string]struct {
		op     *Operation
		result any
		want   string
	}{
		"an answer that obeys the model": {checkout, &CheckoutLicenseResponse{CheckoutType: CheckoutTypePerpetual, SignedToken: token, IssuedAt: "2026-11-22T02:44:00Z"}, ""},
		"an answer without members":      {Targets["AWSLicenseManager.CheckInLicense"], &CheckInLicenseResponse{}, ""},
		"no answer":                      {extend, nil, ""},
		"a token that is too short": {checkout, &CheckoutLicenseResponse{SignedToken: token[1:]},
			"Value at 'signedToken' failed to satisfy constraint: Member must have length greater than or equal to 4096"},
		"a unit that is none": {checkout, &CheckoutLicenseResponse{EntitlementsAllowed: []EntitlementData{{Name: "n", Unit: "Seats"}}}, "'entitlementsAllowed.1.member.unit'"},
		"a list inside that is out of bounds": {Targets["AWSLicenseManager.ListReceivedLicenses"], &ListReceivedLicensesResponse{Licenses: []GrantedLicense{{
			ReceivedMetadata: &ReceivedMetadata{AllowedOperations: []string{"CreateGrant", "a", "a", "a", "a", "a", "a", "a", "a"}}}}},
			"Value '[9 items]' at 'licenses.1.member.receivedMetadata.allowedOperations'"},
		"an answer of another operation": {checkout, &CheckInLicenseResponse{}, "*awsjson.CheckInLicenseResponse is no answer of CheckoutLicense"},
		"a value, not a pointer":         {checkout, CheckoutLicenseResponse{}, "awsjson.CheckoutLicenseResponse is no answer of CheckoutLicense"},
		"a nil pointer":                  {checkout, (*CheckoutLicenseResponse)(nil), "*awsjson.CheckoutLicenseResponse is no answer of CheckoutLicense"},
	} {
		t.Run(name, func(t *testing.T) {
			err := test.op.Check(test.result)
			if test.want == "" && err != nil || test.want != "" && (err == nil || !strings.Contains(err.Error(), test.want)) {
				t.Errorf("Check() = %v, want %q", err, test.want)
			}
		})
	}
}

// What is wrong with a tag shows when the program starts.
func TestWrongTagsPanic(t *testing.T) {
	for name, v := range map[string]any{
		"an unknown shape": struct {
			A string `json:"A" model:"Text"`
		}{},
		"an unknown option": struct {
			A string `json:"A" model:"String,needed"`
		}{},
		"a bound of text": struct {
			A string `json:"A" model:"String,max=x"`
		}{},
		"a type of no kind": struct {
			A float32 `json:"A" model:"String"`
		}{},
		"a fault that nothing answers with": struct {
			A string `json:"A" model:"String,fault=Malformed"`
		}{},
	} {
		t.Run(name, func(t *testing.T) {
			defer func() {
				if p := recover(); p == nil {
					t.Error("it does not panic")
				}
			}()
			structureOf(reflect.TypeOf(v), licenseManagerShapes)
		})
	}
}
