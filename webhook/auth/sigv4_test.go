// Copyright The license-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package auth

import (
	"context"
	"errors"
	"net/http"
	"strings"
	"testing"
	"time"

	gocmp "github.com/google/go-cmp/cmp"

	"github.com/license-operator/license-operator/internal/fault"
)

func TestCapturedRequestsAreAccepted(t *testing.T) {
	for _, v := range []*Verifier{newVerifierV4(), {Keys: newVerifierV4().Keys, Sessions: sessions{}}} {
		for i, raw := range capturedRequests(t) {
			for range 2 { // The second time with a remembered signing key.
				got, err := verifyRaw(v, raw)
				if err != nil {
					t.Fatalf("captured request %d: refused: %v", i, err)
				}
				if diff := gocmp.Diff(&v4Principal, got); diff != "" {
					t.Errorf("captured request %d: the principal differs (-want +got):\n%s", i, diff)
				}
			}
		}
	}
}

func TestSignV4MakesTheCapturedSignatures(t *testing.T) {
	whole := 0
	for i, raw := range capturedRequests(t) {
		r, body, err := parseRaw(raw)
		if err != nil {
			t.Fatal(err)
		}
		want := r.Header.Get("Authorization")
		a, err := parseAuthorization(want)
		if err != nil {
			t.Fatal(err)
		}
		date := r.Header.Get("X-Amz-Date")
		s := scope{date[:8], "us-east-1", serviceOf(r), "aws4_request"}
		got, err := authorizationV4(r, body, testID, v4Secret, &s, date, a.signedHeaders)
		if err != nil || got != want {
			t.Errorf("captured request %d: signed as %s, %v, want %s", i, got, err, want)
		}
		if strings.Contains(a.signedHeaders, "amz-sdk") {
			continue // These clients sign headers that are not AWS's, too.
		}
		whole++
		at, err := time.Parse(v4TimeLayout, date)
		if err != nil {
			t.Fatal(err)
		}
		r.Header.Del("Authorization")
		r.Header.Del("X-Amz-Date")
		if err := SignV4(r, body, testID, v4Secret, "", "us-east-1", serviceOf(r), at); err != nil || r.Header.Get("Authorization") != want {
			t.Errorf("captured request %d: SignV4() = %s, %v, want %s", i, r.Header.Get("Authorization"), err, want)
		}
	}
	if whole != 7 {
		t.Errorf("SignV4 was compared with %d requests, want 7", whole)
	}
}

