// Copyright The license-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package licensemanager_test

import (
	"context"
	"slices"
	"time"

	"k8s.io/utils/clock"

	"github.com/license-operator/license-operator/api/v1alpha1"
	"github.com/license-operator/license-operator/internal/fault"
	"github.com/license-operator/license-operator/internal/seats"
)

// books keep seats in memory by the rules of the real ones.
type books struct {
	clock   clock.PassiveClock
	entries []*entry
	// asked counts the books in which Find has looked; last is the last request.
	asked int
	last  seats.Request
	pools []seats.Pool
	// fail is the error of Checkout in the books with these names.
	fail map[string]error
}

type entry struct {
	seats.Grant
	key    seats.Key
	digest string
}

func newBooks(clk clock.PassiveClock) *books { return &books{clock: clk, fail: map[string]error{}} }

func (b *books) find(key seats.Key, id string) *entry {
	for _, e := range b.entries {
		if e.key == key && e.ID == id {
			return e
		}
	}
	return nil
}

func (b *books) used(key seats.Key, pool string) (used int64) {
	for _, e := range b.entries {
		for _, item := range e.Items {
			if e.key == key && item.Name == pool {
				used += item.Quantity
			}
		}
	}
	return used
}

func (b *books) Checkout(_ context.Context, key seats.Key, pools []seats.Pool, r seats.Request) (seats.Grant, error) {
	b.last, b.pools = r, pools
	if err := b.fail[key.Name]; err != nil {
		return seats.Grant{}, err
	}
	if e := b.find(key, r.ID); e != nil {
		if e.digest != r.Digest {
			return seats.Grant{}, fault.New(fault.InvalidParameter, "ClientToken was used with other parameters.")
		}
		return e.Grant, nil
	}
	for _, item := range r.Items {
		for _, p := range pools {
			if p.Name == item.Name && !p.Overage && b.used(key, p.Name)+item.Quantity > p.Total {
				return seats.Grant{}, fault.New(fault.NoCapacity, "All units are in use in %s.", key.Name)
			}
		}
	}
	e := &entry{key: key, digest: r.Digest, Grant: seats.Grant{
		ID: r.ID, Block: 7, Sequence: int64(len(b.entries) + 1), Type: r.Type, Items: r.Items,
		IssueTime: b.clock.Now().Truncate(time.Second), Caller: r.Caller, NodeID: r.NodeID, Holder: r.Holder,
	}}
	if r.Type != v1alpha1.CheckoutPerpetual {
		e.ExpirationTime = b.until(r.Lifetime, r.NotAfter)
	}
	b.entries = append(b.entries, e)
	return e.Grant, nil
}

func (b *books) until(lifetime time.Duration, notAfter time.Time) time.Time {
	t := b.clock.Now().Truncate(time.Second).Add(lifetime)
	if !notAfter.IsZero() && notAfter.Before(t) {
		return notAfter
	}
	return t
}

func (b *books) Find(_ context.Context, keys []seats.Key, id string) (seats.Key, seats.Grant, bool, error) {
	for _, key := range keys {
		b.asked++
		if e := b.find(key, id); e != nil {
			return key, e.Grant, true, nil
		}
	}
	return seats.Key{}, seats.Grant{}, false, nil
}

func (b *books) held(key seats.Key, h seats.Handle) (*entry, error) {
	e := b.find(key, h.ID)
	if e == nil || e.Block != h.Block || e.Sequence != h.Sequence ||
		!e.ExpirationTime.IsZero() && !b.clock.Now().Before(e.ExpirationTime) {
		return nil, fault.New(fault.CheckoutNotFound, "It has ended.")
	}
	return e, nil
}

func (b *books) Lookup(_ context.Context, key seats.Key, h seats.Handle) (seats.Grant, error) {
	e, err := b.held(key, h)
	if err != nil {
		return seats.Grant{}, err
	}
	return e.Grant, nil
}

func (b *books) CheckIn(_ context.Context, key seats.Key, h seats.Handle) error {
	e, err := b.held(key, h)
	if err == nil {
		b.entries = slices.DeleteFunc(b.entries, func(other *entry) bool { return other == e })
	}
	return err
}

func (b *books) Extend(_ context.Context, key seats.Key, h seats.Handle, lifetime time.Duration, notAfter time.Time) (seats.Grant, error) {
	e, err := b.held(key, h)
	if err != nil {
		return seats.Grant{}, err
	}
	e.ExpirationTime = b.until(lifetime, notAfter)
	return e.Grant, nil
}

func (b *books) Usage(_ context.Context, key seats.Key) ([]seats.Usage, error) {
	if err := b.fail[key.Name]; err != nil {
		return nil, err
	}
	return []seats.Usage{{Name: "seats", Used: b.used(key, "seats")}}, nil
}
