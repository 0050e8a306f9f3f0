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

var (
	checkout = Targets["AWSLicenseManager.CheckoutLicense"]
	list     = Targets["AWSLicenseManager.ListLicenses"]
	extend   = Targets["AWSLicenseManager.ExtendLicenseConsumption"]
)

// checkoutBody is what the SDK for Go sends, with the optional members.
const checkoutBody = `{"CheckoutType":"PROVISIONAL","ClientToken":"2c3d3b62-4f0e-4e7c-a9d8-5e8f4f0b7d1a",` +
	`"Entitlements":[{"Name":"Users","Unit":"Count","Value":"1"}],"Beneficiary":"210987654321","NodeId":"10.0.0.1",` +
	`"KeyFingerprint":"aws:123456789012:My Company:issuer-fingerprint","ProductSKU":"sku1"}`

func nested(depth int) string {
	return `{"Unknown":` + strings.Repeat("[", depth-1) + strings.Repeat("]", depth-1) + `}`
}

func unknowns(n int) string {
	members := make([]string, n)
	for i := range members {
		members[i] = `"` + strings.Repeat("u", i+1) + `":0`
	}
	return strings.Join(members, ",")
}

func TestDecode(t *testing.T) {
	for name, test := range map[string]struct {
		op   *Operation
		body string
		want any
	}{
		"everything that a client sends": {checkout, checkoutBody, &CheckoutLicenseRequest{
			ProductSKU: "sku1", CheckoutType: CheckoutTypeProvisional, KeyFingerprint: "aws:123456789012:My Company:issuer-fingerprint",
			Entitlements: []EntitlementData{{Name: "Users", Unit: "Count", Value: new("1")}},
			ClientToken:  "2c3d3b62-4f0e-4e7c-a9d8-5e8f4f0b7d1a", Beneficiary: new("210987654321"), NodeID: new("10.0.0.1")}},
		"an empty object":                    {list, `{}`, &ListLicensesRequest{}},
		"white space wherever it may be":     {list, " \t\r\n{ \"MaxResults\" : 5 ,\n\"LicenseArns\" : [ ] } ", &ListLicensesRequest{MaxResults: new(int32(5)), LicenseARNs: []string{}}},
		"null is nothing":                    {list, `{"MaxResults":null,"LicenseArns":null,"NextToken":null}`, &ListLicensesRequest{}},
		"empty is not nothing":               {list, `{"LicenseArns":[],"NextToken":"","Filters":[{"Name":"","Values":[]}]}`, &ListLicensesRequest{LicenseARNs: []string{}, NextToken: new(""), Filters: []Filter{{Name: new(""), Values: []string{}}}}},
		"a negative number":                  {list, `{"MaxResults":-5}`, &ListLicensesRequest{MaxResults: new(int32(-5))}},
		"true":                               {extend, `{"DryRun":true}`, &ExtendLicenseConsumptionRequest{DryRun: new(true)}},
		"false is not nothing":               {extend, `{"DryRun":false}`, &ExtendLicenseConsumptionRequest{DryRun: new(false)}},
		"escapes":                            {list, `{"NextToken":"\"\\\/\b\f\n\r\t\u00e9\uD83D\uDE00\u0000x"}`, &ListLicensesRequest{NextToken: new("\"\\/\b\f\n\r\té😀\x00x")}},
		"text that is not ASCII":             {list, `{"NextToken":"é😀\ufffd"}`, &ListLicensesRequest{NextToken: new("é😀\ufffd")}},
		"a name with escapes":                {list, `{"\u004eextToken":"x"}`, &ListLicensesRequest{NextToken: new("x")}},
		"names are of one case only":         {list, `{"nextToken":"x","NEXTTOKEN":5,"maxresults":[]}`, &ListLicensesRequest{}},
		"unknown members of any type":        {list, `{"A":{"A":[1,{"B":null}]},"B":[],"C":"x","D":-1.5e+3,"E":true,"F":false,"G":null,"H":{},"I":0}`, &ListLicensesRequest{}},
		"unknown members of inner objects":   {checkout, `{"Entitlements":[{"Units":"x","Count":5}],"X":1}`, &CheckoutLicenseRequest{Entitlements: []EntitlementData{{}}}},
		"an unknown name in several objects": {checkout, `{"X":1,"Entitlements":[{"X":1},{"X":1}]}`, &CheckoutLicenseRequest{Entitlements: []EntitlementData{{}, {}}}},
		"the deepest body":                   {list, nested(MaxDepth), &ListLicensesRequest{}},
		"many brackets side by side":         {list, `{"X":[` + strings.Repeat("[],", 99) + `{}],"Y":{"Y":{}},"Filters":[{}]}`, &ListLicensesRequest{Filters: []Filter{{}}}},
		"as many unknown members as may be":  {list, `{"X":{` + unknowns(MaxMembers) + `}}`, &ListLicensesRequest{}},
		"an operation that is not served":    {Targets["AWSLicenseManager.CreateLicense"], `{"LicenseName":"x"}`, &struct{}{}},
	} {
		t.Run(name, func(t *testing.T) {
			in, err := test.op.Decode([]byte(test.body))
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(test.want, in.Value); diff != "" {
				t.Errorf("another request (-want +got):\n%s", diff)
			}
		})
	}
}

