// Copyright The license-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package secrets

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"
	"github.com/google/go-cmp/cmp"

	"github.com/license-operator/license-operator/api/v1alpha1"
)

var algorithms = []v1alpha1.SigningAlgorithm{v1alpha1.ES256, v1alpha1.PS384, v1alpha1.EdDSA}

func usualClaims() LicenceClaims {
	return LicenceClaims{
		KeyFingerprint: "aws:123456789012:Acme:issuer-fingerprint", Customer: "cust-42", CheckoutID: "abcdefghijklmnopqrstuvwxy2",
		CheckoutType: v1alpha1.CheckoutProvisional, ConsumptionToken: "lct_" + strings.Repeat("A", 226),
		LicenceARN: "arn:aws:license-manager::123456789012:license:l-bc39444470c642ae9ead0eabe8465bb1",
		EntitlementsAllowed: []AllowedEntitlement{
			{Name: "seats", Value: "2", Unit: v1alpha1.UnitCount}, {Name: "gpu-rendering", Value: "Enabled", Unit: v1alpha1.UnitNone},
		},
		NodeID: "node-7", IssueTime: now, ExpirationTime: now.Add(time.Hour),
		Terms: LicenceTerms{
			ProductSKU: "ACME-RENDER", ProductCode: "774F4FF8", ProductName: "Acme Render Farm", IssuerName: "Acme", Beneficiary: "210987654321",
			Begin: now.AddDate(-1, 0, 0), End: now.AddDate(1, 0, 0),
			Entitlements: []v1alpha1.Entitlement{
				{Name: "seats", Unit: v1alpha1.UnitCount, MaxCount: new(int64(25)), Overage: v1alpha1.Allowed, CheckIn: v1alpha1.Allowed},
				{Name: "gpu-rendering", Unit: v1alpha1.UnitNone, Value: "Enabled", CheckIn: v1alpha1.Forbidden},
			},
			Renewal: v1alpha1.RenewalMonthly, ProvisionalMinutes: 60, BorrowMinutes: 1440, EarlyCheckIn: v1alpha1.Allowed,
		},
	}
}

func changedClaims(change func(*LicenceClaims)) LicenceClaims {
	claims := usualClaims()
	change(&claims)
	return claims
}

func mustSign(t testing.TB, s *Signing, at time.Time, algorithm v1alpha1.SigningAlgorithm, claims LicenceClaims) string {
	t.Helper()
	token, err := s.SignLicence(at, algorithm, claims)
	if err != nil {
		t.Fatalf("SignLicence: %v", err)
	}
	return token
}

// verify checks a token with go-jose and nothing but the JWKS, and returns its
// payload.
func verify(jwks []byte, token string) ([]byte, error) {
	var set jose.JSONWebKeySet
	if err := json.Unmarshal(jwks, &set); err != nil {
		return nil, err
	}
	return verifyWith(&set, token)
}

func verifyWith(set *jose.JSONWebKeySet, token string) ([]byte, error) {
	parsed, err := jose.ParseSignedCompact(token, []jose.SignatureAlgorithm{jose.ES256, jose.PS384, jose.EdDSA})
	if err != nil {
		return nil, err
	}
	header := parsed.Signatures[0].Header
	keys := set.Key(header.KeyID)
	if len(keys) != 1 || keys[0].Algorithm != header.Algorithm || !keys[0].Valid() || !keys[0].IsPublic() {
		return nil, fmt.Errorf("no key %q for %s", header.KeyID, header.Algorithm)
	}
	return parsed.Verify(keys[0])
}