// The texts are those of AWS, except where ours say why not.
func TestRefusalsV4(t *testing.T) {
	replace := func(old, changed string) func(*http.Request) {
		return func(r *http.Request) {
			h := r.Header.Get("Authorization")
			if !strings.Contains(h, old) {
				t.Fatalf("%q is not in the header %s", old, h)
			}
			r.Header.Set("Authorization", strings.Replace(h, old, changed, 1))
		}
	}
	set := func(name, value string) func(*http.Request) {
		return func(r *http.Request) { r.Header.Set(name, value) }
	}
	add := func(name, value string) func(*http.Request) {
		return func(r *http.Request) { r.Header.Add(name, value) }
	}
	query := func(raw string) func(*http.Request) { return func(r *http.Request) { r.URL.RawQuery = raw } }
	without := func(name string) func(*http.Request) { return func(r *http.Request) { r.Header.Del(name) } }
	const (
		authorization = "Authorization header requires 'Credential' parameter. Authorization header requires 'Signature' parameter. " +
			"Authorization header requires 'SignedHeaders' parameter. Authorization=AWS4-HMAC-SHA256"
		required = "' must be a 'SignedHeader' in the AWS Authorization."
	)
	tests := map[string]struct {
		before func(*http.Request) // Signed.
		after  func(*http.Request)
		kind   fault.Kind
		text   string
	}{
		"no Authorization":       {nil, without("Authorization"), fault.MissingAuthentication, "Request is missing Authentication Token"},
		"an empty Authorization": {nil, set("Authorization", ""), fault.MissingAuthentication, "Request is missing Authentication Token"},
		"a bearer token":         {nil, set("Authorization", "Bearer x"), fault.MissingAuthentication, "Request is missing Authentication Token"},
		"version 4 in small letters": {nil, replace("AWS4", "aws4"), fault.MissingAuthentication,
			"Request is missing Authentication Token"},
		"a presigned URL": {nil, func(r *http.Request) {
			without("Authorization")(r)
			query("X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Signature=00")(r)
		},
			fault.MissingAuthentication, "Request is missing Authentication Token"},
		"header and query": {nil, query("a=b&X-Amz-Algorithm=AWS4-HMAC-SHA256"), fault.InvalidSignature,
			"Found both 'X-Amz-Algorithm' as a query-string param and 'Authorization' as HTTP header."},
		"header and query in disguise": {nil, query("a=b&x%2dAMZ-signature=00"), fault.InvalidSignature,
			"Found both 'X-Amz-Algorithm' as a query-string param and 'Authorization' as HTTP header."},
		"two Authorizations":        {nil, add("Authorization", "AWS4-HMAC-SHA256"), fault.InvalidSignature, "The header 'Authorization' must be given only once."},
		"nothing but the algorithm": {nil, set("Authorization", "AWS4-HMAC-SHA256"), fault.IncompleteSignature, authorization},
		"no Credential": {nil, replace("Credential="+testID+"/20261122/eu-west-1/aws-marketplace/aws4_request, ", ""), fault.IncompleteSignature,
			"Authorization header requires 'Credential' parameter. Authorization=AWS4-HMAC-SHA256"},
		"empty SignedHeaders": {nil, replace("SignedHeaders=content-type;host;x-amz-date;x-amz-target", "SignedHeaders="), fault.IncompleteSignature,
			"Authorization header requires 'SignedHeaders' parameter. Authorization=AWS4-HMAC-SHA256"},
		"no date": {nil, without("X-Amz-Date"), fault.IncompleteSignature,
			"Authorization header requires existence of either a 'X-Amz-Date' or a 'Date' header. Authorization=AWS4-HMAC-SHA256"},
		"a part without an equal sign": {nil, replace("Credential=", "Credential"), fault.IncompleteSignature,
			"A part of the Authorization header is not a valid key=value pair (missing equal-sign)."},
		"an unknown part": {nil, replace("Credential=", "Foo=1, Credential="), fault.IncompleteSignature,
			"The Authorization header may have the parameters 'Credential', 'SignedHeaders' and 'Signature' only."},
		"a part twice": {nil, replace("Signature=", "Signature=0, Signature="), fault.IncompleteSignature,
			"The Authorization header must have the 'Signature' parameter only once."},
		"a huge header": {nil, replace("Signature=", "Signature="+strings.Repeat("0", 8<<10)), fault.IncompleteSignature,
			"The Authorization header is longer than 8192 bytes."},
		"a date of another form": {nil, set("X-Amz-Date", "Sun, 22 Nov 2026 02:44:54 GMT"), fault.IncompleteSignature,
			"Date must be in ISO-8601 'basic format'. Got 'Sun, 22 Nov 2026 02:44:54 GMT'. See http://en.wikipedia.org/wiki/ISO_8601"},
		"a date with a fraction": {nil, set("X-Amz-Date", "20261122T024454.5Z"), fault.IncompleteSignature,
			"Date must be in ISO-8601 'basic format'. Got '20261122T024454.5Z'. See http://en.wikipedia.org/wiki/ISO_8601"},
		"an endless date": {nil, set("X-Amz-Date", strings.Repeat("\x80", 1000)), fault.IncompleteSignature,
			"Date must be in ISO-8601 'basic format'. Got '" + strings.Repeat("?", 64) + "'. See http://en.wikipedia.org/wiki/ISO_8601"},
		"too late": {nil, set("X-Amz-Date", "20261122T023953Z"), fault.InvalidSignature,
			"Signature expired: 20261122T023953Z is now earlier than 20261122T023954Z (20261122T024454Z - 5 min.)"},
		"too early": {nil, set("X-Amz-Date", "20261122T024955Z"), fault.InvalidSignature,
			"Signature not yet current: 20261122T024955Z is still later than 20261122T024954Z (20261122T024454Z + 5 min.)"},
		"an unsigned host":  {nil, replace("host;", ""), fault.InvalidSignature, "'Host" + required},
		"another algorithm": {nil, replace("SHA256", "SHA512"), fault.IncompleteSignature, "Unsupported AWS 'algorithm': 'AWS4-HMAC-SHA512'."},
		"a secret for an id": {nil, replace(testID, v4Secret), fault.IncompleteSignature,
			"Credential must have exactly 5 slash-delimited elements, e.g. keyid/date/region/service/term, got 7"},
		"a short credential": {nil, replace("/20261122", ""), fault.IncompleteSignature,
			"Credential must have exactly 5 slash-delimited elements, e.g. keyid/date/region/service/term, got 4"},
		"a region that can't be one": {nil, replace("eu-west-1", "c:d"), fault.InvalidSignature, "Credential should be scoped to a valid region, not 'c:d'."},
		"a long region": {nil, replace("eu-west-1", strings.Repeat("c", 65)), fault.InvalidSignature,
			"Credential should be scoped to a valid region, not '" + strings.Repeat("c", 64) + "'."},
		"no region":       {nil, replace("eu-west-1", ""), fault.InvalidSignature, "Credential should be scoped to a valid region, not ''."},
		"another service": {nil, replace("/aws-marketplace/", "/license-manager/"), fault.InvalidSignature, "Credential should be scoped to correct service: 'aws-marketplace'."},
		"another terminator": {nil, replace("aws4_request,", "aws5_request,"), fault.InvalidSignature,
			"Credential should be scoped with a valid terminator: 'aws4_request', not 'aws5_request'."},
		"another day": {nil, replace("/20261122/", "/20261121/"), fault.InvalidSignature,
			"Date in Credential scope does not match YYYYMMDD from ISO-8601 version of date from HTTP: '20261121' != '20261122', from '20261122T024454Z'."},
		"everything wrong with the scope": {nil, replace("20261122/eu-west-1/aws-marketplace/aws4_request", "20261121//s3/x"), fault.InvalidSignature,
			"Credential should be scoped to a valid region, not ''. Credential should be scoped to correct service: 'aws-marketplace'. " +
				"Credential should be scoped with a valid terminator: 'aws4_request', not 'x'. " +
				"Date in Credential scope does not match YYYYMMDD from ISO-8601 version of date from HTTP: '20261121' != '20261122', from '20261122T024454Z'."},
		"an unsigned date": {nil, replace("x-amz-date;", ""), fault.InvalidSignature, "'X-Amz-Date" + required},
		"an unsigned Date": {nil, func(r *http.Request) {
			r.Header.Del("X-Amz-Date")
			r.Header.Set("Date", "20261122T024454Z")
			replace("x-amz-date;", "")(r)
		}, fault.InvalidSignature, "'Date" + required},
		"an unsigned target":    {nil, replace(";x-amz-target", ""), fault.InvalidSignature, "'X-Amz-Target" + required},
		"an unsigned type":      {nil, replace("content-type;", ""), fault.InvalidSignature, "'Content-Type" + required},
		"one more x-amz header": {nil, set("X-Amz-Meta-A", "b"), fault.InvalidSignature, "'X-Amz-Meta-A" + required},
		"an unsigned session":   {nil, set("X-Amz-Security-Token", v4SessionToken), fault.InvalidSignature, "'X-Amz-Security-Token" + required},
		"the target twice":      {nil, add("X-Amz-Target", "AWSMPMeteringService.MeterUsage"), fault.InvalidSignature, "The header 'X-Amz-Target' must be given only once."},
		"the type twice":        {nil, add("Content-Type", "text/plain"), fault.InvalidSignature, "The header 'content-type' must be given only once."},
		"an unsigned header of AWS's twice": {nil, func(r *http.Request) { r.Header["X-Amz-User-Agent"] = []string{"a", "b"} }, fault.InvalidSignature,
			"The header 'X-Amz-User-Agent' must be given only once."},
		"a signed header that is gone": {nil, without("Content-Type"), fault.InvalidSignature, "The header 'content-type' is a 'SignedHeader' and has not arrived."},
		"headers out of order": {nil, replace("content-type;host", "host;content-type"), fault.InvalidSignature,
			"'SignedHeaders' must be names of headers in lower case, in their order, each once."},
		"a header listed twice": {nil, replace("host;", "host;host;"), fault.InvalidSignature,
			"'SignedHeaders' must be names of headers in lower case, in their order, each once."},
		"a header in capitals": {nil, replace("content-type", "Content-Type"), fault.InvalidSignature,
			"'SignedHeaders' must be names of headers in lower case, in their order, each once."},
		"an empty name": {nil, replace("content-type;host", ";content-type;host"), fault.InvalidSignature,
			"'SignedHeaders' must be names of headers in lower case, in their order, each once."},
		"the signature that signs itself": {nil, replace("content-type", "authorization;content-type"), fault.InvalidSignature,
			"'SignedHeaders' must be names of headers in lower case, in their order, each once."},
		"an unsigned body": {set("X-Amz-Content-Sha256", "UNSIGNED-PAYLOAD"), nil, fault.InvalidSignature,
			"The value of 'x-amz-content-sha256' must be the SHA-256 of the body, in lower-case hex; an unsigned body is not accepted."},
		"a body in signed pieces": {set("X-Amz-Content-Sha256", "STREAMING-AWS4-HMAC-SHA256-PAYLOAD"), nil, fault.InvalidSignature,
			"The value of 'x-amz-content-sha256' must be the SHA-256 of the body, in lower-case hex; an unsigned body is not accepted."},
		"a bad escape in the query": {nil, query("a=%zz"), fault.InvalidSignature, "The query string is not well-formed."},
		"an unknown key":            {nil, replace(testID, "AKIAUNKNOWNUNKNOWN00"), fault.UnknownAccessKey, "The security token included in the request is invalid."},
		"a very long id":            {nil, replace(testID, strings.Repeat("A", 129)), fault.UnknownAccessKey, "The security token included in the request is invalid."},
		"no id":                     {nil, replace(testID, ""), fault.UnknownAccessKey, "The security token included in the request is invalid."},
		"an unknown session token":  {set("X-Amz-Security-Token", "other"), nil, fault.UnknownAccessKey, "The security token included in the request is invalid."},
		"a long id with a session":  {set("X-Amz-Security-Token", v4SessionToken), replace(testID, strings.Repeat("A", 129)), fault.UnknownAccessKey, "The security token included in the request is invalid."},
		"a signature cut off":       {nil, func(r *http.Request) { h := r.Header.Get("Authorization"); r.Header.Set("Authorization", h[:len(h)-1]) }, fault.SignatureMismatch, mismatchText},
		"a signature in capitals": {nil, func(r *http.Request) {
			h := r.Header.Get("Authorization")
			i := len(h) - 64
			r.Header.Set("Authorization", h[:i]+strings.ToUpper(h[i:]))
		}, fault.SignatureMismatch, mismatchText},
		"another region":         {nil, replace("eu-west-1", "eu-west-2"), fault.SignatureMismatch, mismatchText},
		"another operation":      {nil, set("X-Amz-Target", "AWSMPMeteringService.MeterUsage"), fault.SignatureMismatch, mismatchText},
		"another method":         {nil, func(r *http.Request) { r.Method = "PUT" }, fault.SignatureMismatch, mismatchText},
		"another host":           {nil, func(r *http.Request) { r.Host = "ls.example.com" }, fault.SignatureMismatch, mismatchText},
		"another path":           {nil, func(r *http.Request) { r.URL.Path = "/x" }, fault.SignatureMismatch, mismatchText},
		"one more parameter":     {nil, query("a=b"), fault.SignatureMismatch, mismatchText},
		"a header's value moved": {func(r *http.Request) { r.Header.Set("X-Amz-A", "1"); r.Header.Set("X-Amz-B", "2") }, func(r *http.Request) { r.Header.Set("X-Amz-A", "2"); r.Header.Set("X-Amz-B", "1") }, fault.SignatureMismatch, mismatchText},
	}
	v := newVerifierV4()
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			r := signedV4(t, test.before)
			if test.after != nil {
				test.after(r)
			}
			checkRefusalV4(t, v, r, test.kind, test.text)
		})
	}
}

// checkRefusalV4 checks the fault, and that it shows nothing that is secret.
func checkRefusalV4(t *testing.T, v *Verifier, r *http.Request, kind fault.Kind, text string) {
	t.Helper()
	_, err := v.VerifyV4(context.Background(), r, []byte(v4Body), "aws-marketplace", v4Now)
	f, ok := errors.AsType[*fault.Error](err)
	switch {
	case !ok:
		t.Fatalf("VerifyV4() = %v, want a fault", err)
	case f.Kind != kind || f.Detail != text:
		t.Errorf("VerifyV4() = %s: %s\nwant %s: %s", f.Kind, f.Detail, kind, text)
	}
	a, _ := parseAuthorization(r.Header.Get("Authorization"))
	for _, secret := range []string{v4Secret, "wJalrXUtnFEMI", "bPxRfiCYEXAMPLEKEY", a.signature, r.Header.Get("X-Amz-Security-Token")} {
		if len(secret) > 1 && strings.Contains(f.Error(), secret) {
			t.Errorf("the error tells a secret: %v", f)
		}
	}
}
