// Copyright The license-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package seatstest

import (
	"context"
	"errors"
	"slices"
	"sync/atomic"
	"time"

	"k8s.io/apimachinery/pkg/types"

	"github.com/license-operator/license-operator/api/v1alpha1"
	"github.com/license-operator/license-operator/internal/seats"
)

// Fault is what happens to one write.
type Fault int

// The faults of a write.
const (
	// None: the write is done, if it is to be, and answered.
	None Fault = iota
	// DropBefore: the request is lost; the caller can't tell.
	DropBefore
	// DropAfter: the write is done and the answer lost.
	DropAfter
	// Late: the answer is lost, and the write is done by Land, if it still fits.
	Late
	// FalseConflict: nothing is done, for another one came first.
	FalseConflict
	// Refuse: nothing is done, the write is forbidden.
	Refuse
)

// Faults lists all of them.
var Faults = []Fault{None, DropBefore, DropAfter, Late, FalseConflict, Refuse}

// String names a fault.
func (f Fault) String() string {
	return [...]string{"none", "drop before", "drop after", "late", "conflict", "refuse"}[f]
}

// ErrInjected is the error of an injected fault.
var ErrInjected = errors.New("injected")

// Client is one replica's connection to a Store. Its hooks may be set before it
// is used, and must be safe for many goroutines.
type Client struct {
	store *Store
	// OnWrite chooses the fault of a write; nil for none.
	OnWrite func(next *v1alpha1.SeatLedger) Fault
	// OnRead fails a read, if it is not nil. one says that it is of one block.
	OnRead func(one bool) error
	// WriteDelay and ReadDelay are how long an answer takes. Half of a write's
	// passes before it is done.
	WriteDelay, ReadDelay time.Duration

	writes, reads, lists atomic.Int64
}

// Client returns a connection.
func (s *Store) Client() *Client { return &Client{store: s} }

// Writes counts the writes that were tried.
func (c *Client) Writes() int { return int(c.writes.Load()) }

// Lists counts the reads of whole books.
func (c *Client) Lists() int { return int(c.lists.Load()) }

// Reads counts the reads of one block.
func (c *Client) Reads() int { return int(c.reads.Load()) }

// List implements seats.Store.
func (c *Client) List(ctx context.Context, key seats.Key) ([]*v1alpha1.SeatLedger, error) {
	c.lists.Add(1)
	if err := c.read(ctx, false); err != nil {
		return nil, err
	}
	c.store.mu.Lock()
	defer c.store.mu.Unlock()
	var found []*v1alpha1.SeatLedger
	for _, l := range c.store.list(key) {
		found = append(found, l.DeepCopy())
	}
	return found, c.answer(ctx, c.ReadDelay/2)
}

// Read implements seats.Store.
func (c *Client) Read(ctx context.Context, key seats.Key, number int32) (*v1alpha1.SeatLedger, error) {
	c.reads.Add(1)
	if err := c.read(ctx, true); err != nil {
		return nil, err
	}
	c.store.mu.Lock()
	defer c.store.mu.Unlock()
	l := c.store.blocks[types.NamespacedName{Namespace: key.Namespace, Name: seats.BlockName(key.Name, number)}]
	if l == nil {
		return nil, c.answer(ctx, c.ReadDelay/2)
	}
	return l.DeepCopy(), c.answer(ctx, c.ReadDelay/2)
}

func (c *Client) read(ctx context.Context, one bool) error {
	if err := pause(ctx, c.ReadDelay/2); err != nil {
		return err
	}
	if c.OnRead != nil {
		return c.OnRead(one)
	}
	return ctx.Err()
}

// answer passes the time until an answer arrives. The lock is held, and held
// again at the end.
func (c *Client) answer(ctx context.Context, d time.Duration) error {
	if d <= 0 {
		return nil
	}
	c.store.mu.Unlock()
	defer c.store.mu.Lock()
	return pause(ctx, d)
}

// Commit implements seats.Store. As a client of the API server may, it writes
// into what it was given once it has been sent.
func (c *Client) Commit(ctx context.Context, next *v1alpha1.SeatLedger) (*v1alpha1.SeatLedger, seats.Result, error) {
	c.writes.Add(1)
	sent := next.DeepCopy()
	scribble(next)
	fault := None
	if c.OnWrite != nil {
		fault = c.OnWrite(sent)
	}
	if err := pause(ctx, c.WriteDelay/2); err != nil {
		return nil, seats.Unknown, err
	}
	c.store.mu.Lock()
	defer c.store.mu.Unlock()
	switch fault {
	case DropBefore:
		return nil, seats.Unknown, ErrInjected
	case Late:
		c.store.late = append(c.store.late, sent)
		return nil, seats.Unknown, ErrInjected
	case FalseConflict:
		return nil, seats.Conflict, ErrInjected
	case Refuse:
		return nil, seats.Refused, ErrInjected
	}
	saved, result, err := c.store.put(sent)
	if fault == DropAfter {
		return nil, seats.Unknown, ErrInjected
	}
	if result == seats.Committed {
		saved = saved.DeepCopy()
	}
	if err := c.answer(ctx, c.WriteDelay/2); err != nil {
		return nil, seats.Unknown, err
	}
	return saved, result, err
}

// scribble changes everything that a block might share with what it was encoded
// to.
func scribble(l *v1alpha1.SeatLedger) {
	for k := range l.Labels {
		l.Labels[k] = "scribbled"
	}
	for i := range l.Spec.Pools {
		l.Spec.Pools[i] = v1alpha1.SeatPool{Name: "scribbled", Used: -1}
	}
	for i := range l.OwnerReferences {
		l.OwnerReferences[i].Name = "scribbled"
	}
}

// Land does the late writes whose positions among those that wait are chosen,
// all for nil. A write whose block has changed since never is.
func (s *Store) Land(which func(position int) bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	waiting := s.late
	s.late = nil
	for i, l := range waiting {
		if which != nil && !which(i) {
			s.late = append(s.late, l)
			continue
		}
		_, _, _ = s.put(l)
	}
}

// Waiting counts the writes that may still be done late.
func (s *Store) Waiting() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(slices.DeleteFunc(slices.Clone(s.late), func(l *v1alpha1.SeatLedger) bool {
		old := s.blocks[types.NamespacedName{Namespace: l.Namespace, Name: l.Name}]
		return old == nil && l.ResourceVersion != "" || old != nil && old.ResourceVersion != l.ResourceVersion
	}))
}

func pause(ctx context.Context, d time.Duration) error {
	if d <= 0 {
		return ctx.Err()
	}
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