const goldenClaims = `{"licenseArn":"arn:aws:license-manager::123456789012:license:l-bc39444470c642ae9ead0eabe8465bb1",` +
	`"licenseConsumptionToken":"lct_TOKEN","entitlementsAllowed":[{"name":"seats","value":"2","unit":"Count"},` +
	`{"name":"gpu-rendering","value":"Enabled","unit":"None"}],"nodeId":"node-7","issuedAt":"2031-05-06T07:08:09Z",` +
	`"expiration":"2031-05-06T08:08:09Z","checkoutMetadata":{"A":"<&>","Mac":"00:1b"},` +
	`"iss":"aws:123456789012:Acme:issuer-fingerprint","sub":"cust-42","jti":"abcdefghijklmnopqrstuvwxy2","iat":1935817689,"exp":1935821289,` +
	`"checkoutType":"BORROW","productSKU":"ACME-RENDER","productCode":"774F4FF8","productName":"Acme Render Farm","beneficiary":"210987654321",` +
	`"issuer":{"name":"Acme","keyFingerprint":"aws:123456789012:Acme:issuer-fingerprint"},` +
	`"validity":{"begin":"2030-05-06T07:08:09Z","end":"2032-05-06T07:08:09Z"},` +
	`"entitlements":[{"name":"seats","unit":"Count","maxCount":25,"overage":true,"allowCheckIn":true},` +
	`{"name":"gpu-rendering","unit":"None","value":"Enabled","overage":false,"allowCheckIn":false}],` +
	`"consumptionConfiguration":{"renewType":"Monthly","provisionalConfiguration":{"maxTimeToLiveInMinutes":60},` +
	`"borrowConfiguration":{"allowEarlyCheckIn":true,"maxTimeToLiveInMinutes":1440}},"pad":"PAD"}`

func TestALicenceTokenSaysWhatIsDocumented(t *testing.T) {
	s := newTestSigning(t)
	claims := changedClaims(func(c *LicenceClaims) {
		c.ConsumptionToken = "lct_TOKEN"
		c.CheckoutType = v1alpha1.CheckoutBorrow
		c.CheckoutMetadata = map[string]string{"Mac": "00:1b", "A": "<&>"}
		c.IssueTime = c.IssueTime.In(time.FixedZone("somewhere", 3600)).Add(999 * time.Millisecond)
	})
	for _, algorithm := range algorithms {
		payload, err := verify(s.JWKS(), mustSign(t, s, now, algorithm, claims))
		if err != nil {
			t.Errorf("%s: %v", algorithm, err)
			continue
		}
		got := strings.ReplaceAll(strings.Replace(string(payload), strings.Repeat(".", 100), "PAD", 1), ".", "")
		if diff := cmp.Diff(strings.ReplaceAll(goldenClaims, ".", ""), got); diff != "" {
			t.Errorf("%s: other claims (-want +got):\n%s", algorithm, diff)
		}
	}
}

func TestWhatALicenceDoesNotSayIsAbsent(t *testing.T) {
	s := newTestSigning(t)
	payload, err := verify(s.JWKS(), mustSign(t, s, now, "", LicenceClaims{
		KeyFingerprint: "f", Customer: "c", CheckoutID: "i", LicenceARN: "a", ConsumptionToken: "t", IssueTime: now,
		CheckoutType: v1alpha1.CheckoutPerpetual, Terms: LicenceTerms{ProductSKU: "s", ProductCode: "p"},
	}))
	if err != nil {
		t.Fatal(err)
	}
	const want = `{"licenseArn":"a","licenseConsumptionToken":"t","entitlementsAllowed":[],"issuedAt":"2031-05-06T07:08:09Z",` +
		`"iss":"f","sub":"c","jti":"i","iat":1935817689,"checkoutType":"PERPETUAL","productSKU":"s","productCode":"p",` +
		`"issuer":{"keyFingerprint":"f"},"validity":{},"consumptionConfiguration":{"renewType":"None"},"pad":""}`
	if diff := cmp.Diff(want, strings.ReplaceAll(string(payload), ".", "")); diff != "" {
		t.Errorf("other claims (-want +got):\n%s", diff)
	}
}

