// Copyright The license-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package licensemanager_test

import (
	"encoding/json"
	"testing"

	"github.com/go-jose/go-jose/v4"

	"github.com/license-operator/license-operator/api/v1alpha1"
)

// verified opens a signed token with nothing but the JWKS, and returns its
// header and its claims.
func (f *fixture) verified(token string) (jose.Header, map[string]any) {
	f.Helper()
	parsed, err := jose.ParseSignedCompact(token, []jose.SignatureAlgorithm{jose.ES256, jose.PS384, jose.EdDSA})
	if err != nil {
		f.Fatal(err)
	}
	var set jose.JSONWebKeySet
	if err := json.Unmarshal(testKeys().Signing.JWKS(), &set); err != nil {
		f.Fatal(err)
	}
	header := parsed.Signatures[0].Header
	keys := set.Key(header.KeyID)
	if len(keys) != 1 {
		f.Fatalf("the JWKS has %d keys with the id %q", len(keys), header.KeyID)
	}
	payload, err := parsed.Verify(keys[0])
	if err != nil {
		f.Fatal(err)
	}
	claims := map[string]any{}
	if err := json.Unmarshal(payload, &claims); err != nil {
		f.Fatal(err)
	}
	return header, claims
}

func (f *fixture) claims(token string) map[string]any {
	f.Helper()
	_, claims := f.verified(token)
	return claims
}

func TestTheSignedTokenSaysWhatTheAnswerSays(t *testing.T) {
	f := newFixture(t)
	out := f.checkout(vendor, f.request("t"))
	if len(out.SignedToken) < 4096 {
		t.Errorf("it has %d characters, the API model says at least 4096", len(out.SignedToken))
	}
	claims := f.claims(out.SignedToken)
	for name, want := range map[string]any{
		"licenseArn":              out.LicenseARN,
		"licenseConsumptionToken": out.LicenseConsumptionToken,
		"issuedAt":                out.IssuedAt,
		"expiration":              out.Expiration,
		"iss":                     f.fingerprint(),
		"sub":                     customer,
		"jti":                     f.books.last.ID,
		"iat":                     float64(1795315440),
		"exp":                     float64(1795319040),
		"productSKU":              sku,
		"productCode":             "774F4FF8",
		"productName":             "Acme Render Farm",
		"beneficiary":             theirs,
		"checkoutType":            "PROVISIONAL",
	} {
		if claims[name] != want {
			t.Errorf("%s is %v, want %v", name, claims[name], want)
		}
	}
}

func TestTheSignedTokenHasTheProductsAlgorithm(t *testing.T) {
	for algorithm, want := range map[v1alpha1.SigningAlgorithm]string{"": "ES256", v1alpha1.ES256: "ES256", v1alpha1.PS384: "PS384", v1alpha1.EdDSA: "EdDSA"} {
		f := newFixture(t)
		change(f, "render-farm", func(p *v1alpha1.Product) { p.Spec.License.SigningAlgorithm = algorithm })
		header, _ := f.verified(f.checkout(vendor, f.request("t")).SignedToken)
		if header.Algorithm != want {
			t.Errorf("%q: the token is signed with %s, want %s", algorithm, header.Algorithm, want)
		}
	}
}
