// Copyright The license-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package secrets

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"math"
	"time"
)

// A payload is one byte that names its form, then the fields in order: a string
// as its length and bytes, a number as a uvarint, a time as one byte that says
// whether it is set and then seconds and nanoseconds. Zeros pad it to its size.
const (
	payloadForm = 1
	paddingStep = 64

	timeUnset = 0
	timeSet   = 1
)

func appendProductPayload(out []byte, t ProductToken) []byte {
	out = append(out, payloadForm)
	out = appendText(out, t.Namespace)
	out = appendText(out, t.Code)
	return pad(out, productPayloadSize)
}

func appendUserPayload(out []byte, t UserToken) []byte {
	out = append(out, payloadForm)
	out = appendText(out, t.Namespace)
	out = appendText(out, t.Code)
	out = appendText(out, t.Customer)
	out = appendText(out, t.Activation)
	out = binary.AppendUvarint(out, uint64(t.Revision)) //nolint:gosec // It is 1 or more.
	out = appendTime(out, t.IssueTime)
	out = appendTime(out, t.ExpirationTime)
	return pad(out, userPayloadSize)
}

func appendText(out []byte, s string) []byte {
	out = binary.AppendUvarint(out, uint64(len(s)))
	return append(out, s...)
}

func appendTime(out []byte, t time.Time) []byte {
	if t.IsZero() {
		return append(out, timeUnset)
	}
	out = append(out, timeSet)
	out = binary.AppendVarint(out, t.Unix())
	return binary.AppendUvarint(out, uint64(t.Nanosecond())) //nolint:gosec // It is 0 or more.
}

// sealableTime reports whether a time lies in the years 1 to 9999, so that every
// protocol can write it.
func sealableTime(t time.Time) bool {
	const first, last = -62135596800, 253402300799
	return t.Unix() >= first && t.Unix() <= last
}

// pad appends zeros up to size, or beyond it to the next whole step.
func pad(out []byte, size int) []byte {
	if over := len(out) - size; over > 0 {
		size += (over + paddingStep - 1) / paddingStep * paddingStep
	}
	return append(out, make([]byte, size-len(out))...)
}

// parseProductPayload is the inverse of appendProductPayload and accepts
// nothing else.
func parseProductPayload(payload []byte) (ProductToken, error) {
	r := newReader(payload)
	t := ProductToken{Namespace: r.text(), Code: r.text()}
	if r.bad || !bytes.Equal(appendProductPayload(make([]byte, 0, len(payload)), t), payload) {
		return ProductToken{}, fmt.Errorf("%w: content of another form", ErrMalformed)
	}
	return t, nil
}

// parseUserPayload is the inverse of appendUserPayload and accepts nothing
// else: comparing with what would have been written refuses every other
// spelling of lengths, numbers, times and padding at once.
func parseUserPayload(payload []byte) (UserToken, error) {
	r := newReader(payload)
	t := UserToken{
		Namespace:      r.text(),
		Code:           r.text(),
		Customer:       r.text(),
		Activation:     r.text(),
		Revision:       r.revision(),
		IssueTime:      r.time(),
		ExpirationTime: r.time(),
	}
	if r.bad || !bytes.Equal(appendUserPayload(make([]byte, 0, len(payload)), t), payload) {
		return UserToken{}, fmt.Errorf("%w: content of another form", ErrMalformed)
	}
	return t, nil
}

// reader takes fields from the front of a payload. After the first field that
// isn't there, bad is set and every field is empty.
type reader struct {
	rest []byte
	bad  bool
}

func newReader(payload []byte) *reader {
	r := &reader{rest: payload}
	r.bad = r.byte() != payloadForm
	return r
}

func (r *reader) byte() byte {
	if r.bad || len(r.rest) == 0 {
		r.bad = true
		return 0
	}
	b := r.rest[0]
	r.rest = r.rest[1:]
	return b
}

func (r *reader) uvarint() uint64 {
	v, n := binary.Uvarint(r.rest)
	if r.bad || n <= 0 {
		r.bad = true
		return 0
	}
	r.rest = r.rest[n:]
	return v
}

func (r *reader) varint() int64 {
	v, n := binary.Varint(r.rest)
	if r.bad || n <= 0 {
		r.bad = true
		return 0
	}
	r.rest = r.rest[n:]
	return v
}

func (r *reader) text() string {
	length := r.uvarint()
	if r.bad || length > uint64(len(r.rest)) {
		r.bad = true
		return ""
	}
	s := string(r.rest[:length])
	r.rest = r.rest[length:]
	return s
}

func (r *reader) revision() int {
	v := r.uvarint()
	if v < 1 || v > math.MaxInt32 {
		r.bad = true
		return 0
	}
	return int(v)
}

func (r *reader) time() time.Time {
	if r.byte() == timeUnset {
		return time.Time{}
	}
	seconds, nanoseconds := r.varint(), r.uvarint()
	if r.bad || nanoseconds >= uint64(time.Second) {
		r.bad = true
		return time.Time{}
	}
	t := time.Unix(seconds, int64(nanoseconds)).UTC()
	if !sealableTime(t) {
		r.bad = true
		return time.Time{}
	}
	return t
}
