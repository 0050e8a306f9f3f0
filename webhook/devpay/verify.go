// Copyright The license-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package devpay

import (
	"context"
	"strings"

	"github.com/license-operator/license-operator/internal/fault"
	"github.com/license-operator/license-operator/internal/licensing"
	"github.com/license-operator/license-operator/internal/secrets"
	"github.com/license-operator/license-operator/webhook/auth"
	"github.com/license-operator/license-operator/webhook/query"
)

func (s *Service) verifyByPID(ctx context.Context, who *auth.Principal, in *query.Request) (query.Result, error) {
	pid, err := s.pid(who, in)
	if err != nil {
		return nil, err
	}
	code := in.Get(query.ProductCode)
	subscribed, known, err := s.Store.Subscribed(ctx, who.Namespace, pid, code)
	if err == nil && !known {
		known, err = s.Store.ProductKnown(ctx, who.Namespace, code)
		if err == nil && !known {
			err = fault.New(fault.ProductTokenInvalid,
				"The product code is not one of the signer's. Copy it from the Product's `status.code`.")
		}
	}
	if err != nil {
		return nil, err
	}
	return &query.VerifyProductSubscriptionByPidResult{Subscribed: subscribed}, nil
}

func (s *Service) activeByPID(ctx context.Context, who *auth.Principal, in *query.Request) (query.Result, error) {
	pid, err := s.pid(who, in)
	if err != nil {
		return nil, err
	}
	codes, err := s.Store.ActiveCodes(ctx, who.Namespace, pid)
	if err != nil {
		return nil, err
	}
	return &query.GetActiveSubscriptionsByPidResult{ProductCodes: codes}, nil
}

// pid returns the persistent identifier if it is one of the signer's.
func (s *Service) pid(who *auth.Principal, in *query.Request) (string, error) {
	pid := in.Get(query.PersistentIdentifier)
	if !s.Store.Names.Identity.AuthenticPID(who.Namespace, pid) {
		return "", fault.New(fault.PIDInvalid,
			"The persistent identifier (PID) is invalid or malformed, or was issued by another vendor.")
	}
	return pid, nil
}

func (s *Service) verifyByTokens(ctx context.Context, who *auth.Principal, in *query.Request) (query.Result, error) {
	product, err := s.openProductToken(ctx, who, in.Get(query.ProductToken))
	if err != nil {
		return nil, err
	}
	token, err := s.openUserToken(ctx, who, in, fault.InvalidParameter)
	if err != nil {
		return nil, err
	}
	if ok, err := s.isForCode(ctx, product, token.Namespace, token.Code); err != nil || !ok {
		return nil, orMismatch(err)
	}
	revoked, err := s.revoked(ctx, token)
	if err != nil || revoked {
		return &query.VerifyProductSubscriptionByTokensResult{Subscribed: false}, err
	}
	pid := s.Store.Names.Identity.PersistentIdentifier(token.Namespace, token.Customer)
	subscribed, _, err := s.Store.Subscribed(ctx, token.Namespace, pid, token.Code)
	if err != nil {
		return nil, err
	}
	return &query.VerifyProductSubscriptionByTokensResult{Subscribed: subscribed}, nil
}

// orMismatch is err, or says that two tokens are for different products.
func orMismatch(err error) error {
	if err != nil {
		return err
	}
	return fault.New(fault.ProductTokenInvalid,
		"The product token is invalid for the signer: it is for another product than the user token.")
}

// refresh reads a user token and seals the same again at the newest revision
// and with the newest key. It never moves the expiry: an expired product must
// be activated again.
func (s *Service) refresh(ctx context.Context, who *auth.Principal, in *query.Request) (query.Result, error) {
	token, err := s.openUserToken(ctx, who, in, fault.UserTokenInvalid)
	if err != nil {
		return nil, err
	}
	for _, additional := range in.AdditionalTokens() {
		if strings.HasPrefix(additional, query.UserTokenPrefix) {
			continue // Older web products sent the user token here as well.
		}
		product, err := s.openProductToken(ctx, who, additional)
		if err != nil {
			return nil, err
		}
		if ok, err := s.isForCode(ctx, product, token.Namespace, token.Code); err != nil || !ok {
			return nil, orMismatch(err)
		}
	}
	revoked, err := s.revoked(ctx, token)
	if err != nil {
		return nil, err
	}
	if revoked {
		return nil, fault.New(fault.UserTokenInvalid, "The user token has been revoked. Activate the product with another key.")
	}
	token.Revision = max(token.Revision, secrets.CurrentRevision)
	fresh, err := s.Keys.Get().Sealing.SealUserToken(s.Clock.Now(), token)
	if err != nil {
		return nil, err
	}
	return &query.RefreshUserTokenResult{UserToken: fresh}, nil
}

// openUserToken reads a user token that the signer may use: a vendor those of
// its namespace, a customer its own. kind is the fault in the action's words.
func (s *Service) openUserToken(ctx context.Context, who *auth.Principal, in *query.Request, kind fault.Kind) (secrets.UserToken, error) {
	token, err := s.Keys.Get().Sealing.OpenUserToken(in.Get(query.UserToken))
	if err != nil || token.Namespace != who.Namespace {
		return token, fault.New(kind, "The `UserToken` is invalid for the signer. Check that it was copied completely.")
	}
	if token.Expired(s.Clock.Now()) {
		return token, fault.New(kind, "The `UserToken` has expired. Activate the product again with another key.")
	}
	if who.Kind != auth.Customer {
		return token, nil
	}
	sub, err := s.Store.Subscription(ctx, who.Namespace, who.Subscription)
	if err != nil {
		return token, err
	}
	if sub == nil || s.Store.Names.Customer(sub) != token.Customer {
		return token, fault.New(kind, "The `UserToken` is invalid for the signer: it is another customer's.")
	}
	product, err := s.Store.Product(ctx, who.Namespace, sub.Spec.ProductRef.Name)
	if err != nil {
		return token, err
	}
	if product != nil && s.Store.Names.Code(product) != token.Code {
		return token, fault.New(kind, "The `UserToken` is invalid for the signer: it is for another product.")
	}
	return token, nil
}

// revoked says whether the Activation that a token came from has been revoked.
func (s *Service) revoked(ctx context.Context, token secrets.UserToken) (bool, error) {
	if token.Activation == "" {
		return false, nil
	}
	a, err := s.Store.Activation(ctx, token.Namespace, token.Activation)
	return licensing.Revoked(a), err
}
