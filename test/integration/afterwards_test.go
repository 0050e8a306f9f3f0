// Copyright The license-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package integration

import (
	"context"
	"fmt"
	"strings"

	corev1 "k8s.io/api/core/v1"
	eventsv1 "k8s.io/api/events/v1"

	"github.com/license-operator/license-operator/api/v1alpha1"
	"github.com/license-operator/license-operator/test/env"
)

// afterwards are the tests of everything that the other tests have done, each
// with what is wrong.
var afterwards = map[string]func() []string{
	"No caller was ever answered an internal error":                    noInternalError,
	"No secret is in a log, an event, an object, a metric or an error": noLeak,
	"No handler has ever panicked":                                     noPanic,
}

func noInternalError() []string {
	wrong := ledger.Failures()
	for line := range strings.Lines(scrape()) {
		if strings.HasPrefix(line, "license_operator_requests_total") && strings.Contains(line, `code="InternalError"`) {
			wrong = append(wrong, line)
		}
	}
	return wrong
}

func noPanic() []string {
	var wrong []string
	for line := range strings.Lines(logs.String()) {
		if strings.Contains(line, "panic") || strings.Contains(line, "Panic") {
			wrong = append(wrong, line)
		}
	}
	return wrong
}

// noLeak greps everything that the operator has written, but Secrets and
// answers, for every secret that was made or used.
func noLeak() []string {
	return ledger.Canaries(map[string]string{
		"the log":       logs.String(),
		"a metric":      scrape(),
		"an error body": strings.Join(ledger.ErrorBodies(), "\n"),
		"an object":     cluster.Written(&v1alpha1.ProductList{}, &v1alpha1.SubscriptionList{}, &v1alpha1.ActivationList{}, &v1alpha1.AccessKeyList{}, &v1alpha1.LicenseCheckoutList{}, &v1alpha1.SeatLedgerList{}, &v1alpha1.UsageRecordList{}),
		"an event":      cluster.Written(&eventsv1.EventList{}),
		"a config map":  cluster.Written(&corev1.ConfigMapList{}),
		"a name or tag": secretsMetadata(),
	}, "product token", "activation key", "secret access key", "UserToken", "SecretAccessKey", "Signature", "webhook secret", "registration token", "client token")
}

// secretsMetadata is what of the Secrets is not secret.
func secretsMetadata() string {
	list := &corev1.SecretList{}
	if err := cluster.Client.List(context.Background(), list); err != nil {
		return ""
	}
	var all strings.Builder
	for i := range list.Items {
		fmt.Fprintf(&all, "%v\n", list.Items[i].ObjectMeta)
	}
	return all.String()
}

// scrape reads the metrics, which all operators of this process share.
func scrape() string {
	_, text := env.Page(operator.Metrics)
	return text
}
