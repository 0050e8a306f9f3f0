// Copyright The license-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package lifecycle

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"k8s.io/client-go/tools/events"
	"sigs.k8s.io/controller-runtime/pkg/event"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"

	"github.com/license-operator/license-operator/api/v1alpha1"
	"github.com/license-operator/license-operator/controllers/kit"
	"github.com/license-operator/license-operator/internal/notify"
	"github.com/license-operator/license-operator/test/builder"
	"github.com/license-operator/license-operator/test/expect"
)

var errLost = errors.New("the connection was cut")

// crash loses one write of the lifecycle's controller: before or after it was
// done.
type crash struct {
	writes, at int
	done       bool
}

func (c *crash) write(do func() error) error {
	if c.writes++; c.writes != c.at {
		return do()
	}
	if c.done {
		if err := do(); err != nil {
			return err
		}
	}
	return errLost
}

// scenario is a life with five notifications, one of which fails once. Whatever
// is lost, it goes on: with the same leader, or with another one that knows
// nothing of what the first had in memory. It returns what the webhook got.
func (o *office) scenario(disturb *crash, another bool) (taken []string) {
	o.Helper()
	o.life.Client = expect.Disturbed(o.Operator, expect.Faults{PatchStatus: disturb.write})
	got := map[string]string{}
	settle := func() {
		o.Helper()
		for range 12 {
			_, err := expect.TryReconcile(o.Stage, o, o.sub)
			if err != nil && !errors.Is(err, errLost) {
				o.Fatal(err)
			}
			if err != nil && another {
				o.post = newPost()
				o.life = New(o.life.Kit, o.life.Names, o.post)
			}
			t, submitted := o.post.tasks[o.key()]
			if !submitted {
				if l := o.sub.Status.Lifecycle; err == nil && (l == nil || len(l.Pending) == 0) {
					return
				} else if err == nil && l.Pending[0].NextAttemptTime != nil && o.Clock.Now().Before(l.Pending[0].NextAttemptTime.Time) {
					o.Clock.SetTime(l.Pending[0].NextAttemptTime.Time)
				}
				continue
			}
			first := o.sub.Status.Lifecycle.Pending[0]
			if first.ID != t.ID {
				o.Fatalf("tried is %s before %s", t.ID, first.ID)
			}
			answer := notify.Answer{Result: notify.Delivered, Status: 200}
			if first.Action == updated && t.Attempts == 0 {
				answer = refused
			} else {
				if before, told := got[t.ID]; told && before != string(first.Action) {
					o.Errorf("%s tells %s and %s", t.ID, before, first.Action)
				} else if !told {
					taken = append(taken, string(first.Action))
				}
				got[t.ID] = string(first.Action)
			}
			o.post.answer(o, answer)
		}
		o.Fatal("it never settles")
	}
	settle()
	o.become(v1alpha1.SubscriptionActive)
	settle()
	o.edit(func(s *v1alpha1.SubscriptionSpec) { s.Entitlements = more(9) })
	settle()
	o.become(v1alpha1.SubscriptionCancelled)
	settle()
	o.Clock.SetTime(o.sub.Status.Lifecycle.StageTime.Add(time.Hour))
	settle()
	o.drain()
	return taken
}

// drain forgets events: a crash may lose some, and none is told twice of what
// was committed once.
func (o *office) drain() {
	k := o.Kit()
	for {
		select {
		case <-k.Recorder.(*events.FakeRecorder).Events:
			continue
		default:
		}
		return
	}
}

func TestACrashAtAnyWriteLosesNothingAndTellsNothingTwiceUnderAnotherID(t *testing.T) {
	t.Parallel()
	want := []string{"subscribe-fail", "subscribe-success", "entitlement-updated", "unsubscribe-pending", "unsubscribe-success"}
	undisturbed := &crash{}
	o := newOffice(t, withWebhook(), initech().InState(v1alpha1.SubscriptionCancelled))
	if diff := cmp.Diff(want, o.scenario(undisturbed, false)); diff != "" {
		t.Fatalf("undisturbed (-want +got):\n%s", diff)
	}
	if undisturbed.writes < 10 {
		t.Fatalf("there are %d writes only", undisturbed.writes)
	}
	for n := range undisturbed.writes {
		for name, c := range map[string]struct{ done, another bool }{
			"after it, same leader": {true, false}, "before it, new leader": {false, true}, "after it, new leader": {true, true},
		} {
			o := newOffice(t, withWebhook(), initech().InState(v1alpha1.SubscriptionCancelled))
			if diff := cmp.Diff(want, o.scenario(&crash{at: n + 1, done: c.done}, c.another)); diff != "" {
				t.Errorf("write %d, %s (-want +got):\n%s", n+1, name, diff)
			}
			expect.Truth(o.Stage, o, o.sub)
		}
	}
}

