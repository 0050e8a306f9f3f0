// Copyright The license-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package metrics

import (
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

var (
	commits = prometheus.NewCounterVec(prometheus.CounterOpts{
		Name: "license_operator_ledger_commits_total",
		Help: "Writes of blocks of the book of seats by result: Committed, Conflict (another replica came first), Refused or Unknown.",
	}, []string{"result"})
	committed = prometheus.NewCounter(prometheus.CounterOpts{
		Name: "license_operator_ledger_operations_total",
		Help: "Operations, such as checkouts and check-ins, that were in the committed writes.",
	})
	written = prometheus.NewCounter(prometheus.CounterOpts{
		Name: "license_operator_ledger_written_bytes_total",
		Help: "Bytes of the book of seats that were sent to the API server; etcd keeps them until it compacts.",
	})
	commitDurations = prometheus.NewHistogram(prometheus.HistogramOpts{
		Name:    "license_operator_ledger_commit_duration_seconds",
		Help:    "Time that a write of a block took.",
		Buckets: []float64{.001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5},
	})
	drift = prometheus.NewGauge(prometheus.GaugeOpts{
		Name: "license_operator_ledger_drift_units",
		Help: "Units by which the books of seats break their invariants, by the last audit of the leader; anything but 0 is a defect.",
	})
	skew = prometheus.NewGauge(prometheus.GaugeOpts{
		Name: "license_operator_clock_skew_seconds",
		Help: "How far this replica's clock is ahead of the API server's.",
	})
	untrusted = prometheus.NewGauge(prometheus.GaugeOpts{
		Name: "license_operator_clock_untrusted",
		Help: "1 while the clocks differ by more than 30 seconds and checkouts do not expire.",
	})
	projected = prometheus.NewCounterVec(prometheus.CounterOpts{
		Name: "license_operator_projections_total",
		Help: "LicenseCheckouts made, updated and deleted to follow the book of seats.",
	}, []string{"write"})
	projectionFailures = prometheus.NewCounter(prometheus.CounterOpts{
		Name: "license_operator_projection_failures_total",
		Help: "LicenseCheckouts that the API server refused to make, for a quota or a policy; seats are granted without them.",
	})
)

// LedgerCommit counts one write of a block: its result, how many operations
// were in it, how many bytes it had and how long it took.
func LedgerCommit(result string, operations, bytes int, took time.Duration) {
	commits.WithLabelValues(result).Inc()
	written.Add(float64(bytes))
	commitDurations.Observe(took.Seconds())
	if result == "Committed" {
		committed.Add(float64(operations))
	}
}

// LedgerDrift sets the units by which all books break their invariants.
func LedgerDrift(units int64) { drift.Set(float64(units)) }

// ClockSkew sets how far this replica's clock is ahead of the API server's, and
// whether it is trusted.
func ClockSkew(ahead time.Duration, trusted bool) {
	skew.Set(ahead.Seconds())
	if trusted {
		untrusted.Set(0)
	} else {
		untrusted.Set(1)
	}
}

// Projection counts one write of a LicenseCheckout: create, status or delete.
func Projection(write string) { projected.WithLabelValues(write).Inc() }

// ProjectionFailure counts one LicenseCheckout that was refused.
func ProjectionFailure() { projectionFailures.Inc() }
