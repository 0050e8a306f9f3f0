// Copyright The license-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package seats

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/go-logr/logr"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	clocktesting "k8s.io/utils/clock/testing"

	"github.com/license-operator/license-operator/api/v1alpha1"
)

// gate is a store of one block whose commits wait to be let through.
type gate struct {
	open chan struct{}
	last *v1alpha1.SeatLedger
}

func (g *gate) List(context.Context, Key) ([]*v1alpha1.SeatLedger, error) { return nil, nil }

func (g *gate) Read(context.Context, Key, int32) (*v1alpha1.SeatLedger, error) { return g.last, nil }

func (g *gate) Commit(_ context.Context, l *v1alpha1.SeatLedger) (*v1alpha1.SeatLedger, Result, error) {
	<-g.open
	l.UID, l.ResourceVersion = "block", fmt.Sprint(l.Spec.Sequence)
	g.last = l
	return l, Committed, nil
}

func TestBooksAreBusyWhileManyWaitForACommit(t *testing.T) {
	for name, test := range map[string]struct {
		waiting int
		busy    bool
	}{
		"as many as may wait": {crowd, false},
		"one more":            {crowd + 1, true},
	} {
		t.Run(name, func(t *testing.T) {
			clk := clocktesting.NewFakeClock(time.Date(2031, time.May, 6, 7, 8, 9, 0, time.UTC))
			store := &gate{open: make(chan struct{})}
			books := NewBooks(t.Context(), Options{Store: store, Clock: clk, Log: logr.Discard()})
			key := Key{Namespace: "acme", Name: "initech"}
			pools := []Pool{{Name: "seats", Total: 100}}
			granted := make(chan error)
			checkout := func(n int) {
				id := NewID(fmt.Sprint(n))
				_, err := books.Checkout(t.Context(), key, pools, Request{ID: id, Digest: NewDigest(id), Type: v1alpha1.CheckoutPerpetual,
					Items: []Item{{Name: "seats", Unit: v1alpha1.UnitCount, Quantity: 1}}})
				granted <- err
			}
			go checkout(0)
			bk, err := books.book(t.Context(), key)
			if err != nil {
				t.Fatal(err)
			}
			pending := func() int {
				bk.mu.Lock()
				defer bk.mu.Unlock()
				return len(bk.slot(0).pending)
			}
			running := func() bool {
				bk.mu.Lock()
				defer bk.mu.Unlock()
				return bk.slot(0).running && len(bk.slot(0).pending) == 0
			}
			for !running() {
				time.Sleep(time.Millisecond)
			}
			for n := range test.waiting {
				go checkout(n + 1)
			}
			for pending() < test.waiting {
				time.Sleep(time.Millisecond)
			}
			if books.Busy() {
				t.Error("they are busy before anybody has been taken")
			}
			close(store.open)
			for range test.waiting + 1 {
				if err := <-granted; err != nil {
					t.Fatal(err)
				}
			}
			if got := books.Busy(); got != test.busy {
				t.Errorf("busy: %t, want %t", got, test.busy)
			}
			clk.Step(lately)
			if books.Busy() {
				t.Error("they are still busy a while later")
			}
		})
	}
}

func TestTheNewestOfWhatTheWatchShowsAndWhatIsKnown(t *testing.T) {
	key := Key{Namespace: "acme", Name: "initech"}
	version := func(uid types.UID, sequence int64) *v1alpha1.SeatLedger {
		return &v1alpha1.SeatLedger{ObjectMeta: metav1.ObjectMeta{Namespace: key.Namespace, Name: "initech-0", UID: uid},
			Spec: v1alpha1.SeatLedgerSpec{SubscriptionRef: v1alpha1.LocalReference{Name: key.Name}, Sequence: sequence, Term: 1}}
	}
	for name, test := range map[string]struct {
		known, shown *v1alpha1.SeatLedger
		want         int64
	}{
		"nothing is known":                     {nil, version("a", 7), 7},
		"what is known is newer":               {version("a", 9), version("a", 7), 9},
		"what is known is the same":            {version("a", 7), version("a", 7), 7},
		"what is shown is newer":               {version("a", 7), version("a", 9), 9},
		"what is shown has taken its place":    {version("a", 9), version("b", 7), 7},
		"another block of the book is unknown": {version("a", 9), func() *v1alpha1.SeatLedger { l := version("c", 3); l.Spec.Block = 1; return l }(), 3},
	} {
		t.Run(name, func(t *testing.T) {
			books := NewBooks(t.Context(), Options{Store: &gate{}, Clock: clocktesting.NewFakeClock(time.Time{}), Log: logr.Discard()})
			if test.known != nil {
				if _, err := books.book(t.Context(), key); err != nil {
					t.Fatal(err)
				}
				books.Observe(test.known)
			}
			b, err := books.Newest(test.shown)
			if err != nil || b.Sequence != test.want {
				t.Errorf("it is version %d, want %d: %v", b.Sequence, test.want, err)
			}
		})
	}
	books := NewBooks(t.Context(), Options{Store: &gate{}, Clock: clocktesting.NewFakeClock(time.Time{}), Log: logr.Discard()})
	broken := version("a", 7)
	broken.Spec.Entries = "nonsense"
	if _, err := books.Newest(broken); err == nil {
		t.Error("a block that can't be read is no error")
	}
}