func TestTheSameClaimsGiveTheSameToken(t *testing.T) {
	s := newTestSigning(t)
	for _, algorithm := range algorithms {
		token := mustSign(t, s, now, algorithm, usualClaims())
		if mustSign(t, s, now.Add(time.Minute), algorithm, usualClaims()) != token {
			t.Errorf("%s: another token for the same claims", algorithm)
		}
		seen := map[string]bool{token: true}
		for _, other := range []string{
			mustSign(t, s, now.Add(time.Hour), algorithm, usualClaims()),
			mustSign(t, s, now, algorithm, changedClaims(func(c *LicenceClaims) { c.NodeID = "node-8" })),
		} {
			signature := other[strings.LastIndex(other, ".")+1:]
			if seen[signature] {
				t.Errorf("%s: one signature for two tokens", algorithm)
			}
			seen[signature] = true
		}
	}
}

func TestALicenceTokenIsAsLongAsTheModelSays(t *testing.T) {
	s := newTestSigning(t)
	for _, algorithm := range algorithms {
		signer := s.current(now).signers[algorithm]
		shortest, longest := 1<<30, 0
		for more := range 1200 {
			token := mustSign(t, s, now, algorithm, changedClaims(func(c *LicenceClaims) { c.NodeID = strings.Repeat("n", more) }))
			shortest, longest = min(shortest, len(token)), max(longest, len(token))
			if more%100 == 0 {
				if _, err := verify(s.JWKS(), token); err != nil {
					t.Errorf("%s with %d more: %v", algorithm, more, err)
				}
			}
			if algorithm == v1alpha1.PS384 {
				break // It takes its time, and the others show the same.
			}
		}
		if shortest < MinLicenceTokenLength || longest >= MinLicenceTokenLength+104 {
			t.Errorf("%s: tokens have %d to %d characters", algorithm, shortest, longest)
		}
		for least := MinLicenceTokenLength; least < MinLicenceTokenLength+10; least++ {
			n := signer.leastPayload(least)
			if signer.length(n) < least || signer.length(n-1) >= least {
				t.Errorf("%s: a payload of %d bytes makes %d characters", algorithm, n, signer.length(n))
			}
		}
	}
}

func TestALongLicenceLosesItsTermsAndThenIsRefused(t *testing.T) {
	s := newTestSigning(t)
	with := func(entitlements, metadata int) LicenceClaims {
		return changedClaims(func(c *LicenceClaims) {
			c.Terms.Entitlements = slices.Repeat(c.Terms.Entitlements[:1], entitlements)
			c.CheckoutMetadata = map[string]string{"more": strings.Repeat("m", metadata)}
		})
	}
	for name, c := range map[string]struct {
		claims LicenceClaims
		terms  int
	}{
		"64 usual entitlements":                     {with(64, 10), 64},
		"more than fit":                             {with(200, 10), 0},
		"metadata that leaves no room for terms":    {with(2, 15_000), 0},
		"nearly as much metadata as a request has":  {with(2, 45_000), 0},
		"no entitlements, and metadata of any size": {with(0, 45_000), 0},
	} {
		token := mustSign(t, s, now, v1alpha1.ES256, c.claims)
		payload, err := verify(s.JWKS(), token)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		var got wireClaims
		if err := json.Unmarshal(payload, &got); err != nil {
			t.Fatal(err)
		}
		if len(got.Entitlements) != c.terms || len(got.EntitlementsAllowed) != 2 {
			t.Errorf("%s: %d entitlements of the licence, want %d", name, len(got.Entitlements), c.terms)
		}
	}
	if token, err := s.SignLicence(now, v1alpha1.ES256, with(0, MaxLicenceTokenLength)); err == nil || token != "" {
		t.Errorf("a token of %d characters", len(token))
	} else if strings.Contains(err.Error(), "mmm") {
		t.Errorf("the error quotes the claims: %v", err)
	}
}

