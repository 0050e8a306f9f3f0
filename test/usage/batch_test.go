// Copyright The license-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package usage_test

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/license-operator/license-operator/api/v1alpha1"
	"github.com/license-operator/license-operator/test/builder"
	"github.com/license-operator/license-operator/test/expect"
	"github.com/license-operator/license-operator/test/golden"
)

// golden holds an answer against a file, with the names that differ from run to
// run replaced.
func (s *shop) golden(a *answer, name string, replace ...string) {
	s.Helper()
	got := strings.NewReplacer(append([]string{s.code, "CODE"}, replace...)...).Replace(fmt.Sprintf("%d %s\n%s\n", a.status, a.header.Get("x-amzn-ErrorType"), a.body))
	golden.Check(s, name+".golden", got)
}

func TestTheAnswerOfBatchMeterUsageOnTheWire(t *testing.T) {
	s := newShop(t)
	now := s.Clock.Now()
	a := s.first.must(s.vendor, "BatchMeterUsage", s.report(
		hourly(now, initech, minutes, 7),
		fmt.Sprintf(`{"Timestamp":%d.5,"CustomerAWSAccountId":%q,"Dimension":%q,"Quantity":3,"UsageAllocations":[{"AllocatedUsageQuantity":2,"Tags":[{"Key":"team","Value":"a b"}]},{"AllocatedUsageQuantity":1}]}`, now.Unix(), theirs, storage),
		hourly(now, initech, minutes, 8),
		hourly(now, "cust-nobody", minutes, 1),
		hourly(now, initech, minutes, 7),
		fmt.Sprintf(`{"Timestamp":%d,"CustomerIdentifier":%q,"Dimension":%q}`, now.Unix(), globex, minutes),
	))
	b := readBatch(t, a)
	ids := []string{b.Results[0].MeteringRecordID, "ID-1", b.Results[1].MeteringRecordID, "ID-2", b.Results[5].MeteringRecordID, "ID-3"}
	s.golden(a, "batch", ids...)
	if got := len(s.records()); got != 3 {
		t.Errorf("%d records", got)
	}
	s.golden(s.first.must(s.vendor, "BatchMeterUsage", s.report()), "batch-empty")
	s.golden(s.first.must(s.vendor, "BatchMeterUsage", s.report(hourly(now, initech, "Minutes", 1))), "batch-refused")
}

func TestARecordSaysEverythingThatWasReported(t *testing.T) {
	s := newShop(t)
	now := s.Clock.Now()
	s.first.must(s.vendor, "BatchMeterUsage", s.report(fmt.Sprintf(
		`{"Timestamp":%d,"CustomerAWSAccountId":%q,"LicenseArn":%q,"Dimension":%q,"Quantity":3,"UsageAllocations":[{"AllocatedUsageQuantity":3,"Tags":[{"Key":"team","Value":"a"}]}]}`,
		now.Unix(), theirs, s.arn(s.initech), storage)))
	all := s.records()
	if len(all) != 1 {
		t.Fatalf("%d records", len(all))
	}
	hour := metav1.NewTime(now.UTC().Truncate(time.Hour)).Rfc3339Copy()
	at := metav1.NewTime(now.Truncate(time.Second)).Rfc3339Copy()
	want := v1alpha1.UsageRecordSpec{
		MeteringRecordID: all[0].Spec.MeteringRecordID, ProductRef: v1alpha1.LocalReference{Name: product}, ProductCode: s.code,
		SubscriptionRef: v1alpha1.LocalReference{Name: "initech"}, CustomerIdentifier: initech, CustomerAccountID: theirs,
		Dimension: storage, Hour: hour, ReportedTime: &at, Quantity: 3, Operation: v1alpha1.OperationBatchMeterUsage,
		Allocations: []v1alpha1.UsageAllocation{{Quantity: 3, Tags: []v1alpha1.UsageTag{{Key: "team", Value: "a"}}}},
	}
	if diff := cmp.Diff(want, all[0].Spec, cmp.Comparer(func(a, b metav1.Time) bool { return a.Equal(&b) })); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
	if diff := cmp.Diff(map[string]string{v1alpha1.LabelProduct: product, v1alpha1.LabelSubscription: "initech"}, all[0].Labels); diff != "" {
		t.Errorf("the labels (-want +got)\n%s", diff)
	}
}

