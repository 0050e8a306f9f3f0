// Copyright The license-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package webhook

import (
	"encoding/json"
	"net/http"
	"strconv"
	"strings"
	"time"

	"k8s.io/utils/clock"

	"github.com/license-operator/license-operator/internal/secrets"
)

// PublicKeysPath is where the public keys are that verify the answers of
// RegisterUsage, below the path prefix: all of them as JSON, and each as PEM at
// PublicKeysPath/<version>.pem.
const PublicKeysPath = "/v1/public-keys"

const pemSuffix = ".pem"

// publicKeyJSON is one key in the list.
type publicKeyJSON struct {
	PublicKeyVersion int    `json:"publicKeyVersion"`
	Current          bool   `json:"current"`
	SignFromTime     string `json:"signFromTime"`
	RotationTime     string `json:"rotationTime,omitempty"`
	PublicKey        string `json:"publicKey"`
}

// publicKeysHandler serves the public keys to everybody, by GET and HEAD.
// Programs are built with one, so they change with a rotation and with nothing
// else; that time has made another one current, a cache may tell late.
type publicKeysHandler struct {
	keys   *secrets.Holder
	clock  clock.PassiveClock
	prefix string
}

// ServeHTTP implements http.Handler.
func (h *publicKeysHandler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	keys := keysToServe(w, r, h.keys)
	if keys == nil {
		return
	}
	versions := keys.Signing.PublicKeyVersions(h.clock.Now())
	body, kind := listPublicKeys(versions), "application/json"
	if rest := strings.TrimPrefix(strings.TrimPrefix(r.URL.Path, h.prefix), PublicKeysPath); rest != "" {
		body, kind = findPublicKey(versions, strings.TrimPrefix(rest, "/")), "application/x-pem-file"
	}
	if body == nil {
		writeJWKSError(w, http.StatusNotFound, "There is no key of this version, or it has been retired.")
		return
	}
	header := w.Header()
	header.Set("Content-Type", kind)
	header.Set("Cache-Control", jwksCacheControl)
	if r.Method == http.MethodGet {
		_, _ = w.Write(body)
	}
}

func listPublicKeys(versions []secrets.PublicKeyVersion) []byte {
	list := make([]publicKeyJSON, 0, len(versions))
	for _, v := range versions {
		key := publicKeyJSON{PublicKeyVersion: v.Version, Current: v.Current,
			SignFromTime: v.SignFromTime.UTC().Format(time.RFC3339), PublicKey: string(v.PEM)}
		if !v.RotationTime.IsZero() {
			key.RotationTime = v.RotationTime.UTC().Format(time.RFC3339)
		}
		list = append(list, key)
	}
	var out strings.Builder
	if err := json.NewEncoder(&out).Encode(map[string]any{"publicKeys": list}); err != nil {
		return nil // Texts, numbers and no error.
	}
	return []byte(out.String())
}

// findPublicKey is the key of a file's name; nil if there is none.
func findPublicKey(versions []secrets.PublicKeyVersion, name string) []byte {
	for _, v := range versions {
		if name == strconv.Itoa(v.Version)+pemSuffix {
			return v.PEM
		}
	}
	return nil
}
