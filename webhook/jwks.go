// Copyright The license-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package webhook

import (
	"bytes"
	"io"
	"net/http"
	"strconv"
	"time"

	"github.com/license-operator/license-operator/internal/secrets"
)

// JWKSPath is where the public keys are, below the path prefix.
const JWKSPath = "/.well-known/jwks.json"

// jwksCacheControl lets every cache keep the keys for as long as the delay of a
// rotation reckons with.
var jwksCacheControl = "public, max-age=" + strconv.Itoa(int(secrets.JWKSMaxAge/time.Second))

// jwksHandler serves the public keys that licence tokens are verified with to
// everybody, by GET and HEAD. They change with a rotation and with nothing else,
// so it asks no clock.
type jwksHandler struct {
	keys *secrets.Holder
}

// NewJWKSHandler returns the handler for JWKSPath. It looks at no path.
func NewJWKSHandler(keys *secrets.Holder) http.Handler {
	return &jwksHandler{keys: keys}
}

// ServeHTTP implements http.Handler. The type is application/json: RFC 7517
// also has application/jwk-set+json, which some verifiers refuse.
func (h *jwksHandler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	keys := keysToServe(w, r, h.keys)
	if keys == nil {
		return
	}
	header := w.Header()
	header.Set("Cache-Control", jwksCacheControl)
	header.Set("ETag", keys.Signing.JWKSETag())
	// It knows If-None-Match, HEAD and Range.
	http.ServeContent(w, r, "", time.Time{}, bytes.NewReader(keys.Signing.JWKS()))
}

// keysToServe returns the keys for an answer in JSON to a GET or HEAD. It has
// answered if it returns nil.
func keysToServe(w http.ResponseWriter, r *http.Request, holder *secrets.Holder) *secrets.Keys {
	header := w.Header()
	header.Set("Content-Type", "application/json")
	header.Set("X-Content-Type-Options", "nosniff")
	if r.Method != http.MethodGet && r.Method != http.MethodHead {
		header.Set("Allow", "GET, HEAD")
		writeJWKSError(w, http.StatusMethodNotAllowed, "Use GET.")
		return nil
	}
	keys := holder.Get()
	if keys == nil {
		header.Set("Retry-After", "1")
		writeJWKSError(w, http.StatusServiceUnavailable, "The keys are not loaded yet. Try again.")
	}
	return keys
}

// writeJWKSError answers in JSON, as everything at the endpoint is.
func writeJWKSError(w http.ResponseWriter, status int, message string) {
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(status)
	_, _ = io.WriteString(w, `{"message":`+strconv.Quote(message)+"}")
}
