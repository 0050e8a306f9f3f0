// Copyright The license-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package awsjson

import (
	"encoding/json"
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/license-operator/license-operator/internal/fault"
)

var (
	resolveCustomer = Targets["AWSMPMeteringService.ResolveCustomer"]
	batchMeterUsage = Targets["AWSMPMeteringService.BatchMeterUsage"]
	meterUsage      = Targets["AWSMPMeteringService.MeterUsage"]
	registerUsage   = Targets["AWSMPMeteringService.RegisterUsage"]
	getEntitlements = Targets["AWSMPEntitlementService.GetEntitlements"]
)

// batchBody is what the SDK for Go sends, with the optional members.
const batchBody = `{"ProductCode":"774F4FF8","UsageRecords":[{"CustomerIdentifier":"cust-42","Dimension":"renders","Quantity":7,` +
	`"Timestamp":1795312984.123,"UsageAllocations":[{"AllocatedUsageQuantity":7,"Tags":[{"Key":"team","Value":"blue"}]}]},` +
	`{"CustomerAWSAccountId":"210987654321","Dimension":"renders","LicenseArn":"` + sampleARN + `","Timestamp":1795312984}]}`

func stamp(milliseconds int64) Timestamp { return Timestamp{time.UnixMilli(milliseconds).UTC()} }

func TestDecodeOfTheMarketplace(t *testing.T) {
	for name, test := range map[string]struct {
		op   *Operation
		body string
		want any
	}{
		"a registration token": {resolveCustomer, `{"RegistrationToken":"R1+/ab\/c=="}`, &ResolveCustomerRequest{RegistrationToken: "R1+/ab/c=="}},
		"a batch of usage": {batchMeterUsage, batchBody, &BatchMeterUsageRequest{ProductCode: new("774F4FF8"), UsageRecords: []UsageRecord{
			{CustomerIdentifier: new("cust-42"), Dimension: "renders", Quantity: new(int32(7)), Timestamp: stamp(1795312984123),
				UsageAllocations: []UsageAllocation{{AllocatedUsageQuantity: 7, Tags: []Tag{{Key: "team", Value: "blue"}}}}},
			{CustomerAWSAccountID: new("210987654321"), Dimension: "renders", LicenseARN: new(sampleARN), Timestamp: stamp(1795312984000)}}}},
		"usage of the caller": {meterUsage, `{"ProductCode":"p","Timestamp":1795312984,"UsageDimension":"d","UsageQuantity":0,"DryRun":true,"ClientToken":"t"}`,
			&MeterUsageRequest{ProductCode: "p", Timestamp: stamp(1795312984000), UsageDimension: "d", UsageQuantity: new(int32(0)), DryRun: new(true), ClientToken: new("t")}},
		"a registration of usage": {registerUsage, `{"ProductCode":"p","PublicKeyVersion":2147483647,"Nonce":""}`,
			&RegisterUsageRequest{ProductCode: "p", PublicKeyVersion: 2147483647, Nonce: new("")}},
		"entitlements without filters": {getEntitlements, `{"ProductCode":"p"}`, &GetEntitlementsRequest{ProductCode: "p"}},
		"entitlements with filters": {getEntitlements, `{"ProductCode":"p","Filter":{"DIMENSION":["a","b"],"CUSTOMER_IDENTIFIER":["c"]},"MaxResults":25,"NextToken":"n"}`,
			&GetEntitlementsRequest{ProductCode: "p", MaxResults: new(int32(25)), NextToken: new("n"),
				Filter: map[string][]string{FilterDimension: {"a", "b"}, FilterCustomerIdentifier: {"c"}}}},
		"a filter of nothing":             {getEntitlements, `{"ProductCode":"p","Filter":{}}`, &GetEntitlementsRequest{ProductCode: "p", Filter: map[string][]string{}}},
		"a filter that is null":           {getEntitlements, `{"ProductCode":"p","Filter":{"DIMENSION":null,"LICENSE_ARN":["a"]}}`, &GetEntitlementsRequest{ProductCode: "p", Filter: map[string][]string{FilterLicenseARN: {"a"}}}},
		"filters that are null":           {getEntitlements, `{"ProductCode":"p","Filter":null}`, &GetEntitlementsRequest{ProductCode: "p"}},
		"a filter whose name has escapes": {getEntitlements, `{"ProductCode":"p","Filter":{"\u0044IMENSION":["a"]}}`, &GetEntitlementsRequest{ProductCode: "p", Filter: map[string][]string{FilterDimension: {"a"}}}},
	} {
		t.Run(name, func(t *testing.T) {
			in, err := test.op.Decode([]byte(test.body))
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(test.want, in.Value); diff != "" {
				t.Errorf("another request (-want +got):\n%s", diff)
			}
			if err := in.Validate(); err != nil {
				t.Errorf("Validate() = %v", err)
			}
		})
	}
}

