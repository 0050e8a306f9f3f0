// Copyright The license-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package store

import (
	"context"
	"iter"
	"slices"
	"strings"

	toolscache "k8s.io/client-go/tools/cache"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/license-operator/license-operator/api/v1alpha1"
	"github.com/license-operator/license-operator/internal/fault"
)

// What these look-ups look for is not authentic by itself, as a key id is: the
// callers have proved who they are, and what they may cost is bounded for each
// namespace. Where too many ask for what is not there, the cache's word is
// taken for it instead of refusing them: having no licence is an everyday
// answer.

// SubscriptionsTo finds the Subscriptions to a Product of a customer whom the
// caller calls by identifier or account, the newest first.
func (s *Store) SubscriptionsTo(ctx context.Context, namespace, product, beneficiary string) ([]*v1alpha1.Subscription, error) {
	if beneficiary == "" {
		return nil, nil
	}
	var matches []*v1alpha1.Subscription
	add := func(items []v1alpha1.Subscription) {
		for i := range items {
			if sub := &items[i]; sub.Spec.ProductRef.Name == product && s.Names.IsBeneficiary(sub, beneficiary) &&
				!slices.ContainsFunc(matches, func(m *v1alpha1.Subscription) bool { return m.Name == sub.Name }) {
				matches = append(matches, sub)
			}
		}
	}
	pid := s.Names.Identity.PersistentIdentifier(namespace, beneficiary)
	list, err := listOf(ctx, s.cache, &v1alpha1.SubscriptionList{}, namespace, IndexSubscriptionPID, pid)
	if err != nil {
		return nil, err
	}
	add(list.Items)
	isAccount := accountPattern.MatchString(beneficiary)
	if isAccount {
		list, err := listOf(ctx, s.cache, &v1alpha1.SubscriptionList{}, namespace, IndexSubscriptionAccount, beneficiary)
		if err != nil {
			return nil, err
		}
		add(list.Items)
	}
	if len(matches) == 0 {
		err = s.lookEveryday(ctx, namespace, "beneficiary/"+product+"/"+beneficiary, func(ctx context.Context) (bool, error) {
			list := &v1alpha1.SubscriptionList{}
			err := s.live.List(ctx, list, client.InNamespace(namespace), client.MatchingFields{"status.persistentIdentifier": pid})
			add(list.Items)
			return len(matches) > 0, err
		})
	}
	if err == nil && len(matches) == 0 && isAccount {
		err = s.scan(ctx, namespace, "account/"+product+"/"+beneficiary, func(page []v1alpha1.Subscription) (found, enough bool) {
			add(page)
			return len(matches) > 0, false
		})
	}
	slices.SortFunc(matches, func(a, b *v1alpha1.Subscription) int {
		if older(a, b) {
			return 1
		}
		return -1
	})
	return matches, err
}

// SubscriptionByLicense finds the Subscription of a namespace whose licence has
// an ARN; nil if there is none.
func (s *Store) SubscriptionByLicense(ctx context.Context, namespace, arn string) (*v1alpha1.Subscription, error) {
	account, id, ok := ParseLicenseARN(arn)
	if !ok {
		return nil, nil
	}
	own, err := s.Account(ctx, namespace)
	if err != nil || own != account {
		return nil, err
	}
	match, err := s.CachedSubscriptionByLicense(ctx, namespace, arn)
	if err != nil || match != nil {
		return match, err
	}
	err = s.scan(ctx, namespace, "licence/"+id, func(page []v1alpha1.Subscription) (found, enough bool) {
		for i := range page {
			if s.Names.LicenseID(&page[i]) == id {
				match = &page[i]
			}
		}
		return match != nil, match != nil
	})
	return match, err
}

// CachedSubscriptionByLicense is SubscriptionByLicense by the cache alone, for
// callers of whom it is not known yet whether they may ask. The namespace is the
// one that has the ARN's account.
func (s *Store) CachedSubscriptionByLicense(ctx context.Context, namespace, arn string) (*v1alpha1.Subscription, error) {
	_, id, ok := ParseLicenseARN(arn)
	if !ok {
		return nil, nil
	}
	list, err := listOf(ctx, s.cache, &v1alpha1.SubscriptionList{}, namespace, IndexSubscriptionLicense, id)
	if err != nil || len(list.Items) == 0 {
		return nil, err
	}
	return &list.Items[0], nil
}

// Subscriptions are the Subscriptions of a namespace whose names come after a
// name, in the order of names. Only the cache is read: a list may lag.
func (s *Store) Subscriptions(ctx context.Context, namespace, after string) (iter.Seq[*v1alpha1.Subscription], error) {
	if r, ok := s.cache.(*Reader); ok {
		return r.subscriptionsAfter(namespace, after)
	}
	list := &v1alpha1.SubscriptionList{}
	if err := s.cache.List(ctx, list, client.InNamespace(namespace), client.UnsafeDisableDeepCopy); err != nil {
		return nil, err
	}
	var all []*v1alpha1.Subscription
	for i := range list.Items {
		if sub := &list.Items[i]; sub.Name > after {
			all = append(all, sub)
		}
	}
	slices.SortFunc(all, func(a, b *v1alpha1.Subscription) int { return strings.Compare(a.Name, b.Name) })
	return slices.Values(all), nil
}

// subscriptionsAfter sorts keys only: whoever asks for a page does not read all
// objects of a large namespace.
func (r *Reader) subscriptionsAfter(namespace, after string) (iter.Seq[*v1alpha1.Subscription], error) {
	keys, err := r.subscriptions.IndexKeys(toolscache.NamespaceIndex, namespace)
	if err != nil {
		return nil, err
	}
	return r.subscriptionsByKey(slices.DeleteFunc(keys, func(key string) bool { return key <= namespace+"/"+after })), nil
}

// subscriptionsByKey reads Subscriptions in the order of their keys, each when
// it is asked for.
func (r *Reader) subscriptionsByKey(keys []string) iter.Seq[*v1alpha1.Subscription] {
	slices.Sort(keys)
	return func(yield func(*v1alpha1.Subscription) bool) {
		for _, key := range keys {
			item, found, err := r.subscriptions.GetByKey(key)
			if err != nil || !found {
				continue // Deleted meanwhile; GetByKey of a synced cache has no other failure.
			}
			if sub, ok := item.(*v1alpha1.Subscription); ok && !yield(sub) {
				return
			}
		}
	}
}

// lookEveryday is look, where that something is not there is an everyday
// answer.
func (s *Store) lookEveryday(ctx context.Context, namespace, what string, read func(context.Context) (bool, error)) error {
	_, err := s.look(ctx, namespace, what, read)
	if fault.KindOf(err) == fault.Throttled {
		return nil
	}
	return err
}

// scan reads a namespace's Subscriptions at the API server in pages, until there
// was enough of them.
func (s *Store) scan(ctx context.Context, namespace, what string, page func([]v1alpha1.Subscription) (found, enough bool)) error {
	if !s.scanLimit.allow(ctx, namespace) {
		return nil
	}
	return s.lookEveryday(ctx, namespace, what, func(ctx context.Context) (found bool, err error) {
		next := ""
		for range maxScanned / scanPage {
			list := &v1alpha1.SubscriptionList{}
			err := s.live.List(ctx, list, client.InNamespace(namespace), client.Limit(scanPage), client.Continue(next))
			if err != nil {
				return false, err
			}
			var enough bool
			found, enough = page(list.Items)
			if next = list.Continue; enough || next == "" {
				break
			}
		}
		return found, nil
	})
}
