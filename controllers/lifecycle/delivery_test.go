// Copyright The license-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package lifecycle

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/ptr"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/license-operator/license-operator/api/v1alpha1"
	"github.com/license-operator/license-operator/internal/notify"
	"github.com/license-operator/license-operator/test/expect"
)

var (
	refused  = notify.Answer{Result: notify.Refused, Status: 503}
	timedOut = notify.Answer{Result: notify.TimedOut}
)

func TestAWebhookThatFailsIsTriedAgainLessAndLessOften(t *testing.T) {
	t.Parallel()
	o := newOffice(t, withWebhook(), initech())
	o.look("Normal Subscribed")
	id := o.sub.Status.Lifecycle.Pending[0].ID
	event := []string{"Warning DeliveryFailed"}
	backoff := 10 * time.Second
	for attempt := range 14 {
		result := o.failed(refused, event...)
		event = nil // Once for each change.
		first := o.sub.Status.Lifecycle.Pending[0]
		if first.ID != id || int(first.Attempts) != attempt+1 {
			t.Fatalf("after %d tries the notification is %+v", attempt+1, first)
		}
		wait := first.NextAttemptTime.Sub(o.Clock.Now())
		if wait < backoff*8/10 || wait > backoff*12/10+time.Second {
			t.Errorf("try %d is made after %s, want about %s", attempt+2, wait, backoff)
		}
		o.AtTime(result, first.NextAttemptTime.Time)
		o.post.idle(o)
		expect.Truth(o.Stage, o, o.sub)
		// A moment too early nothing happens.
		o.Clock.SetTime(first.NextAttemptTime.Add(-time.Second))
		o.look()
		o.post.idle(o)
		o.Clock.SetTime(first.NextAttemptTime.Time)
		o.look()
		backoff = min(2*backoff, time.Hour)
	}
	c := o.Condition(o.sub, v1alpha1.ConditionNotified, "False, DeliveryFailed")
	if !strings.HasSuffix(c.Message, "the webhook answered with the status 503") {
		t.Errorf("the message is %q", c.Message)
	}
	// Another fault is told, without another event.
	o.failed(timedOut)
	c = o.Condition(o.sub, v1alpha1.ConditionNotified, "False, DeliveryFailed")
	if !strings.HasSuffix(c.Message, "did not answer within 10 seconds") {
		t.Errorf("the message is %q", c.Message)
	}
	// What comes meanwhile waits for its turn.
	o.become(v1alpha1.SubscriptionCancelled)
	o.look("Normal UnsubscribePending")
	o.pending(success, ending)
	o.post.idle(o)
	o.Condition(o.sub, v1alpha1.ConditionNotified, "False, DeliveryFailed")
	// The next try is within the hour that the last usage has, or at its end.
	o.Clock.SetTime(o.sub.Status.Lifecycle.StageTime.Add(time.Hour + 2*time.Second))
	o.look("Normal Unsubscribed")
	o.delivered()
	o.Condition(o.sub, v1alpha1.ConditionNotified, "Unknown, Delivering")
	o.pending(ending, ended)
	o.delivered()
	o.delivered()
	o.Condition(o.sub, v1alpha1.ConditionNotified, "True, Delivered")
	expect.Truth(o.Stage, o, o.sub)
}

func TestWhatAWebhookAsksForIsHonouredWithinBounds(t *testing.T) {
	t.Parallel()
	for ask, want := range map[time.Duration][2]time.Duration{
		0:                {8 * time.Second, 13 * time.Second},
		time.Second:      {8 * time.Second, 13 * time.Second},
		10 * time.Minute: {10 * time.Minute, 10*time.Minute + time.Second},
		24 * time.Hour:   {time.Hour, time.Hour + time.Second},
	} {
		n := &v1alpha1.Notification{ID: "msg_1", Attempts: 1}
		if got := pause(n, ask); got < want[0] || got > want[1] {
			t.Errorf("asked for %s, waited is %s", ask, got)
		}
	}
	for attempts := range int32(200) {
		n := &v1alpha1.Notification{ID: "msg_1", Attempts: attempts}
		if got := pause(n, 0); got < 8*time.Second || got > time.Hour {
			t.Errorf("after %d tries waited is %s", attempts, got)
		}
	}
	spread := map[time.Duration]bool{}
	for i := range 100 {
		spread[pause(&v1alpha1.Notification{ID: fmt.Sprint(i), Attempts: 5}, 0).Round(time.Second)] = true
	}
	if len(spread) < 20 {
		t.Errorf("a hundred notifications come at %d times", len(spread))
	}
}

