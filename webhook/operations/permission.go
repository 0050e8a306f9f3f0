// Copyright The license-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package operations

import (
	"context"

	"github.com/license-operator/license-operator/internal/fault"
	"github.com/license-operator/license-operator/webhook/auth"
)

// Permission is what RBAC must allow a ServiceAccount.
type Permission struct{ Verb, Resource, Subresource string }

// String writes the permission as a Role does: "update activations/status".
func (p Permission) String() string {
	if p.Subresource == "" {
		return p.Verb + " " + p.Resource
	}
	return p.Verb + " " + p.Resource + "/" + p.Subresource
}

// Check is nil for access keys, whose rights are their kind's, and for a
// ServiceAccount that RBAC allows it in the namespace, of the object with the
// name or of any for ""; the namespace "" is none. The fault AccessDenied does
// not tell a namespace that is closed from one that does not exist.
func Check(ctx context.Context, access Access, who *auth.Principal, p Permission, namespace, name string) error {
	if who.Kind != auth.ServiceAccount {
		return nil
	}
	if namespace != "" {
		allowed, err := access.Allowed(ctx, who, p.Verb, p.Resource, p.Subresource, namespace, name)
		if err != nil || allowed {
			return err
		}
	}
	return fault.New(fault.AccessDenied,
		"%s may not %s there, or there is no such vendor; bind a Role that allows it in the vendor's namespace.",
		who.Username, p)
}
