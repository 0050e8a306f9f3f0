// Copyright The license-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package secrets

import "crypto/subtle"

// A PID is "P" and the base32 of pidIDSize bytes that name the customer and
// pidMACSize bytes that prove that we made it. 35 bytes are exactly 56
// characters, so no spelling but one decodes to them.
const (
	pidPrefix  = "P"
	pidIDSize  = 20
	pidMACSize = 15
	pidLength  = len(pidPrefix) + (pidIDSize+pidMACSize)*8/5
)

// PersistentIdentifier is the PID of a customer of one vendor: the same across
// all of that vendor's products. It has 57 characters; the service's
// documentation says 53 to 64.
func (i *Identity) PersistentIdentifier(namespace, customerIdentifier string) string {
	var raw [pidIDSize + pidMACSize]byte
	sum := i.pid.sum(namespace, customerIdentifier)
	copy(raw[:pidIDSize], sum[:])
	mac := i.pidMAC.sum(namespace, string(raw[:pidIDSize]))
	copy(raw[pidIDSize:], mac[:])
	return pidPrefix + upper32.EncodeToString(raw[:])
}

// AuthenticPID reports whether pid was made by PersistentIdentifier for a
// customer of this namespace, without knowing the customer. What isn't
// authentic needs no look-up.
func (i *Identity) AuthenticPID(namespace, pid string) bool {
	var raw [pidIDSize + pidMACSize]byte
	if len(pid) != pidLength || pid[:len(pidPrefix)] != pidPrefix {
		return false
	}
	if !decodeUpper32(raw[:], pid[len(pidPrefix):]) {
		return false
	}
	mac := i.pidMAC.sum(namespace, string(raw[:pidIDSize]))
	return subtle.ConstantTimeCompare(raw[pidIDSize:], mac[:pidMACSize]) == 1
}

// decodeUpper32 fills dst from the base32 in s, which must be exactly as long
// as dst needs, and dst a multiple of five bytes long. The length makes it
// strict: the decoder skips line breaks, but what it skips is missing at the
// end.
func decodeUpper32(dst []byte, s string) bool {
	if len(s) != upper32.EncodedLen(len(dst)) {
		return false
	}
	n, err := upper32.Decode(dst, []byte(s))
	return err == nil && n == len(dst)
}
