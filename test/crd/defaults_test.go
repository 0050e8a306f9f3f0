// Copyright The license-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package crd_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/yaml"

	"github.com/license-operator/license-operator/api/v1alpha1"
)

// defaults are what a user writes and what the API server makes of it, both
// the spec in YAML.
var defaults = map[string]struct{ kind, name, written, stored string }{
	"an empty Product has lifetimes and terms, and no borrowing": {
		kind: "Product", written: `{}`, stored: `
activation: {keyLifetimeSeconds: 3600}
registration: {tokenLifetimeSeconds: 14400, tokenUse: Reusable, customerIdentifier: Included}
license: {signingAlgorithm: ES256, renewal: None, provisional: {maxTimeToLiveMinutes: 60}}
`},
	"what a Product leaves out of a part is filled in": {
		kind: "Product", written: `
activation: {redirectURL: "https://acme.example/"}
registration: {tokenUse: Once}
license: {issuerName: Acme, provisional: {}}
`, stored: `
activation: {redirectURL: "https://acme.example/", keyLifetimeSeconds: 3600}
registration: {tokenUse: Once, tokenLifetimeSeconds: 14400, customerIdentifier: Included}
license: {issuerName: Acme, signingAlgorithm: ES256, renewal: None, provisional: {maxTimeToLiveMinutes: 60}}
`},
	"borrowing lasts a day and may end early": {
		kind: "Product", written: `license: {borrow: {}}`, stored: `
activation: {keyLifetimeSeconds: 3600}
registration: {tokenLifetimeSeconds: 14400, tokenUse: Reusable, customerIdentifier: Included}
license:
  signingAlgorithm: ES256
  renewal: None
  provisional: {maxTimeToLiveMinutes: 60}
  borrow: {maxTimeToLiveMinutes: 1440, earlyCheckIn: Allowed}
`},
	"a webhook has its first secret": {
		kind: "Product", written: `notifications: {webhookURL: "https://acme.example/"}`, stored: `
activation: {keyLifetimeSeconds: 3600}
registration: {tokenLifetimeSeconds: 14400, tokenUse: Reusable, customerIdentifier: Included}
license: {signingAlgorithm: ES256, renewal: None, provisional: {maxTimeToLiveMinutes: 60}}
notifications: {webhookURL: "https://acme.example/", webhookSecretRotation: 1}
`},
	"an entitlement may be given back and not be overdrawn": {
		kind: "Product", written: `license: {entitlements: [{name: seats, unit: Count, maxCount: 10}]}`, stored: `
activation: {keyLifetimeSeconds: 3600}
registration: {tokenLifetimeSeconds: 14400, tokenUse: Reusable, customerIdentifier: Included}
license:
  signingAlgorithm: ES256
  renewal: None
  provisional: {maxTimeToLiveMinutes: 60}
  entitlements: [{name: seats, unit: Count, maxCount: 10, overage: Forbidden, checkIn: Allowed}]
`},
	"a Subscription is Active without grace": {
		kind: "Subscription", written: `productRef: {name: p}`,
		stored: `{productRef: {name: p}, state: Active, offerType: Standard, gracePeriodSeconds: 0}`},
	"an Activation is an Active key": {
		kind: "Activation", written: `subscriptionRef: {name: s}`,
		stored: `{subscriptionRef: {name: s}, type: ActivationKey, secretPolicy: Create, state: Active}`},
	"a LicenseCheckout is Provisional and waits": {
		kind: "LicenseCheckout", written: `{subscriptionRef: {name: s}, entitlements: [{name: seats}]}`,
		stored: `{subscriptionRef: {name: s}, entitlements: [{name: seats}], type: Provisional, whenUnavailable: Queue}`},
	"an AccessKey is the first pair, Active, in a Secret": {
		kind: "AccessKey", written: `type: Vendor`,
		stored: `{type: Vendor, rotation: 1, overlapSeconds: 0, state: Active, secretPolicy: Create}`},
	"dimensions alone are kept for 90 days": {
		kind: "Product", written: `metering: {dimensions: [{name: render-minutes}]}`, stored: `
activation: {keyLifetimeSeconds: 3600}
registration: {tokenLifetimeSeconds: 14400, tokenUse: Reusable, customerIdentifier: Included}
license: {signingAlgorithm: ES256, renewal: None, provisional: {maxTimeToLiveMinutes: 60}}
metering: {dimensions: [{name: render-minutes}], recordRetentionDays: 90}
`},
	"nothing is added to a UsageRecord": {
		kind: "UsageRecord", written: `{meteringRecordID: i, productRef: {name: p}, productCode: c, subscriptionRef: {name: s}, customerIdentifier: u, dimension: d, hour: "2030-06-01T12:00:00Z", quantity: 0, operation: MeterUsage}`,
		stored: `{meteringRecordID: i, productRef: {name: p}, productCode: c, subscriptionRef: {name: s}, customerIdentifier: u, dimension: d, hour: "2030-06-01T12:00:00Z", quantity: 0, operation: MeterUsage}`},
	"a SeatLedger's pool is not overdrawn": {
		kind: "SeatLedger", name: "s-0", written: `{subscriptionRef: {name: s}, block: 0, sequence: 1, term: 1, pools: [{name: seats, total: 1, capacity: 1, used: 0}]}`,
		stored: `{subscriptionRef: {name: s}, block: 0, sequence: 1, term: 1, pools: [{name: seats, total: 1, capacity: 1, used: 0, overage: Forbidden}]}`},
}

