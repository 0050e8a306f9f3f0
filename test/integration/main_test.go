// Copyright The license-operator Authors.
// SPDX-License-Identifier: Apache-2.0

// Package integration tests the endpoint over real TLS: the whole operator in
// process, under exactly the role that is shipped, against a real API server.
package integration

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/license-operator/license-operator/test/env"
	"github.com/license-operator/license-operator/test/inprocess"
	"github.com/license-operator/license-operator/test/integration/wire"
	"github.com/license-operator/license-operator/test/receiver"
)

var (
	cluster *env.Env
	// now is the clock of every operator and client of this package.
	now = inprocess.NewClock()
	// logs is what all operators here have written.
	logs = &inprocess.Log{}
	// ledger knows every secret that passed through.
	ledger = &wire.Ledger{}
	// operator is the replica that most tests call.
	operator *replica
	// hooks is the one webhook that operators here may reach.
	hooks *receiver.Receiver
)

func TestMain(m *testing.M) {
	logs.TakeAll()
	os.Exit(env.Run(func(e *env.Env) int {
		cluster = e
		return run(m)
	}))
}

func run(m *testing.M) int {
	defer now.Flow()()
	hooks = receiver.Start(now.Now)
	defer hooks.Close()
	dir, err := os.MkdirTemp("", "integration-")
	if err != nil {
		fmt.Fprintln(os.Stderr, "make a directory:", err)
		return 1
	}
	defer func() { _ = os.RemoveAll(dir) }()
	webhookCA = filepath.Join(dir, "webhook-ca.crt")
	if err := os.WriteFile(webhookCA, hooks.CA(), 0o600); err != nil {
		fmt.Fprintln(os.Stderr, "write the webhook's CA:", err)
		return 1
	}
	operator, err = startReplica(cluster.Operator, withWebhooks)
	if err != nil {
		fmt.Fprintf(os.Stderr, "start the operator: %v\n%s", err, logs)
		return 1
	}
	code := m.Run()
	// These are tests of the whole run: they hold for every other test here.
	for name, check := range afterwards {
		if wrong := check(); len(wrong) > 0 {
			code = 1
			fmt.Printf("--- FAIL: %s\n", name)
			for _, line := range wrong[:min(len(wrong), 20)] {
				fmt.Printf("    %s\n", line)
			}
		}
	}
	if err := operator.Stop(); err != nil {
		fmt.Println("--- FAIL: the operator ended with", err)
		code = 1
	}
	return code
}

// call is the client of the operator that most tests call.
func call() *wire.Client { return operator.client }

// vendor makes a vendor of its own for a test.
func vendor(t testing.TB) *wire.Vendor {
	t.Helper()
	return wire.NewVendor(t, cluster, ledger)
}

// within waits until a check is true, and logs how long it took: what it has to
// be in production is measured elsewhere, on a machine that is named.
func within(t testing.TB, what string, check func() bool) {
	t.Helper()
	start := time.Now()
	wire.Eventually(t, what, func(context.Context) error {
		if !check() {
			return fmt.Errorf("not after %s", time.Since(start).Round(time.Millisecond))
		}
		return nil
	})
	t.Logf("%s: after %s", what, time.Since(start).Round(time.Millisecond))
}
