// Copyright The license-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package seats_test

import (
	"context"
	"fmt"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"pgregory.net/rapid"

	"github.com/license-operator/license-operator/api/v1alpha1"
	"github.com/license-operator/license-operator/internal/fault"
	"github.com/license-operator/license-operator/internal/seats"
	"github.com/license-operator/license-operator/test/seatstest"
)

// action is one thing that happens in a random history.
type action struct {
	What    string
	Replica int
	ID      int
	Units   int64
	// Fault befalls the next write of the replica, if there is one meanwhile.
	Fault seatstest.Fault
	// NoRead fails the replica's reads meanwhile.
	NoRead bool
	Total  int64
	Time   time.Duration
}

const replicas = 3

func actions() *rapid.Generator[action] {
	kinds := []string{"nothing", "checkout", "checkout", "checkout", "rush", "check in", "extend", "set pools", "deliver", "deliver", "relist", "pass", "restart", "land", "keep"}
	faults := []seatstest.Fault{seatstest.None, seatstest.None, seatstest.None, seatstest.DropBefore, seatstest.DropAfter, seatstest.Late, seatstest.FalseConflict, seatstest.Refuse}
	return rapid.Custom(func(t *rapid.T) action {
		return action{
			What:    rapid.SampledFrom(kinds).Draw(t, "what"),
			Replica: rapid.IntRange(0, replicas-1).Draw(t, "replica"),
			ID:      rapid.IntRange(0, 11).Draw(t, "id"),
			Units:   rapid.Int64Range(1, 3).Draw(t, "units"),
			Fault:   rapid.SampledFrom(faults).Draw(t, "fault"),
			NoRead:  rapid.IntRange(0, 9).Draw(t, "noRead") == 9,
			Total:   rapid.Int64Range(0, 12).Draw(t, "total"),
			Time:    rapid.SampledFrom([]time.Duration{time.Millisecond, time.Second, time.Minute, 20 * time.Minute}).Draw(t, "time"),
		}
	})
}

func TestRandomHistoriesKeepTheInvariants(t *testing.T) {
	seats.SetMaxEntries(t, 3)
	rapid.Check(t, func(rt *rapid.T) {
		plan := rapid.SliceOfN(actions(), 25, 100).Draw(rt, "plan")
		failures := &recorder{TB: t}
		synctest.Test(t, func(t *testing.T) {
			h := &history{world: world{T: t, store: seatstest.New(failures), pools: pools(6)}, failures: failures, known: map[int]*checkedOut{}}
			for i := range replicas {
				h.replicas[i] = h.replica()
			}
			for i, a := range plan {
				h.do(a)
				if h.check(); len(failures.all) > 0 {
					failures.Errorf("after step %d: %+v", i, a)
					break
				}
			}
			if len(failures.all) == 0 {
				h.end()
			}
			for _, r := range h.replicas {
				r.kill()
			}
		})
		if len(failures.all) > 0 {
			rt.Fatalf("%s", failures.all)
		}
	})
}

// recorder keeps failures, which belong to the random history and not to the
// test that draws many.
type recorder struct {
	testing.TB
	mu  sync.Mutex
	all []string
}

func (r *recorder) Errorf(format string, args ...any) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.all = append(r.all, fmt.Sprintf(format, args...)+"\n")
}

func (r *recorder) Helper() {}

// checkedOut is what the callers know of one id.
type checkedOut struct {
	// until is when it ends, as somebody was told; zero if nobody was.
	until time.Time
	// returned says that it was tried to give it back.
	returned bool
	// over says that it was given back, as somebody was told.
	over bool
}

type history struct {
	world
	failures *recorder
	replicas [replicas]*replica
	known    map[int]*checkedOut
}

func (h *history) of(id int) *checkedOut {
	if h.known[id] == nil {
		h.known[id] = &checkedOut{}
	}
	return h.known[id]
}

// quantity of an id, so that a repeated request is the same.
func quantity(id int) func(*seats.Request) { return units(int64(1 + id%3)) }

