// Copyright The license-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package secrets

import "testing"

func BenchmarkSecretAccessKey(b *testing.B) {
	id := newTestIdentity(b)
	b.ReportAllocs()
	for b.Loop() {
		id.SecretAccessKey("acme", "ci", 1)
	}
}

func BenchmarkAuthenticAccessKeyID(b *testing.B) {
	id := newTestIdentity(b)
	key := id.AccessKeyID("acme", "ci", 1)
	b.ReportAllocs()
	for b.Loop() {
		id.AuthenticAccessKeyID(key)
	}
}

func BenchmarkPersistentIdentifier(b *testing.B) {
	id := newTestIdentity(b)
	b.ReportAllocs()
	for b.Loop() {
		id.PersistentIdentifier("acme", "cust-42")
	}
}

func BenchmarkAuthenticPID(b *testing.B) {
	id := newTestIdentity(b)
	pid := id.PersistentIdentifier("acme", "cust-42")
	b.ReportAllocs()
	for b.Loop() {
		id.AuthenticPID("acme", pid)
	}
}

func BenchmarkSealUserToken(b *testing.B) {
	ring, token := newTestRing(b), userToken()
	b.ReportAllocs()
	for b.Loop() {
		if _, err := ring.SealUserToken(now, token); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkOpenUserToken(b *testing.B) {
	ring := newTestRing(b)
	text := mustSealUser(b, ring, now, userToken())
	b.ReportAllocs()
	for b.Loop() {
		if _, err := ring.OpenUserToken(text); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkSealConsumptionToken(b *testing.B) {
	ring, token := newTestRing(b), consumptionToken()
	b.ReportAllocs()
	for b.Loop() {
		if _, err := ring.SealConsumptionToken(now, token); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkSignLicence(b *testing.B) {
	s, claims := newTestSigning(b), usualClaims()
	for _, algorithm := range algorithms {
		b.Run(string(algorithm), func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if _, err := s.SignLicence(now, algorithm, claims); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

// BenchmarkSignAlone is what the signature of a token takes without the rest.
func BenchmarkSignAlone(b *testing.B) {
	input := make([]byte, MinLicenceTokenLength)
	signer := newTestSigning(b).current(now).signers
	for _, algorithm := range algorithms {
		b.Run(string(algorithm), func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if _, err := signer[algorithm].sign(input); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
