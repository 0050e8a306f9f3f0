// Copyright The license-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package integration

import (
	"context"
	"errors"
	"testing"

	"k8s.io/client-go/rest"

	"github.com/license-operator/license-operator/internal/options"
	"github.com/license-operator/license-operator/test/env"
	"github.com/license-operator/license-operator/test/inprocess"
	"github.com/license-operator/license-operator/test/integration/wire"
)

// replica is one operator in this process.
type replica struct {
	*inprocess.Operator

	client *wire.Client
}

// startReplica runs an operator until it is stopped, and waits until it answers.
func startReplica(cfg *rest.Config, set func(*options.Options)) (*replica, error) {
	o, err := inprocess.Start(cfg, logs, now, set)
	if err != nil {
		return nil, err
	}
	roots, err := env.Roots(context.Background(), cluster.Client)
	if err != nil {
		return nil, errors.Join(err, o.Stop())
	}
	return &replica{o, &wire.Client{
		URL: "https://" + o.Address, HTTP: wire.HTTPClient(roots, now.Now), Now: now.Now, Ledger: ledger}}, nil
}

// another runs one more operator for a test.
func another(t *testing.T, cfg *rest.Config, set func(*options.Options)) *replica {
	t.Helper()
	r, err := startReplica(cfg, set)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := r.Stop(); err != nil {
			t.Errorf("the replica ended with %v", err)
		}
	})
	return r
}
