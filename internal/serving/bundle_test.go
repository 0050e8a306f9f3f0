// Copyright The license-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package serving

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"encoding/pem"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestParseIsTheInverseOfData(t *testing.T) {
	fresh, _ := mustAdvance(t, nil, now)
	overlap, _ := mustAdvance(t, fresh, now.AddDate(9, 1, 0))
	after, _ := mustAdvance(t, overlap, now.AddDate(9, 3, 0))
	for name, b := range map[string]*Bundle{"fresh": fresh, "with the next CA": overlap, "with the former CA": after} {
		t.Run(name, func(t *testing.T) {
			data := mustData(t, b)
			parsed, err := Parse(data)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(data, mustData(t, parsed)); diff != "" {
				t.Error(diff)
			}
		})
	}
	if len(overlap.authorities) != 2 || len(after.authorities) != 2 || after.authorities[1].key != nil {
		t.Error("the Bundles are not what their names say")
	}
}

// malformed is data that Parse refuses, and a part of the error.
func malformed(t testing.TB) map[string]struct {
	data map[string][]byte
	want string
} {
	t.Helper()
	good, other := goodData(t), goodData(t)
	p384, err := ecdsa.GenerateKey(elliptic.P384(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	p384PEM, err := formatKeys(p384)
	if err != nil {
		t.Fatal(err)
	}
	key := good[PrivateKeyDataKey]
	cut := func(raw []byte) []byte { return append(bytes.Clone(raw[:len(raw)/2]), raw[len(raw)/2+8:]...) }
	block, _ := pem.Decode(key)
	block.Headers = map[string]string{"Proc-Type": "4,ENCRYPTED"}
	type entry = struct {
		data map[string][]byte
		want string
	}
	cases := map[string]entry{
		"no data":                               {nil, "`ca.crt` is missing"},
		"a CA key that is cut":                  {edited(good, CAKeyDataKey, cut(good[CAKeyDataKey])), "`ca.key`"},
		"the CA key of another":                 {edited(good, CAKeyDataKey, other[CAKeyDataKey]), "`ca.key`: PEM block 0 is not the key of a CA"},
		"the CA key twice":                      {edited(good, CAKeyDataKey, bytes.Repeat(good[CAKeyDataKey], 2)), "`ca.key`: PEM block 1 is not the key of a CA"},
		"a key that is cut":                     {edited(good, PrivateKeyDataKey, cut(key)), "`tls.key`"},
		"the key of another certificate":        {edited(good, PrivateKeyDataKey, other[PrivateKeyDataKey]), "`tls.key`: it does not hold just the key"},
		"two keys":                              {edited(good, PrivateKeyDataKey, append(bytes.Clone(key), key...)), "`tls.key`: it does not hold just the key"},
		"a key on another curve":                {edited(good, PrivateKeyDataKey, p384PEM), "`tls.key`: PEM block 0 is not an ECDSA key on P-256"},
		"a key with headers":                    {edited(good, PrivateKeyDataKey, pem.EncodeToMemory(block)), "`tls.key`: PEM block 0 is not a plain"},
		"a key without its first line":          {edited(good, PrivateKeyDataKey, key[5:]), "`tls.key`: it is not well-formed PEM"},
		"a key among the certificates":          {edited(good, CertificateDataKey, append(bytes.Clone(good[CertificateDataKey]), key...)), "`tls.crt`: PEM block 2 is not a plain CERTIFICATE"},
		"a key in place of the CA":              {edited(good, CADataKey, key), "`ca.crt`: PEM block 0 is not a plain CERTIFICATE"},
		"a certificate in place of the CA":      {edited(good, CADataKey, good[CertificateDataKey]), "`ca.crt`: PEM block 0 is not the certificate of a CA"},
		"the CA twice":                          {edited(good, CADataKey, bytes.Repeat(good[CADataKey], 2)), "`ca.crt`: PEM block 1 is there twice"},
		"a CA that is cut":                      {edited(good, CADataKey, cut(good[CADataKey])), "data key `ca.crt`: "},
		"a broken block before a good one":      {edited(good, CADataKey, append([]byte("-----BEGIN CERTIFICATE-----\n!\n-----END CERTIFICATE-----\n"), good[CADataKey]...)), "`ca.crt`: it is not well-formed PEM"},
		"something after the PEM":               {edited(good, CertificateDataKey, append(bytes.Clone(good[CertificateDataKey]), key[40:]...)), "`tls.crt`: it is not well-formed PEM"},
		"a value that is too long":              {edited(good, CADataKey, bytes.Repeat([]byte("\n"), maxPEM+1)), "`ca.crt`: it has 65537 bytes"},
		"too many blocks":                       {edited(good, CertificateDataKey, bytes.Repeat(good[CADataKey], maxBlocks+1)), "`tls.crt`: it has 17 PEM blocks"},
		"a block that is no certificate inside": {edited(good, CADataKey, pem.EncodeToMemory(&pem.Block{Type: certificateBlock, Bytes: []byte("x")})), "is not an X.509 certificate"},
	}
	for key := range good {
		cases["without "+key] = entry{edited(good, key, nil), "`" + key + "` is missing"}
		cases["with an empty "+key] = entry{edited(good, key, []byte{}), "`" + key + "`: it has no PEM block"}
	}
	return cases
}

func TestParseRefuses(t *testing.T) {
	for name, tc := range malformed(t) {
		t.Run(name, func(t *testing.T) {
			b, err := Parse(tc.data)
			if err == nil || b != nil || !strings.Contains(err.Error(), tc.want) {
				t.Fatalf("the error is %v, want %q", err, tc.want)
			}
			if leaks(err.Error(), tc.data) || len(err.Error()) > 200 {
				t.Errorf("the error shows what was read: %v", err)
			}
		})
	}
}

// The CA bundle goes to a ConfigMap that anybody may read.
func TestOnlyCertificatesAreEverPublished(t *testing.T) {
	data := goodData(t)
	block, _ := pem.Decode(data[CAKeyDataKey])
	note := fmt.Sprintf("my notes: %x\n", block.Bytes)
	b, err := Parse(edited(data, CADataKey, append([]byte(note), data[CADataKey]...)))
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(data[CADataKey]), string(b.CAPEM())); diff != "" {
		t.Error(diff)
	}
}

func TestABundleNeverPrintsItsKeys(t *testing.T) {
	b, _ := mustAdvance(t, nil, now)
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%d", "%x"} {
		if got := fmt.Sprintf(verb, b); got != "serving.Bundle(hidden)" {
			t.Errorf("%s prints %.100s", verb, got)
		}
	}
}

