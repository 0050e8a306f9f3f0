// Copyright The license-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package query

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
	for i := 0; i < len(s); i++ {
		c := s[i]
		if unreserved[c] {
			b = append(b, c)
			continue
		}
		b = append(b, '%', upperHex[c>>4], upperHex[c&15])
	}
	return b
}
