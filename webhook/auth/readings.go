// Copyright The license-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package auth

import (
	"slices"
	"strings"

	"github.com/license-operator/license-operator/webhook/query"
)

// The work that counting the readings of one string may take. In a genuine
// request parameters' names stand in some dozens of places, and a value is
// looked at a few times.
const (
	maxPlaces    = 256
	maxReadBytes = 4 << 20
)

// tooMany stands for two readings or more, and for a string that is too hard
// to read.
const tooMany = 2

// place is an occurrence of a parameter's name in a signed string.
type place struct {
	rule       int // index into the rules
	start, end int // of the name
}

// paths counts the readings of what stands before a place: without a date
// (Timestamp or Expires) so far, and with one. Each count ends at tooMany.
type paths struct{ undated, dated int }

// countReadings returns in how many ways a version 1 string can be read as
// parameters that the server would accept: names in the order of the rules,
// each at most once, no required one left out, every value acceptable to its
// rule, and either Timestamp or Expires. It counts to two; more work than the
// bounds allow counts as two as well. The rules must be sorted by
// query.CompareFold.
//
// Readings that the server would refuse don't count, because nearly every
// genuine string has one: a user token begins with the name of its own
// parameter.
func countReadings(text string, rules []query.Rule) int {
	places, ok := findPlaces(text, rules)
	if !ok {
		return tooMany
	}
	before := make([]paths, len(places))
	total, budget := 0, maxReadBytes
	for i, p := range places {
		if p.start == 0 && noneRequired(rules[:p.rule]) {
			before[i].undated = 1
		}
		after := pass(before[i], rules[p.rule].Name)
		if after == (paths{}) {
			continue
		}
		for j := i + 1; j < len(places); j++ {
			q := places[j]
			if q.rule <= p.rule || q.start < p.end || !noneRequired(rules[p.rule+1:q.rule]) {
				continue
			}
			if budget -= q.start - p.end; budget < 0 {
				return tooMany
			}
			if acceptable(&rules[p.rule], text[p.end:q.start]) {
				before[j].undated = min(before[j].undated+after.undated, tooMany)
				before[j].dated = min(before[j].dated+after.dated, tooMany)
			}
		}
		if after.dated > 0 && noneRequired(rules[p.rule+1:]) && acceptable(&rules[p.rule], text[p.end:]) {
			if total += after.dated; total >= tooMany {
				return tooMany
			}
		}
	}
	return total
}

// pass returns the paths that go on after a parameter of this name.
func pass(before paths, name string) paths {
	if name != query.Timestamp && name != query.Expires {
		return before
	}
	return paths{dated: before.undated}
}

// findPlaces returns every occurrence of every name, by its start. It is false
// if there are too many.
func findPlaces(text string, rules []query.Rule) ([]place, bool) {
	places := make([]place, 0, 32)
	for i := range rules {
		name := rules[i].Name
		for from := 0; ; {
			at := strings.Index(text[from:], name)
			if at < 0 {
				break
			}
			if len(places) == maxPlaces {
				return nil, false
			}
			start := from + at
			places = append(places, place{rule: i, start: start, end: start + len(name)})
			from = start + 1
		}
	}
	slices.SortFunc(places, func(x, y place) int { return x.start - y.start })
	return places, true
}

func noneRequired(rules []query.Rule) bool {
	return !slices.ContainsFunc(rules, func(r query.Rule) bool { return r.Required })
}

// acceptable reports whether a version 1 signature can protect a value. A
// token, a product code or a key id could swallow the SignatureMethod that
// follows it, which clients do send with version 1; so no value may contain
// that name. One that does by chance is not to be expected.
func acceptable(rule *query.Rule, value string) bool {
	return rule.Accepts(value) && !strings.Contains(value, query.SignatureMethod)
}
