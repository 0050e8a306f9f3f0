// Copyright The license-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package usage_test

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/license-operator/license-operator/api/v1alpha1"
	"github.com/license-operator/license-operator/test/builder"
	"github.com/license-operator/license-operator/test/expect"
)

// meter is a MeterUsage; more are further members.
func (s *shop) meter(at time.Time, quantity int, more string) string {
	return fmt.Sprintf(`{"ProductCode":%q,"Timestamp":%d,"UsageDimension":%q,"UsageQuantity":%d%s}`, s.code, at.Unix(), minutes, quantity, more)
}

// recordID is the MeteringRecordId of a success.
func recordID(t testing.TB, a *answer) string {
	t.Helper()
	var out struct {
		MeteringRecordID string `json:"MeteringRecordId"`
	}
	if err := json.Unmarshal(a.body, &out); a.status != http.StatusOK || err != nil || out.MeteringRecordID == "" {
		t.Fatalf("%d %v: %s", a.status, err, a.body)
	}
	return out.MeteringRecordID
}

func TestACustomerMetersForItself(t *testing.T) {
	s := newShop(t)
	now := s.Clock.Now()
	a := s.first.must(s.customer, "MeterUsage", s.meter(now, 7, `,"ClientToken":"one"`))
	id := recordID(t, a)
	s.golden(a, "meter", id, "ID-1")
	all := s.records()
	if len(all) != 1 {
		t.Fatalf("%d records", len(all))
	}
	sum := sha256.Sum256([]byte("one"))
	spec := all[0].Spec
	if spec.CustomerIdentifier != initech || spec.Operation != v1alpha1.OperationMeterUsage || spec.Quantity != 7 ||
		spec.ClientTokenHash != hex.EncodeToString(sum[:]) || spec.PodUID != "" || spec.MeteringRecordID != id {
		t.Errorf("%+v", spec)
	}
	for name, test := range map[string]struct {
		by         *replica
		body, code string
	}{
		"the same again":                                         {s.first, s.meter(now, 7, `,"ClientToken":"one"`), ""},
		"the same at the other replica":                          {s.second, s.meter(now, 7, `,"ClientToken":"one"`), ""},
		"another token, as an SDK makes one for each call":       {s.second, s.meter(now, 7, `,"ClientToken":"two"`), ""},
		"no token, as an old client":                             {s.first, s.meter(now, 7, ""), ""},
		"another second without a token":                         {s.first, s.meter(now.Truncate(time.Hour), 7, ""), ""},
		"another quantity":                                       {s.first, s.meter(now, 8, ""), "DuplicateRequestException"},
		"another quantity with another token":                    {s.first, s.meter(now, 8, `,"ClientToken":"three"`), "DuplicateRequestException"},
		"another quantity with the same token":                   {s.first, s.meter(now, 8, `,"ClientToken":"one"`), "IdempotencyConflictException"},
		"another quantity with the same token, the other":        {s.second, s.meter(now, 8, `,"ClientToken":"one"`), "IdempotencyConflictException"},
		"another second with the same token":                     {s.first, s.meter(now.Add(-time.Second), 7, `,"ClientToken":"one"`), "IdempotencyConflictException"},
		"another second with the same token, the other":          {s.second, s.meter(now.Add(-time.Second), 7, `,"ClientToken":"one"`), "IdempotencyConflictException"},
		"another hour with the same token":                       {s.first, s.meter(now.Add(-time.Hour), 7, `,"ClientToken":"one"`), "IdempotencyConflictException"},
		"another dimension with the same token":                  {s.first, strings.Replace(s.meter(now, 7, `,"ClientToken":"one"`), minutes, storage, 1), "IdempotencyConflictException"},
		"the quantity split with the same token":                 {s.first, s.meter(now, 7, `,"ClientToken":"one","UsageAllocations":[{"AllocatedUsageQuantity":7}]`), "IdempotencyConflictException"},
		"the quantity split without a token":                     {s.first, s.meter(now, 7, `,"UsageAllocations":[{"AllocatedUsageQuantity":7}]`), "DuplicateRequestException"},
		"six hours ago":                                          {s.first, s.meter(now.Add(time.Second-6*time.Hour), 1, ""), ""},
		"more than six hours ago":                                {s.first, s.meter(now.Add(-6*time.Hour-time.Second), 7, ""), "TimestampOutOfBoundsException"},
		"an unknown dimension":                                   {s.first, strings.Replace(s.meter(now, 7, ""), minutes, "Others", 1), "InvalidUsageDimensionException"},
		"another product":                                        {s.first, strings.Replace(s.meter(now, 7, ""), s.code, "FFFFFFFF", 1), "InvalidProductCodeException"},
		"an empty product":                                       {s.first, strings.Replace(s.meter(now, 7, ""), s.code, "", 1), "InvalidProductCodeException"},
		"allocations that do not add up":                         {s.first, s.meter(now, 7, `,"UsageAllocations":[{"AllocatedUsageQuantity":1}]`), "InvalidUsageAllocationsException"},
		"a wrong tag":                                            {s.first, s.meter(now, 7, `,"UsageAllocations":[{"AllocatedUsageQuantity":7,"Tags":[{"Key":"?","Value":"1"}]}]`), "InvalidTagException"},
		"an empty token":                                         {s.first, s.meter(now, 7, `,"ClientToken":""`), "ValidationException"},
		"a token of 65 characters":                               {s.first, s.meter(now, 7, fmt.Sprintf(`,"ClientToken":%q`, strings.Repeat("x", 65))), "ValidationException"},
		"what BatchMeterUsage reports of the same hour, as well": {s.first, s.meter(now, 7, `,"DryRun":false`), ""},
	} {
		t.Run(name, func(t *testing.T) {
			a := test.by.must(s.customer, "MeterUsage", test.body)
			if got := a.code(t); got != test.code {
				t.Errorf("%d %s, want %q", a.status, a.body, test.code)
			}
			if test.code == "" && !strings.HasPrefix(name, "six") && recordID(t, a) != id {
				t.Errorf("another MeteringRecordId: %s", a.body)
			}
		})
	}
	b := readBatch(t, s.first.must(s.vendor, "BatchMeterUsage", s.report(hourly(now, initech, minutes, 7), hourly(now, initech, minutes, 8))))
	if b.Results[0].Status != "Success" || b.Results[0].MeteringRecordID != id || b.Results[1].Status != "DuplicateRecord" {
		t.Errorf("BatchMeterUsage of the hour: %+v", b)
	}
	if got := len(s.records()); got != 2 {
		t.Errorf("%d records, want 2", got)
	}
}

