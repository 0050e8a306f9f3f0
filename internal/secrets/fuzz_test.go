// Copyright The license-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package secrets

import (
	"errors"
	"testing"
	"time"

	"github.com/license-operator/license-operator/api/v1alpha1"
)

func checkRefusal(t *testing.T, err error) {
	t.Helper()
	if !errors.Is(err, ErrMalformed) && !errors.Is(err, ErrUnknownVersion) && !errors.Is(err, ErrForged) {
		t.Errorf("an error of no kind: %v", err)
	}
}

// What opens is exactly what Seal would have made of it.
func FuzzOpenProductToken(f *testing.F) {
	ring := newTestRing(f)
	for _, at := range []time.Time{now, now.Add(2 * time.Hour)} {
		f.Add(mustSealProduct(f, ring, at, ProductToken{Namespace: "acme", Code: "774F4FF8"}))
	}
	f.Add(mustSealUser(f, ring, now, userToken()))
	f.Add(productTokenPrefix + "AQ==")
	f.Fuzz(func(t *testing.T, text string) {
		token, err := ring.OpenProductToken(text)
		if err != nil {
			checkRefusal(t, err)
			return
		}
		if mustSealProduct(t, ring, now, token) != text && mustSealProduct(t, ring, now.Add(2*time.Hour), token) != text {
			t.Errorf("%q opens and was not sealed", text)
		}
	})
}

func FuzzOpenUserToken(f *testing.F) {
	ring := newTestRing(f)
	for _, at := range []time.Time{now, now.Add(2 * time.Hour)} {
		f.Add(mustSealUser(f, ring, at, userToken()))
	}
	f.Add(mustSealProduct(f, ring, now, ProductToken{Namespace: "acme", Code: "774F4FF8"}))
	f.Add(userTokenPrefix + "AQ==")
	f.Fuzz(func(t *testing.T, text string) {
		token, err := ring.OpenUserToken(text)
		if err != nil {
			checkRefusal(t, err)
			return
		}
		if mustSealUser(t, ring, now, token) != text && mustSealUser(t, ring, now.Add(2*time.Hour), token) != text {
			t.Errorf("%q opens and was not sealed", text)
		}
	})
}

func FuzzOpenConsumptionToken(f *testing.F) {
	ring := newTestRing(f)
	for _, at := range []time.Time{now, now.Add(2 * time.Hour)} {
		f.Add(mustSealConsumption(f, ring, at, consumptionToken()))
	}
	f.Add(consumptionTokenPrefix + "AQ")
	f.Fuzz(func(t *testing.T, text string) {
		token, err := ring.OpenConsumptionToken(text)
		if err != nil {
			checkRefusal(t, err)
			return
		}
		if mustSealConsumption(t, ring, now, token) != text && mustSealConsumption(t, ring, now.Add(2*time.Hour), token) != text {
			t.Errorf("%q opens and was not sealed", text)
		}
	})
}

// The cipher keeps a fuzzer from the payload's parser, so it has a target of
// its own.
func FuzzParsePayload(f *testing.F) {
	f.Add(appendProductPayload(nil, ProductToken{Namespace: "acme", Code: "774F4FF8"}))
	f.Add(appendUserPayload(nil, userToken()))
	f.Add(appendConsumptionPayload(nil, consumptionToken()))
	f.Add([]byte{payloadForm, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 1})
	f.Fuzz(func(t *testing.T, payload []byte) {
		if product, err := parseProductPayload(payload); err != nil {
			checkRefusal(t, err)
		} else if string(appendProductPayload(nil, product)) != string(payload) {
			t.Errorf("%x is a second form of a product payload", payload)
		}
		if checkout, err := parseConsumptionPayload(payload); err != nil {
			checkRefusal(t, err)
		} else if string(appendConsumptionPayload(nil, checkout)) != string(payload) {
			t.Errorf("%x is a second form of a checkout's payload", payload)
		}
		user, err := parseUserPayload(payload)
		if err != nil {
			checkRefusal(t, err)
			return
		}
		if string(appendUserPayload(nil, user)) != string(payload) {
			t.Errorf("%x is a second form of a user payload", payload)
		}
		if user.Revision < 1 || !sealableTime(user.IssueTime) || !sealableTime(user.ExpirationTime) {
			t.Errorf("%+v could not be sealed again", user)
		}
	})
}

// What Parse takes works, and what it refuses shows no key.
func FuzzParse(f *testing.F) {
	good := goodData()
	f.Add(good[IdentityDataKey], good[SealingDataKey], good[SigningDataKey])
	f.Add(good[IdentityDataKey], []byte(`{"keys":[{"version":1,"key":"`+canaryBase64()+`","key":"","useFromTime":""}]}`), good[SigningDataKey])
	f.Add(good[IdentityDataKey], good[SealingDataKey], []byte(`{"keys":[{"version":1,"ES256":"`+canaryBase64()+`"}]}`))
	f.Add([]byte("short"), []byte("["), []byte("]"))
	f.Fuzz(func(t *testing.T, identity, sealing, signing []byte) {
		keys, err := Parse(map[string][]byte{IdentityDataKey: identity, SealingDataKey: sealing, SigningDataKey: signing})
		if err != nil {
			if leaks(err.Error()) || leaksSigning(err.Error()) {
				t.Errorf("the error shows a key: %v", err)
			}
			return
		}
		if got, err := keys.Sealing.OpenUserToken(mustSealUser(t, keys.Sealing, now, userToken())); err != nil || got != userToken() {
			t.Errorf("parsed keys do not work: %+v, %v", got, err)
		}
		entries, err := parseSealing(map[string][]byte{SealingDataKey: sealing})
		if err != nil {
			t.Fatal(err)
		}
		again, err := formatSealing(entries)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := keys.Signing.SignLicence(now, v1alpha1.PS384, usualClaims()); err != nil {
			t.Errorf("parsed keys do not sign: %v", err)
		}
		versions, err := parseSigning(map[string][]byte{SigningDataKey: signing})
		if err != nil {
			t.Fatal(err)
		}
		signedAgain, err := formatSigning(versions)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := Parse(map[string][]byte{IdentityDataKey: identity, SealingDataKey: again, SigningDataKey: signedAgain}); err != nil {
			t.Errorf("what was read can't be written: %v", err)
		}
	})
}

// No spelling but the one that was issued is authentic.
func FuzzAuthenticPID(f *testing.F) {
	id := newTestIdentity(f)
	genuine := id.PersistentIdentifier("acme", "cust-42")
	f.Add(genuine)
	f.Add(genuine[:40] + "\n" + genuine[40:])
	f.Add("P")
	f.Fuzz(func(t *testing.T, pid string) {
		if id.AuthenticPID("acme", pid) != (pid == genuine) {
			t.Errorf("AuthenticPID is wrong about %q", pid)
		}
	})
}
