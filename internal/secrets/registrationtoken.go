// Copyright The license-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package secrets

import (
	"crypto/subtle"
	"encoding/base64"
	"fmt"
	"io"
	"strings"
)

// A registration token is the base64 of three fixed bytes, registrationRandom
// random ones and registrationMAC that prove that we made it. The fixed bytes
// spell registrationMark, and 43 bytes leave a padding of two: so every token
// holds a '+', a '/' and a '=', and a web form that loses any of them fails at
// the first try, not at one customer in ten.
const (
	registrationMark   = "R1+/"
	registrationMarked = 3
	registrationRandom = 24
	registrationMAC    = 16
	registrationSize   = registrationMarked + registrationRandom + registrationMAC
	registrationLength = (registrationSize + 2) / 3 * 4
)

// NewRegistrationToken makes a registration token of 60 characters from 24
// bytes of rand, which must be a cryptographic source. It fails only if rand
// does. Only the token's hash may be stored.
func (i *Identity) NewRegistrationToken(rand io.Reader) (string, error) {
	var raw [registrationRandom + registrationMAC]byte
	if _, err := io.ReadFull(rand, raw[:registrationRandom]); err != nil {
		return "", fmt.Errorf("read random bytes for a registration token: %w", err)
	}
	mac := i.registrationTokenMAC.sum(string(raw[:registrationRandom]))
	copy(raw[registrationRandom:], mac[:])
	return registrationMark + base64.StdEncoding.EncodeToString(raw[:]), nil
}

// AuthenticRegistrationToken reports whether token was made by
// NewRegistrationToken.
func (i *Identity) AuthenticRegistrationToken(token string) bool {
	if len(token) != registrationLength || token[:len(registrationMark)] != registrationMark {
		return false
	}
	raw, ok := decodeBase64(token[len(registrationMark):])
	if !ok || len(raw) != registrationRandom+registrationMAC {
		return false
	}
	mac := i.registrationTokenMAC.sum(string(raw[:registrationRandom]))
	return subtle.ConstantTimeCompare(raw[registrationRandom:], mac[:registrationMAC]) == 1
}

// HashRegistrationToken is what is stored of a registration token: its SHA-256
// in lower-case hex.
func (*Identity) HashRegistrationToken(token string) string {
	return hashHex(token)
}

// strictBase64 refuses bits that would be dropped at the end.
var strictBase64 = base64.StdEncoding.Strict()

// decodeBase64 decodes standard base64 with padding and accepts exactly one
// spelling of any bytes. The decoder skips line breaks even when it is strict,
// so they are refused here.
func decodeBase64(s string) ([]byte, bool) {
	if strings.ContainsAny(s, "\r\n") {
		return nil, false
	}
	raw, err := strictBase64.DecodeString(s)
	return raw, err == nil
}