// Run it with -fuzzminimizetime=1x: certificates have too many bytes to be made
// smaller one by one.
func FuzzParse(f *testing.F) {
	fresh, _ := mustAdvance(f, nil, now)
	overlap, _ := mustAdvance(f, fresh, now.AddDate(9, 1, 0))
	for _, b := range []*Bundle{fresh, overlap} {
		data := mustData(f, b)
		f.Add(data[CADataKey], data[CAKeyDataKey], data[CertificateDataKey], data[PrivateKeyDataKey])
	}
	for _, tc := range malformed(f) {
		f.Add(tc.data[CADataKey], tc.data[CAKeyDataKey], tc.data[CertificateDataKey], tc.data[PrivateKeyDataKey])
	}
	f.Fuzz(func(t *testing.T, ca, caKey, certificate, key []byte) {
		data := map[string][]byte{CADataKey: ca, CAKeyDataKey: caKey, CertificateDataKey: certificate, PrivateKeyDataKey: key}
		b, err := Parse(data)
		if err != nil {
			if leaks(err.Error(), data) {
				t.Fatalf("the error shows a key: %v", err)
			}
			return
		}
		written := mustData(t, b)
		again, err := Parse(written)
		if err != nil {
			t.Fatalf("what was written can't be read: %v", err)
		}
		if diff := cmp.Diff(written, mustData(t, again)); diff != "" {
			t.Fatalf("it changes when it is written twice:\n%s", diff)
		}
		// No key is made here: its random course would look like new coverage.
		var served Certificate
		if served.Set(b) == nil && string(served.CAPEM()) != string(written[CADataKey]) {
			t.Fatal("it serves with other CAs than were written")
		}
	})
}
