// Copyright The license-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package seats

import (
	"fmt"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/license-operator/license-operator/api/v1alpha1"
)

var testKey = Key{Namespace: "ns", Name: "team"}

// fiveSeats is what most tests' Subscription has.
var fiveSeats = []Pool{{Name: "seats", Total: 5}}

// request asks for a number of seats for an hour.
func request(id string, quantity int64, edits ...func(*Request)) *Request {
	r := &Request{ID: NewID(id), Digest: NewDigest(id), Type: v1alpha1.CheckoutProvisional, Lifetime: time.Hour, Caller: "team",
		Items: []Item{{Name: "seats", Unit: v1alpha1.UnitCount, Quantity: quantity}}}
	for _, edit := range edits {
		edit(r)
	}
	return r
}

func perpetual(r *Request) { r.Type = v1alpha1.CheckoutPerpetual }

func byObject(r *Request) { r.Object = "checkout" }

// opened is the draft of an open first block that has been committed with
// pools, and with entries.
func opened(t *testing.T, pools []Pool, entries ...*Entry) *draft {
	t.Helper()
	d := newDraft(newBlock(testKey, 0), t0, nil, nil, true)
	d.open(opening{term: 1})
	d.setPools(pools)
	for _, e := range entries {
		d.Entries, d.byID[e.ID] = append(d.Entries, e), e
	}
	return drafted(t, d.finish(), t0)
}

// drafted commits a version and begins the next one.
func drafted(t *testing.T, b *Block, now time.Time) *draft {
	t.Helper()
	read, err := Decode(b.Encode())
	if err != nil {
		t.Fatalf("a version that can't be read: %v", err)
	}
	if drift := Check([]*Block{read}); len(drift) > 0 {
		t.Fatalf("drift: %v", drift)
	}
	d := newDraft(read, now, nil, nil, true)
	d.viewTerm = read.Term
	return d
}

// next commits a draft and begins the next one, a while later.
func (d *draft) commit(t *testing.T, after time.Duration) *draft {
	t.Helper()
	before := d.Sequence
	now := d.now
	b := d.finish()
	if b.Sequence != before+1 {
		t.Errorf("the sequence went from %d to %d", before, b.Sequence)
	}
	return drafted(t, b, now.Add(after))
}

