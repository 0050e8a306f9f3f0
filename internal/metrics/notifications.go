// Copyright The license-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package metrics

import (
	"github.com/prometheus/client_golang/prometheus"
	"sigs.k8s.io/controller-runtime/pkg/metrics"
)

var (
	notifications = prometheus.NewCounterVec(prometheus.CounterOpts{
		Name: "license_operator_notifications_total",
		Help: "Tries to deliver notifications to webhooks by action and result: Delivered, or why not; Abandoned and Superseded count those that are tried no more.",
	}, []string{"action", "result"})
	notificationsPending = prometheus.NewGauge(prometheus.GaugeOpts{
		Name: "license_operator_notifications_pending",
		Help: "Notifications that webhooks have not taken yet, as the leader knows it; 0 at other replicas.",
	})
)

func init() { metrics.Registry.MustRegister(notifications, notificationsPending) }

// Notification counts one try to deliver a notification, or that it is tried no
// more. Both labels must come from bounded sets.
func Notification(action, result string) { notifications.WithLabelValues(action, result).Inc() }

// NotificationsPending adds to how many notifications are pending.
func NotificationsPending(change int) { notificationsPending.Add(float64(change)) }
