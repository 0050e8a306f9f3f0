// Copyright The license-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package secrets

import (
	"fmt"
	"math"
	"regexp"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// derived is every derived value of a few names, by a name of its own.
func derived(id *Identity) map[string]string {
	return map[string]string{
		"product code":                id.ProductCode("acme", "render-farm"),
		"account":                     id.AccountID("acme"),
		"customer identifier":         id.CustomerIdentifier("acme", "initech"),
		"PID":                         id.PersistentIdentifier("acme", "cust-42"),
		"licence ARN":                 id.LicenseARN("123456789012", "acme", "initech"),
		"access key id":               id.AccessKeyID("acme", "ci", 1),
		"access key id, rotation 2":   id.AccessKeyID("acme", "ci", 2),
		"access key id, rotation min": id.AccessKeyID("acme", "ci", math.MinInt64),
		"secret access key":           id.SecretAccessKey("acme", "ci", 1),
		"activated key name":          id.ActivatedKeyName("acme", "initech", "first"),
	}
}

// These values are in the field. A change here breaks every installation: fix
// the code, never the test.
func TestDerivedValuesNeverChange(t *testing.T) {
	want := map[string]string{
		"product code":                "FFB1973B",
		"account":                     "206575032549",
		"customer identifier":         "cust-yre6tvpoew4wv45n",
		"PID":                         "PBXOSYYIPYQ72HHJKVTPX5MBTKI7ZG22J5QGU4NPBMWJPQU6XRLEAUSPH",
		"licence ARN":                 "arn:aws:license-manager::123456789012:license:l-baa5b6e3c95e268ea4a850c39cfb6a11",
		"access key id":               "AKIAA4CN4OGGIHJXLHDM",
		"access key id, rotation 2":   "AKIA7PGPXOJZ7CFAXCWL",
		"access key id, rotation min": "AKIA3YCWML3SWYGBZTHV",
		"secret access key":           "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",
		"activated key name":          "desktop-gtriblq7p3id532cgxid",
	}
	if diff := cmp.Diff(want, derived(newTestIdentity(t))); diff != "" {
		t.Errorf("derived values changed (-want +got):\n%s", diff)
	}
}

func TestMadeValuesNeverChange(t *testing.T) {
	id := newTestIdentity(t)
	key, err := id.NewActivationKey(newRand(1))
	if err != nil {
		t.Fatal(err)
	}
	token, err := id.NewRegistrationToken(newRand(2))
	if err != nil {
		t.Fatal(err)
	}
	got := map[string]string{
		"activation key": key, "its hash": id.HashActivationKey(key),
		"registration token": token, "the token's hash": id.HashRegistrationToken(token),
	}
	want := map[string]string{
		"activation key":     "ANLTHQP2PXXURW3VYRNZ2XBVQZUK",
		"its hash":           "3bb773503b8a751c253712861acb2712dfaaaae8b29dd563a4d231f59b632000",
		"registration token": "R1+/FJAGa3eJNbC7SSXj2xUcW0JK18Y73DB6t1N58lcdni/KIuvLOeIbHA==",
		"the token's hash":   "c65fd5777ed2ea42bc2aa4a27b18fbcc266b04f0739ffa6ccdf47d49d174742c",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("made values changed (-want +got):\n%s", diff)
	}
}

func TestDerivedValuesHaveTheirForm(t *testing.T) {
	forms := map[string]string{
		"product code":                `[0-9A-F]{8}`,
		"account":                     `[1-9][0-9]{11}`,
		"customer identifier":         `cust-[a-z2-7]{16}`,
		"PID":                         `P[A-Z2-7]{56}`,
		"licence ARN":                 `arn:aws:license-manager::123456789012:license:l-[0-9a-f]{32}`,
		"access key id":               `AKIA[A-Z2-7]{16}`,
		"access key id, rotation 2":   `AKIA[A-Z2-7]{16}`,
		"access key id, rotation min": `AKIA[A-Z2-7]{16}`,
		"secret access key":           `[A-Za-z0-9+/]{40}`,
		"activated key name":          `desktop-[a-z2-7]{20}`,
	}
	for name, value := range derived(newTestIdentity(t)) {
		if !regexp.MustCompile(`^` + forms[name] + `$`).MatchString(value) {
			t.Errorf("the %s %q is not of the form %s", name, value, forms[name])
		}
	}
}

func TestIdentityTellsPartsApart(t *testing.T) {
	id := newTestIdentity(t)
	pairs := map[string][2]string{
		"product code":          {id.ProductCode("a", "bc"), id.ProductCode("ab", "c")},
		"customer identifier":   {id.CustomerIdentifier("a", "bc"), id.CustomerIdentifier("ab", "c")},
		"PID":                   {id.PersistentIdentifier("a", "bc"), id.PersistentIdentifier("ab", "c")},
		"licence ARN":           {id.LicenseARN("1", "a", "bc"), id.LicenseARN("1", "ab", "c")},
		"access key id":         {id.AccessKeyID("a", "bc", 1), id.AccessKeyID("ab", "c", 1)},
		"rotation and name":     {id.AccessKeyID("a", "b1", 1), id.AccessKeyID("a", "b", 11)},
		"secret access key":     {id.SecretAccessKey("a", "bc", 1), id.SecretAccessKey("ab", "c", 1)},
		"rotations of a secret": {id.SecretAccessKey("a", "b", 1), id.SecretAccessKey("a", "b", 2)},
		"activated key name":    {id.ActivatedKeyName("a", "bc", "d"), id.ActivatedKeyName("a", "b", "cd")},
	}
	for name, pair := range pairs {
		if pair[0] == pair[1] {
			t.Errorf("%s: two different lists of names give %q", name, pair[0])
		}
	}
	// The customer isn't in the ARN's account, so the licence keeps its id when
	// the account's annotation changes.
	first, second := id.LicenseARN("1", "a", "b"), id.LicenseARN("2", "a", "b")
	if strings.TrimPrefix(first, "arn:aws:license-manager::1:") != strings.TrimPrefix(second, "arn:aws:license-manager::2:") {
		t.Errorf("the licence's id depends on the account: %s, %s", first, second)
	}
}

func TestAnotherIdentityKeyGivesOtherValues(t *testing.T) {
	id := newTestIdentity(t)
	other, err := NewIdentity(testKey(9))
	if err != nil {
		t.Fatal(err)
	}
	here, there := derived(id), derived(other)
	for name := range here {
		if here[name] == there[name] {
			t.Errorf("%s is %q under both keys", name, here[name])
		}
	}
	if id.Equal(other) || !id.Equal(newTestIdentity(t)) {
		t.Error("Equal does not tell identity keys apart")
	}
	if id.Equal(nil) {
		t.Error("an Identity equals none at all")
	}
	if other.AuthenticPID("acme", here["PID"]) || other.AuthenticAccessKeyID(here["access key id"]) {
		t.Error("another identity key calls our values authentic")
	}
}

func TestNewIdentityRefusesOtherSizes(t *testing.T) {
	for _, size := range []int{0, 16, 31, 33, 44, 64} {
		if _, err := NewIdentity(make([]byte, size)); err == nil {
			t.Errorf("a key of %d bytes is taken", size)
		}
	}
}

func TestDerivationIsSafeForConcurrentUse(t *testing.T) {
	id := newTestIdentity(t)
	want := derived(id)
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			for range 200 {
				if diff := cmp.Diff(want, derived(id)); diff != "" {
					t.Errorf("values differ under concurrency (-want +got):\n%s", diff)
					return
				}
			}
		})
	}
	wg.Wait()
}

func TestSecretsPrintNothing(t *testing.T) {
	keys := &Keys{Identity: newTestIdentity(t), Sealing: newTestRing(t), Signing: newTestSigning(t)}
	holder := &Holder{}
	if err := holder.Set(keys); err != nil {
		t.Fatal(err)
	}
	sealing := SealingKey{Version: 3, Key: goldenKey()}
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%d", "%x", "%q"} {
		for _, value := range []any{keys, *keys, keys.Identity, keys.Sealing, sealing, &sealing, []SealingKey{sealing}} {
			text := fmt.Sprintf(verb, value)
			for _, canary := range []string{"1 2 3 4 5", "1, 2, 3", "01020304", "0x1, 0x2", "\x01\x02\x03", `\x01\x02`} {
				if strings.Contains(text, canary) {
					t.Errorf("%s of %T shows key bytes: %q", verb, value, text)
				}
			}
			if _, whole := value.(Keys); !whole && !strings.Contains(text, "redacted") {
				t.Errorf("%s of %T is %q", verb, value, text)
			}
		}
	}
}
