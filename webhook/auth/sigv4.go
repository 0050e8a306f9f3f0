// Copyright The license-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package auth

import (
	"context"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/hex"
	"net/http"
	"time"

	"github.com/license-operator/license-operator/internal/fault"
)

// Words of signature version 4.
const (
	v4Algorithm  = "AWS4-HMAC-SHA256"
	v4Terminator = "aws4_request"
	v4TimeLayout = "20060102T150405Z"
	v4DayLength  = len("20060102")

	headerAuthorization = "Authorization"
	headerContentSHA256 = "X-Amz-Content-Sha256"
	headerDate          = "X-Amz-Date"
	headerSecurityToken = "X-Amz-Security-Token" //nolint:gosec // The name of a header.
)

// MaxSkewV4 is how far the date of a version 4 signature may be from the
// server's clock, either way.
const MaxSkewV4 = 5 * time.Minute

// The texts that AWS answers. For an unknown key and a bad session token it is
// the same text.
const (
	unknownCredentialsText = "The security token included in the request is invalid."
	expiredCredentialsText = "The security token included in the request is expired"
	mismatchText           = "The request signature we calculated does not match the signature you provided. " +
		"Check your AWS Secret Access Key and signing method. Consult the service documentation for details."
)

// VerifyV4 proves who signed a request with signature version 4. The body is
// the whole raw one. The service is that of the operation that the request
// names, for example license-manager; any region will do. The parts are checked
// in the order in which AWS checks them.
//
// Errors are faults whose details are AWS's own texts: MissingAuthentication
// without an Authorization header of this version, also for a presigned URL;
// IncompleteSignature and InvalidSignature for one that can't be this
// request's; UnknownAccessKey, CredentialsExpired and SignatureMismatch, of
// which the first and the last take the same time; Unavailable if the key
// can't be looked up.
func (v *Verifier) VerifyV4(ctx context.Context, r *http.Request, body []byte, service string, now time.Time) (*Principal, error) {
	a, err := readAuthorization(r)
	if err != nil {
		return nil, err
	}
	date, err := checkDateV4(r, now)
	if err != nil {
		return nil, err
	}
	if err := a.check(service, date); err != nil {
		return nil, err
	}
	if err := checkHeadersV4(r, a.signedHeaders); err != nil {
		return nil, err
	}
	payload, err := payloadHash(r, body)
	if err != nil {
		return nil, err
	}
	var buf [2048]byte
	canonical, err := appendCanonicalRequest(buf[:0], r, a.signedHeaders, payload[:])
	if err != nil {
		return nil, err
	}
	var text [512]byte
	toSign := appendStringToSignV4(text[:0], date, &a.scope, canonical)
	return v.proveV4(ctx, r, &a, toSign, now)
}

// proveV4 finds the key and compares the signatures. Whether there is a key or
// not, it does the same work.
func (v *Verifier) proveV4(ctx context.Context, r *http.Request, a *authorization, toSign []byte, now time.Time) (*Principal, error) {
	key, found, err := v.findKeyV4(ctx, r, a.keyID, now)
	expired := fault.KindOf(err) == fault.CredentialsExpired
	if err != nil && !expired {
		return nil, lookupFault(err)
	}
	secret := key.Secret
	if !found || secret == "" {
		found, secret = false, dummySecret
	}
	matches := v.matchesV4(secret, &a.scope, toSign, a.signature, found)
	switch {
	case expired:
		return nil, fault.New(fault.CredentialsExpired, expiredCredentialsText)
	case !found:
		return nil, fault.New(fault.UnknownAccessKey, unknownCredentialsText)
	case !matches:
		return nil, fault.New(fault.SignatureMismatch, mismatchText)
	}
	principal := key.Principal
	return &principal, nil
}

// findKeyV4 finds the secret that must have signed: of an access key, or of
// temporary credentials if the request has a session token.
func (v *Verifier) findKeyV4(ctx context.Context, r *http.Request, id string, now time.Time) (Key, bool, error) {
	if token, ok := r.Header[headerSecurityToken]; ok {
		if v.Sessions == nil || len(id) > maxAccessKeyIDBytes {
			return Key{}, false, nil
		}
		return v.Sessions.OpenSession(token[0], id, now)
	}
	if len(id) > maxAccessKeyIDBytes {
		return Key{}, false, nil
	}
	return v.Keys.FindKey(ctx, id)
}

// checkDateV4 checks the request's date and returns it as it is signed.
func checkDateV4(r *http.Request, now time.Time) (string, error) {
	date := dateOf(r)
	t, err := time.Parse(v4TimeLayout, date)
	if err != nil || len(date) != len(v4TimeLayout) {
		return "", fault.New(fault.IncompleteSignature, "Date must be in ISO-8601 'basic format'. Got '%s'. See http://en.wikipedia.org/wiki/ISO_8601", shown(date))
	}
	server := now.UTC().Format(v4TimeLayout)
	if oldest := now.Add(-MaxSkewV4); t.Before(oldest) {
		return "", fault.New(fault.InvalidSignature, "Signature expired: %s is now earlier than %s (%s - 5 min.)",
			date, oldest.UTC().Format(v4TimeLayout), server)
	}
	if newest := now.Add(MaxSkewV4); t.After(newest) {
		return "", fault.New(fault.InvalidSignature, "Signature not yet current: %s is still later than %s (%s + 5 min.)",
			date, newest.UTC().Format(v4TimeLayout), server)
	}
	return date, nil
}

// dateOf is the X-Amz-Date header or, without one, the Date header.
func dateOf(r *http.Request) string {
	if values := r.Header[headerDate]; len(values) > 0 {
		return values[0]
	}
	return r.Header.Get("Date")
}

// payloadHash returns the SHA-256 of the body in hex. A header that says
// another one is refused, and so is one that says that the body isn't signed.
func payloadHash(r *http.Request, body []byte) (hash [2 * sha256.Size]byte, err error) {
	sum := sha256.Sum256(body)
	hex.Encode(hash[:], sum[:])
	declared, ok := r.Header[headerContentSHA256]
	if ok && declared[0] != string(hash[:]) {
		return hash, fault.New(fault.InvalidSignature, "The value of 'x-amz-content-sha256' must be the SHA-256 of the body, in lower-case hex; an unsigned body is not accepted.")
	}
	return hash, nil
}

// equalHex reports in constant time whether a signature is the hex of a MAC. It
// compares the texts, so no other spelling of the same bytes passes.
func equalHex(mac []byte, signature string) bool {
	var buf [2 * sha256.Size]byte
	hex.Encode(buf[:], mac)
	return subtle.ConstantTimeCompare(buf[:], []byte(signature)) == 1
}
