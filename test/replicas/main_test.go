// Copyright The license-operator Authors.
// SPDX-License-Identifier: Apache-2.0

// Package replicas tests several replicas of the operator as the processes that
// are shipped, against one control plane and under the operator's own role:
// started at once, killed, and stopped under load.
package replicas

import (
	"os"
	"testing"

	"github.com/license-operator/license-operator/test/env"
)

var (
	cluster *env.Env
	// binary is the operator, built once for all tests here.
	binary string
)

func TestMain(m *testing.M) {
	os.Exit(env.RunBinary(func(e *env.Env, built string) int {
		cluster, binary = e, built
		return m.Run()
	}))
}
