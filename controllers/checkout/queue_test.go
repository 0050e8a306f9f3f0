// Copyright The license-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package checkout

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/ptr"
	"sigs.k8s.io/controller-runtime/pkg/event"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"

	"github.com/license-operator/license-operator/api/v1alpha1"
	"github.com/license-operator/license-operator/controllers/kit"
	"github.com/license-operator/license-operator/internal/fault"
	"github.com/license-operator/license-operator/internal/seats"
	"github.com/license-operator/license-operator/test/builder"
)

func TestAQueueOfFiveWithALargeHead(t *testing.T) {
	t.Parallel()
	s := stage(t)
	a, b := s.granted(co("a").WithSeats("seats", 2)), s.granted(co("b"))
	// They are made within one second or two, so their names tell the order.
	made := s.apply(co("c1").WithSeats("seats", 3), co("c2"), co("c3").WithSeats("gpus", 1), co("c4"), co("c5").WithSeats("seats", 1).WithSeats("gpus", 1))
	s.pass()
	s.Events("Normal Queued", "Normal Queued", "Normal Granted", "Normal Queued", "Normal Queued")
	s.holders("a", "b", "c3")
	s.places(map[string]int32{"a": 0, "b": 0, "c1": 1, "c2": 2, "c3": 0, "c4": 3, "c5": 4})
	s.says(made[0], "False, Queued", "False, NotGranted")
	s.truth()

	// Small ones do not pass the large one.
	s.Delete(a)
	s.pass()
	s.holders("b", "c3")
	s.places(map[string]int32{"b": 0, "c1": 1, "c2": 2, "c3": 0, "c4": 3, "c5": 4})
	s.truth()

	// The queue is made of the objects, so another leader has it too.
	s.restart()
	s.Delete(b)
	s.pass()
	s.holders("c1", "c3")
	s.places(map[string]int32{"c1": 0, "c2": 1, "c3": 0, "c4": 2, "c5": 3})
	s.Events("Normal Granted")
	s.truth()

	// A place that is given up is nobody's.
	s.Delete(made[1])
	s.pass()
	s.places(map[string]int32{"c1": 0, "c3": 0, "c4": 1, "c5": 2})
	s.Delete(made[0])
	s.pass()
	s.holders("c3", "c4", "c5")
	s.places(map[string]int32{"c3": 0, "c4": 0, "c5": 0})
	s.Events("Normal Granted", "Normal Granted")
	s.truth()
}

func TestTheEventTellsTheFirstPlaceInTheQueue(t *testing.T) {
	t.Parallel()
	s := stage(t)
	s.apply(co("a").WithSeats("seats", 3), co("b"), co("c"))
	s.pass()
	texts := s.Events("Normal Granted", "Normal Queued", "Normal Queued")
	if want := "Normal Queued It waits in the queue at place 2"; texts[2] != want {
		t.Errorf("the event is %q, want %q", texts[2], want)
	}
}

func TestTheOldestIsTheHeadWhateverItsName(t *testing.T) {
	t.Parallel()
	s := stage(t)
	s.granted(co("all").WithSeats("seats", 3))
	s.apply(co("z"))
	time.Sleep(1100 * time.Millisecond) // Times of creation are whole seconds.
	s.apply(co("b"))
	s.pass()
	s.places(map[string]int32{"all": 0, "z": 1, "b": 2})
}

func TestWhatIsOverMakesRoomForTheQueue(t *testing.T) {
	t.Parallel()
	s := stage(t)
	if err := s.api("one", 3); err != nil {
		t.Fatal(err)
	}
	c := s.apply(co("a"))[0]
	s.AtTime(s.pass(), start.Add(time.Hour))
	s.says(c, "False, Queued", "False, NotGranted")
	s.Clock.SetTime(start.Add(time.Hour))
	s.pass()
	s.says(c, "True, Granted", "False, Held")
	s.holders("a")
	s.Events("Normal Queued", "Normal Granted")
	s.truth()
}

func TestASeatGoesToTheQueueBeforeRequestsThroughTheAPI(t *testing.T) {
	t.Parallel()
	s := stage(t)
	reserve := func() {
		t.Helper()
		r := &Reservations{Client: s.Operator, Books: s.books}
		if _, err := r.Reconcile(t.Context(), reconcile.Request{NamespacedName: s.key}); err != nil {
			t.Fatal(err)
		}
	}
	holder := s.granted(co("a").WithSeats("seats", 2))
	waiting := s.apply(co("b").WithSeats("seats", 2))[0]
	reserve()
	s.pass()
	s.Events("Normal Queued")
	if err := s.api("one", 1); fault.KindOf(err) != fault.NoCapacity {
		t.Errorf("the error is %v, want NoCapacity: the queue needs the seat", err)
	}
	s.Delete(holder)
	s.pass()
	s.holders("b")
	s.Events("Normal Granted")
	reserve()
	if err := s.api("two", 1); err != nil {
		t.Errorf("the queue needs nothing any more: %v", err)
	}
	s.Refresh(waiting)
	s.truth()
}

func TestRequestsThroughTheAPIThatWereFaster(t *testing.T) {
	for name, test := range map[string]struct {
		co          *builder.LicenseCheckoutBuilder
		want, event string
	}{
		"the queue waits on":             {co("a").WithSeats("seats", 3), "False, Queued", "Normal Queued"},
		"who does not wait is refused":   {co("a").WithSeats("seats", 3).OrFail(), "False, NoCapacity", "Warning NoCapacity"},
		"who wants another pool gets it": {co("a").WithSeats("gpus", 1), "True, Granted", "Normal Granted"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := stage(t)
			other := seats.NewBooks(t.Context(), seats.Options{Store: s.ledgers(), Clock: s.Timers()})
			s.faults.before = func(seats.Request) {
				s.faults.before = nil
				replica := *s
				replica.books = other
				if err := replica.api("one", 1); err != nil {
					t.Error(err)
				}
			}
			c := s.apply(test.co)[0]
			s.pass()
			s.Refresh(c)
			s.Condition(c, v1alpha1.ConditionGranted, test.want)
			s.Events(test.event)
			s.truth()
		})
	}
}

