// Copyright The license-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package serving

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
)

const (
	certificateBlock = "CERTIFICATE"
	privateKeyBlock  = "PRIVATE KEY"

	// maxPEM bounds the value of a data key, in bytes.
	maxPEM = 64 << 10
	// maxBlocks bounds the PEM blocks in it.
	maxBlocks = 16
)

// decodeBlocks reads PEM that has blocks of one type and at least one of them.
// encoding/pem skips what it can't read; here that is an error, because the
// next write would lose it. No error quotes what was read.
func decodeBlocks(raw []byte, blockType string) ([][]byte, error) {
	if len(raw) > maxPEM {
		return nil, fmt.Errorf("it has %d bytes, at most %d are possible", len(raw), maxPEM)
	}
	var blocks [][]byte
	rest := raw
	for {
		var block *pem.Block
		block, rest = pem.Decode(rest)
		if block == nil {
			break
		}
		if block.Type != blockType || len(block.Headers) > 0 {
			return nil, fmt.Errorf("PEM block %d is not a plain %s", len(blocks), blockType)
		}
		blocks = append(blocks, block.Bytes)
	}
	if len(blocks) != bytes.Count(raw, []byte("-----BEGIN")) || len(bytes.TrimSpace(rest)) > 0 {
		return nil, errors.New("it is not well-formed PEM")
	}
	if len(blocks) == 0 {
		return nil, fmt.Errorf("it has no PEM block %s", blockType)
	}
	if len(blocks) > maxBlocks {
		return nil, fmt.Errorf("it has %d PEM blocks, at most %d are possible", len(blocks), maxBlocks)
	}
	return blocks, nil
}

func parseCertificates(raw []byte) ([]*x509.Certificate, error) {
	blocks, err := decodeBlocks(raw, certificateBlock)
	if err != nil {
		return nil, err
	}
	certs := make([]*x509.Certificate, 0, len(blocks))
	for n, der := range blocks {
		cert, err := x509.ParseCertificate(der)
		if err != nil {
			return nil, fmt.Errorf("PEM block %d is not an X.509 certificate", n)
		}
		certs = append(certs, cert)
	}
	return certs, nil
}

func parseKeys(raw []byte) ([]*ecdsa.PrivateKey, error) {
	blocks, err := decodeBlocks(raw, privateKeyBlock)
	if err != nil {
		return nil, err
	}
	keys := make([]*ecdsa.PrivateKey, 0, len(blocks))
	for n, der := range blocks {
		// The error of the parser is left out: it may quote what it read.
		parsed, err := x509.ParsePKCS8PrivateKey(der)
		key, ok := parsed.(*ecdsa.PrivateKey)
		if err != nil || !ok || key.Curve != elliptic.P256() {
			return nil, fmt.Errorf("PEM block %d is not an ECDSA key on P-256 in PKCS #8", n)
		}
		keys = append(keys, key)
	}
	return keys, nil
}

func formatCertificates(certs ...*x509.Certificate) []byte {
	var out bytes.Buffer
	for _, cert := range certs {
		out.Write(pem.EncodeToMemory(&pem.Block{Type: certificateBlock, Bytes: cert.Raw}))
	}
	return out.Bytes()
}

func formatKeys(keys ...*ecdsa.PrivateKey) ([]byte, error) {
	var out bytes.Buffer
	for _, key := range keys {
		der, err := x509.MarshalPKCS8PrivateKey(key)
		if err != nil {
			return nil, errors.New("a private key can't be written as PKCS #8")
		}
		out.Write(pem.EncodeToMemory(&pem.Block{Type: privateKeyBlock, Bytes: der}))
	}
	return out.Bytes(), nil
}
