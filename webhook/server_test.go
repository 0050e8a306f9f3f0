// Copyright The license-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package webhook_test

import (
	"context"
	"crypto/tls"
	"errors"
	"net"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	testclock "k8s.io/utils/clock/testing"
	logf "sigs.k8s.io/controller-runtime/pkg/log"

	"github.com/license-operator/license-operator/webhook"
)

func withLogger(ctx context.Context, f *fixture) context.Context {
	return logf.IntoContext(ctx, f.logger())
}

// running is a server with a handler that a test holds up.
type running struct {
	server *webhook.Server
	clock  *testclock.FakeClock
	client *http.Client
	url    string
	stop   context.CancelFunc
	ended  chan error
	// arrived tells of requests for /slow, which wait for release.
	arrived, release chan struct{}
}

const delay = 5 * time.Second

func run(t *testing.T) *running {
	t.Helper()
	// The certificate of httptest is for 127.0.0.1 and example.com.
	pattern := httptest.NewUnstartedServer(http.NotFoundHandler())
	pattern.StartTLS()
	certificate, client := pattern.TLS.Certificates[0], pattern.Client()
	pattern.Close()

	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	r := &running{
		clock: testclock.NewFakeClock(start), client: client, url: "https://" + listener.Addr().String(),
		ended: make(chan error, 1), arrived: make(chan struct{}), release: make(chan struct{}),
	}
	handler := http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		if req.URL.Path == "/slow" {
			r.arrived <- struct{}{}
			<-r.release
		}
		w.WriteHeader(http.StatusNoContent)
	})
	log := newFixture(t, webhook.Config{}).logger()
	r.server = webhook.NewServer(listener, &tls.Config{Certificates: []tls.Certificate{certificate}}, handler, log, delay, r.clock)
	if r.server.Ready(nil) == nil {
		t.Error("ready before it was started")
	}
	if r.server.NeedLeaderElection() {
		t.Error("only the leader would serve")
	}
	ctx, cancel := context.WithCancel(t.Context())
	r.stop = cancel
	t.Cleanup(cancel)
	go func() { r.ended <- r.server.Start(ctx) }()
	r.until(t, "it is ready", func() bool { return r.server.Ready(nil) == nil })
	return r
}

func (r *running) until(t *testing.T, what string, check func() bool) {
	t.Helper()
	for range 1000 {
		if check() {
			return
		}
		time.Sleep(10 * time.Millisecond)
	}
	t.Fatalf("never: %s", what)
}

func (r *running) get(path string) error {
	resp, err := r.client.Get(r.url + path)
	if err != nil {
		return err
	}
	resp.Body.Close()
	if resp.StatusCode != http.StatusNoContent {
		return errors.New(resp.Status)
	}
	return nil
}

func TestAServerThatIsToldToStopIsNotReadyButServesUntilTheDelayIsOver(t *testing.T) {
	r := run(t)
	if err := r.get("/"); err != nil {
		t.Fatal(err)
	}
	r.stop()
	r.until(t, "it is not ready", func() bool { return r.server.Ready(nil) != nil })
	r.until(t, "it waits for the delay", r.clock.HasWaiters)
	if err := r.get("/"); err != nil {
		t.Errorf("a request in the delay: %v", err)
	}
	slow := make(chan error, 1)
	go func() { slow <- r.get("/slow") }()
	<-r.arrived
	r.clock.Step(delay - time.Millisecond)
	if err := r.get("/"); err != nil {
		t.Errorf("a request at the end of the delay: %v", err)
	}
	r.clock.Step(time.Millisecond)
	r.until(t, "nobody listens", func() bool { return r.get("/") != nil })
	select {
	case err := <-r.ended:
		t.Fatalf("it ended, with %v, while a request was running", err)
	default:
	}
	close(r.release)
	if err := <-slow; err != nil {
		t.Errorf("the request that was running: %v", err)
	}
	if err := <-r.ended; err != nil {
		t.Errorf("it ended with %v", err)
	}
	if r.server.Ready(nil) == nil {
		t.Error("ready after its end")
	}
}

func TestAServerWhoseListenerFailsEndsWithTheError(t *testing.T) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	listener.Close()
	f := newFixture(t, webhook.Config{})
	s := webhook.NewServer(listener, &tls.Config{}, f.endpoint, f.logger(), delay, f.clock)
	if err := s.Start(t.Context()); err == nil {
		t.Error("it ended without an error")
	}
	if s.Ready(nil) == nil {
		t.Error("it is still ready")
	}
}
