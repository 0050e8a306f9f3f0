// Copyright The license-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package seats_test

import (
	"context"
	"strconv"
	"sync/atomic"
	"testing"
	"time"

	"github.com/go-logr/logr"
	"k8s.io/utils/clock"

	"github.com/license-operator/license-operator/internal/seats"
	"github.com/license-operator/license-operator/test/seatstest"
)

// BenchmarkCheckoutInMemory is what a checkout costs beside the API server: 64
// clients at once, whose seats are given back by 64 others' turns.
func BenchmarkCheckoutInMemory(b *testing.B) {
	for _, held := range []int{0, 10000, 100000} {
		b.Run("held="+strconv.Itoa(held), func(b *testing.B) {
			store := seatstest.New(b)
			store.Unchecked = true
			client := store.Client()
			client.WriteDelay = time.Millisecond // As an API server takes at least.
			ctx, cancel := context.WithCancel(context.Background())
			defer cancel()
			books := seats.NewBooks(ctx, seats.Options{Store: client, Clock: clock.RealClock{}, Log: logr.Discard()})
			total := pools(1 << 40)
			fill(b, books, held)
			var n atomic.Int64
			writes := client.Writes()
			b.ReportAllocs()
			b.SetParallelism(32)
			b.ResetTimer()
			b.RunParallel(func(pb *testing.PB) {
				for pb.Next() {
					g, err := books.Checkout(ctx, team, total, request("b"+strconv.FormatInt(n.Add(1), 10)))
					if err != nil {
						b.Error(err)
						return
					}
					if err := books.CheckIn(ctx, team, handle(g)); err != nil {
						b.Error(err)
						return
					}
				}
			})
			b.ReportMetric(float64(client.Writes()-writes)/float64(b.N), "commits/op")
		})
	}
}

// fill lets a number of seats be held.
func fill(b *testing.B, books *seats.Books, held int) {
	b.Helper()
	next := make(chan int, held)
	for i := range held {
		next <- i
	}
	close(next)
	done := make(chan error, 256)
	for range 256 {
		go func() {
			for i := range next {
				if _, err := books.Checkout(context.Background(), team, pools(1<<40), request("f"+strconv.Itoa(i))); err != nil {
					done <- err
					return
				}
			}
			done <- nil
		}()
	}
	for range 256 {
		if err := <-done; err != nil {
			b.Fatal(err)
		}
	}
}
