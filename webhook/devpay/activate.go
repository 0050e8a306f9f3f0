// Copyright The license-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package devpay

import (
	"context"
	"time"

	"github.com/license-operator/license-operator/api/v1alpha1"
	"github.com/license-operator/license-operator/internal/fault"
	"github.com/license-operator/license-operator/internal/licensing"
	"github.com/license-operator/license-operator/internal/secrets"
	"github.com/license-operator/license-operator/webhook/auth"
	"github.com/license-operator/license-operator/webhook/query"
)

// activated is what both activations have found and committed.
type activated struct {
	activation   *v1alpha1.Activation
	subscription *v1alpha1.Subscription
	userToken    string
}

func (s *Service) activateHosted(ctx context.Context, who *auth.Principal, in *query.Request) (query.Result, error) {
	a, err := s.activate(ctx, who, in, nil)
	if err != nil {
		return nil, err
	}
	return &query.ActivateHostedProductResult{
		UserToken:            a.userToken,
		PersistentIdentifier: s.Store.Names.PID(a.subscription),
	}, nil
}

// activateDesktop makes the customer's AccessKey before the redemption is
// recorded: a redemption that is on record was answerable in full.
func (s *Service) activateDesktop(ctx context.Context, _ *auth.Principal, in *query.Request) (query.Result, error) {
	var key *v1alpha1.AccessKey
	a, err := s.activate(ctx, nil, in, func(a *v1alpha1.Activation) (err error) {
		key, err = s.Store.CustomerKey(ctx, a)
		return err
	})
	if err != nil {
		return nil, err
	}
	rotation := licensing.Rotation(key)
	return &query.ActivateDesktopProductResult{
		UserToken:       a.userToken,
		AWSAccessKeyID:  s.Store.Names.AccessKeyID(key, rotation),
		SecretAccessKey: s.Store.Names.SecretAccessKey(key, rotation),
	}, nil
}

// activate checks the product token and the key, runs prepare, commits the
// redemption and only then makes the user token. Activation succeeds whatever
// the state of the payment (DevPay contract).
func (s *Service) activate(ctx context.Context, who *auth.Principal, in *query.Request, prepare func(*v1alpha1.Activation) error) (*activated, error) {
	now := s.Clock.Now()
	asked, _, err := in.TokenExpiration(now)
	if err != nil {
		return nil, err
	}
	token, err := s.openProductToken(ctx, who, in.Get(query.ProductToken))
	if err != nil {
		return nil, err
	}
	a, sub, product, err := s.findKey(ctx, who, in.Get(query.ActivationKey))
	if err != nil {
		return nil, err
	}
	if err := licensing.KeyUsable(a, now); err != nil {
		return nil, err
	}
	if !token.isFor(product, s.Store.Names.Code(product)) {
		return nil, fault.New(fault.ActivationKeyMismatch,
			"The activation key does not correspond to the product token: it is for another product.")
	}
	if prepare != nil {
		if err := prepare(a); err != nil {
			return nil, err
		}
	}
	if a, err = s.Store.Redeem(ctx, a); err != nil {
		return nil, err
	}
	userToken, err := s.userToken(a, sub, product, asked, now)
	if err != nil {
		return nil, err
	}
	return &activated{activation: a, subscription: sub, userToken: userToken}, nil
}

// findKey finds what an activation key is for.
func (s *Service) findKey(ctx context.Context, who *auth.Principal, key string) (*v1alpha1.Activation, *v1alpha1.Subscription, *v1alpha1.Product, error) {
	invalid := fault.New(fault.ActivationKeyInvalid, "The activation key is invalid or malformed. Ask the vendor for another.")
	a, err := s.Store.ActivationByKey(ctx, key)
	if err != nil {
		return nil, nil, nil, err
	}
	if a == nil || a.Spec.Type != v1alpha1.ActivationTypeKey || (who != nil && who.Namespace != a.Namespace) {
		return nil, nil, nil, invalid
	}
	sub, err := s.Store.Subscription(ctx, a.Namespace, a.Spec.SubscriptionRef.Name)
	if err != nil {
		return nil, nil, nil, err
	}
	if sub == nil {
		return nil, nil, nil, invalid
	}
	product, err := s.Store.Product(ctx, a.Namespace, sub.Spec.ProductRef.Name)
	if err != nil {
		return nil, nil, nil, err
	}
	if product == nil {
		return nil, nil, nil, invalid
	}
	return a, sub, product, nil
}

// userToken seals the token. It says when the key was issued, not when it was
// used: the same key used twice gives the same token, unless it expires, which is
// counted from each use.
func (s *Service) userToken(a *v1alpha1.Activation, sub *v1alpha1.Subscription, p *v1alpha1.Product, asked time.Duration, now time.Time) (string, error) {
	return s.Keys.Get().Sealing.SealUserToken(now, secrets.UserToken{
		Namespace:      a.Namespace,
		Code:           s.Store.Names.Code(p),
		Customer:       s.Store.Names.Customer(sub),
		Activation:     a.Name,
		Revision:       secrets.CurrentRevision,
		IssueTime:      a.Status.IssueTime.Time,
		ExpirationTime: licensing.UserTokenExpiration(p, asked, now),
	})
}
