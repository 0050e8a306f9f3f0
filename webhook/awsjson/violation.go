// Copyright The license-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package awsjson

import (
	"fmt"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/license-operator/license-operator/internal/fault"
)

// The bounds of what an error repeats.
const (
	// maxShown is the number of violations that are told in full.
	maxShown = 8
	// maxEcho is the number of characters of a value that are repeated.
	maxEcho = 64
)

// violations collects the constraints that an input breaks, in the order of
// the body, and tells of them in AWS's words.
type violations struct {
	count int
	texts []string
	// own is the first breach of a constraint that has an error of its own.
	own error
}

// fault returns nil if there are none.
func (v *violations) fault() error {
	switch {
	case v.count == 1:
		return fault.New(fault.Validation, "1 validation error detected: %s", v.texts[0])
	case v.count > 1:
		texts := strings.Join(v.texts, "; ")
		if v.count > len(v.texts) {
			texts += "; ..."
		}
		return fault.New(fault.Validation, "%d validation errors detected: %s", v.count, texts)
	}
	return v.own
}

// breach notes that a value, written as it shall be shown, breaks a constraint:
// in the words of its own error if it has one.
func (v *violations) breach(rule *value, p path, shown, format string, args ...any) {
	if rule.fault == nil {
		v.add(p, shown, format, args...)
	} else if v.own == nil {
		v.own = rule.fault(p.String(), shown)
	}
}

// add notes a breach in the words of validation.
func (v *violations) add(p path, shown, format string, args ...any) {
	v.count++
	if len(v.texts) < maxShown {
		v.texts = append(v.texts, fmt.Sprintf("Value%s at '%s' failed to satisfy constraint: Member must %s",
			shown, p.model(), fmt.Sprintf(format, args...)))
	}
}

// null notes that a required member, or an item, has no value.
func (v *violations) null(p path) { v.add(p, " null", "not be null") }

func (v *violations) checkText(rule *value, p path, text string) {
	shown := func() string {
		if rule.secret {
			return ""
		}
		return " '" + echo(text) + "'"
	}
	// Characters are at most as many as bytes, which are known already.
	if rule.maxLength > 0 && len(text) > rule.maxLength && utf8.RuneCountInString(text) > rule.maxLength {
		v.breach(rule, p, shown(), "have length less than or equal to %d", rule.maxLength)
	}
	if rule.minLength > 0 && utf8.RuneCountInString(text) < rule.minLength {
		v.breach(rule, p, shown(), "have length greater than or equal to %d", rule.minLength)
	}
	if rule.matches != nil && !rule.matches(text) {
		v.breach(rule, p, shown(), "satisfy regular expression pattern: %s", rule.pattern)
	}
	if rule.enum != nil { // They are known to lack the text.
		v.breach(rule, p, shown(), "satisfy enum value set: [%s]", strings.Join(rule.enum, ", "))
	}
}

func (v *violations) checkNumber(rule *value, p path, n int64) {
	shown := " '" + strconv.FormatInt(n, 10) + "'"
	switch {
	case !rule.ranged:
	case n > rule.max:
		v.breach(rule, p, shown, "have value less than or equal to %d", rule.max)
	case n < rule.min:
		v.breach(rule, p, shown, "have value greater than or equal to %d", rule.min)
	}
}

func (v *violations) checkItems(rule *value, p path, n int) {
	shown := " '[" + strconv.Itoa(n) + " items]'"
	switch {
	case rule.maxLength > 0 && n > rule.maxLength:
		v.breach(rule, p, shown, "have length less than or equal to %d", rule.maxLength)
	case n < rule.minLength:
		v.breach(rule, p, shown, "have length greater than or equal to %d", rule.minLength)
	}
}

// key notes that a map has a key that it must not have.
func (v *violations) key(rule *value, p path, key string) {
	v.count++
	if len(v.texts) < maxShown {
		v.texts = append(v.texts, fmt.Sprintf("Value '%s' at '%s' failed to satisfy constraint: Map keys must satisfy constraint: "+
			"[Member must satisfy enum value set: [%s]]", echo(key), p.model(), strings.Join(rule.keys, ", ")))
	}
}

// echo is what an error repeats of a value: its beginning, and nothing that
// could disturb a terminal or a log.
func echo(text string) string {
	if utf8.RuneCountInString(text) > maxEcho {
		text = string([]rune(text)[:maxEcho]) + "..."
	}
	return strings.Map(func(r rune) rune {
		if unicode.IsPrint(r) {
			return r
		}
		return '?'
	}, text)
}
