// Copyright The license-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package serving

import (
	"bytes"
	"crypto/rand"
	"crypto/x509"
	"encoding/base64"
	"encoding/hex"
	"encoding/pem"
	"fmt"
	"maps"
	"net"
	"strings"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"
)

// now is the time at which tests begin.
var now = time.Date(2031, time.May, 6, 7, 8, 9, 0, time.UTC)

const (
	day = 24 * time.Hour

	hostname = "license-operator.operator.svc"
)

var secretName = types.NamespacedName{Namespace: "operator", Name: DefaultSecretName}

func newConfig(dnsNames ...string) Config {
	return Config{Secret: secretName, DNSNames: append([]string{hostname}, dnsNames...), IPs: []net.IP{net.IPv4(127, 0, 0, 1)}}
}

// mustAdvance is one step of a Bundle in which nothing may fail.
func mustAdvance(t testing.TB, b *Bundle, at time.Time, dnsNames ...string) (*Bundle, []change) {
	t.Helper()
	want, err := newConfig(dnsNames...).wanted()
	if err != nil {
		t.Fatal(err)
	}
	next, changes, err := b.advance(at, want, rand.Reader)
	if err != nil {
		t.Fatalf("at %s: %v", at, err)
	}
	return next, changes
}

func mustData(t testing.TB, b *Bundle) map[string][]byte {
	t.Helper()
	data, err := b.data()
	if err != nil {
		t.Fatal(err)
	}
	return data
}

// goodData is a fresh Secret's data.
func goodData(t testing.TB) map[string][]byte {
	t.Helper()
	b, _ := mustAdvance(t, nil, now)
	return mustData(t, b)
}

// edited is the data with one key changed, and without it if the value is nil.
func edited(data map[string][]byte, key string, value []byte) map[string][]byte {
	changed := maps.Clone(data)
	delete(changed, key)
	if value != nil {
		changed[key] = value
	}
	return changed
}

// verifyAsClient is what a client does that trusts a CA bundle.
func verifyAsClient(caPEM []byte, b *Bundle, host string, at time.Time) error {
	roots := x509.NewCertPool()
	if !roots.AppendCertsFromPEM(caPEM) {
		return fmt.Errorf("there is no CA in %q", caPEM)
	}
	intermediates := x509.NewCertPool()
	for _, der := range b.leaf.Certificate[1:] {
		cert, err := x509.ParseCertificate(der)
		if err != nil {
			return err
		}
		intermediates.AddCert(cert)
	}
	leaf, err := x509.ParseCertificate(b.leaf.Certificate[0])
	if err != nil {
		return err
	}
	_, err = leaf.Verify(x509.VerifyOptions{Roots: roots, Intermediates: intermediates, DNSName: host, CurrentTime: at})
	return err
}

func serial(b *Bundle) string { return b.leaf.Leaf.SerialNumber.Text(16) }

func issuerSerial(b *Bundle) string { return b.leaf.Leaf.Issuer.SerialNumber }

func readSecret(t *testing.T, c client.Client) *corev1.Secret {
	t.Helper()
	secret := &corev1.Secret{}
	if err := c.Get(t.Context(), secretName, secret); err != nil {
		t.Fatal(err)
	}
	return secret
}

// leaks reports whether text holds a stretch of a private key of the data, in
// any of the usual forms.
func leaks(text string, data map[string][]byte) bool {
	for _, key := range []string{CAKeyDataKey, PrivateKeyDataKey} {
		rest := data[key]
		for {
			var block *pem.Block
			if block, rest = pem.Decode(rest); block == nil {
				break
			}
			if len(block.Bytes) < 68 {
				continue
			}
			// What precedes the key is the same in all PKCS #8, and what follows
			// is public.
			secret := block.Bytes[36:68]
			body := strings.ReplaceAll(string(pem.EncodeToMemory(block)), "\n", "")
			forms := []string{
				string(secret), hex.EncodeToString(secret), strings.Trim(fmt.Sprint(secret), "[]"),
				base64.StdEncoding.EncodeToString(secret), body[len("-----BEGIN PRIVATE KEY-----"):][48:90],
			}
			for _, form := range forms {
				for at := 0; at+10 <= len(form); at++ {
					if strings.Contains(text, form[at:at+10]) {
						return true
					}
				}
			}
		}
	}
	return false
}

func TestLeaksSeesAKey(t *testing.T) {
	data := goodData(t)
	for _, key := range []string{CAKeyDataKey, PrivateKeyDataKey} {
		block, _ := pem.Decode(data[key])
		for name, text := range map[string]string{
			"PEM":     string(data[key]),
			"DER":     string(block.Bytes),
			"hex":     fmt.Sprintf("%x", block.Bytes),
			"numbers": fmt.Sprint(block.Bytes),
		} {
			if !leaks(text, data) {
				t.Errorf("%s of %s is not seen", name, key)
			}
		}
	}
	if leaks(string(bytes.Join([][]byte{data[CADataKey], data[CertificateDataKey]}, nil)), data) {
		t.Error("certificates count as keys")
	}
}
