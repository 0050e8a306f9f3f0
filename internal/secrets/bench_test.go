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
