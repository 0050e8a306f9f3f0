// Copyright The license-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package secrets

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func testSession() Session {
	return Session{
		Username: "system:serviceaccount:acme:render",
		UID:      "5b2ab0a6-37a2-4c35-a4a5-3a6a86a29bd5",
		Groups:   []string{"system:serviceaccounts", "system:serviceaccounts:acme", "system:authenticated"},
		Extra: map[string][]string{
			"authentication.kubernetes.io/pod-name": {"render-0"},
			"authentication.kubernetes.io/pod-uid":  {"6d9f3c0c-8f45-4a65-8b4f-0f3f6ed1d4a5"},
			"example.com/many":                      {"a", "", "c"},
		},
		ExpirationTime: now.Add(time.Hour),
	}
}

func mustSealSession(t testing.TB, ring *Keyring, at time.Time, s Session) string {
	t.Helper()
	token, err := ring.SealSession(at, s)
	if err != nil {
		t.Fatal(err)
	}
	return token
}

func TestSessionsOpenAsSealed(t *testing.T) {
	ring := newTestRing(t)
	for name, s := range map[string]Session{
		"an ordinary one":   testSession(),
		"the least":         {Username: "u", ExpirationTime: now},
		"the most of names": {Username: "u", Groups: make([]string, maxSessionGroups), ExpirationTime: now},
		"a long one":        {Username: strings.Repeat("u", 1000), Extra: map[string][]string{"": make([]string, maxSessionValues)}, ExpirationTime: now},
	} {
		for _, at := range []time.Time{now, now.Add(2 * time.Hour)} {
			got, err := ring.OpenSession(mustSealSession(t, ring, at, s))
			if diff := cmp.Diff(s, got); err != nil || diff != "" {
				t.Errorf("%s: OpenSession() = %v (-want +got):\n%s", name, err, diff)
			}
		}
	}
	if length := len(mustSealSession(t, ring, now, testSession())); length > 1024 {
		t.Errorf("an ordinary session token has %d characters, want 1024 at most", length)
	}
}

func TestSessionsThatCannotBeSealed(t *testing.T) {
	ring := newTestRing(t)
	many := map[string][]string{}
	for n := range maxSessionExtra + 1 {
		many[fmt.Sprint(n)] = nil
	}
	for name, change := range map[string]func(*Session){
		"no user":             func(s *Session) { s.Username = "" },
		"no end":              func(s *Session) { s.ExpirationTime = time.Time{} },
		"an end far away":     func(s *Session) { s.ExpirationTime = time.Date(10000, 1, 1, 0, 0, 0, 0, time.UTC) },
		"too many groups":     func(s *Session) { s.Groups = make([]string, maxSessionGroups+1) },
		"too many fields":     func(s *Session) { s.Extra = many },
		"too many values":     func(s *Session) { s.Extra["x"] = make([]string, maxSessionValues+1) },
		"a group of any size": func(s *Session) { s.Groups = []string{strings.Repeat("g", 1<<20)} },
	} {
		s := testSession()
		change(&s)
		if token, err := ring.SealSession(now, s); err == nil || token != "" {
			t.Errorf("%s: sealed as %q", name, token)
		}
	}
}

func TestChangedSessionTokensAreRefused(t *testing.T) {
	ring := newTestRing(t)
	token := mustSealSession(t, ring, now, testSession())
	tried := 0
	mutations(token, func(changed string) {
		tried++
		if _, err := ring.OpenSession(changed); err == nil {
			t.Fatalf("%q is taken for %q", changed, token)
		} else {
			checkRefusal(t, err)
		}
	})
	if tried < len(token) {
		t.Fatalf("%d changes of %d characters were tried", tried, len(token))
	}
	others := []string{"", token[1:], token[:len(token)-4], token + "AAAA", token + "\n", strings.Repeat("A", MaxTokenLength+4)}
	others = append(others, mustSealUser(t, ring, now, userToken()), strings.TrimPrefix(mustSealUser(t, ring, now, userToken()), userTokenPrefix))
	for _, other := range others {
		if _, err := ring.OpenSession(other); err == nil {
			t.Errorf("%.80q is taken", other)
		}
	}
	stranger, err := NewKeyring([]SealingKey{{Version: 1, Key: testKey(9), UseFromTime: now}})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := stranger.OpenSession(token); !errors.Is(err, ErrForged) {
		t.Errorf("under another key: %v, want ErrForged", err)
	}
}

