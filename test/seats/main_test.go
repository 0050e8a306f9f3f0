// Copyright The license-operator Authors.
// SPDX-License-Identifier: Apache-2.0

// Package seats_test sells seats over the wire through two replicas of the
// operator, as the processes that are shipped, and holds every answer against
// the book: no seat is sold twice, none is lost, and what was answered stays
// true though replicas are killed and stopped under load.
package seats_test

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/license-operator/license-operator/test/env"
	"github.com/license-operator/license-operator/test/integration/wire"
)

var (
	cluster *env.Env
	// both are the replicas; a test that kills one leaves it to the next test to
	// start another in its place.
	both *crew
	// canaries knows every secret that passed through.
	canaries = &wire.Ledger{}
)

func TestMain(m *testing.M) {
	os.Exit(env.RunBinary(func(e *env.Env, binary string) int {
		cluster, both = e, &crew{dir: filepath.Dir(binary), binary: binary}
		return run(m)
	}))
}

func run(m *testing.M) int {
	defer both.stop()
	if err := both.fill(context.Background()); err != nil {
		fmt.Fprintln(os.Stderr, "start the replicas:", err)
		return 1
	}
	code := m.Run()
	// These are tests of the whole run: they hold for every other test here.
	for _, check := range afterwards {
		wrong := check.wrong()
		for i, line := range wrong[:min(len(wrong), 20)] {
			if i == 0 {
				fmt.Printf("--- FAIL: %s\n", check.name)
			}
			fmt.Printf("    %s\n", line)
			code = 1
		}
	}
	if code != 0 {
		fmt.Println("The API server took", time.Duration(slowest.Load()), "for one request at most.")
	}
	return code
}
