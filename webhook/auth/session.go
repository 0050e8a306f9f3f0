// Copyright The license-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package auth

import (
	"crypto/subtle"
	"errors"
	"time"

	"github.com/license-operator/license-operator/internal/fault"
	"github.com/license-operator/license-operator/internal/secrets"
)

// SessionLifetime is how long temporary credentials are good for.
const SessionLifetime = time.Hour

// Credentials are temporary ones: an access key and its session token.
type Credentials struct {
	AccessKeyID, SecretAccessKey, SessionToken string
	// ExpirationTime has whole seconds.
	ExpirationTime time.Time
}

// Sessions makes and opens temporary credentials of ServiceAccounts. Nothing is
// stored: all is sealed in the session token.
type Sessions struct{ keys *secrets.Holder }

// NewSessions returns the Sessions of the operator's keys.
func NewSessions(keys *secrets.Holder) *Sessions { return &Sessions{keys} }

// Issue makes temporary credentials for a ServiceAccount. The same caller gets
// the same ones within a second. It fails on another kind of caller, and on a
// user of which there is too much to seal.
func (s *Sessions) Issue(p *Principal, now time.Time) (Credentials, error) {
	keys := s.keys.Get()
	if keys == nil {
		return Credentials{}, fault.New(fault.Unavailable, "The operator's keys are not loaded yet. Try again later.")
	}
	if p.Kind != ServiceAccount {
		return Credentials{}, errors.New("temporary credentials are for ServiceAccounts only")
	}
	end := now.Add(SessionLifetime).UTC().Truncate(time.Second)
	token, err := keys.Sealing.SealSession(now, secrets.Session{
		Username: p.Username, UID: p.UID, Groups: p.Groups, Extra: p.Extra, ExpirationTime: end,
	})
	if err != nil {
		return Credentials{}, err
	}
	return Credentials{
		AccessKeyID:     keys.Identity.TemporaryAccessKeyID(token),
		SecretAccessKey: keys.Identity.TemporarySecretAccessKey(token),
		SessionToken:    token,
		ExpirationTime:  end,
	}, nil
}

// OpenSession implements SessionOpener.
func (s *Sessions) OpenSession(token, accessKeyID string, now time.Time) (Key, bool, error) {
	keys := s.keys.Get()
	if keys == nil {
		return Key{}, false, fault.New(fault.Unavailable, "The operator's keys are not loaded yet. Try again later.")
	}
	session, err := keys.Sealing.OpenSession(token)
	if err != nil {
		return Key{}, false, nil // Not ours; why is nobody's business.
	}
	id := keys.Identity.TemporaryAccessKeyID(token)
	if subtle.ConstantTimeCompare([]byte(id), []byte(accessKeyID)) != 1 {
		return Key{}, false, nil
	}
	if session.Expired(now) {
		return Key{}, false, fault.New(fault.CredentialsExpired, expiredCredentialsText)
	}
	p, ok := newServiceAccount(session.Username, session.UID, session.Groups, session.Extra)
	if !ok {
		return Key{}, false, nil
	}
	p.AccessKeyID = id
	return Key{Principal: *p, Secret: keys.Identity.TemporarySecretAccessKey(token)}, true, nil
}
