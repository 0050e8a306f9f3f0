// Copyright The license-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package store

import (
	"context"
	"fmt"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/utils/clock"
	"k8s.io/utils/lru"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/license-operator/license-operator/api/v1alpha1"
	"github.com/license-operator/license-operator/internal/fault"
	"github.com/license-operator/license-operator/internal/licensing"
	"github.com/license-operator/license-operator/internal/metrics"
)

var (
	namespaceKind     = corev1.SchemeGroupVersion.WithKind("Namespace")
	namespaceListKind = corev1.SchemeGroupVersion.WithKind("NamespaceList")
)

// Look-ups at the API server, for what is authentic and not in the cache, are
// bounded for each namespace. What was not there before is asked for much less
// often: keys of customers who have gone must not use up what new ones need. For
// each caller the bounds are smaller, see ForCaller.
const (
	liveLookupsPerSecond   = 50
	liveLookupBurst        = 100
	absentLookupsPerSecond = 5
	absentLookupBurst      = 10
	liveLookupTimeout      = 5 * time.Second
	absenceRemembered      = 5 * time.Minute
	maxAbsent              = 16384
)

// A look-up for which the API server has no selector reads a namespace's
// Subscriptions in pages, so it may come much less often, and gives up in a
// large namespace: what is there is found as soon as the cache has it.
const (
	scansPerSecond = 1
	scanBurst      = 5
	scanPage       = 500
	maxScanned     = 5000
)

// Store reads from the cache and, where the cache may only lag, once more at
// the API server.
type Store struct {
	Names Names
	cache client.Reader
	live  client.Client
	clock clock.PassiveClock
	limit bound
	// absent holds when something was last looked up and not there.
	absent      *lru.Cache
	absentLimit bound
	scanLimit   bound
}

// New returns a store. cache is the manager's cached reader, live a client
// that asks the API server.
func New(names Names, cache client.Reader, live client.Client, clk clock.PassiveClock) *Store {
	return &Store{Names: names, cache: cache, live: live, clock: clk,
		limit:       newBound(liveLookupsPerSecond, liveLookupBurst, clk),
		absent:      lru.New(maxAbsent),
		absentLimit: newBound(absentLookupsPerSecond, absentLookupBurst, clk),
		scanLimit:   newBound(scansPerSecond, scanBurst, clk)}
}

// look runs one bounded look-up at the API server on behalf of a namespace, or
// of "" where none is known yet. what names the thing that is looked for. What
// was not there a while ago, and is asked for more often than it may be looked
// up, is taken to be still not there.
func (s *Store) look(ctx context.Context, namespace, what string, read func(context.Context) (found bool, err error)) (bool, error) {
	now := s.clock.Now()
	what = namespace + "/" + what
	since, wasAbsent := s.absent.Get(what)
	if wasAbsent && now.Sub(since.(time.Time)) < absenceRemembered {
		if !s.absentLimit.allow(ctx, namespace) {
			return false, nil
		}
	} else if !s.limit.allow(ctx, namespace) {
		return false, fault.New(fault.Throttled, "Too many requests for things that do not exist. Try again later.")
	}
	metrics.LiveLookup()
	ctx, cancel := context.WithTimeout(ctx, liveLookupTimeout)
	defer cancel()
	found, err := read(ctx)
	switch {
	case fault.KindOf(err) == fault.Throttled:
		return false, err
	case err != nil:
		return false, unavailable(err)
	case found:
		s.absent.Remove(what)
	default:
		s.absent.Add(what, now)
	}
	return found, nil
}

// unavailable says that the API server can't answer now; the caller may retry.
func unavailable(err error) error {
	return fault.Wrap(err, fault.Unavailable, "The state can't be read or committed now. Try again later.")
}

// listOf lists by an index of the cache. The objects are the cache's own:
// nobody may change them.
func listOf[L client.ObjectList](ctx context.Context, c client.Reader, list L, namespace, index, value string) (L, error) {
	if r, ok := c.(*Reader); ok {
		return list, r.list(list, namespace, index, value)
	}
	err := c.List(ctx, list, client.InNamespace(namespace), client.MatchingFields{index: value},
		client.UnsafeDisableDeepCopy)
	return list, err
}

