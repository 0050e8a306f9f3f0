// Copyright The license-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"runtime"
	"runtime/debug"
	"runtime/metrics"
	"testing"
	"time"
)

func TestGarbageMayGatherByWhatLives(t *testing.T) {
	for name, test := range map[string]struct {
		live uint64
		want int
	}{
		"nothing is known yet":          {0, 200},
		"a few objects":                 {10 << 20, 200},
		"ten thousand Subscriptions":    {32 << 20, 200},
		"between few and very many":     {64 << 20, 100},
		"as many as take twice as much": {128 << 20, 50},
		"very many":                     {1 << 30, 50},
		"more than a machine has":       {1 << 62, 50},
	} {
		t.Run(name, func(t *testing.T) {
			if got := gcPercent(test.live); got != test.want {
				t.Errorf("%d percent, want %d", got, test.want)
			}
		})
	}
}

func TestTheCollectorFollowsWhatLives(t *testing.T) {
	before := debug.SetGCPercent(100)
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan struct{})
	defer func() {
		cancel()
		<-ended
		debug.SetGCPercent(before)
	}()
	ballast := make([]byte, 256<<20) // Nothing is written, so it takes no memory.
	runtime.GC()
	go func() {
		defer close(ended)
		tuneCollector(ctx)
	}()
	await(t, leastGarbage)
	runtime.KeepAlive(ballast)
	runtime.GC()
	await(t, mostGarbage)
}

// await waits until garbage of so many percent may gather.
func await(t *testing.T, percent uint64) {
	t.Helper()
	set := []metrics.Sample{{Name: "/gc/gogc:percent"}}
	for end := time.Now().Add(30 * garbagePause); ; time.Sleep(garbagePause / 50) {
		if metrics.Read(set); set[0].Value.Uint64() == percent {
			return
		}
		if time.Now().After(end) {
			t.Fatalf("%d percent, want %d", set[0].Value.Uint64(), percent)
		}
	}
}
