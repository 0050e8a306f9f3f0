// Copyright The license-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package secrets

import (
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/rsa"
	"crypto/x509"
	"encoding/asn1"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"time"
)

// maxSigningData bounds the JSON of the signing keys, in bytes.
const maxSigningData = 128 << 10

// signingFile is the JSON under SigningDataKey.
type signingFile struct {
	Keys []signingEntry `json:"keys"`
}

// signingEntry holds private keys in PKCS#8 (RFC 5208), in base64.
type signingEntry struct {
	Version      int    `json:"version"`
	ES256        string `json:"ES256"`
	PS384        string `json:"PS384"`
	EdDSA        string `json:"EdDSA"`
	PublishTime  string `json:"publishTime"`
	SignFromTime string `json:"signFromTime"`
}

// newSigningData makes signing version 1, published and signing from now on:
// there is no verifier yet that could have an older JWKS.
func newSigningData(now time.Time, random io.Reader) ([]byte, error) {
	key, err := NewSigningKey(random, 1, DefaultRSABits, now, now)
	if err != nil {
		return nil, err
	}
	return formatSigning([]SigningKey{key})
}

// parseSigning reads the signing keys in their order. It wraps no error of a
// decoder, because those may quote what they could not read.
func parseSigning(data map[string][]byte) ([]SigningKey, error) {
	var file signingFile
	if err := decodeFile(data, SigningDataKey, maxSigningData, &file); err != nil {
		return nil, err
	}
	if len(file.Keys) > MaxSigningVersions {
		return nil, fmt.Errorf("data key `%s`: it has %d entries, at most %d are possible", SigningDataKey, len(file.Keys), MaxSigningVersions)
	}
	keys := make([]SigningKey, 0, len(file.Keys))
	for n, entry := range file.Keys {
		key, field := entry.parse()
		if field != "" {
			return nil, fmt.Errorf("data key `%s`: `%s` of entry %d is not what it must be", SigningDataKey, field, n)
		}
		keys = append(keys, key)
	}
	return keys, nil
}

// parse returns the name of the first field that can't be read.
func (e signingEntry) parse() (key SigningKey, field string) {
	key.Version = e.Version
	var ok bool
	if key.ES256, ok = parsePKCS8(e.ES256).(*ecdsa.PrivateKey); !ok {
		return key, "ES256"
	}
	if key.PS384, ok = parsePKCS8(e.PS384).(*rsa.PrivateKey); !ok {
		return key, "PS384"
	}
	if key.EdDSA, ok = parsePKCS8(e.EdDSA).(ed25519.PrivateKey); !ok {
		return key, "EdDSA"
	}
	if key.PublishTime, ok = parseTime(e.PublishTime); !ok {
		return key, "publishTime"
	}
	if key.SignFromTime, ok = parseTime(e.SignFromTime); !ok {
		return key, "signFromTime"
	}
	return key, ""
}

// parsePKCS8 is nil for what is no key, or has something behind it.
func parsePKCS8(text string) any {
	der, ok := decodeBase64(text)
	if !ok {
		return nil
	}
	var whole asn1.RawValue
	if rest, err := asn1.Unmarshal(der, &whole); err != nil || len(rest) > 0 {
		return nil
	}
	key, err := x509.ParsePKCS8PrivateKey(der)
	if err != nil {
		return nil
	}
	return key
}

func parseTime(text string) (time.Time, bool) {
	t, err := time.Parse(time.RFC3339, text)
	return t.UTC(), err == nil && sealableTime(t)
}

// formatSigning is the inverse of parseSigning. Times are cut to the second.
func formatSigning(keys []SigningKey) ([]byte, error) {
	file := signingFile{Keys: make([]signingEntry, 0, len(keys))}
	for _, key := range keys {
		entry := signingEntry{
			Version:      key.Version,
			PublishTime:  key.PublishTime.UTC().Format(time.RFC3339),
			SignFromTime: key.SignFromTime.UTC().Format(time.RFC3339),
		}
		for to, private := range map[*string]any{&entry.ES256: key.ES256, &entry.PS384: key.PS384, &entry.EdDSA: key.EdDSA} {
			der, err := x509.MarshalPKCS8PrivateKey(private)
			if err != nil {
				return nil, errors.New("the signing keys can't be written as PKCS#8")
			}
			*to = base64.StdEncoding.EncodeToString(der)
		}
		file.Keys = append(file.Keys, entry)
	}
	raw, err := json.Marshal(file)
	if err != nil {
		return nil, errors.New("the signing keys can't be written as JSON")
	}
	return raw, nil
}
