// Copyright The license-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package auth

import (
	"context"
	"net/url"
	"testing"

	"github.com/license-operator/license-operator/internal/fault"
)

func TestCanonicalPath(t *testing.T) {
	for path, want := range map[string]string{
		"":             "/",
		"/":            "/",
		"/lm":          "/lm",
		"/lm/":         "/lm/",
		"//":           "//",
		"/a%20b/c":     "/a%2520b/c",
		"/a%2fb":       "/a%252fb",
		"/a%2Fb":       "/a%252Fb",
		"/a-b_c.d~e":   "/a-b_c.d~e",
		"/a:b@c":       "/a%3Ab%40c",
		"/./a/../b":    "/./a/../b",
		"/%C3%A4":      "/%25C3%25A4",
		"/a;b=c":       "/a%3Bb%3Dc",
		"/Lizenzen/ä?": "/Lizenzen/%25C3%25A4",
	} {
		u, err := url.ParseRequestURI("https://ls.example.com" + path)
		if err != nil {
			t.Fatal(err)
		}
		if got := string(appendCanonicalPath(nil, u)); got != want {
			t.Errorf("the path %q is canonically %q, want %q", path, got, want)
		}
	}
}

func TestCanonicalQuery(t *testing.T) {
	for query, want := range map[string]string{
		"":                            "",
		"a":                           "a=",
		"a=":                          "a=",
		"b=2&a=1":                     "a=1&b=2",
		"a=2&a=1":                     "a=1&a=2",
		"a-b=1&a=2":                   "a=2&a-b=1",
		"a=%7e+%2B%20":                "a=~%20%2B%20",
		"A=1&a=2&%C3%A4=3":            "%C3%A4=3&A=1&a=2",
		"a=b=c":                       "a=b%3Dc",
		"Param2=value2&Param1=value1": "Param1=value1&Param2=value2",
	} {
		if got, ok := appendCanonicalQuery(nil, query); !ok || string(got) != want {
			t.Errorf("the query %q is canonically %q, %t, want %q", query, got, ok, want)
		}
	}
	for _, bad := range []string{"%", "a=%", "a=%4", "%zz=1", "a=1&b=%g0"} {
		if got, ok := appendCanonicalQuery(nil, bad); ok {
			t.Errorf("the query %q is canonically %q, want none", bad, got)
		}
	}
}

func TestFoldedValues(t *testing.T) {
	for value, want := range map[string]string{
		"": "", " ": "", "a": "a", "  a  b ": "a b", "a   b  c": "a b c", "\ta\t": "a", "a\tb": "a\tb", `"a  b"`: `"a b"`,
	} {
		if got := string(appendFolded(nil, value)); got != want {
			t.Errorf("the value %q is folded to %q, want %q", value, got, want)
		}
	}
}

// The example of AWS's documentation of signature version 4 ("GET ListUsers").
func TestSigningKeyV4(t *testing.T) {
	key := deriveV4("wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY", &scope{"20150830", "us-east-1", "iam", "aws4_request"})
	text := "AWS4-HMAC-SHA256\n20150830T123600Z\n20150830/us-east-1/iam/aws4_request\n" +
		"f536975d06c0309214f805bb90ccff089219ecd68b2577efef23edd43b7e1a59"
	if !key.signs([]byte(text), "5d672d79c15b13162d9279b0855cfba6789a8edb4c82c400e06b5924a6f2b5d7") {
		t.Error("the key of the documentation's example makes another signature")
	}
}

func TestBasePathsV4(t *testing.T) {
	v := newVerifierV4()
	for _, path := range []string{"", "/", "/lm", "/lm/", "/a%20b/c", "/a%2fb/", "/?a=b", "/lm?b=2&a=1&a=%20"} {
		r := newRequestV4(t, "https://ls.example.com"+path)
		if err := SignV4(r, []byte(v4Body), testID, v4Secret, "", "local", "aws-marketplace", v4Now); err != nil {
			t.Fatal(err)
		}
		if _, err := v.VerifyV4(context.Background(), received(t, r), []byte(v4Body), "aws-marketplace", v4Now); err != nil {
			t.Errorf("the path %q: refused: %v", path, err)
		}
		other := received(t, r)
		other.URL.Path += "x"
		other.URL.RawPath = ""
		if _, err := v.VerifyV4(context.Background(), other, []byte(v4Body), "aws-marketplace", v4Now); fault.KindOf(err) != fault.SignatureMismatch {
			t.Errorf("the path %q for another: %v, want SignatureMismatch", path, err)
		}
	}
}
