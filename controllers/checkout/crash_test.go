// Copyright The license-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package checkout

import (
	"errors"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"k8s.io/client-go/tools/events"

	"github.com/license-operator/license-operator/api/v1alpha1"
	"github.com/license-operator/license-operator/test/expect"
)

func TestACrashAfterTheGrantEndsWithTheSameSeats(t *testing.T) {
	for name, test := range map[string]struct {
		crash expect.Crash
		told  bool
		news  []string
	}{
		"before the Secret": {expect.Crash{From: 1}, false, []string{"Normal Granted"}},
		"after the Secret":  {expect.Crash{From: 1, Done: true}, false, []string{"Normal Granted"}},
		"before the status": {expect.Crash{From: 2}, false, []string{"Normal Granted"}},
		"after the status":  {expect.Crash{From: 2, Done: true}, true, nil},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := stage(t)
			c := s.apply(co("a").WithSeats("seats", 2))[0]
			s.c.Client = expect.Disturbed(s.Operator, test.crash.Faults())
			if _, err := s.try(); !errors.Is(err, expect.ErrLost) {
				t.Fatalf("the error is %v, want %v", err, expect.ErrLost)
			}
			before := s.entry(c)
			if before == nil {
				t.Fatal("nothing was granted")
			}
			s.Refresh(c)
			if told := len(c.Status.Conditions) > 0; told != test.told {
				t.Errorf("the status is %v", c.Status)
			}
			s.Events(nil...)

			// The next leader goes on.
			s.restart()
			s.Step(time.Minute)
			s.pass()
			s.says(c, "True, Granted", "False, Held")
			if diff := cmp.Diff(before, s.entry(c)); diff != "" {
				t.Errorf("the entry (-before +after):\n%s", diff)
			}
			s.verified(c)
			s.Events(test.news...)
			s.truth()
		})
	}
}

func TestALostStatusIsWrittenAgain(t *testing.T) {
	t.Parallel()
	s := stage(t)
	c := s.granted(co("a"))
	want := c.Status
	waiting := s.apply(co("b").WithSeats("seats", 3))[0]
	s.pass()
	s.Events("Normal Queued")
	for _, c := range []*v1alpha1.LicenseCheckout{c, waiting} {
		expect.EditStatus(s.Stage, c, func(c *v1alpha1.LicenseCheckout) { c.Status = v1alpha1.LicenseCheckoutStatus{} })
	}
	s.pass()
	s.says(c, "True, Granted", "False, Held")
	s.says(waiting, "False, Queued", "False, NotGranted")
	if diff := cmp.Diff(want, c.Status); diff != "" {
		t.Errorf("status (-before +after):\n%s", diff)
	}
	s.Events("Normal Granted", "Normal Queued")
	s.truth()
}

func TestAnotherLeaderWritesNothingAnew(t *testing.T) {
	t.Parallel()
	s := stage(t)
	s.pod("worker-0")
	s.apply(co("a"), co("b").HeldByPod("worker-0"), co("c").WithSeats("seats", 2), co("d").OrFail(), co("e").HeldByPod("worker-1"))
	s.pass()
	s.Events("Normal Granted", "Normal Granted", "Normal Queued", "Warning NoCapacity")
	before := s.versions()
	s.restart()
	s.pass()
	if diff := cmp.Diff(before, s.versions()); diff != "" {
		t.Errorf("versions (-before +after):\n%s", diff)
	}
	s.Events(nil...)
	s.truth()
}

func TestAStaleObjectIsLookedAtAgainInSilence(t *testing.T) {
	t.Parallel()
	s := stage(t)
	c := s.apply(co("a"))[0]
	stale := *c
	s.pass()
	s.Events("Normal Granted")
	// The cache does not show the status yet.
	s.c.Client = showing{s.Operator, &stale}
	s.Step(time.Minute)
	result := s.pass()
	if result.RequeueAfter <= 0 || result.RequeueAfter > time.Second {
		t.Errorf("it comes again after %s", result.RequeueAfter)
	}
	s.Events(nil...)
	s.holders("a")
	s.c.Client = s.Operator
	s.says(c, "True, Granted", "False, Held")
	s.truth()
}

func TestALargeQueueIsReportedInParts(t *testing.T) {
	t.Parallel()
	s := stage(t)
	s.c.Recorder = events.NewFakeRecorder(2 * maxReports)
	s.apply(numbered(1, maxReports+10)...)
	s.After(s.pass(), time.Millisecond)
	reported := func() (n int) {
		list := &v1alpha1.LicenseCheckoutList{}
		s.List(list)
		for _, c := range list.Items {
			if len(c.Status.Conditions) > 0 {
				n++
			}
		}
		return n
	}
	if n := reported(); n != maxReports {
		t.Errorf("%d are reported, want %d", n, maxReports)
	}
	s.pass()
	if n := reported(); n != maxReports+10 {
		t.Errorf("%d are reported, want all %d", n, maxReports+10)
	}
}
