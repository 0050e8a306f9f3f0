// Copyright The license-operator Authors.
// SPDX-License-Identifier: Apache-2.0

// Package sleep waits by a clock.
package sleep

import (
	"context"
	"time"

	"k8s.io/utils/clock"
)

// For waits for a time, which may be none. It returns the error of ctx if that
// ends first.
func For(ctx context.Context, clk clock.Clock, d time.Duration) error {
	if d <= 0 {
		return ctx.Err()
	}
	timer := clk.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C():
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
