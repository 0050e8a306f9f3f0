// Copyright The license-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package lifecycle

import (
	"testing"
	"time"

	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/ptr"

	"github.com/license-operator/license-operator/api/v1alpha1"
	"github.com/license-operator/license-operator/test/builder"
	"github.com/license-operator/license-operator/test/expect"
)

const (
	success = v1alpha1.ActionSubscribeSuccess
	updated = v1alpha1.ActionEntitlementUpdated
	ending  = v1alpha1.ActionUnsubscribePending
	ended   = v1alpha1.ActionUnsubscribeSuccess
)

func TestTheLifeOfASubscriptionWithAWebhook(t *testing.T) {
	t.Parallel()
	o := newOffice(t, withWebhook(), initech().InState(v1alpha1.SubscriptionPending))
	o.After(o.look(), 0)
	o.Condition(o.sub, v1alpha1.ConditionUsageAccepted, "False, NeverSubscribed")
	o.Condition(o.sub, v1alpha1.ConditionNotified, "True, Delivered")
	expect.Truth(o.Stage, o, o.sub)

	o.become(v1alpha1.SubscriptionActive)
	o.After(o.look("Normal Subscribed"), 0)
	o.Condition(o.sub, v1alpha1.ConditionUsageAccepted, "True, Subscribed")
	o.Condition(o.sub, v1alpha1.ConditionNotified, "Unknown, Delivering")
	o.pending(success)
	expect.Truth(o.Stage, o, o.sub)
	o.delivered()
	o.Condition(o.sub, v1alpha1.ConditionNotified, "True, Delivered")
	o.pending()
	expect.Truth(o.Stage, o, o.sub)

	o.edit(func(s *v1alpha1.SubscriptionSpec) {
		s.Entitlements = []v1alpha1.EntitlementOverride{{Name: "seats", MaxCount: ptr.To[int64](9)}}
	})
	o.look("Normal EntitlementsUpdated")
	o.delivered()

	o.become(v1alpha1.SubscriptionSuspended)
	o.look()
	o.Condition(o.sub, v1alpha1.ConditionUsageAccepted, "False, Suspended")
	o.become(v1alpha1.SubscriptionActive)
	o.look()
	o.Condition(o.sub, v1alpha1.ConditionUsageAccepted, "True, Subscribed")

	o.become(v1alpha1.SubscriptionCancelled)
	o.AtTime(o.look("Normal UnsubscribePending"), at(time.Hour))
	o.Condition(o.sub, v1alpha1.ConditionUsageAccepted, "True, UnsubscribePending")
	o.delivered()
	expect.Truth(o.Stage, o, o.sub)
	o.Clock.SetTime(at(time.Hour))
	o.After(o.look("Normal Unsubscribed"), 0)
	o.Condition(o.sub, v1alpha1.ConditionUsageAccepted, "False, Unsubscribed")
	o.delivered()
	o.Condition(o.sub, v1alpha1.ConditionNotified, "True, Delivered")
	if n := len(o.post.taken); n != 4 {
		t.Errorf("%d notifications were taken, want 4", n)
	}
	expect.Truth(o.Stage, o, o.sub)
}

func TestASubscriptionThatIsResumedWithinTheHour(t *testing.T) {
	t.Parallel()
	o := newOffice(t, withWebhook(), initech())
	o.look("Normal Subscribed")
	o.become(v1alpha1.SubscriptionCancelled)
	o.look("Normal UnsubscribePending")
	o.become(v1alpha1.SubscriptionActive)
	o.After(o.look("Normal Subscribed"), 0)
	o.pending(success, ending, success)
	ids := map[string]bool{}
	for _, n := range o.sub.Status.Lifecycle.Pending {
		ids[n.ID] = true
	}
	if len(ids) != 3 {
		t.Errorf("of three notifications at one time some have one id: %v", ids)
	}
	o.Step(2 * time.Hour)
	o.delivered()
	o.delivered()
	o.delivered()
	expect.Truth(o.Stage, o, o.sub)
}

