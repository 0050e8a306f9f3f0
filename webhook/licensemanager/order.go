// Copyright The license-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package licensemanager

import (
	"context"
	"strconv"
	"time"

	"k8s.io/utils/ptr"

	"github.com/license-operator/license-operator/api/v1alpha1"
	"github.com/license-operator/license-operator/internal/fault"
	"github.com/license-operator/license-operator/internal/licensing"
	"github.com/license-operator/license-operator/internal/seats"
	"github.com/license-operator/license-operator/webhook/auth"
	"github.com/license-operator/license-operator/webhook/awsjson"
)

// order asks for seats, whatever operation it came by.
type order struct {
	id, digest string
	kind       v1alpha1.CheckoutType
	wants      []licensing.Want
	caller     *auth.Principal
	nodeID     string
	// metadata is what a borrower says of itself.
	metadata []awsjson.Metadata
}

// digestOf is the digest of what a request says beside what its id is made of.
// Entitlements count in the order in which they are given.
func digestOf(o *order, words ...string) string {
	parts := append(make([]string, 0, 8+len(words)+3*len(o.wants)+2*len(o.metadata)), words...)
	parts = append(parts, o.nodeID, o.caller.PodUID, strconv.Itoa(len(o.wants)))
	for _, w := range o.wants {
		parts = append(parts, w.Name, string(w.Unit), w.Value)
	}
	for _, m := range o.metadata {
		parts = append(parts, ptr.Deref(m.Name, ""), ptr.Deref(m.Value, ""))
	}
	return seats.NewDigest(parts...)
}

// licence is a Subscription with its Product, and what both say together.
type licence struct {
	sub *v1alpha1.Subscription
	// product is nil if it is gone: then the customer is not subscribed.
	product *v1alpha1.Product
	// account is the vendor's.
	account, arn string
	standing     licensing.Standing
	entitlements []v1alpha1.Entitlement
}

func (s *Service) licence(sub *v1alpha1.Subscription, product *v1alpha1.Product, account string) *licence {
	l := &licence{
		sub: sub, product: product, account: account,
		arn:      s.Store.Names.LicenseARN(account, sub),
		standing: licensing.Stand(sub, product != nil, s.Clock.Now()),
	}
	if product != nil {
		l.entitlements, _ = licensing.Entitlements(product, sub)
	}
	return l
}

func (l *licence) key() seats.Key {
	return seats.Key{Namespace: l.sub.Namespace, Name: l.sub.Name}
}

// request is what the book is asked for, if the licence may give it. Faults:
// NotEntitled, BorrowNotAllowed, InvalidParameter.
func (l *licence) request(o *order) (seats.Request, error) {
	if !l.standing.Subscribed {
		return seats.Request{}, licensing.NotSubscribed(l.standing)
	}
	if !l.sub.DeletionTimestamp.IsZero() {
		return seats.Request{}, fault.New(fault.NotEntitled, "The licence can't be used: it is being deleted.")
	}
	match := licensing.Match
	if o.kind == v1alpha1.CheckoutBorrow {
		if err := licensing.CheckBorrow(l.product); err != nil {
			return seats.Request{}, err
		}
		// API reference of CheckoutBorrowLicense: partial checkouts are not
		// supported.
		match = licensing.MatchAll
	}
	held, err := match(l.entitlements, o.wants)
	if err != nil {
		return seats.Request{}, err
	}
	items := make([]seats.Item, len(held))
	for i, h := range held {
		items[i] = seats.Item(h)
	}
	caller := callerOf(o.caller)
	return seats.Request{
		ID: o.id, Digest: o.digest, Type: o.kind, Items: items,
		Lifetime: licensing.CheckoutLifetime(l.product, o.kind, nil),
		NotAfter: licensing.NotAfter(l.sub),
		Caller:   caller[:min(len(caller), maxCaller)],
		NodeID:   o.nodeID,
		Holder:   seats.PodHolder(o.caller.PodName, o.caller.PodUID),
	}, nil
}

// from commits an order in the book of one licence.
func (s *Service) from(ctx context.Context, l *licence, o *order) (seats.Grant, error) {
	request, err := l.request(o)
	if err != nil {
		return seats.Grant{}, err
	}
	counted := licensing.Pools(l.entitlements)
	pools := make([]seats.Pool, len(counted))
	for i, p := range counted {
		pools[i] = seats.Pool(p)
	}
	return s.Books.Checkout(ctx, l.key(), pools, request)
}

// give commits an order in the book of one of several licences, the newest
// first. Where there are several, the order may be a repeated one that another
// of them has given: that is looked for before. An answer that is not certain
// ends the search, else an order might be given twice.
func (s *Service) give(ctx context.Context, licences []*licence, o *order) (*licence, seats.Grant, error) {
	if len(licences) > 1 {
		keys := make([]seats.Key, len(licences))
		for i, l := range licences {
			keys[i] = l.key()
		}
		key, _, found, err := s.Books.Find(ctx, keys, o.id)
		if err != nil {
			return nil, seats.Grant{}, err
		}
		for _, l := range licences {
			if found && l.key() == key {
				licences = []*licence{l}
			}
		}
	}
	var first error
	for _, l := range licences {
		grant, err := s.from(ctx, l, o)
		switch fault.KindOf(err) {
		case fault.NotEntitled, fault.NoCapacity:
			if first == nil {
				first = err
			}
		default:
			return l, grant, err
		}
	}
	return nil, seats.Grant{}, first
}

// allowed are a grant's items in the words of the API.
func allowed(items []seats.Item) []awsjson.EntitlementData {
	data := make([]awsjson.EntitlementData, len(items))
	for i, item := range items {
		data[i] = awsjson.EntitlementData{Name: item.Name, Unit: string(item.Unit)}
		if value := valueOf(item); value != "" {
			data[i].Value = &value
		}
	}
	return data
}

// valueOf is a number of units in digits, or a feature's value.
func valueOf(item seats.Item) string {
	if item.Unit == v1alpha1.UnitNone {
		return item.Value
	}
	return strconv.FormatInt(item.Quantity, 10)
}

// formatTime is "" for a time that never comes.
func formatTime(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return awsjson.FormatTime(t)
}