func (h *history) do(a action) {
	r := h.replicas[a.Replica]
	r.client.OnWrite = once(a.Fault)
	r.client.OnRead = nil
	if a.NoRead {
		r.client.OnRead = func(bool) error { return errRead }
	}
	ctx := context.Background()
	switch a.What {
	case "checkout":
		h.checkout(r, a.ID)
	case "rush":
		var group sync.WaitGroup
		var mu sync.Mutex
		for i := range 4 {
			group.Go(func() {
				id := (a.ID + i%3) % 12 // One of them twice.
				g, err := h.replicas[(a.Replica+i)%replicas].checkout(fmt.Sprint(id), quantity(id))
				mu.Lock()
				defer mu.Unlock()
				h.answered(id, g, err, true)
			})
		}
		group.Wait()
	case "check in":
		g, found := h.held(a.ID)
		if !found {
			return
		}
		k := h.of(a.ID)
		k.returned = true
		if err := r.checkIn(g); err == nil {
			k.over = true
		}
	case "extend":
		g, found := h.held(a.ID)
		if !found {
			return
		}
		if longer, err := r.extend(g, 40*time.Minute); err == nil {
			h.answered(a.ID, longer, nil, false)
		}
	case "set pools":
		if r.setPools(a.Total) == nil {
			h.pools = pools(a.Total)
			if book := h.store.Book(team); !a.NoRead && h.total(book) != a.Total {
				h.failures.Errorf("the total is %d, not %d", h.total(book), a.Total)
			}
		}
	case "deliver":
		r.feed.Deliver(int(a.Units))
	case "relist":
		r.feed.Relist(func() { h.checkout(r, a.ID) })
	case "pass":
		time.Sleep(a.Time)
	case "restart":
		r.kill()
		h.replicas[a.Replica] = h.replica()
	case "land":
		h.store.Land(func(i int) bool { return i%2 == 0 })
	case "keep":
		_ = r.Keep(ctx, team, int32(a.ID%3), seats.Upkeep{})
	}
	synctest.Wait()
}

// checkout asks, and holds a refusal against what was free.
func (h *history) checkout(r *replica, id int) {
	before := h.free()
	g, err := r.checkout(fmt.Sprint(id), quantity(id))
	if fault.KindOf(err) == fault.NoCapacity && err != nil && h.store.Held(team)[seats.NewID(fmt.Sprint(id))] == nil {
		if need := int64(1 + id%3); before >= need && h.free() >= need {
			h.failures.Errorf("%d was refused, with %d before and %d after", id, before, h.free())
		}
	}
	h.answered(id, g, err, false)
}

// answered takes in what a caller was told.
func (h *history) answered(id int, g seats.Grant, err error, rush bool) {
	k := h.of(id)
	switch {
	case err != nil:
		if kind := fault.KindOf(err); kind == fault.InvalidParameter && k.until.IsZero() && !k.returned && !rush && !h.everHeld(id) {
			h.failures.Errorf("%d, which nobody has held, is refused: %v", id, err)
		}
	case k.over:
		h.failures.Errorf("%d was granted again after it was given back", id)
	case g.ExpirationTime.After(k.until):
		k.until = g.ExpirationTime
	}
}

func (h *history) everHeld(id int) bool {
	for _, l := range h.store.Versions(team) {
		b, err := seats.Decode(l)
		if err == nil && b.Get(seats.NewID(fmt.Sprint(id))) != nil {
			return true
		}
	}
	return false
}

// held is what the store holds under an id.
func (h *history) held(id int) (seats.Grant, bool) {
	e := h.store.Held(team)[seats.NewID(fmt.Sprint(id))]
	if e == nil {
		return seats.Grant{}, false
	}
	return e.Grant, true
}

func (h *history) total(book []*seats.Block) (total int64) {
	if head := seats.Head(book); head != nil && len(head.Pools) > 0 {
		total = head.Pools[0].Total
	}
	return total
}

// free is how many units nobody holds whose time is not over.
func (h *history) free() int64 {
	book := h.store.Book(team)
	if len(book) == 0 {
		return h.pools[0].Total
	}
	free := h.total(book)
	for _, e := range h.store.Held(team) {
		if e.ExpirationTime.After(time.Now()) {
			free -= e.Items[0].Quantity
		}
	}
	return free
}

// check holds the store against what the callers were told.
func (h *history) check() {
	held := h.store.Held(team)
	for id, k := range h.known {
		if k.returned || !k.until.After(time.Now()) {
			continue
		}
		switch e := held[seats.NewID(fmt.Sprint(id))]; {
		case e == nil:
			h.failures.Errorf("%d, which lasts until %v, is lost", id, k.until)
		case e.ExpirationTime.Before(k.until):
			h.failures.Errorf("%d ends at %v, its holder was told %v", id, e.ExpirationTime, k.until)
		}
	}
}

// end lets all faults end: then everything has to work.
func (h *history) end() {
	h.store.Land(nil)
	for _, r := range h.replicas {
		r.client.OnWrite, r.client.OnRead = nil, nil
	}
	time.Sleep(2 * time.Hour)
	if err := h.replicas[0].setPools(5); err != nil {
		h.failures.Errorf("set the pools at the end: %v", err)
	}
	for i, r := range h.replicas {
		g, err := r.checkout(fmt.Sprint("end", i), units(5), func(r *seats.Request) { r.Type = v1alpha1.CheckoutProvisional })
		if err != nil {
			h.failures.Errorf("all seats are free at the end, and replica %d: %v", i, err)
			continue
		}
		if err := r.checkIn(g); err != nil {
			h.failures.Errorf("give back at the end: %v", err)
		}
	}
	if n := len(h.store.Held(team)); n != 0 {
		h.failures.Errorf("%d entries are left", n)
	}
}
