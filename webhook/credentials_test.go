// Copyright The license-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package webhook

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	gocmp "github.com/google/go-cmp/cmp"
	authenticationv1 "k8s.io/api/authentication/v1"
	testclock "k8s.io/utils/clock/testing"

	"github.com/license-operator/license-operator/internal/fault"
	"github.com/license-operator/license-operator/test/expect"
	"github.com/license-operator/license-operator/webhook/auth"
)

var credentialsNow = time.Date(2026, time.May, 19, 12, 0, 0, 0, time.UTC)

// reviewer is an API server that knows one ServiceAccount, or fails.
type reviewer struct {
	username string
	err      error
}

func (r reviewer) ReviewToken(_ context.Context, _, audience string) (authenticationv1.TokenReviewStatus, error) {
	return authenticationv1.TokenReviewStatus{
		Authenticated: r.username != "",
		Audiences:     []string{audience},
		User:          authenticationv1.UserInfo{Username: r.username, UID: "uid"},
	}, r.err
}

// podToken is a token as a Pod has it, for an hour.
func podToken() string {
	claims := fmt.Sprintf(`{"aud":["license-operator"],"exp":%d}`, credentialsNow.Add(time.Hour).Unix())
	return "eyJhbGciOiJSUzI1NiJ9." + base64.RawURLEncoding.EncodeToString([]byte(claims)) + ".c2ln"
}

// ask sends a request to a service and returns the answer.
func ask(s *CredentialsService, method string, authorization ...string) *httptest.ResponseRecorder {
	r := httptest.NewRequest(method, "https://ls.example.com/v1/credentials", nil)
	r.Header["Authorization"] = authorization
	w := httptest.NewRecorder()
	_, credentials, err := s.Issue(r)
	_, _, _ = writeCredentials(w, credentials, err)
	return w
}

func TestAPodGetsCredentials(t *testing.T) {
	sessions := auth.NewSessions(expect.FirstKeys(t, credentialsNow))
	service := NewCredentialsService(auth.NewBearer(reviewer{username: "system:serviceaccount:acme:render"}), sessions,
		func(*http.Request) bool { return true }, testclock.NewFakePassiveClock(credentialsNow))
	for _, header := range []string{podToken(), "Bearer " + podToken()} {
		w := ask(service, http.MethodGet, header)
		var got map[string]string
		if err := json.Unmarshal(w.Body.Bytes(), &got); err != nil || w.Code != http.StatusOK {
			t.Fatalf("%d %s: %v", w.Code, w.Body, err)
		}
		if got["Expiration"] != "2026-05-19T13:00:00Z" || len(got) != 4 {
			t.Errorf("the answer is %s", w.Body)
		}
		if w.Header().Get("Content-Type") != "application/json" || w.Header().Get("Cache-Control") != "no-store" {
			t.Errorf("the headers are %v", w.Header())
		}
		body := []byte("{}")
		r := httptest.NewRequest(http.MethodPost, "https://ls.example.com/", nil)
		if err := auth.SignV4(r, body, got["AccessKeyId"], got["SecretAccessKey"], got["Token"], "x", "license-manager", credentialsNow); err != nil {
			t.Fatal(err)
		}
		verifier := auth.NewVerifier(nil)
		verifier.Sessions = sessions
		who, err := verifier.VerifyV4(context.Background(), r, body, "license-manager", credentialsNow)
		want := &auth.Principal{Kind: auth.ServiceAccount, AccessKeyID: got["AccessKeyId"], Username: "system:serviceaccount:acme:render", UID: "uid"}
		if diff := gocmp.Diff(want, who); err != nil || diff != "" {
			t.Errorf("what they sign is refused: %v (-want +got):\n%s", err, diff)
		}
	}
}

