// Copyright The license-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package integration

import (
	"bytes"
	"context"
	"crypto/x509"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"sync"
	"testing"
	"time"

	"github.com/go-logr/logr"
	"github.com/spf13/pflag"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/client-go/rest"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/license-operator/license-operator/cmd/license-operator/app"
	"github.com/license-operator/license-operator/internal/options"
	"github.com/license-operator/license-operator/internal/serving"
	"github.com/license-operator/license-operator/test/env"
	"github.com/license-operator/license-operator/test/integration/wire"
)

// buffer takes what operators log.
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

// handler writes as the command does with --log-level debug.
func (b *buffer) handler() slog.Handler {
	return slog.NewJSONHandler(b, &slog.HandlerOptions{Level: slog.LevelDebug})
}

// replica is one operator in this process.
type replica struct {
	client  *wire.Client
	address string
	metrics string
	health  string

	cancel context.CancelFunc
	ended  chan error
}

// startReplica runs an operator until stop is called, and waits until it
// answers.
func startReplica(cfg *rest.Config, set func(*options.Options)) (*replica, error) {
	listeners := make([]net.Listener, 3)
	for i := range listeners {
		var err error
		if listeners[i], err = net.Listen("tcp", "127.0.0.1:0"); err != nil {
			return nil, err
		}
	}
	// The operator binds the last two itself.
	r := &replica{
		address: listeners[0].Addr().String(),
		metrics: listeners[1].Addr().String(),
		health:  listeners[2].Addr().String(),
		ended:   make(chan error, 1),
	}
	listeners[1].Close()
	listeners[2].Close()

	o := &options.Options{}
	o.AddFlags(pflag.NewFlagSet("serve", pflag.ContinueOnError))
	o.Namespace = env.OperatorNamespace
	o.MetricsAddress, o.HealthAddress = r.metrics, r.health
	// One machine makes all calls, much faster than one client would.
	o.LeaderElect, o.ShutdownDelay, o.CallerRate, o.AnonymousRate = false, 0, 0, 0
	set(o)
	if err := o.Validate(); err != nil {
		return nil, err
	}
	ctx, cancel := context.WithCancel(context.Background())
	r.cancel = cancel
	go func() { r.ended <- app.Run(ctx, cfg, o, listeners[0], logr.FromSlogHandler(logs.handler()), now) }()
	if err := r.await(); err != nil {
		cancel()
		return nil, err
	}
	roots, err := published()
	if err != nil {
		cancel()
		return nil, err
	}
	r.client = &wire.Client{
		URL: "https://" + r.address, HTTP: wire.HTTPClient(roots, now.Now), Now: now.Now, Ledger: ledger}
	return r, nil
}

// await waits until the replica says that it is ready.
func (r *replica) await() error {
	deadline := time.Now().Add(time.Minute)
	for time.Now().Before(deadline) {
		select {
		case err := <-r.ended:
			return fmt.Errorf("it has ended: %w", err)
		case <-time.After(20 * time.Millisecond):
		}
		resp, err := http.Get("http://" + r.health + "/readyz")
		if err != nil {
			continue
		}
		resp.Body.Close()
		if resp.StatusCode == http.StatusOK {
			return nil
		}
	}
	return errors.New("it never became ready")
}

// stop ends the replica as SIGTERM would.
func (r *replica) stop() error {
	r.cancel()
	return <-r.ended
}

// published is the CA that clients are told to trust.
func published() (*x509.CertPool, error) {
	cm := &corev1.ConfigMap{}
	key := client.ObjectKey{Namespace: env.OperatorNamespace, Name: serving.CAConfigMapName}
	if err := cluster.Client.Get(context.Background(), key, cm); err != nil {
		return nil, err
	}
	pool := x509.NewCertPool()
	if !pool.AppendCertsFromPEM([]byte(cm.Data[serving.CADataKey])) {
		return nil, errors.New("the published CA holds no certificate")
	}
	return pool, nil
}

// another runs one more operator for a test.
func another(t *testing.T, cfg *rest.Config, set func(*options.Options)) *replica {
	t.Helper()
	r, err := startReplica(cfg, set)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := r.stop(); err != nil {
			t.Errorf("the replica ended with %v", err)
		}
	})
	return r
}
