// Copyright The license-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package licensemanager

import (
	"context"
	"strings"

	"github.com/license-operator/license-operator/internal/fault"
	"github.com/license-operator/license-operator/internal/store"
	"github.com/license-operator/license-operator/webhook/auth"
)

// maxCaller is how much of a caller's name the book keeps, in bytes.
const maxCaller = 128

// callerOf is who asks, as one of the things that make a checkout the same one:
// the name of the AccessKey, so that rotating it changes nothing, or the
// ServiceAccount's user name, which has colons and so is no AccessKey's.
func callerOf(who *auth.Principal) string {
	if who.Kind == auth.ServiceAccount {
		return who.Username
	}
	return who.KeyName
}

// permission is what RBAC must allow a ServiceAccount.
type permission struct{ verb, resource string }

var (
	// mayCheckOut is for everything that a checkout goes through, its end too:
	// whoever may take seats may give them back.
	mayCheckOut = permission{"create", "licensecheckouts"}
	mayGet      = permission{"get", "subscriptions"}
	mayList     = permission{"list", "subscriptions"}
)

// check is nil for access keys, whose rights are their kind's, and for a
// ServiceAccount that RBAC allows it in the namespace; "" is no namespace. The
// fault AccessDenied does not tell a namespace that is closed from one that does
// not exist.
func (s *Service) check(ctx context.Context, who *auth.Principal, p permission, namespace, name string) error {
	if who.Kind != auth.ServiceAccount {
		return nil
	}
	if namespace != "" {
		allowed, err := s.Access.Allowed(ctx, who, p.verb, p.resource, "", namespace, name)
		if err != nil || allowed {
			return err
		}
	}
	return fault.New(fault.AccessDenied,
		"%s may not %s %s there, or there is no such vendor; bind a Role that allows it in the vendor's namespace.",
		who.Username, p.verb, p.resource)
}

// namespaceByFingerprint is the vendor's namespace that a request with a key
// fingerprint is for, in which the caller may check out: an access key's own, or
// the one that has the account in the fingerprint.
func (s *Service) namespaceByFingerprint(ctx context.Context, who *auth.Principal, fingerprint string) (string, error) {
	if who.Kind != auth.ServiceAccount {
		return who.Namespace, nil
	}
	namespace := ""
	if parts := strings.Split(fingerprint, ":"); len(parts) >= 4 && parts[0] == "aws" {
		var err error
		if namespace, err = s.Store.NamespaceOfAccount(ctx, parts[1]); err != nil {
			return "", err
		}
	}
	return namespace, s.check(ctx, who, mayCheckOut, namespace, "")
}

// namespaceByARN is the vendor's namespace that a request with a licence's ARN is
// for; "" if there is none. Whether a ServiceAccount may do something there is
// not decided yet.
func (s *Service) namespaceByARN(ctx context.Context, who *auth.Principal, arn string) (string, error) {
	if who.Kind != auth.ServiceAccount {
		return who.Namespace, nil
	}
	account, _, ok := store.ParseLicenseARN(arn)
	if !ok {
		return "", nil
	}
	return s.Store.NamespaceOfAccount(ctx, account)
}
