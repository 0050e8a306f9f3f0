// Copyright The license-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package secrets

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"math"
	"math/big"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// privateTexts are the private keys of testSigningKeys as the Secret holds them.
func privateTexts() []string {
	var file signingFile
	if err := json.Unmarshal(testSigningData(), &file); err != nil {
		panic(err)
	}
	return []string{file.Keys[0].ES256, file.Keys[0].PS384, file.Keys[0].EdDSA}
}

// leaksSigning reports whether text holds a stretch of a private signing key. A
// stretch that says only which kind of key it is, or is part of the public
// key, is no leak, so the beginnings and the ES256 key's end are left out.
func leaksSigning(text string) bool {
	texts := privateTexts()
	for _, secret := range []string{texts[0][48:96], texts[1][400:], texts[2][24:]} {
		for at := 0; at+12 <= len(secret); at++ {
			if strings.Contains(text, secret[at:at+12]) {
				return true
			}
		}
	}
	key := testSigningKeys()[0]
	scalar, err := key.ES256.Bytes()
	if err != nil {
		panic(err)
	}
	for _, number := range []*big.Int{new(big.Int).SetBytes(scalar), key.PS384.D, key.PS384.Primes[0], key.PS384.Primes[1], new(big.Int).SetBytes(key.EdDSA.Seed())} {
		if strings.Contains(text, base64.RawURLEncoding.EncodeToString(number.Bytes())) || strings.Contains(text, number.String()) {
			return true
		}
	}
	return false
}

func TestSigningKeysComeBack(t *testing.T) {
	raw, err := formatSigning(testSigningKeys())
	if err != nil {
		t.Fatal(err)
	}
	if !leaksSigning(string(raw)) {
		t.Error("leaksSigning doesn't know a private key when it sees one")
	}
	keys, err := parseSigning(map[string][]byte{SigningDataKey: raw})
	if err != nil {
		t.Fatal(err)
	}
	again, err := formatSigning(keys)
	if err != nil || !bytes.Equal(again, raw) {
		t.Errorf("written again it differs: %v", err)
	}
	s, err := NewSigning(keys)
	if err != nil {
		t.Fatal(err)
	}
	for _, algorithm := range algorithms {
		if got, want := mustSign(t, s, now, algorithm, usualClaims()), mustSign(t, newTestSigning(t), now, algorithm, usualClaims()); got != want {
			t.Errorf("%s: what was read signs another token", algorithm)
		}
	}
	var file signingFile
	for range MaxSigningVersions {
		// An RSA key of 4096 bits takes at most 2,376 bytes.
		entry := signingEntry{ES256: privateTexts()[0], PS384: strings.Repeat("A", 3168), EdDSA: privateTexts()[2]}
		entry.Version, entry.PublishTime, entry.SignFromTime = math.MaxInt32, "2031-05-06T07:08:09Z", "2031-05-06T07:08:09Z"
		file.Keys = append(file.Keys, entry)
	}
	if raw, err = json.Marshal(file); err != nil || len(raw) > maxSigningData {
		t.Errorf("the most versions of the largest keys take %d bytes, %v", len(raw), err)
	}
}

func TestParseRefusesSigningKeysAndShowsNone(t *testing.T) {
	texts := privateTexts()
	pkcs8 := func(key any) string {
		der, err := x509.MarshalPKCS8PrivateKey(key)
		if err != nil {
			t.Fatal(err)
		}
		return base64.StdEncoding.EncodeToString(der)
	}
	other, err := ecdsa.GenerateKey(elliptic.P384(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	der, err := base64.StdEncoding.DecodeString(texts[0])
	if err != nil {
		t.Fatal(err)
	}
	const notJSON = "it is not JSON of the expected form, or has an unknown field"
	text := func(s string) func() []byte { return func() []byte { return []byte(s) } }
	entry := func(field, value string) func() []byte {
		return func() []byte {
			var file struct {
				Keys []map[string]any `json:"keys"`
			}
			if err := json.Unmarshal(testSigningData(), &file); err != nil {
				t.Fatal(err)
			}
			file.Keys[0][field] = value
			raw, err := json.Marshal(file)
			if err != nil {
				t.Fatal(err)
			}
			return raw
		}
	}
	for name, c := range map[string]struct {
		data func() []byte
		want string
	}{
		"nothing":                    {text(""), notJSON},
		"a key instead of JSON":      {text(texts[0]), notJSON},
		"a key as a field":           {text(`{"` + texts[1] + `":1}`), notJSON},
		"cut JSON":                   {func() []byte { return testSigningData()[:900] }, notJSON},
		"something behind it":        {text(string(testSigningData()) + texts[2]), "there is something behind the JSON"},
		"a field twice":              {text(strings.Replace(string(testSigningData()), `"version":1,`, `"version":1,"Version":1,`, 1)), "a field comes twice in the JSON"},
		"too long":                   {text(strings.Repeat(" ", maxSigningData+1)), "it holds 131073 bytes, at most 131072 are possible"},
		"no versions":                {text(`{"keys":[]}`), "there must be 1 to 20 signing versions, there are 0"},
		"too many versions":          {text(`{"keys":[` + strings.TrimSuffix(strings.Repeat("null,", 21), ",") + `]}`), "it has 21 entries, at most 20 are possible"},
		"an entry of nothing":        {text(`{"keys":[null]}`), "`ES256` of entry 0 is not what it must be"},
		"an algorithm of the future": {entry("ML-DSA-44", texts[0]), notJSON},
		"a version in quotes":        {entry("version", texts[0]), notJSON},
		"no base64":                  {entry("ES256", "-"+texts[0][1:]), "`ES256` of entry 0 is not what it must be"},
		"a cut key":                  {entry("PS384", texts[1][:800]), "`PS384` of entry 0 is not what it must be"},
		"a key with a line break":    {entry("EdDSA", texts[2][:8]+"\n"+texts[2][8:]), "`EdDSA` of entry 0 is not what it must be"},
		"a key of another kind":      {entry("EdDSA", texts[0]), "`EdDSA` of entry 0 is not what it must be"},
		"a key with bytes behind":    {entry("ES256", base64.StdEncoding.EncodeToString(append(der, 0))), "`ES256` of entry 0 is not what it must be"},
		"a key on another curve":     {entry("ES256", pkcs8(other)), "the key `ES256` of signing version 1 must be on P-256"},
		"a key as a time":            {entry("publishTime", texts[2]), "`publishTime` of entry 0 is not what it must be"},
		"no time of signing":         {entry("signFromTime", ""), "`signFromTime` of entry 0 is not what it must be"},
	} {
		t.Run(name, func(t *testing.T) {
			data := goodData()
			if _, err := Parse(data); err != nil {
				t.Fatalf("the data is not good to begin with: %v", err)
			}
			data[SigningDataKey] = c.data()
			keys, err := Parse(data)
			if err == nil || keys != nil {
				t.Fatal("taken")
			}
			if diff := cmp.Diff("data key `signing`: "+c.want, err.Error()); diff != "" {
				t.Errorf("another error (-want +got):\n%s", diff)
			}
			if leaksSigning(err.Error()) {
				t.Errorf("the error shows a key: %v", err)
			}
		})
	}
	data := goodData()
	delete(data, SigningDataKey)
	if _, err := Parse(data); err == nil || err.Error() != "the data key `signing` is missing" {
		t.Errorf("without signing keys: %v", err)
	}
}
