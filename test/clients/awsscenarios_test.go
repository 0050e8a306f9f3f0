// Copyright The license-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package clients

import (
	"encoding/json"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/license-operator/license-operator/test/builder"
)

// testLicenseManager lets every client play every scenario.
func (w *world) testLicenseManager(t *testing.T) {
	for _, c := range w.awsClients(t) {
		t.Run(c.name, func(t *testing.T) {
			s := w.newStage(t, &c)
			for name, play := range map[string]func(*testing.T, *stage){
				"a seat is checked out, extended and checked in":       testSeat,
				"a customer's own key needs no beneficiary":            testOwnKey,
				"the last seat is refused":                             testLastSeat,
				"a request is repeated when its answer is lost":        testLostAnswer,
				"what is borrowed is verified offline":                 testBorrow,
				"licences are read and listed":                         testReading,
				"errors are told as the SDK knows them":                testErrors,
				"a clock that is 20 minutes fast is corrected":         testFastClock,
				"a ServiceAccount's token is all that a pod needs":     testServiceAccount,
				"a number where the API has a text is a clear mistake": testNumber,
			} {
				t.Run(name, func(t *testing.T) { play(t, s) })
			}
		})
	}
	t.Run("the example", w.testExample)
}

func testSeat(t *testing.T, s *stage) {
	arn := s.licence(t, "globex", "tool")
	input := s.seats("globex", "seat-1", "1")
	input["NodeId"] = "node-7"
	input["Entitlements"] = append(input["Entitlements"].([]object), object{"Name": "gpu", "Unit": "None"})
	out := s.must(t, s.asVendor, "CheckoutLicense", input)
	want := object{
		"CheckoutType": "PROVISIONAL", "LicenseArn": arn, "NodeId": "node-7",
		"EntitlementsAllowed": []any{
			map[string]any{"Name": "seats", "Unit": "Count", "Value": "1"},
			map[string]any{"Name": "gpu", "Unit": "None", "Value": "Enabled"},
		},
		// Looked at below.
		"IssuedAt": out["IssuedAt"], "Expiration": out["Expiration"],
		"LicenseConsumptionToken": out["LicenseConsumptionToken"], "SignedToken": out["SignedToken"],
	}
	if diff := cmp.Diff(want, out); diff != "" {
		t.Errorf("the answer of CheckoutLicense (-want +got):\n%s", diff)
	}
	token, expires := out.text("LicenseConsumptionToken"), expiration(t, out)
	if life := expires.Sub(moment(t, out, "IssuedAt")); life != time.Hour {
		t.Errorf("the seat lives for %s, want an hour", life)
	}
	if length := len(out.text("SignedToken")); token == "" || length < 4096 {
		t.Errorf("the consumption token is %q and the signed one has %d characters", token, length)
	}

	held := object{"LicenseConsumptionToken": token}
	time.Sleep(time.Until(moment(t, out, "IssuedAt").Add(1100 * time.Millisecond))) // Times have whole seconds.
	dry := s.must(t, s.asVendor, "ExtendLicenseConsumption", object{"LicenseConsumptionToken": token, "DryRun": true})
	if got := expiration(t, dry); !got.Equal(expires) {
		t.Errorf("after a dry run the seat expires at %s, before at %s", got, expires)
	}
	extended := s.must(t, s.asVendor, "ExtendLicenseConsumption", held)
	if got := expiration(t, extended); !got.After(expires) {
		t.Errorf("extended, the seat expires at %s, before at %s", got, expires)
	}
	held["LicenseConsumptionToken"] = extended.text("LicenseConsumptionToken")
	if used := s.used(t, arn); used != "1" {
		t.Errorf("%s seats are in use, want 1", used)
	}
	if out := s.must(t, s.asVendor, "CheckInLicense", held); len(out) > 0 {
		t.Errorf("CheckInLicense answers %v, want nothing", out)
	}
	if used := s.used(t, arn); used != "0" {
		t.Errorf("%s seats are in use, want none", used)
	}
	s.refused(t, s.asVendor, "CheckInLicense", held, "ResourceNotFoundException", "")
	s.refused(t, s.asVendor, "ExtendLicenseConsumption", held, "ResourceNotFoundException", "")
}