// arn is the name of a Subscription's licence.
func (s *shop) arn(sub *v1alpha1.Subscription) string {
	return s.Names.LicenseARN(s.Names.Identity.AccountID(s.Namespace), sub)
}

func TestTheFirstReportOfAnHourCounts(t *testing.T) {
	s := newShop(t)
	now := s.Clock.Now()
	hour := now.UTC().Truncate(time.Hour)
	split := func(parts string) string {
		return fmt.Sprintf(`{"Timestamp":%d,"CustomerIdentifier":%q,"Dimension":%q,"Quantity":3,"UsageAllocations":[%s]}`, now.Unix(), initech, storage, parts)
	}
	one, two := `{"AllocatedUsageQuantity":1,"Tags":[{"Key":"a","Value":"1"},{"Key":"b","Value":"2"}]}`, `{"AllocatedUsageQuantity":2}`
	first := readBatch(t, s.first.must(s.vendor, "BatchMeterUsage", s.report(hourly(now, initech, minutes, 7), split(one+","+two))))
	for name, test := range map[string]struct {
		record string
		status string
		id     int
	}{
		"the same again":                              {record: hourly(now, initech, minutes, 7), status: "Success"},
		"another second of the hour":                  {record: hourly(hour, initech, minutes, 7), status: "Success"},
		"the customer by account":                     {record: strings.Replace(hourly(now, theirs, minutes, 7), "CustomerIdentifier", "CustomerAWSAccountId", 1), status: "Success"},
		"more":                                        {record: hourly(now, initech, minutes, 8), status: "DuplicateRecord"},
		"less":                                        {record: hourly(now, initech, minutes, 0), status: "DuplicateRecord"},
		"the same, split now":                         {record: strings.Replace(hourly(now, initech, minutes, 7), `"Quantity":7`, `"Quantity":7,"UsageAllocations":[{"AllocatedUsageQuantity":7}]`, 1), status: "DuplicateRecord"},
		"the parts in another order":                  {record: split(two + "," + one), status: "Success", id: 1},
		"the tags in another order":                   {record: split(`{"AllocatedUsageQuantity":1,"Tags":[{"Key":"b","Value":"2"},{"Key":"a","Value":"1"}]},` + two), status: "Success", id: 1},
		"the same sum, split otherwise":               {record: split(strings.Replace(one, `"Value":"1"`, `"Value":"2"`, 1) + "," + two), status: "DuplicateRecord"},
		"the same sum, in parts of another size":      {record: split(strings.Replace(one, ":1,", ":2,", 1) + "," + strings.Replace(two, ":2", ":1", 1)), status: "DuplicateRecord"},
		"the parts left out":                          {record: hourly(now, initech, storage, 3), status: "DuplicateRecord"},
		"a licence of the customer's that it was for": {record: strings.Replace(hourly(now, initech, minutes, 7), "{", fmt.Sprintf(`{"LicenseArn":%q,`, s.arn(s.initech)), 1), status: "Success"},
	} {
		t.Run(name, func(t *testing.T) {
			b := readBatch(t, s.second.must(s.vendor, "BatchMeterUsage", s.report(test.record)))
			if len(b.Results) != 1 || b.Results[0].Status != test.status || len(b.UnprocessedRecords) != 0 {
				t.Fatalf("%+v, want %s", b, test.status)
			}
			want := ""
			if test.status == "Success" {
				want = first.Results[test.id].MeteringRecordID
			}
			if got := b.Results[0].MeteringRecordID; got != want {
				t.Errorf("MeteringRecordId %q, want %q", got, want)
			}
		})
	}
	fresh := readBatch(t, s.first.must(s.vendor, "BatchMeterUsage", s.report(
		hourly(now.Add(-time.Hour), initech, minutes, 7), hourly(now, globex, minutes, 7))))
	if !slices.Equal(fresh.statuses(), []string{"Success", "Success"}) || fresh.Results[0].MeteringRecordID == fresh.Results[1].MeteringRecordID ||
		fresh.Results[0].MeteringRecordID == first.Results[0].MeteringRecordID {
		t.Errorf("another hour and another customer are others: %+v", fresh)
	}
	if got := len(s.records()); got != 4 {
		t.Errorf("%d records, want 4", got)
	}
}

