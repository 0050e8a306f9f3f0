// Copyright The license-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package seats_test

import (
	"context"
	"fmt"
	"net/http/httptrace"
	"sync"
	"sync/atomic"
	"testing"
)

func TestWhoAsksTheOtherReplicaAtOnceGetsTheSameAnswer(t *testing.T) {
	const clients, rounds = 16, 4
	first, second := both.whole(t)
	v := newVendor(t, 60)
	for name, test := range map[string]struct {
		customer string
		// ask returns the answer of the first replica, nil if it was lost, and that
		// of the second.
		ask func(t *testing.T, l *licence, clientToken string, one, other *replica) (before, after *grant)
	}{
		"after it was answered": {"answered", func(t *testing.T, l *licence, clientToken string, one, other *replica) (before, after *grant) {
			before, _, _ = l.checkout(t.Context(), one, clientToken)
			after, _, _ = l.checkout(t.Context(), other, clientToken)
			return before, after
		}},
		"after the connection was cut": {"cut", func(t *testing.T, l *licence, clientToken string, one, other *replica) (before, after *grant) {
			if l.lose(t.Context(), one, clientToken) {
				lost.Add(1)
			}
			after, _, _ = l.checkout(t.Context(), other, clientToken)
			before, _, _ = l.checkout(t.Context(), one, clientToken)
			return before, after
		}},
		"at the same time": {"both", func(t *testing.T, l *licence, clientToken string, one, other *replica) (before, after *grant) {
			var wg sync.WaitGroup
			wg.Go(func() { before, _, _ = l.checkout(t.Context(), one, clientToken) })
			wg.Go(func() { after, _, _ = l.checkout(t.Context(), other, clientToken) })
			wg.Wait()
			return before, after
		}},
	} {
		t.Run(name, func(t *testing.T) {
			// There is a seat for each client token, and none to spare.
			l := v.licence(t, test.customer, clients*rounds, first, second)
			lost.Store(0)
			var mu sync.Mutex
			var answered []*grant
			all(clients, func(client int) {
				for n := range rounds {
					clientToken := fmt.Sprintf("%s-%d-%d", test.customer, client, n)
					before, after := test.ask(t, l, clientToken, both.at(client+n), both.at(client+n+1))
					if before == nil || after == nil || !before.same(after) {
						t.Errorf("%s is answered %s by the one and %s by the other", clientToken, before, after)
						return
					}
					mu.Lock()
					answered = append(answered, after)
					mu.Unlock()
				}
			})
			l.holds(t, answered)
			if test.customer == "cut" && lost.Load() == 0 {
				t.Error("no answer was lost, so nothing is proved")
			}
		})
	}
}

// lost counts the answers that were lost.
var lost atomic.Int64

// lose sends a checkout and hangs up once it is sent. It says whether the answer
// was lost.
func (l *licence) lose(ctx context.Context, r *replica, clientToken string) bool {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	ctx = httptrace.WithClientTrace(ctx, &httptrace.ClientTrace{WroteRequest: func(httptrace.WroteRequestInfo) { cancel() }})
	_, _, err := l.checkout(ctx, r, clientToken)
	return err != nil
}
