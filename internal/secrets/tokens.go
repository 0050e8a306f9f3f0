// Copyright The license-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package secrets

import (
	"encoding/base64"
	"errors"
	"fmt"
	"math"
	"strings"
	"time"
)

const (
	// CurrentRevision is the revision of user tokens made today.
	// RefreshUserToken turns an older one into this.
	CurrentRevision = 2

	// MaxTokenLength bounds a token, in characters. A longer one is refused
	// unread.
	MaxTokenLength = 8 << 10

	productTokenPrefix = "{ProductToken}"
	userTokenPrefix    = "{UserToken}"

	productTokenPurpose = "product-token"
	userTokenPurpose    = "user-token"

	// Payloads are padded to these sizes, in bytes, and where names are long
	// in steps of paddingStep, so that a token's length doesn't tell a name's.
	// They make tokens of 326 and 407 characters; real ones had about 312 and
	// 400.
	productPayloadSize = 192
	userPayloadSize    = 256
)

// ProductToken says which Product a program is. It is bound to names, not to
// UIDs, so it is still valid after a restore.
type ProductToken struct {
	Namespace string
	// Code is the product code.
	Code string
}

// UserToken says for which customer a program was activated.
type UserToken struct {
	Namespace string
	// Code is the product code.
	Code string
	// Customer is the CustomerIdentifier.
	Customer string
	// Activation is the name of the Activation; revoking it ends the token.
	Activation string
	// Revision is 1 or more; see CurrentRevision.
	Revision int
	// IssueTime and ExpirationTime are UTC when opened. A zero ExpirationTime
	// is never.
	IssueTime, ExpirationTime time.Time
}

// Expired reports whether the token has expired at this time. Opening a token
// doesn't check it.
func (t UserToken) Expired(now time.Time) bool {
	return !t.ExpirationTime.IsZero() && !now.Before(t.ExpirationTime)
}

// SealProductToken makes the text of a product token: the same text for the
// same content for as long as the same version is current. It fails on an empty
// Namespace or Code and on names so long that Open would refuse the text.
func (k *Keyring) SealProductToken(now time.Time, t ProductToken) (string, error) {
	if t.Namespace == "" || t.Code == "" {
		return "", errors.New("a product token needs a namespace and a product code")
	}
	return k.sealToken(now, productTokenPrefix, productTokenPurpose, appendProductPayload(nil, t))
}

// OpenProductToken reads a token made by SealProductToken. Errors are
// ErrMalformed, ErrUnknownVersion and ErrForged.
func (k *Keyring) OpenProductToken(token string) (ProductToken, error) {
	payload, err := k.openToken(token, productTokenPrefix, productTokenPurpose)
	if err != nil {
		return ProductToken{}, err
	}
	return parseProductPayload(payload)
}

// SealUserToken makes the text of a user token: the same text for the same
// content for as long as the same version is current. It fails on an empty
// Namespace, Code or Customer, on a Revision below 1, on times outside the
// years 1 to 9999, and on names so long that Open would refuse the text.
func (k *Keyring) SealUserToken(now time.Time, t UserToken) (string, error) {
	if t.Namespace == "" || t.Code == "" || t.Customer == "" {
		return "", errors.New("a user token needs a namespace, a product code and a customer")
	}
	if t.Revision < 1 || t.Revision > math.MaxInt32 {
		return "", fmt.Errorf("the revision of a user token must be 1 to %d, it is %d", math.MaxInt32, t.Revision)
	}
	if !sealableTime(t.IssueTime) || !sealableTime(t.ExpirationTime) {
		return "", errors.New("the times of a user token must lie in the years 1 to 9999")
	}
	return k.sealToken(now, userTokenPrefix, userTokenPurpose, appendUserPayload(nil, t))
}

// OpenUserToken reads a token made by SealUserToken, expired or not. Errors are
// ErrMalformed, ErrUnknownVersion and ErrForged.
func (k *Keyring) OpenUserToken(token string) (UserToken, error) {
	payload, err := k.openToken(token, userTokenPrefix, userTokenPurpose)
	if err != nil {
		return UserToken{}, err
	}
	return parseUserPayload(payload)
}

func (k *Keyring) sealToken(now time.Time, prefix, purpose string, payload []byte) (string, error) {
	sealed, err := k.Seal(now, purpose, payload)
	if err != nil {
		return "", err
	}
	length := len(prefix) + base64.StdEncoding.EncodedLen(len(sealed))
	if length > MaxTokenLength {
		return "", fmt.Errorf("the token would have %d characters, at most %d are possible", length, MaxTokenLength)
	}
	text := make([]byte, 0, length)
	text = append(text, prefix...)
	return string(base64.StdEncoding.AppendEncode(text, sealed)), nil
}

func (k *Keyring) openToken(token, prefix, purpose string) ([]byte, error) {
	if len(token) > MaxTokenLength {
		return nil, fmt.Errorf("%w: longer than %d characters", ErrMalformed, MaxTokenLength)
	}
	text, ok := strings.CutPrefix(token, prefix)
	if !ok {
		return nil, fmt.Errorf("%w: it doesn't begin with %s", ErrMalformed, prefix)
	}
	sealed, ok := decodeBase64(text)
	if !ok {
		return nil, fmt.Errorf("%w: not base64", ErrMalformed)
	}
	return k.Open(purpose, sealed)
}
