// Copyright The license-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package secrets

import (
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base32"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"strconv"
)

// identityInfo begins the HKDF info of every sub-key of the identity key. It
// is part of every derived value and can never change.
const identityInfo = "license-operator.dev/identity/v1/"

// upper32 and lower32 are base32 without padding. Upper case is what the
// protocols show; lower case is what names of Kubernetes objects allow.
var (
	upper32 = base32.StdEncoding.WithPadding(base32.NoPadding)
	lower32 = base32.NewEncoding("abcdefghijklmnopqrstuvwxyz234567").WithPadding(base32.NoPadding)
)

// Identity derives names and identifiers from the identity key. The same key
// and the same names always give the same values, in any cluster. All methods
// are safe for concurrent use and take about a microsecond.
type Identity struct {
	fingerprint [sha256.Size]byte

	productCode, accountID, customer, license *prf
	pid, pidMAC                               *prf
	accessKeyID, accessKeyIDMAC, secretKey    *prf
	activatedKeyName                          *prf
	activationSeed                            *prf
	activationKeyMAC, registrationTokenMAC    *prf
	temporaryKeyID, temporarySecret           *prf
	webhookKey                                *prf
}

// NewIdentity returns the Identity of a key of exactly KeySize bytes. The key
// isn't kept; only keys derived from it are.
func NewIdentity(key []byte) (*Identity, error) {
	if len(key) != KeySize {
		return nil, fmt.Errorf("the identity key must hold exactly %d bytes, this one holds %d", KeySize, len(key))
	}
	id := &Identity{}
	for _, purpose := range []struct {
		prf  **prf
		info string
	}{
		{&id.productCode, "product-code"},
		{&id.accountID, "account-id"},
		{&id.customer, "customer-identifier"},
		{&id.license, "license-arn"},
		{&id.pid, "persistent-identifier"},
		{&id.pidMAC, "persistent-identifier-mac"},
		{&id.accessKeyID, "access-key-id"},
		{&id.accessKeyIDMAC, "access-key-id-mac"},
		{&id.secretKey, "secret-access-key"},
		{&id.activatedKeyName, "activated-key-name"},
		{&id.activationSeed, "activation-seed"},
		{&id.activationKeyMAC, "activation-key-mac"},
		{&id.registrationTokenMAC, "registration-token-mac"},
		{&id.temporaryKeyID, "temporary-access-key-id"},
		{&id.temporarySecret, "temporary-secret-access-key"},
		{&id.webhookKey, "webhook-key"},
	} {
		derived, err := newPRF(key, identityInfo+purpose.info)
		if err != nil {
			return nil, err
		}
		*purpose.prf = derived
	}
	fingerprint, err := subKey(key, identityInfo+"fingerprint")
	if err != nil {
		return nil, err
	}
	copy(id.fingerprint[:], fingerprint)
	return id, nil
}

// Equal reports whether both were made from the same identity key.
func (i *Identity) Equal(other *Identity) bool {
	if i == nil || other == nil {
		return i == other
	}
	return subtle.ConstantTimeCompare(i.fingerprint[:], other.fingerprint[:]) == 1
}

// Format prints a fixed text for every verb, so that an Identity that ends up
// in a log shows nothing of its keys.
func (*Identity) Format(f fmt.State, _ rune) {
	_, _ = f.Write([]byte("secrets.Identity(redacted)"))
}

// ProductCode is the code of a Product whose spec names none: 8 upper-case hex
// digits. It is public. With only 32 bits two Products may get one code; the
// Product's controller has to notice.
func (i *Identity) ProductCode(namespace, name string) string {
	sum := i.productCode.sum(namespace, name)
	return fmt.Sprintf("%08X", binary.BigEndian.Uint32(sum[:4]))
}

// AccountID is the account of a vendor's namespace: 12 digits, the first of
// which is 1 to 9. Reducing 64 bits to this range biases it by less than one
// in ten million.
func (i *Identity) AccountID(namespace string) string {
	const lowest, count = 100_000_000_000, 900_000_000_000
	sum := i.accountID.sum(namespace)
	return strconv.FormatUint(lowest+binary.BigEndian.Uint64(sum[:8])%count, 10)
}

// CustomerIdentifier is the identifier of a Subscription's customer when its
// spec names none: "cust-" and 16 lower-case base32 characters.
func (i *Identity) CustomerIdentifier(namespace, subscription string) string {
	sum := i.customer.sum(namespace, subscription)
	return "cust-" + lower32.EncodeToString(sum[:10])
}

// LicenseARN is the ARN of a Subscription's licence. Only its last part is
// derived, from namespace and name; accountID is put in as it is given,
// because a namespace may name its own account.
func (i *Identity) LicenseARN(accountID, namespace, subscription string) string {
	sum := i.license.sum(namespace, subscription)
	return "arn:aws:license-manager::" + accountID + ":license:l-" + hex.EncodeToString(sum[:16])
}

// ActivatedKeyName is the name of the AccessKey object that
// ActivateDesktopProduct makes for an Activation: "desktop-" and 20 lower-case
// base32 characters. The name is the same at every call, so calling the action
// again makes no second object.
func (i *Identity) ActivatedKeyName(namespace, subscription, activation string) string {
	sum := i.activatedKeyName.sum(namespace, subscription, activation)
	return "desktop-" + lower32.EncodeToString(sum[:13])[:20]
}
