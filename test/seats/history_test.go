// Copyright The license-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package seats_test

import (
	"slices"
	"testing"
	"time"
)

// stay is one seat by its client's own account. Times are since the beginning.
type stay struct {
	// asked and got are when the checkout was sent and answered, gave and rid
	// when the check-in was. gave and rid are never for a seat that was kept.
	asked, got, gave, rid time.Duration
}

const never = time.Duration(1<<63 - 1)

// refusal is a checkout for which no seat was free, from its sending to its
// answer.
type refusal struct{ asked, told time.Duration }

// history is what clients have seen. Its claims hold whatever the replicas did
// between a request and its answer.
type history struct {
	stays    []stay
	refusals []refusal
}

func (h *history) add(other history) {
	h.stays = append(h.stays, other.stays...)
	h.refusals = append(h.refusals, other.refusals...)
}

// surely is the most seats that were held at one moment beyond doubt: from the
// answer of the checkout to the sending of the check-in.
func (h *history) surely() int {
	var steps []step
	for _, s := range h.stays {
		steps = append(steps, step{s.got, 1}, step{s.gave, -1})
	}
	// At one moment a seat is given back first: then the other may have it.
	slices.SortFunc(steps, func(a, b step) int { return a.compare(b, -1) })
	held, most := 0, 0
	for _, s := range steps {
		held += s.by
		most = max(most, held)
	}
	return most
}

// wrongly are the refusals during all of which a seat must have been free: at
// every moment from the sending to the answer, fewer than total seats can have
// been held, even if each was from the sending of its checkout to the answer of
// its check-in.
func (h *history) wrongly(total int) []refusal {
	var steps []step
	for _, s := range h.stays {
		steps = append(steps, step{s.asked, 1}, step{s.rid, -1})
	}
	// At one moment a seat is taken first: then it may have been the last.
	slices.SortFunc(steps, func(a, b step) int { return a.compare(b, 1) })
	var full []refusal // Times during which every seat may have been held.
	held := 0
	for _, s := range steps {
		before := held
		held += s.by
		switch {
		case before < total && held >= total:
			full = append(full, refusal{s.at, never})
		case before >= total && held < total:
			full[len(full)-1].told = s.at
		}
	}
	var wrong []refusal
	for _, r := range h.refusals {
		if !slices.ContainsFunc(full, func(f refusal) bool { return f.asked <= r.told && r.asked <= f.told }) {
			wrong = append(wrong, r)
		}
	}
	return wrong
}

// step is a seat more or less at a moment.
type step struct {
	at time.Duration
	by int
}

// compare orders steps by time, and those of one moment by what comes first.
func (s step) compare(other step, first int) int {
	switch {
	case s.at < other.at, s.at == other.at && s.by == first && other.by != first:
		return -1
	case s.at == other.at && s.by == other.by:
		return 0
	}
	return 1
}

func TestAHistoryProvesWhatItProvesAndNoMore(t *testing.T) {
	for name, test := range map[string]struct {
		history
		surely, wrongly int
	}{
		"a seat that passes from one to the other": {
			history: history{stays: []stay{{0, 1, 5, 6}, {4, 6, 8, 9}}}, surely: 1},
		"a seat that is given back at the moment at which the other has it": {
			history: history{stays: []stay{{0, 1, 5, 6}, {4, 5, 8, 9}}}, surely: 1},
		"a seat that two have": {
			history: history{stays: []stay{{0, 1, 5, 6}, {2, 4, 8, 9}}}, surely: 2},
		"a seat that is kept and given once more": {
			history: history{stays: []stay{{0, 1, never, never}, {7, 8, 9, 10}}}, surely: 2},
		"a refusal while the seat is held": {
			history: history{stays: []stay{{0, 1, 8, 9}}, refusals: []refusal{{3, 4}}}, surely: 1},
		"a refusal that begins as the seat may still be held": {
			history: history{stays: []stay{{0, 1, 2, 5}}, refusals: []refusal{{5, 7}}}, surely: 1},
		"a refusal that ends as the seat may be taken": {
			history: history{stays: []stay{{5, 7, 8, 9}}, refusals: []refusal{{1, 5}}}, surely: 1},
		"a refusal during which the seat may have been held for a moment": {
			history: history{stays: []stay{{3, 4, 6, 7}}, refusals: []refusal{{1, 9}}}, surely: 1},
		"a refusal after the seat was given back": {
			history: history{stays: []stay{{0, 1, 2, 3}}, refusals: []refusal{{4, 5}}}, surely: 1, wrongly: 1},
		"a refusal before the seat was asked for": {
			history: history{stays: []stay{{6, 7, 8, 9}}, refusals: []refusal{{4, 5}}}, surely: 1, wrongly: 1},
		"a refusal when nobody had a seat": {
			history: history{refusals: []refusal{{4, 5}}}, wrongly: 1},
	} {
		t.Run(name, func(t *testing.T) {
			if got := test.history.surely(); got != test.surely {
				t.Errorf("%d seats were held surely, want %d", got, test.surely)
			}
			if got := len(test.history.wrongly(1)); got != test.wrongly {
				t.Errorf("%d refusals were wrong, want %d", got, test.wrongly)
			}
		})
	}
}
