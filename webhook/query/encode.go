// Copyright The license-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package query

import "strings"

const upperHex = "0123456789ABCDEF"

// unreserved holds true for the bytes that RFC 3986 section 2.3 never escapes.
var unreserved = func() (is [256]bool) {
	for c := range is {
		switch byte(c) {
		case '-', '_', '.', '~':
			is[c] = true
		default:
			is[c] = isAlphanumeric(byte(c))
		}
	}
	return is
}()

// Encode writes parameters as a query string that Parse reads back: joined by
// "&", names and values escaped as RFC 3986 says. It suits a URL and a form.
func Encode(parameters []Parameter) string {
	size := 0
	for _, p := range parameters {
		size += len(p.Name) + len(p.Value) + 2
	}
	b := make([]byte, 0, size+size/4)
	for i, p := range parameters {
		if i > 0 {
			b = append(b, '&')
		}
		b = AppendEscaped(b, p.Name)
		b = append(b, '=')
		b = AppendEscaped(b, p.Value)
	}
	return string(b)
}

// AppendEscaped appends s to b with every byte escaped that RFC 3986 does not
// call unreserved; hex digits are upper case. Signature version 2 signs this
// form, so it must not differ by a byte.
func AppendEscaped(b []byte, s string) []byte {
	plain := 0 // where the bytes begin that need no escape
	for i := 0; i < len(s); i++ {
		c := s[i]
		if unreserved[c] {
			continue
		}
		b = append(b, s[plain:i]...)
		b = append(b, '%', upperHex[c>>4], upperHex[c&15])
		plain = i + 1
	}
	return append(b, s[plain:]...)
}

// notHex stands in hexValues for bytes that are no hexadecimal digits.
const notHex = 0xff

// hexValues holds the values of hexadecimal digits in either case.
var hexValues = func() (values [256]byte) {
	for c := range values {
		values[c] = notHex
	}
	for v := range byte(16) {
		values[upperHex[v]] = v
		values[strings.ToLower(upperHex)[v]] = v
	}
	return values
}()

// unescape returns what a name or a value of a form stands for: a plus is a
// space, a percent sign and two hexadecimal digits are a byte. It is false if a
// percent sign is followed by anything else. It does what url.QueryUnescape
// does, at less cost: tokens are long and full of escapes.
func unescape(s string) (string, bool) {
	if strings.IndexByte(s, '%') < 0 && strings.IndexByte(s, '+') < 0 {
		return s, true
	}
	b := make([]byte, 0, len(s))
	plain := 0 // where the bytes begin that stand for themselves
	for i := 0; i < len(s); i++ {
		c := s[i]
		if c != '%' && c != '+' {
			continue
		}
		b = append(b, s[plain:i]...)
		if c == '+' {
			b = append(b, ' ')
			plain = i + 1
			continue
		}
		if i+2 >= len(s) {
			return "", false
		}
		high, low := hexValues[s[i+1]], hexValues[s[i+2]]
		if high == notHex || low == notHex {
			return "", false
		}
		b = append(b, high<<4|low)
		i += 2
		plain = i + 1
	}
	return string(append(b, s[plain:]...)), true
}
