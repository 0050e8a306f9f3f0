// Copyright The license-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"crypto"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"time"
)

// Names of the files in the pki directory, without .crt and .key.
const (
	caFile             = "ca"
	etcdServerFile     = "etcd"
	etcdClientFile     = "apiserver-etcd-client"
	apiserverFile      = "apiserver"
	serviceAccountFile = "service-account"
)

// pki is what the control plane's own clients need: the authority and the
// administrator's certificate. The rest is in files for the child processes.
type pki struct {
	ca    *keyPair
	admin *keyPair
}

// makePKI fills dir with keys and certificates for the child processes.
//
// The certificates are new at every start. The service-account key is kept if
// dir has one from an earlier start with the same data, so that the tokens
// that were signed then stay valid.
func makePKI(dir string, now time.Time) (*pki, error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, err
	}
	if err := ensureServiceAccountKey(dir); err != nil {
		return nil, fmt.Errorf("service-account key: %w", err)
	}
	ca, err := newCA("license-operator-local-ca", now)
	if err != nil {
		return nil, err
	}
	if err := os.WriteFile(filepath.Join(dir, caFile+".crt"), ca.certPEM(), 0o600); err != nil {
		return nil, err
	}
	loopback := []net.IP{net.IPv4(127, 0, 0, 1), net.IPv6loopback}
	server := []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth}
	client := []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth}
	for name, l := range map[string]leaf{
		// etcd calls its own endpoint and its peers with its serving certificate.
		etcdServerFile: {
			commonName: etcdName, dnsNames: []string{"localhost"}, ips: loopback,
			usages: append(server, client...),
		},
		etcdClientFile: {commonName: "kube-apiserver-etcd-client", usages: client},
		apiserverFile: {
			commonName: apiserverName,
			dnsNames: []string{
				"localhost", "kubernetes", "kubernetes.default",
				"kubernetes.default.svc", "kubernetes.default.svc.cluster.local",
			},
			// The first address of serviceRange is the service "kubernetes".
			ips:    append(loopback, net.IPv4(10, 0, 0, 1)),
			usages: server,
		},
	} {
		pair, err := ca.issue(l, now)
		if err != nil {
			return nil, fmt.Errorf("certificate %s: %w", name, err)
		}
		if err := pair.write(dir, name); err != nil {
			return nil, err
		}
	}
	// The administrator's key goes only into the kubeconfig.
	admin, err := ca.issue(leaf{
		commonName:   "license-operator-local-admin",
		organization: []string{"system:masters"},
		usages:       client,
	}, now)
	if err != nil {
		return nil, err
	}
	return &pki{ca: ca, admin: admin}, nil
}

// ensureServiceAccountKey writes the key pair that signs service-account
// tokens, unless dir has one. RSA, because RS256 is what every verifier of
// such tokens must support (OpenID Connect Core 1.0, section 15.1).
func ensureServiceAccountKey(dir string) error {
	keyPath := filepath.Join(dir, serviceAccountFile+".key")
	data, err := os.ReadFile(keyPath)
	var key crypto.Signer
	switch {
	case err == nil:
		if key, err = parsePrivateKey(data); err != nil {
			return fmt.Errorf("%s: %w", keyPath, err)
		}
	case errors.Is(err, fs.ErrNotExist):
		if key, err = rsa.GenerateKey(rand.Reader, 2048); err != nil {
			return err
		}
		if data, err = privateKeyPEM(key); err != nil {
			return err
		}
		if err := os.WriteFile(keyPath, data, 0o600); err != nil {
			return err
		}
	default:
		return err
	}
	der, err := x509.MarshalPKIXPublicKey(key.Public())
	if err != nil {
		return err
	}
	public := pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der})
	return os.WriteFile(filepath.Join(dir, serviceAccountFile+".pub"), public, 0o600)
}
