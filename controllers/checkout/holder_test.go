// Copyright The license-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package checkout

import (
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"

	"github.com/license-operator/license-operator/api/v1alpha1"
	"github.com/license-operator/license-operator/test/builder"
	"github.com/license-operator/license-operator/test/expect"
)

// heldBy applies one that waits for its Pod, makes the Pod and has it granted.
func (s *scene) heldBy(b *builder.LicenseCheckoutBuilder, podName string) (*v1alpha1.LicenseCheckout, *corev1.Pod) {
	s.Helper()
	c := s.apply(b.HeldByPod(podName))[0]
	s.pass()
	s.says(c, "False, WaitingForHolder", "False, NotGranted")
	s.Events(nil...)
	pod := s.pod(podName)
	s.pass()
	s.says(c, "True, Granted", "False, Held")
	s.Events("Normal Granted")
	if e := s.entry(c); e.Holder != string(pod.UID) {
		s.Errorf("the holder is %q, the Pod is %q", e.Holder, pod.UID)
	}
	return c, pod
}

func TestTheSeatsOfAPodThatIsGoneAreTheNextOnesAtOnce(t *testing.T) {
	t.Parallel()
	s := stage(t)
	c, pod := s.heldBy(co("a").WithSeats("seats", 3), "worker-0")
	next := s.apply(co("b").WithSeats("seats", 2))[0]
	s.pass()
	s.says(next, "False, Queued", "False, NotGranted")
	s.Events("Normal Queued")
	s.truth()

	s.kill(pod)
	s.pass()
	s.says(c, "False, HolderGone", "True, HolderGone")
	s.says(next, "True, Granted", "False, Held")
	s.Events("Normal HolderGone", "Normal Granted")
	s.truth()

	// A Pod of that name asks again, and waits behind nobody that came later.
	s.pod("worker-0")
	s.pass()
	s.says(c, "False, Queued", "False, NotGranted")
	if c.Status.IssueTime != nil || c.Status.ExpirationTime != nil || c.Status.EntitlementsAllowed != nil {
		t.Errorf("its status still speaks of the seats of before: %v", c.Status)
	}
	s.Events("Normal Queued")
	s.Delete(next)
	s.pass()
	s.says(c, "True, Granted", "False, Held")
	s.Events("Normal Granted")
	s.verified(c)
	s.truth()
}

func TestAPodThatIsBeingDeletedHoldsUntilItIsGone(t *testing.T) {
	t.Parallel()
	s := stage(t)
	c, pod := s.heldBy(co("a").WithSeats("seats", 3), "worker-0")
	expect.Edit(s.Stage, pod, func(pod *corev1.Pod) { pod.Finalizers = []string{"example.com/slow"} })
	s.Delete(pod)
	s.pass()
	s.says(c, "True, Granted", "False, Held")

	// It gets nothing that it does not have.
	other := s.apply(co("b").HeldByPod("worker-0").WithSeats("gpus", 1))[0]
	s.pass()
	s.says(other, "False, WaitingForHolder", "False, NotGranted")

	expect.Edit(s.Stage, pod, func(pod *corev1.Pod) { pod.Finalizers = nil })
	s.pass()
	s.says(c, "False, HolderGone", "True, HolderGone")
	s.holders()
	s.Events("Normal HolderGone")
	s.truth()
}

func TestAnotherPodOfTheSameNameIsAnotherHolder(t *testing.T) {
	t.Parallel()
	s := stage(t)
	c, pod := s.heldBy(co("a"), "worker-0")
	before := c.Status.IssueTime
	s.kill(pod)
	pod = s.pod("worker-0")
	s.Step(time.Minute)
	s.pass()
	s.says(c, "True, Granted", "False, Held")
	if e := s.entry(c); e.Holder != string(pod.UID) || c.Status.IssueTime.Equal(before) {
		t.Errorf("the entry is %+v", e)
	}
	s.verified(c)
	s.truth()
}

func TestACheckoutIsProlongedWhileItsPodLives(t *testing.T) {
	t.Parallel()
	s := stage(t)
	c, pod := s.heldBy(co("a").WithLifetime(20), "worker-0")
	first := s.verified(c)
	s.AtTime(s.pass(), start.Add(10*time.Minute))
	s.Clock.SetTime(start.Add(10*time.Minute - time.Second))
	s.AtTime(s.pass(), start.Add(10*time.Minute))
	if !s.entry(c).ExpirationTime.Equal(start.Add(20 * time.Minute)) {
		t.Error("it was prolonged too early")
	}
	for n := range 3 {
		now := start.Add(time.Duration(n+1) * 10 * time.Minute)
		s.Clock.SetTime(now)
		s.AtTime(s.pass(), now.Add(10*time.Minute))
		s.says(c, "True, Granted", "False, Held")
		if want := now.Add(20 * time.Minute); !c.Status.ExpirationTime.Time.Equal(want) {
			t.Errorf("it ends at %s, want %s", c.Status.ExpirationTime, want)
		}
		if s.verified(c) == first {
			t.Error("the Secret holds the first token")
		}
	}
	if !c.Status.IssueTime.Time.Equal(start) {
		t.Errorf("it was issued at %s", c.Status.IssueTime)
	}
	s.Events(nil...)
	s.truth()
	s.kill(pod)
	s.pass()
	s.holders()
}

