// Copyright The license-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package store

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	toolscache "k8s.io/client-go/tools/cache"
	"sigs.k8s.io/controller-runtime/pkg/cache"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/license-operator/license-operator/api/v1alpha1"
)

// How controller-runtime's cache names an index and its keys.
const (
	indexPrefix   = "field:"
	allNamespaces = "__all_namespaces"
)

var errNoIndexer = errors.New("the cache has no such indexer")

// Reader is a cache that a Store reads without the copies, the reflection and
// the selectors of the cache's own methods: they would be a third of what
// answering a request costs. What it gives is shared with everybody: nobody may
// change it. Everything but the Store uses the cache's own methods.
type Reader struct {
	client.Reader

	products, subscriptions, activations, accessKeys, namespaces toolscache.Indexer
}

// NewReader returns a Reader of a cache to which SetupIndexes has added its
// indexes. It fails if the cache keeps them in another way than expected.
func NewReader(ctx context.Context, c cache.Cache) (*Reader, error) {
	r := &Reader{Reader: c}
	for _, kind := range []struct {
		object  client.Object
		indexes []string
		indexer *toolscache.Indexer
	}{
		{&v1alpha1.Product{Spec: v1alpha1.ProductSpec{ImportedTokenSHA256: "0"}},
			[]string{IndexProductCode, IndexProductSKU, IndexProductImportedToken}, &r.products},
		{&v1alpha1.Subscription{Spec: v1alpha1.SubscriptionSpec{Customer: v1alpha1.Customer{AccountID: "0"}}},
			[]string{IndexSubscriptionPID, IndexSubscriptionAccount, IndexSubscriptionLicense, IndexSubscriptionProduct}, &r.subscriptions},
		{&v1alpha1.Activation{Status: v1alpha1.ActivationStatus{KeyHash: "0"}},
			[]string{IndexActivationKeyHash, IndexActivationSubscription}, &r.activations},
		{&v1alpha1.AccessKey{}, []string{IndexAccessKeyID}, &r.accessKeys},
		{NamespaceMetadata(), []string{IndexNamespaceAccount}, &r.namespaces},
	} {
		informer, err := c.GetInformer(ctx, kind.object, cache.BlockUntilSynced(false))
		if err != nil {
			return nil, fmt.Errorf("read the cache of %T: %w", kind.object, err)
		}
		shared, ok := informer.(interface{ GetIndexer() toolscache.Indexer })
		if !ok {
			return nil, fmt.Errorf("%T: %w", kind.object, errNoIndexer)
		}
		*kind.indexer = shared.GetIndexer()
		for _, name := range kind.indexes {
			if err := checkIndex(*kind.indexer, name, kind.object); err != nil {
				return nil, fmt.Errorf("the index %s of %T: %w", name, kind.object, err)
			}
		}
	}
	if _, found := r.subscriptions.GetIndexers()[toolscache.NamespaceIndex]; !found {
		return nil, fmt.Errorf("Subscriptions by namespace: %w", errNoIndexer)
	}
	return r, nil
}

// checkIndex makes sure that an index has its keys where they are looked for.
// The object has one.
func checkIndex(indexer toolscache.Indexer, name string, object client.Object) error {
	object.SetNamespace("namespace")
	object.SetName("name")
	index, found := indexer.GetIndexers()[indexPrefix+name]
	if !found {
		return errNoIndexer
	}
	keys, err := index(object)
	if err != nil {
		return err
	}
	prefixes := []string{indexKey(object.GetNamespace(), "")}
	if slices.ContainsFunc(everywhere(Names{}), func(i Index) bool { return i.Name == name }) {
		prefixes = append(prefixes, indexKey("", ""))
	}
	for _, prefix := range prefixes {
		if !slices.ContainsFunc(keys, func(key string) bool { return strings.HasPrefix(key, prefix) }) {
			return fmt.Errorf("no key begins with %s", prefix)
		}
	}
	return nil
}

func indexKey(namespace, value string) string {
	if namespace == "" {
		namespace = allNamespaces
	}
	return namespace + "/" + value
}

// indexerOf is where the objects of a kind are kept; nil for kinds that the
// Store does not read.
func (r *Reader) indexerOf(kind any) toolscache.Indexer {
	switch kind.(type) {
	case *v1alpha1.Product:
		return r.products
	case *v1alpha1.Subscription:
		return r.subscriptions
	case *v1alpha1.Activation:
		return r.activations
	case *v1alpha1.AccessKey:
		return r.accessKeys
	default:
		return nil
	}
}

// object is a pointer to an object of a kind T.
type object[T any] interface {
	*T
	client.Object
}

// getFrom returns one object; nil if it isn't there.
func getFrom[T any, P object[T]](indexer toolscache.Indexer, key client.ObjectKey) (P, error) {
	if indexer == nil {
		return nil, errNoIndexer
	}
	item, found, err := indexer.GetByKey(key.Namespace + "/" + key.Name)
	if err != nil || !found {
		return nil, err
	}
	return as[P](item)
}

// list fills a list by an index.
func (r *Reader) list(list client.ObjectList, namespace, index, value string) (err error) {
	switch list := list.(type) {
	case *v1alpha1.ProductList:
		list.Items, err = listFrom[v1alpha1.Product](r.products, namespace, index, value)
	case *v1alpha1.SubscriptionList:
		list.Items, err = listFrom[v1alpha1.Subscription](r.subscriptions, namespace, index, value)
	case *v1alpha1.ActivationList:
		list.Items, err = listFrom[v1alpha1.Activation](r.activations, namespace, index, value)
	case *v1alpha1.AccessKeyList:
		list.Items, err = listFrom[v1alpha1.AccessKey](r.accessKeys, namespace, index, value)
	default:
		err = errNoIndexer
	}
	return err
}

func listFrom[T any](indexer toolscache.Indexer, namespace, index, value string) ([]T, error) {
	items, err := indexer.ByIndex(indexPrefix+index, indexKey(namespace, value))
	if err != nil || len(items) == 0 {
		return nil, err
	}
	objects := make([]T, 0, len(items))
	for _, item := range items {
		object, err := as[*T](item)
		if err != nil {
			return nil, err
		}
		objects = append(objects, *object)
	}
	return objects, nil
}

// as is an item of an indexer with its type.
func as[P any](item any) (P, error) {
	object, ok := item.(P)
	if !ok {
		return object, fmt.Errorf("the cache holds a %T", item)
	}
	return object, nil
}