func more(seats int64) []v1alpha1.EntitlementOverride {
	return []v1alpha1.EntitlementOverride{{Name: "seats", MaxCount: &seats}}
}

func TestTwoLeadersTellTheSame(t *testing.T) {
	t.Parallel()
	o := newOffice(t, withWebhook(), initech())
	other := newPost()
	second := New(o.Kit(), o.Names, other)
	if _, err := o.standing.Reconcile(t.Context(), o.sub); err != nil {
		t.Fatal(err)
	}
	o.Refresh(o.sub)
	stale := o.sub.DeepCopy()
	if _, err := o.life.Reconcile(t.Context(), o.sub.DeepCopy()); err != nil {
		t.Fatal(err)
	}
	o.Events("Normal Subscribed")
	// The one that lags decides the same, and its write is refused.
	result, err := second.Reconcile(t.Context(), stale)
	if err != nil || result.RequeueAfter <= 0 {
		t.Errorf("the result is %v, %v", result, err)
	}
	o.Events(nil...)
	other.idle(o)
	o.Refresh(o.sub)
	o.pending(success)
	if got := stale.Status.Lifecycle.Pending[0].ID; got != o.sub.Status.Lifecycle.Pending[0].ID {
		t.Errorf("who lags would have told under %s", got)
	}
	// Both try; what one has settled the other can't undo.
	if _, err := second.Reconcile(t.Context(), o.sub.DeepCopy()); err != nil {
		t.Fatal(err)
	}
	late := o.sub.DeepCopy()
	other.answer(o, refused)
	o.delivered()
	if _, err := second.Reconcile(t.Context(), late); err != nil {
		t.Fatal(err)
	}
	o.Refresh(o.sub)
	o.pending()
	o.Condition(o.sub, v1alpha1.ConditionNotified, "True, Delivered")
	o.Events(nil...)
	if _, err := second.Reconcile(t.Context(), o.sub.DeepCopy()); err != nil {
		t.Fatal(err)
	}
	if len(other.outcomes) > 0 {
		t.Error("the other's outcome is kept")
	}
	expect.Truth(o.Stage, o, o.sub)
}

func TestACacheThatLagsDoesNotTellAgain(t *testing.T) {
	t.Parallel()
	o := newOffice(t, withWebhook(), initech())
	o.look("Normal Subscribed")
	lagging := o.sub.DeepCopy()
	o.delivered()
	for range 3 {
		result, err := o.life.Reconcile(t.Context(), lagging.DeepCopy())
		if err != nil || result.RequeueAfter <= 0 {
			t.Fatalf("the result is %v, %v", result, err)
		}
		o.post.idle(o)
	}
	o.look()
	if len(o.life.settled) > 0 || len(o.post.outcomes) > 0 {
		t.Errorf("left are %v, %v", o.life.settled, o.post.outcomes)
	}
}

func TestTheOtherControllersFieldsAreKept(t *testing.T) {
	t.Parallel()
	o := newOffice(t, withWebhook(), initech())
	o.look("Normal Subscribed")
	stale := o.sub.DeepCopy()
	expect.EditStatus(o.Stage, o.sub, func(sub *v1alpha1.Subscription) { sub.Status.Seats = "1/3" })
	o.post.answer(o, notify.Answer{Result: notify.Delivered, Status: 200})
	if result, err := o.life.Reconcile(t.Context(), stale); err != nil || result.RequeueAfter <= 0 {
		t.Errorf("the result is %v, %v", result, err)
	}
	o.Refresh(o.sub)
	if o.sub.Status.Seats != "1/3" {
		t.Errorf("seats are %q", o.sub.Status.Seats)
	}
	if result, err := o.life.Reconcile(t.Context(), o.sub); err != nil || result.RequeueAfter != 0 {
		t.Errorf("the result is %v, %v", result, err)
	}
	o.Refresh(o.sub)
	if o.sub.Status.Seats != "1/3" || len(o.sub.Status.Lifecycle.Pending) > 0 {
		t.Errorf("the status is %+v", o.sub.Status)
	}
	// And the other way round.
	o.standing.Books = nil
	if _, err := o.standing.Reconcile(t.Context(), o.sub.DeepCopy()); err != nil {
		t.Fatal(err)
	}
	o.look()
	o.Condition(o.sub, v1alpha1.ConditionNotified, "True, Delivered")
}

