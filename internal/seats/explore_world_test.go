// Copyright The license-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package seats

import (
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"slices"
	"strings"

	"github.com/go-logr/logr"
	"k8s.io/utils/clock"
	"k8s.io/utils/lru"

	"github.com/license-operator/license-operator/api/v1alpha1"
)

// The exploration takes every step of the protocol in every order: a state is
// all that two replicas, their clients, the store and the network know. Steps
// are as small as what the locks and the API server make atomic. Each operation
// is its own committer, so more is possible than in a replica, where one
// committer runs for each block.

// blocksMost is how many blocks a scenario may make.
const blocksMost = 4

// phase is what a client's request does next.
type phase uint8

const (
	idle       phase = iota
	searching        // looks for its id in the copy
	aiming           // chooses the block, and makes its next version
	drafting         // makes the next version of the same block
	verifying        // reads the block before the one that it opens
	writing          // has sent the version
	reading          // reads its block again
	listing          // has asked for the whole book, to know up to a new term
	confirming       // waits for its turn to read the whole book
	confirmed        // has asked for the whole book, to confirm
	granted          // was answered
	refused          // was refused
	lost             // its replica has crashed
)

// client is one request at one replica.
type client struct {
	phase     phase
	closing   bool // its operation is the closing of a block
	confirmed bool
	sawFull   bool // since the call there was a moment without a free seat
	upTo      int64
	target    int32
	opening   opening
	closeFor  int32
	read      *snapshot
	result    outcome
	version   *Block // that it drafted
	base      *Block
	draft     *draft
}

// snapshot is what a read of the whole book showed, on its way.
type snapshot struct {
	blocks [blocksMost]*Block
	mark   [blocksMost]int
}

// copyOf is what a replica knows.
type copyOf struct {
	dead     bool
	current  [blocksMost]*Block
	changes  [blocksMost]int
	viewTerm int64
	// queue is what its watch will show.
	queue []*Block
}

// state is one moment.
type state struct {
	store    [blocksMost]*Block
	replicas [2]copyOf
	clients  []client
	late     []lateWrite
	// faults that may still happen.
	crashes, losses, lates, relists, failures int
}

type lateWrite struct{ version, base *Block }

// scenario is where an exploration begins, and what may happen.
type scenario struct {
	name string
	// long says that there are very many states.
	long bool
	// frozen watches show nothing.
	frozen     bool
	total      int64
	maxEntries int
	// asks are the requests: the replica, and the id. Once its replica knows the
	// entry, -x gives x back and +x marks it.
	asks []ask
	// before are the versions that there are, a step each: 1^ opens block 1, 1>2
	// closes it for block 2, 1+p grants p in it and 1-p takes it back.
	before string
	// lag is how many of the versions replica 1 has not seen: its watch will show
	// them. Replica 0 has seen all.
	lag int
	// fair says that a seat that is free all the while must not be refused.
	fair                                      bool
	crashes, losses, lates, relists, failures int
}

type ask struct {
	replica int
	id      string
}

func (s *state) clone() *state {
	c := *s
	c.clients = slices.Clone(s.clients)
	c.late = slices.Clone(s.late)
	for i := range c.replicas {
		c.replicas[i].queue = slices.Clone(s.replicas[i].queue)
	}
	return &c
}

// names numbers versions by what they say, so that equal ones are one.
type names struct {
	ids  map[*Block]uint32
	same map[contents]*Block
}

// contents are what a version says.
type contents struct {
	number, successor                      int32
	sequence, term, total, capacity, holds int64
	entries, released                      string
}

func (n *names) of(b *Block) *Block {
	if b == nil {
		return nil
	}
	if _, ok := n.ids[b]; ok {
		return b
	}
	c := contents{number: b.Number, successor: -1, sequence: b.Sequence, term: b.Term, released: joinRing(b.Released)}
	if b.Successor != nil {
		c.successor = *b.Successor
	}
	for _, p := range b.Pools { // There is one.
		c.total, c.capacity, c.holds = p.Total, p.Capacity, p.Used
	}
	for _, e := range b.Entries {
		c.entries += e.ID
		if e.Projected {
			c.entries += "m"
		}
	}
	if known := n.same[c]; known != nil {
		return known
	}
	n.same[c], n.ids[b] = b, uint32(len(n.ids)+1)
	return b
}

// prune takes from the watches what they would show in vain, for the replica
// knows it already, and the late writes that can't be done any more.
func (s *state) prune() {
	s.late = slices.DeleteFunc(s.late, func(l lateWrite) bool { return s.store[l.version.Number] != l.base })
	for i := range s.replicas {
		r := &s.replicas[i]
		r.queue = slices.DeleteFunc(r.queue, func(b *Block) bool {
			known := r.current[b.Number]
			return known != nil && known.Sequence >= b.Sequence
		})
	}
}

