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
	"github.com/license-operator/license-operator/webhook/auth"
	"github.com/license-operator/license-operator/webhook/awsjson"
)

// checkoutTypes by the words of the API.
var checkoutTypes = map[string]v1alpha1.CheckoutType{
	awsjson.CheckoutTypeProvisional: v1alpha1.CheckoutProvisional,
	awsjson.CheckoutTypePerpetual:   v1alpha1.CheckoutPerpetual,
}

// CheckoutLicense gives seats of a licence of a product to a beneficiary. A
// customer's own key may leave the beneficiary out; everybody else has to name
// it. Of several licences that match, the newest that has room gives them. The
// same ClientToken with the same parameters answers the same checkout again; a
// pod belongs to the parameters, since the seats are free when it is gone.
//
// A perpetual checkout never expires, so its answer has no Expiration, which is
// optional in the API model.
func (s *Service) CheckoutLicense(ctx context.Context, who *auth.Principal, in *awsjson.CheckoutLicenseRequest) (*awsjson.CheckoutLicenseResponse, error) {
	kind, known := checkoutTypes[in.CheckoutType]
	if !known {
		return nil, fault.New(fault.InvalidParameter, "CheckoutType must be PROVISIONAL or PERPETUAL.")
	}
	licences, customer, err := s.licencesFor(ctx, who, in)
	if err != nil {
		return nil, err
	}
	namespace := licences[0].sub.Namespace
	o := &order{
		id:     seats.NewID("checkout", namespace, in.ProductSKU, customer, callerOf(who), in.ClientToken),
		kind:   kind,
		wants:  wantsOf(in.Entitlements),
		caller: who,
		nodeID: ptr.Deref(in.NodeID, ""),
	}
	o.digest = digestOf(o, in.CheckoutType, in.KeyFingerprint)
	lic, grant, err := s.give(ctx, licences, o)
	if err != nil {
		return nil, err
	}
	made, err := s.papers(lic, grant, o)
	if err != nil {
		return nil, err
	}
	return &awsjson.CheckoutLicenseResponse{
		CheckoutType:            in.CheckoutType,
		LicenseConsumptionToken: made.consumptionToken,
		EntitlementsAllowed:     allowed(grant.Items),
		SignedToken:             made.signedToken,
		NodeID:                  o.nodeID,
		IssuedAt:                formatTime(grant.IssueTime),
		Expiration:              formatTime(grant.ExpirationTime),
		LicenseARN:              lic.arn,
	}, nil
}

// licencesFor are the licences that a request matches, at least one, the newest
// first, and the identifier of the customer who has them. Faults: NotEntitled
// that says what does not match, InvalidParameter, AccessDenied.
func (s *Service) licencesFor(ctx context.Context, who *auth.Principal, in *awsjson.CheckoutLicenseRequest) ([]*licence, string, error) {
	beneficiary := ptr.Deref(in.Beneficiary, "")
	if beneficiary == "" && who.Kind != auth.Customer {
		// The API's own note: who checks out a licence of its own account must
		// specify the account as the beneficiary.
		return nil, "", fault.New(fault.InvalidParameter,
			"Beneficiary is missing: name the customer by the Subscription's `status.customerIdentifier` or `spec.customer.accountID`, or sign with the customer's own access key.")
	}
	namespace, err := s.namespaceByFingerprint(ctx, who, in.KeyFingerprint)
	if err != nil {
		return nil, "", err
	}
	var own *v1alpha1.Subscription
	if who.Kind == auth.Customer {
		if own, err = s.ownSubscription(ctx, who, beneficiary); err != nil {
			return nil, "", err
		}
	}
	product, account, err := s.productFor(ctx, namespace, in)
	if err != nil {
		return nil, "", err
	}
	subs := []*v1alpha1.Subscription{own}
	switch {
	case own == nil:
		if subs, err = s.Store.SubscriptionsTo(ctx, namespace, product.Name, beneficiary); err != nil {
			return nil, "", err
		}
		if len(subs) == 0 {
			return nil, "", fault.New(fault.NotEntitled, "The Beneficiary has no licence of the product %q: no Subscription names it.", in.ProductSKU)
		}
	case own.Spec.ProductRef.Name != product.Name:
		return nil, "", fault.New(fault.NotEntitled, "The access key is for a licence of another product than %q.", in.ProductSKU)
	}
	licences := make([]*licence, len(subs))
	for i, sub := range subs {
		licences[i] = s.licence(sub, product, account)
	}
	return licences, s.customerOf(subs, beneficiary), nil
}

// ownSubscription is the Subscription of a customer's access key. The customer
// may name itself only.
func (s *Service) ownSubscription(ctx context.Context, who *auth.Principal, beneficiary string) (*v1alpha1.Subscription, error) {
	sub, err := s.Store.Subscription(ctx, who.Namespace, who.Subscription)
	if err != nil {
		return nil, err
	}
	if sub == nil {
		return nil, fault.New(fault.NotEntitled, "The licence of this access key no longer exists.")
	}
	if beneficiary != "" && !s.Store.Names.IsBeneficiary(sub, beneficiary) {
		return nil, fault.New(fault.AccessDenied, "A customer's access key may name no other Beneficiary than its own; leave it out.")
	}
	return sub, nil
}

// productFor is the Product that a request names by SKU and key fingerprint, and
// the vendor's account.
func (s *Service) productFor(ctx context.Context, namespace string, in *awsjson.CheckoutLicenseRequest) (*v1alpha1.Product, string, error) {
	product, err := s.Store.ProductBySKU(ctx, namespace, in.ProductSKU)
	if err != nil {
		return nil, "", err
	}
	if product == nil {
		return nil, "", fault.New(fault.NotEntitled, "The vendor has no product with the ProductSKU %q; copy it from the Product's `status.sku`.", in.ProductSKU)
	}
	account, err := s.Store.Account(ctx, namespace)
	if err != nil {
		return nil, "", err
	}
	if s.Store.Names.KeyFingerprint(account, product) != in.KeyFingerprint {
		return nil, "", fault.New(fault.NotEntitled, "The KeyFingerprint is not the issuer's of the product %q; copy it from the Product's `status.keyFingerprint`.", in.ProductSKU)
	}
	return product, account, nil
}

// customerOf is the identifier by which a request that is repeated is known to
// be the same one, however its Subscriptions come and go: where a name is the
// account of several customers, that of the oldest.
func (s *Service) customerOf(subs []*v1alpha1.Subscription, beneficiary string) string {
	for _, sub := range subs {
		if s.Store.Names.Customer(sub) == beneficiary {
			return beneficiary
		}
	}
	return s.Store.Names.Customer(subs[len(subs)-1])
}

// wantsOf are the entitlements that a request asks for.
func wantsOf(data []awsjson.EntitlementData) []licensing.Want {
	wants := make([]licensing.Want, len(data))
	for i, d := range data {
		wants[i] = licensing.Want{Name: d.Name, Unit: v1alpha1.Unit(d.Unit), Value: ptr.Deref(d.Value, "")}
	}
	return wants
}
