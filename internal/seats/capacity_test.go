// Copyright The license-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package seats

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/license-operator/license-operator/api/v1alpha1"
)

func TestWhatTheSubscriptionHasNow(t *testing.T) {
	tests := map[string]struct {
		held      int64
		elsewhere map[string]int64
		pools     []Pool
		want      []v1alpha1.SeatPool
		unchanged bool
	}{
		"the same": {held: 2, pools: fiveSeats, unchanged: true,
			want: []v1alpha1.SeatPool{{Name: "seats", Total: 5, Capacity: 5, Used: 2, Overage: "Forbidden"}}},
		"more seats": {held: 2, pools: []Pool{{Name: "seats", Total: 9}},
			want: []v1alpha1.SeatPool{{Name: "seats", Total: 9, Capacity: 9, Used: 2, Overage: "Forbidden"}}},
		"fewer than are in use": {held: 4, pools: []Pool{{Name: "seats", Total: 1}},
			want: []v1alpha1.SeatPool{{Name: "seats", Total: 1, Capacity: 1, Used: 4, Overage: "Forbidden"}}},
		"fewer than closed blocks hold": {held: 1, elsewhere: map[string]int64{"seats": 3}, pools: []Pool{{Name: "seats", Total: 2}},
			want: []v1alpha1.SeatPool{{Name: "seats", Total: 2, Capacity: 0, Used: 1, Overage: "Forbidden"}}},
		"overage": {held: 4, pools: []Pool{{Name: "seats", Total: 5, Overage: true}},
			want: []v1alpha1.SeatPool{{Name: "seats", Total: 5, Capacity: 5, Used: 4, Overage: "Allowed"}}},
		"another entitlement beside": {held: 1, pools: []Pool{{Name: "gpu", Total: 2}, {Name: "seats", Total: 5}},
			want: []v1alpha1.SeatPool{{Name: "seats", Total: 5, Capacity: 5, Used: 1, Overage: "Forbidden"}, {Name: "gpu", Total: 2, Capacity: 2, Overage: "Forbidden"}}},
		"no more of what is in use": {held: 1,
			want: []v1alpha1.SeatPool{{Name: "seats", Used: 1, Overage: "Forbidden"}}},
		"no more of what is free": {},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			var entries []*Entry
			if test.held > 0 {
				entries = append(entries, entryOf("a", func(e *Entry) { e.Items[0].Quantity = test.held }))
			}
			d := opened(t, fiveSeats, entries...)
			d.elsewhere = test.elsewhere
			if got := d.setPools(test.pools); got != done || d.changed == test.unchanged {
				t.Errorf("the outcome is %d, changed %v", got, d.changed)
			}
			d.finish()
			if diff := cmp.Diff(test.want, d.Pools, cmpopts.EquateEmpty()); diff != "" {
				t.Errorf("other pools (-want +got):\n%s", diff)
			}
			d = drafted(t, d.Block, t0)
			d.elsewhere = test.elsewhere
			if d.setPools(test.pools); d.changed {
				t.Error("the same again changed the block")
			}
		})
	}
	d := opened(t, fiveSeats)
	d.closeFor(1)
	d.changed = false
	if got := d.setPools([]Pool{{Name: "seats", Total: 9}}); got != closed || d.changed {
		t.Errorf("a closed block: the outcome is %d, changed %v", got, d.changed)
	}
	d = opened(t, fiveSeats)
	d.viewTerm = 0
	if got := d.setPools([]Pool{{Name: "seats", Total: 9}}); got != behind || d.changed {
		t.Errorf("a book that is not known: the outcome is %d, changed %v", got, d.changed)
	}
}

func TestWhatARequestSaysOfPoolsIsBelievedOnce(t *testing.T) {
	d := opened(t, nil)
	if _, got := d.grant(request("a", 5), fiveSeats); got != done {
		t.Fatalf("the first request: %d", got)
	}
	d = d.commit(t, 0)
	if _, got := d.grant(request("b", 1), []Pool{{Name: "seats", Total: 99}}); got != short {
		t.Errorf("a request with another total: %d", got)
	}
}

func TestAHandOver(t *testing.T) {
	d := opened(t, []Pool{{Name: "seats", Total: 5}, {Name: "old", Total: 3}})
	d.grant(request("a", 2), nil)
	d = d.commit(t, 0)
	d.setPools(fiveSeats)
	d = d.commit(t, 0)
	d.closeFor(1)
	d.closeFor(2)
	shut := d.commit(t, 0)
	if shut.Open() || *shut.Successor != 1 {
		t.Fatalf("the block is open or its successor %d", *shut.Successor)
	}
	if diff := cmp.Diff([]v1alpha1.SeatPool{{Name: "seats", Total: 5, Capacity: 2, Used: 2, Overage: "Forbidden"}}, shut.Pools); diff != "" {
		t.Errorf("the closed block keeps more than it holds (-want +got):\n%s", diff)
	}
	o := opening{term: 2, pools: shut.Pools, frozen: t0}
	next := newDraft(newBlock(testKey, 1), t0, map[string]int64{"seats": 2}, nil, true)
	next.viewTerm = 1
	next.open(o)
	b := next.finish()
	if diff := cmp.Diff([]v1alpha1.SeatPool{{Name: "seats", Total: 5, Capacity: 3, Overage: "Forbidden"}}, b.Pools); diff != "" {
		t.Errorf("the open block has another capacity (-want +got):\n%s", diff)
	}
	if !b.Open() || b.Term != 2 || !b.Frozen.Equal(t0) {
		t.Errorf("open %v, term %d, frozen %v", b.Open(), b.Term, b.Frozen)
	}
	again := newDraft(b, t0, nil, nil, true)
	again.viewTerm = 2
	if again.open(o); again.changed {
		t.Error("opening the block again for the same term changed it")
	}
	if drift := Check([]*Block{shut.Block, b}); len(drift) > 0 {
		t.Errorf("drift: %v", drift)
	}
}

