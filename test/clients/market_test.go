// Copyright The license-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package clients

import (
	"fmt"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	apimeta "k8s.io/apimachinery/pkg/api/meta"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/license-operator/license-operator/api/v1alpha1"
	"github.com/license-operator/license-operator/test/builder"
)

// The dimensions of the product.
const (
	requests = "requests"
	storage  = "Gigabytes"
)

// lastAccount numbers the accounts of customers: two namespaces can't have one.
var lastAccount atomic.Int64

// market is where one client plays the scenarios of AWS Marketplace: the vendor
// of a stage with a product that is subscribed to.
type market struct {
	*stage
	// code is the product's.
	code string
}

// buyer is a customer of a market's product.
type buyer struct{ identifier, account, arn string }

// testMarketplace lets every client play every scenario.
func (w *world) testMarketplace(t *testing.T) {
	for _, c := range w.awsClients(t) {
		t.Run(c.name, func(t *testing.T) {
			m := w.newMarket(t, &c)
			for name, play := range map[string]func(*testing.T, *market){
				"a buyer signs up and is metered":                   testSignUp,
				"a registration token can be for one use":           testOneUse,
				"entitlements are filtered and listed in pages":     testEntitlements,
				"a customer meters its own usage":                   testMeterUsage,
				"what RegisterUsage answers is signed":              testRegisterUsage,
				"a pod registers and meters with its token":         testMarketPod,
				"usage is sent again when its answer is lost":       testLostUsage,
				"usage is sent again after an internal error":       testFailedUsage,
				"a batch with a mistake is refused as a whole":      testMixedBatch,
				"mistakes of a vendor are told as the SDK has them": testVendorMistakes,
				"mistakes of a customer are told so, too":           testCustomerMistakes,
			} {
				t.Run(name, func(t *testing.T) { play(t, m) })
			}
		})
	}
}

// newMarket makes a vendor with a product that is metered, beside the one that is
// not.
func (w *world) newMarket(t *testing.T, c *awsClient) *market {
	t.Helper()
	m := &market{stage: w.newStage(t, c)}
	m.code = m.product(t, builder.Product("saas").WithSeats("users", 10).WithFeature("sso", "").
		WithDimension(requests).WithDimension(storage).Build())
	return m
}

// product makes a product and returns its code.
func (m *market) product(t *testing.T, p *v1alpha1.Product) string {
	t.Helper()
	m.create(t, p)
	return m.codeOf(t, p.Name)
}

// codeOf is the code of a product that there is.
func (m *market) codeOf(t *testing.T, name string) string {
	t.Helper()
	made := &v1alpha1.Product{}
	m.await(t, name, made, func() bool {
		return made.Status.Code != "" && apimeta.IsStatusConditionTrue(made.Status.Conditions, v1alpha1.ConditionReady)
	})
	return made.Status.Code
}

// subscribe makes a customer of a product.
func (m *market) subscribe(t *testing.T, customer, product string) buyer {
	t.Helper()
	return m.subscribeAs(t, builder.Subscription(customer, product).WithCustomer(customer))
}

// subscribeAs is subscribe for what is not as usual.
func (m *market) subscribeAs(t *testing.T, b *builder.SubscriptionBuilder) buyer {
	t.Helper()
	s := b.WithAccountID(fmt.Sprintf("210%09d", lastAccount.Add(1))).Build()
	m.create(t, s)
	made := &v1alpha1.Subscription{}
	m.await(t, s.Name, made, func() bool {
		return made.Status.LicenseARN != "" && apimeta.FindStatusCondition(made.Status.Conditions, v1alpha1.ConditionSubscribed) != nil
	})
	return buyer{identifier: made.Status.CustomerIdentifier, account: made.Spec.Customer.AccountID, arn: made.Status.LicenseARN}
}

// registrationToken makes an Activation and returns its token.
func (v *vendor) registrationToken(t *testing.T, name, subscription string) string {
	t.Helper()
	v.create(t, builder.Activation(name, subscription).ForRegistration().Build())
	token := v.issued(t, name, "registrationToken")
	// It is what a form's mistakes would damage.
	if !strings.ContainsAny(token, "+") || !strings.ContainsAny(token, "/") || !strings.ContainsAny(token, "=") {
		t.Errorf("the token %q lacks a character that must be encoded in a form", token)
	}
	return token
}

// ownKey is a client with the key of a customer.
func (m *market) ownKey(t *testing.T, subscription string) pair {
	t.Helper()
	m.create(t, builder.CustomerKey(subscription, subscription).Build())
	return m.readKey(t, subscription)
}

// recorded are the UsageRecords of a customer.
func (m *market) recorded(t *testing.T, b buyer) []v1alpha1.UsageRecord {
	t.Helper()
	list := &v1alpha1.UsageRecordList{}
	if err := m.env.Client.List(t.Context(), list, client.InNamespace(m.namespace)); err != nil {
		t.Fatal(err)
	}
	var own []v1alpha1.UsageRecord
	for _, r := range list.Items {
		if r.Spec.CustomerIdentifier == b.identifier {
			own = append(own, r)
		}
	}
	return own
}

// thisSecond is when something was used.
func thisSecond() string { return time.Now().UTC().Format(time.RFC3339) }

// usage is a record of BatchMeterUsage.
func (b buyer) usage(dimension string, quantity int) object {
	return object{"Timestamp": thisSecond(), "CustomerIdentifier": b.identifier, "Dimension": dimension, "Quantity": quantity}
}

// batch is the input of a BatchMeterUsage.
func (m *market) batch(records ...object) object {
	return object{"ProductCode": m.code, "UsageRecords": records}
}

// results are those of a BatchMeterUsage that has processed everything, with
// times as this process writes them.
func (m *market) results(t *testing.T, c caller, input object) []object {
	t.Helper()
	out := m.must(t, c, "BatchMeterUsage", input)
	if left, _ := out["UnprocessedRecords"].([]any); len(left) > 0 {
		t.Fatalf("not all records were processed: %v", out)
	}
	var all []object
	for _, r := range elements(out, "Results") {
		if record, ok := r["UsageRecord"].(map[string]any); ok {
			record["Timestamp"] = instant(t, record["Timestamp"]).Format(time.RFC3339)
		}
		all = append(all, r)
	}
	return all
}

// elements are those of a list in an answer.
func elements(out object, name string) []object {
	var all []object
	list, _ := out[name].([]any)
	for _, e := range list {
		all = append(all, e.(map[string]any))
	}
	return all
}

// unsaid makes a call that the client itself refuses, naming what is wrong.
func (m *market) unsaid(t *testing.T, c caller, operation string, input object, words ...string) {
	t.Helper()
	r := c.call(t, operation, input)
	if r.Code != "" || r.Message == "" {
		t.Errorf("%s: got %+v, want a refusal of the client's own", operation, r)
	}
	for _, word := range words {
		if !strings.Contains(r.Message, word) {
			t.Errorf("%s: the client says %q, want %q in it", operation, r.Message, word)
		}
	}
}