func TestAGrantIsAllOrNothing(t *testing.T) {
	two := []Pool{{Name: "seats", Total: 5}, {Name: "gpu", Total: 2}}
	item := func(name string, quantity int64) Item {
		return Item{Name: name, Unit: v1alpha1.UnitCount, Quantity: quantity}
	}
	tests := map[string]struct {
		pools     []Pool
		held      int64
		elsewhere map[string]int64
		reserved  map[string]int64
		items     []Item
		object    string
		want      outcome
	}{
		"all units that there are":                        {pools: two, items: []Item{item("seats", 5), item("gpu", 2)}, want: done},
		"one unit more than there are":                    {pools: two, items: []Item{item("seats", 6)}, want: short},
		"one item fits and another does not":              {pools: two, items: []Item{item("seats", 1), item("gpu", 3)}, want: short},
		"the rest that others left":                       {pools: two, held: 3, items: []Item{item("seats", 2)}, want: done},
		"more than the rest":                              {pools: two, held: 3, items: []Item{item("seats", 3)}, want: short},
		"what closed blocks hold is not free":             {pools: two, elsewhere: map[string]int64{"seats": 4}, items: []Item{item("seats", 2)}, want: short},
		"what closed blocks leave is free":                {pools: two, elsewhere: map[string]int64{"seats": 3}, items: []Item{item("seats", 2)}, want: done},
		"closed blocks hold more than there is":           {pools: two, elsewhere: map[string]int64{"seats": 9}, items: []Item{item("seats", 1)}, want: short},
		"the queue needs what is free":                    {pools: two, reserved: map[string]int64{"seats": 4}, items: []Item{item("seats", 2)}, want: short},
		"the queue leaves enough":                         {pools: two, reserved: map[string]int64{"seats": 3}, items: []Item{item("seats", 2)}, want: done},
		"the queue's own request takes what it reserved":  {pools: two, reserved: map[string]int64{"seats": 5}, items: []Item{item("seats", 2)}, object: "co", want: done},
		"a pool that nobody knows":                        {pools: two, items: []Item{item("cpu", 1)}, want: short},
		"no pools at all":                                 {items: []Item{item("seats", 1)}, want: short},
		"a feature needs no pool":                         {items: []Item{{Name: "f", Unit: v1alpha1.UnitNone, Value: "on"}}, want: done},
		"nothing at all":                                  {pools: two, want: done},
		"overage goes beyond the total":                   {pools: []Pool{{Name: "seats", Total: 5, Overage: true}}, held: 5, items: []Item{item("seats", 7)}, want: done},
		"the same item twice, together more than is free": {pools: two, items: []Item{item("seats", 3), item("seats", 3)}, want: short},
		"the same item twice, together all that is free":  {pools: two, items: []Item{item("seats", 2), item("seats", 3)}, want: done},
		"two large quantities that overflow":              {pools: two, items: []Item{item("seats", 1<<62), item("seats", 1<<62), item("seats", 1<<62), item("seats", 1<<62)}, want: short},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			var entries []*Entry
			if test.held > 0 {
				entries = append(entries, entryOf("other", func(e *Entry) { e.Items = []Item{item("seats", test.held)} }))
			}
			d := opened(t, test.pools, entries...)
			d.elsewhere, d.reserved = test.elsewhere, test.reserved
			before := len(d.Entries)
			g, got := d.grant(request("new", 0, func(r *Request) { r.Items, r.Object = test.items, test.object }), test.pools)
			if got != test.want {
				t.Fatalf("the outcome is %d, want %d", got, test.want)
			}
			if got != done {
				if d.changed || len(d.Entries) != before {
					t.Error("a refused request changed the block")
				}
				return
			}
			want := Grant{ID: NewID("new"), Sequence: d.Sequence + 1, Type: v1alpha1.CheckoutProvisional, Items: test.items,
				IssueTime: t0, ExpirationTime: t0.Add(time.Hour), Caller: "team", Object: test.object, Projected: test.object != ""}
			if diff := cmp.Diff(want, g); diff != "" {
				t.Errorf("another grant (-want +got):\n%s", diff)
			}
			if e := d.commit(t, 0).Get(g.ID); e == nil {
				t.Error("the committed version lacks the entry")
			} else if diff := cmp.Diff(want, e.Grant, cmpopts.EquateEmpty()); diff != "" {
				t.Errorf("the committed grant differs (-want +got):\n%s", diff)
			}
		})
	}
}

func TestARequestIsGrantedOnlyWhereAndWhileItMay(t *testing.T) {
	tests := map[string]struct {
		edit func(d *draft)
		r    *Request
		want outcome
	}{
		"an open block":                     {r: request("a", 1), want: done},
		"a closed block":                    {edit: func(d *draft) { d.closeFor(1) }, r: request("a", 1), want: closed},
		"a block that was never opened":     {edit: func(d *draft) { *d = *newDraft(newBlock(testKey, 1), t0, nil, nil, true) }, r: request("a", 1), want: closed},
		"a book known to an older term":     {edit: func(d *draft) { d.viewTerm = 0 }, r: request("a", 1), want: behind},
		"a frozen book":                     {edit: func(d *draft) { d.freeze() }, r: request("a", 1), want: frozen},
		"a book that was thawed":            {edit: func(d *draft) { d.freeze(); d.thaw() }, r: request("a", 1), want: done},
		"an id released before":             {edit: func(d *draft) { d.grant(request("a", 1), nil); d.release(NewID("a")) }, r: request("a", 1), want: ended},
		"an object's id released before":    {edit: func(d *draft) { d.grant(request("a", 1, byObject), nil); d.release(NewID("a")) }, r: request("a", 1, byObject), want: done},
		"an id that is there":               {edit: func(d *draft) { d.grant(request("a", 1), nil) }, r: request("a", 1), want: done},
		"an id there with another digest":   {edit: func(d *draft) { d.grant(request("a", 1), nil) }, r: request("a", 1, func(r *Request) { r.Digest = "x" }), want: mismatched},
		"an id there in a block closed now": {edit: func(d *draft) { d.grant(request("a", 1), nil); d.closeFor(1) }, r: request("a", 1), want: done},
		"a licence that ended before":       {r: request("a", 1, func(r *Request) { r.NotAfter = t0.Add(-time.Second) }), want: over},
		"a licence that ends now":           {r: request("a", 1, func(r *Request) { r.NotAfter = t0 }), want: over},
		"a lifetime of nothing":             {r: request("a", 1, func(r *Request) { r.Lifetime = 0 }), want: over},
		"a Perpetual one has no end":        {r: request("a", 1, perpetual, func(r *Request) { r.NotAfter = t0.Add(-time.Second) }), want: done},
		"a full block": {edit: func(d *draft) {
			for i := range MaxEntries {
				e := entryOf(fmt.Sprint("full", i), func(e *Entry) { e.Items = nil })
				d.Entries, d.byID[e.ID] = append(d.Entries, e), e
			}
		}, r: request("a", 1), want: full},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			d := opened(t, fiveSeats)
			if test.edit != nil {
				test.edit(d)
			}
			if _, got := d.grant(test.r, fiveSeats); got != test.want {
				t.Errorf("the outcome is %d, want %d", got, test.want)
			}
		})
	}
}

