// Copyright The license-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package awsjson

import (
	"encoding/json"
	"errors"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/license-operator/license-operator/internal/fault"
	"github.com/license-operator/license-operator/test/golden"
)

// checkBody compares a body with testdata/name.json, byte for byte but for the
// line break that ends the file.
func checkBody(t *testing.T, name string, got []byte) {
	t.Helper()
	golden.Check(t, name+".json", string(got)+"\n")
	if !json.Valid(got) {
		t.Errorf("the body is not JSON: %s", got)
	}
}

func checkHeaders(t *testing.T, h http.Header, length int, more map[string]string) {
	t.Helper()
	want := map[string]string{
		"Content-Type":     "application/x-amz-json-1.1",
		"Content-Length":   strconv.Itoa(length),
		"Cache-Control":    "no-store",
		"X-Amzn-Errortype": "",
		"Retry-After":      "",
	}
	for name, value := range more {
		want[name] = value
	}
	for name, value := range want {
		if got := h.Get(name); got != value {
			t.Errorf("%s = %q, want %q", name, got, value)
		}
	}
}

// Values of the answers in the golden files.
var (
	issued  = FormatTime(time.Date(2026, 11, 22, 3, 44, 0, 999999999, time.FixedZone("CET", 3600)))
	expires = FormatTime(time.Date(2026, 11, 22, 3, 44, 0, 0, time.UTC))
	// A name that JSON for HTML would escape.
	users   = []EntitlementData{{Name: "Users <&> \u2028é\"", Unit: "Count", Value: new("1")}, {Name: "Rendering", Unit: "None", Value: new("")}}
	license = License{
		LicenseARN: sampleARN, LicenseName: "initech", ProductName: "Render Farm", ProductSKU: "render-farm",
		Issuer:     &IssuerDetails{Name: "My Company", KeyFingerprint: "aws:123456789012:My Company:issuer-fingerprint"},
		HomeRegion: "us-east-1", Status: LicenseStatusAvailable, Validity: &DatetimeRange{Begin: issued, End: expires},
		Beneficiary: "210987654321",
		Entitlements: []Entitlement{
			{Name: "Users", MaxCount: new(int64(0)), Overage: new(false), Unit: "Count", AllowCheckIn: new(true)},
			{Name: "Rendering", Value: new("Enabled"), Unit: "None"}},
		ConsumptionConfiguration: &ConsumptionConfiguration{RenewType: RenewTypeNone,
			ProvisionalConfiguration: &ProvisionalConfiguration{MaxTimeToLiveInMinutes: 60},
			BorrowConfiguration:      &BorrowConfiguration{MaxTimeToLiveInMinutes: 1440}},
		LicenseMetadata: []Metadata{{Name: new("tier"), Value: new("gold")}},
		CreateTime:      issued, Version: "1",
	}
	signed = strings.Repeat("x", 4096)
)

func TestWriteResult(t *testing.T) {
	for name, result := range map[string]any{
		"CheckoutLicense": &CheckoutLicenseResponse{CheckoutType: CheckoutTypeProvisional, LicenseConsumptionToken: "token",
			EntitlementsAllowed: users, SignedToken: signed, NodeID: "node", IssuedAt: issued, Expiration: expires, LicenseARN: sampleARN},
		"CheckoutLicense of nothing": &CheckoutLicenseResponse{},
		"CheckInLicense":             &CheckInLicenseResponse{},
		"CheckInLicense of nil":      nil,
		"ExtendLicenseConsumption":   &ExtendLicenseConsumptionResponse{LicenseConsumptionToken: "token", Expiration: expires},
		"CheckoutBorrowLicense": &CheckoutBorrowLicenseResponse{LicenseARN: sampleARN, LicenseConsumptionToken: "token", EntitlementsAllowed: users,
			NodeID: "node", SignedToken: signed, IssuedAt: issued, Expiration: expires, CheckoutMetadata: []Metadata{{Name: new("Mac"), Value: new("a:b")}, {}}},
		"GetLicense":                 &GetLicenseResponse{License: &license},
		"GetLicense of nothing":      &GetLicenseResponse{License: &License{}},
		"GetLicenseUsage":            &GetLicenseUsageResponse{LicenseUsage: &LicenseUsage{EntitlementUsages: []EntitlementUsage{{Name: "Users", ConsumedValue: "0", MaxCount: "10", Unit: "Count"}, {Name: "Rendering", ConsumedValue: "", Unit: "None"}}}},
		"GetLicenseUsage of nothing": &GetLicenseUsageResponse{LicenseUsage: &LicenseUsage{}},
		"ListLicenses":               &ListLicensesResponse{Licenses: []License{license, {LicenseARN: sampleARN}}, NextToken: "next"},
		"ListLicenses of nothing":    &ListLicensesResponse{},
		"ListReceivedLicenses": &ListReceivedLicensesResponse{Licenses: []GrantedLicense{{License: license, ReceivedMetadata: &ReceivedMetadata{
			ReceivedStatus: ReceivedStatusActive, ReceivedStatusReason: "It is active.", AllowedOperations: []string{AllowedOperationCheckoutLicense, AllowedOperationExtendConsumptionLicense}}},
			{}}},
		"ListReceivedLicenses of nothing": &ListReceivedLicensesResponse{},
	} {
		t.Run(name, func(t *testing.T) {
			operation, _, _ := strings.Cut(name, " ")
			op := Targets["AWSLicenseManager."+operation]
			w := httptest.NewRecorder()
			code, lost := WriteResult(w, op, result)
			if code != "OK" || lost != nil || w.Code != http.StatusOK {
				t.Errorf("WriteResult() = %s, %v, status %d", code, lost, w.Code)
			}
			checkHeaders(t, w.Header(), w.Body.Len(), nil)
			checkBody(t, "result_"+strings.ReplaceAll(name, " ", "_"), w.Body.Bytes())
			if err := op.Check(result); err != nil {
				t.Errorf("the answer breaks the model: %v", err)
			}
		})
	}
}

