// Copyright The license-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package secrets

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/sha512"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"math/big"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/license-operator/license-operator/api/v1alpha1"
)

func unbase64(t *testing.T, text string) []byte {
	t.Helper()
	raw, err := base64.RawURLEncoding.Strict().DecodeString(text)
	if err != nil {
		t.Fatal(err)
	}
	return raw
}

// publicKeys reads a JWKS by hand.
func publicKeys(t *testing.T, jwks []byte) map[string]map[string]string {
	t.Helper()
	var set struct {
		Keys []map[string]string `json:"keys"`
	}
	if err := json.Unmarshal(jwks, &set); err != nil {
		t.Fatal(err)
	}
	keys := map[string]map[string]string{}
	for _, key := range set.Keys {
		keys[key["kid"]] = key
	}
	if len(keys) != len(set.Keys) {
		t.Errorf("%d keys have %d ids", len(set.Keys), len(keys))
	}
	return keys
}

func TestTheJWKSHoldsEveryPublicKeyAndNothingElse(t *testing.T) {
	s := newTestSigning(t)
	keys := publicKeys(t, s.JWKS())
	if len(keys) != 6 {
		t.Errorf("%d keys of two versions", len(keys))
	}
	allowed := map[string][]string{
		"ES256": {"use", "kty", "kid", "crv", "alg", "x", "y"},
		"PS384": {"use", "kty", "kid", "alg", "n", "e"},
		"EdDSA": {"use", "kty", "kid", "crv", "alg", "x"},
	}
	for id, key := range keys {
		for field := range key {
			if !slices.Contains(allowed[key["alg"]], field) {
				t.Errorf("a key for %s has the field %s", key["alg"], field)
			}
		}
		if key["use"] != "sig" {
			t.Errorf("the use of a key is %q", key["use"])
		}
		// RFC 7638, section 3.2: the required members in the order of their names.
		members := map[string]string{
			"ES256": fmt.Sprintf(`{"crv":"P-256","kty":"EC","x":%q,"y":%q}`, key["x"], key["y"]),
			"PS384": fmt.Sprintf(`{"e":"AQAB","kty":"RSA","n":%q}`, key["n"]),
			"EdDSA": fmt.Sprintf(`{"crv":"Ed25519","kty":"OKP","x":%q}`, key["x"]),
		}[key["alg"]]
		sum := sha256.Sum256([]byte(members))
		if want := base64.RawURLEncoding.EncodeToString(sum[:]); id != want {
			t.Errorf("the id of a key for %s is %s, its thumbprint is %s", key["alg"], id, want)
		}
	}
	if leaksSigning(string(s.JWKS())) {
		t.Error("the JWKS holds a private key")
	}
	again := newTestSigning(t)
	if string(again.JWKS()) != string(s.JWKS()) || again.JWKSETag() != s.JWKSETag() {
		t.Error("another replica has another JWKS")
	}
	fewer, err := NewSigning(testSigningKeys()[:1])
	if err != nil {
		t.Fatal(err)
	}
	if fewer.JWKSETag() == s.JWKSETag() || len(s.JWKSETag()) != 24 {
		t.Errorf("the tags are %s and %s", s.JWKSETag(), fewer.JWKSETag())
	}
}

// The standard library alone verifies every token.
func TestTokensVerifyByHand(t *testing.T) {
	s := newTestSigning(t)
	keys := publicKeys(t, s.JWKS())
	for _, at := range []time.Time{now, now.Add(time.Hour)} {
		for _, algorithm := range algorithms {
			token := mustSign(t, s, at, algorithm, usualClaims())
			end := strings.LastIndex(token, ".")
			input, signature := []byte(token[:end]), unbase64(t, token[end+1:])
			key := keys[headerOf(t, token)["kid"]]
			if key["alg"] != string(algorithm) {
				t.Fatalf("a token with %s names a key for %s", algorithm, key["alg"])
			}
			number := func(name string) *big.Int { return new(big.Int).SetBytes(unbase64(t, key[name])) }
			valid := false
			switch algorithm {
			case v1alpha1.ES256:
				digest := sha256.Sum256(input)
				public, err := ecdsa.ParseUncompressedPublicKey(elliptic.P256(), slices.Concat([]byte{4}, unbase64(t, key["x"]), unbase64(t, key["y"])))
				if err != nil {
					t.Fatal(err)
				}
				r, s := new(big.Int).SetBytes(signature[:32]), new(big.Int).SetBytes(signature[32:])
				valid = len(signature) == 64 && ecdsa.Verify(public, digest[:], r, s)
			case v1alpha1.PS384:
				digest := sha512.Sum384(input)
				public := &rsa.PublicKey{N: number("n"), E: int(number("e").Int64())}
				valid = rsa.VerifyPSS(public, crypto.SHA384, digest[:], signature, &rsa.PSSOptions{SaltLength: crypto.SHA384.Size()}) == nil
			case v1alpha1.EdDSA:
				valid = ed25519.Verify(ed25519.PublicKey(unbase64(t, key["x"])), input, signature)
			}
			if !valid {
				t.Errorf("a token with %s does not verify", algorithm)
			}
		}
	}
}

// A number of a signature with leading zeros still takes 32 bytes.
func TestSignaturesOfES256HaveOneLength(t *testing.T) {
	key := testSigningKeys()[0].ES256
	sign, short := signES256(key), 0
	for n := range 1500 {
		input := fmt.Appendf(nil, "input %d", n)
		signature, err := sign(input)
		if err != nil || len(signature) != 64 {
			t.Fatalf("%d bytes, %v", len(signature), err)
		}
		if signature[0] == 0 || signature[32] == 0 {
			short++
			digest := sha256.Sum256(input)
			if !ecdsa.Verify(&key.PublicKey, digest[:], new(big.Int).SetBytes(signature[:32]), new(big.Int).SetBytes(signature[32:])) {
				t.Errorf("a signature with a leading zero does not verify: %x", signature)
			}
		}
	}
	if short == 0 {
		t.Error("no signature has a leading zero")
	}
}

