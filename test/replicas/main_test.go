// Copyright The license-operator Authors.
// SPDX-License-Identifier: Apache-2.0

// Package replicas tests several replicas of the operator as the processes that
// are shipped, against one control plane and under the operator's own role:
// started at once, killed, and stopped under load.
package replicas

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/license-operator/license-operator/test/env"
)

var (
	cluster *env.Env
	// binary is the operator, built once for all tests here.
	binary string
)

func TestMain(m *testing.M) { os.Exit(run(m)) }

func run(m *testing.M) int {
	dir, err := os.MkdirTemp("", "replicas-test-")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	defer os.RemoveAll(dir)
	binary = filepath.Join(dir, "license-operator")
	build := exec.Command("go", "build", "-o", binary, "./cmd/license-operator")
	build.Dir = env.Root()
	build.Stdout, build.Stderr = os.Stderr, os.Stderr
	if err := build.Run(); err != nil {
		fmt.Fprintln(os.Stderr, "build the operator:", err)
		return 1
	}
	cluster, err = env.Start(context.Background())
	if err != nil {
		fmt.Fprintln(os.Stderr, "start the control plane:", err)
		return 1
	}
	defer func() {
		if err := cluster.Stop(); err != nil {
			fmt.Fprintln(os.Stderr, "stop the control plane:", err)
		}
	}()
	return m.Run()
}
