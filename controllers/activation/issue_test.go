// Copyright The license-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package activation

import (
	"errors"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	apierrors "k8s.io/apimachinery/pkg/api/errors"

	"github.com/license-operator/license-operator/api/v1alpha1"
	"github.com/license-operator/license-operator/controllers/kit"
	"github.com/license-operator/license-operator/internal/store"
	"github.com/license-operator/license-operator/test/builder"
	"github.com/license-operator/license-operator/test/expect"
)

func TestAKeyIsIssuedOnce(t *testing.T) {
	for name, b := range map[string]*builder.ActivationBuilder{
		"an activation key":    builder.Activation("initech-1", "initech"),
		"a registration token": builder.Activation("initech-1", "initech").ForRegistration(),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s, c := stage(t)
			a := issued(s, c, b)
			s.Condition(a, v1alpha1.ConditionRedeemed, "False, NotRedeemed")
			s.Condition(a, v1alpha1.ConditionExpired, "False, WithinLifetime")
			if want := expect.Start.Truncate(time.Second); !a.Status.IssueTime.Time.Equal(want) {
				t.Errorf("the issue time is %s, want %s", a.Status.IssueTime, want)
			}
			key, status := secret(s, a), a.Status
			expect.Truth(s, c, a)
			s.Step(time.Minute)
			expect.Truth(s, c, a)
			if diff := cmp.Diff(status, a.Status); diff != "" {
				t.Errorf("status (-before +after):\n%s", diff)
			}
			if secret(s, a) != key {
				t.Error("the key has changed")
			}
		})
	}
}

func TestALifetimeIsTheOwnAndAtMostTheProducts(t *testing.T) {
	product := func() *builder.ProductBuilder {
		return builder.Product("suite").WithKeyLifetime(7200).WithRegistration(600, v1alpha1.TokenUseReusable)
	}
	for name, test := range map[string]struct {
		product    *builder.ProductBuilder
		activation *builder.ActivationBuilder
		want       time.Duration
	}{
		"the default of a key":           {builder.Product("suite"), builder.Activation("initech-1", "initech-suite"), time.Hour},
		"the default of a token":         {builder.Product("suite"), builder.Activation("initech-1", "initech-suite").ForRegistration(), 4 * time.Hour},
		"the Product's for a key":        {product(), builder.Activation("initech-1", "initech-suite"), 2 * time.Hour},
		"the Product's for a token":      {product(), builder.Activation("initech-1", "initech-suite").ForRegistration(), 10 * time.Minute},
		"a shorter one of its own":       {product(), builder.Activation("initech-1", "initech-suite").WithLifetime(60), time.Minute},
		"a longer one of its own is cut": {product(), builder.Activation("initech-1", "initech-suite").WithLifetime(7201), 2 * time.Hour},
		"a longer one of a token is cut": {product(), builder.Activation("initech-1", "initech-suite").ForRegistration().WithLifetime(7200), 10 * time.Minute},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s, c := stage(t)
			sub := builder.Subscription("initech-suite", "suite").Build()
			s.Create(test.product.Build(), sub)
			identify(s, sub)
			a := issued(s, c, test.activation)
			if got := a.Status.ExpirationTime.Sub(a.Status.IssueTime.Time); got != test.want {
				t.Errorf("the lifetime is %s, want %s", got, test.want)
			}
			expect.Truth(s, c, a)
		})
	}
}

func TestALaterChangeOfTheProductMovesNoExpiry(t *testing.T) {
	t.Parallel()
	s, c := stage(t)
	a := issued(s, c, builder.Activation("initech-1", "initech"))
	expires := a.Status.ExpirationTime
	product := builder.Product("render-farm").InNamespace(s.Namespace).Build()
	expect.Edit(s, product, func(p *v1alpha1.Product) { *p.Spec.Activation.KeyLifetimeSeconds = 60 })
	s.AtTime(expect.Reconcile(s, c, a), expires.Time)
	if !a.Status.ExpirationTime.Equal(expires) {
		t.Errorf("the expiry was %s and is %s", expires, a.Status.ExpirationTime)
	}
	expect.Truth(s, c, a)
}