func TestASubscriptionThatIsGoneIsForgotten(t *testing.T) {
	t.Parallel()
	o := newOffice(t, withWebhook(), initech())
	o.look("Normal Subscribed")
	o.failed(refused, "Warning DeliveryFailed")
	if len(o.life.pending) != 1 || len(o.life.settled) != 1 {
		t.Errorf("known are %v, %v", o.life.pending, o.life.settled)
	}
	o.post.outcomes[o.key()] = notify.Outcome{}
	o.Delete(o.sub)
	if _, err := o.life.reconcile(t.Context(), reconcile.Request{NamespacedName: o.key()}); err != nil {
		t.Fatal(err)
	}
	if len(o.life.pending) > 0 || len(o.life.settled) > 0 || len(o.post.outcomes) > 0 {
		t.Errorf("left are %v, %v, %v", o.life.pending, o.life.settled, o.post.outcomes)
	}
}

func TestWhatWakesTheController(t *testing.T) {
	sub := func(change func(*v1alpha1.Subscription)) *v1alpha1.Subscription {
		s := initech().InNamespace("acme").With(func(s *v1alpha1.Subscription) {
			s.Status.Conditions = append(s.Status.Conditions, builder.Condition(v1alpha1.ConditionSubscribed, "True", "Active"))
			s.Status.Lifecycle = &v1alpha1.Lifecycle{Stage: v1alpha1.StageSubscribed}
		}).Build()
		change(s)
		return s
	}
	same := sub(func(*v1alpha1.Subscription) {})
	for name, test := range map[string]struct {
		change func(*v1alpha1.Subscription)
		wakes  bool
	}{
		"nothing":      {func(*v1alpha1.Subscription) {}, false},
		"seats in use": {func(s *v1alpha1.Subscription) { s.Status.Seats = "3/3" }, false},
		"its own condition": {func(s *v1alpha1.Subscription) {
			s.Status.Conditions = append(s.Status.Conditions, builder.Condition(v1alpha1.ConditionNotified, "True", "Delivered"))
		}, false},
		"the spec":              {func(s *v1alpha1.Subscription) { s.Generation++ }, true},
		"the standing":          {func(s *v1alpha1.Subscription) { s.Status.Conditions[0].Reason = "InGracePeriod" }, true},
		"what is to be told":    {func(s *v1alpha1.Subscription) { s.Status.Lifecycle.Stage = v1alpha1.StageFailed }, true},
		"that nothing is known": {func(s *v1alpha1.Subscription) { s.Status.Lifecycle = nil }, true},
	} {
		if got := concerns().Update(event.UpdateEvent{ObjectOld: same, ObjectNew: sub(test.change)}); got != test.wakes {
			t.Errorf("%s: wakes %t, want %t", name, got, test.wakes)
		}
	}
	product := withWebhook().Build()
	for name, test := range map[string]struct {
		change func(*v1alpha1.Product)
		wakes  bool
	}{
		"nothing":             {func(*v1alpha1.Product) {}, false},
		"a name for people":   {func(p *v1alpha1.Product) { p.Spec.DisplayName = "x" }, false},
		"another rotation":    {func(p *v1alpha1.Product) { r := int32(2); p.Spec.Notifications.WebhookSecretRotation = &r }, false},
		"the webhook":         {func(p *v1alpha1.Product) { p.Spec.Notifications.WebhookURL = "" }, true},
		"the entitlements":    {func(p *v1alpha1.Product) { p.Spec.License.Entitlements = nil }, true},
		"what it tells of it": {func(p *v1alpha1.Product) { p.Status.Code = "774F4FF8" }, false},
	} {
		after := product.DeepCopy()
		test.change(after)
		if got := concernsProduct().Update(event.UpdateEvent{ObjectOld: product, ObjectNew: after}); got != test.wakes {
			t.Errorf("%s of the Product: wakes %t, want %t", name, got, test.wakes)
		}
	}
}

func TestWritesAreBounded(t *testing.T) {
	c := New(kit.Kit{}, expect.On(t, cluster).Names, newPost())
	if c.writes.Limit() != writeRate || c.writes.Burst() != writeBurst {
		t.Errorf("%v writes a second, %d at once", c.writes.Limit(), c.writes.Burst())
	}
	c.writes.SetBurst(0)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	base := initech().Build()
	changed := base.DeepCopy()
	if err := c.write(ctx, base, changed); err != nil {
		t.Errorf("what has not changed waits: %v", err)
	}
	changed.Status.Seats = "1/1"
	if err := c.write(ctx, base, changed); err == nil {
		t.Error("a write did not wait for its turn")
	}
}