func TestANotificationIsGivenUpAfterThreeDays(t *testing.T) {
	t.Parallel()
	o := newOffice(t, withWebhook(), initech())
	o.look("Normal Subscribed")
	o.failed(refused, "Warning DeliveryFailed")
	o.Clock.SetTime(at(3*24*time.Hour - time.Second))
	o.look()
	o.failed(refused)
	o.pending(success)
	o.Step(time.Hour)
	o.look()
	texts := o.post
	texts.answer(o, refused)
	expect.Reconcile(o.Stage, o, o.sub)
	if event := o.Events("Warning DeliveryAbandoned"); !strings.Contains(strings.Join(event, ""), "subscribe-success") {
		t.Errorf("the event does not say what: %q", event)
	}
	o.pending()
	o.Condition(o.sub, v1alpha1.ConditionNotified, "False, DeliveryAbandoned")
	expect.Truth(o.Stage, o, o.sub)
	// It stays so until something gets through.
	o.Step(24 * time.Hour)
	o.look()
	o.Condition(o.sub, v1alpha1.ConditionNotified, "False, DeliveryAbandoned")
	o.become(v1alpha1.SubscriptionCancelled)
	o.look("Normal UnsubscribePending")
	o.Condition(o.sub, v1alpha1.ConditionNotified, "Unknown, Delivering")
	o.delivered()
	o.Condition(o.sub, v1alpha1.ConditionNotified, "True, Delivered")
	expect.Truth(o.Stage, o, o.sub)
}

func TestAFullOutboxKeepsTheLastOfEachAction(t *testing.T) {
	t.Parallel()
	o := newOffice(t, withWebhook(), initech())
	seats := func(n int64) {
		t.Helper()
		o.edit(func(s *v1alpha1.SubscriptionSpec) {
			s.Entitlements = []v1alpha1.EntitlementOverride{{Name: "seats", MaxCount: ptr.To(n)}}
		})
	}
	o.look("Normal Subscribed")
	for n := range int64(15) {
		seats(n + 10)
		o.look("Normal EntitlementsUpdated")
	}
	want := []v1alpha1.NotificationAction{success}
	for range 15 {
		want = append(want, updated)
	}
	o.pending(want...)
	oldest, newest := o.sub.Status.Lifecycle.Pending[1].ID, o.sub.Status.Lifecycle.Pending[2].ID
	// One of the same action goes, the oldest; also while the first is tried.
	seats(99)
	o.look("Normal EntitlementsUpdated", "Warning NotificationSuperseded")
	o.pending(want...)
	if got := o.sub.Status.Lifecycle.Pending[1].ID; got == oldest || got != newest {
		t.Errorf("the second is %s, before the oldest %s and then %s", got, oldest, newest)
	}
	// None of the same action: one goes whose action comes again.
	o.become(v1alpha1.SubscriptionCancelled)
	o.look("Normal UnsubscribePending", "Warning NotificationSuperseded")
	o.pending(append(want[:15:15], ending)...)
	expect.Truth(o.Stage, o, o.sub)
	for range 16 {
		o.delivered()
	}
	o.pending()
	expect.Truth(o.Stage, o, o.sub)
}

func TestOneThatIsSupersededWhileItIsTriedIsNotMissed(t *testing.T) {
	t.Parallel()
	o := newOffice(t, withWebhook(), initech())
	o.look("Normal Subscribed")
	expect.EditStatus(o.Stage, o.sub, func(sub *v1alpha1.Subscription) {
		for i := range 15 {
			sub.Status.Lifecycle.Pending = append(sub.Status.Lifecycle.Pending, v1alpha1.Notification{
				ID: fmt.Sprint("msg_", i), Action: []v1alpha1.NotificationAction{ending, success}[i%2], Time: metav1.NewTime(at(0))})
		}
	})
	o.become(v1alpha1.SubscriptionCancelled)
	o.look("Normal UnsubscribePending", "Warning NotificationSuperseded")
	o.become(v1alpha1.SubscriptionActive)
	o.look("Normal Subscribed", "Warning NotificationSuperseded")
	// The one on its way was the first: it has left the outbox.
	o.delivered()
	if len(o.sub.Status.Lifecycle.Pending) != 16 {
		t.Errorf("%d are left", len(o.sub.Status.Lifecycle.Pending))
	}
	for range 16 {
		o.delivered()
	}
	o.pending()
	expect.Truth(o.Stage, o, o.sub)
}

