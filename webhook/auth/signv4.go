// Copyright The license-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package auth

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"
)

// SignV4 signs a client's request with signature version 4, as an SDK does: it
// sets X-Amz-Date, Authorization and, with a session token, X-Amz-Security-Token.
// It signs the host, the type of the body and every header of AWS's, which must
// be set before and not be changed after. The body is the whole one. It fails on
// a header that comes twice.
func SignV4(r *http.Request, body []byte, keyID, secret, sessionToken, region, service string, now time.Time) error {
	date := now.UTC().Format(v4TimeLayout)
	r.Header.Set(headerDate, date)
	if sessionToken != "" {
		r.Header.Set(headerSecurityToken, sessionToken)
	}
	names := []string{"host"}
	for name := range r.Header {
		if strings.HasPrefix(name, "X-Amz-") || name == "Content-Type" {
			names = append(names, strings.ToLower(name))
		}
	}
	slices.Sort(names)
	s := scope{day: date[:v4DayLength], region: region, service: service, terminator: v4Terminator}
	header, err := authorizationV4(r, body, keyID, secret, &s, date, strings.Join(names, ";"))
	if err != nil {
		return err
	}
	r.Header.Set(headerAuthorization, header)
	return nil
}

// authorizationV4 returns the Authorization header of a request whose signed
// headers are given.
func authorizationV4(r *http.Request, body []byte, keyID, secret string, s *scope, date, signed string) (string, error) {
	if r.Host == "" {
		// A client's request may have its host in the URL only.
		withHost := *r
		withHost.Host = r.URL.Host
		r = &withHost
	}
	sum := sha256.Sum256(body)
	canonical, err := appendCanonicalRequest(nil, r, signed, hex.AppendEncode(nil, sum[:]))
	if err != nil {
		return "", err
	}
	key := deriveV4(secret, s)
	signature := appendHMAC(nil, key[:], appendStringToSignV4(nil, date, s, canonical))
	return fmt.Sprintf("%s Credential=%s/%s/%s/%s/%s, SignedHeaders=%s, Signature=%x",
		v4Algorithm, keyID, s.day, s.region, s.service, s.terminator, signed, signature), nil
}
