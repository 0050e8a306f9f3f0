// Copyright The license-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package seats

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/license-operator/license-operator/api/v1alpha1"
)

type units = map[string]int64

func TestWhoOfTheQueueIsGranted(t *testing.T) {
	seat := func(id string, n int64) Waiting { return Waiting{ID: id, Units: units{"seats": n}} }
	for name, test := range map[string]struct {
		free    units
		waiting []Waiting
		want    Admission
	}{
		"nobody waits": {units{"seats": 5}, nil, Admission{}},
		"in the order in which they came, while there is room": {
			units{"seats": 3}, []Waiting{seat("a", 2), seat("b", 1), seat("c", 1)},
			Admission{Grant: []string{"a", "b"}, Queue: []string{"c"}},
		},
		"a large one at the head is not starved by small ones behind it": {
			units{"seats": 4}, []Waiting{seat("large", 5), seat("b", 1), seat("c", 1)},
			Admission{Queue: []string{"large", "b", "c"}},
		},
		"who needs another pool may pass": {
			units{"seats": 4, "gpus": 1}, []Waiting{seat("large", 5), {ID: "gpu", Units: units{"gpus": 1}}, seat("c", 1)},
			Admission{Grant: []string{"gpu"}, Queue: []string{"large", "c"}},
		},
		"who needs one of the pools that somebody waits for may not": {
			units{"seats": 4, "gpus": 2},
			[]Waiting{seat("large", 5), {ID: "both", Units: units{"gpus": 1, "seats": 1}}, {ID: "gpu", Units: units{"gpus": 1}}},
			Admission{Queue: []string{"large", "both", "gpu"}},
		},
		"who waits keeps also the pools that have room for it": {
			units{"seats": 0, "gpus": 2}, []Waiting{{ID: "both", Units: units{"gpus": 2, "seats": 1}}, {ID: "gpu", Units: units{"gpus": 1}}},
			Admission{Queue: []string{"both", "gpu"}},
		},
		"features need no room": {
			units{"seats": 0}, []Waiting{seat("a", 1), {ID: "feature"}},
			Admission{Grant: []string{"feature"}, Queue: []string{"a"}},
		},
		"a pool that was lowered below its use gives nothing": {
			units{"seats": -3}, []Waiting{seat("a", 1)}, Admission{Queue: []string{"a"}},
		},
		"a pool that is not there gives nothing": {
			nil, []Waiting{seat("a", 1)}, Admission{Queue: []string{"a"}},
		},
		"a pool that allows overage gives everything, and keeps nobody waiting": {
			units{"seats": Unlimited, "gpus": 0},
			[]Waiting{seat("a", 1_000_000), {ID: "both", Units: units{"gpus": 1, "seats": 1}}, seat("c", 1)},
			Admission{Grant: []string{"a", "c"}, Queue: []string{"both"}},
		},
		"who does not wait is refused and keeps nothing from others": {
			units{"seats": 2}, []Waiting{{ID: "impatient", Units: units{"seats": 3}, Fail: true}, seat("b", 2)},
			Admission{Grant: []string{"b"}, Refuse: []string{"impatient"}},
		},
		"who does not wait does not pass those that do": {
			units{"seats": 2}, []Waiting{seat("large", 3), {ID: "impatient", Units: units{"seats": 1}, Fail: true}},
			Admission{Queue: []string{"large"}, Refuse: []string{"impatient"}},
		},
	} {
		t.Run(name, func(t *testing.T) {
			before := maps.Clone(test.free)
			if diff := cmp.Diff(test.want, Admit(test.free, test.waiting)); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
			if diff := cmp.Diff(before, test.free); diff != "" {
				t.Errorf("what was given has changed (-before +after):\n%s", diff)
			}
		})
	}
}

// anyQueue draws a queue over a few pools.
func anyQueue(r *rand.Rand) (units, []Waiting) {
	pools := []string{"seats", "gpus", "nodes"}
	free := units{}
	for _, p := range pools {
		if free[p] = r.Int64N(11) - 2; r.IntN(5) == 0 {
			free[p] = Unlimited
		}
	}
	waiting := make([]Waiting, r.IntN(12))
	for i := range waiting {
		w := Waiting{ID: fmt.Sprint(i), Units: units{}, Fail: r.IntN(4) == 0}
		for _, p := range pools {
			if n := r.Int64N(9) - 4; n > 0 {
				w.Units[p] = n
			}
		}
		waiting[i] = w
	}
	return free, waiting
}

func TestEveryAdmissionIsFairAndFits(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2)) // The same queues each time.
	for range 20_000 {
		free, waiting := anyQueue(r)
		if fault := unfair(free, waiting, Admit(free, waiting)); fault != "" {
			t.Fatalf("free %v, waiting %v: %s", free, waiting, fault)
		}
	}
}

// unfair says what is wrong with an admission.
func unfair(free units, waiting []Waiting, a Admission) string {
	if all := len(a.Grant) + len(a.Queue) + len(a.Refuse); all != len(waiting) {
		return fmt.Sprintf("%d of %d are decided on", all, len(waiting))
	}
	spent, kept := units{}, map[string]bool{}
	for _, w := range waiting {
		if slices.Contains(a.Grant, w.ID) {
			for p, n := range w.Units {
				if kept[p] {
					return fmt.Sprintf("%s passed somebody who waits for %s", w.ID, p)
				}
				spent[p] += n
			}
			continue
		}
		if fits(minus(free, spent), kept, w.Units) {
			return w.ID + " would have fitted"
		}
		if slices.Contains(a.Refuse, w.ID) != w.Fail || slices.Contains(a.Queue, w.ID) == w.Fail {
			return w.ID + " is in the wrong list"
		}
		for p := range w.Units {
			kept[p] = kept[p] || !w.Fail && free[p] != Unlimited
		}
	}
	for p, n := range spent {
		if n > free[p] {
			return fmt.Sprintf("%d of %d %s were given", n, free[p], p)
		}
	}
	return ""
}

func minus(free, spent units) units {
	left := maps.Clone(free)
	for p, n := range spent {
		if left[p] != Unlimited {
			left[p] -= n
		}
	}
	return left
}

func TestWhatABookMayGive(t *testing.T) {
	block := func(term int64, pools ...v1alpha1.SeatPool) *Block { return &Block{Term: term, Pools: pools} }
	pools := []Pool{{Name: "seats", Total: 10}, {Name: "gpus", Total: 2, Overage: true}}
	for name, test := range map[string]struct {
		blocks []*Block
		want   units
	}{
		"without a block it is what the Subscription has": {nil, units{"seats": 10, "gpus": Unlimited}},
		"all blocks count, and the total of the one that was opened last": {
			[]*Block{
				block(2, v1alpha1.SeatPool{Name: "seats", Total: 8, Used: 1}),
				block(1, v1alpha1.SeatPool{Name: "seats", Total: 99, Used: 3}),
			},
			units{"seats": 4, "gpus": Unlimited},
		},
		"overage is as the book has it": {
			[]*Block{block(1,
				v1alpha1.SeatPool{Name: "seats", Total: 1, Used: 5, Overage: v1alpha1.Allowed},
				v1alpha1.SeatPool{Name: "gpus", Total: 2, Used: 3, Overage: v1alpha1.Forbidden})},
			units{"seats": Unlimited, "gpus": -1},
		},
	} {
		t.Run(name, func(t *testing.T) {
			if diff := cmp.Diff(test.want, Free(test.blocks, pools)); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}