// object is an object of a kind with a spec in YAML.
func object(t *testing.T, kind, name, spec string) *unstructured.Unstructured {
	t.Helper()
	var content any
	if err := yaml.Unmarshal([]byte(spec), &content); err != nil {
		t.Fatal(err)
	}
	o := &unstructured.Unstructured{Object: map[string]any{"spec": content}}
	o.SetGroupVersionKind(v1alpha1.GroupVersion.WithKind(kind))
	if name == "" {
		name = "default"
	}
	o.SetName(name)
	return o
}

func TestWhatIsLeftOutComesOutAsDocumented(t *testing.T) {
	namespace := cluster.Namespace(t)
	for name, c := range defaults {
		t.Run(name, func(t *testing.T) {
			o := object(t, c.kind, c.name, c.written)
			o.SetNamespace(namespace)
			if err := cluster.Client.Create(t.Context(), o, client.DryRunAll); err != nil {
				t.Fatal(err)
			}
			var want, got any
			if err := yaml.Unmarshal([]byte(c.stored), &want); err != nil {
				t.Fatal(err)
			}
			stored, err := yaml.Marshal(o.Object["spec"])
			if err != nil {
				t.Fatal(err)
			}
			if err := yaml.Unmarshal(stored, &got); err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

func TestACustomerOfNoFieldsIsRefused(t *testing.T) {
	o := object(t, "Subscription", "", `{productRef: {name: p}, customer: {}}`)
	o.SetNamespace(cluster.Namespace(t))
	expect(t, cluster.Client.Create(t.Context(), o, client.DryRunAll),
		refusals{"spec.customer": "should have at least 1 properties"})
}

func TestAFieldThatDoesNotExistIsRefused(t *testing.T) {
	namespace := cluster.Namespace(t)
	for kind, o := range full(t) {
		t.Run(kind, func(t *testing.T) {
			o.SetNamespace(namespace)
			o.Object["spec"].(map[string]any)["phase"] = "Ready"
			strict := client.WithFieldValidation(cluster.Client, "Strict")
			err := strict.Create(t.Context(), o, client.DryRunAll)
			if err == nil || !contains(err, `unknown field "spec.phase"`) {
				t.Errorf("got %v", err)
			}
		})
	}
}