func TestCredentialsAreRefused(t *testing.T) {
	render := reviewer{username: "system:serviceaccount:acme:render"}
	expired := "eyJhbGciOiJSUzI1NiJ9." + base64.RawURLEncoding.EncodeToString([]byte(`{"aud":"license-operator","exp":1}`)) + ".c2ln"
	tests := map[string]struct {
		reviewer reviewer
		method   string
		headers  []string
		forbid   bool
		status   int
		body     string
		header   [2]string
	}{
		"POST": {render, http.MethodPost, []string{podToken()}, false, 405, `{"code":"MethodNotAllowed","message":"Use GET."}`, [2]string{"Allow", "GET"}},
		"no token": {render, http.MethodGet, nil, false, 401,
			`{"code":"MissingAuthenticationToken","message":"Request is missing Authentication Token"}`, [2]string{"Www-Authenticate", "Bearer"}},
		"two tokens": {render, http.MethodGet, []string{podToken(), podToken()}, false, 401,
			`{"code":"InvalidAuthorization","message":"The header 'Authorization' must be given only once."}`, [2]string{"Www-Authenticate", "Bearer"}},
		"a token that is none": {render, http.MethodGet, []string{"x"}, false, 401,
			`{"code":"UnrecognizedClient","message":"The security token included in the request is invalid."}`, [2]string{"Www-Authenticate", "Bearer"}},
		"a signature of version 4": {render, http.MethodGet, []string{"AWS4-HMAC-SHA256 Credential=x"}, false, 401,
			`{"code":"UnrecognizedClient","message":"The security token included in the request is invalid."}`, [2]string{"Www-Authenticate", "Bearer"}},
		"a token of nobody": {reviewer{}, http.MethodGet, []string{podToken()}, false, 401,
			`{"code":"UnrecognizedClient","message":"The security token included in the request is invalid."}`, [2]string{"Www-Authenticate", "Bearer"}},
		"an expired token": {render, http.MethodGet, []string{expired}, false, 401,
			`{"code":"ExpiredToken","message":"The security token included in the request is expired"}`, [2]string{"Www-Authenticate", "Bearer"}},
		"too many": {render, http.MethodGet, []string{podToken()}, true, 429,
			`{"code":"Throttling","message":"Too many requests. Try again later."}`, [2]string{"Retry-After", "1"}},
		"an API server that fails": {reviewer{err: errors.New("inside")}, http.MethodGet, []string{podToken()}, false, 503,
			`{"code":"ServiceUnavailable","message":"The token can't be checked now. Try again later."}`, [2]string{"Retry-After", "1"}},
		"a user that can't be sealed": {reviewer{username: "system:serviceaccount:acme:" + strings.Repeat("x", 9000)}, http.MethodGet, []string{podToken()}, false, 500,
			`{"code":"InternalFailure","message":"Something went wrong here. Try again later."}`, [2]string{"Cache-Control", "no-store"}},
	}
	sessions := auth.NewSessions(expect.FirstKeys(t, credentialsNow))
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			service := NewCredentialsService(auth.NewBearer(test.reviewer), sessions,
				func(*http.Request) bool { return !test.forbid }, testclock.NewFakePassiveClock(credentialsNow))
			w := ask(service, test.method, test.headers...)
			if w.Code != test.status || w.Body.String() != test.body {
				t.Errorf("the answer is %d %s\nwant %d %s", w.Code, w.Body, test.status, test.body)
			}
			if got := w.Header().Get(test.header[0]); got != test.header[1] {
				t.Errorf("the header %s is %q, want %q", test.header[0], got, test.header[1])
			}
		})
	}
}

// What the transport refuses has a code here, too.
func TestEveryFaultOfTheTransportHasACode(t *testing.T) {
	for _, kind := range []fault.Kind{fault.TLSRequired, fault.URITooLong, fault.RequestTooLarge, fault.Malformed} {
		w := httptest.NewRecorder()
		code, status, lost := writeCredentials(w, auth.Credentials{}, fault.New(kind, "Why."))
		if want := fmt.Sprintf(`{"code":%q,"message":"Why."}`, code); lost != nil || status != w.Code || status < 400 || status >= 500 || w.Body.String() != want {
			t.Errorf("%s: %d %s, want %s", kind, w.Code, w.Body, want)
		}
	}
}
