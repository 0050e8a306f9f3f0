// Copyright The license-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package serving

import (
	"crypto/ecdsa"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"slices"
)

// The data keys of the Secret, all PEM. Others are left alone, so that an older
// operator doesn't destroy what a newer one has added.
const (
	// CADataKey holds the certificates of all CAs that clients should trust: the
	// one that signs first, then the next one and former ones that have not
	// expired. It is also the key in the ConfigMap.
	CADataKey = "ca.crt"
	// CAKeyDataKey holds the private keys of the CA that signs and of the next
	// one.
	CAKeyDataKey = "ca.key"
	// CertificateDataKey holds the certificate of the endpoint, and that of the
	// CA that has signed it.
	CertificateDataKey = "tls.crt"
	// PrivateKeyDataKey holds the private key of the endpoint.
	PrivateKeyDataKey = "tls.key"
)

// Bundle is everything that one state of the Secret holds. It never changes;
// after a renewal there is a new one.
type Bundle struct {
	// authorities are in the order of ca.crt and at least one has a key.
	authorities []authority
	leaf        tls.Certificate
}

// authority is one CA. The key is nil if the CA does not sign any more.
type authority struct {
	cert *x509.Certificate
	key  *ecdsa.PrivateKey
}

// Format keeps the keys out of everything that prints, whatever the verb.
func (*Bundle) Format(f fmt.State, _ rune) {
	_, _ = io.WriteString(f, "serving.Bundle(hidden)")
}

// CAPEM is the certificates of all CAs that clients should trust, in PEM and
// with nothing else in it.
func (b *Bundle) CAPEM() []byte {
	certs := make([]*x509.Certificate, 0, len(b.authorities))
	for _, a := range b.authorities {
		certs = append(certs, a.cert)
	}
	return formatCertificates(certs...)
}

// Parse reads the data of the Secret. The error says which data key is wrong
// and never what it holds. It is no error that the certificate has expired or
// that none of the CAs has signed it: Ensure mends that.
func Parse(data map[string][]byte) (*Bundle, error) {
	for _, key := range []string{CADataKey, CAKeyDataKey, CertificateDataKey, PrivateKeyDataKey} {
		if _, ok := data[key]; !ok {
			return nil, fmt.Errorf("the data key `%s` is missing", key)
		}
	}
	authorities, err := parseAuthorities(data[CADataKey])
	if err != nil {
		return nil, fmt.Errorf("data key `%s`: %w", CADataKey, err)
	}
	if err := addKeys(authorities, data[CAKeyDataKey]); err != nil {
		return nil, fmt.Errorf("data key `%s`: %w", CAKeyDataKey, err)
	}
	chain, err := parseCertificates(data[CertificateDataKey])
	if err != nil {
		return nil, fmt.Errorf("data key `%s`: %w", CertificateDataKey, err)
	}
	keys, err := parseKeys(data[PrivateKeyDataKey])
	if err != nil {
		return nil, fmt.Errorf("data key `%s`: %w", PrivateKeyDataKey, err)
	}
	if len(keys) != 1 || !keys[0].PublicKey.Equal(chain[0].PublicKey) {
		return nil, fmt.Errorf("data key `%s`: it does not hold just the key of the first certificate in `%s`", PrivateKeyDataKey, CertificateDataKey)
	}
	return &Bundle{authorities: authorities, leaf: tlsCertificate(keys[0], chain...)}, nil
}

func parseAuthorities(raw []byte) ([]authority, error) {
	certs, err := parseCertificates(raw)
	if err != nil {
		return nil, err
	}
	authorities := make([]authority, 0, len(certs))
	for n, cert := range certs {
		if !cert.BasicConstraintsValid || !cert.IsCA {
			return nil, fmt.Errorf("PEM block %d is not the certificate of a CA", n)
		}
		if slices.ContainsFunc(authorities, func(a authority) bool { return a.cert.Equal(cert) }) {
			return nil, fmt.Errorf("PEM block %d is there twice", n)
		}
		authorities = append(authorities, authority{cert: cert})
	}
	return authorities, nil
}

// addKeys gives each key to the CA that it is for.
func addKeys(authorities []authority, raw []byte) error {
	keys, err := parseKeys(raw)
	if err != nil {
		return err
	}
	for n, key := range keys {
		at := slices.IndexFunc(authorities, func(a authority) bool {
			return a.key == nil && key.PublicKey.Equal(a.cert.PublicKey)
		})
		if at < 0 {
			return fmt.Errorf("PEM block %d is not the key of a CA in `%s`", n, CADataKey)
		}
		authorities[at].key = key
	}
	return nil
}

func tlsCertificate(key *ecdsa.PrivateKey, chain ...*x509.Certificate) tls.Certificate {
	out := tls.Certificate{PrivateKey: key, Leaf: chain[0]}
	for _, cert := range chain {
		out.Certificate = append(out.Certificate, cert.Raw)
	}
	return out
}

// data is the inverse of Parse.
func (b *Bundle) data() (map[string][]byte, error) {
	var keys []*ecdsa.PrivateKey
	for _, a := range b.authorities {
		if a.key != nil {
			keys = append(keys, a.key)
		}
	}
	caKeys, err := formatKeys(keys...)
	if err != nil {
		return nil, err
	}
	leafKey, ok := b.leaf.PrivateKey.(*ecdsa.PrivateKey)
	if !ok {
		return nil, errors.New("the endpoint's key is not an ECDSA key")
	}
	key, err := formatKeys(leafKey)
	if err != nil {
		return nil, err
	}
	var chain []*x509.Certificate
	for _, der := range b.leaf.Certificate {
		cert, err := x509.ParseCertificate(der)
		if err != nil {
			return nil, errors.New("the endpoint's chain is not made of X.509 certificates")
		}
		chain = append(chain, cert)
	}
	return map[string][]byte{
		CADataKey:          b.CAPEM(),
		CAKeyDataKey:       caKeys,
		CertificateDataKey: formatCertificates(chain...),
		PrivateKeyDataKey:  key,
	}, nil
}
