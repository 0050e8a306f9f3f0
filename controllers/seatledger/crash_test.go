// Copyright The license-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package seatledger

import (
	"errors"
	"testing"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"

	"github.com/license-operator/license-operator/api/v1alpha1"
	"github.com/license-operator/license-operator/internal/seats"
)

// errLost is the answer of a write that may have happened.
var errLost = apierrors.NewTimeoutError("the answer was lost", 0)

// refusing is a store that will not have a commit.
func refusing(func() (*v1alpha1.SeatLedger, seats.Result, error)) (*v1alpha1.SeatLedger, seats.Result, error) {
	return nil, seats.Refused, errors.New("refused")
}

func TestAWriteThatFailsIsMadeUpForByTheNextProcess(t *testing.T) {
	for name, test := range map[string]struct {
		disturb func(*scene)
		// fails says that the reconcile does, objects how many it leaves.
		fails   bool
		objects int
		marked  bool
	}{
		"the object was not made": {
			func(s *scene) { s.live.create = func(func() error) error { return errLost } }, true, 0, false,
		},
		"the object was made and the answer was lost": {
			func(s *scene) {
				s.live.create = func(do func() error) error { return errors.Join(do(), errLost) }
			}, true, 1, false,
		},
		"the object was made and not noted": {
			func(s *scene) { s.store.commit = refusing }, true, 1, false,
		},
		"the object was made and noted, and the answer was lost": {
			func(s *scene) {
				s.store.commit = func(do func() (*v1alpha1.SeatLedger, seats.Result, error)) (*v1alpha1.SeatLedger, seats.Result, error) {
					s.store.commit = nil
					_, _, _ = do()
					return nil, seats.Unknown, errLost
				}
			}, false, 1, true,
		},
		"the status was not written": {
			func(s *scene) { s.live.status = func(func() error) error { return errLost } }, true, 1, true,
		},
		"the status was written and the answer was lost": {
			func(s *scene) {
				s.live.status = func(do func() error) error { return errors.Join(do(), errLost) }
			}, true, 1, true,
		},
		"the object changed before its status was written": {
			func(s *scene) {
				s.live.status = func(func() error) error {
					return apierrors.NewConflict(v1alpha1.GroupVersion.WithResource("licensecheckouts").GroupResource(), "co", errLost)
				}
			}, false, 1, true,
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := stage(t)
			g := s.checkout(request("a"))
			test.disturb(s)
			if _, err := s.try(); (err != nil) != test.fails {
				t.Errorf("the error is %v", err)
			}
			if got := len(s.objects()); got != test.objects {
				t.Errorf("%d objects are there, want %d", got, test.objects)
			}
			s.projected(g, test.marked)

			s.restart()
			s.reconcile()
			s.projected(g, true)
			co := s.object(g)
			s.Condition(co, v1alpha1.ConditionGranted, "True, Granted")
			if !co.Status.ExpirationTime.Time.Equal(issue.Add(time.Hour)) {
				t.Errorf("it expires at %s", co.Status.ExpirationTime)
			}
			if len(s.objects()) != 1 {
				t.Error("there is more than one object")
			}
			s.quiet()
		})
	}
}

func TestWhatWasMadeIsNotedInOneCommitEvenIfTheRestFails(t *testing.T) {
	t.Parallel()
	s := stage(t)
	first, second, third := s.checkout(request("a")), s.checkout(request("b")), s.checkout(request("c"))
	made := 0
	s.live.create = func(do func() error) error {
		if made++; made == 3 {
			return errLost
		}
		return do()
	}
	sequence := s.block(0).Sequence
	if _, err := s.try(); !apierrors.IsTimeout(err) {
		t.Errorf("the error is %v", err)
	}
	s.projected(first, true)
	s.projected(second, true)
	s.projected(third, false)
	if after := s.block(0).Sequence; after != sequence+1 {
		t.Errorf("it took %d commits", after-sequence)
	}
}

func TestWhatACommitCouldNotEndIsEndedByTheNextProcess(t *testing.T) {
	t.Parallel()
	s := stage(t)
	g := s.checkout(request("a"))
	s.reconcile()
	s.Step(time.Hour)
	s.store.commit = refusing
	if _, err := s.try(); err == nil {
		t.Error("a commit that was refused is no error")
	}
	s.holds(g, true)
	s.object(g)
	s.restart()
	s.reconcile()
	s.holds(g, false)
	s.none()
}
