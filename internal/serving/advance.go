// Copyright The license-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package serving

import (
	"bytes"
	"crypto/x509"
	"errors"
	"io"
	"slices"
	"time"
)

// PublishDelay is how long a new CA is handed out before it signs. The overlap
// of two CAs is a year, so it can be long: whoever copies the CA bundle has
// time, and so has an operator that is down while its ConfigMap should have
// been written.
const PublishDelay = 30 * 24 * time.Hour

// lastSigning is how long before its end a CA stops signing even if the next one
// is new. A certificate that ends with it would be due again at once.
const lastSigning = 24 * time.Hour

const (
	// The CA is renewed when this part of its life is left.
	caRenewalPart = 10
	// The endpoint's certificate is renewed when this part of its life is left.
	leafRenewalPart = 3
)

// change is something that was due, in words for the log.
type change string

const (
	changeCreated      change = "the Secret was created"
	changeCARemoved    change = "an expired CA was removed"
	changeCARenewed    change = "the next CA was made"
	changeKeyRemoved   change = "the key of a former CA was removed"
	changeLeafUnsigned change = "the certificate was not signed by the CA"
	changeLeafIssuer   change = "the next CA signs from now on"
	changeLeafTime     change = "the certificate was about to expire"
	changeLeafNames    change = "the certificate lacked a name"
)

// advance decides what is due at a time and does it. It answers the same Bundle
// and no changes if nothing is. A nil Bundle is none at all.
//
// It depends on nothing but its arguments, and what it leaves is at rest for
// every replica with the same wanted names: so replicas don't undo each other's
// work.
func (b *Bundle) advance(now time.Time, want names, rand io.Reader) (*Bundle, []change, error) {
	authorities, changes, err := b.dueAuthorities(now, rand)
	if err != nil {
		return nil, nil, err
	}
	signer, ok := signerOf(authorities, now)
	if !ok {
		return nil, nil, errors.New("a new CA is not valid now")
	}
	next := &Bundle{authorities: []authority{signer}}
	for _, a := range slices.Backward(authorities) {
		if a.cert.Equal(signer.cert) {
			continue
		}
		// What came before the one that signs now will never sign again.
		if a.key != nil && older(a, signer) < 0 {
			a.key = nil
			changes = append(changes, changeKeyRemoved)
		}
		next.authorities = append(next.authorities, a)
	}
	reason, subject := b.dueLeaf(now, signer, want)
	if reason != "" {
		changes = append(changes, reason)
		if next.leaf, err = newLeaf(now, signer, subject, rand); err != nil {
			return nil, nil, err
		}
		if !verifies(next.leaf.Leaf, signer.cert, now) {
			// Only somebody else's CA is like that. Its certificates would be
			// renewed again and again, and no client would accept one.
			return nil, nil, errors.New("the CA in the Secret is not allowed to sign the certificate that is wanted")
		}
	} else {
		next.leaf = b.leaf
	}
	if len(changes) == 0 {
		return b, nil, nil
	}
	return next, changes, nil
}

// dueAuthorities is the CAs from the oldest to the newest: without those that
// have expired, and with a new one if none has enough of its life left.
func (b *Bundle) dueAuthorities(now time.Time, rand io.Reader) ([]authority, []change, error) {
	var changes []change
	var authorities []authority
	fresh := false
	if b != nil {
		for _, a := range b.authorities {
			if !now.Before(a.cert.NotAfter) {
				changes = append(changes, changeCARemoved)
				continue
			}
			authorities = append(authorities, a)
			fresh = fresh || usable(a, now) && !due(a.cert, now, caRenewalPart)
		}
	}
	if !fresh {
		made, err := newAuthority(now, rand)
		if err != nil {
			return nil, nil, err
		}
		authorities = append(authorities, made)
		if b != nil {
			changes = append(changes, changeCARenewed)
		}
	}
	slices.SortFunc(authorities, older)
	return authorities, changes, nil
}

// signerOf is the newest CA that has been handed out for long enough, or if
// there is none the oldest that can still sign.
func signerOf(oldestFirst []authority, now time.Time) (signer authority, ok bool) {
	for _, a := range oldestFirst {
		if !usable(a, now) {
			continue
		}
		madeTime := a.cert.NotBefore.Add(backdate)
		if !ok || now.Sub(madeTime) >= PublishDelay || signer.cert.NotAfter.Sub(now) < lastSigning {
			signer, ok = a, true
		}
	}
	return signer, ok
}

// dueLeaf says why the endpoint needs another certificate, and with what names.
// It is empty if none is needed.
func (b *Bundle) dueLeaf(now time.Time, signer authority, want names) (change, names) {
	if b == nil {
		return changeCreated, want
	}
	leaf := b.leaf.Leaf
	if due(leaf, now, leafRenewalPart) {
		// Only now are names dropped that nobody asks for.
		return changeLeafTime, want
	}
	if !verifies(leaf, signer.cert, now) {
		for _, a := range b.authorities {
			if verifies(leaf, a.cert, now) {
				return changeLeafIssuer, existing(leaf.DNSNames, leaf.IPAddresses).with(want)
			}
		}
		return changeLeafUnsigned, want
	}
	has := existing(leaf.DNSNames, leaf.IPAddresses)
	if !has.covers(want) {
		// Replicas that want different names must not take them from each other.
		return changeLeafNames, has.with(want)
	}
	return "", names{}
}

// usable reports whether a CA can sign now.
func usable(a authority, now time.Time) bool {
	return a.key != nil && !now.Before(a.cert.NotBefore) && now.Before(a.cert.NotAfter)
}

// due reports whether no more than a part of the certificate's life is left.
func due(cert *x509.Certificate, now time.Time, part time.Duration) bool {
	return cert.NotAfter.Sub(now) <= cert.NotAfter.Sub(cert.NotBefore)/part
}

func verifies(leaf, ca *x509.Certificate, now time.Time) bool {
	roots := x509.NewCertPool()
	roots.AddCert(ca)
	_, err := leaf.Verify(x509.VerifyOptions{Roots: roots, CurrentTime: now, KeyUsages: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth}})
	return err == nil
}

// older compares CAs by age, and those of one second in any order that is the
// same everywhere.
func older(a, b authority) int {
	if order := a.cert.NotBefore.Compare(b.cert.NotBefore); order != 0 {
		return order
	}
	return bytes.Compare(a.cert.Raw, b.cert.Raw)
}