func testOwnKey(t *testing.T, s *stage) {
	arn := s.licence(t, "own", "tool")
	s.create(t, builder.CustomerKey("own", "own").Build())
	own := s.client.start(t, s.settings(s.readKey(t, "own")))
	input := s.seats("", "own-1", "1")
	delete(input, "Beneficiary")
	out := s.must(t, own, "CheckoutLicense", input)
	if out.text("LicenseArn") != arn {
		t.Errorf("the seat is of %v, want %s", out["LicenseArn"], arn)
	}
	s.refused(t, own, "CheckoutLicense", s.seats("globex", "own-2", "1"), "AccessDeniedException", "Beneficiary")
	s.must(t, own, "CheckInLicense", object{"LicenseConsumptionToken": out["LicenseConsumptionToken"]})
}

func testLastSeat(t *testing.T, s *stage) {
	arn := s.licence(t, "crowd", "tool")
	first := s.must(t, s.asVendor, "CheckoutLicense", s.seats("crowd", "crowd-1", "1"))
	s.must(t, s.asVendor, "CheckoutLicense", s.seats("crowd", "crowd-2", "1"))
	third := s.seats("crowd", "crowd-3", "1")
	s.refused(t, s.asVendor, "CheckoutLicense", third, "NoEntitlementsAllowedException", "all units are in use")
	if used := s.used(t, arn); used != seatsEach {
		t.Errorf("%s seats are in use, want %s", used, seatsEach)
	}
	s.must(t, s.asVendor, "CheckInLicense", object{"LicenseConsumptionToken": first["LicenseConsumptionToken"]})
	s.must(t, s.asVendor, "CheckoutLicense", third)
}

func testLostAnswer(t *testing.T, s *stage) {
	arn := s.licence(t, "unlucky", "tool")
	unlucky := s.throughProxy(t, s.client.start)
	input := s.seats("unlucky", "unlucky-1", "1")
	s.proxy.loseNext(1)
	out := s.must(t, unlucky, "CheckoutLicense", input)
	if n := s.proxy.seen.Load(); n != 2 {
		t.Errorf("the client sent %d requests, want 2", n)
	}
	if used := s.used(t, arn); used != "1" {
		t.Errorf("%s seats are in use, want 1", used)
	}
	again := s.must(t, s.asVendor, "CheckoutLicense", input)
	if diff := cmp.Diff(out, again); diff != "" {
		t.Errorf("the same ClientToken gives another answer:\n%s", diff)
	}
	other := s.seats("unlucky", "unlucky-1", "2")
	s.refused(t, s.asVendor, "CheckoutLicense", other, "InvalidParameterValueException", "ClientToken")

	// The seat is free, and the repeated request says so in its way.
	s.proxy.loseNext(1)
	held := object{"LicenseConsumptionToken": out["LicenseConsumptionToken"]}
	s.refused(t, unlucky, "CheckInLicense", held, "ResourceNotFoundException", "")
	if used := s.used(t, arn); used != "0" {
		t.Errorf("%s seats are in use, want none", used)
	}
}

func testBorrow(t *testing.T, s *stage) {
	arn := s.licence(t, "traveller", "tool")
	metadata := []any{map[string]any{"Name": "laptop", "Value": "nr 12"}}
	out := s.must(t, s.asVendor, "CheckoutBorrowLicense", object{
		"LicenseArn": arn, "DigitalSignatureMethod": "JWT_PS384", "ClientToken": "travel-1", "NodeId": "laptop-12",
		"Entitlements":     []object{{"Name": "seats", "Unit": "Count", "Value": "2"}, {"Name": "gpu", "Unit": "None"}},
		"CheckoutMetadata": metadata,
	})
	if diff := cmp.Diff(metadata, out["CheckoutMetadata"]); diff != "" {
		t.Errorf("the metadata (-want +got):\n%s", diff)
	}
	if life := expiration(t, out).Sub(moment(t, out, "IssuedAt")); life != 24*time.Hour {
		t.Errorf("the seats are borrowed for %s, want a day", life)
	}
	jwks := run(t, nil, "curl", "--silent", "--show-error", "--fail", "--cacert", s.caFile, licenseManager+"/.well-known/jwks.json")
	file := filepath.Join(t.TempDir(), "jwks.json")
	if err := os.WriteFile(file, []byte(jwks.stdout), 0o600); err != nil || jwks.exit != 0 {
		t.Fatal(err, jwks.stderr)
	}
	verify := func(token string) output {
		return runWith(t, token, nil, s.world.path("clients", "verify-offline"), "-jwks", file, "-issuer", s.fingerprint, "-sku", sku)
	}
	token := out.text("SignedToken")
	want := "traveller of " + s.fingerprint + " may use " + sku + " until " + out.text("Expiration") + ":\n  seats 2 Count\n  gpu Enabled\n"
	if got := verify(token); got.stdout != want {
		t.Errorf("offline the token says:\n%s%s\nwant:\n%s", got.stdout, got.stderr, want)
	}
	// Not its last character, some bits of which say nothing.
	if got := verify(mistyped(token[:4000]) + token[4000:]); got.exit == 0 {
		t.Errorf("a token that was changed says:\n%s", got.stdout)
	}
	s.refused(t, s.asVendor, "CheckoutLicense", s.seats("traveller", "travel-2", "1"), "NoEntitlementsAllowedException", "in use")
	held := object{"LicenseConsumptionToken": out["LicenseConsumptionToken"]}
	s.refused(t, s.asVendor, "ExtendLicenseConsumption", held, "InvalidParameterValueException", "borrow")
	s.must(t, s.asVendor, "CheckInLicense", held)
}

