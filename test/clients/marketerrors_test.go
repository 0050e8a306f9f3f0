// Copyright The license-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package clients

import (
	"testing"
	"time"

	"github.com/license-operator/license-operator/api/v1alpha1"
	"github.com/license-operator/license-operator/test/builder"
)

// testMixedBatch sends a good record beside others. What is wrong in itself
// refuses all of them; that a customer is unknown is the matter of one record.
func testMixedBatch(t *testing.T, m *market) {
	b := m.subscribe(t, "mixed", "saas")
	good, unknown, late := b.usage(requests, 5), buyer{identifier: "nobody"}.usage(requests, 5), b.usage(storage, 5)
	late["Timestamp"] = time.Now().Add(-25 * time.Hour).UTC().Format(time.RFC3339)
	m.refused(t, m.asVendor, "BatchMeterUsage", m.batch(good, unknown, late), "TimestampOutOfBoundsException", "hours")
	if kept := m.recorded(t, b); len(kept) != 0 {
		t.Fatalf("of a request that was refused there is %v", kept)
	}
	got := m.results(t, m.asVendor, m.batch(good, unknown))
	if len(got) != 2 || got[0].text("Status") != "Success" || got[1].text("Status") != "CustomerNotSubscribed" || got[1].text("MeteringRecordId") != "" {
		t.Errorf("the results are %v, want Success and CustomerNotSubscribed", got)
	}
	if kept := m.recorded(t, b); len(kept) != 1 {
		t.Errorf("there are %d records, want 1", len(kept))
	}
}

// changed is a record with another member; nil removes it.
func changed(record object, name string, value any) object {
	if record[name] = value; value == nil {
		delete(record, name)
	}
	return record
}

func testVendorMistakes(t *testing.T, m *market) {
	b := m.subscribe(t, "mistaken", "saas")
	m.subscribe(t, "another", "saas")
	usage := func(name string, value any) object { return m.batch(changed(b.usage(requests, 1), name, value)) }
	many := make([]object, 26)
	for i := range many {
		many[i] = b.usage(requests, 1)
	}
	split := func(key string, quantity int) []object {
		return []object{{"AllocatedUsageQuantity": quantity, "Tags": []object{{"Key": key, "Value": "x"}}}}
	}
	stranger := &vendor{env: m.env, namespace: m.env.Namespace(t)}
	stranger.create(t, builder.Product("saas").Build())
	stranger.create(t, builder.Subscription("globex", "saas").Build())
	expired := m.registrationToken(t, "mistaken-late", "mistaken")
	m.expire(t, "mistaken-late")
	token := func(text string) object { return object{"RegistrationToken": text} }
	for name, test := range map[string]struct {
		operation   string
		input       object
		code, words string
	}{
		"an empty token":              {"ResolveCustomer", token(""), "InvalidTokenException", ""},
		"a made-up token":             {"ResolveCustomer", token("AQAAANDAWN/+=="), "InvalidTokenException", "egistration token is invalid"},
		"a token of another vendor":   {"ResolveCustomer", token(stranger.registrationToken(t, "foreign", "globex")), "InvalidTokenException", "egistration token is invalid"},
		"a token that has expired":    {"ResolveCustomer", token(expired), "ExpiredTokenException", ""},
		"26 records":                  {"BatchMeterUsage", m.batch(many...), "ValidationException", "25"},
		"an unknown dimension":        {"BatchMeterUsage", usage("Dimension", "Requests"), "InvalidUsageDimensionException", "dimension"},
		"a product without metering":  {"BatchMeterUsage", object{"ProductCode": m.codeOf(t, "tool"), "UsageRecords": []object{b.usage(requests, 1)}}, "InvalidUsageDimensionException", "dimension"},
		"an unknown product code":     {"BatchMeterUsage", object{"ProductCode": "FFFFFFFF", "UsageRecords": []object{b.usage(requests, 1)}}, "InvalidProductCodeException", "code"},
		"usage of the future":         {"BatchMeterUsage", usage("Timestamp", time.Now().Add(time.Hour).UTC().Format(time.RFC3339)), "TimestampOutOfBoundsException", "future"},
		"allocations that don't fit":  {"BatchMeterUsage", usage("UsageAllocations", split("team", 2)), "InvalidUsageAllocationsException", "add up"},
		"a tag with a forbidden sign": {"BatchMeterUsage", usage("UsageAllocations", split("t{}", 1)), "InvalidTagException", ""},
		"both keys of a customer": {"GetEntitlements", object{"ProductCode": m.code, "Filter": object{
			"CUSTOMER_IDENTIFIER": []string{"a"}, "CUSTOMER_AWS_ACCOUNT_ID": []string{"1"}}}, "InvalidParameterException", "exclude"},
		"entitlements of no product":       {"GetEntitlements", object{"ProductCode": "FFFFFFFF"}, "InvalidParameterException", "ProductCode"},
		"a vendor who is not the only one": {"RegisterUsage", object{"ProductCode": m.code, "PublicKeyVersion": 1}, "CustomerNotEntitledException", "AccessKey of the customer"},
	} {
		t.Run(name, func(t *testing.T) {
			m.refused(t, m.asVendor, test.operation, test.input, test.code, test.words)
		})
	}
	if kept := m.recorded(t, b); len(kept) != 0 {
		t.Errorf("mistakes are recorded: %v", kept)
	}
	t.Run("a negative quantity", func(t *testing.T) {
		if negative := usage("Quantity", -1); m.client.checks {
			m.unsaid(t, m.asVendor, "BatchMeterUsage", negative, "Quantity")
		} else {
			m.refused(t, m.asVendor, "BatchMeterUsage", negative, "ValidationException", "quantity")
		}
	})
	t.Run("an empty customer", func(t *testing.T) {
		if empty := usage("CustomerIdentifier", ""); m.client.checks && m.client.oldMetering {
			m.unsaid(t, m.asVendor, "BatchMeterUsage", empty, "CustomerIdentifier")
		} else {
			m.refused(t, m.asVendor, "BatchMeterUsage", empty, "InvalidCustomerIdentifierException", "CustomerIdentifier")
		}
	})
	t.Run("what only newer clients can say", func(t *testing.T) { testNewerMistakes(t, m, b) })
	t.Run("a wrong secret", func(t *testing.T) {
		impostor := m.client.start(t, m.settings(pair{m.key.id, "wrong"}))
		m.refused(t, impostor, "ResolveCustomer", token(expired), "InvalidSignatureException", "does not match the signature you provided")
		m.refused(t, impostor, "GetEntitlements", object{"ProductCode": m.code}, "InvalidSignatureException", "does not match the signature you provided")
	})
}

