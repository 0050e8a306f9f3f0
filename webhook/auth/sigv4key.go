// Copyright The license-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package auth

import (
	"crypto/hmac"
	"crypto/sha256"

	"k8s.io/utils/lru"
)

// maxSigningKeys bounds the signing keys that are kept: one for each access
// key, day, region and service.
const maxSigningKeys = 4096

// signingKey is what signs for one scope.
type signingKey [sha256.Size]byte

// signingKeys remembers signing keys by a hash of the secret and the scope, so
// that a new secret has a new place. It is safe for concurrent use.
type signingKeys struct{ cache *lru.Cache }

func newSigningKeys() *signingKeys { return &signingKeys{lru.New(maxSigningKeys)} }

func (k *signingKeys) get(place *[sha256.Size]byte) (signingKey, bool) {
	if k == nil {
		return signingKey{}, false
	}
	found, ok := k.cache.Get(*place)
	if !ok {
		return signingKey{}, false
	}
	return found.(signingKey), true
}

func (k *signingKeys) add(place *[sha256.Size]byte, key signingKey) {
	if k != nil {
		k.cache.Add(*place, key)
	}
}

// matchesV4 reports whether a signature is the one that the secret makes for
// the scope. known says whether the secret is a key's at all.
//
// A signature that fits a remembered signing key is checked fast. One that
// doesn't is checked against the derived key too, whether the secret is known,
// remembered or neither: so the time of a refusal tells nothing. What is
// remembered has signed a request before, so strangers can't fill the memory.
func (v *Verifier) matchesV4(secret string, s *scope, toSign []byte, signature string, known bool) bool {
	place := placeOf(secret, s)
	key, remembered := v.signingKeys.get(&place)
	if key.signs(toSign, signature) && remembered {
		return known
	}
	key = deriveV4(secret, s)
	if !key.signs(toSign, signature) {
		return false
	}
	if known {
		v.signingKeys.add(&place, key)
	}
	return known
}

func (k *signingKey) signs(toSign []byte, signature string) bool {
	var sum signingKey
	return equalHex(appendHMAC(sum[:0], k[:], toSign), signature)
}

// deriveV4 derives the signing key of a scope, which is bound to one day, region
// and service.
func deriveV4(secret string, s *scope) signingKey {
	var first [128]byte
	var sum signingKey
	key := append(append(first[:0], "AWS4"...), secret...)
	for _, part := range [...]string{s.day, s.region, s.service, s.terminator} {
		key = appendHMAC(sum[:0], key, []byte(part))
	}
	return sum
}

func appendHMAC(b, key, text []byte) []byte {
	mac := hmac.New(sha256.New, key)
	mac.Write(text)
	return mac.Sum(b)
}

// placeOf is the hash of a secret and a scope. The secret's length comes first,
// and no part of a checked scope has a slash, so no two give the same input.
func placeOf(secret string, s *scope) [sha256.Size]byte {
	var buf [256]byte
	b := append(buf[:0], byte(len(secret)>>8), byte(len(secret))) //nolint:gosec // Secrets are short.
	b = append(b, secret...)
	for _, part := range [...]string{s.day, s.region, s.service} {
		b = append(b, part...)
		b = append(b, '/')
	}
	return sha256.Sum256(b)
}