func TestTimestamps(t *testing.T) {
	for text, want := range map[string]int64{
		"1795312984": 1795312984000, "1795312984.0": 1795312984000, "1795312984.123": 1795312984123, "1795312984.1234999": 1795312984123,
		"1795312984.9996": 1795312985000, "1.795312984123E9": 1795312984123, "1.795312984123e+9": 1795312984123, "17953129841230e-4": 1795312984123,
		"0": 0, "-0": 0, "-1": -1000, "-0.001": -1, "1e-400": 0, "253402300799.999": 253402300799999, "-62135596799.999": -62135596799999,
	} {
		in, err := meterUsage.Decode([]byte(`{"Timestamp":` + text + `}`))
		if err != nil {
			t.Errorf("%s: %v", text, err)
			continue
		}
		got := in.Value.(*MeterUsageRequest).Timestamp
		if got.UnixMilli() != want || got.Location() != time.UTC {
			t.Errorf("%s is %v, want %d ms", text, got, want)
		}
		// What was read is written so that it is read as the same.
		written, err := json.Marshal(got)
		again, err2 := meterUsage.Decode([]byte(`{"Timestamp":` + string(written) + `}`))
		if err != nil || err2 != nil || !again.Value.(*MeterUsageRequest).Timestamp.Equal(got.Time) {
			t.Errorf("%s is written as %s, %v, %v", text, written, err, err2)
		}
	}
	for _, text := range []string{`"2026-11-22T02:44:00Z"`, `"1795312984"`, `253402300800`, `-62135596800`, `1795312984123`, `1e999`, `-1e999`, `01`, `1.`, `+1`, `.5`, `NaN`, `Infinity`, `true`, `[1]`} {
		if _, err := meterUsage.Decode([]byte(`{"Timestamp":` + text + `}`)); fault.KindOf(err) != fault.Malformed {
			t.Errorf("%s: error = %v, want Malformed", text, err)
		}
	}
}

func TestATimestampIsWrittenAsANumber(t *testing.T) {
	for want, given := range map[string]Timestamp{
		"1795312984":       {time.Unix(1795312984, 999999)},
		"1795312984.123":   {time.UnixMilli(1795312984123).In(time.FixedZone("CET", 3600))},
		"1795312984.1":     {time.UnixMilli(1795312984100)},
		"-0.001":           {time.UnixMilli(-1)},
		"253402300799.999": {time.UnixMilli(253402300799999)},
		"null":             {},
	} {
		if got, err := json.Marshal(given); err != nil || string(got) != want {
			t.Errorf("%v is written as %s, %v, want %s", given, got, err, want)
		}
	}
}

