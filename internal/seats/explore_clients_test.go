// Copyright The license-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package seats

// step yields what can follow if client i goes on: the flow of Checkout and of
// the committer, a step at a time.
func (x *explorer) step(s *state, i int, yield func(*state)) {
	next := s.clone()
	c := &next.clients[i]
	r := &next.replicas[asked[i]]
	switch c.phase {
	case searching:
		if x.sc.asks[i].afterwards() {
			x.locate(next, i)
		} else {
			x.search(next, i)
		}
		yield(next)
	case aiming:
		c.target, c.opening = r.book(x.parent).target()
		x.draft(next, i)
		yield(next)
	case drafting:
		x.draft(next, i)
		yield(next)
	case verifying:
		b := next.store[c.opening.after]
		bk := r.book(x.parent)
		bk.accept(bk.slot(c.opening.after), b, bk.slot(c.opening.after).changes)
		r.take(bk)
		c.phase = writing
		if !c.opening.follows(b, c.target) {
			c.phase = reading
		}
		yield(next)
	case writing:
		x.write(s, i, yield)
	case reading:
		bk := r.book(x.parent)
		slot := bk.slot(c.target)
		b := next.store[c.target]
		bk.accept(slot, b, slot.changes)
		r.take(bk)
		if b == nil || b.Term <= r.viewTerm {
			x.draft(next, i)
			yield(next)
			return
		}
		if next.failures > 0 { // The one block was read, the book can't be.
			failed := next.clone()
			failed.failures--
			x.draft(failed, i)
			yield(failed)
		}
		x.ask(next, i, listing)
		yield(next)
	case confirming:
		x.ask(next, i, confirmed)
		yield(next)
	case listing, confirmed:
		bk := r.book(x.parent)
		fresh := map[int32]*Block{}
		m := mark{changes: map[int32]int{}}
		for n, b := range c.read.blocks {
			m.changes[int32(n)] = c.read.mark[n]
			if b != nil {
				fresh[int32(n)] = b
			}
		}
		bk.listed(fresh, m)
		r.take(bk)
		c.read = nil
		if c.phase == confirmed {
			c.phase, c.confirmed = searching, true
		} else {
			c.phase = drafting
		}
		yield(next)
	}
}

// ask sends a read of the whole book.
func (x *explorer) ask(s *state, i int, p phase) {
	c := &s.clients[i]
	c.phase, c.read = p, &snapshot{blocks: s.store, mark: s.replicas[asked[i]].changes}
}

// search looks for the id, and answers what is there.
func (x *explorer) search(s *state, i int) {
	c := &s.clients[i]
	e, upTo := s.replicas[asked[i]].book(x.parent).search(NewID(x.sc.asks[i].id))
	switch {
	case e == nil:
		if c.upTo = upTo; x.bug == searchesOnce {
			c.upTo = unlimited
		}
		c.phase = aiming
	case c.confirmed:
		x.grant(s, i)
	default:
		c.phase = confirming
	}
}

// afterwards says that a request is about an entry that is there.
func (a ask) afterwards() bool { return a.id[0] == '-' || a.id[0] == '+' }

// locate waits until an id is there, to give it back.
func (x *explorer) locate(s *state, i int) {
	id := NewID(x.sc.asks[i].id[1:])
	for n, b := range s.replicas[asked[i]].current {
		if b != nil && b.Get(id) != nil {
			s.clients[i].phase, s.clients[i].target = drafting, int32(n)
		}
	}
}

func (x *explorer) grant(s *state, i int) {
	s.clients[i] = client{phase: granted}
	if id := x.sc.asks[i].id; !s.holds(id) && !x.given(s, id) {
		x.fail(s, "%s is answered, and nobody holds it", id)
	}
}

