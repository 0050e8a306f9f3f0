// Copyright The license-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package secrets

import (
	"bytes"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"
)

// Temporary credentials are an access key id, a secret and a session token. All
// that they stand for is sealed in the token; the id and the secret are derived
// from its text. So nothing is stored, and any replica can check them.
const (
	sessionPurpose = "session-token"

	// temporaryKeyPrefix is how AWS begins the ids of temporary access keys.
	temporaryKeyPrefix = "ASIA"
	temporaryKeyIDSize = 10

	// Bounds of a Session: how many groups, extra fields and values of one
	// field.
	maxSessionGroups = 64
	maxSessionExtra  = 32
	maxSessionValues = 16

	sessionPayloadSize = 512
)

// Session is the user of Kubernetes that temporary credentials stand for, as
// the API server described it when they were issued.
type Session struct {
	Username, UID string
	Groups        []string
	Extra         map[string][]string
	// ExpirationTime is when the credentials end, UTC when opened.
	ExpirationTime time.Time
}

// Expired reports whether the credentials have ended at this time. Opening a
// session token doesn't check it.
func (s Session) Expired(now time.Time) bool {
	return !now.Before(s.ExpirationTime)
}

// SealSession makes the text of a session token, standard base64. It fails
// without a Username or an ExpirationTime in the years 1 to 9999, and on a
// Session that holds too much.
func (k *Keyring) SealSession(now time.Time, s Session) (string, error) {
	if s.Username == "" || s.ExpirationTime.IsZero() || !sealableTime(s.ExpirationTime) {
		return "", errors.New("a session needs a user and a time at which it ends")
	}
	if len(s.Groups) > maxSessionGroups || len(s.Extra) > maxSessionExtra {
		return "", fmt.Errorf("a session may hold %d groups and %d extra fields", maxSessionGroups, maxSessionExtra)
	}
	for _, values := range s.Extra {
		if len(values) > maxSessionValues {
			return "", fmt.Errorf("an extra field of a session may hold %d values", maxSessionValues)
		}
	}
	return k.sealToken(now, "", sessionPurpose, appendSessionPayload(nil, s))
}

// OpenSession reads a token made by SealSession, expired or not. Errors are
// ErrMalformed, ErrUnknownVersion and ErrForged.
func (k *Keyring) OpenSession(token string) (Session, error) {
	payload, err := k.openToken(token, "", sessionPurpose)
	if err != nil {
		return Session{}, err
	}
	return parseSessionPayload(payload)
}

// TemporaryAccessKeyID is the access key id that belongs to a session token:
// 20 characters.
func (i *Identity) TemporaryAccessKeyID(token string) string {
	sum := i.temporaryKeyID.sum(token)
	return temporaryKeyPrefix + upper32.EncodeToString(sum[:temporaryKeyIDSize])
}

// TemporarySecretAccessKey is the secret access key that belongs to a session
// token: 40 characters of base64. Whoever calls it must have opened the token.
func (i *Identity) TemporarySecretAccessKey(token string) string {
	sum := i.temporarySecret.sum(token)
	return base64.StdEncoding.EncodeToString(sum[:secretKeySize])
}

func appendSessionPayload(out []byte, s Session) []byte {
	out = append(out, payloadForm)
	out = appendText(out, s.Username)
	out = appendText(out, s.UID)
	out = appendTexts(out, s.Groups)
	out = binary.AppendUvarint(out, uint64(len(s.Extra)))
	for _, name := range slices.Sorted(maps.Keys(s.Extra)) {
		out = appendText(out, name)
		out = appendTexts(out, s.Extra[name])
	}
	out = appendTime(out, s.ExpirationTime)
	return pad(out, sessionPayloadSize)
}

func appendTexts(out []byte, list []string) []byte {
	out = binary.AppendUvarint(out, uint64(len(list)))
	for _, s := range list {
		out = appendText(out, s)
	}
	return out
}

// parseSessionPayload is the inverse of appendSessionPayload and accepts
// nothing else.
func parseSessionPayload(payload []byte) (Session, error) {
	r := newReader(payload)
	s := Session{Username: r.text(), UID: r.text(), Groups: r.texts(maxSessionGroups)}
	for range r.count(maxSessionExtra) {
		if s.Extra == nil {
			s.Extra = map[string][]string{}
		}
		name := r.text()
		s.Extra[name] = r.texts(maxSessionValues)
	}
	s.ExpirationTime = r.time()
	if r.bad || s.ExpirationTime.IsZero() || !bytes.Equal(appendSessionPayload(make([]byte, 0, len(payload)), s), payload) {
		return Session{}, fmt.Errorf("%w: content of another form", ErrMalformed)
	}
	return s, nil
}

// count reads how many there are of something, at most limit.
func (r *reader) count(limit uint64) uint64 {
	n := r.uvarint()
	if n > limit {
		r.bad = true
	}
	if r.bad {
		return 0
	}
	return n
}

func (r *reader) texts(limit uint64) []string {
	n := r.count(limit)
	if n == 0 {
		return nil
	}
	list := make([]string, n)
	for i := range list {
		list[i] = r.text()
	}
	return list
}
