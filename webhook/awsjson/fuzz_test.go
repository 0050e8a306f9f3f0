// Copyright The license-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package awsjson

import (
	"encoding/json"
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
	default:
		return got == sent || sent == nil && got == ""
	}
}

func FuzzDecode(f *testing.F) {
	f.Add("CheckoutLicense", []byte(checkoutBody))
	f.Add("CheckoutLicense", []byte(`{"Entitlements":[null,{"Name":null,"Value":"\ud83d\ude00\n"}],"X":{"X":[[]]},"productsku":1}`))
	f.Add("CheckoutBorrowLicense", []byte(`{"LicenseArn":"`+sampleARN+`","CheckoutMetadata":[{"Name":"Mac","Value":"a"},{}],"DigitalSignatureMethod":"x"}`))
	f.Add("ExtendLicenseConsumption", []byte(`{"LicenseConsumptionToken":"x","DryRun":false}`))
	f.Add("ListLicenses", []byte(` {"MaxResults" : -0, "Filters":[{"Name":"Status","Values":["\u0041"]}],"LicenseArns":[],"E":1e9,"E":2} `))
	f.Add("CreateLicense", []byte(`{"A":{"B":1,"B":2}}`))
	f.Fuzz(func(t *testing.T, name string, body []byte) {
		op := Targets["AWSLicenseManager."+name]
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
		if kind := fault.KindOf(invalid); invalid != nil && kind != fault.Validation && kind != fault.UnsupportedSignatureMethod {
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
