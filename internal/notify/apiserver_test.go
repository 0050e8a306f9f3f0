// Copyright The license-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package notify

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"math/big"
	"net"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	clocktesting "k8s.io/utils/clock/testing"

	"github.com/license-operator/license-operator/api/v1alpha1"
)

// certified starts a server on this host with a certificate for some more names,
// and returns what trusts it.
func certified(t *testing.T, names ...string) (url string, roots *x509.CertPool, calls *int) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1), DNSNames: names, IPAddresses: []net.IP{net.ParseIP("127.0.0.1")},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour), IsCA: true, BasicConstraintsValid: true}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	certificate, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	calls = new(int)
	server := httptest.NewUnstartedServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { *calls++ }))
	server.TLS = &tls.Config{Certificates: []tls.Certificate{{Certificate: [][]byte{der}, PrivateKey: key}}}
	server.StartTLS()
	t.Cleanup(server.Close)
	roots = x509.NewCertPool()
	roots.AddCert(certificate)
	return server.URL, roots, calls
}

func TestWhoIsTheAPIServerByItsCertificateIsToldNothing(t *testing.T) {
	for name, test := range map[string]struct {
		names []string
		want  Answer
		calls int
	}{
		"a webhook":                   {[]string{"hooks.acme.example"}, Answer{Result: Delivered, Status: 200}, 1},
		"a webhook in the cluster":    {[]string{"hooks.acme.svc", "kubernetes.acme.svc"}, Answer{Result: Delivered, Status: 200}, 1},
		"the API server":              {[]string{"kubernetes", "kubernetes.default", "kubernetes.default.svc"}, Answer{Result: Forbidden}, 0},
		"one that might stand for it": {[]string{"*.default.svc"}, Answer{Result: Forbidden}, 0},
	} {
		t.Run(name, func(t *testing.T) {
			url, roots, calls := certified(t, test.names...)
			c := NewClient(clocktesting.NewFakePassiveClock(time.Now()), local(), roots)
			m := Message{ID: "msg_1", Action: v1alpha1.ActionSubscribeSuccess, URL: url}
			for range 2 { // Also when the session is resumed.
				if got := c.Send(t.Context(), m); got != test.want {
					t.Errorf("the answer is %+v, want %+v", got, test.want)
				}
			}
			if *calls != 2*test.calls {
				t.Errorf("it was called %d times", *calls)
			}
		})
	}
}
