// Copyright The license-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package env

import (
	"context"
	"slices"

	"k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/client-go/rest"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/license-operator/license-operator/internal/store"
)

// indexedClient answers lists by an index as the cache would, but reads from
// the API server, so that a test which reconciles step by step never sees a
// cache that lags.
type indexedClient struct {
	client.Client
	indexes []store.Index
}

// IndexedClient returns a client without a cache that knows the cache's
// indexes.
func (e *Env) IndexedClient(cfg *rest.Config, names store.Names) (client.Client, error) {
	c, err := client.New(cfg, client.Options{Scheme: e.Scheme})
	return &indexedClient{Client: c, indexes: store.Indexes(names)}, err
}

// List implements client.Reader.
func (c *indexedClient) List(ctx context.Context, list client.ObjectList, opts ...client.ListOption) error {
	var o client.ListOptions
	o.ApplyOptions(opts)
	index, value := c.indexFor(o)
	if index == nil {
		return c.Client.List(ctx, list, opts...)
	}
	if err := c.Client.List(ctx, list, client.InNamespace(o.Namespace)); err != nil {
		return err
	}
	items, err := meta.ExtractList(list)
	if err != nil {
		return err
	}
	items = slices.DeleteFunc(items, func(item runtime.Object) bool {
		return !slices.Contains(index.Keys(item.(client.Object)), value)
	})
	return meta.SetList(list, items)
}

// indexFor is the index that a list asks for, if any, and the value.
func (c *indexedClient) indexFor(o client.ListOptions) (*store.Index, string) {
	if o.FieldSelector == nil {
		return nil, ""
	}
	for i := range c.indexes {
		if value, found := o.FieldSelector.RequiresExactMatch(c.indexes[i].Name); found {
			return &c.indexes[i], value
		}
	}
	return nil, ""
}
