// Copyright The license-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package licensemanager

import (
	"context"
	"strings"

	"github.com/license-operator/license-operator/internal/store"
	"github.com/license-operator/license-operator/webhook/auth"
	"github.com/license-operator/license-operator/webhook/operations"
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

var (
	// mayCheckOut is for everything that a checkout goes through, its end too:
	// whoever may take seats may give them back.
	mayCheckOut = operations.Permission{Verb: "create", Resource: "licensecheckouts"}
	mayGet      = operations.Permission{Verb: "get", Resource: "subscriptions"}
	mayList     = operations.Permission{Verb: "list", Resource: "subscriptions"}
)

// check is nil if the caller may do something in a namespace, see
// operations.Check.
func (s *Service) check(ctx context.Context, who *auth.Principal, p operations.Permission, namespace, name string) error {
	return operations.Check(ctx, s.Access, who, p, namespace, name)
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