func testReading(t *testing.T, s *stage) {
	s.create(t, builder.Product("read").WithSKU("READ-1").WithIssuer("Acme").WithSeats("seats", 3).Build())
	arns := map[string]bool{}
	for _, customer := range []string{"reader-1", "reader-2", "reader-3"} {
		arns[s.licence(t, customer, "read")] = true
	}
	filters := []object{{"Name": "ProductSKU", "Values": []string{"READ-1"}}}
	input := object{"Filters": filters, "MaxResults": 2}
	first := s.must(t, s.asVendor, "ListReceivedLicenses", input)
	input["NextToken"] = first["NextToken"]
	second := s.must(t, s.asVendor, "ListReceivedLicenses", input)
	if n, m := len(licences(first)), len(licences(second)); n != 2 || m != 1 || second.text("NextToken") != "" {
		t.Errorf("the pages have %d and %d licences and the token %q, want 2, 1 and none", n, m, second.text("NextToken"))
	}
	for _, l := range append(licences(first), licences(second)...) {
		if !arns[l.text("LicenseArn")] {
			t.Errorf("%s is listed twice, or without reason", l.text("LicenseArn"))
		}
		delete(arns, l.text("LicenseArn"))
	}
	delete(input, "NextToken")
	input["Filters"] = append(filters, object{"Name": "Beneficiary", "Values": []string{"reader-2"}})
	one := licences(s.must(t, s.asVendor, "ListReceivedLicenses", input))
	if len(one) != 1 || one[0].text("Beneficiary") != "reader-2" {
		t.Fatalf("got %v, want the licence of reader-2", one)
	}
	out := s.must(t, s.asVendor, "GetLicense", object{"LicenseArn": one[0]["LicenseArn"]})
	got, _ := out["License"].(map[string]any)
	for name, want := range map[string]any{
		"LicenseArn": one[0]["LicenseArn"], "LicenseName": "reader-2", "ProductSKU": "READ-1", "Status": "AVAILABLE", "Beneficiary": "reader-2",
	} {
		if got[name] != want {
			t.Errorf("%s is %v, want %v", name, got[name], want)
		}
	}
	if issuer, _ := got["Issuer"].(map[string]any); issuer["Name"] != "Acme" || issuer["KeyFingerprint"] != s.fingerprint {
		t.Errorf("the issuer is %v", issuer)
	}
	s.refused(t, s.asVendor, "ListReceivedLicenses", object{"Filters": filters, "NextToken": "made-up"}, "InvalidParameterValueException", "NextToken")
}

// licences are those that a list has.
func licences(list object) []object {
	var all []object
	items, _ := list["Licenses"].([]any)
	for _, item := range items {
		all = append(all, item.(map[string]any))
	}
	return all
}

func expiration(t *testing.T, o object) time.Time {
	t.Helper()
	return moment(t, o, "Expiration")
}

func moment(t *testing.T, o object, name string) time.Time {
	t.Helper()
	at, err := time.Parse(time.RFC3339, o.text(name))
	if err != nil {
		data, _ := json.Marshal(o)
		t.Fatalf("%s: %v in %s", name, err, data)
	}
	return at
}
