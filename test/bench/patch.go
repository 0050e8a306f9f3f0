// Copyright The license-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bytes"
	"context"
	"fmt"
	"net/http"
	"time"
)

const (
	// askPause is the time between two questions after a patch.
	askPause   = time.Millisecond
	patchBound = 30 * time.Second
)

var notSubscribed = []byte("<Subscribed>false</Subscribed>")

// patched is one sample: how long after the start of kubectl the endpoint said
// that the customer is not subscribed, and how long kubectl ran.
type patched struct{ answer, kubectl time.Duration }

// patch cancels Subscriptions, one after the other, and asks all the while.
func (b *bench) patch(ctx context.Context) ([]patched, error) {
	c, err := dialBare(ctx, b.operatorTarget())
	if err != nil {
		return nil, err
	}
	defer c.close()
	var samples []patched
	for i := range b.settings.samples {
		sample, err := b.patchOne(ctx, c, b.settings.subscriptions-1-i)
		if err != nil {
			return nil, err
		}
		samples = append(samples, sample)
	}
	return samples, nil
}

func (b *bench) patchOne(ctx context.Context, c client, i int) (patched, error) {
	ctx, cancel := context.WithTimeout(ctx, patchBound)
	defer cancel()
	r, err := b.verify(b.pids[i])
	if err != nil {
		return patched{}, err
	}
	if _, err := do(c, &r); err != nil {
		return patched{}, err
	}
	cmd, err := b.kubectl(ctx, "patch", "lsub", subscriptionName(i), "-n", namespace,
		"--type", "merge", "-p", `{"spec":{"state":"Cancelled"}}`)
	if err != nil {
		return patched{}, err
	}
	var said bytes.Buffer
	cmd.Stderr = &said
	start := time.Now()
	if err := cmd.Start(); err != nil {
		return patched{}, err
	}
	var ran time.Duration
	ended := make(chan error, 1)
	go func() {
		err := cmd.Wait()
		ran = time.Since(start)
		ended <- err
	}()
	answer, err := b.askUntilFalse(ctx, c, &r, start)
	if failed := <-ended; failed != nil {
		return patched{}, fmt.Errorf("kubectl patch: %w: %s", failed, said.String())
	}
	return patched{answer: answer, kubectl: ran}, err
}

func (b *bench) askUntilFalse(ctx context.Context, c client, r *request, start time.Time) (time.Duration, error) {
	for {
		got, err := c.ask(r)
		if err != nil {
			return 0, err
		}
		now := time.Since(start)
		switch {
		case got.status != http.StatusOK:
			return 0, fmt.Errorf("got %d: %s", got.status, got.body)
		case bytes.Contains(got.body, notSubscribed):
			return now, nil
		}
		if err := pause(ctx, askPause); err != nil {
			return 0, fmt.Errorf("still subscribed after %s: %w", now, err)
		}
	}
}
