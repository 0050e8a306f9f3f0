// Copyright The license-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package secrets

import (
	"errors"
	"sync/atomic"
)

// ErrIdentityChanged: the new keys hold another identity key.
var ErrIdentityChanged = errors.New("the identity key in the operator's Secret is another one than before; " +
	"restore the Secret from a backup")

// Holder holds the Keys that the process uses now. Its zero value is empty and
// ready to use, by many goroutines at once.
type Holder struct {
	keys atomic.Pointer[Keys]
}

// Get is the Keys of the last Set that succeeded, and nil before the first. Use
// one Get for one request, so that it sees one state.
func (h *Holder) Get() *Keys {
	return h.keys.Load()
}

// Set puts newly loaded Keys in use. It fails, and leaves the old ones in use,
// with ErrIdentityChanged when their identity key is another one than the
// first: a running operator never changes its identity.
func (h *Holder) Set(keys *Keys) error {
	if keys == nil || keys.Identity == nil || keys.Sealing == nil || keys.Signing == nil {
		return errors.New("keys must hold an identity, a sealing ring and signing keys")
	}
	for {
		old := h.keys.Load()
		if old != nil && !old.Identity.Equal(keys.Identity) {
			return ErrIdentityChanged
		}
		if h.keys.CompareAndSwap(old, keys) {
			return nil
		}
	}
}
