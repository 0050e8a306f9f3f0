// Copyright The license-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package auth

import (
	"bufio"
	"bytes"
	"context"
	_ "embed"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/license-operator/license-operator/internal/fault"
)

// captured holds requests as real clients sent them: the SDKs for Go and
// JavaScript, boto3, the aws CLI of two versions, and curl. Each begins with
// three hyphens and a blank.
//
//go:embed testdata/sigv4-captured-requests.txt
var captured string

const (
	v4Secret       = "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"
	v4SessionToken = "sess+/="
)

// v4Now is when the requests were captured, to the second of the first.
var v4Now = time.Date(2026, time.November, 22, 2, 44, 54, 0, time.UTC)

var v4Principal = Principal{Kind: Vendor, Namespace: "acme", AccessKeyID: testID, KeyName: "main"}

// sessions is a SessionOpener of one token.
type sessions struct{ expired bool }

func (s sessions) OpenSession(token, id string, _ time.Time) (Key, bool, error) {
	if token != v4SessionToken || id != testID {
		return Key{}, false, nil
	}
	if s.expired {
		return Key{}, false, fault.New(fault.CredentialsExpired, "Expired.")
	}
	return Key{Principal: v4Principal, Secret: v4Secret}, true, nil
}

func newVerifierV4() *Verifier {
	v := NewVerifier(keys{testID: {Principal: v4Principal, Secret: v4Secret}})
	v.Sessions = sessions{}
	return v
}

// capturedRequests are the raw texts.
func capturedRequests(t testing.TB) []string {
	t.Helper()
	var list []string
	for _, raw := range strings.Split(strings.TrimPrefix(captured, "--- "), "\n--- ") {
		list = append(list, strings.TrimSuffix(raw, "\n"))
	}
	if len(list) != 12 {
		t.Fatalf("there are %d captured requests, want 12", len(list))
	}
	return list
}

// parseRaw reads a raw request as the server does.
func parseRaw(raw string) (*http.Request, []byte, error) {
	r, err := http.ReadRequest(bufio.NewReader(strings.NewReader(raw)))
	if err != nil {
		return nil, nil, err
	}
	body, err := io.ReadAll(r.Body)
	return r, body, err
}

// serviceOf is the service that a request's target belongs to, as the endpoint
// tells it.
func serviceOf(r *http.Request) string {
	if strings.HasPrefix(r.Header.Get("X-Amz-Target"), "AWSLicenseManager.") {
		return "license-manager"
	}
	return "aws-marketplace"
}

func verifyRaw(v *Verifier, raw string) (*Principal, error) {
	r, body, err := parseRaw(raw)
	if err != nil {
		return nil, err
	}
	return v.VerifyV4(context.Background(), r, body, serviceOf(r), v4Now)
}

const v4Body = `{"RegistrationToken":"tok"}`

// newRequestV4 is an unsigned request to a URL.
func newRequestV4(t testing.TB, url string) *http.Request {
	t.Helper()
	r, err := http.NewRequestWithContext(context.Background(), http.MethodPost, url, strings.NewReader(v4Body))
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Content-Type", "application/x-amz-json-1.1")
	r.Header.Set("X-Amz-Target", "AWSMPMeteringService.ResolveCustomer")
	r.Header.Set("User-Agent", "test")
	return r
}

// signedV4 is a signed request as the server receives it.
func signedV4(t testing.TB, change func(r *http.Request)) *http.Request {
	t.Helper()
	r := newRequestV4(t, "https://ls.example.com:8443/")
	if change != nil {
		change(r)
	}
	if err := SignV4(r, []byte(v4Body), testID, v4Secret, "", "eu-west-1", "aws-marketplace", v4Now); err != nil {
		t.Fatal(err)
	}
	return received(t, r)
}

// received sends a request through text.
func received(t testing.TB, r *http.Request) *http.Request {
	t.Helper()
	var raw bytes.Buffer
	r.Body = io.NopCloser(strings.NewReader(v4Body))
	if err := r.Write(&raw); err != nil {
		t.Fatal(err)
	}
	got, _, err := parseRaw(raw.String())
	if err != nil {
		t.Fatal(err)
	}
	return got
}