// testNewerMistakes names customers by account and licence.
func testNewerMistakes(t *testing.T, m *market, b buyer) {
	other := m.subscribe(t, "other-tool", "tool")
	both := m.batch(changed(b.usage(requests, 1), "CustomerAWSAccountId", b.account))
	foreign := m.batch(changed(b.usage(requests, 1), "LicenseArn", other.arn))
	if m.client.oldMetering {
		m.unsaid(t, m.asVendor, "BatchMeterUsage", both, "CustomerAWSAccountId")
		m.unsaid(t, m.asVendor, "BatchMeterUsage", foreign, "LicenseArn")
		return
	}
	m.refused(t, m.asVendor, "BatchMeterUsage", both, "InvalidCustomerIdentifierException", "not both")
	m.refused(t, m.asVendor, "BatchMeterUsage", foreign, "InvalidLicenseException", "another product")
}

func testCustomerMistakes(t *testing.T, m *market) {
	m.subscribe(t, "buyer", "saas")
	m.subscribeAs(t, builder.Subscription("unpaid", "saas").WithCustomer("unpaid").InState(v1alpha1.SubscriptionSuspended))
	own, unpaid := m.client.start(t, m.settings(m.ownKey(t, "buyer"))), m.client.start(t, m.settings(m.ownKey(t, "unpaid")))
	meter := func(name string, value any) object {
		return changed(object{"ProductCode": m.code, "Timestamp": thisSecond(), "UsageDimension": requests, "UsageQuantity": 1}, name, value)
	}
	register := func(name string, value any) object {
		return changed(object{"ProductCode": m.code, "PublicKeyVersion": 1}, name, value)
	}
	for name, test := range map[string]struct {
		c           caller
		operation   string
		input       object
		code, words string
	}{
		"a token is the vendor's to resolve":       {own, "ResolveCustomer", object{"RegistrationToken": "x"}, "AccessDeniedException", "vendor"},
		"a batch is the vendor's to report":        {own, "BatchMeterUsage", m.batch(buyer{identifier: "buyer"}.usage(requests, 1)), "AccessDeniedException", "MeterUsage"},
		"a product that it has not bought":         {own, "MeterUsage", meter("ProductCode", m.codeOf(t, "tool")), "InvalidProductCodeException", "code"},
		"usage of seven hours ago":                 {own, "MeterUsage", meter("Timestamp", time.Now().Add(-7*time.Hour).UTC().Format(time.RFC3339)), "TimestampOutOfBoundsException", "hours"},
		"a dimension that there is not":            {own, "MeterUsage", meter("UsageDimension", "tokens"), "InvalidUsageDimensionException", "dimension"},
		"usage while it is suspended":              {unpaid, "MeterUsage", meter("UsageQuantity", 1), "CustomerNotEntitledException", "not subscribed"},
		"a dry run while it is suspended":          {unpaid, "MeterUsage", meter("DryRun", true), "UnauthorizedException", "may not"},
		"a start while it is suspended":            {unpaid, "RegisterUsage", register("Nonce", "1"), "CustomerNotEntitledException", "not subscribed"},
		"a public key that there is not":           {own, "RegisterUsage", register("PublicKeyVersion", 99), "InvalidPublicKeyVersionException", "version"},
		"the entitlements of what is another's":    {own, "GetEntitlements", object{"ProductCode": m.codeOf(t, "tool")}, "InvalidParameterException", "ProductCode"},
		"a product code that nobody has, to start": {own, "RegisterUsage", register("ProductCode", "FFFFFFFF"), "InvalidProductCodeException", "code"},
	} {
		t.Run(name, func(t *testing.T) {
			m.refused(t, test.c, test.operation, test.input, test.code, test.words)
		})
	}
}
