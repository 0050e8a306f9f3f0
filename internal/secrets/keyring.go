// Copyright The license-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package secrets

import (
	"crypto/cipher"
	"encoding/binary"
	"errors"
	"fmt"
	"time"

	"golang.org/x/crypto/chacha20poly1305"
)

// sealingInfo begins the HKDF info of the sub-keys of every sealing key.
const sealingInfo = "license-operator.dev/sealing/v1/"

const (
	// MaxVersions is how many sealing versions may be kept at once.
	MaxVersions = 100
	// maxSealed bounds what is sealed or opened, in bytes.
	maxSealed = 8 << 10
)

// Why something sealed doesn't open. Errors are or wrap one of these and never
// hold the sealed text.
var (
	// ErrMalformed: this isn't in the form of anything sealed.
	ErrMalformed = errors.New("malformed token")
	// ErrUnknownVersion: the version that it names isn't on the ring. The name
	// isn't authenticated yet: anybody can write any number there.
	ErrUnknownVersion = errors.New("token of an unknown key version")
	// ErrForged: it was not sealed by that version for this purpose.
	ErrForged = errors.New("token that is not authentic")
)

// Keyring seals with the version that time makes current, and opens with every
// version that it holds. It never changes and is safe for concurrent use.
//
// The cipher is XChaCha20-Poly1305. Its nonce is not random but the HMAC-SHA256,
// under a key of its own, of what is sealed and what it is for, cut to 24
// bytes. So the same content sealed by the same version is the same text, and a
// Secret in a vendor's namespace, which the operator may not read, can be
// applied again without a change.
//
// This is sound, in the way of synthetic nonces (SIV, RFC 5297 and RFC 8452): a
// nonce comes twice only when the whole message comes twice, and then the same
// text comes out, which tells nothing but that they are equal. For two
// different messages to share a nonce, the HMAC would have to collide on 192
// bits. Nobody without the key can tell the nonce from a random one, so it
// tells nothing of the content either.
type Keyring struct {
	sealers   []sealer
	byVersion map[uint64]*sealer
}

type sealer struct {
	version int
	header  []byte // The version as a uvarint.
	useFrom time.Time
	aead    cipher.AEAD
	nonce   *prf
}

// NewKeyring makes a ring of 1 to MaxVersions keys. Versions must ascend and
// the times must not go back, so that the last that is due is the newest. The
// error names the version at fault, and holds no key.
func NewKeyring(keys []SealingKey) (*Keyring, error) {
	if len(keys) == 0 || len(keys) > MaxVersions {
		return nil, fmt.Errorf("there must be 1 to %d sealing keys, there are %d", MaxVersions, len(keys))
	}
	ring := &Keyring{sealers: make([]sealer, len(keys)), byVersion: make(map[uint64]*sealer, len(keys))}
	for n, key := range keys {
		if err := checkSealingKey(keys[:n], key); err != nil {
			return nil, err
		}
		cipherKey, err := subKey(key.Key, sealingInfo+"cipher")
		if err != nil {
			return nil, err
		}
		aead, err := chacha20poly1305.NewX(cipherKey)
		if err != nil {
			return nil, fmt.Errorf("set up the cipher of sealing version %d: %w", key.Version, err)
		}
		nonce, err := newPRF(key.Key, sealingInfo+"nonce")
		if err != nil {
			return nil, err
		}
		version := uint64(key.Version) //nolint:gosec // checkSealingKey has bounded it.
		s := &ring.sealers[n]
		*s = sealer{
			version: key.Version,
			header:  binary.AppendUvarint(nil, version),
			useFrom: key.UseFromTime,
			aead:    aead,
			nonce:   nonce,
		}
		ring.byVersion[version] = s
	}
	return ring, nil
}

// Format prints a fixed text for every verb, without the keys.
func (*Keyring) Format(f fmt.State, _ rune) {
	_, _ = f.Write([]byte("secrets.Keyring(redacted)"))
}

// current is the newest version that is due. Before any is due it is the
// oldest: a replica whose clock is behind must still start, and every replica
// that has the ring can open what it seals.
func (k *Keyring) current(now time.Time) *sealer {
	for n := len(k.sealers) - 1; n > 0; n-- {
		if !k.sealers[n].useFrom.After(now) {
			return &k.sealers[n]
		}
	}
	return &k.sealers[0]
}

// CurrentVersion is the version that seals at this time.
func (k *Keyring) CurrentVersion(now time.Time) int {
	return k.current(now).version
}

// NextUseFromTime is when another version begins to seal, and false if none is
// waiting. What is sealed into a Secret should be sealed again at that time.
func (k *Keyring) NextUseFromTime(now time.Time) (time.Time, bool) {
	for n := range k.sealers {
		if n > 0 && k.sealers[n].useFrom.After(now) {
			return k.sealers[n].useFrom, true
		}
	}
	return time.Time{}, false
}

// Seal encrypts and authenticates plaintext with the version that is current at
// this time. The purpose is authenticated too: what is sealed for one purpose
// opens for no other. The result is the version as a uvarint, the nonce of 24
// bytes, and the ciphertext with its tag. It fails only on what is too long.
func (k *Keyring) Seal(now time.Time, purpose string, plaintext []byte) ([]byte, error) {
	s := k.current(now)
	overhead := len(s.header) + s.aead.NonceSize() + s.aead.Overhead()
	if len(plaintext) > maxSealed-overhead {
		return nil, fmt.Errorf("what is to be sealed holds %d bytes, at most %d are possible", len(plaintext), maxSealed-overhead)
	}
	out := make([]byte, 0, len(plaintext)+overhead)
	out = append(out, s.header...)
	associated := associatedData(s.header, purpose)
	sum := s.nonce.sum(string(associated), string(plaintext))
	nonce := sum[:s.aead.NonceSize()]
	out = append(out, nonce...)
	return s.aead.Seal(out, nonce, plaintext, associated), nil
}

// Open is the inverse of Seal, for any version on the ring. Errors are
// ErrMalformed, ErrUnknownVersion and ErrForged.
func (k *Keyring) Open(purpose string, sealed []byte) ([]byte, error) {
	if len(sealed) > maxSealed {
		return nil, fmt.Errorf("%w: too long", ErrMalformed)
	}
	version, header := binary.Uvarint(sealed)
	if header <= 0 {
		return nil, fmt.Errorf("%w: no version", ErrMalformed)
	}
	s, ok := k.byVersion[version]
	if !ok {
		return nil, ErrUnknownVersion
	}
	body := sealed[header:]
	if len(body) < s.aead.NonceSize()+s.aead.Overhead() {
		return nil, fmt.Errorf("%w: too short", ErrMalformed)
	}
	nonce, ciphertext := body[:s.aead.NonceSize()], body[s.aead.NonceSize():]
	// The version's bytes as they came are authenticated, so a longer spelling
	// of the same number is a forgery.
	plaintext, err := s.aead.Open(nil, nonce, ciphertext, associatedData(sealed[:header], purpose))
	if err != nil {
		return nil, ErrForged
	}
	return plaintext, nil
}

// associatedData is the version and the purpose. A uvarint tells where it
// ends, so no two pairs give the same bytes.
func associatedData(version []byte, purpose string) []byte {
	out := make([]byte, 0, len(version)+len(purpose))
	out = append(out, version...)
	return append(out, purpose...)
}