// draft takes the operation's step on the replica's copy.
func (x *explorer) draft(s *state, i int) {
	c := &s.clients[i]
	bk := s.replicas[asked[i]].book(x.parent)
	d := bk.draft(bk.slot(c.target))
	base := bk.slot(c.target).current
	if x.bug == ignoresTheView {
		d.viewTerm = unlimited
	}
	if x.bug == forgetsElsewhere {
		d.elsewhere = nil
	}
	if x.bug == opensUnasked && c.opening.term > 0 {
		d.viewTerm = max(d.viewTerm, c.opening.term-1)
	}
	closed := d.Successor
	if x.bug == grantsWhenClosed && !c.closing {
		d.Successor = nil
	}
	o := &op{opening: c.opening, step: x.operation(c, i), closing: c.closing}
	d.take([]*op{o})
	if x.bug == grantsWhenClosed && d.opened == nil && !c.closing {
		d.Successor = closed
	}
	c.result = o.result
	if !d.changed {
		x.decide(s, i, false)
		return
	}
	if c.draft, c.base, c.version = d, base, x.names.of(d.finish()); x.bug == answersEarly && o.result == done && !c.closing {
		s.clients[i].phase = granted
		s.late = append(s.late, lateWrite{c.version, base})
		s.clients[i].version, s.clients[i].base, s.clients[i].draft = nil, nil, nil
		return
	}
	c.phase = writing
	if d.opened != nil && c.opening.term > 1 {
		c.phase = verifying
	}
}

func (x *explorer) operation(c *client, i int) func(*draft) outcome {
	id := x.sc.asks[i].id
	switch {
	case id[0] == '-':
		return func(d *draft) outcome { return d.release(NewID(id[1:])) }
	case id[0] == '+':
		return func(d *draft) outcome { d.mark([]string{NewID(id[1:])}); return done }
	case c.closing:
		return func(d *draft) outcome { return d.closeIfFull(0, c.closeFor) }
	default:
		return func(d *draft) outcome {
			_, result := d.grantSearched(x.sc.request(id), x.sc.pools(), c.upTo)
			return result
		}
	}
}

// write sends the version: it is done and answered, done and not answered, not
// done, or done later.
func (x *explorer) write(s *state, i int, yield func(*state)) {
	next := s.clone()
	c := &next.clients[i]
	if x.swap(next, c.version, c.base) {
		bk := next.replicas[asked[i]].book(x.parent)
		bk.committed(bk.slot(c.target), c.draft, c.version)
		if x.bug == believesOwnCommit {
			bk.viewTerm = max(bk.viewTerm, c.version.Term)
		}
		next.replicas[asked[i]].take(bk)
		c.version, c.base, c.draft = nil, nil, nil
		x.decide(next, i, true)
	} else {
		x.reread(next, i)
	}
	yield(next)
	if s.losses > 0 {
		before, after := s.clone(), s.clone()
		before.losses--
		after.losses--
		x.reread(before, i)
		yield(before)
		x.swap(after, after.clients[i].version, after.clients[i].base)
		x.reread(after, i)
		yield(after)
	}
	if s.lates > 0 {
		late := s.clone()
		late.lates--
		late.late = append(late.late, lateWrite{c0(s, i).version, c0(s, i).base})
		x.reread(late, i)
		yield(late)
	}
}

func c0(s *state, i int) *client { return &s.clients[i] }

func (x *explorer) reread(s *state, i int) {
	c := &s.clients[i]
	c.phase, c.version, c.base, c.draft = reading, nil, nil, nil
}

// decide goes on after the operation's turn, as Checkout does.
func (x *explorer) decide(s *state, i int, committed bool) {
	c := &s.clients[i]
	switch {
	case x.sc.asks[i].afterwards():
		*c = client{phase: granted}
		return
	case c.closing:
		c.closing, c.phase = false, searching
		return
	}
	switch (&op{result: c.result, committed: committed}).verdict(c.confirmed) {
	case answer:
		x.grant(s, i)
	case searchAgain:
		c.phase = searching
	case makeRoom:
		x.makeRoom(s, i)
	case confirmFirst:
		c.phase = confirming
	case refuse:
		if c.result == short && !c.sawFull && x.sc.fair {
			x.fail(s, "%s is refused, and a seat was free all the while", x.sc.asks[i].id)
		}
		*c = client{phase: refused}
	}
}

// makeRoom closes the block that is open, if it is, as Books.close does.
func (x *explorer) makeRoom(s *state, i int) {
	c := &s.clients[i]
	bk := s.replicas[asked[i]].book(x.parent)
	head := bk.head()
	if head == nil || head.Successor != nil {
		c.phase = searching
		return
	}
	next, _ := bk.successor(head.Number)
	if next >= blocksMost {
		*c = client{phase: refused}
		return
	}
	c.closing, c.closeFor, c.target, c.opening, c.phase = true, next, head.Number, opening{}, drafting
}