func TestNothingIsProlongedBeyondTheSubscription(t *testing.T) {
	t.Parallel()
	s := stageWith(t, builder.Product("render-farm"), builder.Subscription("initech", "render-farm").EndingAt(start.Add(80*time.Minute)))
	c, _ := s.heldBy(co("a"), "worker-0")
	s.Clock.SetTime(start.Add(40 * time.Minute))
	s.AtTime(s.pass(), start.Add(80*time.Minute))
	if got := s.entry(c).ExpirationTime; !got.Equal(start.Add(80 * time.Minute)) {
		t.Errorf("it ends at %s", got)
	}
	s.Clock.SetTime(start.Add(70 * time.Minute))
	s.truth()
	s.Clock.SetTime(start.Add(80 * time.Minute))
	s.pass()
	s.says(c, "False, NotSubscribed", "True, Expired")
	s.Events("Normal Expired", "Warning NotSubscribed")
	s.truth()
}

func TestTheSeatsOfACancelledSubscriptionEndAtTheirTime(t *testing.T) {
	t.Parallel()
	s := stage(t)
	c, _ := s.heldBy(co("a"), "worker-0")
	sub := builder.Subscription("initech", "").InNamespace(s.Namespace).Build()
	expect.Edit(s.Stage, sub, func(sub *v1alpha1.Subscription) { sub.Spec.State = v1alpha1.SubscriptionCancelled })
	s.AtTime(s.pass(), start.Add(time.Hour))
	s.says(c, "True, Granted", "False, Held")
	s.Clock.SetTime(start.Add(40 * time.Minute))
	s.AtTime(s.pass(), start.Add(time.Hour))
	s.says(c, "True, Granted", "False, Held")
	s.truth()

	s.Clock.SetTime(start.Add(time.Hour))
	s.After(s.pass(), 0)
	s.says(c, "False, NotSubscribed", "True, Expired")
	s.Events("Normal Expired", "Warning NotSubscribed")
	s.truth()

	// The Pod lives, so it has them again with the Subscription.
	expect.Edit(s.Stage, sub, func(sub *v1alpha1.Subscription) { sub.Spec.State = v1alpha1.SubscriptionActive })
	s.pass()
	s.says(c, "True, Granted", "False, Held")
	s.Events("Normal Granted")
	s.truth()
}

func TestALiveHolderThatWasOverlookedTooLongAsksAgain(t *testing.T) {
	t.Parallel()
	s := stage(t)
	c, _ := s.heldBy(co("a"), "worker-0")
	s.restart()
	s.Step(3 * time.Hour)
	s.pass()
	s.says(c, "True, Granted", "False, Held")
	if got, want := c.Status.IssueTime.Time, start.Add(3*time.Hour); !got.Equal(want) {
		t.Errorf("it was issued at %s, want %s: what is over never lives again", got, want)
	}
	s.truth()
}

func TestAPerpetualCheckoutOfAPodLivesAndDiesWithIt(t *testing.T) {
	t.Parallel()
	s := stage(t)
	c, pod := s.heldBy(co("a").OfType(v1alpha1.CheckoutPerpetual), "worker-0")
	s.Step(365 * 24 * time.Hour)
	s.pass()
	s.says(c, "True, Granted", "False, Held")
	s.kill(pod)
	s.pass()
	s.says(c, "False, HolderGone", "True, HolderGone")
	s.holders()
	s.Events("Normal HolderGone")
	s.truth()
}

func TestAReleaseThatFailsIsTriedAgain(t *testing.T) {
	t.Parallel()
	s := stage(t)
	c, pod := s.heldBy(co("a"), "worker-0")
	s.kill(pod)
	s.faults.keep = expect.ErrLost
	if _, err := s.try(); err == nil {
		t.Error("no error, so nobody tries again")
	}
	s.says(c, "True, Granted", "False, Held")
	s.faults.keep = nil
	s.pass()
	s.says(c, "False, HolderGone", "True, HolderGone")
	s.Events("Normal HolderGone")
	s.truth()
}

func TestAProductThatIsGoneTakesNoSeatsAway(t *testing.T) {
	t.Parallel()
	s := stage(t)
	c, _ := s.heldBy(co("a"), "worker-0")
	token := s.verified(c)
	s.Delete(builder.Product("render-farm").InNamespace(s.Namespace).Build())
	s.Clock.SetTime(start.Add(40 * time.Minute))
	s.AtTime(s.pass(), start.Add(time.Hour))
	s.says(c, "True, Granted", "False, Held")
	if s.verified(c) != token {
		t.Error("the token is another one")
	}
	s.Create(builder.Product("render-farm").WithSeats("seats", 3).WithProvisional(60).Build())
	s.AtTime(s.pass(), start.Add(70*time.Minute))
	if got := s.entry(c).ExpirationTime; !got.Equal(start.Add(100 * time.Minute)) {
		t.Errorf("it ends at %s", got)
	}
	s.truth()
}
