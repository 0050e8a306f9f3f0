// Copyright The license-operator Authors.
// SPDX-License-Identifier: Apache-2.0

// Command webhook-receiver takes the notifications of one Product, verifies them
// and prints each once. It is made to be copied.
//
//	WEBHOOK_SECRET=whsec_… webhook-receiver -listen :8443 -cert tls.crt -key tls.key
package main

import (
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"net/http"
	"os"
	"sync"
	"time"
)

// maxBody is more than any notification has.
const maxBody = 64 << 10

// notification is what is posted.
type notification struct {
	Action             string `json:"action"`
	CustomerIdentifier string `json:"customer-identifier"`
	ProductCode        string `json:"product-code"`
	FreeTrial          string `json:"isFreeTrialTermPresent"`
}

// receiver hands each notification on once.
type receiver struct {
	secret string
	now    func() time.Time
	take   func(id string, n notification) error

	mu   sync.Mutex
	seen map[string]bool // Keep this where it survives a restart.
}

// ServeHTTP implements http.Handler. It answers 204 once the notification has
// been taken, and anything else to have it again.
func (r *receiver) ServeHTTP(w http.ResponseWriter, req *http.Request) {
	body, err := io.ReadAll(http.MaxBytesReader(w, req.Body, maxBody))
	if err != nil {
		http.Error(w, "the body is too long", http.StatusRequestEntityTooLarge)
		return
	}
	if err := verify(r.secret, req.Header, body, r.now()); err != nil {
		http.Error(w, err.Error(), http.StatusUnauthorized)
		return
	}
	var n notification
	if err := json.Unmarshal(body, &n); err != nil {
		http.Error(w, "the body is no JSON", http.StatusBadRequest)
		return
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	id := req.Header.Get("webhook-id")
	if !r.seen[id] {
		if err := r.take(id, n); err != nil {
			http.Error(w, "not now", http.StatusServiceUnavailable)
			return
		}
		r.seen[id] = true
	}
	w.WriteHeader(http.StatusNoContent)
}

func main() {
	listen := flag.String("listen", ":8443", "address to listen on")
	cert := flag.String("cert", "tls.crt", "certificate")
	key := flag.String("key", "tls.key", "its private key")
	flag.Parse()
	r := &receiver{secret: os.Getenv("WEBHOOK_SECRET"), now: time.Now, seen: map[string]bool{},
		take: func(id string, n notification) error {
			_, err := fmt.Println(id, n.Action, n.CustomerIdentifier, n.ProductCode)
			return err
		}}
	server := &http.Server{Addr: *listen, Handler: r, ReadTimeout: 10 * time.Second, WriteTimeout: 10 * time.Second}
	fmt.Fprintln(os.Stderr, server.ListenAndServeTLS(*cert, *key))
	os.Exit(1)
}
