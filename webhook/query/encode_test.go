// Copyright The license-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package query

import (
	"net/url"
	"testing"
)

// FuzzUnescape holds unescape against the standard library's.
func FuzzUnescape(f *testing.F) {
	for _, seed := range []string{"", "plain", "a+b", "%41%4a%4A", "%", "%4", "%4g", "%g4", "100%25", "%%41", "+%2B+", "%00\xff%FF"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, s string) {
		want, err := url.QueryUnescape(s)
		if got, ok := unescape(s); got != want || ok != (err == nil) {
			t.Errorf("unescape(%q) is %q, %t; the standard library says %q, %v", s, got, ok, want, err)
		}
	})
}

// FuzzEscaped holds AppendEscaped against its inverse and against RFC 3986:
// nothing is left that would have to be escaped.
func FuzzEscaped(f *testing.F) {
	for _, seed := range []string{"", "plain-_.~", "a b+c", "{UserToken}AA+/==", "\x00\xff", "%41"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, s string) {
		escaped := string(AppendEscaped([]byte("x"), s))[1:]
		if got, ok := unescape(escaped); !ok || got != s {
			t.Errorf("%q is escaped as %q, which stands for %q", s, escaped, got)
		}
		for i := 0; i < len(escaped); i++ {
			if c := escaped[i]; c != '%' && !unreserved[c] {
				t.Errorf("%q is escaped as %q, which has a raw %q", s, escaped, c)
			}
		}
	})
}
