// Copyright The license-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"fmt"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"time"
)

// certLifetime is how long all certificates are valid. They are made anew at
// every start, and no local control plane runs for a year.
const certLifetime = 365 * 24 * time.Hour

// keyPair is a certificate with its private key.
type keyPair struct {
	cert *x509.Certificate
	key  crypto.Signer
}

// leaf says what a certificate is for.
type leaf struct {
	commonName   string   // the user name, on a client certificate
	organization []string // the groups, on a client certificate
	dnsNames     []string
	ips          []net.IP
	usages       []x509.ExtKeyUsage
}

// newCA makes a self-signed authority that can sign leaves only.
func newCA(commonName string, now time.Time) (*keyPair, error) {
	template := &x509.Certificate{
		Subject:               pkix.Name{CommonName: commonName},
		KeyUsage:              x509.KeyUsageCertSign | x509.KeyUsageDigitalSignature,
		BasicConstraintsValid: true,
		IsCA:                  true,
		MaxPathLenZero:        true,
	}
	return sign(template, nil, now)
}

// issue makes a key and has p, an authority, sign a certificate for it.
func (p *keyPair) issue(l leaf, now time.Time) (*keyPair, error) {
	template := &x509.Certificate{
		Subject:               pkix.Name{CommonName: l.commonName, Organization: l.organization},
		KeyUsage:              x509.KeyUsageDigitalSignature,
		ExtKeyUsage:           l.usages,
		BasicConstraintsValid: true,
		DNSNames:              l.dnsNames,
		IPAddresses:           l.ips,
	}
	return sign(template, p, now)
}

// sign completes template with a serial number, a validity and a new key, and
// signs it with issuer, or with its own key if issuer is nil.
func sign(template *x509.Certificate, issuer *keyPair, now time.Time) (*keyPair, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, err
	}
	template.SerialNumber, err = rand.Int(rand.Reader, new(big.Int).Lsh(big.NewInt(1), 127))
	if err != nil {
		return nil, err
	}
	// A little in the past, for clocks that are being set.
	template.NotBefore = now.Add(-5 * time.Minute)
	template.NotAfter = now.Add(certLifetime)
	if issuer == nil {
		issuer = &keyPair{cert: template, key: key}
	}
	der, err := x509.CreateCertificate(rand.Reader, template, issuer.cert, key.Public(), issuer.key)
	if err != nil {
		return nil, err
	}
	cert, err := x509.ParseCertificate(der)
	if err != nil {
		return nil, err
	}
	return &keyPair{cert: cert, key: key}, nil
}

// certPEM is the certificate as a PEM block.
func (p *keyPair) certPEM() []byte {
	return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: p.cert.Raw})
}

// keyPEM is the private key in PKCS #8 as a PEM block.
func (p *keyPair) keyPEM() ([]byte, error) { return privateKeyPEM(p.key) }

func privateKeyPEM(key crypto.Signer) ([]byte, error) {
	der, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return nil, err
	}
	return pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der}), nil
}

// write puts NAME.crt and NAME.key, readable by the owner only, into dir.
func (p *keyPair) write(dir, name string) error {
	key, err := p.keyPEM()
	if err != nil {
		return err
	}
	if err := os.WriteFile(filepath.Join(dir, name+".crt"), p.certPEM(), 0o600); err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(dir, name+".key"), key, 0o600)
}

// parsePrivateKey reads a key that privateKeyPEM wrote.
func parsePrivateKey(data []byte) (crypto.Signer, error) {
	block, _ := pem.Decode(data)
	if block == nil || block.Type != "PRIVATE KEY" {
		return nil, fmt.Errorf("no PEM block of type PRIVATE KEY")
	}
	parsed, err := x509.ParsePKCS8PrivateKey(block.Bytes)
	if err != nil {
		return nil, err
	}
	key, ok := parsed.(crypto.Signer)
	if !ok {
		return nil, fmt.Errorf("a %T cannot sign", parsed)
	}
	return key, nil
}
