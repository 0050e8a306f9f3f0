// Copyright The license-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package seats_test

import (
	"bytes"
	"context"
	"log/slog"
	"net"
	"net/http"
	"sync"
	"testing"
	"time"

	"github.com/go-logr/logr"
	"github.com/spf13/pflag"
	"k8s.io/klog/v2"
	testclock "k8s.io/utils/clock/testing"
	ctrl "sigs.k8s.io/controller-runtime"

	"github.com/license-operator/license-operator/cmd/license-operator/app"
	"github.com/license-operator/license-operator/internal/options"
	"github.com/license-operator/license-operator/test/env"
	"github.com/license-operator/license-operator/test/integration/wire"
)

// ahead is the log of the replica in this process.
var ahead = &buffer{}

// buffer takes a log.
type buffer struct {
	mu   sync.Mutex
	text bytes.Buffer
}

// Write implements io.Writer.
func (b *buffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.text.Write(p)
}

// String returns everything that was written so far.
func (b *buffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.text.String()
}

// stepped is a clock that flows like the real one, and that a test steps ahead.
type stepped struct {
	*testclock.FakeClock

	mu    sync.Mutex
	ahead time.Duration
}

func (c *stepped) step(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.ahead += d
	c.SetTime(time.Now().Add(c.ahead))
}

// flow lets the clock go on until the test ends.
func (c *stepped) flow(t *testing.T) {
	done := make(chan struct{})
	t.Cleanup(func() { close(done) })
	go func() {
		for tick := time.NewTicker(5 * time.Millisecond); ; {
			select {
			case <-done:
				tick.Stop()
				return
			case <-tick.C:
				c.step(0)
			}
		}
	}()
}

// aheadOf starts a third replica, in this process, with a clock that the test
// steps. It never leads: those that it is beside do.
func aheadOf(t *testing.T) (*replica, *stepped) {
	t.Helper()
	clk := &stepped{FakeClock: testclock.NewFakeClock(time.Now())}
	clk.flow(t)
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	health, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	health.Close() // The operator binds it itself.
	o := &options.Options{}
	o.AddFlags(pflag.NewFlagSet("serve", pflag.ContinueOnError))
	o.Namespace, o.MetricsAddress, o.HealthAddress = env.OperatorNamespace, "0", health.Addr().String()
	o.ShutdownDelay, o.CallerRate, o.AnonymousRate, o.MaxClockSkew = 0, 0, 0, 0
	log := logr.FromSlogHandler(slog.NewJSONHandler(ahead, &slog.HandlerOptions{Level: slog.LevelDebug}))
	ctrl.SetLogger(log)
	klog.SetLogger(log.WithName("client"))
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- app.Run(ctx, cluster.Operator, o, listener, log, clk) }()
	t.Cleanup(func() {
		cancel()
		if err := <-ended; err != nil {
			t.Errorf("the replica in this process ended with %v", err)
		}
	})
	wire.Eventually(t, "the replica in this process is ready", func(ctx context.Context) error {
		req, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+health.Addr().String()+"/readyz", nil)
		if err != nil {
			return err
		}
		resp, err := http.DefaultClient.Do(req)
		if err == nil && resp.StatusCode != http.StatusOK {
			err = http.ErrServerClosed
		}
		if err == nil {
			resp.Body.Close()
		}
		return err
	})
	return &replica{name: "the one ahead", url: "https://" + listener.Addr().String(), now: clk.Now,
		http: clientOf(wire.Trust(t, cluster.Client), clk.Now)}, clk
}
