// Copyright The license-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package webhook_test

import (
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/license-operator/license-operator/api/v1alpha1"
	"github.com/license-operator/license-operator/internal/secrets"
	"github.com/license-operator/license-operator/webhook"
	"github.com/license-operator/license-operator/webhook/pages"
)

// pageLink is the URL of a page, with the link's secret part.
func pageLink(t testing.TB, f *fixture, purpose secrets.LinkPurpose, prefix string) (url, secret string) {
	t.Helper()
	// What the cache gives is empty.
	party := f.names.Party(&v1alpha1.Product{}, &v1alpha1.Subscription{})
	secret, err := f.keys.Get().Sealing.SealLink(f.clock.Now(), purpose,
		secrets.Link{Namespace: "acme", Subscription: "initech", Party: party, ExpirationTime: f.clock.Now().Add(time.Hour)})
	if err != nil {
		t.Fatal(err)
	}
	path := map[secrets.LinkPurpose]string{secrets.RegistrationLink: secrets.RegisterPath, secrets.ActivationLink: secrets.ActivatePath}[purpose]
	return "https://" + host + prefix + path + secret, secret
}

func TestTheLogOfAPageHoldsNoLink(t *testing.T) {
	for name, test := range map[string]struct {
		method  string
		purpose secrets.LinkPurpose
		body    string
		prepare func(*fixture)
		action  string
		code    string
		status  int
	}{
		// The cache has a Product without any URL.
		"a page that is not offered": {http.MethodGet, secrets.RegistrationLink, "", nil, "Register", "PageNotOffered", 404},
		"the other page":             {http.MethodGet, secrets.ActivationLink, "", nil, "Activate", "PageNotOffered", 404},
		"a form":                     {http.MethodPost, secrets.ActivationLink, "form=" + hidden, nil, "Activate", "PageNotOffered", 404},
		"an expired link": {http.MethodGet, secrets.RegistrationLink, "",
			func(f *fixture) { f.clock.SetTime(start.Add(2 * time.Hour)) }, "Register", "LinkExpired", 410},
		"a method that it does not know": {http.MethodDelete, secrets.ActivationLink, "", nil, "Activate", "MethodNotAllowed", 405},
		"too large a form":               {http.MethodPost, secrets.ActivationLink, strings.Repeat("x", pages.MaxBody+1), nil, "Activate", "RequestTooLarge", 413},
		"a cache that fails": {http.MethodGet, secrets.RegistrationLink, "",
			func(f *fixture) { f.vault.fail = func() error { return errors.New("no connection") } }, "Register", "InternalFailure", 500},
		"a cache that panics": {http.MethodGet, secrets.RegistrationLink, "",
			func(f *fixture) { f.vault.fail = func() error { panic("no cache") } }, "Register", "InternalFailure", 500},
	} {
		for _, prefix := range []string{"", "/licences"} {
			t.Run(name+prefix, func(t *testing.T) {
				f := newFixture(t, webhook.Config{PathPrefix: prefix})
				url, secret := pageLink(t, f, test.purpose, prefix)
				if test.prepare != nil {
					test.prepare(f)
				}
				r := httptest.NewRequest(test.method, url, strings.NewReader(test.body))
				r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
				w := f.serve(r)
				if strings.Contains(f.log.String(), secret[:40]) || strings.Contains(w.Body.String(), secret[:40]) || strings.Contains(f.log.String(), hidden) {
					t.Errorf("the secret is in the log or in the answer:\n%s\n%s", f.log, w.Body)
				}
				lines := f.lines(t)
				line := lines[len(lines)-1]
				if line["action"] != test.action || line["protocol"] != "HTTP" || line["code"] != test.code || line["status"] != float64(test.status) {
					t.Errorf("the log says %v", line)
				}
				if w.Code != test.status || w.Header().Get("Content-Type") != "text/html; charset=utf-8" || w.Header().Get("Referrer-Policy") != "no-referrer" {
					t.Errorf("the status is %d, the header %v", w.Code, w.Header())
				}
				if id := w.Header().Get("x-amzn-RequestId"); line["requestID"] != id || !strings.Contains(w.Body.String(), "Request <code>"+id+"</code>") {
					t.Errorf("the request's id %s is missing:\n%s", id, w.Body)
				}
			})
		}
	}
}

func TestPagesAreThrottledByAddress(t *testing.T) {
	f := newFixture(t, webhook.Config{AnonymousRate: 1, AnonymousBurst: 3})
	var last *httptest.ResponseRecorder
	for range 4 {
		last = f.get("https://" + host + secrets.RegisterPath + "nonsense")
	}
	if last.Code != http.StatusTooManyRequests || last.Header().Get("Retry-After") == "" || !strings.Contains(last.Body.String(), "Please wait a moment") {
		t.Errorf("the status is %d: %s", last.Code, last.Body)
	}
	f.clock.SetTime(start.Add(time.Minute))
	if w := f.get("https://" + host + secrets.RegisterPath + "nonsense"); w.Code != http.StatusNotFound {
		t.Errorf("a minute later the status is %d", w.Code)
	}
}

func TestAPageNeedsTLS(t *testing.T) {
	f := newFixture(t, webhook.Config{})
	if w := f.get("http://" + host + secrets.RegisterPath); w.Code != http.StatusForbidden || !strings.Contains(w.Body.String(), "https") {
		t.Errorf("the status is %d: %s", w.Code, w.Body)
	}
}

// FuzzPage looks for a path that shows a page without a link, or that breaks
// something.
func FuzzPage(f *testing.F) {
	x := newFixture(f, webhook.Config{})
	for _, path := range []string{"/register", secrets.RegisterPath, "/register//", "/activate/../register/x", secrets.ActivatePath + "AQ", "/registered"} {
		f.Add(path, "")
	}
	for _, purpose := range []secrets.LinkPurpose{secrets.RegistrationLink, secrets.ActivationLink} {
		url, _ := pageLink(f, x, purpose, "")
		f.Add(strings.TrimPrefix(url, "https://"+host), "form=x")
	}
	f.Fuzz(func(t *testing.T, path, form string) {
		for _, method := range []string{http.MethodGet, http.MethodPost} {
			r := httptest.NewRequest(method, "https://"+host+"/", strings.NewReader(form))
			r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
			r.URL.Path = path
			if page, _ := pages.Find(path); page == nil {
				return
			}
			// The cache has a Product without any URL.
			if w := x.serve(r); w.Code < 400 || w.Code >= 500 || !strings.Contains(w.Body.String(), "<h1>") {
				t.Errorf("%s %q: the status is %d: %s", method, path, w.Code, w.Body)
			}
		}
	})
}
