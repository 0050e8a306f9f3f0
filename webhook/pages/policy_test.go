// Copyright The license-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package pages

import (
	"crypto/sha256"
	"encoding/base64"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/net/html"

	"github.com/license-operator/license-operator/internal/secrets"
)

func TestEveryAnswerIsProtected(t *testing.T) {
	v := newSite(t)
	policy := func(forms, sandbox string) string {
		return "default-src 'none'; style-src " + styleSource + "; form-action " + forms + "; frame-ancestors 'none'; base-uri 'none'" + sandbox
	}
	activate := v.link(secrets.ActivatePath)
	form := fields(v.do(http.MethodGet, activate, nil).Body.String())
	for name, test := range map[string]struct {
		method, path string
		form         url.Values
		status       int
		policy       string
		header       map[string]string
	}{
		"the registration page": {http.MethodGet, v.link(secrets.RegisterPath), nil, 200, policy("https://render.acme.example https:", "; sandbox allow-forms"), nil},
		"its headers alone":     {http.MethodHead, v.link(secrets.RegisterPath), nil, 200, policy("https://render.acme.example https:", "; sandbox allow-forms"), nil},
		"the activation page":   {http.MethodGet, activate, nil, 200, policy("'self' https://render.acme.example:8443 https:", ""), map[string]string{"Cross-Origin-Opener-Policy": "same-origin"}},
		"the way to the vendor": {http.MethodPost, activate, form, 303, policy("'none'", "; sandbox"), map[string]string{"Content-Type": ""}},
		"an error":              {http.MethodGet, secrets.RegisterPath, nil, 404, policy("'none'", "; sandbox"), nil},
		"a wrong method":        {http.MethodPut, secrets.RegisterPath, nil, 405, policy("'none'", "; sandbox"), map[string]string{"Allow": "GET, HEAD"}},
		"another wrong method":  {http.MethodPut, secrets.ActivatePath, nil, 405, policy("'none'", "; sandbox"), map[string]string{"Allow": "GET, HEAD, POST"}},
	} {
		t.Run(name, func(t *testing.T) {
			w := v.do(test.method, test.path, test.form)
			if w.Code != test.status {
				t.Errorf("the status is %d, want %d", w.Code, test.status)
			}
			want := map[string]string{
				"Content-Security-Policy": test.policy, "Referrer-Policy": "no-referrer", "Cache-Control": "no-store",
				"X-Content-Type-Options": "nosniff", "X-Frame-Options": "DENY", "X-Robots-Tag": "noindex",
				"Cross-Origin-Opener-Policy": "", "Cross-Origin-Resource-Policy": "same-origin",
				"Content-Type": "text/html; charset=utf-8", "Allow": "", "Set-Cookie": "", "Refresh": "",
			}
			for name, value := range test.header {
				want[name] = value
			}
			for name, value := range want {
				if got := w.Header().Get(name); got != value {
					t.Errorf("%s is %q, want %q", name, got, value)
				}
			}
			if test.method == http.MethodHead && w.Body.Len() != 0 {
				t.Errorf("HEAD has a body: %s", w.Body)
			}
		})
	}
}

func TestTheSourceOfAnAddress(t *testing.T) {
	for text, want := range map[string]string{
		"https://a.example/x?y#z":           "https://a.example",
		"https://A.Example:443/":            "https://a.example:443",
		"http://localhost:8090/register":    "http://localhost:8090",
		"http://127.0.0.1/":                 "http://127.0.0.1",
		"https://bücher.example/":           "https://xn--bcher-kva.example",
		"https://user:pass@a.example/":      "https://a.example",
		"https://[2001:db8::1]:8443/":       "https:",
		"https://under_score.example/":      "https:",
		"https://a.example;script-src/":     "https:",
		"https://a.example,b.example/":      "https:",
		"https://a.example%20'unsafe-eval'": "https:",
		"https://*.example/":                "https:",
	} {
		u, err := address(text)
		if err != nil {
			if want == "https:" {
				continue // Refused, which is as good.
			}
			t.Fatalf("%s: %v", text, err)
		}
		if got := source(u); got != want {
			t.Errorf("the source of %s is %s, want %s", text, got, want)
		}
	}
}

func TestThePagesNeedNothingButThemselves(t *testing.T) {
	v := newSite(t)
	for name, path := range map[string]string{"registration": v.link(secrets.RegisterPath), "activation": v.link(secrets.ActivatePath), "error": secrets.RegisterPath} {
		t.Run(name, func(t *testing.T) {
			page := v.do(http.MethodGet, path, nil).Body.String()
			_, rest, _ := strings.Cut(page, "<style>")
			css, _, found := strings.Cut(rest, "</style>")
			sum := sha256.Sum256([]byte(css))
			if !found || styleSource != "'sha256-"+base64.StdEncoding.EncodeToString(sum[:])+"'" {
				t.Errorf("the policy names %s and the page's style sheet is another one:\n%s", styleSource, css)
			}
			if strings.Contains(css, "url(") || strings.Contains(css, "@import") {
				t.Error("the style sheet loads something")
			}
			checkTree(t, page, name != "error")
		})
	}
}

// checkTree checks what people without eyes, hands or a large screen need, and
// that there is nothing that runs or loads.
func checkTree(t *testing.T, page string, form bool) {
	t.Helper()
	root, err := html.Parse(strings.NewReader(page))
	if err != nil {
		t.Fatal(err)
	}
	count, attributes := map[string]int{}, map[string]string{}
	var walk func(*html.Node)
	walk = func(n *html.Node) {
		if n.Type == html.ElementNode {
			count[n.Data]++
			for _, a := range n.Attr {
				attributes[n.Data+" "+a.Key] = a.Val
				if strings.HasPrefix(a.Key, "on") || a.Key == "style" || a.Key == "src" || a.Key == "href" {
					t.Errorf("%s has %s=%q", n.Data, a.Key, a.Val)
				}
			}
		}
		for c := n.FirstChild; c != nil; c = c.NextSibling {
			walk(c)
		}
	}
	walk(root)
	want := map[string]int{"html": 1, "title": 1, "main": 1, "h1": 1, "footer": 1, "script": 0, "link": 0, "img": 0, "iframe": 0, "form": 0, "button": 0}
	if form {
		want["form"], want["button"] = 1, 1
	}
	for tag, n := range want {
		if count[tag] != n {
			t.Errorf("there are %d of %s, want %d", count[tag], tag, n)
		}
	}
	if diff := cmp.Diff("en", attributes["html lang"]); diff != "" {
		t.Errorf("the language: %s", diff)
	}
	if !strings.Contains(page, `<meta name="viewport" content="width=device-width, initial-scale=1">`) {
		t.Error("the page does not fit a phone")
	}
	if form && (attributes["form method"] != "post" || attributes["button type"] != "submit") {
		t.Errorf("the form is sent by %s with %s", attributes["form method"], attributes["button type"])
	}
}
