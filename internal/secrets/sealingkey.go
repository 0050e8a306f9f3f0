// Copyright The license-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package secrets

import (
	"bytes"
	"fmt"
	"math"
	"time"
)

// SealingKey is one version of the sealing key.
type SealingKey struct {
	// Version is 1 to 2147483647 and never given to another key.
	Version int
	// Key holds KeySize bytes.
	Key []byte
	// UseFromTime is when this version begins to seal. It opens before that.
	UseFromTime time.Time
}

// Format prints a fixed text for every verb, without the key.
func (k SealingKey) Format(f fmt.State, _ rune) {
	_, _ = fmt.Fprintf(f, "secrets.SealingKey(version %d, redacted)", k.Version)
}

// checkSealingKey checks a key by itself and against those before it.
func checkSealingKey(earlier []SealingKey, key SealingKey) error {
	if key.Version < 1 || key.Version > math.MaxInt32 {
		return fmt.Errorf("a sealing `version` must be 1 to %d, one is %d", math.MaxInt32, key.Version)
	}
	if len(key.Key) != KeySize {
		return fmt.Errorf("the `key` of sealing version %d must hold exactly %d bytes, it holds %d", key.Version, KeySize, len(key.Key))
	}
	for _, other := range earlier {
		if bytes.Equal(other.Key, key.Key) {
			return fmt.Errorf("sealing versions %d and %d have the same `key`", other.Version, key.Version)
		}
	}
	if len(earlier) == 0 {
		return nil
	}
	last := earlier[len(earlier)-1]
	if key.Version <= last.Version {
		return fmt.Errorf("sealing versions must ascend, %d comes after %d", key.Version, last.Version)
	}
	if key.UseFromTime.Before(last.UseFromTime) {
		return fmt.Errorf("the `useFromTime` of sealing version %d must not be before that of version %d", key.Version, last.Version)
	}
	return nil
}
