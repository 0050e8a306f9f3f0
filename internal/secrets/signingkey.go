// Copyright The license-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package secrets

import (
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"fmt"
	"io"
	"math"
	"slices"
	"time"
)

// DefaultRSABits is the size of RSA keys unless another is asked for.
const DefaultRSABits = 2048

// RSASizes are the sizes that RSA keys may have, in bits.
var RSASizes = []int{2048, 3072, 4096}

// SigningKey is one version of the keys that sign licence tokens: one key for
// each algorithm that a Product can choose.
type SigningKey struct {
	// Version is 1 to 2147483647 and never given to other keys.
	Version int
	// ES256 is a key on P-256.
	ES256 *ecdsa.PrivateKey
	// PS384 is a key of one of RSASizes.
	PS384 *rsa.PrivateKey
	EdDSA ed25519.PrivateKey
	// PublishTime is when this version was made and its public keys came into
	// the JWKS.
	PublishTime time.Time
	// SignFromTime is when this version begins to sign.
	SignFromTime time.Time
}

// NewSigningKey makes new keys for a version. The size of the RSA key is one of
// RSASizes. random must be a cryptographic source; the Ed25519 key comes from
// 32 bytes of it, and the others from Go's own source, which can't be replaced.
func NewSigningKey(random io.Reader, version, rsaBits int, publishTime, signFromTime time.Time) (SigningKey, error) {
	if !slices.Contains(RSASizes, rsaBits) {
		return SigningKey{}, fmt.Errorf("the size of an RSA key must be one of %v bits, it is %d", RSASizes, rsaBits)
	}
	seed, err := newKey(random)
	if err != nil {
		return SigningKey{}, err
	}
	es256, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return SigningKey{}, fmt.Errorf("make an ECDSA key: %w", err)
	}
	ps384, err := rsa.GenerateKey(rand.Reader, rsaBits)
	if err != nil {
		return SigningKey{}, fmt.Errorf("make an RSA key: %w", err)
	}
	return SigningKey{
		Version: version, ES256: es256, PS384: ps384, EdDSA: ed25519.NewKeyFromSeed(seed),
		PublishTime: publishTime, SignFromTime: signFromTime,
	}, nil
}

// Format prints a fixed text for every verb, without the keys.
func (k SigningKey) Format(f fmt.State, _ rune) {
	_, _ = fmt.Fprintf(f, "secrets.SigningKey(version %d, redacted)", k.Version)
}

// checkSigningKey checks the keys of a version by themselves and against the
// versions before it.
func checkSigningKey(earlier []SigningKey, key SigningKey) error {
	if key.Version < 1 || key.Version > math.MaxInt32 {
		return fmt.Errorf("a signing `version` must be 1 to %d, one is %d", math.MaxInt32, key.Version)
	}
	if key.ES256 == nil || key.ES256.Curve != elliptic.P256() {
		return fmt.Errorf("the key `ES256` of signing version %d must be on P-256", key.Version)
	}
	if key.PS384 == nil || !slices.Contains(RSASizes, key.PS384.N.BitLen()) {
		return fmt.Errorf("the key `PS384` of signing version %d must have one of %v bits", key.Version, RSASizes)
	}
	if len(key.EdDSA) != ed25519.PrivateKeySize {
		return fmt.Errorf("the key `EdDSA` of signing version %d must be an Ed25519 key", key.Version)
	}
	if key.SignFromTime.Before(key.PublishTime) {
		return fmt.Errorf("the `signFromTime` of signing version %d must not be before its `publishTime`", key.Version)
	}
	for _, other := range earlier {
		if other.ES256.Equal(key.ES256) || other.PS384.Equal(key.PS384) || other.EdDSA.Equal(key.EdDSA) {
			return fmt.Errorf("signing versions %d and %d share a key", other.Version, key.Version)
		}
	}
	if len(earlier) == 0 {
		return nil
	}
	last := earlier[len(earlier)-1]
	if key.Version <= last.Version {
		return fmt.Errorf("signing versions must ascend, %d comes after %d", key.Version, last.Version)
	}
	if key.SignFromTime.Before(last.SignFromTime) {
		return fmt.Errorf("the `signFromTime` of signing version %d must not be before that of version %d", key.Version, last.Version)
	}
	return nil
}
