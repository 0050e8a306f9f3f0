// Copyright The license-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"runtime/debug"
	"runtime/metrics"
	"time"
)

// How much garbage may gather before it is collected, in percent of what lives,
// trades memory for time: requests leave much behind. What lives is the cache.
// While it is small there is room for twice as much; with very many objects
// memory counts more.
const (
	mostGarbage, leastGarbage = 200, 50
	// roomForGarbage is what there is room for in any case, in bytes.
	roomForGarbage = 64 << 20
	// garbageStep is from what change on another percentage is set: setting it
	// stops everything for a moment.
	garbageStep = 5
	// garbagePause is how often what lives is looked at: the cache of 100,000
	// objects takes a minute to fill.
	garbagePause = time.Second
)

// liveBytes names what lived at the last collection.
const liveBytes = "/gc/heap/live:bytes"

// gcPercent is the percentage for so many live bytes.
func gcPercent(live uint64) int {
	return int(max(leastGarbage, min(mostGarbage, roomForGarbage*100/max(live, 1))))
}

// tuneCollector sets the percentage by what lives, until ctx ends.
func tuneCollector(ctx context.Context) {
	tick := time.NewTicker(garbagePause)
	defer tick.Stop()
	live := []metrics.Sample{{Name: liveBytes}}
	for set := 0; ; {
		metrics.Read(live)
		if want := gcPercent(live[0].Value.Uint64()); max(want-set, set-want) >= garbageStep {
			debug.SetGCPercent(want)
			set = want
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return
		}
	}
}
