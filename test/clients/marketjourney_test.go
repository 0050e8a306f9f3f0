// Copyright The license-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package clients

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/license-operator/license-operator/api/v1alpha1"
	"github.com/license-operator/license-operator/test/builder"
)

// testSignUp is what a vendor's web shop does, from the token that the buyer's
// browser brings to the usage of the first hour.
func testSignUp(t *testing.T, m *market) {
	b := m.subscribe(t, "globex", "saas")
	token := object{"RegistrationToken": m.registrationToken(t, "globex-signup", "globex")}
	want := object{"CustomerIdentifier": "globex", "ProductCode": m.code, "CustomerAWSAccountId": b.account, "LicenseArn": b.arn}
	if m.client.oldMetering {
		delete(want, "LicenseArn") // The client drops what its model lacks.
	}
	for range 2 { // As often as one likes.
		customer := m.must(t, m.asVendor, "ResolveCustomer", token)
		if diff := cmp.Diff(want, customer); diff != "" {
			t.Fatalf("the answer of ResolveCustomer (-want +got):\n%s", diff)
		}
	}
	filter := object{"CUSTOMER_IDENTIFIER": []string{"globex"}}
	out := m.must(t, m.asVendor, "GetEntitlements", object{"ProductCode": m.code, "Filter": filter})
	rows := []object{m.row(b, "sso", "BooleanValue", true), m.row(b, "users", "IntegerValue", 10.0)}
	if diff := cmp.Diff(rows, elements(out, "Entitlements")); diff != "" {
		t.Errorf("the entitlements (-want +got):\n%s", diff)
	}

	split := b.usage(requests, 7)
	split["UsageAllocations"] = []object{
		{"AllocatedUsageQuantity": 5, "Tags": []object{{"Key": "team", "Value": "render farm"}}},
		{"AllocatedUsageQuantity": 2},
	}
	records := []object{split, b.usage(storage, 40)}
	first := m.results(t, m.asVendor, m.batch(records...))
	if len(first) != len(records) {
		t.Fatalf("got %d results, want %d", len(first), len(records))
	}
	for i, got := range first {
		var sent map[string]any
		decode(t, encode(t, records[i]), &sent)
		want := object{"Status": "Success", "MeteringRecordId": got["MeteringRecordId"], "UsageRecord": sent}
		if diff := cmp.Diff(want, got); diff != "" || got.text("MeteringRecordId") == "" {
			t.Errorf("the result (-want +got):\n%s", diff)
		}
	}
	again := m.results(t, m.asVendor, m.batch(records...))
	if diff := cmp.Diff(first, again); diff != "" {
		t.Errorf("the same again has other results:\n%s", diff)
	}

	records[1]["Quantity"] = 41
	other := m.results(t, m.asVendor, m.batch(records...))
	if other[0].text("Status") != "Success" || other[1].text("Status") != "DuplicateRecord" || other[1].text("MeteringRecordId") != "" {
		t.Errorf("another quantity for the hour gives %v, want DuplicateRecord for it", other)
	}
	kept := m.recorded(t, b)
	if len(kept) != len(first) {
		t.Fatalf("there are %d records, want %d", len(kept), len(first))
	}
	for _, r := range kept {
		if want := map[string]int32{requests: 7, storage: 40}[r.Spec.Dimension]; r.Spec.Quantity != want {
			t.Errorf("%d %s are recorded, want %d: the first report counts", r.Spec.Quantity, r.Spec.Dimension, want)
		}
	}
	testByLicence(t, m)
}

// row is one of GetEntitlements.
func (m *market) row(b buyer, dimension, kind string, value any) object {
	row := object{
		"ProductCode": m.code, "Dimension": dimension, "CustomerIdentifier": b.identifier, "CustomerAWSAccountId": b.account,
		"LicenseArn": b.arn, "Value": map[string]any{kind: value},
	}
	if m.client.oldEntitlement {
		delete(row, "CustomerAWSAccountId")
		delete(row, "LicenseArn")
	}
	return row
}

// testByLicence meters as vendors do whose products are of 2026 or later: no
// product code, and the customer by account and licence.
func testByLicence(t *testing.T, m *market) {
	t.Helper()
	b := m.subscribe(t, "hooli", "saas")
	record := object{"Timestamp": thisSecond(), "CustomerAWSAccountId": b.account, "LicenseArn": b.arn, "Dimension": storage, "Quantity": 3}
	input := object{"UsageRecords": []object{record}}
	if m.client.oldMetering {
		m.unsaid(t, m.asVendor, "BatchMeterUsage", input, "ProductCode", "CustomerIdentifier", "LicenseArn")
		return
	}
	if got := m.results(t, m.asVendor, input); len(got) != 1 || got[0].text("Status") != "Success" {
		t.Errorf("the usage of a licence gives %v, want Success", got)
	}
	if kept := m.recorded(t, b); len(kept) != 1 || kept[0].Spec.Quantity != 3 {
		t.Errorf("the records of the licence are %v, want 3 Gigabytes", kept)
	}
}