func TestTemporaryKeysBelongToOneToken(t *testing.T) {
	id, ring := newTestIdentity(t), newTestRing(t)
	token := mustSealSession(t, ring, now, testSession())
	keyID, secret := id.TemporaryAccessKeyID(token), id.TemporarySecretAccessKey(token)
	if len(keyID) != 20 || !strings.HasPrefix(keyID, "ASIA") || len(secret) != 40 {
		t.Errorf("the pair is %s and %s, want 20 characters from ASIA on and 40", keyID, secret)
	}
	if id.AuthenticAccessKeyID(keyID) || id.AuthenticAccessKeyID("AKIA"+keyID[4:]) {
		t.Errorf("%s is taken for an AccessKey's id", keyID)
	}
	if strings.Contains(token, secret) || strings.Contains(secret, keyID[4:]) {
		t.Error("one of the parts tells another")
	}
	later := testSession()
	later.ExpirationTime = later.ExpirationTime.Add(time.Second)
	other := mustSealSession(t, ring, now, later)
	if id.TemporaryAccessKeyID(other) == keyID || id.TemporarySecretAccessKey(other) == secret {
		t.Error("two tokens have one pair")
	}
	stranger, err := NewIdentity(testKey(9))
	if err != nil {
		t.Fatal(err)
	}
	if stranger.TemporaryAccessKeyID(token) == keyID || stranger.TemporarySecretAccessKey(token) == secret {
		t.Error("another identity makes the same pair")
	}
}

// The pair of a token can never change, or credentials in use would fail at an
// upgrade.
func TestTemporaryKeysAreGolden(t *testing.T) {
	id := newTestIdentity(t)
	got := [2]string{id.TemporaryAccessKeyID("token"), id.TemporarySecretAccessKey("token")}
	want := [2]string{"ASIACJQEVROALVJ4QDJJ", "K+cmGskfhzO68/E7vPiW8tvOp8xficTarUnWHRyS"}
	if got != want {
		t.Errorf("the pair of the token is %q, want %q", got, want)
	}
}

func TestSessionsExpire(t *testing.T) {
	s := testSession()
	for at, want := range map[time.Time]bool{
		s.ExpirationTime.Add(-1): false, s.ExpirationTime: true, s.ExpirationTime.Add(1): true,
	} {
		if s.Expired(at) != want {
			t.Errorf("Expired(%s) = %t, want %t", at, !want, want)
		}
	}
}

// What opens is exactly what SealSession would have made of it.
func FuzzOpenSession(f *testing.F) {
	ring := newTestRing(f)
	f.Add(mustSealSession(f, ring, now, testSession()))
	f.Add(mustSealSession(f, ring, now.Add(2*time.Hour), Session{Username: "u", ExpirationTime: now}))
	f.Add("AQ==")
	f.Fuzz(func(t *testing.T, text string) {
		s, err := ring.OpenSession(text)
		if err != nil {
			checkRefusal(t, err)
			return
		}
		if mustSealSession(t, ring, now, s) != text && mustSealSession(t, ring, now.Add(2*time.Hour), s) != text {
			t.Errorf("%q opens and was not sealed", text)
		}
	})
}

// What the reader takes for a payload is written as the same again.
func FuzzSessionPayload(f *testing.F) {
	f.Add(appendSessionPayload(nil, testSession()))
	f.Add(appendSessionPayload(nil, Session{Username: "u", ExpirationTime: now}))
	f.Fuzz(func(t *testing.T, payload []byte) {
		s, err := parseSessionPayload(payload)
		if err != nil {
			checkRefusal(t, err)
			return
		}
		if string(appendSessionPayload(nil, s)) != string(payload) {
			t.Errorf("%x is read as %+v", payload, s)
		}
	})
}
