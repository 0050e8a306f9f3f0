// Copyright The license-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package metrics

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"sigs.k8s.io/controller-runtime/pkg/metrics"
)

// sample is one series of ours: its labels, and how often it was counted or
// observed.
func samples(t *testing.T) map[string]float64 {
	t.Helper()
	families, err := metrics.Registry.Gather()
	if err != nil {
		t.Fatal(err)
	}
	got := map[string]float64{}
	for _, family := range families {
		if !strings.HasPrefix(family.GetName(), "license_operator_") {
			continue
		}
		if family.GetHelp() == "" {
			t.Errorf("%s has no help", family.GetName())
		}
		for _, m := range family.GetMetric() {
			series := family.GetName()
			for _, label := range m.GetLabel() {
				series += " " + label.GetName() + "=" + label.GetValue()
			}
			got[series] = m.GetCounter().GetValue() + m.GetGauge().GetValue() + float64(m.GetHistogram().GetSampleCount())
			if sum := m.GetHistogram().GetSampleSum(); m.GetHistogram() != nil && sum != 0.5 {
				t.Errorf("%s observed %v seconds, want 0.5", series, sum)
			}
		}
	}
	return got
}

func TestWhatIsCounted(t *testing.T) {
	LiveLookup()
	LiveLookup()
	Request("devpay", "RefreshUserToken", "OK", 200*time.Millisecond)
	Request("devpay", "RefreshUserToken", "Throttling", 300*time.Millisecond)
	Request("devpay", "-", "InvalidAction", 500*time.Millisecond)
	LedgerCommit("Committed", 7, 4096, 200*time.Millisecond)
	LedgerCommit("Conflict", 5, 1024, 300*time.Millisecond)
	LedgerDrift(3)
	ClockSkew(-40*time.Second, false)
	Projection("create")
	ProjectionFailure()
	Notification("subscribe-success", "Delivered")
	NotificationsPending(3)
	NotificationsPending(-1)
	Usage("acme", "render-farm", "minutes", UsageRecorded, 7)
	Usage("acme", "render-farm", "minutes", UsageRepeated, 7)
	Usage("acme", "render-farm", "minutes", UsageUnprocessed, 9)
	UsageDeleted()
	UsageRetention(1_900_000_000, 42)
	want := map[string]float64{
		"license_operator_usage_units_total dimension=minutes namespace=acme product=render-farm":                      7,
		"license_operator_usage_records_total dimension=minutes namespace=acme product=render-farm result=Recorded":    1,
		"license_operator_usage_records_total dimension=minutes namespace=acme product=render-farm result=Repeated":    1,
		"license_operator_usage_records_total dimension=minutes namespace=acme product=render-farm result=Unprocessed": 1,
		"license_operator_usage_records_deleted_total":                                                                 1,
		"license_operator_usage_records_stored":                                                                        42,
		"license_operator_usage_retention_last_success_timestamp_seconds":                                              1_900_000_000,
		"license_operator_ledger_commits_total result=Committed":                                                       1,
		"license_operator_ledger_commits_total result=Conflict":                                                        1,
		"license_operator_ledger_operations_total":                                                                     7,
		"license_operator_ledger_written_bytes_total":                                                                  5120,
		"license_operator_ledger_commit_duration_seconds":                                                              2,
		"license_operator_ledger_drift_units":                                                                          3,
		"license_operator_clock_skew_seconds":                                                                          -40,
		"license_operator_clock_untrusted":                                                                             1,
		"license_operator_projections_total write=create":                                                              1,
		"license_operator_projection_failures_total":                                                                   1,
		"license_operator_notifications_total action=subscribe-success result=Delivered":                               1,
		"license_operator_notifications_pending":                                                                       2,
		"license_operator_live_lookups_total":                                                                          2,
		"license_operator_requests_total action=RefreshUserToken code=OK protocol=devpay":                              1,
		"license_operator_requests_total action=RefreshUserToken code=Throttling protocol=devpay":                      1,
		"license_operator_requests_total action=- code=InvalidAction protocol=devpay":                                  1,
		"license_operator_request_duration_seconds action=RefreshUserToken protocol=devpay":                            2,
		"license_operator_request_duration_seconds action=- protocol=devpay":                                           1,
	}
	if diff := cmp.Diff(want, samples(t)); diff != "" {
		t.Errorf("series (-want +got):\n%s", diff)
	}
}
