// Copyright The license-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package seatledger

import (
	"fmt"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/license-operator/license-operator/internal/seats"
)

// lacking writes a block with entries that have no objects.
func (s *scene) lacking(entries int) {
	s.Helper()
	b := &seats.Block{}
	for n := range entries {
		b.Entries = append(b.Entries, entry(fmt.Sprint(n), issue, false))
	}
	s.write(b)
}

// made looks at the block once a second for so many seconds, and returns how
// many objects were there after each.
func (s *scene) made(seconds int) []int {
	s.Helper()
	var made []int
	for range seconds {
		s.reconcile()
		made = append(made, len(s.objects()))
		s.Step(time.Second)
	}
	return made
}

// commits is how often a block has been written since write.
func (s *scene) commits() int64 { return s.block(0).Sequence - 1 }

// While checkouts come thick, each commit that notes what was made is taken from
// them: few of them, for many objects each.
func TestObjectsAreMadeInGroupsWhileCheckoutsComeThick(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		busy bool
		// commits of 100 objects at 10 a second, 40 at once.
		commits int64
	}{
		"in quiet times as they can be":   {busy: false, commits: 7},
		"in groups while they come thick": {busy: true, commits: 3},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := stage(t)
			s.rate = 10
			if s.busy = test.busy; s.busy {
				s.rate *= yield
			}
			s.restart()
			s.budget.limit.SetBurst(40)
			s.lacking(100)
			made := s.made(9)
			if n := s.commits(); n != test.commits {
				t.Errorf("%d commits, want %d; objects after each second: %v", n, test.commits, made)
			}
		})
	}
}

func TestTheLastObjectsOfABlockDoNotWaitForMore(t *testing.T) {
	t.Parallel()
	s := stage(t)
	s.rate, s.busy = 160, true // 40 at once, then 10 a second.
	s.restart()
	s.lacking(45)
	if diff := cmp.Diff([]int{40, 45}, s.made(2)); diff != "" {
		t.Errorf("other objects after each second (-want +got):\n%s", diff)
	}
}

func TestObjectsThatWereGatheredAreMadeWhenItIsQuietAgain(t *testing.T) {
	t.Parallel()
	s := stage(t)
	s.rate, s.busy = 160, true // 40 at once, then 10 a second.
	s.restart()
	s.lacking(100)
	if diff := cmp.Diff([]int{40, 40, 40, 40}, s.made(4)); diff != "" {
		t.Errorf("other objects after each second (-want +got):\n%s", diff)
	}
	s.busy = false
	if made := s.made(2); made[1] != 100 {
		t.Errorf("objects after each quiet second: %v, want all 100", made)
	}
}
