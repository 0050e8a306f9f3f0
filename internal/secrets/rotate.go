// Copyright The license-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package secrets

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"time"

	"k8s.io/apimachinery/pkg/types"
	"k8s.io/utils/clock"
	"sigs.k8s.io/controller-runtime/pkg/client"
)

// MaxRotationDelay is the longest delay of Rotate. One version may wait at a
// time, so a much too distant one would be in the way of all others.
const MaxRotationDelay = 7 * 24 * time.Hour

// ErrRotationPending: a version was added before and isn't in use yet.
var ErrRotationPending = errors.New("a sealing version is still waiting to be used")

// Rotate adds a sealing version to the operator's Secret and returns its
// number. It seals from now+delay on, rounded up to a second; the delay, of 0 to
// MaxRotationDelay, must be long enough for every replica to load it first.
// Older versions stay and open what they have sealed.
//
// It is refused with ErrRotationPending while another version waits, and when
// there are MaxVersions. When the answer of the API server was lost, a second
// call finds the new version waiting and doesn't add one more.
func Rotate(ctx context.Context, c client.Client, key types.NamespacedName, clk clock.PassiveClock, rand io.Reader, delay time.Duration) (version int, err error) {
	if delay < 0 || delay > MaxRotationDelay {
		return 0, fmt.Errorf("the delay of a rotation must be 0 to %s, it is %s", MaxRotationDelay, delay)
	}
	fresh, err := newKey(rand)
	if err != nil {
		return 0, err
	}
	err = editSealing(ctx, c, key, func(keys []SealingKey) ([]SealingKey, error) {
		now := clk.Now()
		last := keys[len(keys)-1]
		if last.UseFromTime.After(now) {
			return nil, fmt.Errorf("%w: version %d, from %s on", ErrRotationPending, last.Version, last.UseFromTime.Format(time.RFC3339))
		}
		if len(keys) >= MaxVersions {
			return nil, fmt.Errorf("there are %d sealing versions already; retire some that nothing in the field depends on", len(keys))
		}
		version = last.Version + 1
		useFrom := now.Add(delay + time.Second - 1).Truncate(time.Second)
		return append(keys, SealingKey{Version: version, Key: fresh, UseFromTime: useFrom}), nil
	})
	if err != nil {
		return 0, err
	}
	return version, nil
}

// Retire removes an old sealing version from the operator's Secret. What it
// sealed never opens again: that includes every product token and user token
// that programs in the field still hold, so it is only right when they have
// expired, or when the version's key is known to others. The current version, a
// waiting one and the only one are refused; so a number never returns.
func Retire(ctx context.Context, c client.Client, key types.NamespacedName, clk clock.PassiveClock, version int) error {
	return editSealing(ctx, c, key, func(keys []SealingKey) ([]SealingKey, error) {
		at := slices.IndexFunc(keys, func(k SealingKey) bool { return k.Version == version })
		if at < 0 {
			return nil, fmt.Errorf("there is no sealing version %d", version)
		}
		ring, err := NewKeyring(keys)
		if err != nil {
			return nil, err
		}
		current := ring.CurrentVersion(clk.Now())
		switch {
		case len(keys) == 1:
			return nil, fmt.Errorf("sealing version %d is the only one; rotate first", version)
		case version == current:
			return nil, fmt.Errorf("sealing version %d is the current one; rotate first", version)
		case version > current:
			return nil, fmt.Errorf("sealing version %d is still waiting to be used", version)
		}
		return slices.Delete(keys, at, at+1), nil
	})
}
