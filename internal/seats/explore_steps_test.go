// Copyright The license-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package seats

import (
	"fmt"
	"math"
	"slices"
	"time"
)

// Now implements clock.PassiveClock.
func (stillClock) Now() time.Time { return t0 }

// Since implements clock.PassiveClock.
func (stillClock) Since(t time.Time) time.Duration { return t0.Sub(t) }

// bug is a mistake that is made on purpose: the exploration has to find it.
type bug string

const (
	none              bug = "none"
	noCompare         bug = "a write without resourceVersion"
	grantsWhenClosed  bug = "a grant in a closed block"
	ignoresTheView    bug = "a grant in a term that is not known"
	forgetsElsewhere  bug = "what other blocks hold is underestimated"
	searchesOnce      bug = "an id that is not searched for again in a later term"
	believesAnyOrder  bug = "a view that is raised by whatever the watch shows"
	believesOwnCommit bug = "a view that is raised by a commit of who was behind"
	answersEarly      bug = "an answer before the commit"
	opensUnasked      bug = "a block opened in a term whose beginning is not known"
)

// explorer takes all steps.
type explorer struct {
	sc    *scenario
	bug   bug
	names *names
	seen  map[[32]byte]struct{}
	// closedStores are those whose hand-over was tried to the end.
	closedStores map[[blocksMost]*Block]bool
	parent       *Books
	// wrong is the first rule that was broken.
	wrong string
	limit int
}

func (x *explorer) fail(s *state, format string, args ...any) {
	if x.wrong == "" {
		x.wrong = fmt.Sprintf(format, args...) + "\n" + s.String()
	}
}

// explore visits every state that can follow.
func (x *explorer) explore() {
	first := x.sc.start(x.names)
	stack := []*state{first}
	x.seen[x.names.key(first)] = struct{}{}
	for len(stack) > 0 && x.wrong == "" {
		s := stack[len(stack)-1]
		stack = stack[:len(stack)-1]
		x.steps(s, func(next *state) {
			if x.bug != noCompare {
				next.prune()
			}
			key := x.names.key(next)
			if _, seen := x.seen[key]; seen || x.wrong != "" {
				return
			}
			x.seen[key] = struct{}{}
			stack = append(stack, next)
		})
		if len(x.seen) > x.limit {
			x.fail(s, "there are more than %d states", x.limit)
		}
	}
}

// steps yields the states that can follow immediately.
func (x *explorer) steps(s *state, yield func(*state)) {
	for i := range s.clients {
		if !s.replicas[asked[i]].dead {
			x.step(s, i, yield)
		}
	}
	for r := range s.replicas {
		c := &s.replicas[r]
		if c.dead {
			continue
		}
		if len(c.queue) > 0 && !x.sc.frozen {
			next := s.clone()
			x.show(next, r)
			yield(next)
		}
		if s.relists > 0 && len(c.queue) > 0 {
			yield(relisted(s, r))
		}
		if s.crashes > 0 {
			yield(crashed(s, r))
		}
	}
	for i, l := range s.late {
		next := s.clone()
		next.late = slices.Delete(next.late, i, i+1)
		x.swap(next, l.version, l.base)
		yield(next)
	}
}

// show lets a replica's watch show the next version.
func (x *explorer) show(s *state, r int) {
	c := &s.replicas[r]
	b := c.queue[0]
	c.queue = c.queue[1:]
	bk := c.book(x.parent)
	slot := bk.slot(b.Number)
	if known := slot.current; known == nil || known.Sequence < b.Sequence {
		bk.shown(slot, b)
		if x.bug == believesAnyOrder {
			bk.viewTerm = max(bk.viewTerm, b.Term)
		}
	}
	c.take(bk)
}

// relisted cuts a watch: the newest versions will be shown in the order of their names.
func relisted(s *state, r int) *state {
	next := s.clone()
	next.relists--
	next.replicas[r].queue = nil
	for _, b := range next.store {
		if b != nil {
			next.replicas[r].queue = append(next.replicas[r].queue, b)
		}
	}
	return next
}

// crashed ends a replica. What it has sent may be done later.
func crashed(s *state, r int) *state {
	next := s.clone()
	next.crashes--
	next.replicas[r] = copyOf{dead: true}
	for i := range next.clients {
		c := &next.clients[i]
		if asked[i] != r || c.phase >= granted {
			continue
		}
		if c.phase == writing {
			next.late = append(next.late, lateWrite{c.version, c.base})
		}
		*c = client{phase: lost}
	}
	return next
}

// swap compares and swaps in the store, and holds what is there then against
// the invariants.
func (x *explorer) swap(s *state, version, base *Block) bool {
	if s.store[version.Number] != base && x.bug != noCompare {
		return false
	}
	var before *Block
	if before = s.store[version.Number]; before != nil && x.bug != noCompare {
		if drift := CheckStep(before, version); len(drift) > 0 {
			x.fail(s, "a wrong step: %v", drift)
		}
	}
	s.store[version.Number] = version
	for r := range s.replicas {
		if !s.replicas[r].dead && !x.sc.frozen {
			s.replicas[r].queue = append(s.replicas[r].queue, version)
		}
	}
	var blocks []*Block
	for _, b := range s.store {
		if b != nil {
			blocks = append(blocks, b)
		}
	}
	if drift := Check(blocks); len(drift) > 0 {
		x.fail(s, "drift: %v", drift)
	}
	if s.units() > x.sc.total {
		x.fail(s, "sold twice: %d of %d", s.units(), x.sc.total)
	}
	for i := range s.clients {
		if x.sc.fair && s.units() >= x.sc.total && s.clients[i].phase < granted {
			s.clients[i].sawFull = true
		}
	}
	x.answersHold(s)
	x.finishHandOver(s)
	return true
}

// answersHold fails if an answered grant is gone.
func (x *explorer) answersHold(s *state) {
	for i, c := range s.clients {
		if id := x.sc.asks[i].id; c.phase == granted && !x.sc.asks[i].afterwards() && !x.given(s, id) && !s.holds(id) {
			x.fail(s, "the answered grant of %s is lost", id)
		}
	}
}

// given says whether somebody may have given an id back.
func (x *explorer) given(s *state, id string) bool {
	for i, a := range x.sc.asks {
		if a.id == "-"+id && s.clients[i].phase != searching {
			return true
		}
	}
	return false
}

// finishHandOver lets a replica that starts now open the next block.
func (x *explorer) finishHandOver(s *state) {
	if x.closedStores[s.store] {
		return
	}
	x.closedStores[s.store] = true
	c := copyOf{current: s.store}
	for _, b := range s.store {
		if b != nil {
			c.viewTerm = max(c.viewTerm, b.Term)
		}
	}
	bk := c.book(x.parent)
	number, o := bk.target()
	if o.term <= 1 {
		return
	}
	d := bk.draft(bk.slot(number))
	if d.open(o); !d.Open() || d.opened == nil {
		x.fail(s, "the hand-over to block %d can't be finished", number)
		return
	}
	if b := d.finish(); b.Term != o.term || !o.follows(s.store[o.after], number) {
		x.fail(s, "the hand-over to block %d is finished wrongly", number)
	}
}

// unlimited is a term beyond all.
const unlimited = math.MaxInt64