func TestWhatIsWrongOfTheMarketplace(t *testing.T) {
	const must = " failed to satisfy constraint: "
	names := "[CUSTOMER_IDENTIFIER, DIMENSION, CUSTOMER_AWS_ACCOUNT_ID, LICENSE_ARN]"
	for name, test := range map[string]struct {
		op   *Operation
		body string
		kind fault.Kind
		want string
	}{
		"no token": {resolveCustomer, `{}`, fault.Validation,
			"1 validation error detected: Value null at 'registrationToken'" + must + "Member must not be null"},
		"an empty token":     {resolveCustomer, `{"RegistrationToken":""}`, fault.RegistrationTokenInvalid, "The registration token is empty or too long. Pass it on as the buyer's browser has posted it."},
		"an endless token":   {resolveCustomer, `{"RegistrationToken":"` + strings.Repeat("c", 4097) + `"}`, fault.RegistrationTokenInvalid, "The registration token is empty or too long. Pass it on as the buyer's browser has posted it."},
		"a filter of nobody": {getEntitlements, `{"ProductCode":"p","Filter":{"COLOUR\n":["a"]}}`, fault.Validation, "1 validation error detected: Value 'COLOUR?' at 'filter'" + must + "Map keys must satisfy constraint: [Member must satisfy enum value set: " + names + "]"},
		"a filter in another case, and one without values": {getEntitlements, `{"ProductCode":"p","Filter":{"dimension":["a"],"DIMENSION":[]}}`, fault.Validation,
			"2 validation errors detected: Value 'dimension' at 'filter'" + must + "Map keys must satisfy constraint: [Member must satisfy enum value set: " + names + "]; " +
				"Value '[0 items]' at 'filter.DIMENSION.member'" + must + "Member must have length greater than or equal to 1"},
		"a value of a filter that is null": {getEntitlements, `{"ProductCode":"p","Filter":{"LICENSE_ARN":["a",null]}}`, fault.Validation,
			"1 validation error detected: Value null at 'filter.LICENSE_ARN.member.2.member'" + must + "Member must not be null"},
		"a token of a page that is too long": {getEntitlements, `{"ProductCode":"p","NextToken":"` + strings.Repeat("c", 4097) + `"}`, fault.Validation,
			"1 validation error detected: Value at 'nextToken'" + must + "Member must have length less than or equal to 4096"},
		"a filter twice":           {getEntitlements, `{"Filter":{"DIMENSION":["a"],"DIMENSION":["a"]}}`, fault.Malformed, "Filter.DIMENSION must be given only once."},
		"a filter twice, and null": {getEntitlements, `{"Filter":{"DIMENSION":null,"\u0044IMENSION":["a"]}}`, fault.Malformed, "Filter.DIMENSION must be given only once."},
		"an unknown filter twice":  {getEntitlements, `{"Filter":{"X":1,"X":1}}`, fault.Malformed, "An object must not have two members of the same name; see byte 21."},
		"a filter that is a text":  {getEntitlements, `{"Filter":{"DIMENSION":"a"}}`, fault.Malformed, "Filter.DIMENSION must be a list."},
		"a value that is a number": {getEntitlements, `{"Filter":{"DIMENSION":["a",1]}}`, fault.Malformed, "Filter.DIMENSION[1] must be a string."},
		"filters that are a list":  {getEntitlements, `{"Filter":[]}`, fault.Malformed, "Filter must be an object."},
		"filters that end early":   {getEntitlements, `{"Filter":{"DIMENSION":["a"]`, fault.Malformed, "The body is not valid JSON: it ends too early."},
		"filters without a colon":  {getEntitlements, `{"Filter":{"DIMENSION"}}`, fault.Malformed, "The body is not valid JSON at byte 23."},
		"too deep a filter":        {getEntitlements, `{"Filter":{"X":` + strings.Repeat("[", 31) + strings.Repeat("]", 31) + `}}`, fault.Malformed, "The body must not be nested deeper than 32 levels."},
		"six tags": {meterUsage, `{"ProductCode":"p","Timestamp":1,"UsageDimension":"d","UsageAllocations":[{"AllocatedUsageQuantity":1,"Tags":[` + strings.TrimSuffix(strings.Repeat(`{"Key":"k","Value":"v"},`, 6), ",") + `]}]}`,
			fault.TagInvalid, "UsageAllocations[0].Tags is invalid: there are 1 to 5 tags, keys have 1 to 100 characters and values 1 to 256, of letters, digits, blanks and !\"#$%&'()*+,-./:;<=@_ only."},
		"a tag of other letters": {batchMeterUsage, `{"UsageRecords":[{"Timestamp":1,"Dimension":"d","UsageAllocations":[{"AllocatedUsageQuantity":1,"Tags":[{"Key":"k","Value":"v"},{"Key":"é","Value":"v"}]}]}]}`,
			fault.TagInvalid, "UsageRecords[0].UsageAllocations[0].Tags[1].Key is invalid: there are 1 to 5 tags, keys have 1 to 100 characters and values 1 to 256, of letters, digits, blanks and !\"#$%&'()*+,-./:;<=@_ only."},
		"a tag without a value": {batchMeterUsage, `{"UsageRecords":[{"Timestamp":1,"Dimension":"d","UsageAllocations":[{"AllocatedUsageQuantity":1,"Tags":[{"Key":"é"}]}]}]}`,
			fault.Validation, "1 validation error detected: Value null at 'usageRecords.1.member.usageAllocations.1.member.tags.1.member.value'" + must + "Member must not be null"},
		"26 records": {batchMeterUsage, `{"UsageRecords":[` + strings.TrimSuffix(strings.Repeat(`{"Timestamp":1,"Dimension":"d"},`, 26), ",") + `]}`, fault.Validation,
			"1 validation error detected: Value '[26 items]' at 'usageRecords'" + must + "Member must have length less than or equal to 25"},
		"a quantity of more than 32 bits": {meterUsage, `{"UsageQuantity":2147483648}`, fault.Malformed, "UsageQuantity must be an integer of 32 bits."},
	} {
		t.Run(name, func(t *testing.T) {
			in, err := test.op.Decode([]byte(test.body))
			if err == nil {
				err = in.Validate()
			}
			f, ok := errors.AsType[*fault.Error](err)
			if !ok || f.Kind != test.kind {
				t.Fatalf("the error is %v, want %s", err, test.kind)
			}
			if diff := cmp.Diff(test.want, f.Detail); diff != "" {
				t.Errorf("another error (-want +got):\n%s", diff)
			}
		})
	}
}