func TestABlockThatIsOpenedAgain(t *testing.T) {
	d := opened(t, []Pool{{Name: "seats", Total: 5}, {Name: "gone", Total: 1}})
	d.grant(request("a", 2), nil)
	d.grant(request("b", 0, func(r *Request) { r.Items[0].Name, r.Items[0].Quantity = "gone", 1 }), nil)
	d.closeFor(1)
	shut := d.finish()
	// Block 1 had term 2, closed with 9 seats in all and 4 in use, and without the old pool.
	d = newDraft(shut, t0, map[string]int64{"seats": 4}, nil, true)
	d.viewTerm = 2
	d.open(opening{term: 3, pools: []v1alpha1.SeatPool{{Name: "seats", Total: 9, Capacity: 4, Used: 4, Overage: "Forbidden"}}})
	if _, got := d.grant(request("c", 3), nil); got != done {
		t.Errorf("the block gives nothing: %d", got)
	}
	if _, got := d.grant(request("d", 1), nil); got != short {
		t.Errorf("the block gives too much: %d", got)
	}
	b := d.finish()
	want := []v1alpha1.SeatPool{{Name: "seats", Total: 9, Capacity: 5, Used: 5, Overage: "Forbidden"}, {Name: "gone", Used: 1, Overage: "Forbidden"}}
	if diff := cmp.Diff(want, b.Pools); diff != "" {
		t.Errorf("other pools (-want +got):\n%s", diff)
	}
	if drift := CheckStep(shut, b); len(drift) > 0 {
		t.Errorf("drift: %v", drift)
	}
}

// Who knows the book to an older term may underestimate what closed blocks hold.
func TestWhoIsBehindChangesNoCapacity(t *testing.T) {
	d := opened(t, fiveSeats, entryOf("a"), entryOf("b"))
	d.elsewhere, d.viewTerm = map[string]int64{"seats": 3}, 1
	d.changed = true
	b := d.finish() // 2 may be given here.
	d = newDraft(b, t0, nil, nil, true)
	d.release(NewID("a"))
	if got := d.finish().Pools[0]; got.Capacity != 2 || got.Used != 1 {
		t.Errorf("the capacity is %d, %d in use", got.Capacity, got.Used)
	}
	d = newDraft(newBlock(testKey, 5), t0, nil, nil, true)
	d.viewTerm = 3
	if d.open(opening{term: 5, pools: b.Pools}); d.changed {
		t.Error("a block was opened by who does not know the term before")
	}
}

func TestFrozenBooksGoOnReleasing(t *testing.T) {
	d := opened(t, fiveSeats)
	d.grant(request("a", 1), nil)
	d = d.commit(t, time.Second)
	d.freeze()
	d = d.commit(t, time.Second)
	if !d.Frozen.Equal(t0.Add(time.Second)) {
		t.Errorf("frozen at %v", d.Frozen)
	}
	if d.freeze(); d.changed {
		t.Error("freezing again changed the block")
	}
	if g, got := d.grant(request("a", 1), nil); got != done || g.ID != NewID("a") {
		t.Errorf("a repeated request: %d", got)
	}
	if _, got := d.extend(NewID("a"), 2*time.Hour, time.Time{}); got != done {
		t.Errorf("an extension: %d", got)
	}
	if got := d.release(NewID("a")); got != done {
		t.Errorf("a release: %d", got)
	}
}

// A new life of a book must not look older than the tokens of the one before.
func TestTheFirstSequenceIsTheTime(t *testing.T) {
	b := newDraft(newBlock(testKey, 0), t0, nil, nil, true).finish()
	if b.Sequence != t0.UnixMilli() {
		t.Errorf("the first sequence is %d", b.Sequence)
	}
}

// Else one wrong clock would end everybody's checkouts: those whose clocks are
// right believe the block's time.
func TestAClockInDoubtDoesNotMoveTheBlocksTime(t *testing.T) {
	base := opened(t, fiveSeats).finish()
	d := newDraft(base, t0.Add(9999*time.Hour), nil, nil, false)
	d.viewTerm = 1
	if _, got := d.grant(request("a", 1), nil); got != done {
		t.Fatalf("the outcome is %d", got)
	}
	if b := d.finish(); b.HighWater.After(t0) {
		t.Errorf("the block's time is %v", b.HighWater)
	}
}

func TestTimeNeverRunsBackwards(t *testing.T) {
	d := opened(t, fiveSeats)
	d.grant(request("a", 1), nil)
	base := d.finish()
	early := newDraft(base, t0.Add(-time.Hour), nil, nil, true)
	if !early.now.Equal(t0) {
		t.Errorf("a clock an hour late decides at %v, after a decision at %v", early.now, t0)
	}
	early.grant(request("b", 1), nil)
	if b := early.finish(); b.HighWater.Before(base.HighWater) {
		t.Errorf("the time fell from %v to %v", base.HighWater, b.HighWater)
	}
}
