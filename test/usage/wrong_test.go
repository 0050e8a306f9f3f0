// Copyright The license-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package usage_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/license-operator/license-operator/test/builder"
)

// In every case the record before the wrong one is a good one, and must not be
// written either.
func TestAWrongRecordRefusesTheWholeBatch(t *testing.T) {
	s := newShop(t)
	other := builder.Product("other").WithDimension(minutes).Build()
	elsewhere := builder.Subscription("elsewhere", "other").WithCustomer(initech).Build()
	s.Create(other, elsewhere)
	now := s.Clock.Now()
	good := hourly(now, initech, minutes, 1)
	with := func(old, replacement string) string { return strings.Replace(good, old, replacement, 1) }
	split := func(parts string) string {
		return with(`"Quantity":1`, `"Quantity":1,"UsageAllocations":[`+parts+"]")
	}
	const one = `{"AllocatedUsageQuantity":1,"Tags":[{"Key":"a","Value":"1"}]}`
	tags := func(text string) string { return split(`{"AllocatedUsageQuantity":1,"Tags":[` + text + "]}") }
	customer := fmt.Sprintf(`"CustomerIdentifier":%q`, initech)
	account := fmt.Sprintf(`"CustomerAWSAccountId":%q`, theirs)
	for name, test := range map[string]struct{ record, code string }{
		"neither identifier nor account":    {with(customer+",", ""), "InvalidCustomerIdentifierException"},
		"an empty identifier":               {with(customer, `"CustomerIdentifier":""`), "InvalidCustomerIdentifierException"},
		"both identifier and account":       {with(customer, customer+","+account), "InvalidCustomerIdentifierException"},
		"both, and the licence":             {with(customer, customer+","+account+fmt.Sprintf(`,"LicenseArn":%q`, s.arn(s.initech))), "InvalidCustomerIdentifierException"},
		"no customer but the licence":       {with(customer, fmt.Sprintf(`"LicenseArn":%q`, s.arn(s.initech))), "InvalidCustomerIdentifierException"},
		"an account with a letter":          {with(customer, `"CustomerAWSAccountId":"21098765432a"`), "ValidationException"},
		"an unknown dimension":              {with(minutes, "others"), "InvalidUsageDimensionException"},
		"a dimension in another case":       {with(minutes, "Render-Minutes"), "InvalidUsageDimensionException"},
		"an empty dimension":                {with(minutes, ""), "ValidationException"},
		"no dimension":                      {with(fmt.Sprintf(`"Dimension":%q,`, minutes), ""), "ValidationException"},
		"no timestamp":                      {with(fmt.Sprintf(`"Timestamp":%d,`, now.Unix()), ""), "ValidationException"},
		"a timestamp of text":               {with(fmt.Sprint(now.Unix()), `"2031-05-06T07:08:09Z"`), "SerializationException"},
		"a timestamp in milliseconds":       {with(fmt.Sprint(now.Unix()), fmt.Sprint(now.UnixMilli())), "SerializationException"},
		"more than 24 hours ago":            {with(fmt.Sprint(now.Unix()), fmt.Sprint(now.Unix()-24*3600)), "TimestampOutOfBoundsException"},
		"more than five minutes ahead":      {with(fmt.Sprint(now.Unix()), fmt.Sprint(now.Unix()+301)), "TimestampOutOfBoundsException"},
		"a negative quantity":               {with(`"Quantity":1`, `"Quantity":-1`), "ValidationException"},
		"a quantity of more than 31 bits":   {with(`"Quantity":1`, `"Quantity":2147483648`), "SerializationException"},
		"a quantity with a fraction":        {with(`"Quantity":1`, `"Quantity":1.5`), "SerializationException"},
		"allocations that do not add up":    {split(`{"AllocatedUsageQuantity":2}`), "InvalidUsageAllocationsException"},
		"the same tags twice":               {split(one + "," + strings.Replace(one, ":1,", ":0,", 1)), "InvalidUsageAllocationsException"},
		"no tags twice":                     {split(`{"AllocatedUsageQuantity":1},{"AllocatedUsageQuantity":0}`), "InvalidUsageAllocationsException"},
		"no allocations in the list":        {split(""), "ValidationException"},
		"a tag that is named twice":         {tags(`{"Key":"a","Value":"1"},{"Key":"a","Value":"2"}`), "InvalidTagException"},
		"six tags":                          {tags(strings.Repeat(`{"Key":"a","Value":"1"},`, 5) + `{"Key":"a","Value":"1"}`), "InvalidTagException"},
		"an empty key":                      {tags(`{"Key":"","Value":"1"}`), "InvalidTagException"},
		"an empty value":                    {tags(`{"Key":"a","Value":""}`), "InvalidTagException"},
		"a key that is too long":            {tags(fmt.Sprintf(`{"Key":%q,"Value":"1"}`, strings.Repeat("a", 101))), "InvalidTagException"},
		"a value with an umlaut":            {tags(`{"Key":"a","Value":"ü"}`), "InvalidTagException"},
		"a licence of nobody's":             {with("{", `{"LicenseArn":"arn:aws:license-manager::123456789012:license:l-00000000000000000000000000000000",`), "InvalidLicenseException"},
		"a licence that is no ARN":          {with("{", `{"LicenseArn":"l-1",`), "ValidationException"},
		"a licence of another kind":         {with("{", `{"LicenseArn":"arn:aws:s3:::bucket",`), "InvalidLicenseException"},
		"a licence of another customer":     {with("{", fmt.Sprintf(`{"LicenseArn":%q,`, s.arn(s.globex))), "InvalidLicenseException"},
		"a licence of another product":      {with("{", fmt.Sprintf(`{"LicenseArn":%q,`, s.arn(elsewhere))), "InvalidLicenseException"},
		"a record that is no object":        {"1", "SerializationException"},
		"an identifier of 256 characters":   {with(initech, strings.Repeat("x", 256)), "ValidationException"},
		"a dimension that is declared else": {with(minutes, `render-minutes\u0000`), "InvalidUsageDimensionException"},
	} {
		t.Run(name, func(t *testing.T) {
			a := s.first.must(s.vendor, "BatchMeterUsage", s.report(good, test.record))
			if got := a.code(t); a.status != http.StatusBadRequest || got != test.code {
				t.Errorf("%d %s, want %s", a.status, a.body, test.code)
			}
		})
	}
	if got := len(s.records()); got != 0 {
		t.Errorf("%d records were written", got)
	}
}