// key is equal for states from which the same can follow.
func (n *names) key(s *state) [sha256.Size]byte {
	out := make([]byte, 0, 512)
	put := func(values ...int64) {
		for _, v := range values {
			out = binary.AppendVarint(out, v)
		}
	}
	block := func(b *Block) { put(int64(n.ids[b])) }
	for _, b := range s.store {
		block(b)
	}
	for i := range s.replicas {
		r := &s.replicas[i]
		put(flag(r.dead), r.viewTerm, int64(len(r.queue)))
		for _, b := range r.current {
			block(b)
		}
		for _, b := range r.queue {
			block(b)
		}
	}
	for i := range s.clients {
		c := &s.clients[i]
		put(int64(c.phase), flag(c.closing), flag(c.confirmed), flag(c.sawFull), c.upTo, int64(c.target), c.opening.term, int64(c.opening.after), int64(c.closeFor), int64(c.result))
		for _, p := range c.opening.pools {
			put(p.Total)
		}
		block(c.version)
		block(c.base)
		if c.draft != nil {
			put(c.draft.viewTerm)
		}
		if c.read != nil {
			for k, b := range c.read.blocks {
				block(b)
				put(flag(c.read.mark[k] == s.replicaOf(i).changes[k]))
			}
		}
	}
	put(int64(s.crashes), int64(s.losses), int64(s.lates), int64(s.relists), int64(s.failures))
	for _, l := range s.late {
		block(l.version)
		block(l.base)
	}
	return sha256.Sum256(out)
}

func flag(b bool) int64 {
	if b {
		return 1
	}
	return 0
}

// replicaOf is set by the explorer: which replica a client asks.
func (s *state) replicaOf(i int) *copyOf { return &s.replicas[asked[i]] }

// asked are the replicas of the scenario's clients.
var asked []int

// book makes a replica's copy as the code under test has it.
func (r *copyOf) book(parent *Books) *book {
	bk := &book{parent: parent, key: testKey, slots: map[int32]*slot{}, index: newIndex(), viewTerm: r.viewTerm, reading: make(chan struct{}, 1)}
	for n, b := range r.current {
		if b != nil || r.changes[n] > 0 {
			s := bk.slot(int32(n))
			bk.set(s, b)
			s.changes = r.changes[n]
		}
	}
	return bk
}

// take keeps what the code under test made of a copy.
func (r *copyOf) take(bk *book) {
	r.viewTerm = bk.viewTerm
	for n, s := range bk.slots {
		r.current[n], r.changes[n] = s.current, s.changes
	}
}

// still is a process whose clock stands still.
func still() *Books {
	return &Books{clock: stillClock{}, now: stillClock{}.Now, log: logr.Discard(), trusted: func() bool { return true }, ended: lru.New(1), books: map[Key]*book{}}
}

type stillClock struct{ clock.RealClock }

func (sc *scenario) start(n *names) *state {
	s := &state{crashes: sc.crashes, losses: sc.losses, lates: sc.lates, relists: sc.relists, failures: sc.failures}
	asked = nil
	for _, a := range sc.asks {
		asked = append(asked, a.replica)
		s.clients = append(s.clients, client{phase: searching})
	}
	steps := strings.Fields(sc.before)
	all := &s.replicas[0]
	for i, step := range steps {
		if i == len(steps)-sc.lag {
			s.replicas[1] = *all
		}
		bk := all.book(still())
		target := bk.slot(int32(step[0] - '0'))
		d := bk.draft(target)
		switch id := step[2:]; step[1] {
		case '^':
			_, o := bk.target()
			d.open(o)
			d.setPools(sc.pools())
		case '>':
			d.closeFor(int32(id[0] - '0'))
		case '+':
			d.grant(sc.request(id), nil)
		case '-':
			d.release(NewID(id))
		}
		b := n.of(d.finish())
		bk.committed(target, d, b)
		all.take(bk)
		if i >= len(steps)-sc.lag {
			s.replicas[1].queue = append(s.replicas[1].queue, b)
		}
	}
	if s.store = all.current; sc.lag == 0 {
		s.replicas[1] = *all
	}
	return s
}

// units is how many seats the store's blocks hold.
func (s *state) units() (sum int64) {
	for _, b := range s.store {
		if b != nil {
			sum += b.used("seats")
		}
	}
	return sum
}

// holds says whether the store holds an id.
func (s *state) holds(id string) bool {
	return slices.ContainsFunc(s.store[:], func(b *Block) bool { return b != nil && b.Get(NewID(id)) != nil })
}

// String tells a state to whoever reads a failure.
func (s *state) String() string {
	var out strings.Builder
	show := func(b *Block) string {
		if b == nil {
			return "-"
		}
		open := "open"
		if !b.Open() {
			open = fmt.Sprint("->", *b.Successor)
		}
		return fmt.Sprintf("%d@%d t%d %s %v", b.Number, b.Sequence-t0.UnixMilli(), b.Term, open, entryIDs(b))
	}
	fmt.Fprint(&out, "store:")
	for _, b := range s.store {
		fmt.Fprint(&out, " [", show(b), "]")
	}
	for i := range s.replicas {
		fmt.Fprintf(&out, "\nreplica %d (term %d, dead %v):", i, s.replicas[i].viewTerm, s.replicas[i].dead)
		for _, b := range s.replicas[i].current {
			fmt.Fprint(&out, " [", show(b), "]")
		}
	}
	return out.String()
}

func entryIDs(b *Block) (ids []string) {
	for _, e := range b.Entries {
		ids = append(ids, e.ID[:4])
	}
	return ids
}

// pools are what the Subscription has.
func (sc *scenario) pools() []Pool { return []Pool{{Name: "seats", Total: sc.total}} }

func (sc *scenario) request(id string) *Request {
	return &Request{ID: NewID(id), Digest: NewDigest(id), Type: v1alpha1.CheckoutProvisional,
		Items: []Item{{Name: "seats", Unit: v1alpha1.UnitCount, Quantity: 1}}, Lifetime: 3600e9}
}
