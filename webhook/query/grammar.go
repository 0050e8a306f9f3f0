// Copyright The license-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package query

import (
	"slices"
	"strings"
)

// The literals that begin a token.
const (
	// ProductTokenPrefix begins every product token.
	ProductTokenPrefix = "{ProductToken}"
	// UserTokenPrefix begins every user token.
	UserTokenPrefix = "{UserToken}"
)

// versions lists the API versions that clients of the service were built for.
var versions = []string{"2008-04-28", "2007-12-01", "2007-06-05"}

func isVersion(s string) bool { return slices.Contains(versions, s) }

func isActionName(s string) bool {
	_, ok := actionsByName[s]
	return ok
}

func isAlphanumeric(c byte) bool {
	return c >= 'A' && c <= 'Z' || c >= 'a' && c <= 'z' || c >= '0' && c <= '9'
}

// isWord reports whether s is minLength to maxLength letters and digits.
func isWord(s string, minLength, maxLength int) bool {
	if len(s) < minLength || len(s) > maxLength {
		return false
	}
	for i := 0; i < len(s); i++ {
		if !isAlphanumeric(s[i]) {
			return false
		}
	}
	return true
}

// isUpperWord is isWord without small letters.
func isUpperWord(s string, minLength, maxLength int) bool {
	for i := 0; i < len(s); i++ {
		if s[i] >= 'a' && s[i] <= 'z' {
			return false
		}
	}
	return isWord(s, minLength, maxLength)
}

func isAccessKeyID(s string) bool        { return isWord(s, 16, 128) }
func isActivationKey(s string) bool      { return isUpperWord(s, 1, 64) }
func isPersistentIdentity(s string) bool { return isUpperWord(s, 1, 128) }
func isProductCode(s string) bool        { return isWord(s, 1, 64) }
func isProductToken(s string) bool       { return isToken(s, ProductTokenPrefix) }
func isUserToken(s string) bool          { return isToken(s, UserTokenPrefix) }
func isAnyToken(s string) bool           { return isProductToken(s) || isUserToken(s) }

// base64Alphabet holds true for the bytes of standard base64.
var base64Alphabet = func() (is [256]bool) {
	for c := range is {
		is[c] = isAlphanumeric(byte(c)) || c == '+' || c == '/'
	}
	return is
}()

// isToken reports whether s is the literal and standard base64. The alphabet
// of URLs would not do: with its hyphen a user token could swallow a Version
// that follows it in a version 1 signature.
func isToken(s, literal string) bool {
	s, ok := strings.CutPrefix(s, literal)
	if !ok {
		return false
	}
	for i := 0; i < len(s); i++ {
		if base64Alphabet[s[i]] {
			continue
		}
		return i > 0 && len(s)-i <= 2 && strings.Trim(s[i:], "=") == ""
	}
	return s != ""
}

// oneOf returns a grammar of fixed words.
func oneOf(words ...string) func(string) bool {
	return func(s string) bool { return slices.Contains(words, s) }
}

// orEmpty lets an optional parameter come without a value, as if absent.
func orEmpty(accepts func(string) bool) func(string) bool {
	return func(s string) bool { return s == "" || accepts(s) }
}
