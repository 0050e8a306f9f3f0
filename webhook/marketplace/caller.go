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
	// mayMeter is for all customers; who has it could create the records, too.
	mayMeter = operations.Permission{Verb: "create", Resource: "usagerecords"}
	// mayMeterItself is for the caller's own customer. There is no such
	// subresource but in the question to RBAC.
	mayMeterItself = operations.Permission{Verb: "create", Resource: "usagerecords", Subresource: "meter"}
	mayList        = operations.Permission{Verb: "list", Resource: "subscriptions"}
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
// first in which it has the permission of those that have a Product with the
// code. Its own comes first, then the one whose Product was created first: who
// makes a Product with the code of another's later, and lets everybody in,
// changes nothing for those who call the other. A namespace in which the caller
// has the permission not is like none: AccessDenied.
func (s *Service) namespaceOf(ctx context.Context, who *auth.Principal, p operations.Permission, arn, code string) (string, error) {
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
	own, _ := who.ServiceAccountName()
	if i := slices.Index(namespaces, own); i > 0 {
		namespaces = slices.Insert(slices.Delete(namespaces, i, i+1), 0, own)
	}
	for _, namespace := range namespaces[:min(len(namespaces), maxNamespaces)] {
		if err := s.check(ctx, who, p, namespace); fault.KindOf(err) != fault.AccessDenied {
			return namespace, err
		}
	}
	return "", s.check(ctx, who, p, "")
}
