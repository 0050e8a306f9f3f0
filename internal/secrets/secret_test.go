// Copyright The license-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package secrets

import (
	"bytes"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"strings"
	"testing"
	"testing/iotest"
	"time"

	"github.com/google/go-cmp/cmp"
)

// canary is a key whose bytes must show up nowhere.
var canary = []byte("canary-0123456789-canary-9876543")

// leaks reports whether text holds a stretch of the canary, raw or encoded.
func leaks(text string) bool {
	for _, form := range []string{string(canary), base64.StdEncoding.EncodeToString(canary), hex.EncodeToString(canary), fmt.Sprint(canary)} {
		for at := 0; at+8 <= len(form); at++ {
			if strings.Contains(text, form[at:at+8]) {
				return true
			}
		}
	}
	return false
}

// goodData is data whose every key is the canary or comes from it.
func goodData() map[string][]byte {
	return map[string][]byte{
		IdentityDataKey: bytes.Clone(canary),
		SealingDataKey:  []byte(sealingJSON(entryJSON(1, canaryBase64(), "2031-05-06T07:08:09Z"))),
		SigningDataKey:  testSigningData(),
	}
}

func canaryBase64() string { return base64.StdEncoding.EncodeToString(canary) }

func entryJSON(version int, key, useFrom string) string {
	return fmt.Sprintf(`{"version":%d,"key":%q,"useFromTime":%q}`, version, key, useFrom)
}

func sealingJSON(entries ...string) string {
	return `{"keys":[` + strings.Join(entries, ",") + `]}`
}

func TestParseReadsWhatNewDataMakes(t *testing.T) {
	data, err := NewData(now.Add(999*time.Millisecond), newRand(5))
	if err != nil {
		t.Fatal(err)
	}
	keys, err := Parse(data)
	if err != nil {
		t.Fatal(err)
	}
	if got := keys.Sealing.CurrentVersion(now); got != 1 {
		t.Errorf("version %d is current", got)
	}
	if _, waits := keys.Sealing.NextUseFromTime(now); waits {
		t.Error("a fresh ring waits for another version")
	}
	if bytes.Contains(data[SealingDataKey], []byte(base64.StdEncoding.EncodeToString(data[IdentityDataKey]))) {
		t.Error("the sealing key is the identity key")
	}
	if _, err := NewData(now, iotest.ErrReader(errors.New("no entropy"))); err == nil {
		t.Error("keys were made without randomness")
	}
	if _, err := NewData(now, strings.NewReader(strings.Repeat("x", KeySize+1))); err == nil {
		t.Error("keys were made from too few random bytes")
	}
}

func TestParseLeavesOtherDataKeysAlone(t *testing.T) {
	data := goodData()
	data["future"] = []byte("of a later version")
	if _, err := Parse(data); err != nil {
		t.Error(err)
	}
}

