// Copyright The license-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package webhook

import (
	"context"
	"crypto/tls"
	"errors"
	"log/slog"
	"net"
	"net/http"
	"sync/atomic"
	"time"

	"github.com/go-logr/logr"
	"golang.org/x/net/netutil"
	"k8s.io/utils/clock"
	logf "sigs.k8s.io/controller-runtime/pkg/log"
	"sigs.k8s.io/controller-runtime/pkg/manager"

	"github.com/license-operator/license-operator/internal/sleep"
)

// Time-outs and bounds of a connection.
const (
	readHeaderTimeout = 10 * time.Second
	readTimeout       = 30 * time.Second
	writeTimeout      = 60 * time.Second
	idleTimeout       = 120 * time.Second
	shutdownTimeout   = 25 * time.Second
	maxConnections    = 10000
)

var errNotServing = errors.New("the endpoint is not serving")

// Server runs the endpoint on every replica, leader or not. It is a type of its
// own because controller-runtime starts a bare manager.Server before the caches
// have synced, and anything else after them.
type Server struct {
	inner manager.Server
	clock clock.Clock
	delay time.Duration
	ready atomic.Bool
}

// NewServer returns a server on a listener. When it is told to stop, it says
// that it is not ready, goes on for delay so that load balancers notice, and
// then lets running requests finish.
func NewServer(listener net.Listener, tlsConfig *tls.Config, endpoint http.Handler, log logr.Logger, delay time.Duration, clk clock.Clock) *Server {
	timeout := shutdownTimeout
	s := &Server{clock: clk, delay: delay}
	s.inner = manager.Server{
		Name:            "endpoint",
		Listener:        tls.NewListener(plainListener{netutil.LimitListener(listener, maxConnections), clk}, tlsConfig),
		ShutdownTimeout: &timeout,
		Server: &http.Server{
			Handler:           endpoint,
			TLSConfig:         tlsConfig,
			ReadHeaderTimeout: readHeaderTimeout,
			ReadTimeout:       readTimeout,
			WriteTimeout:      writeTimeout,
			IdleTimeout:       idleTimeout,
			MaxHeaderBytes:    2 * maxHeaders,
			ErrorLog:          slog.NewLogLogger(logr.ToSlogHandler(log.V(1)), slog.LevelDebug),
			BaseContext: func(net.Listener) context.Context {
				return logf.IntoContext(context.Background(), log)
			},

			// Every answer is the protocol's, also that to OPTIONS *.
			DisableGeneralOptionsHandler: true,
		},
	}
	return s
}

// Start implements manager.Runnable.
func (s *Server) Start(ctx context.Context) error {
	serving, stop := context.WithCancel(context.WithoutCancel(ctx))
	defer stop()
	go func() {
		select {
		case <-ctx.Done():
			s.ready.Store(false)
			_ = sleep.For(serving, s.clock, s.delay) // It is stopped either way.
			stop()
		case <-serving.Done():
		}
	}()
	s.ready.Store(true)
	defer s.ready.Store(false)
	return s.inner.Start(serving)
}

// NeedLeaderElection implements manager.LeaderElectionRunnable.
func (*Server) NeedLeaderElection() bool { return false }

// Ready is a healthz.Checker: nil while requests are served.
func (s *Server) Ready(*http.Request) error {
	if s.ready.Load() {
		return nil
	}
	return errNotServing
}