// Each licence of one customer has hours of its own. Who names none means the
// hour of the oldest.
func TestTwoLicencesOfOneCustomerHaveHoursOfTheirOwn(t *testing.T) {
	s := newShop(t)
	another := builder.Subscription("initech-2", product).WithCustomer(initech).Build()
	s.Create(another)
	now := s.Clock.Now()
	of := func(sub *v1alpha1.Subscription) string {
		return strings.Replace(hourly(now, initech, minutes, 7), "{", fmt.Sprintf(`{"LicenseArn":%q,`, s.arn(sub)), 1)
	}
	b := readBatch(t, s.first.must(s.vendor, "BatchMeterUsage", s.report(of(another), of(s.initech), hourly(now, initech, minutes, 7))))
	if want := []string{"Success", "Success", "Success"}; !slices.Equal(b.statuses(), want) {
		t.Fatalf("%v, want %v", b.statuses(), want)
	}
	if ids := b.Results; ids[0].MeteringRecordID == ids[1].MeteringRecordID || ids[1].MeteringRecordID != ids[2].MeteringRecordID {
		t.Errorf("%+v", b)
	}
	if got := len(s.records()); got != 2 {
		t.Errorf("%d records, want 2", got)
	}
}

// A report whose answer was lost is not billed twice when it comes again, though
// the Subscription that it was for accepts no more usage by then.
func TestARetryAfterTheOlderSubscriptionWasSuspendedIsRecordedOnce(t *testing.T) {
	s := newShop(t)
	s.Create(builder.Subscription("initech-2", product).WithCustomer("cust-42b").WithAccountID(theirs).Build())
	now := s.Clock.Now()
	record := func(at time.Time, quantity int) string {
		return strings.Replace(hourly(at, theirs, minutes, quantity), "CustomerIdentifier", "CustomerAWSAccountId", 1)
	}
	first := readBatch(t, s.first.must(s.vendor, "BatchMeterUsage", s.report(record(now, 7))))
	if all := s.records(); len(all) != 1 || all[0].Spec.SubscriptionRef.Name != "initech" {
		t.Fatalf("%+v", all)
	}
	expect.Edit(s.Stage, s.initech, func(sub *v1alpha1.Subscription) { sub.Spec.State = v1alpha1.SubscriptionSuspended })
	again := readBatch(t, s.second.must(s.vendor, "BatchMeterUsage", s.report(record(now, 7), record(now, 8), record(now.Add(-time.Hour), 7))))
	if want := []string{"Success", "DuplicateRecord", "Success"}; !slices.Equal(again.statuses(), want) {
		t.Fatalf("%v, want %v", again.statuses(), want)
	}
	if again.Results[0].MeteringRecordID != first.Results[0].MeteringRecordID {
		t.Errorf("%+v, at first %+v", again, first)
	}
	bySubscription := map[string]int{}
	for _, r := range s.records() {
		bySubscription[r.Spec.SubscriptionRef.Name]++
	}
	if len(bySubscription) != 2 || bySubscription["initech"] != 1 || bySubscription["initech-2"] != 1 {
		t.Errorf("%v, want the hour before of the second, and nothing else", bySubscription)
	}
}

