// Copyright The license-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package auth

import (
	"net/http"
	"time"

	"github.com/license-operator/license-operator/internal/fault"
)

// AdmitV4 says of a request whose body was not read yet whether its signature
// may be good: it is of version 4, of now, for the service, and by a session of
// ours or an access key whose id is authentic. It proves nothing; it keeps
// strangers from having their bodies read. It asks nobody.
//
// Errors are those that VerifyV4 would answer whatever the body is.
func (v *Verifier) AdmitV4(r *http.Request, service string, authentic func(id string) bool, now time.Time) error {
	a, err := readAuthorization(r)
	if err != nil {
		return err
	}
	date, err := checkDateV4(r, now)
	if err != nil {
		return err
	}
	if err := a.check(service, date); err != nil {
		return err
	}
	found := false
	if _, session := r.Header[headerSecurityToken]; session {
		// Of a session everything is in the token.
		if _, found, err = v.findKeyV4(r.Context(), r, a.keyID, now); err != nil {
			return lookupFault(err)
		}
	} else {
		found = authentic(a.keyID)
	}
	if !found {
		return fault.New(fault.UnknownAccessKey, unknownCredentialsText)
	}
	return nil
}