// testOneUse is about products whose tokens are for one use. An answer that is
// lost is lost: the client asks again by itself, and that is the second use.
func testOneUse(t *testing.T, m *market) {
	m.product(t, builder.Product("strict").WithRegistration(3600, v1alpha1.TokenUseOnce).Build())
	m.subscribe(t, "careful", "strict")
	token := object{"RegistrationToken": m.registrationToken(t, "careful-1", "careful")}
	out := m.must(t, m.asVendor, "ResolveCustomer", token)
	if out.text("CustomerIdentifier") != "careful" {
		t.Errorf("the token is of %v, want careful", out["CustomerIdentifier"])
	}
	m.refused(t, m.asVendor, "ResolveCustomer", token, "ExpiredTokenException", "")

	unlucky := m.throughProxy(t, m.client.start)
	m.proxy.loseNext(1)
	second := object{"RegistrationToken": m.registrationToken(t, "careful-2", "careful")}
	m.refused(t, unlucky, "ResolveCustomer", second, "ExpiredTokenException", "")
	m.twice(t)
}

func testEntitlements(t *testing.T, m *market) {
	ends := time.Now().Add(48 * time.Hour).UTC().Truncate(time.Second)
	listed := *m
	listed.code = m.product(t, builder.Product("listed").WithSeats("users", 5).WithFeature("tier", "gold").Build())
	buyers := []buyer{
		m.subscribeAs(t, builder.Subscription("list-a", "listed").WithCustomer("list-a").EndingAt(ends)),
		m.subscribe(t, "list-b", "listed"),
		m.subscribeAs(t, builder.Subscription("list-c", "listed").WithCustomer("list-c").WithSeats("users", 50)),
		m.subscribeAs(t, builder.Subscription("list-d", "listed").WithCustomer("list-d").InState(v1alpha1.SubscriptionSuspended)),
	}
	var all []object
	for i, seats := range []float64{5, 5, 50} { // Nothing of who is suspended.
		all = append(all, listed.row(buyers[i], "tier", "StringValue", "gold"), listed.row(buyers[i], "users", "IntegerValue", seats))
	}
	list := func(t *testing.T, input object) ([]object, string) {
		t.Helper()
		input["ProductCode"] = listed.code
		out := m.must(t, m.asVendor, "GetEntitlements", input)
		rows := elements(out, "Entitlements")
		for _, row := range rows {
			if row.text("CustomerIdentifier") == "list-a" {
				if got := instant(t, row["ExpirationDate"]); !got.Equal(ends) {
					t.Errorf("the entitlement ends at %s, want %s", got, ends)
				}
				delete(row, "ExpirationDate")
			}
		}
		return rows, out.text("NextToken")
	}
	for name, test := range map[string]struct {
		filter object
		want   []object
	}{
		"no filter":                        {nil, all},
		"two customers":                    {object{"CUSTOMER_IDENTIFIER": []string{"list-c", "list-a", "nobody"}}, append(all[:2:2], all[4:]...)},
		"a dimension":                      {object{"DIMENSION": []string{"users"}}, []object{all[1], all[3], all[5]}},
		"a customer and a dimension":       {object{"CUSTOMER_IDENTIFIER": []string{"list-b"}, "DIMENSION": []string{"tier"}}, all[2:3]},
		"an account":                       {object{"CUSTOMER_AWS_ACCOUNT_ID": []string{buyers[1].account}}, all[2:4]},
		"a licence":                        {object{"LICENSE_ARN": []string{buyers[2].arn}}, all[4:]},
		"a licence and another's account":  {object{"LICENSE_ARN": []string{buyers[2].arn}, "CUSTOMER_AWS_ACCOUNT_ID": []string{buyers[1].account}}, nil},
		"a customer without entitlements":  {object{"CUSTOMER_IDENTIFIER": []string{"nobody"}}, nil},
		"a customer who is only suspended": {object{"CUSTOMER_IDENTIFIER": []string{"list-d"}}, nil},
	} {
		t.Run(name, func(t *testing.T) {
			input := object{}
			if test.filter != nil {
				input["Filter"] = test.filter
			}
			rows, next := list(t, input)
			if diff := cmp.Diff(test.want, rows); diff != "" || next != "" {
				t.Errorf("NextToken is %q, the entitlements (-want +got):\n%s", next, diff)
			}
		})
	}
	t.Run("in pages", func(t *testing.T) {
		first, next := list(t, object{"MaxResults": 4})
		if m.client.pages {
			if diff := cmp.Diff(all, first); diff != "" || next != "" {
				t.Errorf("NextToken is %q, all pages (-want +got):\n%s", next, diff)
			}
			return
		}
		second, end := list(t, object{"MaxResults": 4, "NextToken": next})
		if diff := cmp.Diff(all, append(first, second...)); diff != "" || len(first) != 4 || end != "" {
			t.Errorf("the first page has %d, the last one the token %q; both (-want +got):\n%s", len(first), end, diff)
		}
		m.refused(t, m.asVendor, "GetEntitlements", object{"ProductCode": m.code, "NextToken": next}, "InvalidParameterException", "NextToken")
	})
}
