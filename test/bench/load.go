// Copyright The license-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"slices"
	"time"
)

// result is what one round has measured.
type result struct {
	perSecond float64
	p50, p99  time.Duration
	// processor is the server's own processor time for a request.
	processor time.Duration
}

// load lets clients send requests for a time, each those of its own part of the
// pool, one after the other. The pool has at least one for each.
func load(ctx context.Context, connect dial, t target, count int, pool []request, length time.Duration) (result, error) {
	clients, err := connectAll(ctx, connect, t, count)
	defer closeAll(clients)
	if err != nil {
		return result{}, err
	}
	took := make([]latencies, count)
	before, err := processorTime(t.pid)
	if err != nil {
		return result{}, err
	}
	start := time.Now()
	end := start.Add(length)
	err = parallel(ctx, count, count, func(ctx context.Context, _, i int) (err error) {
		took[i], err = loop(ctx, clients[i], pool[i*len(pool)/count:(i+1)*len(pool)/count], end)
		return err
	})
	if err != nil {
		return result{}, err
	}
	length = time.Since(start)
	after, err := processorTime(t.pid)
	all := slices.Concat(took...)
	got := all.over(length)
	got.processor = (after - before) / time.Duration(max(len(all), 1))
	return got, err
}

// loop sends the requests of a pool over and over.
func loop(ctx context.Context, c client, pool []request, end time.Time) (latencies, error) {
	var took latencies
	for i := 0; ; i++ {
		before := time.Now()
		if !before.Before(end) || ctx.Err() != nil {
			return took, ctx.Err()
		}
		if _, err := do(c, &pool[i%len(pool)]); err != nil {
			return took, err
		}
		took = append(took, time.Since(before))
	}
}

// drain lets clients send every request once. It returns how long each took,
// and all together. Each answer is passed on.
func drain(ctx context.Context, connect dial, t target, count int, pool []request, pass func(i int, got reply) error) (latencies, time.Duration, error) {
	clients, err := connectAll(ctx, connect, t, count)
	defer closeAll(clients)
	if err != nil {
		return nil, 0, err
	}
	took := make(latencies, len(pool))
	start := time.Now()
	err = parallel(ctx, count, len(pool), func(_ context.Context, worker, i int) error {
		before := time.Now()
		got, err := do(clients[worker], &pool[i])
		if err != nil {
			return err
		}
		took[i] = time.Since(before)
		return pass(i, got)
	})
	return took, time.Since(start), err
}

func connectAll(ctx context.Context, connect dial, t target, count int) ([]client, error) {
	clients := make([]client, 0, count)
	for range count {
		c, err := connect(ctx, t)
		if err != nil {
			return clients, err
		}
		clients = append(clients, c)
	}
	return clients, nil
}

func closeAll(clients []client) {
	for _, c := range clients {
		c.close()
	}
}
