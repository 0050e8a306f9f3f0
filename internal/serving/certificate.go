// Copyright The license-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package serving

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/tls"
	"errors"
	"slices"
	"sync/atomic"
)

// ErrNoCertificate says that no certificate was set yet.
var ErrNoCertificate = errors.New("the endpoint has no certificate yet")

// Certificate holds the certificate that the endpoint serves with now. Its zero
// value is empty and ready to use, by many goroutines at once.
type Certificate struct {
	served atomic.Pointer[served]
}

// served is one certificate with the CAs that belong to it. It never changes.
type served struct {
	certificate tls.Certificate
	caPEM       []byte
}

// Get is the certificate of the last Set that succeeded, and ErrNoCertificate
// before the first. It is made for tls.Config.GetCertificate; the argument may
// be nil. The answer must not be changed.
func (c *Certificate) Get(*tls.ClientHelloInfo) (*tls.Certificate, error) {
	now := c.served.Load()
	if now == nil {
		return nil, ErrNoCertificate
	}
	return &now.certificate, nil
}

// CAPEM is the CAs with which clients verify what Get answers, in PEM, and nil
// before the first Set.
func (c *Certificate) CAPEM() []byte {
	now := c.served.Load()
	if now == nil {
		return nil
	}
	return bytes.Clone(now.caPEM)
}

// Set puts a certificate in use for connections from now on; those that are
// open go on. It fails, and leaves the old one in use, if the key is not that of
// the certificate or if none of the CAs has signed it.
func (c *Certificate) Set(bundle *Bundle) error {
	if bundle == nil || bundle.leaf.Leaf == nil || len(bundle.leaf.Certificate) == 0 {
		return errors.New("the bundle holds no certificate")
	}
	leaf := bundle.leaf.Leaf
	key, ok := bundle.leaf.PrivateKey.(*ecdsa.PrivateKey)
	if !ok || !key.PublicKey.Equal(leaf.PublicKey) || !bytes.Equal(leaf.Raw, bundle.leaf.Certificate[0]) {
		return errors.New("the private key is not that of the certificate")
	}
	if !slices.ContainsFunc(bundle.authorities, func(a authority) bool { return leaf.CheckSignatureFrom(a.cert) == nil }) {
		return errors.New("the certificate was signed by none of the CAs")
	}
	c.served.Store(&served{certificate: bundle.leaf, caPEM: bundle.CAPEM()})
	return nil
}

// TLSConfig is the endpoint's TLS: version 1.2 or later with Go's choice of
// ciphers, resumption with session tickets, and the certificate that get
// answers for each new connection. It speaks HTTP/1.1 only, because that is
// what the clients of these protocols speak and its limits are simpler.
//
// Use it with tls.NewListener and http.Server.Serve. ServeTLS adds HTTP/2 by
// itself, unless http.Server.Protocols says otherwise.
func TLSConfig(get func(*tls.ClientHelloInfo) (*tls.Certificate, error)) *tls.Config {
	return &tls.Config{
		MinVersion:     tls.VersionTLS12,
		GetCertificate: get,
		NextProtos:     []string{"http/1.1"},
	}
}