func TestTimeChoosesTheVersionThatSigns(t *testing.T) {
	s := newTestSigning(t)
	for name, c := range map[string]struct {
		at      time.Duration
		current int
		waits   bool
	}{
		"before any is due the oldest signs":    {-2 * time.Hour, 1, true},
		"the first in its time":                 {0, 1, true},
		"the second not a nanosecond too early": {time.Hour - 1, 1, true},
		"the second from its time on":           {time.Hour, 2, false},
		"and for good":                          {9999 * time.Hour, 2, false},
	} {
		at := now.Add(c.at)
		if got := s.CurrentVersion(at); got != c.current {
			t.Errorf("%s: version %d is current", name, got)
		}
		next, waits := s.NextSignFromTime(at)
		if waits != c.waits || (waits && !next.Equal(now.Add(time.Hour))) {
			t.Errorf("%s: the next change is %v, %v", name, next, waits)
		}
		only, err := NewSigning(testSigningKeys()[c.current-1 : c.current])
		if err != nil {
			t.Fatal(err)
		}
		if _, err := verify(only.JWKS(), mustSign(t, s, at, v1alpha1.ES256, usualClaims())); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestNewSigningRefuses(t *testing.T) {
	keys := testSigningKeys()
	with := func(change func(first, second *SigningKey)) []SigningKey {
		changed := slices.Clone(keys)
		change(&changed[0], &changed[1])
		return changed
	}
	p384, err := ecdsa.GenerateKey(elliptic.P384(), newRand(1))
	if err != nil {
		t.Fatal(err)
	}
	for want, keys := range map[string][]SigningKey{
		"there must be 1 to 20 signing versions, there are 0":                          nil,
		"there must be 1 to 20 signing versions, there are 21":                         slices.Repeat(keys[:1], 21),
		"a signing `version` must be 1 to 2147483647, one is 0":                        with(func(a, _ *SigningKey) { a.Version = 0 }),
		"signing versions must ascend, 1 comes after 1":                                with(func(_, b *SigningKey) { b.Version = 1 }),
		"signing versions 1 and 2 share a key":                                         with(func(a, b *SigningKey) { b.EdDSA = a.EdDSA }),
		"the key `ES256` of signing version 1 must be on P-256":                        with(func(a, _ *SigningKey) { a.ES256 = p384 }),
		"the key `ES256` of signing version 2 must be on P-256":                        with(func(_, b *SigningKey) { b.ES256 = nil }),
		"the key `PS384` of signing version 1 must have one of [2048 3072 4096] bits":  with(func(a, _ *SigningKey) { a.PS384 = nil }),
		"the key `EdDSA` of signing version 1 must be an Ed25519 key":                  with(func(a, _ *SigningKey) { a.EdDSA = a.EdDSA[:32] }),
		"the `signFromTime` of signing version 2 must not be before its `publishTime`": with(func(_, b *SigningKey) { b.PublishTime = b.SignFromTime.Add(1) }),
		"the `signFromTime` of signing version 2 must not be before that of version 1": with(func(a, _ *SigningKey) { a.SignFromTime = now.Add(time.Hour + 1) }),
		"there must be 1 to 20 signing versions, there are 22":                         slices.Repeat(keys, 11),
		"signing versions 1 and 3 share a key":                                         append(slices.Clone(keys), SigningKey{Version: 3, ES256: keys[0].ES256, PS384: keys[0].PS384, EdDSA: keys[0].EdDSA, SignFromTime: now.Add(time.Hour)}),
	} {
		s, err := NewSigning(keys)
		if err == nil || s != nil {
			t.Errorf("taken, want %s", want)
			continue
		}
		if diff := cmp.Diff(want, err.Error()); diff != "" {
			t.Errorf("another error (-want +got):\n%s", diff)
		}
	}
}

func TestNewSigningKeyTakesTheSizesItSays(t *testing.T) {
	for _, bits := range []int{0, 1024, 2047, 8192} {
		if _, err := NewSigningKey(newRand(1), 1, bits, now, now); err == nil {
			t.Errorf("an RSA key of %d bits was made", bits)
		}
	}
	if _, err := NewSigningKey(strings.NewReader("short"), 1, DefaultRSABits, now, now); err == nil {
		t.Error("keys were made without randomness")
	}
	key, err := NewSigningKey(newRand(1), 1, 3072, now, now)
	if err != nil {
		t.Fatal(err)
	}
	s, err := NewSigning([]SigningKey{key})
	if err != nil {
		t.Fatal(err)
	}
	token := mustSign(t, s, now, v1alpha1.PS384, usualClaims())
	if _, err := verify(s.JWKS(), token); err != nil || len(token) < MinLicenceTokenLength {
		t.Errorf("%d characters, %v", len(token), err)
	}
}

func TestSigningKeysShowNothingWhenPrinted(t *testing.T) {
	for _, value := range []any{testSigningKeys()[0], &testSigningKeys()[0], newTestSigning(t)} {
		for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%x", "%d"} {
			if text := fmt.Sprintf(verb, value); !strings.Contains(text, "redacted") || len(text) > 80 {
				t.Errorf("%s prints %q", verb, text)
			}
		}
	}
}
