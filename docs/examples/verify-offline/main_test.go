// Copyright The license-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"crypto/rand"
	"encoding/base64"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"
	"github.com/google/go-cmp/cmp"

	"github.com/license-operator/license-operator/api/v1alpha1"
	"github.com/license-operator/license-operator/internal/secrets"
)

var now = time.Date(2031, time.May, 6, 7, 8, 9, 0, time.UTC)

func newSigning(t *testing.T) *secrets.Signing {
	t.Helper()
	key, err := secrets.NewSigningKey(rand.Reader, 1, secrets.DefaultRSABits, now, now)
	if err != nil {
		t.Fatal(err)
	}
	signing, err := secrets.NewSigning([]secrets.SigningKey{key})
	if err != nil {
		t.Fatal(err)
	}
	return signing
}

const fingerprint = "aws:123456789012:Acme:issuer-fingerprint"

// sign is what the operator does.
func sign(t *testing.T, s *secrets.Signing, algorithm v1alpha1.SigningAlgorithm, issued, expires time.Time) string {
	t.Helper()
	token, err := s.SignLicence(now, algorithm, secrets.LicenceClaims{
		KeyFingerprint: fingerprint, Customer: "cust-42", CheckoutID: "abc", ConsumptionToken: "lct_AAAA",
		LicenceARN: "arn:aws:license-manager::123456789012:license:l-0", CheckoutType: v1alpha1.CheckoutBorrow,
		EntitlementsAllowed: []secrets.AllowedEntitlement{
			{Name: "seats", Value: "2", Unit: v1alpha1.UnitCount},
			{Name: "gpu-rendering", Value: "Enabled", Unit: v1alpha1.UnitNone},
			{Name: "support", Unit: v1alpha1.UnitNone},
		},
		IssueTime: issued, ExpirationTime: expires,
		Terms: secrets.LicenceTerms{ProductSKU: "ACME-RENDER", ProductCode: "774F4FF8"},
	})
	if err != nil {
		t.Fatal(err)
	}
	return token
}

// edit changes one part of a token.
func edit(t *testing.T, token string, part int, change func(string) string) string {
	t.Helper()
	parts := strings.Split(token, ".")
	raw, err := base64.RawURLEncoding.DecodeString(parts[part])
	if err != nil {
		t.Fatal(err)
	}
	parts[part] = base64.RawURLEncoding.EncodeToString([]byte(change(string(raw))))
	return strings.Join(parts, ".")
}

func replacing(old, with string) func(string) string {
	return func(s string) string { return strings.Replace(s, old, with, 1) }
}

// keyFile writes a JWKS.
func keyFile(t *testing.T, jwks []byte) string {
	t.Helper()
	file := filepath.Join(t.TempDir(), "jwks.json")
	if err := os.WriteFile(file, jwks, 0o600); err != nil {
		t.Fatal(err)
	}
	return file
}

func TestALicenceIsPrinted(t *testing.T) {
	s := newSigning(t)
	const entitlements = "  seats 2 Count\n  gpu-rendering Enabled\n  support\n"
	for name, c := range map[string]struct {
		token string
		want  string
	}{
		"with ES256": {sign(t, s, v1alpha1.ES256, now, now.Add(time.Hour)), "until 2031-05-06T08:08:09Z"},
		"with PS384": {sign(t, s, v1alpha1.PS384, now, now.Add(1*time.Second)), "until 2031-05-06T07:08:10Z"},
		"with EdDSA": {sign(t, s, v1alpha1.EdDSA, now, time.Time{}), "for ever"},
		"by a clock that is a little behind, with a line break": {sign(t, s, v1alpha1.ES256, now.Add(4*time.Minute), time.Time{}) + "\n", "for ever"},
	} {
		var out strings.Builder
		args := []string{"-jwks", keyFile(t, s.JWKS()), "-issuer", fingerprint, "-sku", "ACME-RENDER"}
		if err := run(args, strings.NewReader(c.token), &out, now); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		if diff := cmp.Diff("cust-42 of "+fingerprint+" may use ACME-RENDER "+c.want+":\n"+entitlements, out.String()); diff != "" {
			t.Errorf("%s: it prints something else (-want +got):\n%s", name, diff)
		}
	}
}

