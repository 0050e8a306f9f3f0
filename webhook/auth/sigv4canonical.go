// Copyright The license-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package auth

import (
	"crypto/sha256"
	"encoding/hex"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/license-operator/license-operator/internal/fault"
	"github.com/license-operator/license-operator/webhook/query"
)

// checkHeadersV4 refuses a request of which a header that matters is not
// signed, or comes twice: what is not signed could be another one. Every header
// of AWS's counts, and the type of the body. The list has been checked for the
// host.
func checkHeadersV4(r *http.Request, signed string) error {
	previous := ""
	for name := range strings.SplitSeq(signed, ";") {
		if name <= previous || !isSignable(name) {
			return fault.New(fault.InvalidSignature, "'SignedHeaders' must be names of headers in lower case, in their order, each once.")
		}
		previous = name
	}
	for name, values := range r.Header {
		isOurs := strings.HasPrefix(name, "X-Amz-")
		if isOurs && len(values) != 1 {
			return twice(name)
		}
		if (isOurs || name == "Content-Type") && !contains(signed, name) {
			return notSigned(name)
		}
	}
	if _, ok := r.Header[headerDate]; !ok && !contains(signed, "date") {
		return notSigned("Date")
	}
	return nil
}

func notSigned(header string) error {
	return fault.New(fault.InvalidSignature, "'%s' must be a 'SignedHeader' in the AWS Authorization.", shown(header))
}

// isSignable reports whether a name is that of a header in lower case. The
// Authorization header can't sign itself.
func isSignable(name string) bool {
	for i := range len(name) {
		if c := name[i]; 'A' <= c && c <= 'Z' || !isLetter(c) && !isDigit(c) && strings.IndexByte("-_.!#$%&'*+^`|~", c) < 0 {
			return false
		}
	}
	return name != "" && name != "authorization"
}

// contains reports whether a list of names has a name, in whatever case.
func contains(list, name string) bool {
	for signed := range strings.SplitSeq(list, ";") {
		if strings.EqualFold(signed, name) {
			return true
		}
	}
	return false
}

// appendCanonicalRequest appends what the signature covers: method, path,
// query, the signed headers, their names, and the hash of the body.
func appendCanonicalRequest(b []byte, r *http.Request, signed string, payloadHash []byte) ([]byte, error) {
	b = append(b, r.Method...)
	b = append(b, '\n')
	b = appendCanonicalPath(b, r.URL)
	b = append(b, '\n')
	b, ok := appendCanonicalQuery(b, r.URL.RawQuery)
	if !ok {
		return nil, fault.New(fault.InvalidSignature, "The query string is not well-formed.")
	}
	b = append(b, '\n')
	for name := range strings.SplitSeq(signed, ";") {
		value, err := signedValue(r, name)
		if err != nil {
			return nil, err
		}
		b = append(b, name...)
		b = append(b, ':')
		b = appendFolded(b, value)
		b = append(b, '\n')
	}
	b = append(b, '\n')
	b = append(b, signed...)
	b = append(b, '\n')
	return append(b, payloadHash...), nil
}

// signedValue is the one value of a header that is named in lower case.
func signedValue(r *http.Request, name string) (string, error) {
	if name == "host" {
		return r.Host, nil
	}
	var buf [64]byte
	values := r.Header[string(appendHeaderKey(buf[:0], name))]
	switch len(values) {
	case 0:
		return "", fault.New(fault.InvalidSignature, "The header '%s' is a 'SignedHeader' and has not arrived.", shown(name))
	case 1:
		return values[0], nil
	default:
		return "", twice(shown(name))
	}
}

// appendHeaderKey appends a lower-case name as http.Header has it: with a
// capital in front and after each hyphen.
func appendHeaderKey(b []byte, name string) []byte {
	start := true
	for i := range len(name) {
		c := name[i]
		if start && isLetter(c) {
			c -= 'a' - 'A'
		}
		b = append(b, c)
		start = c == '-'
	}
	return b
}

// appendFolded appends a value without blanks around it and with one blank for
// each run of them.
func appendFolded(b []byte, value string) []byte {
	value = strings.Trim(value, " \t")
	for i := range len(value) {
		if value[i] != ' ' || value[i-1] != ' ' {
			b = append(b, value[i])
		}
	}
	return b
}

// appendCanonicalPath appends the path as it came, escaped once more: that is
// how every service but S3 is signed.
func appendCanonicalPath(b []byte, u *url.URL) []byte {
	path := u.EscapedPath()
	if path == "" {
		path = "/"
	}
	for {
		segment, rest, more := strings.Cut(path, "/")
		b = query.AppendEscaped(b, segment)
		if !more {
			return b
		}
		b, path = append(b, '/'), rest
	}
}

// appendCanonicalQuery appends the parameters, escaped in one way, in the order
// of their names and values. It fails on an escape that is none.
func appendCanonicalQuery(b []byte, rawQuery string) ([]byte, bool) {
	if rawQuery == "" {
		return b, true
	}
	var pairs []string
	for pair := range strings.SplitSeq(rawQuery, "&") {
		name, value, _ := strings.Cut(pair, "=")
		name, okName := unescapeQuery(name)
		value, okValue := unescapeQuery(value)
		if !okName || !okValue {
			return nil, false
		}
		// The separator sorts before every character of an escaped name, so
		// that pairs come in the order of their names first.
		escaped := append(query.AppendEscaped(nil, name), 0)
		pairs = append(pairs, string(query.AppendEscaped(escaped, value)))
	}
	slices.Sort(pairs)
	for i, pair := range pairs {
		if i > 0 {
			b = append(b, '&')
		}
		name, value, _ := strings.Cut(pair, "\x00")
		b = append(b, name...)
		b = append(b, '=')
		b = append(b, value...)
	}
	return b, true
}

func unescapeQuery(s string) (string, bool) {
	s, err := url.QueryUnescape(s)
	return s, err == nil
}

// appendStringToSignV4 appends the text that is signed.
func appendStringToSignV4(b []byte, date string, s *scope, canonicalRequest []byte) []byte {
	b = append(b, v4Algorithm...)
	b = append(b, '\n')
	b = append(b, date...)
	b = append(b, '\n')
	for _, part := range [...]string{s.day, s.region, s.service} {
		b = append(b, part...)
		b = append(b, '/')
	}
	b = append(b, s.terminator...)
	b = append(b, '\n')
	sum := sha256.Sum256(canonicalRequest)
	return hex.AppendEncode(b, sum[:])
}
