// Copyright The license-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package seatledger

import (
	"context"
	"errors"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/go-logr/logr"
	"github.com/go-logr/logr/funcr"
	clocktesting "k8s.io/utils/clock/testing"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/metrics"

	"github.com/license-operator/license-operator/api/v1alpha1"
	"github.com/license-operator/license-operator/internal/seats"
)

// auditor audits the books of a scene's namespace alone: others are in the
// control plane too.
func (s *scene) auditor(lines *[]string) *Auditor {
	log := logr.Discard()
	if lines != nil {
		log = funcr.New(func(_, args string) { *lines = append(*lines, args) }, funcr.Options{})
	}
	return &Auditor{Clock: clocktesting.NewFakeClock(issue), Client: &within{Reader: s.Admin, namespace: s.Namespace}, Books: s.Books, Log: log}
}

// within reads one namespace.
type within struct {
	client.Reader
	namespace string
	lists     atomic.Int32
	change    func(*v1alpha1.SeatLedgerList)
}

func (w *within) List(ctx context.Context, list client.ObjectList, opts ...client.ListOption) error {
	w.lists.Add(1)
	err := w.Reader.List(ctx, list, append(opts, client.InNamespace(w.namespace))...)
	if w.change != nil {
		w.change(list.(*v1alpha1.SeatLedgerList))
	}
	return err
}

// drift is the metric.
func drift(t *testing.T) float64 {
	t.Helper()
	families, err := metrics.Registry.Gather()
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range families {
		if f.GetName() == "license_operator_ledger_drift_units" {
			return f.GetMetric()[0].GetGauge().GetValue()
		}
	}
	t.Fatal("there is no such metric")
	return 0
}

func TestTheAuditFindsWhatBreaksTheInvariants(t *testing.T) {
	s := stage(t)
	s.checkout(request("a"))
	var lines []string
	a := s.auditor(&lines)
	audit := func(want int64) {
		t.Helper()
		lines = nil
		units, err := a.Audit(t.Context())
		if err != nil || units != want {
			t.Errorf("the audit finds %d units, want %d, and the error %v", units, want, err)
		}
		if got := drift(t); got != float64(want) {
			t.Errorf("the metric says %v, want %d", got, want)
		}
		if (len(lines) > 0) != (want > 0) {
			t.Errorf("the log says %q", lines)
		}
	}
	audit(0)

	// Somebody else writes the book: three seats more than its entries hold.
	l := s.ledger(0)
	l.Spec.Sequence++
	l.Spec.Pools[0].Used += 3
	if err := s.Admin.Update(t.Context(), l); err != nil {
		t.Fatal(err)
	}
	audit(3)
	if !strings.Contains(lines[0], "initech") || !strings.Contains(lines[0], "block 0 says 4 of seats, its entries hold 1") {
		t.Errorf("the log says %s", lines[0])
	}

	l.Spec.Sequence++
	l.Spec.Entries += "nonsense\n"
	if err := s.Admin.Update(t.Context(), l); err != nil {
		t.Fatal(err)
	}
	audit(1)

	s.Delete(l)
	audit(0)
}

func TestADriftThatOnlyTheCacheShowsDoesNotCount(t *testing.T) {
	s := stage(t)
	s.checkout(request("a"))
	a := s.auditor(nil)
	a.Client.(*within).change = func(list *v1alpha1.SeatLedgerList) {
		// A block of another moment holds the same entry.
		other := list.Items[0].DeepCopy()
		other.Spec.Block, other.Name = 1, "initech-1"
		list.Items = append(list.Items, *other)
	}
	if units, err := a.Audit(t.Context()); units != 0 || err != nil {
		t.Errorf("the audit finds %d units and the error %v", units, err)
	}
}

func TestABookThatCannotBeReadLeavesTheMetric(t *testing.T) {
	s := stage(t)
	s.checkout(request("a"))
	a := s.auditor(nil)
	l := s.ledger(0)
	l.Spec.Sequence++
	l.Spec.Pools[0].Used += 2
	if err := s.Admin.Update(t.Context(), l); err != nil {
		t.Fatal(err)
	}
	if units, err := a.Audit(t.Context()); units != 2 || err != nil {
		t.Errorf("the audit finds %d units and the error %v", units, err)
	}
	a.Books = s.books(unlisted{})
	if _, err := a.Audit(t.Context()); err == nil {
		t.Error("it is no error")
	}
	if got := drift(t); got != 2 {
		t.Errorf("the metric says %v", got)
	}
}

// unlisted can't be read.
type unlisted struct{ seats.Store }

func (unlisted) List(context.Context, seats.Key) ([]*v1alpha1.SeatLedger, error) {
	return nil, errors.New("no answer")
}

func TestTheLeaderAuditsAtOnceAndEveryFiveMinutes(t *testing.T) {
	s := stage(t)
	a := s.auditor(nil)
	if !a.NeedLeaderElection() {
		t.Error("every replica audits")
	}
	clk := a.Clock.(*clocktesting.FakeClock)
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error)
	go func() { ended <- a.Start(ctx) }()
	for want := int32(1); want <= 3; want++ {
		for !clk.HasWaiters() {
			time.Sleep(time.Millisecond)
		}
		if got := a.Client.(*within).lists.Load(); got != want {
			t.Errorf("%d audits, want %d", got, want)
		}
		clk.Step(AuditInterval - time.Second)
		if !clk.HasWaiters() {
			t.Error("it did not wait for five minutes")
		}
		clk.Step(time.Second)
	}
	cancel()
	if err := <-ended; err != nil {
		t.Error(err)
	}
}
