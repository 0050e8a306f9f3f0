// Copyright The license-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package awsjson

import "strings"

func isNotEmpty(s string) bool { return s != "" }

// isUnspaced does what the pattern \S+ says.
func isUnspaced(s string) bool { return s != "" && !strings.ContainsAny(s, " \t\n\v\f\r") }

func isLetter(c byte) bool { return c >= 'A' && c <= 'Z' || c >= 'a' && c <= 'z' }

func isAlphanumeric(c byte) bool { return isLetter(c) || isDigit(c) }

func isDigit(c byte) bool { return c >= '0' && c <= '9' }

// isARN does what arnPattern says. Package regexp can't: it repeats at most a
// thousand times.
func isARN(s string) bool {
	s, ok := strings.CutPrefix(s, "arn:aws")
	if !ok {
		return false
	}
	partition, s, _ := strings.Cut(s, ":")
	service, s, _ := strings.Cut(s, ":")
	region, s, _ := strings.Cut(s, ":")
	account, resource, _ := strings.Cut(s, ":")
	return isOf(partition, 0, len(partition), "-", isLetter) &&
		isOf(service, 1, 63, "_/.-", isAlphanumeric) && isAlphanumeric(service[0]) &&
		isOf(region, 0, 63, "_/.-", isAlphanumeric) &&
		isOf(account, 0, 63, "_/.-", isAlphanumeric) &&
		isOf(resource, 1, 1024, ":_/+=,@.-", isAlphanumeric) && isAlphanumeric(resource[0])
}

// isOf reports whether s is minLength to maxLength bytes, each of a class or
// one of others.
func isOf(s string, minLength, maxLength int, others string, class func(byte) bool) bool {
	if len(s) < minLength || len(s) > maxLength {
		return false
	}
	for i := 0; i < len(s); i++ {
		if !class(s[i]) && strings.IndexByte(others, s[i]) < 0 {
			return false
		}
	}
	return true
}

// isAnything does what the pattern [\s\S]* says.
func isAnything(string) bool { return true }

// isDigits does what the pattern ^[0-9]+$ says.
func isDigits(s string) bool { return isOf(s, 1, len(s), "", isDigit) }

// isProductCode does what the pattern ^[-a-zA-Z0-9/=:_.@]*$ says.
func isProductCode(s string) bool { return isOf(s, 0, len(s), "-/=:_.@", isAlphanumeric) }

// isTag does what tagPattern says.
func isTag(s string) bool {
	return isOf(s, 1, len(s), "_@", func(c byte) bool { return isLetter(c) || c >= ' ' && c <= '=' })
}