func TestWhenACheckoutEnds(t *testing.T) {
	tests := map[string]struct {
		edit func(*Request)
		want time.Time
	}{
		"after its lifetime":                      {edit: func(*Request) {}, want: t0.Add(time.Hour)},
		"with the licence if that ends before":    {edit: func(r *Request) { r.NotAfter = t0.Add(time.Minute) }, want: t0.Add(time.Minute)},
		"after its lifetime if the licence lasts": {edit: func(r *Request) { r.NotAfter = t0.Add(2 * time.Hour) }, want: t0.Add(time.Hour)},
		"in whole seconds, never later":           {edit: func(r *Request) { r.Lifetime = 1999 * time.Millisecond }, want: t0.Add(time.Second)},
		"never if it is Perpetual":                {edit: perpetual},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			g, _ := opened(t, fiveSeats).grant(request("a", 1, test.edit), nil)
			if !g.ExpirationTime.Equal(test.want) {
				t.Errorf("it ends at %v, want %v", g.ExpirationTime, test.want)
			}
		})
	}
}

func TestWhatIsOverLeavesTheBlock(t *testing.T) {
	d := opened(t, fiveSeats)
	d.grant(request("short", 1), nil)
	d.grant(request("long", 1, func(r *Request) { r.Lifetime = 2 * time.Hour }), nil)
	d.grant(request("ever", 1, perpetual), nil)
	base := d.finish()
	tests := map[string]struct {
		after   time.Duration
		trusted bool
		want    int64
	}{
		"a second before the first ends": {after: time.Hour - time.Second, trusted: true, want: 3},
		"the very second it ends":        {after: time.Hour, trusted: true, want: 2},
		"when all have ended":            {after: 9999 * time.Hour, trusted: true, want: 1},
		"nothing while time is in doubt": {after: 9999 * time.Hour, trusted: false, want: 3},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			d := newDraft(base, t0.Add(test.after), nil, nil, test.trusted)
			if got := d.pool("seats").Used; got != test.want {
				t.Errorf("%d seats are in use, want %d", got, test.want)
			}
			if d.changed != (test.want != 3) {
				t.Errorf("changed is %v", d.changed)
			}
			if len(base.Entries) != 3 || base.used("seats") != 3 {
				t.Error("the committed version was changed")
			}
		})
	}
}

