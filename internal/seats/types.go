// Copyright The license-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package seats

import (
	"crypto/sha256"
	"encoding/base32"
	"encoding/base64"
	"encoding/binary"
	"time"

	"k8s.io/apimachinery/pkg/types"

	"github.com/license-operator/license-operator/api/v1alpha1"
)

// Key names a Subscription and so its book.
type Key = types.NamespacedName

// Pool is one counted entitlement of a Subscription: what its book may give.
type Pool struct {
	Name string
	// Total units that may be in use at once.
	Total int64
	// Overage says that units beyond Total are granted and reported.
	Overage bool
}

// Item is one entitlement that a checkout holds, or is to hold.
type Item struct {
	Name string
	Unit v1alpha1.Unit
	// Quantity of units, 1 or more; 0 for a feature.
	Quantity int64
	// Value of a feature, which may be "".
	Value string
}

// Request asks for seats. It has been decided already that the caller may have
// every item, if there is room for it.
type Request struct {
	// ID is made by NewID. A request with the same ID is the same request.
	ID string
	// Digest is made by NewDigest of everything that the caller said.
	Digest string
	Type   v1alpha1.CheckoutType
	// Items are granted all or none.
	Items []Item
	// Lifetime of the checkout; ignored for Perpetual, which has none.
	Lifetime time.Duration
	// NotAfter bounds the expiration; zero for no bound.
	NotAfter time.Time
	// Caller is who asks, at most 128 bytes; NodeID where, at most 256.
	Caller, NodeID string
	// Object is the name of the LicenseCheckout that asks; "" for a request
	// through the API, for which one is made.
	Object string
	// Holder is the Pod that the seats live with: for a LicenseCheckout its UID,
	// for a request through the API what PodHolder makes; "" for none.
	Holder string
}

// Grant is a checkout that holds seats: what the book says of it.
type Grant struct {
	ID string
	// Block that holds it, and the block's sequence when it was granted.
	Block    int32
	Sequence int64
	Type     v1alpha1.CheckoutType
	Items    []Item
	// IssueTime and ExpirationTime are whole seconds of UTC. A zero
	// ExpirationTime is never.
	IssueTime, ExpirationTime time.Time
	Caller, NodeID            string
	Object, Holder            string
	// Projected says that its LicenseCheckout has been made.
	Projected bool
}

// Handle finds a grant again: what a consumption token says of it.
type Handle struct {
	ID       string
	Block    int32
	Sequence int64
}

// Usage is how much of a pool is in use.
type Usage struct {
	Name        string
	Total, Used int64
}

var lower32 = base32.NewEncoding("abcdefghijklmnopqrstuvwxyz234567").WithPadding(base32.NoPadding)

const idBytes, digestBytes = 16, 8

// NewID derives the id of a checkout from what makes it the same one: for the
// API namespace, operation, SKU or ARN, beneficiary, caller and client token;
// for an object its namespace, name and UID. It is 26 lower-case characters
// that a name of an object may have.
func NewID(parts ...string) string {
	sum := hashOf(parts)
	return lower32.EncodeToString(sum[:idBytes])
}

// NewDigest derives the digest by which another request under the same id is
// told from a repeated one.
func NewDigest(parts ...string) string {
	sum := hashOf(parts)
	return base64.RawURLEncoding.EncodeToString(sum[:digestBytes])
}

// hashOf hashes parts so that no other list of parts has the same bytes.
func hashOf(parts []string) (sum [sha256.Size]byte) {
	var in []byte
	for _, p := range parts {
		in = binary.AppendUvarint(in, uint64(len(p)))
		in = append(in, p...)
	}
	return sha256.Sum256(in)
}
