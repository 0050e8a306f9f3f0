// Copyright The license-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package activation

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"

	"github.com/license-operator/license-operator/api/v1alpha1"
	"github.com/license-operator/license-operator/internal/store"
	"github.com/license-operator/license-operator/test/builder"
	"github.com/license-operator/license-operator/test/expect"
)

func TestAKeyExpiresByTheClockAlone(t *testing.T) {
	t.Parallel()
	s, c := stage(t)
	a := issued(s, c, builder.Activation("initech-1", "initech"))
	expires := a.Status.ExpirationTime.Time
	s.Clock.SetTime(expires.Add(-time.Millisecond))
	s.After(expect.Reconcile(s, c, a), time.Millisecond)
	s.Condition(a, v1alpha1.ConditionExpired, "False, WithinLifetime")
	expect.Truth(s, c, a)

	s.Clock.SetTime(expires)
	s.After(expect.Reconcile(s, c, a), 0)
	s.Condition(a, v1alpha1.ConditionExpired, "True, LifetimeOver")
	s.Condition(a, v1alpha1.ConditionIssued, "True, Issued")
	s.Events("Normal LifetimeOver")
	expect.Truth(s, c, a)
}

func TestARevokedKeyIsTheSameWhenItIsActiveAgain(t *testing.T) {
	t.Parallel()
	s, c := stage(t)
	a := issued(s, c, builder.Activation("initech-1", "initech"))
	key := secret(s, a)
	st := store.New(s.Names, s.Operator, s.Operator, s.Clock)
	if _, err := st.Redeem(t.Context(), a); err != nil {
		t.Fatal(err)
	}
	expect.Truth(s, c, a)

	expect.Edit(s, a, func(a *v1alpha1.Activation) { a.Spec.State = v1alpha1.ActivationRevoked })
	s.AtTime(expect.Reconcile(s, c, a), a.Status.ExpirationTime.Time)
	s.Condition(a, v1alpha1.ConditionIssued, "False, Revoked")
	s.Condition(a, v1alpha1.ConditionRedeemed, "True, Redeemed")
	s.Events("Warning Revoked")
	expect.Truth(s, c, a)

	expect.Edit(s, a, func(a *v1alpha1.Activation) { a.Spec.State = v1alpha1.ActivationActive })
	expect.Reconcile(s, c, a)
	s.Condition(a, v1alpha1.ConditionIssued, "True, Issued")
	if secret(s, a, s.Events("Normal Issued")...) != key {
		t.Error("the key is another one")
	}
	expect.Truth(s, c, a)
}

func TestNothingIsIssuedWhileItCannotBeUsed(t *testing.T) {
	for name, test := range map[string]struct {
		activation *builder.ActivationBuilder
		want       string
		events     []string
		mend       func(s *expect.Stage, a *v1alpha1.Activation)
	}{
		"revoked from the start": {
			builder.Activation("initech-1", "initech").Revoked(), "False, Revoked", []string{"Warning Revoked"},
			func(s *expect.Stage, a *v1alpha1.Activation) {
				expect.Edit(s, a, func(a *v1alpha1.Activation) { a.Spec.State = v1alpha1.ActivationActive })
			},
		},
		"no such Subscription": {
			builder.Activation("initech-1", "globex"), "False, SubscriptionNotFound", []string{"Warning SubscriptionNotFound"},
			func(s *expect.Stage, _ *v1alpha1.Activation) {
				sub := builder.Subscription("globex", "render-farm").Build()
				s.Create(sub)
				identify(s, sub)
			},
		},
		"no such Product": {
			builder.Activation("initech-1", "hooli"), "False, ProductNotFound", []string{"Warning ProductNotFound"},
			func(s *expect.Stage, _ *v1alpha1.Activation) { s.Create(builder.Product("studio").Build()) },
		},
		"a Subscription without a PID": {
			builder.Activation("initech-1", "new"), "False, WaitingForSubscription", nil,
			func(s *expect.Stage, _ *v1alpha1.Activation) {
				identify(s, builder.Subscription("new", "render-farm").InNamespace(s.Namespace).Build())
			},
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s, c := stage(t)
			hooli := builder.Subscription("hooli", "studio").Build()
			s.Create(hooli, builder.Subscription("new", "render-farm").Build())
			identify(s, hooli)
			a := test.activation.Build()
			s.Create(a)
			s.After(expect.Reconcile(s, c, a), 0)
			s.Condition(a, v1alpha1.ConditionIssued, test.want)
			s.Condition(a, v1alpha1.ConditionRedeemed, "False, NotRedeemed")
			s.Condition(a, v1alpha1.ConditionExpired, "Unknown, Pending")
			s.Events(test.events...)
			if a.Status.KeyHash != "" || s.Secret(keySecret) != nil {
				t.Error("there is a key")
			}
			expect.Truth(s, c, a)

			s.Step(time.Hour)
			test.mend(s, a)
			s.AtTime(expect.Reconcile(s, c, a), expect.Start.Truncate(time.Second).Add(2*time.Hour))
			s.Condition(a, v1alpha1.ConditionIssued, "True, Issued")
			secret(s, a, s.Events("Normal Issued")...)
			expect.Truth(s, c, a)
		})
	}
}

