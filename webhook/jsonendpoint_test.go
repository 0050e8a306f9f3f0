// Copyright The license-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package webhook_test

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/license-operator/license-operator/webhook"
	"github.com/license-operator/license-operator/webhook/auth"
)

// jsonRequest makes a request of AWS JSON 1.1.
func jsonRequest(target, body string) *http.Request {
	r := httptest.NewRequest(http.MethodPost, "https://"+host+"/", strings.NewReader(body))
	r.Header.Set("Content-Type", "application/x-amz-json-1.1")
	r.Header.Set("X-Amz-Target", target)
	return r
}

// Each service has a bound of its own for bodies, and its own word for text.
func TestBoundsOfJSONBodiesAreExact(t *testing.T) {
	for target, test := range map[string]struct {
		most  int
		text  string
		scope string
	}{
		"AWSLicenseManager.GetLicense":            {64 << 10, "Message", "license-manager"},
		"AWSMPMeteringService.BatchMeterUsage":    {1 << 20, "message", "aws-marketplace"},
		"AWSMPMeteringService.ResolveCustomer":    {1 << 20, "message", "aws-marketplace"},
		"AWSMPEntitlementService.GetEntitlements": {64 << 10, "message", "aws-marketplace"},
	} {
		for name, as := range map[string]struct {
			size int
			code string
		}{
			"the largest":  {test.most, "InvalidSignatureException"},
			"a larger one": {test.most + 1, "ValidationException"},
		} {
			for _, chunked := range []bool{false, true} {
				f := newFixture(t, webhook.Config{})
				r := jsonRequest(target, `{}`+strings.Repeat(" ", as.size-2))
				if err := auth.SignV4(r, nil, f.vendor.AccessKeyID, hidden, "", "us-east-1", test.scope, f.clock.Now()); err != nil {
					t.Fatal(err)
				}
				if chunked {
					r.ContentLength = -1
				}
				w := f.serve(r)
				if want := `{"__type":"` + as.code + `","` + test.text + `":"`; w.Code != 400 || !strings.HasPrefix(w.Body.String(), want) {
					t.Errorf("%s of %s is answered %d %s", name, target, w.Code, w.Body)
				}
			}
		}
	}
}

func TestTheLogSaysNothingOfARegistrationToken(t *testing.T) {
	f := newFixture(t, webhook.Config{})
	for name, test := range map[string]struct{ body, code string }{
		"what is no token": {`{"RegistrationToken":"` + hidden + `"}`, "InvalidTokenException"},
		"an endless one":   {`{"RegistrationToken":"` + strings.Repeat(hidden, 1000) + `"}`, "InvalidTokenException"},
		"no text":          {`{"RegistrationToken":["` + hidden + `"]}`, "SerializationException"},
		"no JSON":          {`{"RegistrationToken":"` + hidden, "SerializationException"},
		"another member":   {`{"` + hidden + `":""}`, "ValidationException"},
	} {
		t.Run(name, func(t *testing.T) {
			r := jsonRequest("AWSMPMeteringService.ResolveCustomer", test.body)
			if err := auth.SignV4(r, []byte(test.body), f.vendor.AccessKeyID, f.vendor.SecretAccessKey, "", "us-east-1", "aws-marketplace", f.clock.Now()); err != nil {
				t.Fatal(err)
			}
			w := f.serve(r)
			if got := w.Header().Get("x-amzn-ErrorType"); got != test.code {
				t.Errorf("answered %d %s", w.Code, w.Body)
			}
			if text := f.log.String(); strings.Contains(text, hidden) || strings.Contains(w.Body.String(), hidden) {
				t.Errorf("it is in the log or the answer:\n%s%s", text, w.Body)
			}
			if lines := f.lines(t); len(lines) != 1 || lines[0]["action"] != "ResolveCustomer" || lines[0]["code"] != test.code {
				t.Errorf("logged %v", lines)
			}
		})
	}
}
