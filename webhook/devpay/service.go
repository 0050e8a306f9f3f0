// Copyright The license-operator Authors.
// SPDX-License-Identifier: Apache-2.0

// Package devpay answers the six actions of the DevPay License Service. It
// knows nothing of HTTP and XML: a request has been authenticated and its
// parameters have their form when they come here.
package devpay

import (
	"context"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/hex"

	"k8s.io/utils/clock"

	"github.com/license-operator/license-operator/api/v1alpha1"
	"github.com/license-operator/license-operator/internal/fault"
	"github.com/license-operator/license-operator/internal/secrets"
	"github.com/license-operator/license-operator/internal/store"
	"github.com/license-operator/license-operator/webhook/auth"
	"github.com/license-operator/license-operator/webhook/query"
)

// Service answers the actions.
type Service struct {
	Clock clock.PassiveClock
	Store *store.Store
	Keys  *secrets.Holder
}

// handler answers one action. The principal is nil where nobody signs.
type handler func(s *Service, ctx context.Context, who *auth.Principal, in *query.Request) (query.Result, error)

// handlers by the name of the action: all that query.Actions lists.
var handlers = map[string]handler{
	"ActivateHostedProduct":             (*Service).activateHosted,
	"ActivateDesktopProduct":            (*Service).activateDesktop,
	"VerifyProductSubscriptionByPid":    (*Service).verifyByPID,
	"VerifyProductSubscriptionByTokens": (*Service).verifyByTokens,
	"GetActiveSubscriptionsByPid":       (*Service).activeByPID,
	"RefreshUserToken":                  (*Service).refresh,
}

// Do answers an action. Errors are faults, or internal.
func (s *Service) Do(ctx context.Context, action *query.Action, who *auth.Principal, in *query.Request) (query.Result, error) {
	return handlers[action.Name](s, ctx, who, in)
}

func namespaceOf(who *auth.Principal) string {
	if who == nil {
		return ""
	}
	return who.Namespace
}

// productToken is a product token that is known to be one.
type productToken struct {
	// sealed is what a token of ours says; zero for an imported one.
	sealed secrets.ProductToken
	// sha256 of an imported token in hexadecimal digits; "" for one of ours.
	sha256 string
}

// openProductToken recognises a product token: one that the operator made or
// one that a Product has imported, of the signer's namespace if somebody
// signed. The fault is ProductTokenInvalid.
func (s *Service) openProductToken(ctx context.Context, who *auth.Principal, token string) (productToken, error) {
	namespace := namespaceOf(who)
	sealed, err := s.Keys.Get().Sealing.OpenProductToken(token)
	if err == nil && (namespace == "" || sealed.Namespace == namespace) {
		return productToken{sealed: sealed}, nil
	}
	sum := sha256.Sum256([]byte(token))
	imported := productToken{sha256: hex.EncodeToString(sum[:])}
	known, err := s.Store.TokenImported(ctx, namespace, imported.sha256)
	if err != nil {
		return productToken{}, err
	}
	if !known {
		return productToken{}, fault.New(fault.ProductTokenInvalid,
			"The product token is invalid for the signer. Copy it from the Secret that the Product's `status.tokenSecretRef` names.")
	}
	return imported, nil
}

// isFor says whether the token is a Product's.
func (t productToken) isFor(p *v1alpha1.Product, code string) bool {
	if t.sha256 != "" {
		return subtle.ConstantTimeCompare([]byte(t.sha256), []byte(p.Spec.ImportedTokenSHA256)) == 1
	}
	return t.sealed.Namespace == p.Namespace && t.sealed.Code == code
}

// isForCode says whether the token is that of a Product of the namespace with
// this code.
func (s *Service) isForCode(ctx context.Context, t productToken, namespace, code string) (bool, error) {
	if t.sha256 == "" {
		return t.sealed.Namespace == namespace && t.sealed.Code == code, nil
	}
	return s.Store.TokenImportedFor(ctx, namespace, t.sha256, code)
}
