// Copyright The license-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package secrets

import (
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"errors"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"
	"github.com/google/go-cmp/cmp"
)

// verifyRegistration verifies a signature with a public key in PEM alone, by
// go-jose, as a customer's program would.
func verifyRegistration(t *testing.T, publicPEM []byte, signature string) (map[string]any, error) {
	t.Helper()
	block, rest := pem.Decode(publicPEM)
	if block == nil || block.Type != "PUBLIC KEY" || len(rest) > 0 {
		t.Fatalf("this is no public key: %s", publicPEM)
	}
	key, err := x509.ParsePKIXPublicKey(block.Bytes)
	if err != nil {
		t.Fatal(err)
	}
	parsed, err := jose.ParseSignedCompact(signature, []jose.SignatureAlgorithm{jose.PS256})
	if err != nil {
		t.Fatal(err)
	}
	payload, err := parsed.Verify(key)
	if err != nil {
		return nil, err
	}
	claims := map[string]any{}
	if err := json.Unmarshal(payload, &claims); err != nil {
		t.Fatal(err)
	}
	return claims, nil
}

func TestAnotherLibraryVerifiesTheSignatureOfRegisterUsage(t *testing.T) {
	s := newTestSigning(t)
	for _, v := range s.PublicKeyVersions(now) {
		signature, err := s.SignUsageRegistration(UsageRegistration{Issuer: "123456789012", ProductCode: "774F4FF8", PublicKeyVersion: v.Version, Nonce: "a nonce\n\"", IssueTime: now.Unix()})
		if err != nil {
			t.Fatal(err)
		}
		claims, err := verifyRegistration(t, v.PEM, signature)
		if err != nil {
			t.Fatalf("version %d: %v", v.Version, err)
		}
		want := map[string]any{"iss": "123456789012", "productCode": "774F4FF8", "publicKeyVersion": float64(v.Version), "nonce": "a nonce\n\"", "iat": float64(now.Unix())}
		if diff := cmp.Diff(want, claims); diff != "" {
			t.Errorf("version %d (-want +got)\n%s", v.Version, diff)
		}
		if header := headerOf(t, signature); !cmp.Equal(header, map[string]string{"alg": "PS256", "typ": "JWT"}) {
			t.Errorf("the header is %v", header)
		}
		for _, other := range s.PublicKeyVersions(now) {
			if _, err := verifyRegistration(t, other.PEM, signature); (err == nil) != (other.Version == v.Version) {
				t.Errorf("the key of version %d says %v of a signature of version %d", other.Version, err, v.Version)
			}
		}
		again, err := newTestSigning(t).SignUsageRegistration(UsageRegistration{Issuer: "123456789012", ProductCode: "774F4FF8", PublicKeyVersion: v.Version, Nonce: "a nonce\n\"", IssueTime: now.Unix()})
		if err != nil || again != signature {
			t.Errorf("another replica signs otherwise: %v", err)
		}
	}
}

func TestAVersionThatIsNotThereSignsNothing(t *testing.T) {
	s := newTestSigning(t)
	for _, version := range []int{-1, 0, 3, 1 << 30} {
		if signature, err := s.SignUsageRegistration(UsageRegistration{PublicKeyVersion: version}); !errors.Is(err, ErrUnknownVersion) || signature != "" {
			t.Errorf("version %d: %q, %v", version, signature, err)
		}
	}
}

// The versions of a test are 1, which signs from the beginning, and 2, which
// signs after an hour.
func TestWhichPublicKeyIsCurrentAndWhichWasReplaced(t *testing.T) {
	s := newTestSigning(t)
	second := s.versions[1].signFrom
	for at, want := range map[time.Time][]PublicKeyVersion{
		second.Add(-time.Second): {{Version: 1, Current: true}, {Version: 2}},
		second:                   {{Version: 1, RotationTime: second}, {Version: 2, Current: true}},
	} {
		got := s.PublicKeyVersions(at)
		for i := range got {
			if leaksSigning(string(got[i].PEM)) {
				t.Errorf("the PEM of version %d holds a private key", got[i].Version)
			}
			got[i].PEM, got[i].SignFromTime = nil, time.Time{}
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("at %s (-want +got)\n%s", at, diff)
		}
	}
}
