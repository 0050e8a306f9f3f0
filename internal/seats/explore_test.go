// Copyright The license-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package seats

import (
	"os"
	"testing"
	"time"
)

// scenarios are small enough for every interleaving.
var scenarios = []scenario{
	{name: "the watch of who is far behind is listed anew",
		total: 3, maxEntries: 2, relists: 1, losses: 1, before: "0^ 0>1 1^ 1+p 1+x 1>0 0^ 0+y", lag: 4,
		asks: []ask{{1, "w"}, {0, "-x"}, {1, "+y"}}},
	{name: "the last block was closed for one that is not there",
		total: 5, maxEntries: 2, relists: 1, crashes: 1, before: "0^ 0>1 1^ 1+p 1+x 1>0 0^ 0+y 0+z 0>2", lag: 6,
		asks: []ask{{1, "w"}, {0, "v"}, {1, "x"}}},
	{name: "who waits for a block while it is closed and opened again",
		total: 9, maxEntries: 2, frozen: true, before: "0^ 0>1 1^ 1+q 1+r 1>0 0^ 0+x 0+s 1-q 1-r 0>1 1^", lag: 10,
		asks: []ask{{1, "x"}, {1, "y"}, {0, "z"}}},
	{name: "a block is opened again, and the watch listed anew",
		total: 5, maxEntries: 2, relists: 1, before: "0^ 0>1 1^ 1+p 1+q",
		asks: []ask{{0, "x"}, {1, "x"}, {0, "y"}}},
	{name: "three checkouts of two seats, the first block is made",
		total: 2, maxEntries: 1, losses: 1,
		asks: []ask{{0, "x"}, {1, "y"}, {0, "z"}}},
	{name: "a duplicate at both replicas and another checkout, the replica that hands over crashes",
		total: 3, maxEntries: 1, crashes: 1, before: "0^ 0+p",
		asks: []ask{{0, "x"}, {1, "x"}, {1, "y"}}},
	{name: "a duplicate at both replicas and another checkout, a late write and frozen watches",
		total: 3, maxEntries: 1, lates: 1, crashes: 1, frozen: true, before: "0^ 0+p",
		asks: []ask{{0, "x"}, {1, "x"}, {1, "y"}}},
	{name: "a duplicate at both replicas and another checkout, a late write", long: true,
		total: 3, maxEntries: 1, lates: 1, before: "0^ 0+p",
		asks: []ask{{0, "x"}, {1, "x"}, {1, "y"}}},
	{name: "a check-in frees a seat of a closed block",
		total: 2, maxEntries: 1, losses: 1, fair: true, before: "0^ 0+p 0>1 1^ 1+q",
		asks: []ask{{0, "-p"}, {1, "x"}, {0, "y"}}},
	{name: "a check-in from a block that is being closed",
		total: 3, maxEntries: 1, lates: 1, before: "0^ 0+p",
		asks: []ask{{0, "y"}, {1, "-p"}, {1, "x"}}},
	{name: "a read of the book fails",
		total: 3, maxEntries: 1, failures: 1, before: "0^ 0+p",
		asks: []ask{{0, "x"}, {1, "y"}, {1, "z"}}},
	{name: "four checkouts of three seats", long: true,
		total: 3, maxEntries: 1, frozen: true, before: "0^ 0+p",
		asks: []ask{{0, "x"}, {1, "x"}, {1, "y"}, {0, "z"}}},
}

const (
	// longVariable of the environment lets the long scenarios run, too.
	longVariable = "EXPLORE_LONG"
	// few states are enough to find each seeded bug in some scenario.
	few = 25_000
)

func (sc *scenario) run(t *testing.T, b bug, limit int) *explorer {
	t.Helper()
	SetMaxEntries(t, sc.maxEntries)
	x := &explorer{sc: sc, bug: b, names: &names{ids: map[*Block]uint32{}, same: map[contents]*Block{}}, seen: map[[32]byte]struct{}{},
		closedStores: map[[blocksMost]*Block]bool{}, parent: still(), limit: limit}
	x.explore()
	return x
}

func TestEveryInterleavingKeepsTheInvariants(t *testing.T) {
	for _, sc := range scenarios {
		t.Run(sc.name, func(t *testing.T) {
			if sc.long && os.Getenv(longVariable) == "" {
				t.Skipf("takes long; set %s=1", longVariable)
			}
			start := time.Now()
			x := sc.run(t, none, 5_000_000)
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
			for _, sc := range scenarios {
				if x := sc.run(t, b, few); x.wrong != "" && len(x.seen) <= few {
					t.Logf("found in %q after %d states: %.200s", sc.name, len(x.seen), x.wrong)
					return
				}
			}
			t.Error("it was not found")
		})
	}
}
