// Copyright The license-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bytes"
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/marketplacemetering"
	"github.com/aws/aws-sdk-go-v2/service/marketplacemetering/types"
)

// resolver answers as the SDK would.
type resolver struct{ err error }

func (r resolver) ResolveCustomer(_ context.Context, in *marketplacemetering.ResolveCustomerInput, _ ...func(*marketplacemetering.Options)) (*marketplacemetering.ResolveCustomerOutput, error) {
	if aws.ToString(in.RegistrationToken) != "R2+/token==" {
		return nil, errors.New("the token has been spoilt")
	}
	return &marketplacemetering.ResolveCustomerOutput{CustomerIdentifier: aws.String("cust-<42>")}, r.err
}

func visit(s *Shop, method, target string, form url.Values, cookies ...*http.Cookie) *httptest.ResponseRecorder {
	r := httptest.NewRequest(method, target, strings.NewReader(form.Encode()))
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	for _, c := range cookies {
		r.AddCookie(c)
	}
	w := httptest.NewRecorder()
	s.ServeHTTP(w, r)
	return w
}

func TestACustomerIsSignedIn(t *testing.T) {
	var visits bytes.Buffer
	s := NewShop(resolver{}, true, &visits)
	token := url.Values{"x-amzn-marketplace-token": {"R2+/token=="}, "x-amzn-marketplace-offer-type": {"free-trial"}}
	w := visit(s, http.MethodPost, "/register", token)
	cookies := w.Result().Cookies()
	if w.Code != http.StatusSeeOther || w.Header().Get("Location") != "/" || len(cookies) != 1 {
		t.Fatalf("the status is %d, the header %v", w.Code, w.Header())
	}
	if c := cookies[0]; !c.HttpOnly || !c.Secure || c.SameSite != http.SameSiteLaxMode || len(c.Value) < 26 {
		t.Errorf("the cookie is %v", c)
	}
	if home := visit(s, http.MethodGet, "/", nil, cookies...); !strings.Contains(home.Body.String(), "Welcome, cust-&lt;42&gt;") {
		t.Errorf("the customer reads %s", home.Body)
	}
	if strings.Contains(visits.String(), "token==") || !strings.Contains(visits.String(), `POST /register referer="" offer-type="free-trial"`) {
		t.Errorf("the visits are %s", &visits)
	}
	for heading, cookies := range map[string][]*http.Cookie{"Welcome, stranger": nil, "Welcome back": {{Name: "session", Value: "forged"}}} {
		if home := visit(s, http.MethodGet, "/", nil, cookies...); !strings.Contains(home.Body.String(), heading) {
			t.Errorf("without a session one reads %s", home.Body)
		}
	}
	for range maxSessions {
		s.signIn("other")
	}
	if len(s.sessions) > maxSessions {
		t.Errorf("%d sessions are kept", len(s.sessions))
	}
}

func TestWhatGoesWrongIsSaidOnAPage(t *testing.T) {
	token := url.Values{"x-amzn-marketplace-token": {"R2+/token=="}}
	for name, test := range map[string]struct {
		err             error
		method, target  string
		form            url.Values
		status          int
		heading, detail string
	}{
		"an expired token":      {&types.ExpiredTokenException{}, "POST", "/register", token, 400, "This page is too old", "open the link that you have got once more"},
		"an unknown token":      {&types.InvalidTokenException{}, "POST", "/register", token, 400, "We do not know this registration", "begin again"},
		"no answer":             {errors.New("no connection"), "POST", "/register", token, 502, "at the moment", "try again"},
		"no token":              {nil, "POST", "/register", nil, 400, "We did not get a registration token", "begin again"},
		"no key":                {nil, "GET", "/activate?ProductCode=1", nil, 400, "We did not get an activation key", "begin again"},
		"a key":                 {nil, "GET", "/activate?ActivationKey=A1&ProductCode=2", nil, 200, "Your activation key", "A1"},
		"a page that isn't one": {nil, "GET", "/other", nil, 404, "", ""},
		"a GET of the form":     {nil, "GET", "/register", nil, 405, "", ""},
	} {
		t.Run(name, func(t *testing.T) {
			w := visit(NewShop(resolver{test.err}, false, &bytes.Buffer{}), test.method, test.target, test.form)
			if w.Code != test.status || !strings.Contains(w.Body.String(), test.heading) || !strings.Contains(w.Body.String(), test.detail) || len(w.Result().Cookies()) != 0 {
				t.Errorf("the status is %d: %s", w.Code, w.Body)
			}
		})
	}
}