func TestWriteResultOfTheMarketplace(t *testing.T) {
	record := UsageRecord{Timestamp: stamp(1795312984123), CustomerIdentifier: new("cust-42"), Dimension: "renders", Quantity: new(int32(0)),
		UsageAllocations: []UsageAllocation{{Tags: []Tag{{Key: "team", Value: "blue & red"}}}}}
	for name, test := range map[string]struct {
		op     *Operation
		result any
	}{
		"ResolveCustomer":                {resolveCustomer, &ResolveCustomerResult{CustomerIdentifier: "cust-42", ProductCode: "774F4FF8", CustomerAWSAccountID: "210987654321", LicenseARN: sampleARN}},
		"ResolveCustomer of little":      {resolveCustomer, &ResolveCustomerResult{ProductCode: "774F4FF8", LicenseARN: sampleARN}},
		"BatchMeterUsage":                {batchMeterUsage, &BatchMeterUsageResult{Results: []UsageRecordResult{{UsageRecord: &record, MeteringRecordID: "id", Status: UsageSuccess}}, UnprocessedRecords: []UsageRecord{{Timestamp: stamp(1795312984000), Dimension: "d"}}}},
		"BatchMeterUsage of nothing":     {batchMeterUsage, &BatchMeterUsageResult{}},
		"MeterUsage":                     {meterUsage, &MeterUsageResult{MeteringRecordID: "id"}},
		"RegisterUsage":                  {registerUsage, &RegisterUsageResult{Signature: "a.b.c"}},
		"RegisterUsage after a rotation": {registerUsage, &RegisterUsageResult{Signature: "a.b.c", PublicKeyRotationTimestamp: new(stamp(1795312984000))}},
		"GetEntitlements of nothing":     {getEntitlements, &GetEntitlementsResult{}},
		"GetEntitlements": {getEntitlements, &GetEntitlementsResult{NextToken: "next", Entitlements: []CustomerEntitlement{
			{ProductCode: "774F4FF8", Dimension: "seats", CustomerIdentifier: "cust-42", CustomerAWSAccountID: "210987654321", LicenseARN: sampleARN,
				Value: &EntitlementValue{IntegerValue: new(int32(0))}, ExpirationDate: new(stamp(1795312984123))},
			{Value: &EntitlementValue{DoubleValue: new(1e12)}}, {Value: &EntitlementValue{BooleanValue: new(false)}}, {Value: &EntitlementValue{StringValue: new("Gold & more")}}}}},
	} {
		t.Run(name, func(t *testing.T) {
			w := httptest.NewRecorder()
			code, lost := WriteResult(w, test.op, test.result)
			if code != "OK" || lost != nil || w.Code != http.StatusOK {
				t.Errorf("WriteResult() = %s, %v, status %d", code, lost, w.Code)
			}
			checkHeaders(t, w.Header(), w.Body.Len(), nil)
			checkBody(t, "result_"+strings.ReplaceAll(name, " ", "_"), w.Body.Bytes())
			if err := test.op.Check(test.result); err != nil {
				t.Errorf("the answer breaks the model: %v", err)
			}
		})
	}
}
