// Copyright The license-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package store

import (
	"strconv"

	"github.com/license-operator/license-operator/api/v1alpha1"
	"github.com/license-operator/license-operator/internal/licensing"
	"github.com/license-operator/license-operator/internal/seats"
	"github.com/license-operator/license-operator/internal/secrets"
)

// Licence is what a licence token speaks of beside the checkout. The Product
// exists.
type Licence struct {
	Product      *v1alpha1.Product
	Subscription *v1alpha1.Subscription
	// Account is that of the vendor's namespace.
	Account string
}

// LicenceClaims is what the token of a checkout says. consumptionToken gives the
// checkout back; metadata is what a borrower says of itself.
func (n Names) LicenceClaims(l Licence, g seats.Grant, consumptionToken string, metadata map[string]string) secrets.LicenceClaims {
	p, sub := l.Product, l.Subscription
	c := secrets.LicenceClaims{
		KeyFingerprint:   n.KeyFingerprint(l.Account, p),
		Customer:         n.Customer(sub),
		CheckoutID:       g.ID,
		CheckoutType:     g.Type,
		LicenceARN:       n.LicenseARN(l.Account, sub),
		ConsumptionToken: consumptionToken,
		NodeID:           g.NodeID,
		IssueTime:        g.IssueTime,
		ExpirationTime:   g.ExpirationTime,
		CheckoutMetadata: metadata,
		Terms: secrets.LicenceTerms{
			ProductSKU:         n.SKU(p),
			ProductCode:        n.Code(p),
			ProductName:        p.Spec.DisplayName,
			IssuerName:         p.Spec.License.IssuerName,
			Beneficiary:        n.Beneficiary(sub),
			Begin:              sub.CreationTimestamp.Time,
			Renewal:            p.Spec.License.Renewal,
			ProvisionalMinutes: licensing.ProvisionalMinutes(p),
		},
	}
	c.Terms.Entitlements, _ = licensing.Entitlements(p, sub)
	if c.Terms.ProductName == "" {
		c.Terms.ProductName = p.Name
	}
	if c.Terms.IssuerName == "" {
		c.Terms.IssuerName = p.Namespace
	}
	if sub.Spec.StartTime != nil {
		c.Terms.Begin = sub.Spec.StartTime.Time
	}
	if sub.Spec.EndTime != nil {
		c.Terms.End = sub.Spec.EndTime.Time
	}
	if b := p.Spec.License.Borrow; b != nil {
		c.Terms.BorrowMinutes, c.Terms.EarlyCheckIn = licensing.BorrowMinutes(b), b.EarlyCheckIn
	}
	c.EntitlementsAllowed = make([]secrets.AllowedEntitlement, len(g.Items))
	for i, item := range g.Items {
		c.EntitlementsAllowed[i] = secrets.AllowedEntitlement{Name: item.Name, Value: item.Value, Unit: item.Unit}
		if item.Unit != v1alpha1.UnitNone {
			c.EntitlementsAllowed[i].Value = strconv.FormatInt(item.Quantity, 10)
		}
	}
	return c
}

// ConsumptionToken is what the consumption token of a grant says.
func ConsumptionToken(key seats.Key, g seats.Grant) secrets.ConsumptionToken {
	return secrets.ConsumptionToken{
		Namespace: key.Namespace, Subscription: key.Name,
		ID: g.ID, Block: g.Block, Sequence: g.Sequence, Type: g.Type,
	}
}

// LicenceAlgorithm signs the tokens of a Product's checkouts of a type: the
// Product's, and for what is borrowed PS384, the only method that
// CheckoutBorrowLicense has (API reference of License Manager).
func LicenceAlgorithm(p *v1alpha1.Product, kind v1alpha1.CheckoutType) v1alpha1.SigningAlgorithm {
	if kind == v1alpha1.CheckoutBorrow {
		return v1alpha1.PS384
	}
	return p.Spec.License.SigningAlgorithm
}
