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

// MaxRotationDelay is the longest delay of a rotation. One version may wait at
// a time, so a much too distant one would be in the way of all others.
const MaxRotationDelay = 7 * 24 * time.Hour

// ErrRotationPending: a version was added before and isn't in use yet.
var ErrRotationPending = errors.New("a version is still waiting to be used")

// RotateSealing adds a sealing version to the operator's Secret and returns its
// number. It seals from now+delay on, rounded up to a second; the delay, of 0 to
// MaxRotationDelay, must be long enough for every replica to load it first.
// Older versions stay and open what they have sealed.
//
// It is refused with ErrRotationPending while another version waits, and when
// there are MaxVersions. When the answer of the API server was lost, a second
// call finds the new version waiting and doesn't add one more.
func RotateSealing(ctx context.Context, c client.Client, key types.NamespacedName, clk clock.PassiveClock, rand io.Reader, delay time.Duration) (version int, err error) {
	if err := checkDelay(delay); err != nil {
		return 0, err
	}
	fresh, err := newKey(rand)
	if err != nil {
		return 0, err
	}
	err = editSealing(ctx, c, key, func(keys []SealingKey) ([]SealingKey, error) {
		now := clk.Now()
		last := keys[len(keys)-1]
		if err := checkRotatable("sealing", len(keys), MaxVersions, last.Version, last.UseFromTime, now); err != nil {
			return nil, err
		}
		version = last.Version + 1
		return append(keys, SealingKey{Version: version, Key: fresh, UseFromTime: roundUp(now.Add(delay))}), nil
	})
	if err != nil {
		return 0, err
	}
	return version, nil
}

// RetireSealing removes an old sealing version from the operator's Secret. What
// it sealed never opens again: that includes every product token, user token and
// consumption token that programs in the field still hold, so it is only right
// when they have expired, or when the version's key is known to others. The current version, a
// waiting one and the only one are refused; so a number never returns.
func RetireSealing(ctx context.Context, c client.Client, key types.NamespacedName, clk clock.PassiveClock, version int) error {
	return editSealing(ctx, c, key, func(keys []SealingKey) ([]SealingKey, error) {
		ring, err := NewKeyring(keys)
		if err != nil {
			return nil, err
		}
		at := slices.IndexFunc(keys, func(k SealingKey) bool { return k.Version == version })
		if err := checkRetirable("sealing", at, len(keys), version, ring.CurrentVersion(clk.Now())); err != nil {
			return nil, err
		}
		return slices.Delete(keys, at, at+1), nil
	})
}

// RotateSigning adds a signing version to the operator's Secret and returns its
// number. Its public keys are in the JWKS as soon as a replica has loaded it,
// and it signs from now+delay on, rounded up to a second; the delay, of 0 to
// MaxRotationDelay, must be long enough for every verifier to read the JWKS
// again, see DefaultSigningDelay. Older versions stay in the JWKS. rsaBits is
// one of RSASizes, or 0 for the size of the version before.
//
// It is refused as RotateSealing is; the bound is MaxSigningVersions.
func RotateSigning(ctx context.Context, c client.Client, key types.NamespacedName, clk clock.PassiveClock, rand io.Reader, delay time.Duration, rsaBits int) (version int, err error) {
	if err := checkDelay(delay); err != nil {
		return 0, err
	}
	err = editSigning(ctx, c, key, func(keys []SigningKey) ([]SigningKey, error) {
		now := clk.Now()
		last := keys[len(keys)-1]
		if err := checkRotatable("signing", len(keys), MaxSigningVersions, last.Version, last.SignFromTime, now); err != nil {
			return nil, err
		}
		bits := rsaBits
		if bits == 0 {
			bits = last.PS384.N.BitLen()
		}
		version = last.Version + 1
		fresh, err := NewSigningKey(rand, version, bits, now.Truncate(time.Second), roundUp(now.Add(delay)))
		return append(keys, fresh), err
	})
	if err != nil {
		return 0, err
	}
	return version, nil
}

// RetireSigning removes an old signing version from the operator's Secret, and
// its public keys from the JWKS. Tokens that it signed no longer verify once a
// verifier has read the JWKS again, so it is only right when they have expired,
// or when a key is known to others. It is refused as RetireSealing is.
func RetireSigning(ctx context.Context, c client.Client, key types.NamespacedName, clk clock.PassiveClock, version int) error {
	return editSigning(ctx, c, key, func(keys []SigningKey) ([]SigningKey, error) {
		signing, err := NewSigning(keys)
		if err != nil {
			return nil, err
		}
		at := slices.IndexFunc(keys, func(k SigningKey) bool { return k.Version == version })
		if err := checkRetirable("signing", at, len(keys), version, signing.CurrentVersion(clk.Now())); err != nil {
			return nil, err
		}
		return slices.Delete(keys, at, at+1), nil
	})
}

func checkDelay(delay time.Duration) error {
	if delay < 0 || delay > MaxRotationDelay {
		return fmt.Errorf("the delay of a rotation must be 0 to %s, it is %s", MaxRotationDelay, delay)
	}
	return nil
}

// roundUp rounds to a second, as times are stored.
func roundUp(t time.Time) time.Time {
	return t.Add(time.Second - 1).Truncate(time.Second)
}

func checkRotatable(kind string, count, most, last int, useFrom, now time.Time) error {
	if useFrom.After(now) {
		return fmt.Errorf("%w: %s version %d, from %s on", ErrRotationPending, kind, last, useFrom.Format(time.RFC3339))
	}
	if count >= most {
		return fmt.Errorf("there are %d %s versions already; retire some that nothing in the field depends on", count, kind)
	}
	return nil
}

// checkRetirable checks the version at an index, which is below 0 if there is
// none.
func checkRetirable(kind string, at, count, version, current int) error {
	switch {
	case at < 0:
		return fmt.Errorf("there is no %s version %d", kind, version)
	case count == 1:
		return fmt.Errorf("%s version %d is the only one; rotate first", kind, version)
	case version == current:
		return fmt.Errorf("%s version %d is the current one; rotate first", kind, version)
	case version > current:
		return fmt.Errorf("%s version %d is still waiting to be used", kind, version)
	}
	return nil
}