func TestWithoutAWebhookThereAreConditionsAndEventsAndNothingIsToldLater(t *testing.T) {
	t.Parallel()
	o := newOffice(t, without(), initech().InState(v1alpha1.SubscriptionCancelled))
	o.look("Warning SubscribeFailed")
	o.become(v1alpha1.SubscriptionActive)
	o.look("Normal Subscribed")
	o.pending()
	o.post.idle(o)
	if c := meta.FindStatusCondition(o.sub.Status.Conditions, v1alpha1.ConditionNotified); c != nil {
		t.Errorf("without a webhook there is the condition %v", c)
	}
	expect.Truth(o.Stage, o, o.sub)

	expect.Edit(o.Stage, o.product, func(p *v1alpha1.Product) { p.Spec.Notifications.WebhookURL = webhookURL })
	o.look()
	o.pending()
	o.Condition(o.sub, v1alpha1.ConditionNotified, "True, Delivered")
	o.post.idle(o)
	o.become(v1alpha1.SubscriptionCancelled)
	o.look("Normal UnsubscribePending")
	o.pending(ending)
	expect.Truth(o.Stage, o, o.sub)

	// Nobody is left to tell.
	expect.Edit(o.Stage, o.product, func(p *v1alpha1.Product) { p.Spec.Notifications.WebhookURL = "" })
	o.look()
	o.pending()
	if c := meta.FindStatusCondition(o.sub.Status.Conditions, v1alpha1.ConditionNotified); c != nil {
		t.Errorf("without a webhook there is the condition %v", c)
	}
	expect.Truth(o.Stage, o, o.sub)
}

func TestAProductThatGoesIsToldOfWhenItIsBack(t *testing.T) {
	t.Parallel()
	o := newOffice(t, withWebhook(), initech())
	o.look("Normal Subscribed")
	o.delivered()
	o.Delete(o.product)
	o.AtTime(o.look("Normal UnsubscribePending"), at(time.Hour))
	o.pending(ending)
	o.post.idle(o)
	o.Condition(o.sub, v1alpha1.ConditionUsageAccepted, "False, ProductNotFound")
	expect.Truth(o.Stage, o, o.sub)
	o.Step(time.Minute)
	o.Create(withWebhook().InNamespace(o.Namespace).Build())
	o.look("Normal Subscribed")
	o.pending(ending, success)
	o.delivered()
	o.delivered()
	expect.Truth(o.Stage, o, o.sub)
}

func TestATermThatEndsAndIsRenewed(t *testing.T) {
	t.Parallel()
	o := newOffice(t, withWebhook(), initech().EndingAt(at(time.Hour)).WithGracePeriod(600))
	o.look("Normal Subscribed")
	o.delivered()
	o.Clock.SetTime(at(time.Hour))
	o.look()
	o.Clock.SetTime(at(70 * time.Minute))
	o.AtTime(o.look("Normal UnsubscribePending"), at(130*time.Minute))
	o.delivered()
	o.edit(func(s *v1alpha1.SubscriptionSpec) { s.EndTime = ptr.To(metav1.NewTime(at(48 * time.Hour))) })
	o.look("Normal Subscribed")
	o.delivered()
	o.edit(func(s *v1alpha1.SubscriptionSpec) { s.EndTime = ptr.To(metav1.NewTime(at(96 * time.Hour))) })
	o.look("Normal EntitlementsUpdated")
	o.pending(updated)
	o.delivered()
	expect.Truth(o.Stage, o, o.sub)
}

func TestNothingIsDecidedBeforeTheStandingIs(t *testing.T) {
	t.Parallel()
	o := newOffice(t, withWebhook(), initech())
	s, c := o.Stage, o.life
	s.After(expect.Reconcile(s, c, o.sub), 0)
	s.Events(nil...)
	if o.sub.Status.Lifecycle != nil {
		t.Errorf("the status is %v", o.sub.Status)
	}
	o.look("Normal Subscribed")
	// Of another generation.
	o.become(v1alpha1.SubscriptionCancelled)
	version := o.sub.ResourceVersion
	expect.Reconcile(s, c, o.sub)
	s.Events(nil...)
	if o.sub.ResourceVersion != version {
		t.Error("something was written")
	}
	o.look("Normal UnsubscribePending")
	expect.Truth(s, o, o.sub)
}

func TestAChangeOfTheProductIsToldToWhoHasIt(t *testing.T) {
	t.Parallel()
	o := newOffice(t, withWebhook(), initech())
	o.look("Normal Subscribed")
	o.delivered()
	other := builder.Subscription("globex", "studio").Build()
	o.Create(other)
	requests := o.life.ofProduct(t.Context(), o.product)
	if len(requests) != 1 || requests[0].NamespacedName != o.key() {
		t.Errorf("looked at are %v", requests)
	}
	expect.Edit(o.Stage, o.product, func(p *v1alpha1.Product) { p.Spec.License.Entitlements[0].MaxCount = ptr.To[int64](8) })
	o.look("Normal EntitlementsUpdated")
	o.pending(updated)
	// A name for people changes nothing.
	expect.Edit(o.Stage, o.product, func(p *v1alpha1.Product) { p.Spec.DisplayName = "Other" })
	o.look()
	o.pending(updated)
}