// A nightly job that reports the last hours again is no other report because the
// Subscription was replaced by another of the same customer meanwhile.
func TestAReportForASubscriptionThatWasReplacedIsRecordedOnce(t *testing.T) {
	s := newShop(t)
	report := s.report(hourly(s.Clock.Now(), initech, minutes, 7))
	first := readBatch(t, s.first.must(s.vendor, "BatchMeterUsage", report))
	s.Delete(s.initech)
	s.Create(builder.Subscription("initech-2", product).WithCustomer(initech).Build())
	again := readBatch(t, s.second.must(s.vendor, "BatchMeterUsage", report))
	if again.Results[0].Status != "Success" || again.Results[0].MeteringRecordID != first.Results[0].MeteringRecordID {
		t.Errorf("%+v, at first %+v", again, first)
	}
	if all := s.records(); len(all) != 1 {
		t.Errorf("%d records, want 1", len(all))
	}
}

// A report that names the licence and one that does not are of one hour, if they
// are of one licence.
func TestTheHourOfALicenceIsTheSameWhetherItIsNamed(t *testing.T) {
	for name, test := range map[string]struct {
		first, then string // Which licence is named: "", 1 or 2.
		want        string
	}{
		"named, then not":                  {"1", "", "DuplicateRecord"},
		"the other one named, then not":    {"2", "", "DuplicateRecord"},
		"not named, then named":            {"", "1", "DuplicateRecord"},
		"not named, then the other is":     {"", "2", "Success"},
		"one named, then the other":        {"1", "2", "Success"},
		"not named, then not named either": {"", "", "DuplicateRecord"},
	} {
		t.Run(name, func(t *testing.T) {
			s := newShop(t)
			second := builder.Subscription("initech-2", product).WithCustomer(initech).Build()
			s.Create(second)
			arns := map[string]string{"1": s.arn(s.initech), "2": s.arn(second)}
			of := func(at time.Time, license string, quantity int) string {
				record := hourly(at, initech, minutes, quantity)
				if license != "" {
					record = strings.Replace(record, "{", fmt.Sprintf(`{"LicenseArn":%q,`, arns[license]), 1)
				}
				return record
			}
			now := s.Clock.Now()
			before := now.Add(-time.Hour)
			one := readBatch(t, s.first.must(s.vendor, "BatchMeterUsage", s.report(of(now, test.first, 5), of(now, test.then, 7))))
			if want := []string{"Success", test.want}; !slices.Equal(one.statuses(), want) {
				t.Errorf("in one request: %v, want %v", one.statuses(), want)
			}
			readBatch(t, s.first.must(s.vendor, "BatchMeterUsage", s.report(of(before, test.first, 5))))
			two := readBatch(t, s.second.must(s.vendor, "BatchMeterUsage", s.report(of(before, test.then, 7))))
			if want := []string{test.want}; !slices.Equal(two.statuses(), want) {
				t.Errorf("in two requests: %v, want %v", two.statuses(), want)
			}
		})
	}
}

