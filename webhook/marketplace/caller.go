// Copyright The license-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package marketplace

import (
	"context"
	"slices"

	"github.com/license-operator/license-operator/internal/fault"
	"github.com/license-operator/license-operator/internal/store"
	"github.com/license-operator/license-operator/webhook/auth"
	"github.com/license-operator/license-operator/webhook/operations"
)

// What RBAC must allow a ServiceAccount in the vendor's namespace.
var (
	mayResolve = operations.Permission{Verb: "update", Resource: "activations", Subresource: "status"}
	mayMeter   = operations.Permission{Verb: "create", Resource: "usagerecords"}
	mayList    = operations.Permission{Verb: "list", Resource: "subscriptions"}
)

// maxNamespaces is in how many namespaces a ServiceAccount is looked for with
// one product code.
const maxNamespaces = 32

// check is nil if the caller may do something in a namespace, see
// operations.Check.
func (s *Service) check(ctx context.Context, who *auth.Principal, p operations.Permission, namespace string) error {
	return operations.Check(ctx, s.Access, who, p, namespace, "")
}

// namespaceOf is the vendor's namespace that a request is for, in which the
// caller has the permission: an access key's own; for a ServiceAccount the one
// that has the account in arn, the ARN of a licence, or without one ("") the
// only one in which it has the permission of those that have a Product with the
// code. Where there are several the fault is ambiguous, a kind that the
// operation has an error for. A namespace in which it has it not is like none:
// AccessDenied.
func (s *Service) namespaceOf(ctx context.Context, who *auth.Principal, p operations.Permission, arn, code string, ambiguous fault.Kind) (string, error) {
	if who.Kind != auth.ServiceAccount {
		return who.Namespace, nil
	}
	if arn != "" {
		namespace := ""
		if account, _, ok := store.ParseLicenseARN(arn); ok {
			var err error
			if namespace, err = s.Store.NamespaceOfAccount(ctx, account); err != nil {
				return "", err
			}
		}
		return namespace, s.check(ctx, who, p, namespace)
	}
	namespaces, err := s.Store.NamespacesOfCode(ctx, code)
	if err != nil {
		return "", err
	}
	// Its own namespace comes first, so that it is found among many.
	own, _ := who.ServiceAccountName()
	if i := slices.Index(namespaces, own); i > 0 {
		namespaces = slices.Insert(slices.Delete(namespaces, i, i+1), 0, own)
	}
	found := ""
	for _, namespace := range namespaces[:min(len(namespaces), maxNamespaces)] {
		err := s.check(ctx, who, p, namespace)
		switch {
		case fault.KindOf(err) == fault.AccessDenied:
		case err != nil:
			return "", err
		case found != "":
			return "", fault.New(ambiguous, "Several vendors' products have this ProductCode, and the caller may %s of more than one; say which by a LicenseArn.", p)
		default:
			found = namespace
		}
	}
	if found == "" {
		return "", s.check(ctx, who, p, "")
	}
	return found, nil
}
