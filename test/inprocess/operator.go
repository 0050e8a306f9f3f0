// Copyright The license-operator Authors.
// SPDX-License-Identifier: Apache-2.0

// Package inprocess runs the whole operator in the process of a test, with a
// clock that the test steps.
package inprocess

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"time"

	"github.com/spf13/pflag"
	"k8s.io/client-go/rest"
	"k8s.io/utils/clock"

	"github.com/license-operator/license-operator/cmd/license-operator/app"
	"github.com/license-operator/license-operator/internal/options"
	"github.com/license-operator/license-operator/test/env"
)

// Operator is one operator in this process.
type Operator struct {
	// Address is the endpoint's.
	Address string
	// Metrics is the URL of the metrics, which all operators of a process share.
	Metrics string

	health string
	cancel context.CancelFunc
	ended  chan error
}

// Start runs an operator until Stop is called, and waits until it is ready. It
// bounds no caller, for one machine makes all calls, much faster than one client
// would. set changes its options.
func Start(cfg *rest.Config, log *Log, clk clock.WithTicker, set func(*options.Options)) (*Operator, error) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	free, err := env.FreeAddresses(2)
	if err != nil {
		return nil, err
	}
	op := &Operator{Address: listener.Addr().String(), Metrics: "http://" + free[0] + "/metrics",
		health: "http://" + free[1] + "/readyz", ended: make(chan error, 1)}
	o := &options.Options{}
	o.AddFlags(pflag.NewFlagSet("serve", pflag.ContinueOnError))
	o.Namespace, o.MetricsAddress, o.HealthAddress = env.OperatorNamespace, free[0], free[1]
	o.LeaderElect, o.ShutdownDelay, o.CallerRate, o.AnonymousRate = false, 0, 0, 0
	set(o)
	if err := o.Validate(); err != nil {
		return nil, err
	}
	ctx, cancel := context.WithCancel(context.Background())
	op.cancel = cancel
	go func() { op.ended <- app.Run(ctx, cfg, o, listener, log.Logger(), clk) }()
	if err := op.await(); err != nil {
		cancel()
		return nil, err
	}
	return op, nil
}

// await waits until the operator says that it is ready.
func (o *Operator) await() error {
	for deadline := time.Now().Add(time.Minute); time.Now().Before(deadline); {
		select {
		case err := <-o.ended:
			return fmt.Errorf("it has ended: %w", err)
		case <-time.After(20 * time.Millisecond):
		}
		if status, _ := env.Page(o.health); status == http.StatusOK {
			return nil
		}
	}
	return errors.New("it never became ready")
}

// Stop ends the operator as SIGTERM would.
func (o *Operator) Stop() error {
	o.cancel()
	return <-o.ended
}