func TestAnIssuedKeyIsKeptWhileSubscriptionOrProductAreGone(t *testing.T) {
	t.Parallel()
	s, c := stage(t)
	a := issued(s, c, builder.Activation("initech-1", "initech"))
	key := secret(s, a)
	gone := func(o client.Object, want, event string) {
		t.Helper()
		s.Delete(o)
		expect.Reconcile(s, c, a)
		s.Condition(a, v1alpha1.ConditionIssued, want)
		s.Events(event)
		expect.Truth(s, c, a)
	}
	gone(builder.Product("render-farm").InNamespace(s.Namespace).Build(), "False, ProductNotFound", "Warning ProductNotFound")
	gone(builder.Subscription("initech", "render-farm").InNamespace(s.Namespace).Build(),
		"False, SubscriptionNotFound", "Warning SubscriptionNotFound")

	sub := builder.Subscription("initech", "render-farm").Build()
	s.Create(builder.Product("render-farm").Build(), sub)
	expect.Reconcile(s, c, a)
	s.Condition(a, v1alpha1.ConditionIssued, "False, WaitingForSubscription")
	s.Events(nil...)
	identify(s, sub)
	expect.Reconcile(s, c, a)
	s.Condition(a, v1alpha1.ConditionIssued, "True, Issued")
	if secret(s, a, s.Events("Normal Issued")...) != key {
		t.Error("the key is another one")
	}
	expect.Truth(s, c, a)
}

func TestWhoIsLookedAtWhenSomethingElseChanges(t *testing.T) {
	t.Parallel()
	s, c := stage(t)
	s.Create(builder.Subscription("globex", "studio").Build())
	mine := builder.Activation("initech-1", "initech").Build()
	s.Create(mine, builder.Activation("globex-1", "globex").Build())
	want := []reconcile.Request{{NamespacedName: client.ObjectKeyFromObject(mine)}}
	sub := builder.Subscription("initech", "render-farm").InNamespace(s.Namespace).Build()
	if diff := cmp.Diff(want, c.ofSubscription(t.Context(), sub)); diff != "" {
		t.Errorf("by a Subscription (-want +got):\n%s", diff)
	}
	product := builder.Product("render-farm").InNamespace(s.Namespace).Build()
	if diff := cmp.Diff(want, c.ofProduct(t.Context(), product)); diff != "" {
		t.Errorf("by a Product (-want +got):\n%s", diff)
	}
}

func TestAnActivationThatIsGoneNeedsNothing(t *testing.T) {
	t.Parallel()
	s, c := stage(t)
	a := builder.Activation("initech-1", "initech").Build()
	s.Create(a)
	s.Delete(a)
	if result, err := c.Reconcile(t.Context(), a); err != nil || result.RequeueAfter != 0 {
		t.Errorf("the result is %v and the error %v, want neither", result, err)
	}
	if s.Secret(keySecret) != nil {
		t.Error("there is a key for an Activation that is gone")
	}
	s.Events(nil...)
}
