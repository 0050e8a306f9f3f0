// Copyright The license-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package licensemanager

import (
	"context"
	"slices"
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
	if err == nil {
		err = licensing.CheckPerpetual(o.kind, held)
	}
	if err != nil {
		return seats.Request{}, err
	}
	items := make([]seats.Item, len(held))
	for i, h := range held {
		items[i] = seats.Item(h)
	}
	caller := callerOf(o.caller)
	holder := ""
	if o.kind == v1alpha1.CheckoutProvisional { // What is drawn down, or verifies offline, does not come back with the Pod.
		holder = seats.PodHolder(o.caller.PodName, o.caller.PodUID)
	}
	return seats.Request{
		ID: o.id, Digest: o.digest, Type: o.kind, Items: items,
		Lifetime: licensing.CheckoutLifetime(l.product, o.kind, nil),
		NotAfter: licensing.NotAfter(l.sub),
		Caller:   caller[:min(len(caller), maxCaller)],
		NodeID:   o.nodeID,
		Holder:   holder,
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
// of them has given: that is looked for before, and after in case it was being
// given meanwhile. An answer that is not certain ends the search, else an order
// might be given twice.
func (s *Service) give(ctx context.Context, licences []*licence, o *order) (*licence, seats.Grant, error) {
	candidates := licences
	if len(licences) > 1 {
		given, _, err := s.find(ctx, licences, o)
		if err != nil {
			return nil, seats.Grant{}, err
		}
		if given != nil {
			candidates = []*licence{given}
		}
	}
	var first error
	for _, l := range candidates {
		grant, err := s.from(ctx, l, o)
		if err == nil {
			return s.keepOne(ctx, l, grant, licences, o)
		}
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

// find is the licence that has given an order, and the grant; nil if none has.
func (s *Service) find(ctx context.Context, licences []*licence, o *order) (*licence, seats.Grant, error) {
	if len(licences) == 0 {
		return nil, seats.Grant{}, nil
	}
	keys := make([]seats.Key, len(licences))
	for i, l := range licences {
		keys[i] = l.key()
	}
	key, grant, found, err := s.Books.Find(ctx, keys, o.id)
	if err != nil || !found {
		return nil, seats.Grant{}, err
	}
	return licences[slices.Index(keys, key)], grant, nil
}

// keepOne gives back an order that several licences have given, but for one
// grant: the earlier, then that of the lower key, so that all attempts keep the
// same. Each attempt searches after its own grant, so one of them sees both.
func (s *Service) keepOne(ctx context.Context, l *licence, grant seats.Grant, licences []*licence, o *order) (*licence, seats.Grant, error) {
	others := slices.Clone(licences)
	for {
		others = slices.DeleteFunc(others, func(other *licence) bool { return other.key() == l.key() })
		other, twin, err := s.find(ctx, others, o)
		if err != nil || other == nil {
			return l, grant, err
		}
		var answer error
		if earlier := twin.IssueTime.Compare(grant.IssueTime); earlier < 0 || earlier == 0 && other.key().String() < l.key().String() {
			l, grant, other, twin = other, twin, l, grant
			// The other attempt may have asked for something else.
			if grant, answer = s.from(ctx, l, o); answer != nil && uncertain(answer) {
				return l, grant, answer
			}
		}
		err = s.Books.CheckIn(ctx, other.key(), seats.Handle{ID: twin.ID, Block: twin.Block, Sequence: twin.Sequence})
		if err != nil && fault.KindOf(err) != fault.CheckoutNotFound {
			return l, grant, err
		}
		if answer != nil {
			return l, grant, answer
		}
		others = slices.DeleteFunc(others, func(done *licence) bool { return done.key() == other.key() })
	}
}

// uncertain says whether it is not known what a failure has left behind.
func uncertain(err error) bool {
	kind := fault.KindOf(err)
	return kind == fault.Unavailable || kind == fault.Internal
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