func TestNothingSecretIsTold(t *testing.T) {
	t.Parallel()
	o := newOffice(t, withWebhook(), initech())
	secret := o.Names.WebhookKey(o.product, 1).Secret()
	expect.Reconcile(o.Stage, o, o.sub)
	texts := o.Events("Normal Subscribed")
	for _, result := range []notify.Result{notify.Refused, notify.Redirected, notify.TimedOut, notify.Forbidden, notify.Unresolved, notify.Untrusted, notify.Unreachable} {
		o.post.answer(o, notify.Answer{Result: result, Status: 418})
		expect.Reconcile(o.Stage, o, o.sub)
		status, err := json.Marshal(o.sub.Status)
		if err != nil {
			t.Fatal(err)
		}
		texts = append(texts, string(status))
		o.Clock.SetTime(o.sub.Status.Lifecycle.Pending[0].NextAttemptTime.Time)
		expect.Reconcile(o.Stage, o, o.sub)
	}
	texts = append(texts, o.Events("Warning DeliveryFailed")...)
	for _, text := range texts {
		for _, word := range []string{"canary", "hooks.acme.example", secret, strings.TrimPrefix(secret, "whsec_")} {
			if strings.Contains(text, word) {
				t.Errorf("%q holds %q", text, word)
			}
		}
	}
}

func TestAMessageIsMadeOfWhatIsTrueWhenItIsSent(t *testing.T) {
	t.Parallel()
	o := newOffice(t, withWebhook().WithCode("774F4FF8").WithWebhookRotation(3), initech().FreeTrial())
	o.look("Normal Subscribed")
	task := o.post.tasks[o.key()]
	if want := (notify.Task{Subscription: o.key(), Receiver: task.Receiver, ID: o.sub.Status.Lifecycle.Pending[0].ID}); task != want || task.Receiver.Name != "render-farm" {
		t.Errorf("the task is %+v", task)
	}
	m, ok := o.life.prepare(t.Context(), task)
	if !ok {
		t.Fatal("there is nothing to send")
	}
	var keys []string
	for _, key := range m.Keys {
		keys = append(keys, key.Secret())
	}
	want := []string{o.Names.WebhookKey(o.product, 3).Secret(), o.Names.WebhookKey(o.product, 2).Secret()}
	if diff := cmp.Diff(want, keys); diff != "" {
		t.Errorf("keys (-want +got):\n%s", diff)
	}
	body, err := m.Body()
	if err != nil || m.URL != webhookURL || m.ID != task.ID {
		t.Errorf("the message is %+v: %v", m, err)
	}
	golden := `{"action":"subscribe-success","customer-identifier":"cust-42","product-code":"774F4FF8","isFreeTrialTermPresent":"true",` +
		`"license-arn":"` + o.sub.Status.LicenseARN + `"}`
	if diff := cmp.Diff(golden, string(body)); diff != "" {
		t.Errorf("body (-want +got):\n%s", diff)
	}
	expect.EditStatus(o.Stage, o.sub, func(sub *v1alpha1.Subscription) {
		sub.Status.LicenseARN = "arn:aws:license-manager::123456789012:license:l-1"
	})
	o.sub.Spec.Customer.AccountID = "210987654321"
	o.product.Spec.Registration.CustomerIdentifier = v1alpha1.IdentifierOmitted
	for _, changed := range []client.Object{o.sub, o.product} {
		if err := o.Admin.Update(t.Context(), changed); err != nil {
			t.Fatal(err)
		}
	}
	if m, ok = o.life.prepare(t.Context(), task); !ok {
		t.Fatal("there is nothing to send")
	}
	golden = `{"action":"subscribe-success","product-code":"774F4FF8","isFreeTrialTermPresent":"true","customer-aws-account-id":"210987654321","license-arn":"arn:aws:license-manager::123456789012:license:l-1"}`
	if body, err = m.Body(); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(golden, string(body)); diff != "" {
		t.Errorf("body without the identifier (-want +got):\n%s", diff)
	}
	for name, other := range map[string]notify.Task{
		"another try": {Subscription: task.Subscription, Receiver: task.Receiver, ID: task.ID, Attempts: 1},
		"another one": {Subscription: task.Subscription, Receiver: task.Receiver, ID: "msg_x"},
		"nobody":      {Receiver: task.Receiver, ID: task.ID},
	} {
		if _, ok := o.life.prepare(t.Context(), other); ok {
			t.Errorf("%s: there is something to send", name)
		}
	}
	o.Delete(o.product)
	if _, ok := o.life.prepare(t.Context(), task); ok {
		t.Error("without a Product there is something to send")
	}
}