func TestWriteResultOfAnotherOperationIsAnInternalError(t *testing.T) {
	w := httptest.NewRecorder()
	code, err := WriteResult(w, checkout, &GetLicenseResponse{})
	if code != "ServerInternalException" || err == nil || w.Code != http.StatusInternalServerError {
		t.Errorf("WriteResult() = %s, %v, status %d", code, err, w.Code)
	}
	checkBody(t, "error_Internal", w.Body.Bytes())
}

// lostWriter is a connection that is gone.
type lostWriter struct{ http.ResponseWriter }

func (lostWriter) Write([]byte) (int, error) { return 0, errors.New("broken pipe") }

func TestAnAnswerThatIsLostIsTold(t *testing.T) {
	w := lostWriter{httptest.NewRecorder()}
	if code, lost := WriteResult(w, list, nil); code != "OK" || lost == nil {
		t.Errorf("WriteResult() = %s, %v", code, lost)
	}
	if code, lost := WriteError(w, LicenseManager, fault.New(fault.Conflict, "No.")); code != "ConflictException" || lost == nil {
		t.Errorf("WriteError() = %s, %v", code, lost)
	}
}

// Clients correct their clocks by the Date of an error, and read errors from
// whatever server stands before the writer.
func TestOnARealServer(t *testing.T) {
	var answer func(http.ResponseWriter)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { answer(w) }))
	defer server.Close()
	for name, test := range map[string]struct {
		answer func(http.ResponseWriter)
		status int
	}{
		"an answer": {func(w http.ResponseWriter) { _, _ = WriteResult(w, list, nil) }, 200},
		"an error": {func(w http.ResponseWriter) {
			_, _ = WriteError(w, LicenseManager, fault.New(fault.RequestExpired, "Signature expired."))
		}, 400},
		"an internal error": {func(w http.ResponseWriter) { _, _ = WriteError(w, LicenseManager, errors.New("canary")) }, 500},
	} {
		t.Run(name, func(t *testing.T) {
			answer = test.answer
			response, err := server.Client().Post(server.URL, contentType, strings.NewReader("{}"))
			if err != nil {
				t.Fatal(err)
			}
			defer response.Body.Close()
			date, err := http.ParseTime(response.Header.Get("Date"))
			if err != nil || time.Since(date).Abs() > time.Minute {
				t.Errorf("the Date is %q", response.Header.Get("Date"))
			}
			if response.StatusCode != test.status || response.ContentLength < 0 {
				t.Errorf("status %d, length %d", response.StatusCode, response.ContentLength)
			}
		})
	}
}

type discard struct{ header http.Header }

func (d discard) Header() http.Header         { return d.header }
func (d discard) Write(b []byte) (int, error) { return len(b), nil }
func (d discard) WriteHeader(int)             {}

func BenchmarkWriteCheckoutLicense(b *testing.B) {
	w := discard{http.Header{}}
	result := &CheckoutLicenseResponse{CheckoutType: CheckoutTypeProvisional, LicenseConsumptionToken: "token", EntitlementsAllowed: users,
		SignedToken: signed, NodeID: "node", IssuedAt: issued, Expiration: expires, LicenseARN: sampleARN}
	b.ReportAllocs()
	for b.Loop() {
		if _, err := WriteResult(w, checkout, result); err != nil {
			b.Fatal(err)
		}
	}
}
