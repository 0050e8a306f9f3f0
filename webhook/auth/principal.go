// Copyright The license-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package auth

import (
	"context"

	"github.com/license-operator/license-operator/internal/fault"
	"github.com/license-operator/license-operator/webhook/query"
)

// PrincipalKind says what a caller is.
type PrincipalKind string

// The kinds of caller that have an access key.
const (
	// Vendor acts for its whole namespace.
	Vendor PrincipalKind = "Vendor"
	// Customer acts for one Subscription.
	Customer PrincipalKind = "Customer"
)

// Principal is a caller whose identity has been proved. It holds no secret.
type Principal struct {
	Kind PrincipalKind
	// Namespace is the vendor's namespace, for customers too.
	Namespace string
	// AccessKeyID is the public half of the key that signed.
	AccessKeyID string
	// Subscription is the name of the Customer's Subscription.
	Subscription string
	// KeyName is the name of the AccessKey object.
	KeyName string
}

// Authorize returns nil if a caller of this kind may call the action at all,
// and fault.AccessDenied if not. Whether the objects it names are its own is
// for the action to decide.
func (p *Principal) Authorize(action *query.Action) error {
	if action.AllowsSigner(query.Signer(p.Kind)) {
		return nil
	}
	return fault.New(fault.AccessDenied, "A %s access key may not call %s; sign with another access key.", p.Kind, action.Name)
}

// Key is an active access key.
type Key struct {
	Principal Principal
	// Secret is the secret access key. A key without one is never accepted.
	Secret string
}

// KeyFinder finds active access keys. Implementations are called with ids that
// a stranger may have made up, of at most 128 bytes.
type KeyFinder interface {
	// FindKey returns the active key that has an id and whether there is
	// one. An error means that it is not known whether there is one.
	FindKey(ctx context.Context, accessKeyID string) (Key, bool, error)
}
