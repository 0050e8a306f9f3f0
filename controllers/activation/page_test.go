// Copyright The license-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package activation

import (
	"strings"
	"testing"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/license-operator/license-operator/api/v1alpha1"
	"github.com/license-operator/license-operator/internal/store"
	"github.com/license-operator/license-operator/test/builder"
	"github.com/license-operator/license-operator/test/expect"
)

var tokenHash = strings.Repeat("0123456789abcdef", 4)

func TestAKeyThatIsToBeInNoSecretIsInNone(t *testing.T) {
	for name, test := range map[string]struct {
		activation *builder.ActivationBuilder
		hash       func(s *expect.Stage, a *v1alpha1.Activation) string
		lifetime   time.Duration
	}{
		"an activation key": {builder.Activation("initech-1", "initech").WithoutSecret(),
			func(s *expect.Stage, a *v1alpha1.Activation) string {
				key, err := s.Names.ActivationKey(a)
				if err != nil {
					s.Fatal(err)
				}
				return s.Names.Identity.HashActivationKey(key)
			}, time.Hour},
		"a token that exists already": {builder.Activation("initech-1", "initech").WithKeyHash(tokenHash),
			func(*expect.Stage, *v1alpha1.Activation) string { return tokenHash }, 4 * time.Hour},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s, c := stage(t)
			a := test.activation.Build()
			s.Create(a)
			s.AtTime(expect.Reconcile(s, c, a), expect.Start.Truncate(time.Second).Add(test.lifetime))
			issued := s.Condition(a, v1alpha1.ConditionIssued, "True, Issued")
			if want := "The key has been handed out and is in no Secret"; issued.Message != want {
				t.Errorf("the message is %q, want %q", issued.Message, want)
			}
			s.Condition(a, v1alpha1.ConditionRedeemed, "False, NotRedeemed")
			s.Condition(a, v1alpha1.ConditionExpired, "False, WithinLifetime")
			s.Events("Normal Issued")
			if a.Status.KeyHash != test.hash(s, a) || a.Status.SecretRef != nil {
				t.Errorf("the hash is %s and the Secret %v", a.Status.KeyHash, a.Status.SecretRef)
			}
			if found := s.Secret(keySecret); found != nil {
				t.Errorf("there is a Secret: %v", found)
			}
			version := a.ResourceVersion
			s.Step(time.Minute)
			expect.Reconcile(s, c, a)
			if a.ResourceVersion != version {
				t.Error("a second pass changes it")
			}
			expect.Truth(s, c, a)
		})
	}
}