// AccessKey finds the active AccessKey with this id and the rotation that the
// id belongs to; nil if there is none.
func (s *Store) AccessKey(ctx context.Context, id string) (*v1alpha1.AccessKey, int32, error) {
	if !s.Names.Identity.AuthenticAccessKeyID(id) {
		return nil, 0, nil
	}
	list, err := listOf(ctx, s.cache, &v1alpha1.AccessKeyList{}, "", IndexAccessKeyID, id)
	if err == nil && len(list.Items) == 0 {
		list = &v1alpha1.AccessKeyList{}
		_, err = s.look(ctx, "", id, func(ctx context.Context) (bool, error) {
			err := s.live.List(ctx, list, client.MatchingFields{"status.accessKeyID": id})
			return len(list.Items) > 0, err
		})
	}
	if err != nil {
		return nil, 0, err
	}
	for i := range list.Items {
		k := &list.Items[i]
		idOf := func(rotation int32) string { return s.Names.AccessKeyID(k, rotation) }
		if rotation, ok := licensing.AcceptedRotation(k, id, idOf, s.clock.Now()); ok {
			return k, rotation, nil
		}
	}
	return nil, 0, nil
}

// ActivationByKey finds the Activation that an activation key belongs to; nil
// if there is none.
func (s *Store) ActivationByKey(ctx context.Context, key string) (*v1alpha1.Activation, error) {
	if !s.Names.Identity.AuthenticActivationKey(key) {
		return nil, nil
	}
	return s.activationByHash(ctx, s.Names.Identity.HashActivationKey(key), func(a *v1alpha1.Activation) bool {
		own, err := s.Names.ActivationKey(a)
		return err == nil && own == key
	})
}

// activationByHash finds the Activation of an authentic key or token by its
// hash; nil if there is none. Of several it is the one that the key is own to:
// a status copied into another namespace makes its owner no other.
func (s *Store) activationByHash(ctx context.Context, hash string, own func(*v1alpha1.Activation) bool) (*v1alpha1.Activation, error) {
	list, err := listOf(ctx, s.cache, &v1alpha1.ActivationList{}, "", IndexActivationKeyHash, hash)
	if err == nil && len(list.Items) == 0 {
		list = &v1alpha1.ActivationList{}
		_, err = s.look(ctx, "", hash, func(ctx context.Context) (bool, error) {
			err := s.live.List(ctx, list, client.MatchingFields{"status.keyHash": hash})
			return len(list.Items) > 0, err
		})
	}
	if err != nil || len(list.Items) == 0 {
		return nil, err
	}
	for i := range list.Items {
		if own(&list.Items[i]) {
			return &list.Items[i], nil
		}
	}
	return &list.Items[0], nil
}

// one reads one object from the cache and, if it isn't there and must is set,
// once at the API server; nil if it doesn't exist. The object is the cache's
// own: nobody may change it.
func one[T any, P object[T]](ctx context.Context, s *Store, namespace, name string, must bool) (P, error) {
	key := client.ObjectKey{Namespace: namespace, Name: name}
	obj, err := cached[T, P](ctx, s.cache, key)
	if err != nil {
		return nil, fmt.Errorf("read from the cache: %w", err)
	}
	if obj != nil || !must {
		return obj, nil
	}
	obj = new(T)
	found, err := s.look(ctx, namespace, fmt.Sprintf("%T/%s", obj, name), func(ctx context.Context) (bool, error) {
		err := s.live.Get(ctx, key, obj)
		return err == nil, client.IgnoreNotFound(err)
	})
	if !found {
		return nil, err
	}
	return obj, nil
}

// cached reads one object from the cache; nil if it isn't there.
func cached[T any, P object[T]](ctx context.Context, c client.Reader, key client.ObjectKey) (P, error) {
	if r, ok := c.(*Reader); ok {
		return getFrom[T, P](r.indexerOf(P(nil)), key)
	}
	obj := P(new(T))
	if err := c.Get(ctx, key, obj); err != nil {
		return nil, client.IgnoreNotFound(err)
	}
	return obj, nil
}

// Product reads a Product that something existing refers to; nil if it is
// gone.
func (s *Store) Product(ctx context.Context, namespace, name string) (*v1alpha1.Product, error) {
	return one[v1alpha1.Product](ctx, s, namespace, name, true)
}

// Subscription reads a Subscription that something existing refers to; nil if
// it is gone.
func (s *Store) Subscription(ctx context.Context, namespace, name string) (*v1alpha1.Subscription, error) {
	return one[v1alpha1.Subscription](ctx, s, namespace, name, true)
}

// Activation reads an Activation that a token names; nil if it is gone, which
// is ordinary: keys live an hour, what they activated lives on.
func (s *Store) Activation(ctx context.Context, namespace, name string) (*v1alpha1.Activation, error) {
	return one[v1alpha1.Activation](ctx, s, namespace, name, false)
}
