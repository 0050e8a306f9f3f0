// Copyright The license-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package webhook_test

import (
	"encoding/xml"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"github.com/license-operator/license-operator/webhook"
)

// FuzzServeHTTP sends whatever to the endpoint: the answer is always well-formed
// XML, never an internal error, and never a success, because nobody can sign.
func FuzzServeHTTP(f *testing.F) {
	fix := newFixture(f, webhook.Config{AllowVersion0: true})
	wrong := *fix.vendor
	wrong.SecretAccessKey = "wrong"
	signed, err := url.Parse(fix.sign(f, &wrong, "Action", "VerifyProductSubscriptionByPid", "PersistentIdentifier", "P", "ProductCode", "X"))
	if err != nil {
		f.Fatal(err)
	}
	f.Add(http.MethodGet, "/", signed.RawQuery, "", "")
	f.Add(http.MethodPost, "/", "", "application/x-www-form-urlencoded", signed.RawQuery)
	f.Add(http.MethodPost, "/", "Action=ActivateDesktopProduct", "", "ActivationKey=A&ProductToken={ProductToken}AAAA&TokenExpiration=P1Y")
	f.Add(http.MethodPut, "//x", "a=%zz;&&=", "text/plain; charset", "\x00\xff")
	f.Fuzz(func(t *testing.T, method, path, rawQuery, contentType, body string) {
		r := httptest.NewRequest(http.MethodGet, "https://"+host+"/", strings.NewReader(body))
		r.Method, r.URL.Path, r.URL.RawQuery = method, path, rawQuery
		r.RequestURI = r.URL.RequestURI()
		r.Header.Set("Content-Type", contentType)
		w := fix.serve(r)
		fix.log.Reset()
		if w.Code < 400 || w.Code >= 500 {
			t.Errorf("status %d:\n%s", w.Code, w.Body)
		}
		decoder := xml.NewDecoder(w.Body)
		for {
			if _, err := decoder.Token(); errors.Is(err, io.EOF) {
				break
			} else if err != nil {
				t.Fatalf("not well-formed: %v", err)
			}
		}
	})
}