func TestPageAndControllerAgreeOnAKey(t *testing.T) {
	t.Parallel()
	s, c := stage(t)
	st := store.New(s.Names, s.Operator, s.Operator, s.Clock)
	sub, product := &v1alpha1.Subscription{}, &v1alpha1.Product{}
	for name, o := range map[string]client.Object{"initech": sub, "render-farm": product} {
		if err := s.Admin.Get(t.Context(), client.ObjectKey{Namespace: s.Namespace, Name: name}, o); err != nil {
			t.Fatal(err)
		}
	}
	// The controller sees the object before the page has issued its key.
	c.Client = expect.Disturbed(s.Operator, expect.Faults{})
	racing := store.New(s.Names, s.Operator, expect.Disturbed(s.Operator, expect.Faults{PatchStatus: func(do func() error) error {
		for _, a := range list(s) {
			expect.Reconcile(s, c, a)
		}
		return do()
	}}), s.Clock)
	for name, st := range map[string]*store.Store{"the page first": st, "the controller first": racing} {
		key, err := st.PageKey(t.Context(), product, sub, name)
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		a, err := st.ActivationByKey(t.Context(), key)
		if err != nil || a == nil {
			t.Fatalf("%s: the key is unknown: %v", name, err)
		}
		before := a.DeepCopy()
		s.Step(time.Second)
		expect.Reconcile(s, c, a)
		if a.Status.KeyHash != before.Status.KeyHash || !a.Status.ExpirationTime.Equal(before.Status.ExpirationTime) || a.Status.SecretRef != nil {
			t.Errorf("%s: the status was %+v and is %+v", name, before.Status, a.Status)
		}
		if _, err := st.Redeem(t.Context(), a); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// list are the Activations of the namespace.
func list(s *expect.Stage) []*v1alpha1.Activation {
	s.Helper()
	all := &v1alpha1.ActivationList{}
	s.List(all)
	var found []*v1alpha1.Activation
	for i := range all.Items {
		found = append(found, &all.Items[i])
	}
	return found
}

func TestWhatAPageHasMadeGoesWhenItIsOfNoUse(t *testing.T) {
	redeemed := func(s *expect.Stage, a *v1alpha1.Activation) {
		expect.EditStatus(s, a, func(a *v1alpha1.Activation) {
			a.Status.FirstRedemptionTime = &metav1.Time{Time: s.Clock.Now()}
		})
	}
	for name, test := range map[string]struct {
		activation *builder.ActivationBuilder
		change     func(s *expect.Stage, a *v1alpha1.Activation)
		goes       bool
	}{
		"a key that nobody used":       {builder.Activation("initech-1", "initech").WithoutSecret().MadeByPage("activation"), nil, true},
		"a key that was used":          {builder.Activation("initech-1", "initech").WithoutSecret().MadeByPage("activation"), redeemed, false},
		"a token that was resolved":    {builder.Activation("initech-1", "initech").WithKeyHash(tokenHash).MadeByPage("registration"), redeemed, true},
		"a key that was never issued":  {builder.Activation("initech-1", "umbrella").WithoutSecret().WithLifetime(14400).MadeByPage("activation"), nil, true},
		"a token that was taken back":  {builder.Activation("initech-1", "initech").WithKeyHash(tokenHash).MadeByPage("registration").Revoked(), nil, true},
		"a key that the vendor made":   {builder.Activation("initech-1", "initech").WithoutSecret(), nil, false},
		"a token that the vendor made": {builder.Activation("initech-1", "initech").ForRegistration(), redeemed, false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s, c := stage(t)
			a := test.activation.Build()
			s.Create(a)
			s.Clock.SetTime(a.CreationTimestamp.Time)
			expect.Reconcile(s, c, a)
			if test.change != nil {
				test.change(s, a)
			}
			expires := s.Clock.Now().Add(4 * time.Hour).Truncate(time.Second)
			if a.Status.ExpirationTime != nil {
				expires = a.Status.ExpirationTime.Time
			}
			s.Clock.SetTime(expires)
			result := expect.Reconcile(s, c, a)
			if test.goes {
				s.After(result, 24*time.Hour)
			} else {
				s.After(result, 0)
			}
			s.Clock.SetTime(expires.Add(24*time.Hour - time.Second))
			expect.Reconcile(s, c, a)
			s.Clock.SetTime(expires.Add(24 * time.Hour))
			if _, err := c.Reconcile(t.Context(), a); err != nil {
				t.Fatal(err)
			}
			err := s.Admin.Get(t.Context(), client.ObjectKeyFromObject(a), &v1alpha1.Activation{})
			if gone := apierrors.IsNotFound(err); gone != test.goes {
				t.Errorf("it is gone: %v, want %v (%v)", gone, test.goes, err)
			}
		})
	}
}

func TestOneThatWasUsedAMomentAgoIsNotRemovedByAnOldView(t *testing.T) {
	t.Parallel()
	s, c := stage(t)
	a := builder.Activation("initech-1", "initech").WithoutSecret().MadeByPage("activation").Build()
	s.Create(a)
	expect.Reconcile(s, c, a)
	stale := a.DeepCopy()
	expect.EditStatus(s, a, func(a *v1alpha1.Activation) { a.Status.FirstRedemptionTime = &metav1.Time{Time: s.Clock.Now()} })
	s.Clock.SetTime(a.Status.ExpirationTime.Add(25 * time.Hour))
	result, err := c.Reconcile(t.Context(), stale)
	if err != nil || result.RequeueAfter <= 0 {
		t.Errorf("the result is %v and the error %v, want a retry and none", result, err)
	}
	s.Refresh(a)
	// Its object has gone: nothing is left to do.
	s.Delete(a)
	if _, err := c.Reconcile(t.Context(), stale); err != nil {
		t.Error(err)
	}
}
