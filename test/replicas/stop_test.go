// Copyright The license-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package replicas

import (
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/license-operator/license-operator/test/builder"
	"github.com/license-operator/license-operator/test/integration/wire"
)

// traffic is what clients of a load balancer see while one replica goes.
type traffic struct {
	// sent, retried and failed count requests; retried ones are those that only
	// the second replica answered, failed ones nobody did.
	sent, retried, failed atomic.Int64
	// refused is when a connection to the replica that goes first failed.
	refused atomic.Pointer[time.Time]
}

// try sends one request to the first of two replicas and, if that fails and it
// may, to the second.
func (f *traffic) try(t *testing.T, call wire.Call, first, second *process) {
	f.sent.Add(1)
	_, err := answered(first.client.Try(t.Context(), call))
	if err == nil {
		return
	}
	now := time.Now()
	f.refused.CompareAndSwap(nil, &now)
	if second == nil {
		t.Errorf("the %s replica, which said that it was ready: %v", first.name, err)
		f.failed.Add(1)
		return
	}
	f.retried.Add(1)
	if _, err := answered(second.client.Try(t.Context(), call)); err != nil {
		t.Errorf("the %s replica after the %s one: %v", second.name, first.name, err)
		f.failed.Add(1)
	}
}

func TestAReplicaThatIsStoppedUnderLoadFailsNobody(t *testing.T) {
	ledger := &wire.Ledger{}
	both := pair(t, ledger)
	// The leader goes: it has the most to finish.
	going, staying := leaderOf(t, both)
	c := newCustomers(t, ledger, 4)
	made, err := c.activate(t.Context(), going, 0)
	if err != nil {
		t.Fatal(err)
	}
	calls := []wire.Call{
		wire.ByPid(c.Key, made.PID, c.product.Code),
		wire.Hosted(c.Key, c.keys[1], c.product.Token),
		wire.Desktop(c.keys[2], c.product.Token),
		wire.Active(c.Key, made.PID).Posted(),
	}

	var isReady atomic.Bool
	var unready atomic.Pointer[time.Time]
	isReady.Store(true)
	done := make(chan struct{})
	var wg sync.WaitGroup
	wg.Go(func() {
		// A load balancer looks much less often, and has the delay for it.
		for tick := time.NewTicker(20 * time.Millisecond); ; {
			select {
			case <-done:
				tick.Stop()
				return
			case <-tick.C:
			}
			if now := time.Now(); !going.ready() {
				isReady.Store(false)
				unready.CompareAndSwap(nil, &now)
			}
		}
	})
	var blind, balanced traffic
	for worker := range 4 {
		call := calls[worker%len(calls)]
		// One that knows nothing of readiness and has two addresses …
		wg.Go(func() { during(done, func() { blind.try(t, call, going, staying) }) })
		// … and one behind a load balancer, which does not try again.
		wg.Go(func() {
			during(done, func() {
				if isReady.Load() {
					balanced.try(t, call, going, nil)
				} else {
					balanced.try(t, call, staying, nil)
				}
			})
		})
	}
	time.Sleep(500 * time.Millisecond)
	stopped := time.Now()
	going.terminate(t)
	select {
	case <-going.ended:
	case <-time.After(time.Minute):
		t.Error("the replica does not end")
	}
	t.Logf("the replica ended after %s", time.Since(stopped).Round(time.Millisecond))
	time.Sleep(300 * time.Millisecond)
	close(done)
	wg.Wait()

	if going.err != nil {
		t.Errorf("the replica ended with %v", going.err)
	}
	t.Logf("blind: %d sent, %d retried; balanced: %d sent", blind.sent.Load(), blind.retried.Load(), balanced.sent.Load())
	if blind.retried.Load() == 0 {
		t.Error("nobody noticed that a replica went, so nothing is proved")
	}
	if blind.failed.Load()+balanced.failed.Load() > 0 {
		t.Errorf("%d and %d requests failed", blind.failed.Load(), balanced.failed.Load())
	}
	first, refused := unready.Load(), blind.refused.Load()
	if first == nil || refused == nil {
		t.Fatal("it was never seen not to be ready, or never to refuse")
	}
	if lead := refused.Sub(*first); lead < shutdownDelay/2 {
		t.Errorf("readiness was withdrawn only %s before connections were refused", lead)
	}
	// The lease was handed over: nobody waits for it to expire.
	staying.await(t, "the leader", time.Minute, staying.leads)
	key := c.Activation(t, builder.Activation("after", nameOf(3)))
	staying.client.OK(t, wire.Desktop(key, c.product.Token))
	for _, p := range both {
		p.silent(t, ledger)
	}
}

// during does something again and again, at most some hundred times a second.
func during(done <-chan struct{}, do func()) {
	for {
		select {
		case <-done:
			return
		case <-time.After(2 * time.Millisecond):
			do()
		}
	}
}
