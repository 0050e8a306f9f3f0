// Copyright The license-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package pages

import (
	"crypto/sha256"
	"encoding/base64"
	"net/http"
	"net/url"
	"regexp"
	"strings"

	"golang.org/x/net/idna"
)

// sourceHost is what a policy can say of a host (Content Security Policy Level
// 3, host-part).
var sourceHost = regexp.MustCompile(`^[A-Za-z0-9-]+(\.[A-Za-z0-9-]+)*$`)

// source is the origin of a URL as a source of a content security policy. Of a
// host that none can name, such as an address of IPv6, it is every host of the
// scheme.
func source(u *url.URL) string {
	host := u.Hostname()
	if ascii, err := idna.Lookup.ToASCII(host); err == nil {
		host = ascii
	}
	if !sourceHost.MatchString(host) {
		return u.Scheme + ":"
	}
	if port := u.Port(); port != "" {
		host += ":" + port
	}
	return u.Scheme + "://" + host
}

// styleSource is the style sheet's own source.
var styleSource = func() string {
	sum := sha256.Sum256([]byte(style))
	return "'sha256-" + base64.StdEncoding.EncodeToString(sum[:]) + "'"
}()

// anyHTTPS lets the vendor's site send the browser on, as to a page for signing
// in at another host. Chromium holds each redirect that answers a form against
// the policy, and stops there without a word to the customer. Where the form
// itself goes stands in the page, which nothing of the vendor's or the
// customer's can change.
const anyHTTPS = "https:"

// What a page may do, beside what the rest of its policy allows. A page in a
// sandbox is an origin of its own: it can't be scripted, and Chromium does not
// keep it to be shown again by the Back button, which would bring an old token.
// A form that is posted to the page itself must not come from elsewhere, so
// that one is in no sandbox.
const (
	noSandbox   = ""
	formSandbox = "; sandbox allow-forms"
	fullSandbox = "; sandbox"
)

// protect sets the headers of everything that a page answers. forms are the
// sources that forms may be sent to.
func protect(h http.Header, forms []string, sandbox string) {
	if len(forms) == 0 {
		forms, sandbox = []string{"'none'"}, fullSandbox
	}
	h.Set("Content-Security-Policy", "default-src 'none'; style-src "+styleSource+"; form-action "+strings.Join(forms, " ")+
		"; frame-ancestors 'none'; base-uri 'none'"+sandbox)
	// The link is a secret: no other site is told of it, and nothing keeps it.
	h.Set("Referrer-Policy", "no-referrer")
	h.Set("Cache-Control", "no-store")
	h.Set("X-Robots-Tag", "noindex")
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("X-Frame-Options", "DENY")
	if sandbox == noSandbox {
		// Beside a sandbox it is a network error (HTML Standard, "create
		// navigation params by fetching"), of which a page is no better off:
		// it is an origin of its own.
		h.Set("Cross-Origin-Opener-Policy", "same-origin")
	}
	h.Set("Cross-Origin-Resource-Policy", "same-origin")
}
