// Copyright The license-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package metrics

import (
	"github.com/prometheus/client_golang/prometheus"
	"sigs.k8s.io/controller-runtime/pkg/metrics"
)

var (
	usageUnits = prometheus.NewCounterVec(prometheus.CounterOpts{
		Name: "license_operator_usage_units_total",
		Help: "Units of usage that this replica has recorded, by the Product's namespace and name and its dimension.",
	}, []string{"namespace", "product", "dimension"})
	usageRecords = prometheus.NewCounterVec(prometheus.CounterOpts{
		Name: "license_operator_usage_records_total",
		Help: "Reports of usage by result: Recorded, Repeated (recorded before, and the same), Duplicate (recorded before with another quantity), NotSubscribed or Unprocessed.",
	}, []string{"namespace", "product", "dimension", "result"})
	usageDeleted = prometheus.NewCounter(prometheus.CounterOpts{
		Name: "license_operator_usage_records_deleted_total",
		Help: "UsageRecords that were deleted because they were older than their Product's retention.",
	})
	usagePass = prometheus.NewGauge(prometheus.GaugeOpts{
		Name: "license_operator_usage_retention_last_success_timestamp_seconds",
		Help: "When the leader has last looked through all UsageRecords for those to delete; 0 for never in this process.",
	})
	usageStored = prometheus.NewGauge(prometheus.GaugeOpts{
		Name: "license_operator_usage_records_stored",
		Help: "UsageRecords that were left when the leader last looked through all of them.",
	})
)

func init() {
	metrics.Registry.MustRegister(usageUnits, usageRecords, usageDeleted, usagePass, usageStored)
}

// UsageResult is what became of one report of usage.
type UsageResult string

// The results.
const (
	UsageRecorded      UsageResult = "Recorded"
	UsageRepeated      UsageResult = "Repeated"
	UsageDuplicate     UsageResult = "Duplicate"
	UsageNotSubscribed UsageResult = "NotSubscribed"
	UsageUnprocessed   UsageResult = "Unprocessed"
)

// Usage counts one report of usage. The dimension must be one that the Product
// declares, so that the number of labels is bounded. Units count only where the
// report was recorded.
func Usage(namespace, product, dimension string, result UsageResult, units int32) {
	usageRecords.WithLabelValues(namespace, product, dimension, string(result)).Inc()
	if result == UsageRecorded {
		usageUnits.WithLabelValues(namespace, product, dimension).Add(float64(units))
	}
}

// UsageDeleted counts one UsageRecord that was deleted for its age.
func UsageDeleted() { usageDeleted.Inc() }

// UsageRetention tells when all UsageRecords have been looked through, in
// seconds since 1970, and how many were left.
func UsageRetention(at, stored int64) {
	usagePass.Set(float64(at))
	usageStored.Set(float64(stored))
}
