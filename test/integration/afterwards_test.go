// Copyright The license-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package integration

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strings"

	corev1 "k8s.io/api/core/v1"
	eventsv1 "k8s.io/api/events/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/license-operator/license-operator/api/v1alpha1"
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
	seen := map[string]string{
		"log":         logs.String(),
		"metric":      scrape(),
		"error body":  strings.Join(ledger.ErrorBodies(), "\n"),
		"object":      written(&v1alpha1.ProductList{}, &v1alpha1.SubscriptionList{}, &v1alpha1.ActivationList{}, &v1alpha1.AccessKeyList{}, &v1alpha1.LicenseCheckoutList{}, &v1alpha1.SeatLedgerList{}),
		"event":       written(&eventsv1.EventList{}),
		"config map":  written(&corev1.ConfigMapList{}),
		"name or tag": secretsMetadata(),
	}
	var wrong []string
	for where, text := range seen {
		if text == "" {
			wrong = append(wrong, "there is no "+where+" to look at")
		}
		for _, leak := range ledger.Leaks(text) {
			wrong = append(wrong, where+" holds a "+leak)
		}
	}
	// The test is worth what it looks for.
	found := ledger.Secrets()
	for _, kind := range []string{"product token", "activation key", "secret access key", "UserToken", "SecretAccessKey", "Signature", "webhook secret", "registration token"} {
		if found[kind] == 0 {
			wrong = append(wrong, "no "+kind+" has passed through")
		}
	}
	return wrong
}

// written are all objects of these kinds as JSON.
func written(lists ...client.ObjectList) string {
	var all strings.Builder
	for _, list := range lists {
		if err := cluster.Client.List(context.Background(), list); err != nil {
			return ""
		}
		text, err := json.Marshal(list)
		if err != nil {
			return ""
		}
		all.Write(text)
	}
	return all.String()
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
	resp, err := http.Get("http://" + operator.metrics + "/metrics")
	if err != nil {
		return ""
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		return ""
	}
	return string(text)
}