func TestABookThatCannotCommitLeavesItOpen(t *testing.T) {
	for name, test := range map[string]struct {
		co     *builder.LicenseCheckoutBuilder
		want   string
		events []string
		after  string
	}{
		"one that waits":       {co("a"), "False, Queued", []string{"Normal Queued"}, "Normal Granted"},
		"one that doesn't":     {co("a").OrFail(), "Unknown, Pending", nil, "Normal Granted"},
		"one that has no room": {co("a").WithSeats("seats", 2), "False, Queued", []string{"Normal Queued"}, "Normal Granted"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := stage(t)
			held := s.granted(co("held"))
			s.faults.checkout = fault.New(fault.Unavailable, "Not now.")
			c := s.apply(test.co)[0]
			if _, err := s.try(); fault.KindOf(err) != fault.Unavailable {
				t.Errorf("the error is %v, want Unavailable", err)
			}
			s.says(c, test.want, "False, NotGranted")
			s.says(held, "True, Granted", "False, Held")
			s.Events(test.events...)

			s.faults.checkout = nil
			s.pass()
			s.says(c, "True, Granted", "False, Held")
			s.Events(test.after)
			s.truth()
		})
	}
}

func TestPlacesInALongQueueAreNotWrittenEachTime(t *testing.T) {
	t.Parallel()
	s := stage(t)
	head := s.granted(co("a").WithSeats("seats", 3))
	s.apply(numbered(1, maxPositions+6)...)
	s.pass()
	place := func(name string, want int32) {
		t.Helper()
		c := co(name).InNamespace(s.Namespace).Build()
		s.Refresh(c)
		if got := ptr.Deref(c.Status.QueuePosition, 0); got != want {
			t.Errorf("%s has the place %d, want %d", name, got, want)
		}
	}
	place("co004", 4)
	s.Delete(head)
	s.pass()
	place("co004", 1)
	s.Step(time.Second)
	s.Delete(co("co001").InNamespace(s.Namespace).Build())
	s.After(s.pass(), positionPause-time.Second)
	s.holders("co002", "co003", "co004")
	place("co005", 2)
	s.Step(positionPause - time.Second)
	s.pass()
	place("co005", 1)
	place(fmt.Sprintf("co%03d", maxPositions+6), maxPositions+2)
}

func TestWhatQueuesNeedIsReservedWhenItChanges(t *testing.T) {
	t.Parallel()
	s := stage(t)
	objects := map[string]*v1alpha1.LicenseCheckout{}
	for name, reason := range map[string]string{
		"new": "", "queued": v1alpha1.ReasonQueued, "granted": v1alpha1.ReasonGranted, "too large": v1alpha1.ReasonNoCapacity} {
		c := co("a").WithSeats("seats", 2).WithFeature("fast").Build()
		if reason != "" {
			c.Status.Conditions = []metav1.Condition{{Type: v1alpha1.ConditionGranted, Reason: reason}}
		}
		objects[name] = c
	}
	projection := co("co-x").Build()
	projection.Labels = map[string]string{v1alpha1.LabelLedgerBlock: "0"}
	objects["projection"] = projection
	for name, want := range map[string]bool{"new": true, "queued": true, "granted": false, "too large": false, "projection": false} {
		if kit.QueueChanged().Create(event.CreateEvent{Object: objects[name]}) != want || kit.QueueChanged().Delete(event.DeleteEvent{Object: objects[name]}) != want {
			t.Errorf("%s coming or going is to be noticed: %t", name, want)
		}
	}
	for _, change := range []struct {
		from, to string
		want     bool
	}{{"new", "queued", false}, {"queued", "granted", true}, {"new", "too large", true}, {"granted", "granted", false}, {"granted", "queued", true}} {
		if got := kit.QueueChanged().Update(event.UpdateEvent{ObjectOld: objects[change.from], ObjectNew: objects[change.to]}); got != change.want {
			t.Errorf("from %s to %s is noticed: %t", change.from, change.to, got)
		}
	}

	var got []map[string]int64
	r := &Reservations{Client: s.Operator, Books: reserver(func(key seats.Key, units map[string]int64) {
		if key != s.key {
			t.Errorf("the key is %s", key)
		}
		got = append(got, units)
	})}
	reserve := func() {
		t.Helper()
		if _, err := r.Reconcile(t.Context(), reconcile.Request{NamespacedName: s.key}); err != nil {
			t.Fatal(err)
		}
	}
	reserve()
	s.granted(co("a").WithSeats("seats", 3))
	s.apply(co("b").WithSeats("seats", 2).WithSeats("gpus", 1).WithFeature("fast"), co("c"), co("d").OrFail(), builder.LicenseCheckout("e", "globex"))
	reserve()
	if diff := cmp.Diff([]map[string]int64{nil, {"seats": 3, "gpus": 1}}, got); diff != "" {
		t.Errorf("reserved (-want +got):\n%s", diff)
	}
}

type reserver func(key seats.Key, units map[string]int64)

func (r reserver) Reserve(_ context.Context, key seats.Key, units map[string]int64) error {
	r(key, units)
	return nil
}
