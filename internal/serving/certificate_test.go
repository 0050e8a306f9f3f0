// Copyright The license-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package serving

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"io"
	"log"
	"net"
	"net/http"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func TestACertificateStartsEmptyAndKeepsTheLastGoodOne(t *testing.T) {
	var c Certificate
	if _, err := c.Get(nil); !errors.Is(err, ErrNoCertificate) {
		t.Errorf("the error before the first Set is %v", err)
	}
	if c.CAPEM() != nil {
		t.Error("there is a CA before the first Set")
	}
	good, _ := mustAdvance(t, nil, now)
	other, _ := mustAdvance(t, nil, now)
	if err := c.Set(good); err != nil {
		t.Fatal(err)
	}
	mixed := good.leaf
	mixed.PrivateKey = other.leaf.PrivateKey
	swapped := good.leaf
	swapped.Certificate = other.leaf.Certificate
	bad := map[string]*Bundle{
		"none":                             nil,
		"an empty one":                     {},
		"one with the key of another":      {authorities: good.authorities, leaf: mixed},
		"one with the chain of another":    {authorities: good.authorities, leaf: swapped},
		"one that another CA has signed":   {authorities: other.authorities, leaf: good.leaf},
		"one that trusts no CA whatsoever": {leaf: good.leaf},
	}
	for name, b := range bad {
		if err := c.Set(b); err == nil {
			t.Errorf("it takes %s", name)
		} else if leaks(err.Error(), mustData(t, good)) {
			t.Errorf("the error shows a key: %v", err)
		}
	}
	got, err := c.Get(nil)
	if err != nil {
		t.Fatal(err)
	}
	if !got.Leaf.Equal(good.leaf.Leaf) {
		t.Error("it serves another certificate than the last good one")
	}
	if diff := cmp.Diff(good.CAPEM(), c.CAPEM()); diff != "" {
		t.Error(diff)
	}
	c.CAPEM()[0] = 'x'
	if diff := cmp.Diff(good.CAPEM(), c.CAPEM()); diff != "" {
		t.Errorf("a caller changed it:\n%s", diff)
	}
}

// startServer serves as the endpoint does, and answers its address.
func startServer(t *testing.T, c *Certificate) string {
	t.Helper()
	inner, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	config := TLSConfig(c.Get)
	server := &http.Server{
		Handler:   http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { _, _ = io.WriteString(w, r.Proto) }),
		TLSConfig: config,
		ErrorLog:  log.New(io.Discard, "", 0),
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		if err := server.Serve(tls.NewListener(inner, config)); !errors.Is(err, http.ErrServerClosed) {
			t.Error(err)
		}
	}()
	t.Cleanup(func() { _ = server.Close(); <-done })
	return inner.Addr().String()
}

func clientConfig(t *testing.T, caPEM []byte) *tls.Config {
	t.Helper()
	roots := x509.NewCertPool()
	if !roots.AppendCertsFromPEM(caPEM) {
		t.Fatal("no CA")
	}
	return &tls.Config{RootCAs: roots, ServerName: hostname, NextProtos: []string{"h2", "http/1.1"}}
}

