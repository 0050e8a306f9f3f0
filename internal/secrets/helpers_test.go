// Copyright The license-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package secrets

import (
	"bytes"
	"encoding/base64"
	"math/rand/v2"
	"sync"
	"testing"
	"time"
)

// now is the time of all tests.
var now = time.Date(2031, time.May, 6, 7, 8, 9, 0, time.UTC)

// goldenKey is 00 01 02 … 1f.
func goldenKey() []byte {
	key := make([]byte, KeySize)
	for i := range key {
		key[i] = byte(i)
	}
	return key
}

// testKey is a key that differs with n.
func testKey(n byte) []byte {
	return bytes.Repeat([]byte{n, n ^ 0x5a}, KeySize/2)
}

func newTestIdentity(t testing.TB) *Identity {
	t.Helper()
	id, err := NewIdentity(goldenKey())
	if err != nil {
		t.Fatalf("NewIdentity: %v", err)
	}
	return id
}

// newTestRing has version 1, in use for long, and version 2, in use from an
// hour after now.
func newTestRing(t testing.TB) *Keyring {
	t.Helper()
	ring, err := NewKeyring([]SealingKey{
		{Version: 1, Key: testKey(1), UseFromTime: now.Add(-time.Hour)},
		{Version: 2, Key: testKey(2), UseFromTime: now.Add(time.Hour)},
	})
	if err != nil {
		t.Fatalf("NewKeyring: %v", err)
	}
	return ring
}

// testSigningKeys are version 1, which has signed for long, and version 2, which
// signs from an hour after now. They are made once, since RSA takes its time.
var testSigningKeys = sync.OnceValue(func() []SigningKey {
	keys := make([]SigningKey, 2)
	for n, from := range []time.Time{now.Add(-time.Hour), now.Add(time.Hour)} {
		key, err := NewSigningKey(newRand(byte(n)), n+1, DefaultRSABits, now.Add(-time.Hour), from)
		if err != nil {
			panic(err)
		}
		keys[n] = key
	}
	return keys
})

// testSigningData is what a Secret with version 1 of testSigningKeys holds.
var testSigningData = sync.OnceValue(func() []byte {
	raw, err := formatSigning(testSigningKeys()[:1])
	if err != nil {
		panic(err)
	}
	return raw
})

func newTestSigning(t testing.TB) *Signing {
	t.Helper()
	signing, err := NewSigning(testSigningKeys())
	if err != nil {
		t.Fatalf("NewSigning: %v", err)
	}
	return signing
}

// newRand is a source that gives the same bytes in every run.
func newRand(seed byte) *rand.ChaCha8 {
	return rand.NewChaCha8([32]byte{seed})
}

// mutations calls try with every text that differs from text in exactly one
// character, for every byte that a character can be; under the race detector
// for some of them.
func mutations(text string, try func(changed string)) {
	step := 1
	if raceDetector {
		step = 17
	}
	for i := range len(text) {
		changed := []byte(text)
		for flip := 1; flip < 256; flip += step {
			changed[i] = text[i] ^ byte(flip)
			try(string(changed))
		}
	}
}

// sealRaw is the base64 of any payload sealed for a purpose.
func sealRaw(t testing.TB, ring *Keyring, purpose string, payload []byte) string {
	t.Helper()
	sealed, err := ring.Seal(now, purpose, payload)
	if err != nil {
		t.Fatalf("Seal: %v", err)
	}
	return base64.StdEncoding.EncodeToString(sealed)
}
