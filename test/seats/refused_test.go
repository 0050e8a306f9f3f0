// Copyright The license-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package seats_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"k8s.io/utils/ptr"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/license-operator/license-operator/api/v1alpha1"
	"github.com/license-operator/license-operator/test/builder"
	"github.com/license-operator/license-operator/webhook/awsjson"
)

func TestWhatIsNoGoodRequestConsumesNothing(t *testing.T) {
	first, second := both.whole(t)
	v, stranger := newVendor(t, 60), newVendor(t, 60)
	l := v.licence(t, "initech", 10, first, second)
	unused := v.licence(t, "globex", 10, first, second)
	ended := &licence{v, "hooli"}
	v.Apply(t, builder.Subscription("hooli", product).WithCustomer("hooli").WithSeats("seats", 10).
		StartingAt(time.Now().Add(-48*time.Hour)).EndingAt(time.Now().Add(-24*time.Hour)).Build())
	ended.seen(t, first)
	ended.seen(t, second)
	l.must(t, first, "used")
	l.quiet(t)

	type request = awsjson.CheckoutLicenseRequest
	for name, test := range map[string]struct {
		of     *licence // nil for the one of which a seat is in use
		change func(*request)
		// raw replaces words of the body, in turns.
		raw  []string
		code string
		says string
	}{
		"a number for a value":              {raw: []string{`"Value":"1"`, `"Value":1`}, code: "SerializationException"},
		"no seat at all":                    {change: value("0"), code: invalidValue, says: "from 1"},
		"less than none":                    {change: value("-1"), code: invalidValue, says: "from 1"},
		"a part of a seat":                  {change: value("1.5"), code: invalidValue, says: "in digits"},
		"no value":                          {change: func(in *request) { in.Entitlements[0].Value = nil }, code: invalidValue, says: "in digits"},
		"more seats than there are":         {change: value("11"), code: noEntitlements, says: "in use"},
		"more seats than are free":          {change: value("10"), code: noEntitlements, says: "in use"},
		"the unit None of what is counted":  {change: func(in *request) { in.Entitlements[0].Unit = "None" }, code: noEntitlements, says: "unit"},
		"another unit":                      {change: func(in *request) { in.Entitlements[0].Unit = "Gigabytes" }, code: noEntitlements, says: "unit"},
		"a unit that there is not":          {change: func(in *request) { in.Entitlements[0].Unit = "Seats" }, code: "ValidationException", says: "enum"},
		"an entitlement that there is not":  {change: func(in *request) { in.Entitlements[0].Name = "desks" }, code: noEntitlements, says: "desks"},
		"an entitlement twice":              {change: func(in *request) { in.Entitlements = append(in.Entitlements, in.Entitlements[0]) }, code: invalidValue, says: "twice"},
		"no entitlements":                   {change: func(in *request) { in.Entitlements = []awsjson.EntitlementData{} }, code: invalidValue, says: "at least one"},
		"no ClientToken":                    {raw: []string{`"ClientToken":"bad",`, ``}, code: "ValidationException", says: "clientToken"},
		"an empty ClientToken":              {raw: []string{`"ClientToken":"bad"`, `"ClientToken":""`}, code: "ValidationException", says: "clientToken"},
		"a ClientToken of 2,049 characters": {change: func(in *request) { in.ClientToken = strings.Repeat("t", 2049) }, code: "ValidationException", says: "2048"},
		"a ClientToken of a checkout with other parameters": {change: func(in *request) { in.ClientToken, in.Entitlements[0].Value = "used", ptr.To("2") },
			code: invalidValue, says: "ClientToken"},
		"an unknown SKU":               {change: func(in *request) { in.ProductSKU = "RENDER-2" }, code: noEntitlements, says: "RENDER-2"},
		"another vendor's fingerprint": {change: func(in *request) { in.KeyFingerprint = stranger.fingerprint }, code: noEntitlements, says: "KeyFingerprint"},
		"another vendor's key":         {of: &licence{&vendor{stranger.Vendor, v.fingerprint}, "initech"}, code: noEntitlements, says: "KeyFingerprint"},
		"a customer who has none":      {of: &licence{v, "umbrella"}, code: noEntitlements, says: "Beneficiary"},
		"a Subscription that is over":  {of: ended, code: noEntitlements, says: "term is over"},
		"no Beneficiary":               {change: func(in *request) { in.Beneficiary = nil }, code: invalidValue, says: "Beneficiary"},
		"a type that there is not":     {change: func(in *request) { in.CheckoutType = "FLOATING" }, code: "ValidationException", says: "checkoutType"},
	} {
		t.Run(name, func(t *testing.T) {
			of := l
			if test.of != nil {
				of = test.of
			}
			before := l.versions(t)
			var changes []func(*request)
			if test.change != nil {
				changes = append(changes, test.change)
			}
			sent := string(of.order("bad", changes...))
			body := strings.NewReplacer(test.raw...).Replace(sent)
			if test.raw != nil && body == sent {
				t.Fatal("nothing is wrong with the request")
			}
			for _, r := range []*replica{first, second} {
				a, err := of.call(t.Context(), r, "CheckoutLicense", []byte(body))
				if err != nil {
					t.Fatal(err)
				}
				if a.status != 400 || a.code != test.code || !strings.Contains(string(a.body), test.says) {
					t.Errorf("answered %d %s, want %s that says %q", a.status, a.body, test.code, test.says)
				}
			}
			if diff := cmp.Diff(before, l.versions(t)); diff != "" {
				t.Errorf("books were written (-before +after):\n%s", diff)
			}
		})
	}
	if held := l.entries(t); len(held) != 1 {
		t.Errorf("the book holds %d checkouts, want 1", len(held))
	}
	// The first that asks opens the book, also one that gets nothing.
	a, err := unused.call(t.Context(), first, "CheckoutLicense", unused.order("too-many", value("11")))
	expect(t, "more seats than there are", noEntitlements, a.name(), err)
	if held := unused.entries(t); len(held) > 0 {
		t.Errorf("the book of a licence that gave nothing holds %d checkouts", len(held))
	}
}

func value(v string) func(*awsjson.CheckoutLicenseRequest) {
	return func(in *awsjson.CheckoutLicenseRequest) { in.Entitlements[0].Value = &v }
}

// versions are those of all books of the vendor.
func (v *vendor) versions(t *testing.T) map[string]string {
	t.Helper()
	list := &v1alpha1.SeatLedgerList{}
	if err := cluster.Client.List(t.Context(), list, client.InNamespace(v.Namespace)); err != nil {
		t.Fatal(err)
	}
	versions := map[string]string{}
	for i := range list.Items {
		versions[list.Items[i].Name] = fmt.Sprint(list.Items[i].ResourceVersion)
	}
	return versions
}

// quiet waits until each checkout has its object: the book says so, and is
// written no more.
func (l *licence) quiet(t *testing.T) {
	t.Helper()
	deadline := time.Now().Add(30 * time.Second)
	for time.Now().Before(deadline) {
		done := true
		for _, b := range l.blocks(t) {
			for _, e := range b.Entries {
				done = done && e.Projected
			}
		}
		if done {
			return
		}
		time.Sleep(20 * time.Millisecond)
	}
	t.Fatal("the checkouts never got their objects")
}
