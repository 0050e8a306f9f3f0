// Copyright The license-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package env

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"

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

// Written returns all objects of these kinds as JSON, "" if they can't be read.
func (e *Env) Written(lists ...client.ObjectList) string {
	var all strings.Builder
	for _, list := range lists {
		if err := e.Client.List(context.Background(), list); err != nil {
			return ""
		}
		text, err := json.Marshal(list)
		if err != nil {
			return ""
		}
		all.Write(text)
	}
	return all.String()
}

// OperatorClient returns a client without a cache under the operator's role.
func (e *Env) OperatorClient(t testing.TB) client.Client {
	t.Helper()
	c, err := client.New(e.Operator, client.Options{Scheme: e.Scheme})
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// List implements client.Reader.
func (c *indexedClient) List(ctx context.Context, list client.ObjectList, opts ...client.ListOption) error {
	var o client.ListOptions
	o.ApplyOptions(opts)
	index, value := c.indexFor(o)
	if index == nil {
		return c.Client.List(ctx, list, opts...)
	}
	if index.InNamespace && o.Namespace == "" {
		return fmt.Errorf("the index %s can't be asked across namespaces", index.Name)
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
