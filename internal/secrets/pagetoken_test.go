// Copyright The license-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package secrets

import (
	"bytes"
	"errors"
	"net/url"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func registrationClaims() RegistrationClaims {
	return RegistrationClaims{
		Namespace: "acme", Subscription: "initech", Party: PartyOf("774F4FF8", "cust-42"),
		IssueTime: now, Expiration: now.Add(4 * time.Hour),
		Nonce: [registrationNonceSize]byte{1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16},
	}
}

func registrationBut(change func(*RegistrationClaims)) RegistrationClaims {
	claims := registrationClaims()
	change(&claims)
	return claims
}

func mustSealRegistration(t testing.TB, ring *Keyring, at time.Time, claims RegistrationClaims) string {
	t.Helper()
	text, err := ring.SealRegistrationToken(at, claims)
	if err != nil {
		t.Fatalf("SealRegistrationToken: %v", err)
	}
	return text
}

// ringOfVersion has one version, whose number decides how long its header is.
func ringOfVersion(t testing.TB, version int) *Keyring {
	t.Helper()
	ring, err := NewKeyring([]SealingKey{{Version: version, Key: testKey(3), UseFromTime: now}})
	if err != nil {
		t.Fatalf("NewKeyring: %v", err)
	}
	return ring
}

// A page may be open while the operator is upgraded.
func TestPageTokensNeverChange(t *testing.T) {
	if got := mustSealRegistration(t, newTestRing(t), now, registrationClaims()); got != goldenPageToken {
		t.Errorf("the registration token changed:\n%s", got)
	}
}

const goldenPageToken = "R2+/Adn9VibJBX61oV7Ouw0LEa2bR6WVMF4S/byyhtQxc5EAnuhW0TLOXeOu8XpzeRORgc/30mWW6LXfvjMJQODjmGXr" +
	"k2essFUBgljfUyqU1+jJWGXRkhTh0lsi4ckum2M5wNv2ONdJmriM48uGal3QG2WR3l0veh9bj/rhvXGCdhxoKAxIPwJ4" +
	"3O8A0bSVuMQi07Pzy9+ShKrQZ8114/0NFGt8r73+//QAAnuOPKkEk807O1YFNpEBtaeeAg=="

func TestPageTokensComeBack(t *testing.T) {
	// `\S+` is the pattern of the API's model.
	form := regexp.MustCompile(`^R2\+/[A-Za-z0-9+/]+==$`)
	for name, want := range map[string]RegistrationClaims{
		"usual":       registrationClaims(),
		"short names": registrationBut(func(c *RegistrationClaims) { c.Namespace, c.Subscription = "a", "b" }),
		"long names": registrationBut(func(c *RegistrationClaims) {
			c.Namespace, c.Subscription = strings.Repeat("n", 63), strings.Repeat("s", 63)
		}),
		"nanoseconds":  registrationBut(func(c *RegistrationClaims) { c.IssueTime = now.Add(123456789) }),
		"a full nonce": registrationBut(func(c *RegistrationClaims) { copy(c.Nonce[:], bytes.Repeat([]byte{0xff}, 16)) }),
	} {
		for _, version := range []int{1, 127, 128, 16384, 2147483647} {
			ring := ringOfVersion(t, version)
			text := mustSealRegistration(t, ring, now, want)
			if !form.MatchString(text) {
				t.Errorf("%s, version %d: %q lacks a '+', a '/' or two '='", name, version, text)
			}
			got, err := ring.OpenRegistrationToken(text)
			if diff := cmp.Diff(want, got); diff != "" || err != nil {
				t.Errorf("%s, version %d: %v (-want +got):\n%s", name, version, err, diff)
			}
		}
	}
	for length := range 63 {
		text := mustSealRegistration(t, newTestRing(t), now, registrationBut(func(c *RegistrationClaims) { c.Subscription = strings.Repeat("s", length+1) }))
		if len(text) != 256 {
			t.Errorf("with a name of %d characters it has %d", length+1, len(text))
		}
	}
}

func TestAPageTokenThatAFormHasSpoiltIsRefused(t *testing.T) {
	ring := newTestRing(t)
	text := mustSealRegistration(t, ring, now, registrationClaims())
	unescaped, err := url.QueryUnescape(text)
	if err != nil {
		t.Fatal(err)
	}
	for name, spoilt := range map[string]string{
		"plus signs that became blanks": unescaped,
		"slashes lost":                  strings.ReplaceAll(text, "/", ""),
		"no padding":                    strings.TrimRight(text, "="),
		"half the padding":              strings.TrimSuffix(text, "="),
		"a line break at the end":       text + "\n",
		"a blank before it":             " " + text,
		"the URL alphabet":              strings.NewReplacer("+", "-", "/", "_").Replace(text),
		"lower case":                    strings.ToLower(text),
		"twice":                         text + text,
		"nothing":                       "",
		"the mark alone":                pageTokenMark,
		"too long":                      pageTokenMark + strings.Repeat("A", maxPageToken),
	} {
		if got, err := ring.OpenRegistrationToken(spoilt); err == nil || got != (RegistrationClaims{}) {
			t.Errorf("%s: it opens", name)
		} else {
			checkRefusal(t, err)
		}
	}
	mutations(text, func(changed string) {
		if _, err := ring.OpenRegistrationToken(changed); err == nil {
			t.Errorf("a changed token opens: %q", changed)
		}
	})
	for cut := range len(text) {
		if _, err := ring.OpenRegistrationToken(text[:cut]); err == nil {
			t.Errorf("cut to %d characters it opens", cut)
		}
	}
}

func TestTheTwoFormsOfRegistrationTokensAreApart(t *testing.T) {
	ring, id := newTestRing(t), newTestIdentity(t)
	page := mustSealRegistration(t, ring, now, registrationClaims())
	activation, err := id.NewRegistrationToken(newRand(1))
	if err != nil {
		t.Fatal(err)
	}
	if id.AuthenticRegistrationToken(page) {
		t.Error("the page's passes for an Activation's")
	}
	if _, err := ring.OpenRegistrationToken(activation); !errors.Is(err, ErrMalformed) {
		t.Errorf("an Activation's opens as the page's: %v", err)
	}
	payload := appendRegistrationPayload(nil, registrationClaims(), 41)
	if _, err := ring.OpenRegistrationToken(pageTokenMark + sealRaw(t, ring, userTokenPurpose, payload)); !errors.Is(err, ErrForged) {
		t.Errorf("sealed for another purpose: %v", err)
	}
	if _, err := ring.OpenRegistrationToken(pageTokenMark + sealRaw(t, ring, pageTokenPurpose, payload)); err != nil {
		t.Fatalf("the test's own sealing doesn't open: %v", err)
	}
	form, err := ring.SealActivationForm(now, registrationClaims())
	if err != nil {
		t.Fatal(err)
	}
	if got, err := ring.OpenActivationForm(form); err != nil || got != registrationClaims() {
		t.Errorf("the form of the activation page: %+v, %v", got, err)
	}
	if _, err := ring.OpenRegistrationToken(form); !errors.Is(err, ErrForged) {
		t.Errorf("the form of the activation page opens as a registration token: %v", err)
	}
	if _, err := ring.OpenActivationForm(page); !errors.Is(err, ErrForged) {
		t.Errorf("a registration token opens as the form of the activation page: %v", err)
	}
	for name, bad := range map[string][]byte{
		"nothing":           nil,
		"a byte of padding": append(payload[:len(payload):len(payload)], 0, 0, 0),
		"a user's token":    appendUserPayload(nil, userToken()),
	} {
		if _, err := ring.OpenRegistrationToken(pageTokenMark + sealRaw(t, ring, pageTokenPurpose, bad)); !errors.Is(err, ErrMalformed) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestEveryPartOfAPageTokenCounts(t *testing.T) {
	ring, seen := newTestRing(t), map[string]string{}
	for name, claims := range map[string]RegistrationClaims{
		"usual":                registrationClaims(),
		"a shifted boundary":   registrationBut(func(c *RegistrationClaims) { c.Namespace, c.Subscription = "acmei", "nitech" }),
		"another Subscription": registrationBut(func(c *RegistrationClaims) { c.Subscription = "globex" }),
		"another customer":     registrationBut(func(c *RegistrationClaims) { c.Party = PartyOf("774F4FF8", "cust-43") }),
		"another issue":        registrationBut(func(c *RegistrationClaims) { c.IssueTime = now.Add(-1) }),
		"another expiration":   registrationBut(func(c *RegistrationClaims) { c.Expiration = now.Add(time.Hour) }),
		"another nonce":        registrationBut(func(c *RegistrationClaims) { c.Nonce[15]++ }),
	} {
		text := mustSealRegistration(t, ring, now, claims)
		if other, ok := seen[text]; ok {
			t.Errorf("%s has the text of %s", name, other)
		}
		seen[text] = name
	}
}

func TestSealRefusesWhatNoPageShows(t *testing.T) {
	ring := newTestRing(t)
	for name, change := range map[string]func(*RegistrationClaims){
		"no namespace":         func(c *RegistrationClaims) { c.Namespace = "" },
		"no Subscription":      func(c *RegistrationClaims) { c.Subscription = "" },
		"no party":             func(c *RegistrationClaims) { c.Party = Party{} },
		"no nonce":             func(c *RegistrationClaims) { c.Nonce = [registrationNonceSize]byte{} },
		"no time of issue":     func(c *RegistrationClaims) { c.IssueTime = time.Time{} },
		"no expiration":        func(c *RegistrationClaims) { c.Expiration = time.Time{} },
		"expired when made":    func(c *RegistrationClaims) { c.Expiration = c.IssueTime },
		"the year 10000":       func(c *RegistrationClaims) { c.Expiration = time.Date(10000, 1, 1, 0, 0, 0, 0, time.UTC) },
		"a year before 1":      func(c *RegistrationClaims) { c.IssueTime = time.Date(0, 1, 1, 0, 0, 0, 0, time.UTC) },
		"too long a name":      func(c *RegistrationClaims) { c.Subscription = strings.Repeat("s", maxPageToken) },
		"much too long a name": func(c *RegistrationClaims) { c.Subscription = strings.Repeat("s", maxSealed) },
	} {
		if text, err := ring.SealRegistrationToken(now, registrationBut(change)); err == nil || text != "" {
			t.Errorf("%s: sealed", name)
		}
	}
}

func TestPageTokensExpireAndNoncesAreRandom(t *testing.T) {
	claims := registrationClaims()
	if claims.Expired(claims.Expiration.Add(-1)) || !claims.Expired(claims.Expiration) {
		t.Error("it doesn't expire at its expiration")
	}
	rand := newRand(9)
	one, err := NewRegistrationNonce(rand)
	two, err2 := NewRegistrationNonce(rand)
	if err != nil || err2 != nil || one == two {
		t.Errorf("two nonces are %x and %x: %v, %v", one, two, err, err2)
	}
	if _, err := NewRegistrationNonce(bytes.NewReader(make([]byte, 15))); err == nil {
		t.Error("a nonce of too few random bytes")
	}
}

func FuzzOpenRegistrationToken(f *testing.F) {
	ring := newTestRing(f)
	for _, at := range []time.Time{now, now.Add(2 * time.Hour)} {
		f.Add(mustSealRegistration(f, ring, at, registrationClaims()))
	}
	f.Add(pageTokenMark + "AQ==")
	f.Fuzz(func(t *testing.T, text string) {
		claims, err := ring.OpenRegistrationToken(text)
		if err != nil {
			checkRefusal(t, err)
			return
		}
		if mustSealRegistration(t, ring, now, claims) != text && mustSealRegistration(t, ring, now.Add(2*time.Hour), claims) != text {
			t.Errorf("%q opens and was not sealed", text)
		}
	})
}

// The cipher keeps a fuzzer from the payload's parser.
func FuzzParseRegistrationPayload(f *testing.F) {
	f.Add(appendRegistrationPayload(nil, registrationClaims(), 41))
	f.Fuzz(func(t *testing.T, payload []byte) {
		claims, err := parseRegistrationPayload(payload, 41)
		if err != nil {
			checkRefusal(t, err)
		} else if string(appendRegistrationPayload(nil, claims, 41)) != string(payload) {
			t.Errorf("%x is a second form of a payload", payload)
		}
	})
}
