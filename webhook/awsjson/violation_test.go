// Copyright The license-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package awsjson

import (
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/license-operator/license-operator/internal/fault"
)

var borrow = Targets["AWSLicenseManager.CheckoutBorrowLicense"]

func TestValidate(t *testing.T) {
	const must = "' failed to satisfy constraint: Member must "
	const enough = `"LicenseArn":"` + sampleARN + `","Entitlements":[],"ClientToken":"t"`
	for name, test := range map[string]struct {
		op   *Operation
		body string
		kind fault.Kind
		want string
	}{
		"one violation": {list, `{"MaxResults":101}`, fault.Validation,
			"1 validation error detected: Value '101' at 'maxResults" + must + "have value less than or equal to 100"},
		"several violations, in the order of the body": {list,
			`{"MaxResults":0,"LicenseArns":["` + sampleARN + `","x"],"Filters":[{"Values":["` + strings.Repeat("v", 1025) + `"]}]}`, fault.Validation,
			"3 validation errors detected: Value '0' at 'maxResults" + must + "have value greater than or equal to 1; " +
				"Value 'x' at 'licenseArns.2.member" + must + "satisfy regular expression pattern: " + arnPattern + "; " +
				"Value '" + strings.Repeat("v", 64) + "...' at 'filters.1.member.values.1.member" + must + "have length less than or equal to 1024"},
		"one value that breaks two constraints": {list, `{"LicenseArns":["` + strings.Repeat("é", 2049) + `"]}`, fault.Validation,
			"2 validation errors detected: Value '" + strings.Repeat("é", 64) + "...' at 'licenseArns.1.member" + must + "have length less than or equal to 2048; " +
				"Value '" + strings.Repeat("é", 64) + "...' at 'licenseArns.1.member" + must + "satisfy regular expression pattern: " + arnPattern},
		"what is missing comes after what is there, in the order of the model": {extend, `{}`, fault.Validation,
			"1 validation error detected: Value null at 'licenseConsumptionToken" + must + "not be null"},
		"more violations than are told": {checkout, `{"ProductSKU":"s","CheckoutType":"PERPETUAL","KeyFingerprint":"f","ClientToken":"t","Entitlements":[{},{},{},{},{}]}`, fault.Validation,
			"10 validation errors detected: " + strings.Join([]string{
				"Value null at 'entitlements.1.member.name" + must + "not be null", "Value null at 'entitlements.1.member.unit" + must + "not be null",
				"Value null at 'entitlements.2.member.name" + must + "not be null", "Value null at 'entitlements.2.member.unit" + must + "not be null",
				"Value null at 'entitlements.3.member.name" + must + "not be null", "Value null at 'entitlements.3.member.unit" + must + "not be null",
				"Value null at 'entitlements.4.member.name" + must + "not be null", "Value null at 'entitlements.4.member.unit" + must + "not be null",
			}, "; ") + "; ..."},
		"a client token that is too long": {borrow, `{"LicenseArn":"` + sampleARN + `","Entitlements":[],"DigitalSignatureMethod":"JWT_PS384","ClientToken":"` + strings.Repeat("x", 2049) + `"}`, fault.Validation,
			"1 validation error detected: Value '" + strings.Repeat("x", 64) + "...' at 'clientToken" + must + "have length less than or equal to 2048"},
		"a secret is not repeated": {extend, `{"LicenseConsumptionToken":"` + strings.Repeat("s", 4097) + `"}`, fault.Validation,
			"1 validation error detected: Value at 'licenseConsumptionToken" + must + "have length less than or equal to 4096"},
		"what can't be printed is not repeated": {checkout, `{"ProductSKU":"s","CheckoutType":"a\n\u001b[1m\u202e\u0000é","KeyFingerprint":"f","ClientToken":"t","Entitlements":[]}`, fault.Validation,
			"1 validation error detected: Value 'a??[1m??é' at 'checkoutType" + must + "satisfy enum value set: [PROVISIONAL, PERPETUAL]"},
		"a method of signature that is not offered": {borrow, `{` + enough + `,"DigitalSignatureMethod":"RS256\n"}`, fault.UnsupportedSignatureMethod,
			"The digital signature method 'RS256?' is not supported; use JWT_PS384."},
		"such a method, and a violation": {borrow, `{` + enough + `,"DigitalSignatureMethod":"RS256","NodeId":"` + strings.Repeat("n", 257) + `"}`, fault.Validation,
			"1 validation error detected: Value '" + strings.Repeat("n", 64) + "...' at 'nodeId" + must + "have length less than or equal to 256"},
		"no method of signature": {borrow, `{` + enough + `}`, fault.Validation,
			"1 validation error detected: Value null at 'digitalSignatureMethod" + must + "not be null"},
	} {
		t.Run(name, func(t *testing.T) {
			in, err := test.op.Decode([]byte(test.body))
			if err != nil {
				t.Fatal(err)
			}
			f, ok := errors.AsType[*fault.Error](in.Validate())
			if !ok || f.Kind != test.kind {
				t.Fatalf("Validate() = %v, want %s", in.Validate(), test.kind)
			}
			if diff := cmp.Diff(test.want, f.Detail); diff != "" {
				t.Errorf("another error (-want +got):\n%s", diff)
			}
		})
	}
}

func TestAnErrorOfValidationIsShort(t *testing.T) {
	body := `{"LicenseArns":[` + strings.TrimSuffix(strings.Repeat(`"`+strings.Repeat("\U0001F600", 100)+`",`, 100), ",") + `]}`
	in, err := list.Decode([]byte(body))
	if err != nil {
		t.Fatal(err)
	}
	if text := in.Validate().Error(); len(text) > 8<<10 || !strings.Contains(text, "100 validation errors detected") {
		t.Errorf("the error has %d bytes: %.200s", len(text), text)
	}
}

func TestSecretsAreMarked(t *testing.T) {
	for _, op := range Targets {
		for _, s := range []*structure{op.input, op.output} {
			s.eachValue(op.Name+".", func(at string, v *value) {
				isToken := strings.HasSuffix(at, "Token") && !strings.HasSuffix(at, "clientToken") || at == "RegisterUsage.signature"
				if v.secret != isToken {
					t.Errorf("%s: secret is %v", at, v.secret)
				}
			})
		}
	}
}