func TestParseRefusesAndShowsNoKey(t *testing.T) {
	const time1 = "2031-05-06T07:08:09Z"
	key1 := canaryBase64()
	other := base64.StdEncoding.EncodeToString(testKey(1))
	identity := func(raw []byte) func(map[string][]byte) {
		return func(data map[string][]byte) { data[IdentityDataKey] = raw }
	}
	sealing := func(text string) func(map[string][]byte) {
		return func(data map[string][]byte) { data[SealingDataKey] = []byte(text) }
	}
	cases := map[string]struct {
		change func(map[string][]byte)
		want   string
	}{
		"no identity":                  {func(d map[string][]byte) { delete(d, IdentityDataKey) }, "the data key `identity` is missing"},
		"an empty identity":            {identity(nil), "data key `identity`: the identity key must hold exactly 32 bytes, this one holds 0"},
		"an identity in base64":        {identity([]byte(key1)), "data key `identity`: the identity key must hold exactly 32 bytes, this one holds 44"},
		"an identity of zeros":         {identity(make([]byte, 32)), "data key `identity`: the key is all zeros"},
		"no sealing":                   {func(d map[string][]byte) { delete(d, SealingDataKey) }, "the data key `sealing` is missing"},
		"sealing too long":             {sealing(strings.Repeat(" ", maxSealingData+1)), "data key `sealing`: it holds 65537 bytes, at most 65536 are possible"},
		"raw key bytes for JSON":       {sealing(string(canary)), "data key `sealing`: it is not JSON of the expected form, or has an unknown field"},
		"a key as the JSON":            {sealing(`"` + key1 + `"`), "data key `sealing`: it is not JSON of the expected form, or has an unknown field"},
		"a key as a field":             {sealing(`{"` + key1 + `":1}`), "data key `sealing`: it is not JSON of the expected form, or has an unknown field"},
		"a key as version":             {sealing(`{"keys":[{"version":"` + key1 + `"}]}`), "data key `sealing`: it is not JSON of the expected form, or has an unknown field"},
		"cut JSON":                     {sealing(`{"keys":[{"key":"` + key1), "data key `sealing`: it is not JSON of the expected form, or has an unknown field"},
		"something behind it":          {sealing(sealingJSON(entryJSON(1, key1, time1)) + key1), "data key `sealing`: there is something behind the JSON"},
		"a second value":               {sealing(sealingJSON(entryJSON(1, key1, time1)) + "{}"), "data key `sealing`: there is something behind the JSON"},
		"a field twice":                {sealing(sealingJSON(`{"version":1,"version":1,"key":"` + key1 + `","useFromTime":"` + time1 + `"}`)), "data key `sealing`: a field comes twice in the JSON"},
		"a field twice, in other case": {sealing(sealingJSON(`{"version":1,"key":"","KEY":"` + key1 + `","useFromTime":"` + time1 + `"}`)), "data key `sealing`: a field comes twice in the JSON"},
		"keys twice":                   {sealing(`{"keys":[],"keys":[` + entryJSON(1, key1, time1) + `]}`), "data key `sealing`: a field comes twice in the JSON"},
		"null":                         {sealing(`null`), "data key `sealing`: there must be 1 to 100 sealing keys, there are 0"},
		"no keys":                      {sealing(`{"keys":[]}`), "data key `sealing`: there must be 1 to 100 sealing keys, there are 0"},
		"an entry of nothing":          {sealing(`{"keys":[null]}`), "data key `sealing`: `key` of entry 0 is empty or all zeros"},
		"a key of zeros":               {sealing(sealingJSON(entryJSON(1, strings.Repeat("A", 43)+"=", time1))), "data key `sealing`: `key` of entry 0 is empty or all zeros"},
		"a key cut short":              {sealing(sealingJSON(entryJSON(1, key1[:40], time1))), "data key `sealing`: the `key` of sealing version 1 must hold exactly 32 bytes, it holds 30"},
		"a key without its padding":    {sealing(sealingJSON(entryJSON(1, strings.TrimRight(key1, "="), time1))), "data key `sealing`: `key` of entry 0 is not standard base64"},
		"a key with a line break":      {sealing(sealingJSON(entryJSON(1, key1[:8]+"\n"+key1[8:], time1))), "data key `sealing`: `key` of entry 0 is not standard base64"},
		"a raw key":                    {sealing(sealingJSON(entryJSON(1, string(canary), time1))), "data key `sealing`: `key` of entry 0 is not standard base64"},
		"a key for a time":             {sealing(sealingJSON(entryJSON(1, key1, key1))), "data key `sealing`: `useFromTime` of entry 0 is not an RFC 3339 time"},
		"no time":                      {sealing(sealingJSON(entryJSON(1, other, time1), entryJSON(2, key1, ""))), "data key `sealing`: `useFromTime` of entry 1 is not an RFC 3339 time"},
		"a time of the year 10000":     {sealing(sealingJSON(entryJSON(1, key1, "9999-12-31T23:59:59-01:00"))), "data key `sealing`: `useFromTime` of entry 0 is not an RFC 3339 time"},
		"version 0":                    {sealing(sealingJSON(entryJSON(0, key1, time1))), "data key `sealing`: a sealing `version` must be 1 to 2147483647, one is 0"},
		"the same version twice":       {sealing(sealingJSON(entryJSON(1, key1, time1), entryJSON(1, other, time1))), "data key `sealing`: sealing versions must ascend, 1 comes after 1"},
		"the same key twice":           {sealing(sealingJSON(entryJSON(1, key1, time1), entryJSON(2, key1, time1))), "data key `sealing`: sealing versions 1 and 2 have the same `key`"},
		"times that run backward":      {sealing(sealingJSON(entryJSON(1, key1, time1), entryJSON(2, other, "2030-01-01T00:00:00Z"))), "data key `sealing`: the `useFromTime` of sealing version 2 must not be before that of version 1"},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			data := goodData()
			if _, err := Parse(data); err != nil {
				t.Fatalf("the data is not good to begin with: %v", err)
			}
			c.change(data)
			keys, err := Parse(data)
			if err == nil || keys != nil {
				t.Fatal("taken")
			}
			if diff := cmp.Diff(c.want, err.Error()); diff != "" {
				t.Errorf("another error (-want +got):\n%s", diff)
			}
			if leaks(err.Error()) {
				t.Errorf("the error shows a key: %v", err)
			}
		})
	}
}

func TestErrorsOfOpenShowNeitherKeyNorToken(t *testing.T) {
	keys, err := Parse(goodData())
	if err != nil {
		t.Fatal(err)
	}
	token := UserToken{Namespace: "acme", Code: "774F4FF8", Customer: string(canary), Activation: "first", Revision: 1}
	text := mustSealUser(t, keys.Sealing, now, token)
	if leaks(text) {
		t.Fatal("the token shows what it seals")
	}
	tries := []string{
		text[:len(text)-4], text + "AAAA", strings.TrimPrefix(text, userTokenPrefix), productTokenPrefix + text[len(userTokenPrefix):],
		userTokenPrefix + canaryBase64(), userTokenPrefix + string(canary), canaryBase64(), userTokenPrefix + "Yw" + text[13:],
		userTokenPrefix + sealRaw(t, keys.Sealing, userTokenPurpose, canary),
	}
	for _, try := range tries {
		_, errUser := keys.Sealing.OpenUserToken(try)
		_, errProduct := keys.Sealing.OpenProductToken(try)
		if errUser == nil || errProduct == nil {
			t.Errorf("%q opens", try)
			continue
		}
		for _, err := range []error{errUser, errProduct} {
			if leaks(err.Error()) || strings.Contains(err.Error(), text[40:56]) {
				t.Errorf("the error shows a secret: %v", err)
			}
		}
	}
}
