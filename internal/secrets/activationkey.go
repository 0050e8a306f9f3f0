// Copyright The license-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package secrets

import (
	"bytes"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/hex"
	"fmt"
	"io"
)

// An activation key is "A", base32 characters from a cryptographic source (100
// bits) and characters that prove that we made it (35 bits): 28 characters. The
// contract allows 30 at most.
const (
	activationPrefix      = "A"
	activationRandomChars = 20
	activationMACChars    = 7
	activationLength      = len(activationPrefix) + activationRandomChars + activationMACChars
)

// ActivationRandom is a cryptographic source of 32 bytes for the key or token of
// one Activation object, the same each time: whoever issues it a second time,
// after a crash or beside another leader, writes the same key. The object's UID
// is in it, so deleting and applying again gives another key, and nobody without
// the identity key can tell it from a random one.
func (i *Identity) ActivationRandom(namespace, name, uid string) io.Reader {
	seed := i.activationSeed.sum(namespace, name, uid)
	return bytes.NewReader(seed[:])
}

// NewActivationKey makes an activation key from 13 bytes of rand, which must be
// a cryptographic source. It fails only if rand does. Only the key's hash may
// be stored.
func (i *Identity) NewActivationKey(rand io.Reader) (string, error) {
	// 100 bits are 12 bytes and a half: the last half byte is dropped.
	var raw [(activationRandomChars*5 + 7) / 8]byte
	if _, err := io.ReadFull(rand, raw[:]); err != nil {
		return "", fmt.Errorf("read random bytes for an activation key: %w", err)
	}
	random := upper32.EncodeToString(raw[:])[:activationRandomChars]
	return activationPrefix + random + i.activationMAC(random), nil
}

// AuthenticActivationKey reports whether key was made by NewActivationKey. So a
// key that a cache doesn't hold yet is worth a look-up at the API server, and a
// made-up one isn't.
func (i *Identity) AuthenticActivationKey(key string) bool {
	const macStart = len(activationPrefix) + activationRandomChars
	if len(key) != activationLength || key[:len(activationPrefix)] != activationPrefix {
		return false
	}
	// The MAC covers the characters, not the bits behind them, so other
	// spellings of the same bits are refused without decoding.
	mac := i.activationMAC(key[len(activationPrefix):macStart])
	return subtle.ConstantTimeCompare([]byte(key[macStart:]), []byte(mac)) == 1
}

// HashActivationKey is what is stored of an activation key: its SHA-256 in
// lower-case hex. The key's 100 secret bits make a plain hash enough.
func (*Identity) HashActivationKey(key string) string {
	return hashHex(key)
}

func (i *Identity) activationMAC(random string) string {
	sum := i.activationKeyMAC.sum(random)
	return upper32.EncodeToString(sum[:5])[:activationMACChars]
}

func hashHex(text string) string {
	sum := sha256.Sum256([]byte(text))
	return hex.EncodeToString(sum[:])
}
