// Copyright The license-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package seats

import (
	"testing"
	"time"
)

// scenarios are small enough for every interleaving.
var scenarios = map[string]scenario{
	"three checkouts of two seats, the first block is made": {total: 2, maxEntries: 1, losses: 1,
		asks: []ask{{0, "x"}, {1, "y"}, {0, "z"}}},
	"a duplicate at both replicas and another checkout": {total: 3, maxEntries: 1, lates: 1, known: true, begin: [][]string{{"p"}},
		asks: []ask{{0, "x"}, {1, "x"}, {1, "y"}}},
	"the replica that hands over crashes": {total: 3, maxEntries: 1, crashes: 1, known: true, begin: [][]string{{"p"}},
		asks: []ask{{0, "x"}, {1, "x"}, {1, "y"}}},
	"a block is opened again, and the watch listed anew": {total: 5, maxEntries: 2, relists: 1, known: true, begin: [][]string{{}, {"p", "q"}},
		asks: []ask{{0, "x"}, {1, "x"}, {0, "y"}}},
	"a check-in frees a seat of a closed block": {total: 2, fair: true, maxEntries: 1, losses: 1, known: true, begin: [][]string{{"p"}, {"q"}},
		asks: []ask{{0, "-p"}, {1, "x"}, {0, "y"}}},
	"a read of the book fails": {total: 3, maxEntries: 1, failures: 1, known: true, begin: [][]string{{"p"}},
		asks: []ask{{0, "x"}, {1, "y"}, {1, "z"}}},
}

func (sc *scenario) run(t *testing.T, b bug, limit int) *explorer {
	t.Helper()
	SetMaxEntries(t, sc.maxEntries)
	x := &explorer{sc: sc, bug: b, names: &names{ids: map[*Block]uint32{}, same: map[string]*Block{}}, seen: map[[32]byte]struct{}{},
		closedStores: map[[blocksMost]*Block]bool{}, parent: still(), limit: limit}
	x.explore()
	return x
}

func TestEveryInterleavingKeepsTheInvariants(t *testing.T) {
	for name, sc := range scenarios {
		t.Run(name, func(t *testing.T) {
			start := time.Now()
			x := sc.run(t, none, 1_000_000)
			t.Logf("%d states, %d versions of blocks, %v", len(x.seen), len(x.names.ids), time.Since(start).Round(time.Millisecond))
			if x.wrong != "" {
				t.Error(x.wrong)
			}

		})
	}
}

func TestTheExplorationFindsEverySeededBug(t *testing.T) {
	for _, b := range []bug{noCompare, grantsWhenClosed, ignoresTheView, forgetsElsewhere, searchesOnce, believesAnyOrder, believesOwnCommit, answersEarly, opensUnasked} {
		t.Run(string(b), func(t *testing.T) {
			for name, sc := range scenarios {
				if x := sc.run(t, b, 1_000_000); x.wrong != "" {
					t.Logf("found in %q after %d states: %.200s", name, len(x.seen), x.wrong)
					return
				}
			}
			t.Error("it was not found")
		})
	}
}
