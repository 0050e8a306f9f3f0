// Copyright The license-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package store

import (
	"context"
	"fmt"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/license-operator/license-operator/api/v1alpha1"
	"github.com/license-operator/license-operator/internal/fault"
)

// Account is the 12 digits of a namespace's account. The namespace exists: it
// is a caller's own, or that of an object. Of several namespaces with one
// account only the one that NamespaceOfAccount says has it; for the others the
// fault is NotEntitled, since the account is what tokens and ARNs speak for.
func (s *Store) Account(ctx context.Context, namespace string) (string, error) {
	ns, err := s.namespace(ctx, namespace)
	if err != nil {
		return "", err
	}
	return s.Names.OwnAccount(ctx, s.cache, ns)
}

// OwnAccount is Account of a Namespace that has been read. The cache, which has
// the indexes, is asked for its rivals.
func (n Names) OwnAccount(ctx context.Context, cache client.Reader, ns metav1.Object) (string, error) {
	account, _ := n.Account(ns)
	list, err := namespacesOf(ctx, cache, account)
	if err != nil {
		return "", err
	}
	for _, rival := range list {
		if rival.Name != ns.GetName() && n.HasAccountBefore(rival, ns) {
			return "", fault.New(fault.NotEntitled, "The licences of this vendor can't be used: another Namespace has its account %s. "+
				"The vendor has to set another one; see the condition %s of the Product.", account, v1alpha1.ConditionAccountUnique)
		}
	}
	return account, nil
}

// NamespaceOfAccount is the namespace that has an account; "" if none has. Of
// several it is the first by HasAccountBefore. Only the cache is asked: anybody
// can make up an account.
func (s *Store) NamespaceOfAccount(ctx context.Context, account string) (string, error) {
	list, err := namespacesOf(ctx, s.cache, account)
	if err != nil || len(list) == 0 {
		return "", err
	}
	first := list[0]
	for _, ns := range list[1:] {
		if s.Names.HasAccountBefore(ns, first) {
			first = ns
		}
	}
	return first.Name, nil
}

// HasAccountBefore says whether of two Namespaces with one account a has it and
// not b: one whose account is derived from its name before one that has it by
// its annotation, so that nobody can take it away by an annotation; else the
// older one.
func (n Names) HasAccountBefore(a, b metav1.Object) bool {
	if da, db := n.hasDerivedAccount(a), n.hasDerivedAccount(b); da != db {
		return da
	}
	return older(a, b)
}

func (n Names) hasDerivedAccount(ns metav1.Object) bool {
	account, _ := n.Account(ns)
	return account == n.Identity.AccountID(ns.GetName())
}

// namespace reads the metadata of a namespace from the cache, or at the API
// server what the cache does not have yet.
func (s *Store) namespace(ctx context.Context, name string) (*metav1.PartialObjectMetadata, error) {
	if r, ok := s.cache.(*Reader); ok {
		item, found, err := r.namespaces.GetByKey(name)
		if err != nil {
			return nil, err
		}
		if found {
			return as[*metav1.PartialObjectMetadata](item)
		}
	} else {
		ns := NamespaceMetadata()
		err := s.cache.Get(ctx, client.ObjectKey{Name: name}, ns)
		if client.IgnoreNotFound(err) != nil {
			return nil, fmt.Errorf("read from the cache: %w", err)
		}
		if err == nil {
			return ns, nil
		}
	}
	ns := NamespaceMetadata()
	found, err := s.look(ctx, name, "Namespace", func(ctx context.Context) (bool, error) {
		err := s.live.Get(ctx, client.ObjectKey{Name: name}, ns)
		return err == nil, client.IgnoreNotFound(err)
	})
	if err == nil && !found {
		err = unavailable(fmt.Errorf("the Namespace %s is gone", name))
	}
	return ns, err
}

func namespacesOf(ctx context.Context, c client.Reader, account string) ([]*metav1.PartialObjectMetadata, error) {
	var all []*metav1.PartialObjectMetadata
	if r, ok := c.(*Reader); ok {
		items, err := r.namespaces.ByIndex(indexPrefix+IndexNamespaceAccount, indexKey("", account))
		for _, item := range items {
			ns, err := as[*metav1.PartialObjectMetadata](item)
			if err != nil {
				return nil, err
			}
			all = append(all, ns)
		}
		return all, err
	}
	list := NamespaceMetadataList()
	err := c.List(ctx, list, client.MatchingFields{IndexNamespaceAccount: account}, client.UnsafeDisableDeepCopy)
	for i := range list.Items {
		all = append(all, &list.Items[i])
	}
	return all, err
}

// older says whether a was there before b; namespaces and names decide within
// one second.
func older(a, b metav1.Object) bool {
	ta, tb := a.GetCreationTimestamp(), b.GetCreationTimestamp()
	if ta.Equal(&tb) {
		return a.GetNamespace() < b.GetNamespace() || a.GetNamespace() == b.GetNamespace() && a.GetName() < b.GetName()
	}
	return ta.Before(&tb)
}
