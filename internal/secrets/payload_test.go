// Copyright The license-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package secrets

import (
	"bytes"
	"encoding/binary"
	"errors"
	"testing"
	"time"
)

func TestPayloadsHaveOneForm(t *testing.T) {
	// text, set and unset are fields as the payload spells them.
	text := func(s string) []byte { return appendText(nil, s) }
	set := func(seconds int64, nanoseconds uint64) []byte {
		return binary.AppendUvarint(binary.AppendVarint([]byte{timeSet}, seconds), nanoseconds)
	}
	unset := []byte{timeUnset}
	build := func(size int, fields ...[]byte) []byte {
		return pad(bytes.Join(fields, nil), size)
	}
	form := []byte{payloadForm}
	user := func(times ...[]byte) []byte {
		names := [][]byte{form, text("acme"), text("774F4FF8"), text("cust-42"), text("first"), {CurrentRevision}}
		return build(userPayloadSize, append(names, times...)...)
	}
	withRevision := func(revision ...byte) []byte {
		return build(userPayloadSize, form, text("a"), text("b"), text("c"), text("d"), revision, unset, unset)
	}
	good := user(set(now.Unix(), 5), unset)
	got, err := parseUserPayload(good)
	if err != nil || !got.IssueTime.Equal(now.Add(5)) || !got.ExpirationTime.IsZero() {
		t.Fatalf("a good payload gives %+v, %v", got, err)
	}
	dirty := bytes.Clone(good)
	dirty[len(dirty)-1] = 1
	zero := time.Time{}.Unix()

	cases := map[string][]byte{
		"nothing":                           nil,
		"another form":                      append([]byte{payloadForm + 1}, good[1:]...),
		"no padding":                        bytes.TrimRight(good, "\x00"),
		"a byte of padding too few":         good[:len(good)-1],
		"a step of padding too many":        append(bytes.Clone(good), make([]byte, paddingStep)...),
		"padding that isn't zero":           dirty,
		"a text longer than the payload":    build(userPayloadSize, form, binary.AppendUvarint(nil, 1<<40)),
		"a length without an end":           append([]byte{payloadForm}, bytes.Repeat([]byte{0xff}, userPayloadSize-1)...),
		"a length in a longer spelling":     build(userPayloadSize, form, []byte{0x81, 0x00, 'a'}, text("b"), text("c"), text("d"), []byte{1}, unset, unset),
		"revision 0":                        withRevision(0),
		"a revision beyond 31 bits":         withRevision(binary.AppendUvarint(nil, 1<<31)...),
		"a revision in a longer spelling":   withRevision(0x81, 0x00),
		"a whole second of nanoseconds":     user(set(1, uint64(time.Second)), unset),
		"a zero time that claims to be set": user(set(zero, 0), unset),
		"a time before the year 1":          user(set(zero-1, 0), unset),
		"a time after the year 9999":        user(set(253402300800, 0), unset),
		"the largest number of seconds":     user(set(1<<63-1, 0), unset),
		"a mark that is neither":            user([]byte{2, 0, 0}, unset),
		"seconds without an end":            append(good[:30:30], bytes.Repeat([]byte{0xff}, userPayloadSize-30)...),
		"a product's payload":               appendProductPayload(nil, ProductToken{Namespace: "acme", Code: "774F4FF8"}),
	}
	for name, payload := range cases {
		if got, err := parseUserPayload(payload); !errors.Is(err, ErrMalformed) || got != (UserToken{}) {
			t.Errorf("%s: got %+v, %v", name, got, err)
		}
	}
	for cut := range len(good) {
		if _, err := parseUserPayload(good[:cut]); !errors.Is(err, ErrMalformed) {
			t.Errorf("cut to %d bytes: %v", cut, err)
		}
	}
	if got, err := parseProductPayload(good); !errors.Is(err, ErrMalformed) || got != (ProductToken{}) {
		t.Errorf("a user's payload is taken as a product's: %+v, %v", got, err)
	}
}
