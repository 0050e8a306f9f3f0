// Copyright The license-operator Authors.
// SPDX-License-Identifier: Apache-2.0

// Package receiver is a vendor's webhook for tests: a server with TLS of its own
// that verifies every message and remembers it, and that behaves badly if it is
// told to.
package receiver

import (
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"sync"
	"testing"
	"time"
)

// Call is one message as it came.
type Call struct {
	// ID, Timestamp and Signature are the three headers.
	ID, Timestamp, Signature string
	// Path is where it was posted to.
	Path string
	// Header is all of them, Raw the body and Body what is in it.
	Header http.Header
	Raw    string
	Body   map[string]string
	// Verified is nil if one of the trusted secrets has signed it.
	Verified error
}

// Receiver is a running webhook.
type Receiver struct {
	// URL is where it takes messages.
	URL string

	server *httptest.Server
	now    func() time.Time

	mu     sync.Mutex
	secret string
	behave http.HandlerFunc
	calls  []Call
}

// New starts a Receiver that ends with the test. It tells the time by now.
func New(t testing.TB, now func() time.Time) *Receiver {
	t.Helper()
	r := Start(now)
	t.Cleanup(r.Close)
	return r
}

// Start starts a Receiver. The caller closes it.
func Start(now func() time.Time) *Receiver {
	r := &Receiver{now: now}
	r.server = httptest.NewTLSServer(http.HandlerFunc(r.serve))
	r.URL = r.server.URL + "/notifications"
	return r
}

// Close breaks off what is running and ends the Receiver.
func (r *Receiver) Close() {
	r.server.CloseClientConnections()
	r.server.Close()
}

// Trust sets the secret by which messages are verified.
func (r *Receiver) Trust(secret string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.secret = secret
}

// Behave sets how messages are answered, after they were remembered; nil for
// 200. The body has been read.
func (r *Receiver) Behave(how http.HandlerFunc) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.behave = how
}

// Calls are the messages so far.
func (r *Receiver) Calls() []Call {
	r.mu.Lock()
	defer r.mu.Unlock()
	return slices.Clone(r.calls)
}

// Roots trust the Receiver.
func (r *Receiver) Roots() *x509.CertPool {
	pool := x509.NewCertPool()
	pool.AddCert(r.server.Certificate())
	return pool
}

// CA is the certificate that the Receiver is trusted by, PEM.
func (r *Receiver) CA() []byte {
	return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: r.server.Certificate().Raw})
}

func (r *Receiver) serve(w http.ResponseWriter, req *http.Request) {
	raw, err := io.ReadAll(req.Body)
	if err != nil {
		return
	}
	c := Call{
		ID: req.Header.Get("webhook-id"), Timestamp: req.Header.Get("webhook-timestamp"),
		Signature: req.Header.Get("webhook-signature"), Path: req.URL.Path, Header: req.Header.Clone(), Raw: string(raw),
	}
	_ = json.Unmarshal(raw, &c.Body)
	r.mu.Lock()
	c.Verified = Verify(r.secret, req.Header, raw, r.now())
	r.calls = append(r.calls, c)
	behave := r.behave
	r.mu.Unlock()
	if behave != nil {
		behave(w, req)
	}
}
