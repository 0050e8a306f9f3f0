// Copyright The license-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package auth

import (
	"crypto/sha1" //nolint:gosec // The protocol's hash; HMAC-SHA1 is not broken.
	"crypto/sha256"
	"fmt"
	"slices"
	"time"

	"github.com/license-operator/license-operator/webhook/query"
)

// Signer signs REST-Query requests as a client does.
type Signer struct {
	AccessKeyID     string
	SecretAccessKey string
	// Version is the SignatureVersion: "0", "1" or "2".
	Version string
	// Method is the SignatureMethod of version 2: HmacSHA256 or HmacSHA1.
	Method string
}

// Sign returns the parameters of a signed request: the given ones, the
// signature's own, a Timestamp of now unless Timestamp or Expires is given,
// and the Signature. Method, host and path matter to version 2 only. It fails
// if it does not know the Version or the Method.
func (s Signer) Sign(method, host, path string, parameters []query.Parameter, now time.Time) ([]query.Parameter, error) {
	signed := slices.Clone(parameters)
	add := func(name, value string) {
		signed = append(signed, query.Parameter{Name: name, Value: value})
	}
	add(query.AWSAccessKeyID, s.AccessKeyID)
	add(query.SignatureVersion, s.Version)
	in := Input{Parameters: parameters}
	_, hasTimestamp := in.lookup(query.Timestamp)
	_, hasExpires := in.lookup(query.Expires)
	if !hasTimestamp && !hasExpires {
		add(query.Timestamp, now.UTC().Format("2006-01-02T15:04:05Z"))
	}
	switch s.Version {
	case "0":
		add(query.Signature, SignV0(s.SecretAccessKey, signed))
	case "1":
		add(query.Signature, SignV1(s.SecretAccessKey, signed))
	case "2":
		add(query.SignatureMethod, s.Method)
		signature, err := SignV2(s.SecretAccessKey, s.Method, method, host, path, signed)
		if err != nil {
			return nil, err
		}
		add(query.Signature, signature)
	default:
		return nil, fmt.Errorf("unknown signature version %q", s.Version)
	}
	return signed, nil
}

// SignV0 returns the version 0 signature of Action and Timestamp.
func SignV0(secret string, parameters []query.Parameter) string {
	return string(appendMAC(nil, sha1.New, secret, stringToSign0(parameters)))
}

// SignV1 returns the version 1 signature of all parameters but Signature.
func SignV1(secret string, parameters []query.Parameter) string {
	return string(appendMAC(nil, sha1.New, secret, stringToSign1(parameters)))
}

// SignV2 returns the version 2 signature of a request. The signatureMethod is
// HmacSHA256 or HmacSHA1, the method an HTTP verb, the path escaped. It fails
// if it does not know the signatureMethod.
func SignV2(secret, signatureMethod, method, host, path string, parameters []query.Parameter) (string, error) {
	newHash := sha256.New
	switch signatureMethod {
	case HmacSHA256:
	case HmacSHA1:
		newHash = sha1.New
	default:
		return "", fmt.Errorf("unknown signature method %q", signatureMethod)
	}
	text := stringToSign2(method, host, path, parameters)
	return string(appendMAC(nil, newHash, secret, text)), nil
}
