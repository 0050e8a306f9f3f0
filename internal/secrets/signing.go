// Copyright The license-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package secrets

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"time"

	"github.com/go-jose/go-jose/v4"

	"github.com/license-operator/license-operator/api/v1alpha1"
)

const (
	// MaxSigningVersions is how many signing versions may be kept at once. All
	// of them are in the JWKS, which every verifier reads.
	MaxSigningVersions = 20

	// JWKSMaxAge is how long a verifier may keep the JWKS before it asks again.
	JWKSMaxAge = 5 * time.Minute

	// DefaultSigningDelay is how long a new version is published before it
	// signs. A replica may take some seconds to read it, and a verifier JWKSMaxAge
	// to ask again, or twice that behind a cache; an hour also lets verifiers
	// through that refresh less often than they were told.
	DefaultSigningDelay = time.Hour
)

// Signing signs licence tokens with the version that time makes current, and
// knows the public keys of every version that it holds. It never changes and is
// safe for concurrent use.
type Signing struct {
	versions []signingVersion
	jwks     []byte
	etag     string
}

type signingVersion struct {
	version  int
	signFrom time.Time
	signers  map[v1alpha1.SigningAlgorithm]*tokenSigner
	// registrations signs for RegisterUsage; publicPEM verifies that.
	registrations *tokenSigner
	publicPEM     []byte
}

// NewSigning prepares 1 to MaxSigningVersions versions. Versions must ascend and
// the times of signing must not go back. The error names the version at fault,
// and holds no key.
func NewSigning(keys []SigningKey) (*Signing, error) {
	if len(keys) == 0 || len(keys) > MaxSigningVersions {
		return nil, fmt.Errorf("there must be 1 to %d signing versions, there are %d", MaxSigningVersions, len(keys))
	}
	s := &Signing{versions: make([]signingVersion, 0, len(keys))}
	var set jose.JSONWebKeySet
	for n, key := range keys {
		if err := checkSigningKey(keys[:n], key); err != nil {
			return nil, err
		}
		signers, err := newTokenSigners(key)
		if err != nil {
			return nil, fmt.Errorf("prepare signing version %d: %w", key.Version, err)
		}
		version := signingVersion{version: key.Version, signFrom: key.SignFromTime, signers: map[v1alpha1.SigningAlgorithm]*tokenSigner{}}
		for _, signer := range signers {
			version.signers[signer.algorithm] = signer
			set.Keys = append(set.Keys, signer.public)
		}
		if version.registrations, version.publicPEM, err = newRegistrationSigner(key); err != nil {
			return nil, fmt.Errorf("prepare signing version %d: %w", key.Version, err)
		}
		s.versions = append(s.versions, version)
	}
	var err error
	if s.jwks, err = json.Marshal(set); err != nil {
		return nil, fmt.Errorf("write the public keys: %w", err)
	}
	sum := sha256.Sum256(s.jwks)
	s.etag = `"` + base64.RawURLEncoding.EncodeToString(sum[:16]) + `"`
	return s, nil
}

// Format prints a fixed text for every verb, without the keys.
func (*Signing) Format(f fmt.State, _ rune) {
	_, _ = f.Write([]byte("secrets.Signing(redacted)"))
}

// current is the newest version that is due. Before any is due it is the
// oldest, as with sealing keys: its public keys are in the JWKS already.
func (s *Signing) current(now time.Time) *signingVersion {
	for n := len(s.versions) - 1; n > 0; n-- {
		if !s.versions[n].signFrom.After(now) {
			return &s.versions[n]
		}
	}
	return &s.versions[0]
}

// CurrentVersion is the version that signs at this time.
func (s *Signing) CurrentVersion(now time.Time) int {
	return s.current(now).version
}

// NextSignFromTime is when another version begins to sign, and false if none is
// waiting.
func (s *Signing) NextSignFromTime(now time.Time) (time.Time, bool) {
	for n := range s.versions {
		if n > 0 && s.versions[n].signFrom.After(now) {
			return s.versions[n].signFrom, true
		}
	}
	return time.Time{}, false
}

// JWKS is the JSON Web Key Set (RFC 7517) with the public keys of all versions,
// also of those that don't sign yet: verifiers must know a key before they meet
// it. It holds no secret. The bytes are shared and must not be changed.
func (s *Signing) JWKS() []byte {
	return s.jwks
}

// JWKSETag is the strong entity tag of JWKS, in quotes. It is the same on every
// replica.
func (s *Signing) JWKSETag() string {
	return s.etag
}
