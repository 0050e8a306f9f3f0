// Copyright The license-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package store

import (
	"context"
	"fmt"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"
)

// Account is the 12 digits of a namespace's account. The namespace exists: it
// is a caller's own, or that of an object.
func (s *Store) Account(ctx context.Context, namespace string) (string, error) {
	ns, err := s.namespace(ctx, namespace)
	if err != nil {
		return "", err
	}
	account, _ := s.Names.Account(ns)
	return account, nil
}

// NamespaceOfAccount is the namespace that has an account; "" if none has. Of
// several it is the oldest, as the condition AccountUnique says. Only the cache
// is asked: anybody can make up an account.
func (s *Store) NamespaceOfAccount(ctx context.Context, account string) (string, error) {
	list, err := namespacesOf(ctx, s.cache, account)
	if err != nil || len(list) == 0 {
		return "", err
	}
	first := list[0]
	for _, ns := range list[1:] {
		if older(ns, first) {
			first = ns
		}
	}
	return first.Name, nil
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

// older says whether a was there before b; names decide within one second.
func older(a, b metav1.Object) bool {
	ta, tb := a.GetCreationTimestamp(), b.GetCreationTimestamp()
	if ta.Equal(&tb) {
		return a.GetName() < b.GetName()
	}
	return ta.Before(&tb)
}
