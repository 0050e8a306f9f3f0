// Copyright The license-operator Authors.
// SPDX-License-Identifier: Apache-2.0

// Package together lets two replicas in one test do the same thing at once. It
// imports nothing of this module, so that every package's own tests may use it.
package together

import (
	"context"
	"sync"
	"sync/atomic"

	"sigs.k8s.io/controller-runtime/pkg/client"
)

// Get returns an interceptor.Funcs.Get. The first two reads end together: both
// replicas have looked before either acts upon what it saw.
func Get() func(context.Context, client.WithWatch, client.ObjectKey, client.Object, ...client.GetOption) error {
	var looks atomic.Int32
	var bothLooked sync.WaitGroup
	bothLooked.Add(2)
	return func(ctx context.Context, c client.WithWatch, key client.ObjectKey, obj client.Object, opts ...client.GetOption) error {
		err := c.Get(ctx, key, obj, opts...)
		if looks.Add(1) <= 2 {
			bothLooked.Done()
			bothLooked.Wait()
		}
		return err
	}
}
