// Copyright The license-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package seats_test

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/go-logr/logr"
	"k8s.io/utils/clock"

	"github.com/license-operator/license-operator/api/v1alpha1"
	"github.com/license-operator/license-operator/internal/fault"
	"github.com/license-operator/license-operator/internal/seats"
	"github.com/license-operator/license-operator/test/seatstest"
)

var team = seats.Key{Namespace: "ns", Name: "team"}

func pools(total int64) []seats.Pool { return []seats.Pool{{Name: "seats", Total: total}} }

// world is a store and the replicas that share it. Time in it is virtual.
type world struct {
	*testing.T
	store *seatstest.Store
	pools []seats.Pool
}

// inWorld runs a test in which time passes as soon as everybody waits for it.
func inWorld(t *testing.T, total int64, run func(w *world)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		run(&world{T: t, store: seatstest.New(t), pools: pools(total)})
	})
}

// replica is one process.
type replica struct {
	*seats.Books
	w      *world
	client *seatstest.Client
	// feed is its watch; nothing has been shown.
	feed *seatstest.Feed
	kill context.CancelFunc
}

// clockOf a replica is wrong by an offset.
type clockOf struct {
	clock.RealClock
	offset *atomic.Int64
}

func (c clockOf) Now() time.Time                  { return time.Now().Add(time.Duration(c.offset.Load())) }
func (c clockOf) Since(t time.Time) time.Duration { return c.Now().Sub(t) }

// replica starts a process, whose watch is frozen.
func (w *world) replica(edits ...func(*seats.Options)) *replica {
	r := &replica{w: w, client: w.store.Client()}
	o := seats.Options{Store: r.client, Clock: clock.RealClock{}, Log: logr.Discard()}
	for _, edit := range edits {
		edit(&o)
	}
	ctx, cancel := context.WithCancel(context.Background())
	r.kill = cancel
	w.Cleanup(cancel)
	r.Books = seats.NewBooks(ctx, o)
	r.feed = w.store.Feed(r.Books)
	return r
}

// following starts a process whose watch lags.
func (w *world) following(lag time.Duration, edits ...func(*seats.Options)) *replica {
	r := w.replica(edits...)
	ctx, cancel := context.WithCancel(context.Background())
	w.Cleanup(cancel)
	go r.feed.Follow(ctx, lag)
	return r
}

func request(id string, edits ...func(*seats.Request)) seats.Request {
	r := seats.Request{ID: seats.NewID(id), Digest: seats.NewDigest(id), Type: v1alpha1.CheckoutProvisional, Caller: "team",
		Items:    []seats.Item{{Name: "seats", Unit: v1alpha1.UnitCount, Quantity: 1}},
		Lifetime: time.Hour}
	for _, edit := range edits {
		edit(&r)
	}
	return r
}

func units(n int64) func(*seats.Request) { return func(r *seats.Request) { r.Items[0].Quantity = n } }

func lasting(d time.Duration) func(*seats.Request) { return func(r *seats.Request) { r.Lifetime = d } }

// checkout asks for one seat.
func (r *replica) checkout(id string, edits ...func(*seats.Request)) (seats.Grant, error) {
	return r.Checkout(context.Background(), team, r.w.pools, request(id, edits...))
}

// must asks for one seat that there is.
func (r *replica) must(id string, edits ...func(*seats.Request)) seats.Grant {
	r.w.Helper()
	g, err := r.checkout(id, edits...)
	if err != nil {
		r.w.Fatalf("check out %s: %v", id, err)
	}
	return g
}

func (r *replica) checkIn(g seats.Grant) error {
	return r.CheckIn(context.Background(), team, handle(g))
}

func (r *replica) extend(g seats.Grant, lifetime time.Duration) (seats.Grant, error) {
	return r.Extend(context.Background(), team, handle(g), lifetime, time.Time{})
}

func (r *replica) setPools(total int64) error {
	return r.SetPools(context.Background(), team, pools(total))
}

func handle(g seats.Grant) seats.Handle {
	return seats.Handle{ID: g.ID, Block: g.Block, Sequence: g.Sequence}
}

// want fails the test unless an error is a fault of a kind, or nil for "".
func (w *world) want(err error, kind fault.Kind) {
	w.Helper()
	switch {
	case err == nil && kind == "":
	case err == nil || kind == "":
		w.Errorf("the error is %v, want %q", err, kind)
	case fault.KindOf(err) != kind:
		w.Errorf("the error is %s: %v, want %s", fault.KindOf(err), err, kind)
	}
}

// held counts the units that the store's newest versions hold.
func (w *world) held() (sum int64) {
	for _, e := range w.store.Held(team) {
		for _, item := range e.Items {
			sum += item.Quantity
		}
	}
	return sum
}

// holds fails the test unless the store holds exactly the given ids.
func (w *world) holds(ids ...string) {
	w.Helper()
	held := w.store.Held(team)
	for _, id := range ids {
		if held[seats.NewID(id)] == nil {
			w.Errorf("the store lacks %s", id)
		}
	}
	if len(held) != len(ids) {
		w.Errorf("the store holds %d entries, want %d", len(held), len(ids))
	}
}

// tally counts answers by their kind.
type tally struct {
	mu     sync.Mutex
	kinds  map[fault.Kind]int
	grants []seats.Grant
}

func (t *tally) add(g seats.Grant, err error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.kinds == nil {
		t.kinds = map[fault.Kind]int{}
	}
	if err == nil {
		t.kinds[""]++
		t.grants = append(t.grants, g)
		return
	}
	t.kinds[fault.KindOf(err)]++
}

// rush lets n clients ask at once, by turns at the replicas.
func (w *world) rush(n int, name string, replicas ...*replica) *tally {
	w.Helper()
	t := &tally{}
	var group sync.WaitGroup
	for i := range n {
		group.Go(func() { t.add(replicas[i%len(replicas)].checkout(fmt.Sprint(name, i))) })
	}
	group.Wait()
	return t
}

// once injects a fault into the first write that does something to a book.
func once(f seatstest.Fault) func(*v1alpha1.SeatLedger) seatstest.Fault {
	var mu sync.Mutex
	used := false
	return func(*v1alpha1.SeatLedger) seatstest.Fault {
		mu.Lock()
		defer mu.Unlock()
		if used {
			return seatstest.None
		}
		used = true
		return f
	}
}

var errRead = errors.New("the read fails")