func TestASecretThatSomebodyElseHoldsIsNotOverwritten(t *testing.T) {
	t.Parallel()
	s, c := stage(t)
	foreign := s.ForeignSecret(keySecret, v1alpha1.SecretKeyActivationKey)
	a := builder.Activation("initech-1", "initech").Build()
	s.Create(a)
	for range 3 {
		s.After(expect.Reconcile(s, c, a), kit.SecretConflictPause)
		s.Step(kit.SecretConflictPause)
	}
	s.Condition(a, v1alpha1.ConditionIssued, "False, SecretConflict")
	s.Condition(a, v1alpha1.ConditionExpired, "Unknown, Pending")
	s.Events("Warning SecretConflict")
	if a.Status.KeyHash != "" || a.Status.IssueTime != nil || a.Status.ExpirationTime != nil || a.Status.SecretRef != nil {
		t.Errorf("the status speaks of a key that nobody has: %v", a.Status)
	}
	if now := s.Secret(keySecret); now.ResourceVersion != foreign.ResourceVersion {
		t.Errorf("the Secret has been changed: %v", now)
	}
	expect.Truth(s, c, a)

	s.Delete(foreign)
	s.AtTime(expect.Reconcile(s, c, a), a.Status.ExpirationTime.Time)
	s.Condition(a, v1alpha1.ConditionIssued, "True, Issued")
	secret(s, a, s.Events("Normal Issued")...)
	expect.Truth(s, c, a)
}

func TestAfterACrashBetweenTheCommitAndTheSecretTheSameKeyIsWritten(t *testing.T) {
	t.Parallel()
	s, c := stage(t)
	a := builder.Activation("initech-1", "initech").Build()
	s.Create(a)
	c.Client = expect.Disturbed(s.Operator, expect.Faults{Apply: func(func() error) error { return expect.ErrLost }})
	if _, err := expect.TryReconcile(s, c, a); !errors.Is(err, expect.ErrLost) {
		t.Fatalf("the error is %v, want %v", err, expect.ErrLost)
	}
	s.Condition(a, v1alpha1.ConditionIssued, "False, SecretNotWritten")
	s.Condition(a, v1alpha1.ConditionRedeemed, "False, NotRedeemed")
	s.Condition(a, v1alpha1.ConditionExpired, "False, WithinLifetime")
	if a.Status.SecretRef != nil || s.Secret(keySecret) != nil {
		t.Error("there is a Secret")
	}
	s.Events("Warning SecretNotWritten")
	hash := a.Status.KeyHash
	c.Client = s.Operator
	expect.Reconcile(s, c, a)
	s.Condition(a, v1alpha1.ConditionIssued, "True, Issued")
	secret(s, a, s.Events("Normal Issued")...)
	if a.Status.KeyHash != hash {
		t.Error("the second pass made another key")
	}
	expect.Truth(s, c, a)
}

func TestACrashAfterTheSecretLeavesSecretAndHashAgreed(t *testing.T) {
	for name, after := range map[string]func(do func() error) error{
		"the last write never arrived": func(func() error) error { return expect.ErrLost },
		"its answer got lost": func(do func() error) error {
			if err := do(); err != nil {
				return err
			}
			return expect.ErrLost
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s, c := stage(t)
			a := builder.Activation("initech-1", "initech").Build()
			s.Create(a)
			writes := 0
			c.Client = expect.Disturbed(s.Operator, expect.Faults{PatchStatus: func(do func() error) error {
				if writes++; writes == 2 {
					return after(do)
				}
				return do()
			}})
			if _, err := expect.TryReconcile(s, c, a); !errors.Is(err, expect.ErrLost) {
				t.Fatalf("the error is %v, want %v", err, expect.ErrLost)
			}
			s.Events(nil...)
			c.Client = s.Operator
			expect.Reconcile(s, c, a)
			s.Condition(a, v1alpha1.ConditionIssued, "True, Issued")
			secret(s, a)
			s.Events(map[bool][]string{true: {"Normal Issued"}}[name == "the last write never arrived"]...)
			expect.Truth(s, c, a)
		})
	}
}