func TestNoRequestFailsWhileTheCertificateIsSwapped(t *testing.T) {
	// One before and one after the change of the CA, made so that both are valid
	// today: the client's clock is real.
	start := time.Now().Add(-10 * 365 * day)
	first, _ := mustAdvance(t, nil, start)
	overlap, _ := mustAdvance(t, first, start.AddDate(9, 10, 0))
	before, _ := mustAdvance(t, overlap, time.Now().Add(-time.Hour), "before.example")
	after, _ := mustAdvance(t, before, time.Now(), "after.example")
	trusted := after.CAPEM()
	var c Certificate
	if err := c.Set(before); err != nil {
		t.Fatal(err)
	}
	address := startServer(t, &c)

	var seen sync.Map
	var requests atomic.Int64
	stop := make(chan struct{})
	var wg sync.WaitGroup
	for n := range 4 {
		config := clientConfig(t, trusted)
		config.VerifyConnection = func(state tls.ConnectionState) error {
			seen.Store(state.PeerCertificates[0].SerialNumber.String(), true)
			return nil
		}
		if n == 3 {
			config.ClientSessionCache = tls.NewLRUClientSessionCache(4)
		}
		// One client keeps its connection, the others make new ones.
		client := &http.Client{Transport: &http.Transport{TLSClientConfig: config, DisableKeepAlives: n != 0}}
		wg.Go(func() {
			defer client.CloseIdleConnections()
			for {
				select {
				case <-stop:
					return
				default:
				}
				response, err := client.Get("https://" + address)
				if err != nil {
					t.Errorf("a request failed: %v", err)
					return
				}
				body, err := io.ReadAll(response.Body)
				_ = response.Body.Close()
				if err != nil || string(body) != "HTTP/1.1" {
					t.Errorf("the answer is %q, %v", body, err)
				}
				requests.Add(1)
			}
		})
	}
	deadline := time.Now().Add(time.Minute)
	for swaps := 0; (swaps < 200 || requests.Load() < 200) && time.Now().Before(deadline) && !t.Failed(); swaps++ {
		b := before
		if swaps%2 == 0 {
			b = after
		}
		if err := c.Set(b); err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Millisecond)
	}
	close(stop)
	wg.Wait()
	served := 0
	seen.Range(func(any, any) bool { served++; return true })
	if requests.Load() < 200 || served != 2 {
		t.Errorf("%d requests saw %d certificates, want at least 200 and 2", requests.Load(), served)
	}
}

func TestTheEndpointsTLS(t *testing.T) {
	b, _ := mustAdvance(t, nil, time.Now())
	var c Certificate
	address := startServer(t, &c)
	config := clientConfig(t, b.CAPEM())
	config.ClientSessionCache = tls.NewLRUClientSessionCache(1)
	dial := func(change func(*tls.Config)) (tls.ConnectionState, error) {
		own := config.Clone()
		change(own)
		connection, err := tls.Dial("tcp", address, own)
		if err != nil {
			return tls.ConnectionState{}, err
		}
		defer connection.Close()
		// The answer brings the session tickets.
		if _, err := io.WriteString(connection, "GET / HTTP/1.0\r\n\r\n"); err != nil {
			return tls.ConnectionState{}, err
		}
		_, err = io.ReadAll(connection)
		return connection.ConnectionState(), err
	}
	same := func(*tls.Config) {}
	if _, err := dial(same); err == nil {
		t.Error("it serves without a certificate")
	}
	if err := c.Set(b); err != nil {
		t.Fatal(err)
	}
	state, err := dial(same)
	if err != nil {
		t.Fatal(err)
	}
	if state.Version != tls.VersionTLS13 || state.NegotiatedProtocol != "http/1.1" {
		t.Errorf("version %x, protocol %q", state.Version, state.NegotiatedProtocol)
	}
	if len(state.PeerCertificates) != 2 || !state.PeerCertificates[1].IsCA {
		t.Errorf("the chain has %d certificates", len(state.PeerCertificates))
	}
	if state, err = dial(same); err != nil || !state.DidResume {
		t.Errorf("no resumption: %v", err)
	}
	if state, err = dial(func(c *tls.Config) { c.MaxVersion = tls.VersionTLS12 }); err != nil || state.Version != tls.VersionTLS12 {
		t.Errorf("version 1.2: %v", err)
	}
	if _, err = dial(func(c *tls.Config) { c.MinVersion, c.MaxVersion = tls.VersionTLS10, tls.VersionTLS11 }); err == nil {
		t.Error("it speaks version 1.1")
	}
	if _, err = dial(func(c *tls.Config) { c.ServerName = "other.example" }); err == nil {
		t.Error("a client takes it for another name")
	}
}
