// Copyright The license-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package clients

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	apimeta "k8s.io/apimachinery/pkg/api/meta"

	"github.com/license-operator/license-operator/api/v1alpha1"
	"github.com/license-operator/license-operator/test/builder"
)

const (
	// licenseManager is where the clients find License Manager.
	licenseManager = "https://localhost"
	sku            = "TOOL-1"
	// The product has two seats, which come back after an hour.
	seatsEach = "2"
)

// stage is where one client plays the scenarios: a vendor of its own.
type stage struct {
	*vendor
	world  *world
	client *awsClient
	// caFile has the operator's authority, proxy is before the operator.
	caFile string
	proxy  *lossy
	// asVendor makes calls with the vendor's key.
	asVendor    caller
	fingerprint string
}

// newStage makes a vendor with a product that has seats and a feature.
func (w *world) newStage(t *testing.T, c *awsClient) *stage {
	t.Helper()
	s := &stage{world: w, client: c, caFile: filepath.Join(t.TempDir(), "ca.crt")}
	if err := os.WriteFile(s.caFile, w.ca, 0o600); err != nil {
		t.Fatal(err)
	}
	s.proxy = newLossy(t, licenseManager, w.ca)
	s.vendor = &vendor{env: w.env, namespace: w.env.Namespace(t)}
	s.create(t, builder.Product("tool").WithSKU(sku).WithIssuer("Acme").WithBorrow(1440, v1alpha1.Allowed).
		WithSeats("seats", 2).WithFeature("gpu", "Enabled").Build())
	product := &v1alpha1.Product{}
	s.await(t, "tool", product, func() bool {
		return apimeta.IsStatusConditionTrue(product.Status.Conditions, v1alpha1.ConditionReady)
	})
	s.fingerprint = product.Status.KeyFingerprint
	s.create(t, builder.VendorKey("vendor").Build())
	s.key = s.readKey(t, "vendor")
	s.asVendor = c.start(t, s.settings(s.key))
	return s
}

// settings are those of a client that talks to the operator directly.
func (s *stage) settings(key pair) settings {
	return settings{endpoint: licenseManager, ca: s.caFile, key: key}
}

// throughProxy is a client whose answers can get lost.
func (s *stage) throughProxy(t *testing.T, start func(*testing.T, settings) caller) caller {
	t.Helper()
	return start(t, settings{endpoint: s.proxy.url, ca: s.proxy.ca, key: s.key})
}

// readKey waits for an AccessKey and reads its pair.
func (s *stage) readKey(t *testing.T, name string) pair {
	t.Helper()
	key := &v1alpha1.AccessKey{}
	s.await(t, name, key, func() bool {
		return key.Status.SecretRef != nil && apimeta.IsStatusConditionTrue(key.Status.Conditions, v1alpha1.ConditionReady)
	})
	secret := key.Status.SecretRef.Name
	return pair{id: s.secret(t, secret, "accessKeyId"), secret: s.secret(t, secret, "secretAccessKey")}
}

// licence makes a customer with a licence of a product and returns the ARN.
func (s *stage) licence(t *testing.T, customer, product string) string {
	t.Helper()
	s.create(t, builder.Subscription(customer, product).WithCustomer(customer).Build())
	sub := &v1alpha1.Subscription{}
	s.await(t, customer, sub, func() bool {
		return sub.Status.LicenseARN != "" && apimeta.IsStatusConditionTrue(sub.Status.Conditions, v1alpha1.ConditionSubscribed)
	})
	return sub.Status.LicenseARN
}

// seats is the input of a CheckoutLicense for a customer.
func (s *stage) seats(customer, token, number string) object {
	return object{
		"ProductSKU": sku, "KeyFingerprint": s.fingerprint, "CheckoutType": "PROVISIONAL",
		"Entitlements": []object{{"Name": "seats", "Unit": "Count", "Value": number}},
		"ClientToken":  token, "Beneficiary": customer,
	}
}

// must makes a call that succeeds.
func (s *stage) must(t *testing.T, c caller, operation string, input object) object {
	t.Helper()
	r := c.call(t, operation, input)
	if r.Code != "" || r.Message != "" {
		t.Fatalf("%s: got %s: %s, want an answer", operation, r.Code, r.Message)
	}
	// What clients add of their own, and what they have for nothing.
	for _, name := range []string{"ResultMetadata", "$metadata", "ResponseMetadata"} {
		delete(r.Output, name)
	}
	withoutNulls(r.Output)
	return r.Output
}

// refused makes a call that fails with a code, and says so in these words.
func (s *stage) refused(t *testing.T, c caller, operation string, input object, code, words string) {
	t.Helper()
	r := c.call(t, operation, input)
	if r.Code != code || !strings.Contains(r.Message, words) {
		t.Errorf("%s: got %s: %s, want %s with %q", operation, r.Code, r.Message, code, words)
	}
	if known := apiOf(t, operation).has(code); s.client.typed && r.Modelled != known {
		t.Errorf("%s: %s has a type of its own: %v, want %v", operation, code, r.Modelled, known)
	}
}

// used is how many seats of a licence are in use.
func (s *stage) used(t *testing.T, arn string) string {
	t.Helper()
	out := s.must(t, s.asVendor, "GetLicenseUsage", object{"LicenseArn": arn})
	usage, _ := out["LicenseUsage"].(map[string]any)
	list, _ := usage["EntitlementUsages"].([]any)
	if len(list) != 1 {
		t.Fatalf("got %v, want one entitlement", out)
	}
	seats := object(list[0].(map[string]any))
	if seats.text("Name") != "seats" || seats.text("Unit") != "Count" || seats.text("MaxCount") != seatsEach {
		t.Errorf("got the usage %v, want seats of %s", seats, seatsEach)
	}
	return seats.text("ConsumedValue")
}
