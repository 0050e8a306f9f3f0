// Copyright The license-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package seats

import (
	"fmt"
	"strings"

	"github.com/license-operator/license-operator/api/v1alpha1"
)

// maxQuantity is the most that a SeatPool may have.
const maxQuantity = 1_000_000_000_000

// check refuses what the text of a block can't hold. Whoever makes requests
// never asks for it: an entry that can't be read again would close the book to
// everybody.
func (r *Request) check() error {
	if len(r.ID) < ringPrefix || strings.ContainsFunc(r.ID, notOfID) {
		return fmt.Errorf("%q is no id of a checkout", r.ID)
	}
	if strings.ContainsFunc(r.Digest, notOfDigest) {
		return fmt.Errorf("%q is no digest", r.Digest)
	}
	if typeFlags[r.Type] == 0 {
		return fmt.Errorf("%q is no type of a checkout", r.Type)
	}
	for _, item := range r.Items {
		counted := item.Unit != v1alpha1.UnitNone
		switch {
		case item.Name == "" || item.Unit == "" || strings.ContainsAny(string(item.Unit), ",; \n"):
			return fmt.Errorf("%q of %q is no entitlement", item.Unit, item.Name)
		case counted && (item.Quantity < 1 || item.Quantity > maxQuantity), !counted && item.Quantity != 0:
			return fmt.Errorf("%d is no quantity of %q in %q", item.Quantity, item.Name, item.Unit)
		}
	}
	return nil
}

func notOfID(c rune) bool {
	return (c < 'a' || c > 'z') && (c < '0' || c > '9') && c != '-'
}

func notOfDigest(c rune) bool { return c <= ' ' || c > '~' }

// bulk is how many bytes the entry will take at most.
func (r *Request) bulk() int {
	return (&Entry{Digest: r.Digest, Grant: Grant{ID: r.ID, Items: r.Items, Caller: r.Caller, NodeID: r.NodeID,
		Object: r.Object, Holder: r.Holder}}).bulk()
}
