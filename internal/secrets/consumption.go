// Copyright The license-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package secrets

import (
	"bytes"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"
	"time"

	"github.com/license-operator/license-operator/api/v1alpha1"
)

const (
	consumptionTokenPrefix  = "lct_"
	consumptionTokenPurpose = "consumption-token"

	// maxConsumptionToken bounds a consumption token, in characters.
	maxConsumptionToken = 1 << 10

	// consumptionPayloadSize is what payloads are padded to, in bytes, and for
	// long names in steps of paddingStep. It makes tokens of 230 characters.
	consumptionPayloadSize = 128
)

// ConsumptionToken says which checkout a caller gives back or extends, and
// where its entry is: what API calls know as LicenseConsumptionToken.
type ConsumptionToken struct {
	Namespace string
	// Subscription is the object's name.
	Subscription string
	// ID is the checkout's.
	ID string
	// Block holds the checkout's entry, which was made in its commit Sequence.
	Block    int32
	Sequence int64
	Type     v1alpha1.CheckoutType
}

// checkoutTypes are the types by their number in a payload, which never
// changes.
var checkoutTypes = []v1alpha1.CheckoutType{1: v1alpha1.CheckoutProvisional, 2: v1alpha1.CheckoutPerpetual, 3: v1alpha1.CheckoutBorrow}

// SealConsumptionToken makes the text of a consumption token, of characters
// that need no escaping in a URL: the same text for the same content and the
// same version. Give the time at which the checkout was granted as now, so that
// a repeated request gets the same token though a version has become current
// since. It fails on an empty name, a negative number, an unknown Type and on
// names so long that Open would refuse the text.
func (k *Keyring) SealConsumptionToken(now time.Time, t ConsumptionToken) (string, error) {
	if t.Namespace == "" || t.Subscription == "" || t.ID == "" {
		return "", errors.New("a consumption token needs a namespace, a Subscription and an id")
	}
	if t.Block < 0 || t.Sequence < 0 {
		return "", errors.New("the numbers of a consumption token must not be negative")
	}
	if t.Type == "" || !slices.Contains(checkoutTypes, t.Type) {
		return "", errors.New("the type of a consumption token is unknown")
	}
	sealed, err := k.Seal(now, consumptionTokenPurpose, appendConsumptionPayload(nil, t))
	if err != nil {
		return "", err
	}
	text := base64.RawURLEncoding.AppendEncode([]byte(consumptionTokenPrefix), sealed)
	if len(text) > maxConsumptionToken {
		return "", fmt.Errorf("the consumption token would have %d characters, at most %d are possible", len(text), maxConsumptionToken)
	}
	return string(text), nil
}

// OpenConsumptionToken reads a token made by SealConsumptionToken. Errors are
// ErrMalformed, ErrUnknownVersion and ErrForged.
func (k *Keyring) OpenConsumptionToken(token string) (ConsumptionToken, error) {
	if len(token) > maxConsumptionToken {
		return ConsumptionToken{}, fmt.Errorf("%w: longer than %d characters", ErrMalformed, maxConsumptionToken)
	}
	text, ok := strings.CutPrefix(token, consumptionTokenPrefix)
	if !ok || strings.ContainsAny(text, "\r\n") {
		return ConsumptionToken{}, fmt.Errorf("%w: no consumption token", ErrMalformed)
	}
	sealed, err := base64.RawURLEncoding.Strict().DecodeString(text)
	if err != nil {
		return ConsumptionToken{}, fmt.Errorf("%w: not base64", ErrMalformed)
	}
	payload, err := k.Open(consumptionTokenPurpose, sealed)
	if err != nil {
		return ConsumptionToken{}, err
	}
	return parseConsumptionPayload(payload)
}

func appendConsumptionPayload(out []byte, t ConsumptionToken) []byte {
	out = append(out, payloadForm)
	out = appendText(out, t.Namespace)
	out = appendText(out, t.Subscription)
	out = appendText(out, t.ID)
	out = binary.AppendUvarint(out, uint64(t.Block))             //nolint:gosec // It is 0 or more.
	out = binary.AppendUvarint(out, uint64(t.Sequence))          //nolint:gosec // It is 0 or more.
	out = append(out, byte(slices.Index(checkoutTypes, t.Type))) //nolint:gosec // There are few.
	return pad(out, consumptionPayloadSize)
}

// parseConsumptionPayload is the inverse of appendConsumptionPayload and accepts
// nothing else.
func parseConsumptionPayload(payload []byte) (ConsumptionToken, error) {
	malformed := fmt.Errorf("%w: content of another form", ErrMalformed)
	r := newReader(payload)
	t := ConsumptionToken{Namespace: r.text(), Subscription: r.text(), ID: r.text()}
	block, sequence, number := r.uvarint(), r.uvarint(), r.byte()
	if r.bad || block > math.MaxInt32 || sequence > math.MaxInt64 || number == 0 || int(number) >= len(checkoutTypes) {
		return ConsumptionToken{}, malformed
	}
	t.Block, t.Sequence, t.Type = int32(block), int64(sequence), checkoutTypes[number]
	if !bytes.Equal(appendConsumptionPayload(make([]byte, 0, len(payload)), t), payload) {
		return ConsumptionToken{}, malformed
	}
	return t, nil
}
