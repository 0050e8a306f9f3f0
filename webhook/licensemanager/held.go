// Copyright The license-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package licensemanager

import (
	"context"

	"k8s.io/utils/ptr"

	"github.com/license-operator/license-operator/api/v1alpha1"
	"github.com/license-operator/license-operator/internal/fault"
	"github.com/license-operator/license-operator/internal/licensing"
	"github.com/license-operator/license-operator/internal/seats"
	"github.com/license-operator/license-operator/internal/store"
	"github.com/license-operator/license-operator/webhook/auth"
	"github.com/license-operator/license-operator/webhook/awsjson"
)

// checkout is one that is held, with what it is held of.
type checkout struct {
	sub *v1alpha1.Subscription
	// product is nil if it is gone.
	product *v1alpha1.Product
	key     seats.Key
	handle  seats.Handle
	grant   seats.Grant
}

var errNoCheckout = fault.New(fault.CheckoutNotFound,
	"The LicenseConsumptionToken is none of the caller's. Check that it was copied completely, or check out again.")

// held finds the checkout that a consumption token stands for. A token that is
// forged, another vendor's or another customer's is CheckoutNotFound, as is one
// whose checkout has ended.
func (s *Service) held(ctx context.Context, who *auth.Principal, text string) (*checkout, error) {
	token, err := s.Keys.Get().Sealing.OpenConsumptionToken(text)
	if err != nil {
		return nil, errNoCheckout
	}
	switch who.Kind {
	case auth.ServiceAccount:
		if err := s.check(ctx, who, mayCheckOut, token.Namespace, ""); err != nil {
			return nil, err
		}
	case auth.Customer:
		if token.Namespace != who.Namespace || token.Subscription != who.Subscription {
			return nil, errNoCheckout
		}
	default:
		if token.Namespace != who.Namespace {
			return nil, errNoCheckout
		}
	}
	c := &checkout{
		key:    seats.Key{Namespace: token.Namespace, Name: token.Subscription},
		handle: seats.Handle{ID: token.ID, Block: token.Block, Sequence: token.Sequence},
	}
	if c.sub, err = s.Store.Subscription(ctx, token.Namespace, token.Subscription); err != nil {
		return nil, err
	}
	if c.sub == nil {
		return nil, errNoCheckout // The book went with it.
	}
	if c.product, err = s.product(ctx, c.sub); err != nil {
		return nil, err
	}
	c.grant, err = s.Books.Lookup(ctx, c.key, c.handle)
	return c, err
}

// CheckInLicense gives a checkout back. That of a licence which is no longer
// subscribed too: the seats are free either way. A Beneficiary that is given
// must be the checkout's, else the fault is InvalidParameter, or AccessDenied for
// a customer who names another. The seats of a LicenseCheckout that a user has
// applied are Conflict: they would be asked for again as long as it is there.
func (s *Service) CheckInLicense(ctx context.Context, who *auth.Principal, in *awsjson.CheckInLicenseRequest) (*awsjson.CheckInLicenseResponse, error) {
	c, err := s.held(ctx, who, in.LicenseConsumptionToken)
	if err != nil {
		return nil, err
	}
	if b := ptr.Deref(in.Beneficiary, ""); b != "" && !s.Store.Names.IsBeneficiary(c.sub, b) {
		if who.Kind == auth.Customer {
			return nil, fault.New(fault.AccessDenied, "A customer's access key may name no other Beneficiary than its own; leave it out.")
		}
		return nil, fault.New(fault.InvalidParameter, "The Beneficiary is not the one that the checkout is for; name that one, or leave it out.")
	}
	if c.grant.Object != "" {
		return nil, fault.New(fault.Conflict, "The seats belong to the LicenseCheckout %q; delete it to give them back.", c.grant.Object)
	}
	names := make([]string, len(c.grant.Items))
	for i, item := range c.grant.Items {
		names[i] = item.Name
	}
	err = licensing.CheckIn(licensing.Return{
		Product: c.product, Subscription: c.sub,
		Type: c.grant.Type, Names: names, ExpirationTime: c.grant.ExpirationTime,
	}, s.Clock.Now())
	if err != nil {
		return nil, err
	}
	if err := s.Books.CheckIn(ctx, c.key, c.handle); err != nil {
		return nil, err
	}
	return &awsjson.CheckInLicenseResponse{}, nil
}

// ExtendLicenseConsumption makes a provisional checkout live as long again from
// now, at most until the Subscription ends. Others are InvalidParameter, since
// the operation knows no ConflictException: a perpetual one never expires, and
// what is borrowed is verified offline by a token that can't be called back. It
// is NotEntitled if the customer is no longer subscribed.
//
// DryRun checks all this, changes nothing and answers the present Expiration.
func (s *Service) ExtendLicenseConsumption(ctx context.Context, who *auth.Principal, in *awsjson.ExtendLicenseConsumptionRequest) (*awsjson.ExtendLicenseConsumptionResponse, error) {
	c, err := s.held(ctx, who, in.LicenseConsumptionToken)
	if err != nil {
		return nil, err
	}
	switch c.grant.Type {
	case v1alpha1.CheckoutPerpetual:
		return nil, fault.New(fault.InvalidParameter, "The checkout is perpetual: it never expires and can't be extended.")
	case v1alpha1.CheckoutBorrow:
		return nil, fault.New(fault.InvalidParameter, "What is borrowed can't be extended; check it in and borrow again.")
	}
	standing := licensing.Stand(c.sub, c.product != nil, s.Clock.Now())
	if !standing.Subscribed {
		return nil, licensing.NotSubscribed(standing)
	}
	out := &awsjson.ExtendLicenseConsumptionResponse{LicenseConsumptionToken: in.LicenseConsumptionToken}
	if !ptr.Deref(in.DryRun, false) {
		lifetime := licensing.CheckoutLifetime(c.product, c.grant.Type, nil)
		c.grant, err = s.Books.Extend(ctx, c.key, c.handle, lifetime, licensing.NotAfter(c.sub))
		if err != nil {
			return nil, err
		}
		// Sealed with the key of now: a checkout that is extended for long
		// outlives the key that first sealed its token.
		out.LicenseConsumptionToken, err = s.Keys.Get().Sealing.SealConsumptionToken(s.Clock.Now(), store.ConsumptionToken(c.key, c.grant))
		if err != nil {
			return nil, err
		}
	}
	out.Expiration = formatTime(c.grant.ExpirationTime)
	return out, nil
}

// product is a Subscription's Product; nil if it is gone. Where too many ask for
// Products that are gone, the cache's word is taken for it.
func (s *Service) product(ctx context.Context, sub *v1alpha1.Subscription) (*v1alpha1.Product, error) {
	p, err := s.Store.Product(ctx, sub.Namespace, sub.Spec.ProductRef.Name)
	if fault.KindOf(err) == fault.Throttled {
		return nil, nil
	}
	return p, err
}