func TestAKeyThatIsUsedBeforeItsLastCommitStaysValid(t *testing.T) {
	t.Parallel()
	s, c := stage(t)
	a := builder.Activation("initech-1", "initech").Build()
	s.Create(a)
	st := store.New(s.Names, s.Operator, s.Operator, s.Clock)
	var key string
	c.Client = expect.Disturbed(s.Operator, expect.Faults{Apply: func(do func() error) error {
		err := do()
		// Somebody waits for the Secret and activates at once.
		key = string(s.Secret(keySecret).Data[v1alpha1.SecretKeyActivationKey])
		used, err2 := st.ActivationByKey(t.Context(), key)
		if err2 != nil || used == nil {
			t.Fatalf("the key in the Secret is unknown: %v", err2)
		}
		if _, err := st.Redeem(t.Context(), used); err != nil {
			t.Fatal(err)
		}
		return err
	}})
	result := expect.Reconcile(s, c, a)
	if result.RequeueAfter <= 0 {
		t.Errorf("the conflict is not tried again: %v", result)
	}
	s.Events(nil...)
	c.Client = s.Operator
	expect.Reconcile(s, c, a)
	if secret(s, a) != key {
		t.Error("a key that was used has been replaced by another")
	}
	s.Condition(a, v1alpha1.ConditionIssued, "True, Issued")
	s.Condition(a, v1alpha1.ConditionRedeemed, "True, Redeemed")
	s.Events("Normal Issued")
	expect.Truth(s, c, a)
}

func TestAStaleActivationIsRetriedInSilence(t *testing.T) {
	t.Parallel()
	s, c := stage(t)
	a := builder.Activation("initech-1", "initech").Build()
	s.Create(a)
	stale := a.DeepCopy()
	expect.Reconcile(s, c, a)
	key := secret(s, a, s.Events("Normal Issued")...)
	result, err := c.Reconcile(t.Context(), stale)
	if err != nil || result.RequeueAfter <= 0 {
		t.Errorf("the result is %v and the error %v, want a retry and none", result, err)
	}
	s.Events(nil...)
	s.Refresh(a)
	if secret(s, a) != key {
		t.Error("a stale object has replaced the key")
	}
	expect.Truth(s, c, a)
}

func TestASecretThatMayNotBeMadeCommitsNoKey(t *testing.T) {
	t.Parallel()
	s, c := stage(t)
	s.ForbidSecrets()
	a := builder.Activation("initech-1", "initech").Build()
	s.Create(a)
	if _, err := expect.TryReconcile(s, c, a); !apierrors.IsForbidden(err) {
		t.Errorf("the error is %v, want Forbidden", err)
	}
	s.Condition(a, v1alpha1.ConditionIssued, "False, SecretNotWritten")
	if a.Status.KeyHash != "" {
		t.Errorf("the status speaks of a key that nobody has: %v", a.Status)
	}
	s.Events("Warning SecretNotWritten")
}

func TestALeaderThatWakesUpLateWritesTheSameKey(t *testing.T) {
	t.Parallel()
	s, c := stage(t)
	a := builder.Activation("initech-1", "initech").Build()
	s.Create(a)
	other := *c
	c.Client = expect.Disturbed(s.Operator, expect.Faults{Apply: func(do func() error) error {
		// While this one is paused before its write, another leader issues.
		expect.Reconcile(s, &other, a.DeepCopy())
		return do()
	}})
	if _, err := c.Reconcile(t.Context(), a.DeepCopy()); err != nil {
		t.Fatal(err)
	}
	s.Refresh(a)
	secret(s, a, s.Events("Normal Issued")...)
}
