// Copyright The license-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bytes"
	"crypto/x509"
	"encoding/pem"
	"os"
	"path/filepath"
	"testing"
	"time"
)

func TestMakePKI(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "pki")
	now := time.Now()
	p, err := makePKI(dir, now)
	if err != nil {
		t.Fatal(err)
	}
	if got := p.admin.cert.Subject.Organization; len(got) != 1 || got[0] != "system:masters" {
		t.Errorf("the administrator is in the groups %q", got)
	}
	roots := x509.NewCertPool()
	roots.AddCert(p.ca.cert)
	for name, tc := range map[string]struct {
		cert  *x509.Certificate
		host  string
		usage x509.ExtKeyUsage
		at    time.Time
		bad   bool
	}{
		"the API server serves on the loopback address":       {cert: readCert(t, dir, apiserverFile), host: "127.0.0.1", usage: x509.ExtKeyUsageServerAuth, at: now},
		"the API server serves under the name in the cluster": {cert: readCert(t, dir, apiserverFile), host: "kubernetes.default.svc", usage: x509.ExtKeyUsageServerAuth, at: now},
		"the API server does not serve under another name":    {cert: readCert(t, dir, apiserverFile), host: "example.com", usage: x509.ExtKeyUsageServerAuth, at: now, bad: true},
		"the API server's certificate is not a client's":      {cert: readCert(t, dir, apiserverFile), usage: x509.ExtKeyUsageClientAuth, at: now, bad: true},
		"etcd serves on the loopback address":                 {cert: readCert(t, dir, etcdServerFile), host: "127.0.0.1", usage: x509.ExtKeyUsageServerAuth, at: now},
		"etcd is a client of itself":                          {cert: readCert(t, dir, etcdServerFile), usage: x509.ExtKeyUsageClientAuth, at: now},
		"the API server is a client of etcd":                  {cert: readCert(t, dir, etcdClientFile), usage: x509.ExtKeyUsageClientAuth, at: now},
		"the administrator is a client":                       {cert: p.admin.cert, usage: x509.ExtKeyUsageClientAuth, at: now},
		"the administrator cannot serve":                      {cert: p.admin.cert, usage: x509.ExtKeyUsageServerAuth, at: now, bad: true},
		"a certificate ends":                                  {cert: p.admin.cert, usage: x509.ExtKeyUsageClientAuth, at: now.Add(certLifetime + time.Minute), bad: true},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := tc.cert.Verify(x509.VerifyOptions{
				Roots: roots, DNSName: tc.host, CurrentTime: tc.at, KeyUsages: []x509.ExtKeyUsage{tc.usage},
			})
			if (err != nil) != tc.bad {
				t.Errorf("verification: %v", err)
			}
		})
	}
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, entry := range entries {
		if info, err := entry.Info(); err != nil || info.Mode().Perm() != 0o600 {
			t.Errorf("%s: mode %v, error %v", entry.Name(), info.Mode(), err)
		}
	}
}

func TestServiceAccountKeyIsKept(t *testing.T) {
	dir := t.TempDir()
	keyPath := filepath.Join(dir, serviceAccountFile+".key")
	var keys [2][]byte
	var authorities [2]*pki
	for i := range keys {
		var err error
		if authorities[i], err = makePKI(dir, time.Now()); err != nil {
			t.Fatal(err)
		}
		if keys[i], err = os.ReadFile(keyPath); err != nil {
			t.Fatal(err)
		}
	}
	if !bytes.Equal(keys[0], keys[1]) {
		t.Error("the second start made a new service-account key")
	}
	if authorities[0].ca.cert.Equal(authorities[1].ca.cert) {
		t.Error("the second start used the old authority")
	}
	if err := os.WriteFile(keyPath, []byte("garbage"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := makePKI(dir, time.Now()); err == nil {
		t.Error("a broken service-account key was accepted")
	}
}

// FuzzParsePrivateKey checks that a key that parses can be written again.
func FuzzParsePrivateKey(f *testing.F) {
	ca, err := newCA("fuzz", time.Now())
	if err != nil {
		f.Fatal(err)
	}
	key, err := ca.keyPEM()
	if err != nil {
		f.Fatal(err)
	}
	f.Add(key)
	f.Add(ca.certPEM())
	f.Add([]byte("-----BEGIN PRIVATE KEY-----\n-----END PRIVATE KEY-----\n"))
	f.Fuzz(func(t *testing.T, data []byte) {
		key, err := parsePrivateKey(data)
		if err != nil {
			return
		}
		if _, err := privateKeyPEM(key); err != nil {
			t.Errorf("a key that was read cannot be written: %v", err)
		}
	})
}

func readCert(t *testing.T, dir, name string) *x509.Certificate {
	t.Helper()
	data, err := os.ReadFile(filepath.Join(dir, name+".crt"))
	if err != nil {
		t.Fatal(err)
	}
	block, _ := pem.Decode(data)
	if block == nil {
		t.Fatalf("%s.crt has no PEM block", name)
	}
	cert, err := x509.ParseCertificate(block.Bytes)
	if err != nil {
		t.Fatal(err)
	}
	return cert
}