func TestALicenceThatIsNotValidIsRefused(t *testing.T) {
	s, stranger := newSigning(t), newSigning(t)
	good := sign(t, s, v1alpha1.ES256, now, now.Add(time.Hour))
	id := func(algorithm string) string {
		var set jose.JSONWebKeySet
		if err := json.Unmarshal(s.JWKS(), &set); err != nil {
			t.Fatal(err)
		}
		for _, key := range set.Keys {
			if key.Algorithm == algorithm {
				return key.KeyID
			}
		}
		t.Fatalf("no key for %s", algorithm)
		return ""
	}
	// The public key as the secret of an HMAC: the classic confusion.
	hmac, err := jose.NewSigner(jose.SigningKey{Algorithm: jose.HS256, Key: jose.JSONWebKey{Key: s.JWKS(), KeyID: id("ES256")}}, nil)
	if err != nil {
		t.Fatal(err)
	}
	object, err := hmac.Sign([]byte(`{"iss":"` + fingerprint + `"}`))
	if err != nil {
		t.Fatal(err)
	}
	confused, err := object.CompactSerialize()
	if err != nil {
		t.Fatal(err)
	}
	unsigned := edit(t, good, 0, replacing("ES256", "none"))
	for name, c := range map[string]struct {
		token, want string
		args        []string
	}{
		"an unknown key":            {sign(t, stranger, v1alpha1.ES256, now, time.Time{}), "is not in the JWKS; get a newer one", nil},
		"no key":                    {edit(t, good, 0, replacing(`"kid"`, `"kif"`)), `its key "" is not in the JWKS`, nil},
		"a stranger's signature":    {edit(t, sign(t, stranger, v1alpha1.EdDSA, now, time.Time{}), 0, func(string) string { return `{"alg":"EdDSA","kid":"` + id("EdDSA") + `"}` }), "its signature is wrong", nil},
		"a changed claim":           {edit(t, good, 1, replacing(`"value":"2"`, `"value":"9"`)), "its signature is wrong", nil},
		"a later end":               {edit(t, good, 1, replacing(`"exp":19`, `"exp":29`)), "its signature is wrong", nil},
		"a changed signature":       {edit(t, good, 2, func(s string) string { return "\x01" + s[1:] }), "its signature is wrong", nil},
		"no signature":              {good[:strings.LastIndex(good, ".")+1], "its signature is wrong", nil},
		"the algorithm none":        {unsigned[:strings.LastIndex(unsigned, ".")+1], `it is signed with the algorithm "none", which is not allowed`, nil},
		"none, and a signature":     {unsigned, `it is signed with the algorithm "none", which is not allowed`, nil},
		"None":                      {edit(t, good, 0, replacing("ES256", "None")), "which is not allowed", nil},
		"an HMAC with public keys":  {confused, `it is signed with the algorithm "HS256", which is not allowed`, nil},
		"another key's algorithm":   {edit(t, good, 0, replacing("ES256", "EdDSA")), "it is signed with EdDSA, but its key is for ES256", nil},
		"another algorithm's key":   {edit(t, good, 0, replacing(id("ES256"), id("PS384"))), "it is signed with ES256, but its key is for PS384", nil},
		"a critical header":         {edit(t, good, 0, replacing(`"typ"`, `"crit":["x"],"typ"`)), "its signature is wrong", nil},
		"expired":                   {sign(t, s, v1alpha1.ES256, now.Add(-time.Hour), now), "it has expired at 2031-05-06T07:08:09Z", nil},
		"a clock that was set back": {sign(t, s, v1alpha1.ES256, now.Add(time.Hour), time.Time{}), "it was issued at 2031-05-06T08:08:09Z, which is in the future", nil},
		"another vendor":            {good, `it was issued by "` + fingerprint + `" and not by "globex"`, []string{"-issuer", "globex"}},
		"another product":           {good, `it is for the product "ACME-RENDER" and not for "ACME-OTHER"`, []string{"-sku", "ACME-OTHER"}},
		"nothing":                   {"", "it is not a signed token", nil},
		"something else":            {"lct_AAAA", "it is not a signed token", nil},
		"a token cut short":         {good[:4000], "it is not a signed token", nil},
		"two tokens":                {good + "\n" + good, "it is not a signed token", nil},
		"a token without end":       {good + strings.Repeat("A", maxSize), "", nil},
		"a JWKS that isn't there":   {good, "the JWKS can't be read", []string{"-jwks", "missing.json"}},
		"an unknown flag":           {good, "flag provided but not defined", []string{"-nonsense"}},
	} {
		t.Run(name, func(t *testing.T) {
			var out strings.Builder
			err := run(append([]string{"-jwks", keyFile(t, s.JWKS())}, c.args...), strings.NewReader(c.token), &out, now)
			if err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("the error is %v, want %s", err, c.want)
			}
			if out.Len() > 0 {
				t.Errorf("it prints %q", out.String())
			}
		})
	}
}

func TestAJWKSThatIsNoneIsRefused(t *testing.T) {
	s := newSigning(t)
	good := sign(t, s, v1alpha1.ES256, now, time.Time{})
	for name, jwks := range map[string]string{
		"nothing":         "",
		"no keys":         "{}",
		"every key twice": strings.Replace(string(s.JWKS()), `{"keys":[`, `{"keys":[`+strings.TrimSuffix(strings.TrimPrefix(string(s.JWKS()), `{"keys":[`), "]}")+",", 1),
		"another use":     strings.ReplaceAll(string(s.JWKS()), `"use":"sig"`, `"use":"enc"`),
		"another page":    "<html>",
	} {
		if l, err := Verify([]byte(jwks), good, now); err == nil || l != nil {
			t.Errorf("%s: verified", name)
		}
	}
}

// The program as a shell sees it.
func TestTheExitCodeTells(t *testing.T) {
	program := filepath.Join(t.TempDir(), "verify-offline")
	if out, err := exec.Command("go", "build", "-o", program, ".").CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	s := newSigning(t)
	file := keyFile(t, s.JWKS())
	for name, c := range map[string]struct {
		token string
		code  int
		says  string
	}{
		"valid":     {sign(t, s, v1alpha1.ES256, time.Unix(1_600_000_000, 0), time.Time{}), 0, "may use ACME-RENDER for ever:"},
		"not valid": {sign(t, s, v1alpha1.ES256, time.Unix(1_600_000_000, 0), time.Unix(1_600_003_600, 0)), 1, "The licence is not valid: it has expired at 2020-09-13T13:26:40Z.\n"},
	} {
		cmd := exec.Command(program, "-jwks", file)
		cmd.Stdin = strings.NewReader(c.token)
		out, _ := cmd.CombinedOutput()
		if cmd.ProcessState.ExitCode() != c.code || !strings.Contains(string(out), c.says) {
			t.Errorf("%s: exit code %d and\n%s", name, cmd.ProcessState.ExitCode(), out)
		}
	}
}
