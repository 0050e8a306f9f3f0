// Copyright The license-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package seats_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/license-operator/license-operator/api/v1alpha1"
	"github.com/license-operator/license-operator/test/integration/wire"
)

// paused is longer than a write may take: the one that is under way when its
// replica stops has run out of time when it goes on.
const paused = 6 * time.Second

func TestNothingIsSoldTwiceWhileAReplicaStandsStill(t *testing.T) {
	const clients, total, twins = 40, 12, 20
	// The leader has the most to be behind with.
	still, awake := both.whole(t)
	v := newVendor(t, 60)
	l := v.licence(t, "initech", total, still, awake)
	late := v.licence(t, "globex", twins, still, awake)
	late.must(t, still, "first") // So that it knows the book, as it was then.

	visitors := &visitors{licence: l, name: "turn", start: time.Now(), hold: 5 * time.Millisecond}
	var standing, over atomic.Bool
	var meanwhile atomic.Int64
	var wg sync.WaitGroup
	for i := range clients {
		wg.Go(func() {
			for n := 0; !over.Load(); n++ {
				began := standing.Load()
				if visitors.turn(t.Context(), t, i, i, 2*n) && began && standing.Load() {
					meanwhile.Add(1)
				}
				time.Sleep(20 * time.Millisecond)
			}
		})
	}
	time.Sleep(300 * time.Millisecond)
	// It has written, and has not been told.
	stroke := &cut{done: true, do: (*replica).pause, at: func(by *replica, method string, b *v1alpha1.SeatLedger) bool {
		return by == still && method == http.MethodPut && b.Namespace == v.Namespace && b.Spec.SubscriptionRef.Name == l.customer
	}}
	armed.Store(stroke)
	t.Cleanup(func() {
		armed.Store(nil)
		_ = still.resume()
	})
	wire.Eventually(t, "the replica stands still", func(context.Context) error {
		made, err := stroke.made()
		if err == nil && !made {
			err = errors.New("it does not")
		}
		return err
	})
	standing.Store(true)
	began := time.Now()
	pairs := late.twins(t, still, awake, twins-1)
	time.Sleep(paused - time.Since(began))
	standing.Store(false)
	if err := still.resume(); err != nil {
		t.Fatal(err)
	}
	time.Sleep(500 * time.Millisecond)
	over.Store(true)
	wg.Wait()

	t.Logf("%d turns while one replica stood still", meanwhile.Load())
	if meanwhile.Load() == 0 {
		t.Error("the other replica did nothing meanwhile")
	}
	visitors.proved(t, total)
	pairs.end(t)
}

// twin is one checkout that is asked for at a replica that stands still, and at
// the other meanwhile.
type twin struct {
	asleep, awake *grant
	code          string
	err           error
	// ended says that the seat was given back before the first was answered.
	ended bool
}

// pairs are requests that wait for a replica to go on.
type pairs struct {
	*licence
	list []*twin
	wg   sync.WaitGroup
}

// twins sends the same checkouts to both replicas. Of those that the one that is
// awake answers, each second one is given back at once.
func (l *licence) twins(t *testing.T, still, awake *replica, count int) *pairs {
	t.Helper()
	p := &pairs{licence: l}
	for i := range count {
		w := &twin{ended: i%2 == 1}
		p.list = append(p.list, w)
		p.wg.Go(func() { w.asleep, w.code, w.err = l.checkout(t.Context(), still, fmt.Sprintf("twin-%d", i)) })
	}
	all(count, func(i int) {
		w := p.list[i]
		var code string
		var err error
		if w.awake, code, err = l.checkout(t.Context(), awake, fmt.Sprintf("twin-%d", i)); w.awake == nil {
			t.Errorf("the replica that is awake answers %q %v", code, err)
			w.ended = false
		} else if w.ended {
			code, err = l.checkIn(t.Context(), awake, w.awake)
			expect(t, "the check-in", "", code, err)
		}
	})
	return p
}

// end waits for the answers of the replica that stood still. What the other had
// given is answered again; what was given back stays so.
func (p *pairs) end(t *testing.T) {
	t.Helper()
	p.wg.Wait()
	held := 1 // The first.
	for i, w := range p.list {
		switch {
		case w.err != nil:
			t.Errorf("twin %d: %v", i, w.err)
		case w.ended && (w.asleep != nil || w.code != invalidValue):
			t.Errorf("twin %d was given back, and is then answered %s %q", i, w.asleep, w.code)
		case !w.ended && (w.asleep == nil || !w.asleep.same(w.awake)):
			t.Errorf("twin %d is answered %s by the one and %s %q by the other", i, w.awake, w.asleep, w.code)
		}
		if !w.ended {
			held++
		}
	}
	if got := len(p.entries(t)); got != held {
		t.Errorf("the book holds %d checkouts, want %d", got, held)
	}
}