func TestWhoIsSubscribedWhen(t *testing.T) {
	s := newShop(t)
	now := s.Clock.Now()
	hour := now.UTC().Truncate(time.Hour)
	s.Create(
		builder.Subscription("expired", product).WithCustomer("expired").EndingAt(now.Add(-time.Minute)).Build(),
		builder.Subscription("long-expired", product).WithCustomer("long-expired").EndingAt(now.Add(-61*time.Minute)).Build(),
		builder.Subscription("suspended", product).WithCustomer("suspended").InState(v1alpha1.SubscriptionSuspended).Build(),
		builder.Subscription("pending", product).WithCustomer("pending").InState(v1alpha1.SubscriptionPending).Build(),
		builder.Subscription("cancelled", product).WithCustomer("cancelled").InState(v1alpha1.SubscriptionCancelled).Build(),
		builder.Subscription("begun", product).WithCustomer("begun").StartingAt(hour).Build(),
		builder.Subscription("back-old", product).WithCustomer("back").EndingAt(now.Add(-24*time.Hour)).Build(),
		builder.Subscription("back-new", product).WithCustomer("back").StartingAt(now.Add(-2*time.Hour)).Build(),
		builder.Product("other").WithDimension(minutes).Build(),
		builder.Subscription("elsewhere", "other").WithCustomer("elsewhere").Build(),
	)
	for name, test := range map[string]struct {
		customer string
		at       time.Time
		want     string
	}{
		"a subscribed customer":                         {initech, now, "Success"},
		"nobody":                                        {"nobody", now, "CustomerNotSubscribed"},
		"one who expired a minute ago":                  {"expired", now, "Success"},
		"one who expired an hour and a minute ago":      {"long-expired", now.Add(-2 * time.Hour), "CustomerNotSubscribed"},
		"a suspended one":                               {"suspended", now, "CustomerNotSubscribed"},
		"one who has not paid":                          {"pending", now, "CustomerNotSubscribed"},
		"one who is cancelled now":                      {"cancelled", now.Add(-time.Hour), "Success"},
		"the hour in which a term begins":               {"begun", hour, "Success"},
		"the hour before":                               {"begun", hour.Add(-time.Second), "CustomerNotSubscribed"},
		"one who came back":                             {"back", now, "Success"},
		"one who came back, of before":                  {"back", now.Add(-4 * time.Hour), "CustomerNotSubscribed"},
		"a customer of another product":                 {"elsewhere", now, "CustomerNotSubscribed"},
		"a customer's name in another case":             {"CUST-42", now, "CustomerNotSubscribed"},
		"an account that is given as an identifier":     {theirs, now, "CustomerNotSubscribed"},
		"the longest identifier that there is":          {strings.Repeat("x", 255), now, "CustomerNotSubscribed"},
		"an identifier that no Subscription could have": {"\"\u0000ä", now, "CustomerNotSubscribed"},
	} {
		t.Run(name, func(t *testing.T) {
			record := strings.Replace(hourly(test.at, "WHO", minutes, 5), `"WHO"`, quote(test.customer), 1)
			b := readBatch(t, s.first.must(s.vendor, "BatchMeterUsage", s.report(record)))
			if got := b.statuses(); !slices.Equal(got, []string{test.want}) {
				t.Errorf("%v, want %s", got, test.want)
			}
		})
	}
	s.Step(time.Hour)
	b := readBatch(t, s.first.must(s.vendor, "BatchMeterUsage", s.report(hourly(now, "expired", minutes, 5))))
	if got := b.statuses(); !slices.Equal(got, []string{"CustomerNotSubscribed"}) {
		t.Errorf("more than an hour after the end: %v", got)
	}
}

func TestALargeBatch(t *testing.T) {
	s := newShop(t)
	padded := func(padding string) string {
		var parts []string
		for i := range 2500 {
			parts = append(parts, fmt.Sprintf(`{"AllocatedUsageQuantity":1,"Tags":[{"Key":"number","Value":"%d"},{"Key":"padding","Value":"%s"}]}`, i, strings.Repeat(padding, 256)))
		}
		return s.report(fmt.Sprintf(`{"Timestamp":%d,"CustomerIdentifier":%q,"Dimension":%q,"Quantity":2500,"UsageAllocations":[%s]}`, s.Clock.Now().Unix(), initech, minutes, strings.Join(parts, ",")))
	}
	body := padded("x")
	if len(body) < 800_000 || len(body) > 1<<20 {
		t.Fatalf("the body has %d bytes", len(body))
	}
	if b := readBatch(t, s.first.must(s.vendor, "BatchMeterUsage", body)); !slices.Equal(b.statuses(), []string{"Success"}) {
		t.Errorf("%v", b.statuses())
	}
	if a := s.first.must(s.vendor, "BatchMeterUsage", body+strings.Repeat(" ", 1<<20)); a.status != http.StatusBadRequest || a.code(t) != "ValidationException" {
		t.Errorf("more than a mebibyte: %d %s", a.status, a.body)
	}
	// JSON that is stored has six characters for one of these. No try would ever
	// be taken, so it is said, and nothing is written.
	if a := s.first.must(s.vendor, "BatchMeterUsage", padded("<")); a.code(t) != "InvalidUsageAllocationsException" || !strings.Contains(string(a.body), "too large") {
		t.Errorf("too large when it is stored: %d %s", a.status, a.body)
	}
}
