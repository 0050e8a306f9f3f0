// Copyright The license-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package marketplace

import (
	"context"

	"github.com/license-operator/license-operator/api/v1alpha1"
	"github.com/license-operator/license-operator/internal/fault"
	"github.com/license-operator/license-operator/internal/store"
	"github.com/license-operator/license-operator/webhook/auth"
	"github.com/license-operator/license-operator/webhook/awsjson"
)

var errNoToken = fault.New(fault.RegistrationTokenInvalid,
	"The registration token is invalid. Pass it on exactly as the buyer's browser has posted it, form-decoded once.")

// ResolveCustomer says which customer a registration token is for: a token of
// an Activation or of the registration page. It does so whatever the state of
// the Subscription is, and answers the same as long as the token lives, unless
// the Product says that it is for one use. That a token was resolved is
// committed before it is answered: of one for one use an answer that is lost is
// lost, and asking again is RegistrationTokenExpired.
//
// A token that is none, another vendor's or revoked, or whose Subscription or
// Product is gone or another's by now, is RegistrationTokenInvalid. A
// ServiceAccount needs mayResolve in the namespace of the token, else that is
// another vendor's; customers may not call it. Too many tokens of the
// registration page for one Subscription are Throttled.
func (s *Service) ResolveCustomer(ctx context.Context, who *auth.Principal, in *awsjson.ResolveCustomerRequest) (*awsjson.ResolveCustomerResult, error) {
	if who.Kind == auth.Customer {
		return nil, fault.New(fault.AccessDenied, "A customer's access key may not call ResolveCustomer; sign with the vendor's.")
	}
	r, err := s.Store.RegistrationByToken(ctx, s.Keys.Get().Sealing, in.RegistrationToken)
	if err != nil {
		return nil, err
	}
	if r == nil || who.Kind == auth.Vendor && r.Namespace != who.Namespace {
		return nil, errNoToken
	}
	switch err := s.check(ctx, who, mayResolve, r.Namespace); {
	case fault.KindOf(err) == fault.AccessDenied:
		return nil, errNoToken
	case err != nil:
		return nil, err
	}
	sub, product, err := s.registered(ctx, r)
	if err != nil {
		return nil, err
	}
	// What can fail comes first: a resolution that is on record was answerable.
	arn, err := s.licenseARN(ctx, sub)
	if err != nil {
		return nil, err
	}
	if err := s.Store.Resolve(ctx, r, product.Spec.Registration.TokenUse); err != nil {
		return nil, err
	}
	return &awsjson.ResolveCustomerResult{
		CustomerIdentifier:   s.customerIdentifier(product, sub),
		ProductCode:          s.Store.Names.Code(product),
		CustomerAWSAccountID: sub.Spec.Customer.AccountID,
		LicenseARN:           arn,
	}, nil
}

// registered finds what a registration token is for.
func (s *Service) registered(ctx context.Context, r *store.Registration) (*v1alpha1.Subscription, *v1alpha1.Product, error) {
	sub, err := s.Store.Subscription(ctx, r.Namespace, r.Subscription)
	if err != nil {
		return nil, nil, err
	}
	if sub == nil {
		return nil, nil, errNoToken
	}
	product, err := s.Store.Product(ctx, sub.Namespace, sub.Spec.ProductRef.Name)
	if err != nil {
		return nil, nil, err
	}
	if product == nil || !r.For(s.Store.Names.Party(product, sub)) {
		return nil, nil, errNoToken
	}
	if !store.HasOwnCode(product) {
		return nil, nil, fault.New(fault.RegistrationTokenInvalid,
			"The registration token is invalid: its Product has the code of an older one; see the Product's condition %s.", v1alpha1.ConditionReady)
	}
	return sub, product, nil
}

// customerIdentifier is a Subscription's CustomerIdentifier in answers; "" if
// its Product says that it is omitted.
func (s *Service) customerIdentifier(product *v1alpha1.Product, sub *v1alpha1.Subscription) string {
	if product.Spec.Registration.CustomerIdentifier == v1alpha1.IdentifierOmitted {
		return ""
	}
	return s.Store.Names.Customer(sub)
}

// licenseARN is the ARN of a Subscription's licence; "" for a namespace whose
// account is another's: nobody could use it.
func (s *Service) licenseARN(ctx context.Context, sub *v1alpha1.Subscription) (string, error) {
	account, err := s.Store.Account(ctx, sub.Namespace)
	switch {
	case fault.KindOf(err) == fault.NotEntitled:
		return "", nil
	case err != nil:
		return "", err
	}
	return s.Store.Names.LicenseARN(account, sub), nil
}
