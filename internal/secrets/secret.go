// Copyright The license-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package secrets

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"time"
)

// The data keys of the operator's Secret. Others are left alone, so that an
// older operator doesn't destroy what a newer one has added.
const (
	// IdentityDataKey holds the identity key: KeySize raw bytes.
	IdentityDataKey = "identity"
	// SealingDataKey holds the sealing keys as JSON.
	SealingDataKey = "sealing"
	// SigningDataKey holds the signing keys as JSON.
	SigningDataKey = "signing"
)

// maxSealingData bounds the JSON of the sealing keys, in bytes.
const maxSealingData = 64 << 10

// Keys is everything that one state of the operator's Secret holds. It never
// changes; after a rotation there is a new one.
type Keys struct {
	// Identity is never nil and the same for as long as the Secret lives.
	Identity *Identity
	// Sealing is never nil.
	Sealing *Keyring
	// Signing is never nil.
	Signing *Signing
}

// sealingFile is the JSON under SealingDataKey.
type sealingFile struct {
	Keys []sealingEntry `json:"keys"`
}

type sealingEntry struct {
	Version     int    `json:"version"`
	Key         string `json:"key"`
	UseFromTime string `json:"useFromTime"`
}

// NewData makes the data of a fresh Secret: an identity key, and sealing and
// signing version 1 in use from now. It takes 96 bytes of rand, which must be a
// cryptographic source, and some 100 milliseconds.
func NewData(now time.Time, rand io.Reader) (map[string][]byte, error) {
	identity, err := newKey(rand)
	if err != nil {
		return nil, err
	}
	key, err := newKey(rand)
	if err != nil {
		return nil, err
	}
	sealing, err := formatSealing([]SealingKey{{Version: 1, Key: key, UseFromTime: now}})
	if err != nil {
		return nil, err
	}
	signing, err := newSigningData(now, rand)
	if err != nil {
		return nil, err
	}
	return map[string][]byte{IdentityDataKey: identity, SealingDataKey: sealing, SigningDataKey: signing}, nil
}

func newKey(rand io.Reader) ([]byte, error) {
	key := make([]byte, KeySize)
	if _, err := io.ReadFull(rand, key); err != nil {
		return nil, fmt.Errorf("read random bytes for a key: %w", err)
	}
	return key, nil
}

// Parse reads the data of the operator's Secret. The error says which data key
// and which field is wrong and never what it holds.
func Parse(data map[string][]byte) (*Keys, error) {
	raw, ok := data[IdentityDataKey]
	if !ok {
		return nil, fmt.Errorf("the data key `%s` is missing", IdentityDataKey)
	}
	identity, err := NewIdentity(raw)
	if err != nil {
		return nil, fmt.Errorf("data key `%s`: %w", IdentityDataKey, err)
	}
	if isZero(raw) {
		return nil, fmt.Errorf("data key `%s`: the key is all zeros", IdentityDataKey)
	}
	keys, err := parseSealing(data)
	if err != nil {
		return nil, err
	}
	ring, err := NewKeyring(keys)
	if err != nil {
		return nil, fmt.Errorf("data key `%s`: %w", SealingDataKey, err)
	}
	signingKeys, err := parseSigning(data)
	if err != nil {
		return nil, err
	}
	signing, err := NewSigning(signingKeys)
	if err != nil {
		return nil, fmt.Errorf("data key `%s`: %w", SigningDataKey, err)
	}
	return &Keys{Identity: identity, Sealing: ring, Signing: signing}, nil
}

// decodeFile reads the JSON of a data key, of so many bytes at most.
func decodeFile(data map[string][]byte, key string, most int, file any) error {
	raw, ok := data[key]
	if !ok {
		return fmt.Errorf("the data key `%s` is missing", key)
	}
	if len(raw) > most {
		return fmt.Errorf("data key `%s`: it holds %d bytes, at most %d are possible", key, len(raw), most)
	}
	if err := decodeStrict(raw, file); err != nil {
		return fmt.Errorf("data key `%s`: %w", key, err)
	}
	return nil
}

// parseSealing reads the sealing keys in their order. It wraps no error of a
// decoder, because those quote what they could not read.
func parseSealing(data map[string][]byte) ([]SealingKey, error) {
	var file sealingFile
	if err := decodeFile(data, SealingDataKey, maxSealingData, &file); err != nil {
		return nil, err
	}
	keys := make([]SealingKey, 0, len(file.Keys))
	for n, entry := range file.Keys {
		key, ok := decodeBase64(entry.Key)
		if !ok {
			return nil, fmt.Errorf("data key `%s`: `key` of entry %d is not standard base64", SealingDataKey, n)
		}
		if isZero(key) {
			return nil, fmt.Errorf("data key `%s`: `key` of entry %d is empty or all zeros", SealingDataKey, n)
		}
		useFrom, ok := parseTime(entry.UseFromTime)
		if !ok {
			return nil, fmt.Errorf("data key `%s`: `useFromTime` of entry %d is not an RFC 3339 time", SealingDataKey, n)
		}
		keys = append(keys, SealingKey{Version: entry.Version, Key: key, UseFromTime: useFrom})
	}
	return keys, nil
}

// formatSealing is the inverse of parseSealing. Times are cut to the second.
func formatSealing(keys []SealingKey) ([]byte, error) {
	file := sealingFile{Keys: make([]sealingEntry, 0, len(keys))}
	for _, key := range keys {
		file.Keys = append(file.Keys, sealingEntry{
			Version:     key.Version,
			Key:         base64.StdEncoding.EncodeToString(key.Key),
			UseFromTime: key.UseFromTime.UTC().Format(time.RFC3339),
		})
	}
	raw, err := json.Marshal(file)
	if err != nil {
		return nil, errors.New("the sealing keys can't be written as JSON")
	}
	return raw, nil
}

// isZero reports whether there is no byte but zeros: nobody's random key.
func isZero(key []byte) bool {
	return len(bytes.Trim(key, "\x00")) == 0
}
