// Copyright The license-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package serving

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"errors"
	"fmt"
	"io"
	"math/big"
	"time"
)

const (
	caYears      = 10
	leafLifetime = 90 * 24 * time.Hour

	// backdate is how far before its making a certificate becomes valid, for
	// clients whose clocks are slow.
	backdate = time.Hour

	caCommonName   = "license-operator CA"
	leafCommonName = "license-operator"

	serialSize = 16
)

// newAuthority makes a CA that signs the certificates of servers directly and
// nothing else.
func newAuthority(now time.Time, rand io.Reader) (authority, error) {
	key, serial, err := newKeyAndSerial(rand)
	if err != nil {
		return authority{}, err
	}
	template := &x509.Certificate{
		SerialNumber: serial,
		// The serial number tells CAs of the same name apart, for clients that
		// find an issuer by its name alone.
		Subject:               pkix.Name{CommonName: caCommonName, SerialNumber: fmt.Sprintf("%032x", serial)},
		NotBefore:             now.Add(-backdate),
		NotAfter:              now.AddDate(caYears, 0, 0),
		BasicConstraintsValid: true,
		IsCA:                  true,
		MaxPathLenZero:        true,
		KeyUsage:              x509.KeyUsageCertSign | x509.KeyUsageCRLSign,
	}
	cert, err := sign(rand, template, template, &key.PublicKey, key)
	if err != nil {
		return authority{}, err
	}
	return authority{cert: cert, key: key}, nil
}

// newLeaf makes the endpoint's certificate. It does not outlive its CA, because
// no client accepts it after that.
func newLeaf(now time.Time, ca authority, subject names, rand io.Reader) (tls.Certificate, error) {
	key, serial, err := newKeyAndSerial(rand)
	if err != nil {
		return tls.Certificate{}, err
	}
	notAfter := now.Add(leafLifetime)
	if notAfter.After(ca.cert.NotAfter) {
		notAfter = ca.cert.NotAfter
	}
	template := &x509.Certificate{
		SerialNumber:          serial,
		Subject:               pkix.Name{CommonName: leafCommonName},
		NotBefore:             now.Add(-backdate),
		NotAfter:              notAfter,
		BasicConstraintsValid: true,
		KeyUsage:              x509.KeyUsageDigitalSignature,
		ExtKeyUsage:           []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
		DNSNames:              subject.dns,
		IPAddresses:           subject.netIPs(),
	}
	cert, err := sign(rand, template, ca.cert, &key.PublicKey, ca.key)
	if err != nil {
		return tls.Certificate{}, err
	}
	return tlsCertificate(key, cert, ca.cert), nil
}

func sign(rand io.Reader, template, parent *x509.Certificate, public *ecdsa.PublicKey, key *ecdsa.PrivateKey) (*x509.Certificate, error) {
	der, err := x509.CreateCertificate(rand, template, parent, public, key)
	if err != nil {
		return nil, fmt.Errorf("sign a certificate: %w", err)
	}
	cert, err := x509.ParseCertificate(der)
	if err != nil {
		return nil, errors.New("a new certificate can't be read again")
	}
	return cert, nil
}

func newKeyAndSerial(rand io.Reader) (*ecdsa.PrivateKey, *big.Int, error) {
	raw := make([]byte, serialSize)
	if _, err := io.ReadFull(rand, raw); err != nil {
		return nil, nil, fmt.Errorf("read random bytes for a serial number: %w", err)
	}
	serial := new(big.Int).SetBytes(raw)
	if serial.Sign() == 0 {
		return nil, nil, errors.New("the source of random bytes gives zeros")
	}
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand)
	if err != nil {
		return nil, nil, fmt.Errorf("generate a key: %w", err)
	}
	return key, serial, nil
}