func TestSignLicenceRefuses(t *testing.T) {
	s := newTestSigning(t)
	for name, change := range map[string]func(*LicenceClaims){
		"no key fingerprint":                func(c *LicenceClaims) { c.KeyFingerprint = "" },
		"no customer":                       func(c *LicenceClaims) { c.Customer = "" },
		"no id":                             func(c *LicenceClaims) { c.CheckoutID = "" },
		"no ARN":                            func(c *LicenceClaims) { c.LicenceARN = "" },
		"no consumption token":              func(c *LicenceClaims) { c.ConsumptionToken = "" },
		"no time of issue":                  func(c *LicenceClaims) { c.IssueTime = time.Time{} },
		"an end before the time of issue":   func(c *LicenceClaims) { c.ExpirationTime = now.Add(-time.Second) },
		"an end that no protocol can write": func(c *LicenceClaims) { c.ExpirationTime = now.AddDate(9000, 0, 0) },
	} {
		if token, err := s.SignLicence(now, v1alpha1.ES256, changedClaims(change)); err == nil || token != "" {
			t.Errorf("%s: signed", name)
		}
	}
	for _, algorithm := range []v1alpha1.SigningAlgorithm{"none", "HS256", "RS256", "es256", "PS256"} {
		if token, err := s.SignLicence(now, algorithm, usualClaims()); err == nil || token != "" {
			t.Errorf("%s: signed", algorithm)
		}
	}
}

// A verifier must not take any other text than the one that was signed.
func TestChangedLicenceTokensDoNotVerify(t *testing.T) {
	s := newTestSigning(t)
	for _, algorithm := range algorithms {
		token := mustSign(t, s, now, algorithm, usualClaims())
		for at := 0; at < len(token); at += 61 {
			changed := []byte(token)
			changed[at] ^= 1
			if _, err := verify(s.JWKS(), string(changed)); err == nil {
				t.Errorf("%s: changed at %d it verifies", algorithm, at)
			}
		}
	}
}

func TestSigningServesManyAtOnce(t *testing.T) {
	s := newTestSigning(t)
	results := make(chan error)
	for n := range 8 {
		go func() {
			var failure error
			for i := range 100 {
				node := fmt.Sprintf("node-%d-%d", n, i)
				token, err := s.SignLicence(now, algorithms[2*(n%2)], changedClaims(func(c *LicenceClaims) { c.NodeID = node }))
				if err != nil {
					failure = err
				}
				if payload, err := verify(s.JWKS(), token); err != nil || !strings.Contains(string(payload), `"nodeId":"`+node+`"`) {
					failure = fmt.Errorf("%s: %w", node, err)
				}
			}
			results <- failure
		}()
	}
	for range 8 {
		if err := <-results; err != nil {
			t.Error(err)
		}
	}
}

// headerOf is a token's protected header.
func headerOf(t *testing.T, token string) map[string]string {
	t.Helper()
	raw, err := base64.RawURLEncoding.DecodeString(token[:strings.Index(token, ".")])
	if err != nil {
		t.Fatal(err)
	}
	var header map[string]string
	if err := json.Unmarshal(raw, &header); err != nil {
		t.Fatal(err)
	}
	return header
}

func TestTheHeaderNamesTheKey(t *testing.T) {
	s := newTestSigning(t)
	ids := map[string]bool{}
	for _, at := range []time.Time{now, now.Add(time.Hour)} {
		for _, algorithm := range algorithms {
			header := headerOf(t, mustSign(t, s, at, algorithm, usualClaims()))
			ids[header["kid"]] = true
			want := map[string]string{"alg": string(algorithm), "typ": "JWT", "kid": header["kid"]}
			if !maps.Equal(header, want) || len(header["kid"]) != 43 {
				t.Errorf("the header is %v", header)
			}
		}
	}
	if len(ids) != 6 {
		t.Errorf("%d ids of 6 keys", len(ids))
	}
}
