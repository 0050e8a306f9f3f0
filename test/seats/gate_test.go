// Copyright The license-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package seats_test

import (
	"bytes"
	"encoding/json"
	"encoding/pem"
	"io"
	"log"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"k8s.io/client-go/rest"

	"github.com/license-operator/license-operator/api/v1alpha1"
)

// gate is on a replica's way to the API server. It lets everything through, and
// can kill its replica, or let it stand still, at one write.
type gate struct {
	server  *httptest.Server
	inner   *httputil.ReverseProxy
	replica *replica
}

// cut is a moment at which something happens to a replica.
type cut struct {
	// at says whether it is this write of a block by this replica.
	at func(by *replica, method string, l *v1alpha1.SeatLedger) bool
	// done lets the write happen first, so that only its answer is lost.
	done bool
	// do is what happens; nil for being killed. A replica that lives gets the
	// answer.
	do func(*replica) error

	mu sync.Mutex
	// hit is the replica to which it happened; nil if it has not.
	hit *replica
	err error
}

// made says whether the cut was made, and what went wrong.
func (c *cut) made() (bool, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.hit != nil, c.err
}

// armed is the cut that the next write that fits makes; nil for none.
var armed atomic.Pointer[cut]

func newGate(r *replica) (*gate, error) {
	target, err := url.Parse(cluster.Admin.Host)
	if err != nil {
		return nil, err
	}
	transport, err := rest.TransportFor(rest.AnonymousClientConfig(cluster.Admin))
	if err != nil {
		return nil, err
	}
	g := &gate{replica: r, inner: &httputil.ReverseProxy{
		Rewrite:       func(p *httputil.ProxyRequest) { p.SetURL(target) },
		Transport:     transport,
		FlushInterval: -1, // A watch is shown what comes at once.
		ErrorLog:      log.New(io.Discard, "", 0),
	}}
	g.server = httptest.NewUnstartedServer(g)
	g.server.Config.ErrorLog = log.New(io.Discard, "", 0)
	g.server.EnableHTTP2 = true
	g.server.StartTLS()
	return g, nil
}

// config is a configuration that goes through the gate.
func (g *gate) config(cfg *rest.Config) *rest.Config {
	cfg = rest.CopyConfig(cfg)
	cfg.Host = g.server.URL
	cfg.CAData = pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: g.server.Certificate().Raw})
	return cfg
}

// slowest is how long the API server took for one request at most, in
// nanoseconds. A replica may fail while that is more than it waits for.
var slowest atomic.Int64

// ServeHTTP implements http.Handler.
func (g *gate) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if start := time.Now(); !r.URL.Query().Has("watch") {
		defer func() {
			for took := int64(time.Since(start)); ; {
				if most := slowest.Load(); took <= most || slowest.CompareAndSwap(most, took) {
					return
				}
			}
		}()
	}
	c := armed.Load()
	write := r.Method == http.MethodPut || r.Method == http.MethodPost
	if c == nil || !write || !strings.Contains(r.URL.Path, "/seatledgers") {
		g.inner.ServeHTTP(w, r)
		return
	}
	body, err := io.ReadAll(r.Body)
	l := &v1alpha1.SeatLedger{}
	if err != nil || json.Unmarshal(body, l) != nil {
		http.Error(w, "this is no SeatLedger", http.StatusBadRequest)
		return
	}
	r.Body = io.NopCloser(bytes.NewReader(body))
	c.pass(g, w, r, l)
}

// pass lets one write through, and may make the cut. One write is decided on at a
// time, so that there is one that is first.
func (c *cut) pass(g *gate, w http.ResponseWriter, r *http.Request, l *v1alpha1.SeatLedger) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.hit != nil || !c.at(g.replica, r.Method, l) {
		g.inner.ServeHTTP(w, r)
		return
	}
	answer := httptest.NewRecorder()
	if c.done {
		g.inner.ServeHTTP(answer, r)
	}
	if answer.Code < http.StatusMultipleChoices { // Else another was first.
		c.hit = g.replica
		if c.do == nil {
			c.err = both.kill(g.replica)
			panic(http.ErrAbortHandler)
		}
		c.err = c.do(g.replica)
	}
	if !c.done {
		g.inner.ServeHTTP(answer, r)
	}
	maps.Copy(w.Header(), answer.Header())
	w.WriteHeader(answer.Code)
	_, _ = w.Write(answer.Body.Bytes())
}
