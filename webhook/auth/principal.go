// Copyright The license-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package auth

import (
	"context"
	"strings"
	"time"

	"github.com/license-operator/license-operator/internal/fault"
	"github.com/license-operator/license-operator/webhook/query"
)

// PrincipalKind says what a caller is.
type PrincipalKind string

// The kinds of caller.
const (
	// Vendor acts for its whole namespace, by an AccessKey.
	Vendor PrincipalKind = "Vendor"
	// Customer acts for one Subscription, by an AccessKey.
	Customer PrincipalKind = "Customer"
	// ServiceAccount may do, in any namespace, what RBAC lets it do to the
	// resources behind an action: see Authorizer.
	ServiceAccount PrincipalKind = "ServiceAccount"
)

// Principal is a caller whose identity has been proved. It holds no secret.
// Nobody may change one: it may be remembered for other requests.
type Principal struct {
	Kind PrincipalKind
	// Namespace is the vendor's namespace, for customers too. It is empty for
	// a ServiceAccount: what a request names tells whose namespace is meant.
	Namespace string
	// AccessKeyID is the public half of the key that signed: of an AccessKey,
	// or of a ServiceAccount's temporary credentials.
	AccessKeyID string
	// Subscription is the name of the Customer's Subscription.
	Subscription string
	// KeyName is the name of the AccessKey object.
	KeyName string
	// Username, UID, Groups and Extra are a ServiceAccount as Kubernetes
	// knows it. The Username is system:serviceaccount:<namespace>:<name>.
	Username, UID string
	Groups        []string
	Extra         map[string][]string
	// PodName and PodUID are the Pod that a ServiceAccount's token is bound
	// to, in the ServiceAccount's namespace; empty if it is bound to none.
	PodName, PodUID string
}

// Caller names the caller for throttling and for logs: the Username of a
// ServiceAccount, which may have many keys, and the access key id of others.
func (p *Principal) Caller() string {
	if p.Kind == ServiceAccount {
		return p.Username
	}
	return p.AccessKeyID
}

// ServiceAccountName is the namespace and the name of a ServiceAccount; both
// are empty for other callers.
func (p *Principal) ServiceAccountName() (namespace, name string) {
	rest, ok := strings.CutPrefix(p.Username, serviceAccountPrefix)
	if !ok {
		return "", ""
	}
	namespace, name, _ = strings.Cut(rest, ":")
	return namespace, name
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

// SessionOpener opens the session tokens of temporary credentials.
type SessionOpener interface {
	// OpenSession returns the key whose session token and id these are, and
	// whether they are a pair of ours. The fault CredentialsExpired means that
	// they were one; any other error, that it is not known.
	OpenSession(token, accessKeyID string, now time.Time) (Key, bool, error)
}
