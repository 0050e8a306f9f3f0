// Copyright The license-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package sleep

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"k8s.io/utils/clock"
)

func TestItSleepsUntilTheTimeIsOverOrTheContextIs(t *testing.T) {
	for name, test := range map[string]struct {
		sleep, context, took time.Duration
		want                 error
	}{
		"the time is over":            {time.Second, time.Minute, time.Second, nil},
		"the context ends":            {time.Minute, time.Second, time.Second, context.DeadlineExceeded},
		"no time":                     {0, time.Second, 0, nil},
		"less than none":              {-time.Second, time.Second, 0, nil},
		"no time, and it has ended":   {0, 0, 0, context.DeadlineExceeded},
		"some time, and it has ended": {time.Second, 0, 0, context.DeadlineExceeded},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				ctx, cancel := context.WithTimeout(t.Context(), test.context)
				defer cancel()
				start := time.Now()
				err := For(ctx, clock.RealClock{}, test.sleep)
				if took := time.Since(start); !errors.Is(err, test.want) || took != test.took {
					t.Errorf("For() = %v after %s, want %v after %s", err, took, test.want, test.took)
				}
			})
		})
	}
}