func TestADryRunWritesNothing(t *testing.T) {
	s := newShop(t)
	now := s.Clock.Now()
	body := s.meter(now, 7, `,"DryRun":true`)
	s.golden(s.first.must(s.customer, "MeterUsage", body), "meter-dry-run")
	s.golden(s.first.must(s.vendor, "MeterUsage", body), "meter-dry-run-denied")
	expect.Edit(s.Stage, s.initech, func(sub *v1alpha1.Subscription) { sub.Spec.State = v1alpha1.SubscriptionSuspended })
	if a := s.first.must(s.customer, "MeterUsage", body); a.code(t) != "UnauthorizedException" {
		t.Errorf("suspended: %s", a.body)
	}
	if a := s.first.must(s.customer, "MeterUsage", strings.Replace(body, s.code, "FFFFFFFF", 1)); a.code(t) != "InvalidProductCodeException" {
		t.Errorf("another product: %s", a.body)
	}
	if got := len(s.records()); got != 0 {
		t.Errorf("%d records", got)
	}
}

func TestTheUsageOfACustomerWhoIsNotSubscribedIsRefused(t *testing.T) {
	s := newShop(t)
	now := s.Clock.Now()
	try := func(what, code string) {
		t.Helper()
		if a := s.first.must(s.customer, "MeterUsage", s.meter(s.Clock.Now(), 7, "")); a.code(t) != code {
			t.Errorf("%s: %s, want %q", what, a.body, code)
		}
	}
	set := func(change func(*v1alpha1.SubscriptionSpec)) {
		expect.Edit(s.Stage, s.initech, func(sub *v1alpha1.Subscription) { change(&sub.Spec) })
	}
	set(func(spec *v1alpha1.SubscriptionSpec) { spec.State = v1alpha1.SubscriptionSuspended })
	try("suspended", "CustomerNotEntitledException")
	set(func(spec *v1alpha1.SubscriptionSpec) { spec.State = v1alpha1.SubscriptionPending })
	try("not paid", "CustomerNotEntitledException")
	set(func(spec *v1alpha1.SubscriptionSpec) { spec.State = v1alpha1.SubscriptionCancelled })
	try("cancelled in this very hour", "")
	ended := builder.Subscription("x", product).EndingAt(now.Add(time.Minute)).Build().Spec.EndTime
	set(func(spec *v1alpha1.SubscriptionSpec) { spec.State, spec.EndTime = v1alpha1.SubscriptionActive, ended })
	try("active", "")
	s.Step(30 * time.Minute)
	if a := s.first.must(s.customer, "MeterUsage", s.meter(now, 7, "")); a.code(t) != "" {
		t.Errorf("its last hour, within the hour after the end: %s", a.body)
	}
	s.Step(40 * time.Minute)
	try("expired an hour ago", "CustomerNotEntitledException")
	s.Delete(s.initech)
	try("gone, and the access key with it", "UnrecognizedClientException")
}

func TestAVendorsKeyMetersForTheOnlyCustomer(t *testing.T) {
	s := newShop(t)
	now := s.Clock.Now()
	if a := s.first.must(s.vendor, "MeterUsage", s.meter(now, 7, "")); a.code(t) != "CustomerNotEntitledException" || !strings.Contains(string(a.body), "AccessKey of the customer") {
		t.Errorf("of two customers: %s", a.body)
	}
	become := func(sub *v1alpha1.Subscription, state v1alpha1.SubscriptionState) {
		expect.Edit(s.Stage, sub, func(sub *v1alpha1.Subscription) { sub.Spec.State = state })
	}
	become(s.globex, v1alpha1.SubscriptionCancelled) // Its last hour is still accepted.
	id := recordID(t, s.first.must(s.vendor, "MeterUsage", s.meter(now, 7, "")))
	become(s.initech, v1alpha1.SubscriptionCancelled)
	if a := s.first.must(s.vendor, "MeterUsage", s.meter(now, 7, "")); a.code(t) != "CustomerNotEntitledException" {
		t.Errorf("of two customers who were subscribed: %s", a.body)
	}
	become(s.globex, v1alpha1.SubscriptionSuspended)
	if again := recordID(t, s.first.must(s.vendor, "MeterUsage", s.meter(now, 7, ""))); again != id {
		t.Errorf("%s for the only one who was subscribed, at first %s", again, id)
	}
	if all := s.records(); len(all) != 1 || all[0].Spec.CustomerIdentifier != initech {
		t.Errorf("%+v", all)
	}
	s.Delete(s.initech)
	if a := s.first.must(s.vendor, "MeterUsage", s.meter(now.Add(-time.Hour), 7, "")); a.code(t) != "CustomerNotEntitledException" {
		t.Errorf("of no customer: %s", a.body)
	}
}
