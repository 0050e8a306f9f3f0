// Copyright The license-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package webhook_test

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/go-jose/go-jose/v4"
	"github.com/google/go-cmp/cmp"

	"github.com/license-operator/license-operator/internal/secrets"
	"github.com/license-operator/license-operator/test/expect"
	"github.com/license-operator/license-operator/webhook"
)

func TestJWKSIsServedToBeCached(t *testing.T) {
	holder := expect.FirstKeys(t, start)
	handler := webhook.NewJWKSHandler(holder)
	jwks, etag := string(holder.Get().Signing.JWKS()), holder.Get().Signing.JWKSETag()
	served := map[string]string{
		"Content-Type": "application/json", "Cache-Control": "public, max-age=300", "Etag": etag, "X-Content-Type-Options": "nosniff",
	}
	for name, test := range map[string]struct {
		method, ifNoneMatch string
		status              int
		body                string
		header              map[string]string
	}{
		"GET":                        {http.MethodGet, "", 200, jwks, served},
		"HEAD":                       {http.MethodHead, "", 200, "", served},
		"what a cache has":           {http.MethodGet, etag, 304, "", map[string]string{"Etag": etag, "Cache-Control": "public, max-age=300"}},
		"what a compressing one has": {http.MethodGet, "W/" + etag, 304, "", map[string]string{"Etag": etag}},
		"HEAD of what a cache has":   {http.MethodHead, `"other", ` + etag, 304, "", map[string]string{"Etag": etag}},
		"what an old cache has":      {http.MethodGet, `"other"`, 200, jwks, served},
		"POST":                       {http.MethodPost, "", 405, `{"message":"Use GET."}`, map[string]string{"Allow": "GET, HEAD", "Content-Type": "application/json", "Etag": ""}},
		"OPTIONS":                    {http.MethodOptions, "", 405, `{"message":"Use GET."}`, map[string]string{"Cache-Control": "no-store"}},
		"DELETE of what a cache has": {http.MethodDelete, etag, 405, `{"message":"Use GET."}`, nil},
	} {
		t.Run(name, func(t *testing.T) {
			r := httptest.NewRequest(test.method, webhook.JWKSPath, nil)
			if test.ifNoneMatch != "" {
				r.Header.Set("If-None-Match", test.ifNoneMatch)
			}
			w := httptest.NewRecorder()
			handler.ServeHTTP(w, r)
			if w.Code != test.status {
				t.Errorf("the status is %d, want %d", w.Code, test.status)
			}
			if diff := cmp.Diff(test.body, w.Body.String()); diff != "" {
				t.Errorf("another body (-want +got):\n%s", diff)
			}
			for field, want := range test.header {
				if got := w.Header().Get(field); got != want {
					t.Errorf("%s is %q, want %q", field, got, want)
				}
			}
		})
	}
}

func TestJWKSFollowsTheKeys(t *testing.T) {
	holder := &secrets.Holder{}
	handler := webhook.NewJWKSHandler(holder)
	get := func() *httptest.ResponseRecorder {
		w := httptest.NewRecorder()
		handler.ServeHTTP(w, httptest.NewRequest(http.MethodGet, webhook.JWKSPath, nil))
		return w
	}
	if w := get(); w.Code != http.StatusServiceUnavailable || w.Header().Get("Retry-After") == "" || w.Header().Get("Etag") != "" {
		t.Errorf("before there are keys: %d %v", w.Code, w.Header())
	}
	keys := expect.FirstKeys(t, start).Get()
	if err := holder.Set(keys); err != nil {
		t.Fatal(err)
	}
	first := get()
	var set jose.JSONWebKeySet
	if err := json.Unmarshal(first.Body.Bytes(), &set); err != nil || len(set.Keys) != 3 {
		t.Errorf("%d keys, %v", len(set.Keys), err)
	}
	for _, key := range set.Keys {
		if !key.Valid() || !key.IsPublic() || key.Use != "sig" {
			t.Errorf("the key for %s can't be used", key.Algorithm)
		}
	}
	for _, private := range []string{`"d"`, `"p"`, `"q"`, `"dp"`, `"dq"`, `"qi"`, `"k"`} {
		if strings.Contains(first.Body.String(), private) {
			t.Errorf("it has the member %s", private)
		}
	}
	other := expect.FirstKeys(t, start).Get()
	if err := holder.Set(&secrets.Keys{Identity: keys.Identity, Sealing: keys.Sealing, Signing: other.Signing}); err != nil {
		t.Fatal(err)
	}
	second := get()
	if second.Body.String() != string(other.Signing.JWKS()) || second.Header().Get("Etag") == first.Header().Get("Etag") {
		t.Error("other keys are not served")
	}
}
