// Copyright The license-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package secrets

import (
	"bytes"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"
)

// A registration token of the registration page is the base64 of three fixed
// bytes and of what is sealed. The fixed bytes spell pageTokenMark, and the
// payload is padded so that the text ends in two '='. So it holds a '+', a '/'
// and a '=' like the token of an Activation, and for the same reason: a web
// form that loses any of them fails at the first try.
const (
	pageTokenMark    = "R2+/"
	pageTokenPurpose = "registration-page-token"
	pageFormPurpose  = "activation-page-form"

	// maxPageToken bounds such a token, in characters.
	maxPageToken = 1 << 10

	// pageTokenPayloadSize is what payloads are padded to, in bytes, and for
	// long names in steps of paddingStep; up to two more bytes make the text
	// end as it has to. It makes tokens of 256 characters.
	pageTokenPayloadSize = 144

	registrationNonceSize = 16
)

// RegistrationClaims is what a registration token of the registration page
// says: which customer has shown it the page. It is bound to names, so it is
// still valid after a restore.
type RegistrationClaims struct {
	Namespace string
	// Subscription is the object's name.
	Subscription string
	// Party is whose the Subscription must be when the token is used.
	Party Party
	// IssueTime is when the page was shown, Expiration from when on the token
	// can't be resolved. Both are UTC when opened.
	IssueTime, Expiration time.Time
	// Nonce makes every token another one: see NewRegistrationNonce.
	Nonce [registrationNonceSize]byte
}

// Expired reports whether the token has expired at this time. Opening a token
// doesn't check it.
func (c *RegistrationClaims) Expired(now time.Time) bool {
	return !now.Before(c.Expiration)
}

// NewRegistrationNonce reads the Nonce of one token from rand, which must be a
// cryptographic source. It fails only if rand does.
func NewRegistrationNonce(rand io.Reader) ([registrationNonceSize]byte, error) {
	var nonce [registrationNonceSize]byte
	if _, err := io.ReadFull(rand, nonce[:]); err != nil {
		return nonce, fmt.Errorf("read random bytes for a registration token: %w", err)
	}
	return nonce, nil
}

// SealRegistrationToken makes the text of a registration token, standard
// base64 with padding: the same text for the same claims and the same version.
// It fails on an empty name, a Party or a Nonce of zeros, times that are unset, out
// of order or outside the years 1 to 9999, and on names so long that Open would
// refuse the text.
func (k *Keyring) SealRegistrationToken(now time.Time, claims RegistrationClaims) (string, error) {
	return k.sealPage(now, pageTokenPurpose, claims)
}

// SealActivationForm makes the text that the form of the activation page posts
// back: what proves that the page was shown, and names what is made. Otherwise
// it is as SealRegistrationToken.
func (k *Keyring) SealActivationForm(now time.Time, claims RegistrationClaims) (string, error) {
	return k.sealPage(now, pageFormPurpose, claims)
}

func (k *Keyring) sealPage(now time.Time, purpose string, claims RegistrationClaims) (string, error) {
	if claims.Namespace == "" || claims.Subscription == "" {
		return "", errors.New("a page's token needs a namespace and a Subscription")
	}
	if claims.Party == (Party{}) {
		return "", errors.New("a page's token needs a product and a customer")
	}
	if claims.Nonce == ([registrationNonceSize]byte{}) {
		return "", errors.New("a page's token needs a nonce")
	}
	if claims.IssueTime.IsZero() || !claims.Expiration.After(claims.IssueTime) || !sealableTime(claims.IssueTime) || !sealableTime(claims.Expiration) {
		return "", errors.New("a page's token needs a time of issue and a later one of expiration, in the years 1 to 9999")
	}
	sealer := k.current(now)
	overhead := len(sealer.header) + sealer.aead.NonceSize() + sealer.aead.Overhead()
	sealed, err := k.Seal(now, purpose, appendRegistrationPayload(nil, claims, overhead))
	if err != nil {
		return "", err
	}
	text := base64.StdEncoding.AppendEncode([]byte(pageTokenMark), sealed)
	if len(text) > maxPageToken {
		return "", fmt.Errorf("the page's token would have %d characters, at most %d are possible", len(text), maxPageToken)
	}
	return string(text), nil
}

// OpenRegistrationToken reads a token made by SealRegistrationToken, expired or
// not. Errors are ErrMalformed, also for a token of an Activation, which
// AuthenticRegistrationToken knows, ErrUnknownVersion and ErrForged.
func (k *Keyring) OpenRegistrationToken(token string) (RegistrationClaims, error) {
	return k.openPage(pageTokenPurpose, token)
}

// OpenActivationForm reads a text made by SealActivationForm, expired or not.
// Errors are those of OpenRegistrationToken.
func (k *Keyring) OpenActivationForm(text string) (RegistrationClaims, error) {
	return k.openPage(pageFormPurpose, text)
}

func (k *Keyring) openPage(purpose, token string) (RegistrationClaims, error) {
	if len(token) > maxPageToken {
		return RegistrationClaims{}, fmt.Errorf("%w: longer than %d characters", ErrMalformed, maxPageToken)
	}
	text, ok := strings.CutPrefix(token, pageTokenMark)
	if !ok {
		return RegistrationClaims{}, fmt.Errorf("%w: no token of a page", ErrMalformed)
	}
	sealed, ok := decodeBase64(text)
	if !ok {
		return RegistrationClaims{}, fmt.Errorf("%w: not base64", ErrMalformed)
	}
	payload, err := k.Open(purpose, sealed)
	if err != nil {
		return RegistrationClaims{}, err
	}
	return parseRegistrationPayload(payload, len(sealed)-len(payload))
}

// appendRegistrationPayload pads with regard to what sealing adds, overhead
// bytes.
func appendRegistrationPayload(out []byte, c RegistrationClaims, overhead int) []byte {
	out = append(out, payloadForm)
	out = appendText(out, c.Namespace)
	out = appendText(out, c.Subscription)
	out = append(out, c.Party[:]...)
	out = appendTime(out, c.IssueTime)
	out = appendTime(out, c.Expiration)
	out = append(out, c.Nonce[:]...)
	out = pad(out, pageTokenPayloadSize)
	for (len(out)+overhead)%3 != 1 {
		out = append(out, 0)
	}
	return out
}

// parseRegistrationPayload is the inverse of appendRegistrationPayload and
// accepts nothing else.
func parseRegistrationPayload(payload []byte, overhead int) (RegistrationClaims, error) {
	r := newReader(payload)
	c := RegistrationClaims{Namespace: r.text(), Subscription: r.text(), Party: r.party(), IssueTime: r.time(), Expiration: r.time()}
	for n := range c.Nonce {
		c.Nonce[n] = r.byte()
	}
	if r.bad || !bytes.Equal(appendRegistrationPayload(make([]byte, 0, len(payload)), c, overhead), payload) {
		return RegistrationClaims{}, fmt.Errorf("%w: content of another form", ErrMalformed)
	}
	return c, nil
}
