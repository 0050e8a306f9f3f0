// Copyright The license-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package seats

// index answers what would else take a look at every block of a copy: a book of
// 100,000 seats has 400 of them, and each request asks.
type index struct {
	// at is the block that holds an id.
	at map[string]int32
	// twice are ids that more than one block has held in this copy at the same
	// time: an old version of one says so still.
	twice map[string]bool
	// used is what all blocks hold of each pool.
	used map[string]int64
}

func newIndex() index {
	return index{at: map[string]int32{}, twice: map[string]bool{}, used: map[string]int64{}}
}

// replace takes in that a version of a block follows another; either may be nil.
// Versions keep the order of their entries, so that most are passed at once. It
// returns the ids that the block does not hold any more and that others may.
func (x *index) replace(number int32, old, next *Block) (lost []string) {
	var before, after []*Entry
	if old != nil {
		before = old.Entries
		for i := range old.Pools {
			p := &old.Pools[i]
			if x.used[p.Name] -= p.Used; x.used[p.Name] == 0 {
				delete(x.used, p.Name)
			}
		}
	}
	if next != nil {
		after = next.Entries
		for i := range next.Pools {
			if p := &next.Pools[i]; p.Used != 0 {
				x.used[p.Name] += p.Used
			}
		}
	}
	kept := 0
	for _, e := range before {
		switch {
		case kept < len(after) && after[kept].ID == e.ID:
			kept++
		case x.twice[e.ID]:
			lost = append(lost, e.ID)
		default:
			delete(x.at, e.ID)
		}
	}
	for _, e := range after[kept:] {
		if other, found := x.at[e.ID]; found && other != number {
			x.twice[e.ID] = true
		}
		x.at[e.ID] = number
	}
	return lost
}
