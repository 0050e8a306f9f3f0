// Copyright The license-operator Authors.
// SPDX-License-Identifier: Apache-2.0

// Package crd_test holds the custom resource definitions against a real API
// server: what they accept, what they refuse and with which words, what they
// fill in, and what kubectl shows of them.
package crd_test

import (
	"testing"

	"github.com/license-operator/license-operator/test/env"
)

var cluster *env.Env

func TestMain(m *testing.M) {
	env.Main(m, func(e *env.Env) { cluster = e })
}
