// Copyright The license-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package seatledger

import (
	"fmt"
	"testing"
	"time"

	"sigs.k8s.io/controller-runtime/pkg/reconcile"

	"github.com/license-operator/license-operator/internal/seats"
	"github.com/license-operator/license-operator/internal/store"
)

// full writes 300 entries in two blocks, none with an object.
func full(s *scene) {
	s.Helper()
	for number, entries := range []int{256, 44} {
		b := &seats.Block{Number: int32(number)}
		if number == 0 {
			b.Successor = new(int32(1))
		}
		for n := range entries {
			b.Entries = append(b.Entries, entry(fmt.Sprint(number, "/", n), issue, false))
		}
		s.write(b)
	}
}

// both reconciles both blocks and returns when they ask to come back.
func (s *scene) both() time.Duration {
	s.Helper()
	next := time.Hour
	for number := range int32(2) {
		result, err := s.Reconcile(s.Context(), reconcile.Request{NamespacedName: s.name(number)})
		if err != nil {
			s.Fatal(err)
		}
		next = min(next, result.RequeueAfter)
	}
	return next
}

func TestObjectsAreMadeAtTheRateAndNoFaster(t *testing.T) {
	for name, test := range map[string]struct {
		busy bool
		// rate is of objects a second, after the first burst.
		rate float64
	}{
		"in quiet times":             {false, 40},
		"while checkouts come thick": {true, 2.5},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := stage(t)
			s.rate = 40
			s.restart()
			s.busy = test.busy
			full(s)
			const burst = 10
			start, more := s.Clock.Now(), time.Duration(0)
			for range 15 {
				more = s.both()
				made, seconds := len(s.objects()), s.Clock.Since(start).Seconds()
				if most := burst + int(test.rate*seconds); made > most {
					t.Fatalf("%d objects after %v s, at most %d", made, seconds, most)
				}
				s.Step(more)
			}
			if more != pause {
				t.Errorf("the blocks come again after %s", more)
			}
			made := len(s.objects())
			if least := int(test.rate * 14 * pause.Seconds()); made < least {
				t.Errorf("%d objects were made, at least %d could be", made, least)
			}
		})
	}
}

func TestThreeHundredCheckoutsGetTheirObjects(t *testing.T) {
	t.Parallel()
	s := stage(t)
	s.rate = 200
	s.restart()
	full(s)
	start := s.Clock.Now()
	for s.both() == pause {
		s.Step(pause)
	}
	if took := s.Clock.Since(start); took < 1200*time.Millisecond || took > 1700*time.Millisecond {
		t.Errorf("it took %s", took)
	}
	objects := s.objects()
	for number := range int32(2) {
		for _, e := range s.block(number).Entries {
			co := objects[store.ProjectionName(e.ID)]
			if co == nil || !e.Projected || co.Status.ExpirationTime == nil {
				t.Fatalf("the entry %s is projected: %t, its object is %v", e.ID, e.Projected, co)
			}
			delete(objects, co.Name)
		}
	}
	if len(objects) > 0 {
		t.Errorf("%d objects stand for nothing", len(objects))
	}
	s.quiet()
	if n := s.live.gets; n > 2 {
		t.Errorf("%d reads of the API server", n)
	}
}

func TestAPassCommitsOnceHoweverManyObjectsItMade(t *testing.T) {
	t.Parallel()
	s := stage(t)
	full(s)
	sequence := s.block(0).Sequence
	s.reconcile()
	made := len(s.objects())
	if made != 250 { // A quarter of a second's.
		t.Errorf("%d objects were made", made)
	}
	if after := s.block(0).Sequence; after != sequence+1 {
		t.Errorf("it took %d commits", after-sequence)
	}
}

func TestDeletionsAndStatusesCountToo(t *testing.T) {
	t.Parallel()
	s := stage(t)
	var grants []seats.Grant
	for n := range 12 {
		grants = append(grants, s.checkout(request(fmt.Sprint(n))))
	}
	s.reconcile()
	s.rate = 16
	s.restart()
	for _, g := range grants[:6] {
		s.checkIn(g)
	}
	s.Step(time.Minute)
	for _, g := range grants[6:] {
		h := seats.Handle{ID: g.ID, Block: g.Block, Sequence: g.Sequence}
		if _, err := s.Books.Extend(t.Context(), s.key, h, time.Hour, time.Time{}); err != nil {
			t.Fatal(err)
		}
	}
	for pass := range 3 {
		s.live.deletes, s.live.patches = 0, 0
		if result := s.reconcile(); pass < 2 && result.RequeueAfter != pause {
			t.Errorf("pass %d comes again after %s", pass, result.RequeueAfter)
		}
		if n := s.live.deletes + s.live.patches; n != 4 {
			t.Errorf("pass %d: %d objects, want 4", pass, n)
		}
		s.Step(time.Second)
	}
	if n := len(s.objects()); n != 6 {
		t.Errorf("%d objects are left", n)
	}
	s.quiet()
}

func TestSeatsAreGivenBackWhateverTheRate(t *testing.T) {
	t.Parallel()
	s := stage(t)
	for n := range 12 {
		s.checkout(request(fmt.Sprint(n)))
	}
	s.reconcile()
	for _, co := range s.objects() {
		s.Delete(co)
	}
	s.rate, s.busy = 0.001, true
	s.restart()
	s.reconcile()
	if n := len(s.block(0).Entries); n > 0 {
		t.Errorf("%d entries are left", n)
	}
}
