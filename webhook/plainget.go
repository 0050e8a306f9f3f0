// Copyright The license-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package webhook

import (
	"net/http"

	"github.com/license-operator/license-operator/internal/fault"
	"github.com/license-operator/license-operator/webhook/auth"
)

// What is served to a plain GET, as the log and the metrics name it.
const (
	actionJWKS        = "JWKS"
	actionCredentials = "Credentials"
	actionPublicKeys  = "PublicKeys"
)

// serveCredentials answers a ServiceAccount's request for temporary keys.
func (e *Endpoint) serveCredentials(w http.ResponseWriter, r *http.Request, rec *record) {
	rec.protocol, rec.action = protocolHTTP, actionCredentials
	var issued auth.Credentials
	err := e.guarded(r, rec, func() (err error) {
		if err := e.checkTransport(r); err != nil {
			return err
		}
		if rec.principal, issued, err = e.vended.Issue(r); err != nil {
			return err
		}
		if !e.callers.Allow(rec.principal.Caller()) {
			return fault.New(fault.Throttled, "Too many requests. Try again later.")
		}
		return nil
	})
	e.finish(w, r, rec, err, func(w http.ResponseWriter) (string, int, error) {
		return writeCredentials(w, issued, err)
	})
}

// serveKeys answers with public keys. Anybody may ask.
func (e *Endpoint) serveKeys(w http.ResponseWriter, r *http.Request, rec *record, action string, keys http.Handler) {
	rec.protocol, rec.action = protocolHTTP, action
	err := e.guarded(r, rec, func() error {
		if err := e.checkTransport(r); err != nil {
			return err
		}
		if !e.allowAnonymous(r) {
			return fault.New(fault.Throttled, "Too many requests. Try again later.")
		}
		return nil
	})
	e.finish(w, r, rec, err, func(w http.ResponseWriter) (string, int, error) {
		if err != nil {
			return writeCredentials(w, auth.Credentials{}, err)
		}
		status := &statusWriter{ResponseWriter: w, status: http.StatusOK}
		keys.ServeHTTP(status, r)
		return http.StatusText(status.status), status.status, status.lost
	})
}

// statusWriter remembers what became of an answer.
type statusWriter struct {
	http.ResponseWriter
	status int
	lost   error
}

// WriteHeader implements http.ResponseWriter.
func (w *statusWriter) WriteHeader(status int) {
	w.status = status
	w.ResponseWriter.WriteHeader(status)
}

// Write implements http.ResponseWriter.
func (w *statusWriter) Write(body []byte) (int, error) {
	n, err := w.ResponseWriter.Write(body)
	w.lost = err
	return n, err
}
