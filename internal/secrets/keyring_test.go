// Copyright The license-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package secrets

import (
	"bytes"
	"encoding/binary"
	"errors"
	"math"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func TestNewKeyringRefuses(t *testing.T) {
	many := make([]SealingKey, MaxVersions+1)
	for n := range many {
		many[n] = SealingKey{Version: n + 1, Key: testKey(byte(n))}
	}
	cases := map[string][]SealingKey{
		"no key":                  nil,
		"too many keys":           many,
		"version 0":               {{Version: 0, Key: testKey(1)}},
		"a negative version":      {{Version: -1, Key: testKey(1)}},
		"too large a version":     {{Version: math.MaxInt32 + 1, Key: testKey(1)}},
		"a short key":             {{Version: 1, Key: testKey(1)[:16]}},
		"the same version twice":  {{Version: 1, Key: testKey(1)}, {Version: 1, Key: testKey(2)}},
		"versions that descend":   {{Version: 2, Key: testKey(1)}, {Version: 1, Key: testKey(2)}},
		"the same key twice":      {{Version: 1, Key: testKey(1)}, {Version: 2, Key: testKey(1)}},
		"times that run backward": {{Version: 1, Key: testKey(1), UseFromTime: now}, {Version: 2, Key: testKey(2), UseFromTime: now.Add(-1)}},
	}
	for name, keys := range cases {
		if _, err := NewKeyring(keys); err == nil {
			t.Errorf("%s: taken", name)
		}
	}
	if _, err := NewKeyring(many[:MaxVersions]); err != nil {
		t.Errorf("%d versions: %v", MaxVersions, err)
	}
}

func TestTimeChoosesTheVersionThatSeals(t *testing.T) {
	ring, err := NewKeyring([]SealingKey{
		{Version: 3, Key: testKey(3), UseFromTime: now},
		{Version: 4, Key: testKey(4), UseFromTime: now.Add(time.Hour)},
		{Version: 7, Key: testKey(7), UseFromTime: now.Add(2 * time.Hour)},
	})
	if err != nil {
		t.Fatal(err)
	}
	cases := map[string]struct {
		at      time.Duration
		current int
		next    time.Duration
	}{
		"before any is due the oldest seals":     {-time.Hour, 3, time.Hour},
		"the first in its time":                  {0, 3, time.Hour},
		"the second not a nanosecond too early":  {time.Hour - 1, 3, time.Hour},
		"the second from its time on":            {time.Hour, 4, 2 * time.Hour},
		"the newest, though others are due":      {2 * time.Hour, 7, 0},
		"the newest for good, and nothing waits": {10000 * time.Hour, 7, 0},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			at := now.Add(c.at)
			if got := ring.CurrentVersion(at); got != c.current {
				t.Errorf("version %d is current, want %d", got, c.current)
			}
			sealed, err := ring.Seal(at, "purpose", []byte("content"))
			if err != nil {
				t.Fatal(err)
			}
			if int(sealed[0]) != c.current {
				t.Errorf("sealed by version %d, want %d", sealed[0], c.current)
			}
			if got, err := ring.Open("purpose", sealed); err != nil || string(got) != "content" {
				t.Errorf("opened %q, %v", got, err)
			}
			next, waits := ring.NextUseFromTime(at)
			if waits != (c.next != 0) || (waits && !next.Equal(now.Add(c.next))) {
				t.Errorf("next change is %v, %v", next, waits)
			}
		})
	}
}

func TestSealingIsDeterministicAndBound(t *testing.T) {
	ring := newTestRing(t)
	seal := func(at time.Time, purpose, content string) []byte {
		sealed, err := ring.Seal(at, purpose, []byte(content))
		if err != nil {
			t.Fatal(err)
		}
		return sealed
	}
	base := seal(now, "purpose", "content")
	if !bytes.Equal(base, seal(now.Add(time.Minute), "purpose", "content")) {
		t.Error("the same content under the same version differs")
	}
	nonceOf := func(sealed []byte) string { return string(sealed[1:25]) }
	seen := map[string]string{nonceOf(base): "itself"}
	for name, other := range map[string][]byte{
		"another version": seal(now.Add(time.Hour), "purpose", "content"),
		"another purpose": seal(now, "purposf", "content"),
		"another content": seal(now, "purpose", "contenu"),
		"moved boundary":  seal(now, "purposec", "ontent"),
	} {
		if with, ok := seen[nonceOf(other)]; ok {
			t.Errorf("%s has the nonce of %s", name, with)
		}
		seen[nonceOf(other)] = name
	}
	if _, err := ring.Open("purposf", base); !errors.Is(err, ErrForged) {
		t.Errorf("opened for another purpose: %v", err)
	}
}

func TestOpenTellsWhyItRefuses(t *testing.T) {
	ring := newTestRing(t)
	sealed, err := ring.Seal(now, "purpose", []byte("content"))
	if err != nil {
		t.Fatal(err)
	}
	asVersion := func(header ...byte) []byte { return append(header, sealed[1:]...) }
	cases := map[string]struct {
		sealed []byte
		want   error
	}{
		"nothing":                          {nil, ErrMalformed},
		"a version without an end":         {bytes.Repeat([]byte{0xff}, 80), ErrMalformed},
		"too short for a nonce and a tag":  {sealed[:40], ErrMalformed},
		"too long":                         {make([]byte, maxSealed+1), ErrMalformed},
		"cut at the end":                   {sealed[:len(sealed)-1], ErrForged},
		"one byte more":                    {append(bytes.Clone(sealed), 0), ErrForged},
		"a version that never was":         {asVersion(99), ErrUnknownVersion},
		"version 0":                        {asVersion(0), ErrUnknownVersion},
		"a version beyond 32 bits":         {append(binary.AppendUvarint(nil, 1<<32+1), sealed[1:]...), ErrUnknownVersion},
		"another version's name":           {asVersion(2), ErrForged},
		"a longer spelling of the version": {asVersion(0x81, 0x00), ErrForged},
	}
	for name, c := range cases {
		if got, err := ring.Open("purpose", c.sealed); !errors.Is(err, c.want) || got != nil {
			t.Errorf("%s: got %q, %v; want %v", name, got, err, c.want)
		}
	}
}

func TestSealBoundsWhatItTakes(t *testing.T) {
	ring := newTestRing(t)
	if _, err := ring.Seal(now, "purpose", make([]byte, maxSealed)); err == nil {
		t.Error("more was sealed than can be opened")
	}
	content := make([]byte, maxSealed-64)
	sealed, err := ring.Seal(now, "purpose", content)
	if err != nil {
		t.Fatal(err)
	}
	got, err := ring.Open("purpose", sealed)
	if diff := cmp.Diff(content, got); diff != "" || err != nil {
		t.Errorf("a long content does not come back: %v", err)
	}
}