func TestAnExtension(t *testing.T) {
	tests := map[string]struct {
		edit      func(*Request)
		after     time.Duration
		untrusted bool
		lifetime  time.Duration
		notAfter  time.Time
		want      time.Time
		changed   bool
		outcome   outcome
	}{
		"moves the end":                         {after: 30 * time.Minute, lifetime: time.Hour, want: t0.Add(90 * time.Minute), changed: true},
		"never moves it back":                   {after: time.Minute, lifetime: time.Minute, want: t0.Add(time.Hour)},
		"to the same end changes nothing":       {lifetime: time.Hour, want: t0.Add(time.Hour)},
		"ends with the licence":                 {after: time.Minute, lifetime: 9 * time.Hour, notAfter: t0.Add(2 * time.Hour), want: t0.Add(2 * time.Hour), changed: true},
		"never shortens to the licence's end":   {after: time.Minute, lifetime: 9 * time.Hour, notAfter: t0.Add(time.Minute), want: t0.Add(time.Hour)},
		"of what never ends changes nothing":    {edit: perpetual, after: time.Minute, lifetime: time.Hour},
		"in the last second":                    {after: time.Hour - time.Second, lifetime: time.Hour, want: t0.Add(2*time.Hour - time.Second), changed: true},
		"comes too late":                        {after: time.Hour, lifetime: time.Hour, outcome: absent, changed: true},
		"is in time while the time is in doubt": {after: 2 * time.Hour, untrusted: true, lifetime: time.Hour, want: t0.Add(3 * time.Hour), changed: true},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			d := opened(t, fiveSeats)
			if test.edit == nil {
				test.edit = func(*Request) {}
			}
			d.grant(request("a", 1, test.edit), nil)
			base := d.finish()
			d = newDraft(base, t0.Add(test.after), nil, nil, !test.untrusted)
			g, got := d.extend(NewID("a"), test.lifetime, test.notAfter)
			if got != test.outcome || d.changed != test.changed || !g.ExpirationTime.Equal(test.want) {
				t.Errorf("the outcome is %d, changed %v, the end %v; want %d, %v, %v", got, d.changed, g.ExpirationTime, test.outcome, test.changed, test.want)
			}
			if e := base.Get(NewID("a")); e.Type != v1alpha1.CheckoutPerpetual && !e.ExpirationTime.Equal(t0.Add(time.Hour)) {
				t.Error("the committed version was changed")
			}
		})
	}
}

func TestAReleaseIsTheRemovalFromASet(t *testing.T) {
	d := opened(t, fiveSeats)
	d.grant(request("a", 3), nil)
	d = d.commit(t, time.Second)
	if got := d.release(NewID("a")); got != done || d.pool("seats").Used != 0 {
		t.Errorf("the outcome is %d, %d seats are in use", got, d.pool("seats").Used)
	}
	if got := d.release(NewID("a")); got != absent || d.pool("seats").Used != 0 {
		t.Errorf("the second outcome is %d, %d seats are in use", got, d.pool("seats").Used)
	}
	if _, got := d.commit(t, 0).grant(request("b", 5), nil); got != done {
		t.Errorf("the seats are not free: %d", got)
	}
}

func TestTheRingOfReleasedIDs(t *testing.T) {
	d := opened(t, []Pool{{Name: "seats", Total: 1000}})
	for i := range ringSize + 1 {
		d.grant(request(fmt.Sprint(i), 1), nil)
	}
	d.grant(request("object", 1, byObject), nil)
	d.release(NewID("object"))
	for i := range ringSize + 1 {
		d.release(NewID(fmt.Sprint(i)))
	}
	d = d.commit(t, time.Second)
	if len(d.Released) != ringSize {
		t.Fatalf("%d ids are remembered", len(d.Released))
	}
	if _, got := d.grant(request("0", 1), nil); got != done {
		t.Errorf("the id released first is still remembered: %d", got)
	}
	for _, i := range []int{1, ringSize} {
		if _, got := d.grant(request(fmt.Sprint(i), 1), nil); got != ended {
			t.Errorf("the id released as number %d was forgotten: %d", i, got)
		}
	}
}

func TestARenewalEndsThePerpetualOnesOfBefore(t *testing.T) {
	d := opened(t, fiveSeats)
	d.grant(request("old", 2, perpetual), nil)
	d.grant(request("provisional", 1), nil)
	d = d.commit(t, time.Minute)
	d.grant(request("new", 1, perpetual), nil)
	d = d.commit(t, time.Minute)
	d.renew(t0.Add(time.Minute))
	got := map[bool]int{}
	for _, id := range []string{"old", "provisional", "new"} {
		got[d.Get(NewID(id)) != nil]++
	}
	if d.Get(NewID("old")) != nil || got[true] != 2 || d.pool("seats").Used != 2 {
		t.Errorf("the block holds %v", d.Entries)
	}
	d = d.commit(t, time.Minute)
	if d.renew(t0.Add(time.Minute)); d.changed {
		t.Error("the same renewal again changed the block")
	}
}

func TestMarksOfObjects(t *testing.T) {
	d := opened(t, fiveSeats)
	d.grant(request("a", 1), nil)
	d = d.commit(t, 0)
	if d.mark([]string{NewID("a"), NewID("unknown")}); !d.Get(NewID("a")).Projected || !d.changed {
		t.Error("the mark was not set")
	}
	d = d.commit(t, 0)
	if d.mark([]string{NewID("a")}); d.changed {
		t.Error("the same mark changed the block")
	}
}
