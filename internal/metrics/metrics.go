// Copyright The license-operator Authors.
// SPDX-License-Identifier: Apache-2.0

// Package metrics holds the operator's own metrics; controller-runtime's come
// from the same registry.
package metrics

import (
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"sigs.k8s.io/controller-runtime/pkg/metrics"
)

var (
	requests = prometheus.NewCounterVec(prometheus.CounterOpts{
		Name: "license_operator_requests_total",
		Help: "Requests at the endpoint by protocol, action (- if it is none of ours) and the protocol's code (OK or an error code).",
	}, []string{"protocol", "action", "code"})
	durations = prometheus.NewHistogramVec(prometheus.HistogramOpts{
		Name:    "license_operator_request_duration_seconds",
		Help:    "Time from the end of a request's headers to the end of its answer, by protocol and action.",
		Buckets: []float64{.0005, .001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10},
	}, []string{"protocol", "action"})
	lookups = prometheus.NewCounter(prometheus.CounterOpts{
		Name: "license_operator_live_lookups_total",
		Help: "Look-ups at the API server for something authentic that the cache did not hold.",
	})
)

func init() {
	metrics.Registry.MustRegister(requests, durations, lookups)
	metrics.Registry.MustRegister(commits, committed, written, commitDurations, drift, skew, untrusted, projected, projectionFailures)
}

// Request counts one answered request. action and code must come from the
// protocol's tables, so that their number is bounded.
func Request(protocol, action, code string, took time.Duration) {
	requests.WithLabelValues(protocol, action, code).Inc()
	durations.WithLabelValues(protocol, action).Observe(took.Seconds())
}

// LiveLookup counts one look-up at the API server.
func LiveLookup() { lookups.Inc() }
