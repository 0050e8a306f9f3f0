// Copyright The license-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package awsjson

import (
	"encoding/json"
	"math"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/license-operator/license-operator/internal/fault"
)

// hasMeaning reports whether every value of got stands in sent too. What was
// not sent, or was null, has no value.
func hasMeaning(got, sent any) bool {
	switch got := got.(type) {
	case map[string]any:
		object, ok := sent.(map[string]any)
		for name, v := range got {
			if !hasMeaning(v, object[name]) {
				return false
			}
		}
		return ok || sent == nil
	case []any:
		items, ok := sent.([]any)
		for i := range got {
			if i >= len(items) || !hasMeaning(got[i], items[i]) {
				return false
			}
		}
		return ok
	case nil:
		return sent == nil
	case float64:
		// A timestamp is rounded to the millisecond.
		number, ok := sent.(float64)
		return ok && math.Abs(number-got) <= 0.00051 || sent == nil && got == 0
	default:
		return got == sent || sent == nil && got == ""
	}
}

func FuzzDecode(f *testing.F) {
	f.Add("AWSMPMeteringService.ResolveCustomer", []byte(`{"RegistrationToken":"R1+/x=="}`))
	f.Add("AWSMPMeteringService.BatchMeterUsage", []byte(batchBody))
	f.Add("AWSMPMeteringService.MeterUsage", []byte(`{"ProductCode":"p","Timestamp":1.795312984123e9,"UsageDimension":"d","UsageQuantity":-0,"DryRun":true,"ClientToken":""}`))
	f.Add("AWSMPMeteringService.RegisterUsage", []byte(`{"ProductCode":"p","PublicKeyVersion":1,"Nonce":"n"}`))
	f.Add("AWSMPEntitlementService.GetEntitlements", []byte(`{"ProductCode":"p","Filter":{"DIMENSION":["a"],"X":1,"LICENSE_ARN":null},"MaxResults":25}`))
	f.Add("AWSLicenseManager.CheckoutLicense", []byte(checkoutBody))
	f.Add("AWSLicenseManager.CheckoutLicense", []byte(`{"Entitlements":[null,{"Name":null,"Value":"\ud83d\ude00\n"}],"X":{"X":[[]]},"productsku":1}`))
	f.Add("AWSLicenseManager.CheckoutBorrowLicense", []byte(`{"LicenseArn":"`+sampleARN+`","CheckoutMetadata":[{"Name":"Mac","Value":"a"},{}],"DigitalSignatureMethod":"x"}`))
	f.Add("AWSLicenseManager.ExtendLicenseConsumption", []byte(`{"LicenseConsumptionToken":"x","DryRun":false}`))
	f.Add("AWSLicenseManager.ListLicenses", []byte(` {"MaxResults" : -0, "Filters":[{"Name":"Status","Values":["\u0041"]}],"LicenseArns":[],"E":1e9,"E":2} `))
	f.Add("AWSLicenseManager.CreateLicense", []byte(`{"A":{"B":1,"B":2}}`))
	f.Fuzz(func(t *testing.T, name string, body []byte) {
		op := Targets[name]
		if op == nil || len(body) > 64<<10 {
			t.Skip()
		}
		in, err := op.Decode(body)
		if err != nil {
			if fault.KindOf(err) != fault.Malformed {
				t.Fatalf("Decode() error = %v, want Malformed", err)
			}
			return
		}
		invalid := in.Validate()
		if kind := fault.KindOf(invalid); invalid != nil && ownFaults[kind] == nil && kind != fault.Validation {
			t.Fatalf("Validate() = %v", invalid)
		}
		// Another reader of JSON finds the same in the body.
		var sent, got map[string]any
		if err := json.Unmarshal(body, &sent); err != nil {
			t.Fatalf("the body is not JSON: %v", err)
		}
		again, err := json.Marshal(in.Value)
		if err != nil {
			t.Fatal(err)
		}
		if err := json.Unmarshal(again, &got); err != nil {
			t.Fatal(err)
		}
		if !hasMeaning(got, sent) {
			t.Fatalf("%s was read as %s", body, again)
		}
		// What was read and written is read as the same.
		twice, err := op.Decode(again)
		if err != nil {
			t.Fatalf("Decode(%s) error = %v", again, err)
		}
		if diff := cmp.Diff(in.Value, twice.Value, cmpopts.EquateEmpty()); diff != "" {
			t.Fatalf("what was read twice differs:\n%s", diff)
		}
		if err := twice.Validate(); invalid == nil && err != nil {
			t.Fatalf("Validate() of what was valid = %v", err)
		}
	})
}