func TestDecodeRefuses(t *testing.T) {
	for name, test := range map[string]struct {
		op         *Operation
		body, want string
	}{
		"nothing":                            {list, ``, "The body must be a JSON object."},
		"white space":                        {list, " \n", "The body must be a JSON object."},
		"a list":                             {list, `[]`, "The body must be a JSON object."},
		"a string":                           {list, `"x"`, "The body must be a JSON object."},
		"null":                               {list, `null`, "The body must be a JSON object."},
		"a byte order mark":                  {list, "\ufeff{}", "The body must be a JSON object."},
		"what is not UTF-8":                  {list, "{\"NextToken\":\"\xff\"}", "The body must be UTF-8."},
		"a surrogate in UTF-8":               {list, "{\"NextToken\":\"\xed\xa0\x80\"}", "The body must be UTF-8."},
		"two objects":                        {list, `{}{}`, "The body must be one JSON object and nothing else; see byte 3."},
		"a NUL behind the object":            {list, "{}\x00", "The body must be one JSON object and nothing else; see byte 3."},
		"an object that is not closed":       {list, `{`, "The body is not valid JSON: it ends too early."},
		"a name alone":                       {list, `{"A"`, "The body is not valid JSON: it ends too early."},
		"a name and a colon":                 {list, `{"A":`, "The body is not valid JSON: it ends too early."},
		"a name without quotation marks":     {list, `{A:1}`, "The body is not valid JSON at byte 2."},
		"a name in other quotation marks":    {list, `{'A':1}`, "The body is not valid JSON at byte 2."},
		"a comma at the end":                 {list, `{"A":1,}`, "The body is not valid JSON at byte 8."},
		"a comma at the beginning":           {list, `{,"A":1}`, "The body is not valid JSON at byte 2."},
		"a comma at the end of a list":       {list, `{"A":[1,]}`, "The body is not valid JSON at byte 9."},
		"items without a comma":              {list, `{"LicenseArns":["a" "b"]}`, "The body is not valid JSON at byte 21."},
		"members without a comma":            {list, `{"A":1 "B":1}`, "The body is not valid JSON at byte 8."},
		"a comment":                          {list, `{/**/}`, "The body is not valid JSON at byte 2."},
		"a wrong bracket":                    {list, `{"A":[}]`, "The body is not valid JSON at byte 7."},
		"an integer without digits":          {list, `{"MaxResults":-}`, "The body is not valid JSON at byte 16."},
		"an unknown object's name":           {list, `{"A":{A:1}}`, "The body is not valid JSON at byte 7."},
		"a name with an escape that is none": {list, `{"\x":1}`, "The body is not valid JSON at byte 4."},
		"a string that ends after an escape": {list, `{"A":"\n`, "The body is not valid JSON: it ends too early."},
		"no JSON above a list's bound":       {list, `{"LicenseArns":[` + strings.Repeat(`"x",`, 100) + `x]}`, "The body is not valid JSON at byte 417."},
		"a word":                             {list, `{"A":nil}`, "The body is not valid JSON at byte 6."},
		"true misspelt":                      {extend, `{"DryRun":tru}`, "The body is not valid JSON at byte 11."},
		"null misspelt":                      {list, `{"NextToken":nul}`, "The body is not valid JSON at byte 14."},
		"a number with a leading zero":       {list, `{"A":01}`, "The body is not valid JSON at byte 7."},
		"a number that begins with a plus":   {list, `{"A":+1}`, "The body is not valid JSON at byte 6."},
		"a number without digits":            {list, `{"A":-}`, "The body is not valid JSON at byte 7."},
		"a fraction without digits":          {list, `{"A":1.}`, "The body is not valid JSON at byte 8."},
		"an exponent without digits":         {list, `{"A":1e+}`, "The body is not valid JSON at byte 9."},
		"a hexadecimal number":               {list, `{"A":0x1}`, "The body is not valid JSON at byte 7."},
		"not a number":                       {list, `{"A":NaN}`, "The body is not valid JSON at byte 6."},
		"a string that is not closed":        {list, `{"A":"x`, "The body is not valid JSON: it ends too early."},
		"a string that ends with an escape":  {list, `{"A":"\`, "The body is not valid JSON: it ends too early."},
		"a line break in a string":           {list, "{\"A\":\"x\n\"}", "The body is not valid JSON at byte 8."},
		"a line break behind an escape":      {list, "{\"A\":\"\\t\n\"}", "The body is not valid JSON at byte 9."},
		"an escape that is none":             {list, `{"A":"\x"}`, "The body is not valid JSON at byte 8."},
		"an escape of too few digits":        {list, `{"A":"\u12"}`, "The body is not valid JSON at byte 9."},
		"an escape at the end":               {list, `{"A":"\u12`, "The body is not valid JSON at byte 9."},
		"a signed escape":                    {list, `{"A":"\u+123"}`, "The body is not valid JSON at byte 9."},
		"half a surrogate pair":              {list, `{"A":"\ud83d"}`, "The body is not valid JSON at byte 13."},
		"half a surrogate pair and an n":     {list, `{"A":"\ud83d\n"}`, "The body is not valid JSON at byte 13."},
		"the wrong half of a surrogate pair": {list, `{"A":"\ude00\ud83d"}`, "The body is not valid JSON at byte 19."},
		"half a pair and another half":       {list, `{"A":"\ud83d\u00"}`, "The body is not valid JSON at byte 15."},
		"a known name twice":                 {list, `{"NextToken":"a","NextToken":"a"}`, "NextToken must be given only once."},
		"a known name twice, once null":      {list, `{"NextToken":null,"NextToken":"a"}`, "NextToken must be given only once."},
		"a known name twice, once escaped":   {list, `{"NextToken":"a","Next\u0054oken":"a"}`, "NextToken must be given only once."},
		"a known name of an item twice":      {checkout, `{"Entitlements":[{},{"Unit":"None","Unit":"Count"}]}`, "Entitlements[1].Unit must be given only once."},
		"an unknown name twice":              {list, `{"A":1,"B":2,"A":1}`, "An object must not have two members of the same name; see byte 17."},
		"an unknown name twice, escaped":     {list, `{"A":1,"\u0041":1}`, "An object must not have two members of the same name; see byte 16."},
		"a name twice in an unknown object":  {list, `{"A":[{"B":{},"B":1}]}`, "An object must not have two members of the same name; see byte 18."},
		"more unknown members than may be":   {list, `{"X":{` + unknowns(MaxMembers+1) + `}}`, "An object must not have more than 128 members that the service does not know."},
		"a deeper body":                      {list, nested(MaxDepth + 1), "The body must not be nested deeper than 32 levels."},
		"deep objects":                       {list, strings.Repeat(`{"A":`, MaxDepth+1), "The body must not be nested deeper than 32 levels."},
		"a very deep body":                   {list, `{"A":` + strings.Repeat("[", 60000), "The body must not be nested deeper than 32 levels."},
		"a number for a string":              {checkout, `{"Entitlements":[{"Value":1}]}`, "Entitlements[0].Value must be a string."},
		"a wrong type deep inside":           {list, `{"Filters":[{},{"Values":["a",true]}]}`, "Filters[1].Values[1] must be a string."},
		"a number with an exponent":          {list, `{"MaxResults":1e1}`, "MaxResults must be an integer of 32 bits."},
		"a number out of its type":           {list, `{"MaxResults":2147483648}`, "MaxResults must be an integer of 32 bits."},
		"an enormous number":                 {list, `{"MaxResults":` + strings.Repeat("9", 9999) + `}`, "MaxResults must be an integer of 32 bits."},
		"an operation that is not served":    {Targets["AWSLicenseManager.CreateLicense"], `{"A":1,"A":1}`, "An object must not have two members of the same name; see byte 11."},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := test.op.Decode([]byte(test.body))
			f, ok := errors.AsType[*fault.Error](err)
			if !ok || f.Kind != fault.Malformed {
				t.Fatalf("Decode() error = %v, want one of the kind Malformed", err)
			}
			if f.Detail != test.want {
				t.Errorf("the error is %q, want %q", f.Detail, test.want)
			}
		})
	}
}

