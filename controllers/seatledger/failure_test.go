// Copyright The license-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package seatledger

import (
	"fmt"
	"strings"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/license-operator/license-operator/internal/seats"
)

func TestAQuotaStopsObjectsAndNothingElse(t *testing.T) {
	t.Parallel()
	s := stage(t)
	made := s.checkout(request("made"))
	s.reconcile()
	s.live.create = func(func() error) error { return errForbidden }
	s.live.creates = 0
	var grants []seats.Grant
	for n := range 20 {
		grants = append(grants, s.checkout(request(fmt.Sprint(n))))
	}
	s.After(s.reconcile(), longPause)
	if text := s.Events("Warning ProjectionFailed")[0]; !strings.Contains(text, "exceeded quota") {
		t.Errorf("the event does not say why: %s", text)
	}
	if !s.Failures.Failing(s.key) {
		t.Error("nobody is told")
	}
	if s.live.creates != maxRefused {
		t.Errorf("%d objects were tried", s.live.creates)
	}
	s.projected(grants[0], false)

	// The block changes again and again: nothing is tried until the pause is over,
	// and everything else goes on.
	s.Step(time.Second)
	s.checkIn(grants[0])
	s.Delete(s.object(made))
	s.After(s.reconcile(), longPause-time.Second)
	s.holds(made, false)
	if s.live.creates != maxRefused {
		t.Errorf("%d objects were tried before the pause was over", s.live.creates)
	}
	s.Step(longPause - time.Second)
	s.After(s.reconcile(), longPause)
	if s.live.creates != 2*maxRefused {
		t.Errorf("%d objects were tried", s.live.creates)
	}
	s.Events(nil...)

	s.live.create = nil
	s.Step(longPause)
	s.reconcile()
	if n := len(s.objects()); n != 19 {
		t.Errorf("%d objects are there after the quota has gone", n)
	}
	if s.Failures.Failing(s.key) {
		t.Error("it still fails")
	}
	s.Events(nil...)
	s.quiet()
}

func TestAPolicyAgainstOneObjectHoldsUpNoOther(t *testing.T) {
	t.Parallel()
	s := stage(t)
	tries := 0
	s.live.create = func(do func() error) error {
		if tries++; tries == 1 {
			return errForbidden
		}
		return do()
	}
	refused, other := s.checkout(request("a")), s.checkout(request("b"))
	s.After(s.reconcile(), longPause)
	s.projected(refused, false)
	s.projected(other, true)
	s.Events("Warning ProjectionFailed")

	third := s.checkout(request("c"))
	s.After(s.reconcile(), longPause)
	s.projected(refused, false)
	s.projected(third, true)
	if !s.Failures.Failing(s.key) {
		t.Error("it is said to be all right")
	}

	s.Step(longPause)
	s.reconcile()
	s.projected(refused, true)
	if s.Failures.Failing(s.key) {
		t.Error("it still fails")
	}
}

func TestANamespaceThatEndsIsNoFailure(t *testing.T) {
	t.Parallel()
	s := stage(t)
	terminating := apierrors.NewForbidden(corev1.Resource("licensecheckouts"), "co", errLost)
	terminating.ErrStatus.Details.Causes = append(terminating.ErrStatus.Details.Causes,
		metav1.StatusCause{Type: corev1.NamespaceTerminatingCause})
	s.live.create = func(func() error) error { return terminating }
	s.checkout(request("a"))
	s.checkout(request("b"))
	s.After(s.reconcile(), longPause)
	if s.live.creates != 1 {
		t.Errorf("%d objects were tried", s.live.creates)
	}
	if s.Failures.Failing(s.key) {
		t.Error("it is told of as a failure")
	}
	s.Events(nil...)
}