func TestWrongBatches(t *testing.T) {
	s := newShop(t)
	other := builder.Product("other").WithDimension(minutes).Build()
	elsewhere := builder.Subscription("elsewhere", "other").WithCustomer(initech).Build()
	s.Create(other, elsewhere, builder.Product("unmetered").WithCode("UNMETERED").Build())
	now := s.Clock.Now()
	good := hourly(now, initech, minutes, 1)
	licensed := func(arn string) string { return strings.Replace(good, "{", fmt.Sprintf(`{"LicenseArn":%q,`, arn), 1) }
	for name, test := range map[string]struct{ body, code string }{
		"26 records":                            {s.report(strings.Split(strings.Repeat(good+"|", 25)+good, "|")...), "ValidationException"},
		"no records":                            {fmt.Sprintf(`{"ProductCode":%q}`, s.code), "ValidationException"},
		"neither product nor licence":           {`{"UsageRecords":[` + good + `]}`, "InvalidProductCodeException"},
		"an empty ProductCode":                  {`{"ProductCode":"","UsageRecords":[` + good + `]}`, "InvalidProductCodeException"},
		"no product and no records":             {`{"UsageRecords":[]}`, "InvalidProductCodeException"},
		"a licence in some records only":        {`{"UsageRecords":[` + licensed(s.arn(s.initech)) + "," + good + `]}`, "InvalidProductCodeException"},
		"an unknown product":                    {`{"ProductCode":"FFFFFFFF","UsageRecords":[` + good + `]}`, "InvalidProductCodeException"},
		"an unknown product and no records":     {`{"ProductCode":"FFFFFFFF","UsageRecords":[]}`, "InvalidProductCodeException"},
		"a code that no Product could have":     {`{"ProductCode":"a/b=c","UsageRecords":[` + good + `]}`, "InvalidProductCodeException"},
		"a code with a blank":                   {`{"ProductCode":"a b","UsageRecords":[` + good + `]}`, "ValidationException"},
		"a product that is not metered":         {`{"ProductCode":"UNMETERED","UsageRecords":[` + good + `]}`, "InvalidUsageDimensionException"},
		"licences of two products":              {`{"UsageRecords":[` + licensed(s.arn(s.initech)) + "," + licensed(s.arn(elsewhere)) + `]}`, "InvalidLicenseException"},
		"a ProductCode and another's licence":   {s.report(licensed(s.arn(elsewhere))), "InvalidLicenseException"},
		"a body that is no JSON":                {`{"UsageRecords":`, "SerializationException"},
		"a list":                                {`[]`, "SerializationException"},
		"an unknown product and a wrong record": {`{"ProductCode":"FFFFFFFF","UsageRecords":[{"Timestamp":1,"Dimension":"x"}]}`, "InvalidProductCodeException"},
	} {
		t.Run(name, func(t *testing.T) {
			a := s.first.must(s.vendor, "BatchMeterUsage", test.body)
			if got := a.code(t); a.status != http.StatusBadRequest || got != test.code {
				t.Errorf("%d %s, want %s", a.status, a.body, test.code)
			}
		})
	}
	t.Run("a licence without a ProductCode, and both if they agree, are good", func(t *testing.T) {
		for _, body := range []string{`{"UsageRecords":[` + licensed(s.arn(s.initech)) + `]}`, s.report(licensed(s.arn(s.initech)))} {
			if b := readBatch(t, s.first.must(s.vendor, "BatchMeterUsage", body)); len(b.Results) != 1 || b.Results[0].Status != "Success" {
				t.Errorf("%+v", b)
			}
		}
	})
	t.Run("a customer's AccessKey is not for BatchMeterUsage", func(t *testing.T) {
		a := s.first.must(s.customer, "BatchMeterUsage", s.report(good))
		if got := a.code(t); got != "AccessDeniedException" {
			t.Errorf("%s", a.body)
		}
	})
	t.Run("another vendor's product is like none", func(t *testing.T) {
		theirs := newShop(t)
		a := theirs.first.must(theirs.vendor, "BatchMeterUsage", s.report(good))
		if got := a.code(t); got != "InvalidProductCodeException" {
			t.Errorf("%s", a.body)
		}
		a = theirs.first.must(theirs.vendor, "BatchMeterUsage", `{"UsageRecords":[`+licensed(s.arn(s.initech))+`]}`)
		if got := a.code(t); got != "InvalidLicenseException" {
			t.Errorf("%s", a.body)
		}
	})
}

func TestTheMonthIsClosedAtSixOfTheFirst(t *testing.T) {
	s := newShop(t)
	first := time.Date(2031, time.June, 1, 6, 0, 0, 0, time.UTC)
	record := s.report(hourly(first.Add(-6*time.Hour-time.Second), initech, minutes, 1))
	s.Clock.SetTime(first.Add(-time.Second))
	if b := readBatch(t, s.first.must(s.vendor, "BatchMeterUsage", record)); b.Results[0].Status != "Success" {
		t.Errorf("a second before: %+v", b)
	}
	s.Clock.SetTime(first)
	if a := s.first.must(s.vendor, "BatchMeterUsage", record); a.code(t) != "TimestampOutOfBoundsException" {
		t.Errorf("at six: %s", a.body)
	}
}