func TestDecodeKeepsNothingOfTheBody(t *testing.T) {
	body := []byte(`{"NextToken":"abc","LicenseArns":["d\u0065f"]}`)
	in, err := list.Decode(body)
	if err != nil {
		t.Fatal(err)
	}
	clear(body)
	if got := in.Value.(*ListLicensesRequest); *got.NextToken != "abc" || got.LicenseARNs[0] != "def" {
		t.Errorf("the request changed with the body: %+v", got)
	}
}

func TestErrorsOfTheFormNeverRepeatValues(t *testing.T) {
	for _, body := range []string{`{"canary":1,"canary":1}`, `{"NextToken":"canary`, `{"NextToken":["canary"]}`,
		`{"canary":"\x"}`, `{"NextToken":"canary","NextToken":1}`, `"canary"`, `{}canary`} {
		if _, err := list.Decode([]byte(body)); err == nil || strings.Contains(err.Error(), "canary") {
			t.Errorf("Decode(%s) error = %v, want one without what was sent", body, err)
		}
	}
}

func BenchmarkDecodeCheckoutLicense(b *testing.B) {
	body := []byte(checkoutBody)
	b.ReportAllocs()
	for b.Loop() {
		in, err := checkout.Decode(body)
		if err != nil {
			b.Fatal(err)
		}
		if err := in.Validate(); err != nil {
			b.Fatal(err)
		}
	}
}
