// Copyright The license-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package secrets

import (
	"errors"
	"fmt"
	"math"
	"strings"
	"testing"
	"testing/iotest"
)

func TestEveryChangedCharacterIsRefused(t *testing.T) {
	id := newTestIdentity(t)
	key, err := id.NewActivationKey(newRand(1))
	if err != nil {
		t.Fatal(err)
	}
	token, err := id.NewRegistrationToken(newRand(2))
	if err != nil {
		t.Fatal(err)
	}
	cases := map[string]struct {
		value     string
		authentic func(string) bool
	}{
		"PID": {
			id.PersistentIdentifier("acme", "cust-42"),
			func(s string) bool { return id.AuthenticPID("acme", s) },
		},
		"access key id":      {id.AccessKeyID("acme", "ci", 1), id.AuthenticAccessKeyID},
		"activation key":     {key, id.AuthenticActivationKey},
		"registration token": {token, id.AuthenticRegistrationToken},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			if !c.authentic(c.value) {
				t.Fatalf("%q is ours and refused", c.value)
			}
			mutations(c.value, func(changed string) {
				if c.authentic(changed) {
					t.Errorf("%q is taken for %q", changed, c.value)
				}
			})
			for _, other := range []string{
				"", c.value + "A", c.value + "=", c.value + "\n", "\n" + c.value, " " + c.value,
				c.value[1:], c.value[:len(c.value)-1], strings.ToLower(c.value), c.value + c.value,
				c.value[:9] + "\n" + c.value[9:], c.value[:9] + "\n" + c.value[9:len(c.value)-1],
				strings.Repeat("A", len(c.value)), strings.Repeat("\n", len(c.value)), strings.Repeat("A", 1<<20),
			} {
				if c.authentic(other) {
					t.Errorf("%.80q is taken", other)
				}
			}
		})
	}
}

func TestAPIDBelongsToOneNamespace(t *testing.T) {
	id := newTestIdentity(t)
	if id.AuthenticPID("other", id.PersistentIdentifier("acme", "cust-42")) {
		t.Error("a PID of one vendor is authentic for another")
	}
}

func TestNewKeysNeedTheirRandomBytes(t *testing.T) {
	id := newTestIdentity(t)
	broken := iotest.ErrReader(errors.New("no entropy"))
	if key, err := id.NewActivationKey(broken); err == nil || key != "" {
		t.Errorf("an activation key without randomness: %q", key)
	}
	if token, err := id.NewRegistrationToken(broken); err == nil || token != "" {
		t.Errorf("a registration token without randomness: %q", token)
	}
	if _, err := id.NewRegistrationToken(strings.NewReader("short")); err == nil {
		t.Error("a registration token from too few random bytes")
	}
}

func TestEveryRegistrationTokenHoldsWhatFormsLose(t *testing.T) {
	id, rand := newTestIdentity(t), newRand(3)
	for range 1000 {
		token, err := id.NewRegistrationToken(rand)
		if err != nil {
			t.Fatal(err)
		}
		if !id.AuthenticRegistrationToken(token) {
			t.Errorf("%q is ours and refused", token)
		}
		for _, char := range []string{"+", "/", "="} {
			if !strings.Contains(token, char) {
				t.Errorf("%q holds no %s", token, char)
			}
		}
		if id.AuthenticRegistrationToken(strings.ReplaceAll(token, "+", " ")) {
			t.Errorf("%q is taken with blanks for plus signs", token)
		}
	}
}

func TestValuesDoNotCollide(t *testing.T) {
	count := 200_000
	if raceDetector {
		count /= 20
	}
	id, rand := newTestIdentity(t), newRand(4)
	kinds := map[string]func(name string) string{
		"account":             id.AccountID,
		"customer identifier": func(name string) string { return id.CustomerIdentifier("acme", name) },
		"PID":                 func(name string) string { return id.PersistentIdentifier("acme", name) },
		"licence ARN":         func(name string) string { return id.LicenseARN("1", "acme", name) },
		"access key id":       func(name string) string { return id.AccessKeyID("acme", name, 1) },
		"secret access key":   func(name string) string { return id.SecretAccessKey("acme", name, 1) },
		"activated key name":  func(name string) string { return id.ActivatedKeyName("acme", "initech", name) },
		"activation key": func(string) string {
			key, _ := id.NewActivationKey(rand)
			return key
		},
		"registration token": func(string) string {
			token, _ := id.NewRegistrationToken(rand)
			return token
		},
	}
	for kind, make1 := range kinds {
		t.Run(kind, func(t *testing.T) {
			if distinct := countDistinct(count, make1); distinct != count {
				t.Errorf("%d of %d values are distinct", distinct, count)
			}
		})
	}
	t.Run("product codes collide as 32 random bits do", func(t *testing.T) {
		// 4.7 collisions are expected; 20 have a probability below one in a million.
		distinct := countDistinct(count, func(name string) string { return id.ProductCode("acme", name) })
		if distinct < count-20 {
			t.Errorf("%d of %d product codes are distinct", distinct, count)
		}
	})
}

func countDistinct(count int, make1 func(name string) string) int {
	seen := make(map[string]struct{}, count)
	for n := range count {
		seen[make1(fmt.Sprintf("name-%d", n))] = struct{}{}
	}
	return len(seen)
}

func TestCharactersAreEvenlySpread(t *testing.T) {
	count := 50_000
	if raceDetector {
		count /= 20
	}
	id := newTestIdentity(t)
	cases := map[string]struct {
		alphabet string
		value    func(name string) string
	}{
		"digits of product codes":            {"0123456789ABCDEF", func(n string) string { return id.ProductCode("acme", n) }},
		"first digits of accounts":           {"123456789", func(n string) string { return id.AccountID(n)[:1] }},
		"characters of customer identifiers": {"abcdefghijklmnopqrstuvwxyz234567", func(n string) string { return id.CustomerIdentifier("acme", n)[5:] }},
		"characters of PIDs":                 {"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567", func(n string) string { return id.PersistentIdentifier("acme", n)[1:] }},
		"characters of access key ids":       {"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567", func(n string) string { return id.AccessKeyID("acme", n, 1)[4:] }},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			seen, total := map[rune]float64{}, 0.0
			for n := range count {
				for _, char := range c.value(fmt.Sprintf("name-%d", n)) {
					seen[char]++
					total++
				}
			}
			p := 1 / float64(len(c.alphabet))
			sigma := math.Sqrt(total * p * (1 - p))
			for _, char := range c.alphabet {
				if off := math.Abs(seen[char] - total*p); off > 5*sigma {
					t.Errorf("%q comes %.0f times, %.0f are expected", char, seen[char], total*p)
				}
			}
		})
	}
}
