// Copyright The license-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package activation

import (
	"errors"
	"testing"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"

	"github.com/license-operator/license-operator/api/v1alpha1"
	"github.com/license-operator/license-operator/test/builder"
	"github.com/license-operator/license-operator/test/expect"
)

func TestACrashAtAnyWriteEndsWithTheSameKey(t *testing.T) {
	for name, test := range map[string]struct {
		crash expect.Crash
		// left is the condition Issued after the crash, "" for none.
		left   string
		events []string
	}{
		"before the hash":           {expect.Crash{From: 1}, "", []string{"Normal Issued"}},
		"after the hash":            {expect.Crash{From: 1, Done: true}, "Unknown, Issuing", []string{"Normal Issued"}},
		"before the Secret":         {expect.Crash{From: 2}, "Unknown, Issuing", []string{"Normal Issued"}},
		"after the Secret":          {expect.Crash{From: 2, Done: true}, "Unknown, Issuing", []string{"Normal Issued"}},
		"before the last condition": {expect.Crash{From: 3}, "Unknown, Issuing", []string{"Normal Issued"}},
		"after the last condition":  {expect.Crash{From: 3, Done: true}, "True, Issued", nil},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s, c := stage(t)
			a := builder.Activation("initech-1", "initech").Build()
			s.Create(a)
			want, err := s.Names.ActivationKey(a)
			if err != nil {
				t.Fatal(err)
			}
			c.Client = expect.Disturbed(s.Operator, test.crash.Faults())
			if _, err := expect.TryReconcile(s, c, a); !errors.Is(err, expect.ErrLost) {
				t.Fatalf("the error is %v, want %v", err, expect.ErrLost)
			}
			if test.left == "" {
				if len(a.Status.Conditions) > 0 {
					t.Errorf("the status is %v", a.Status)
				}
			} else {
				s.Condition(a, v1alpha1.ConditionIssued, test.left)
				s.Condition(a, v1alpha1.ConditionRedeemed, "False, NotRedeemed")
				s.Condition(a, v1alpha1.ConditionExpired, "False, WithinLifetime")
			}
			if written := s.Secret(keySecret); written != nil {
				if key := string(written.Data[v1alpha1.SecretKeyActivationKey]); key != want || s.Names.Identity.HashActivationKey(key) != a.Status.KeyHash {
					t.Error("the Secret holds a key that is not known")
				}
			}
			s.Events(nil...)

			c.Client = s.Operator
			s.Step(time.Minute)
			expect.Reconcile(s, c, a)
			s.Condition(a, v1alpha1.ConditionIssued, "True, Issued")
			s.Events(test.events...)
			if secret(s, a) != want {
				t.Error("the key is another one")
			}
			expect.Truth(s, c, a)
		})
	}
}

func TestAnActivationThatIsMadeAgainHasAnotherKey(t *testing.T) {
	t.Parallel()
	for name, b := range map[string]*builder.ActivationBuilder{
		"an activation key":    builder.Activation("initech-1", "initech"),
		"a registration token": builder.Activation("initech-1", "initech").ForRegistration(),
	} {
		t.Run(name, func(t *testing.T) {
			s, c := stage(t)
			a := issued(s, c, b)
			key := secret(s, a)
			s.Delete(a)
			again := issued(s, c, b)
			if secret(s, again) == key {
				t.Error("the key of the deleted Activation is good again")
			}
			expect.Truth(s, c, again)
		})
	}
}

func TestARefusedSecretWakesNobodyAndIsWrittenWhenItMay(t *testing.T) {
	t.Parallel()
	s, c := stage(t)
	allow := s.ForbidSecrets()
	a := builder.Activation("initech-1", "initech").Build()
	s.Create(a)
	var version string
	for n := range 3 {
		if _, err := expect.TryReconcile(s, c, a); !apierrors.IsForbidden(err) {
			t.Errorf("the error is %v, want Forbidden", err)
		}
		s.Condition(a, v1alpha1.ConditionExpired, "Unknown, Pending")
		if n == 0 {
			s.Events("Warning SecretNotWritten")
			version = a.ResourceVersion
		}
		s.Step(time.Minute)
	}
	s.Events(nil...)
	if a.ResourceVersion != version {
		t.Errorf("resourceVersion %s is now %s: each write wakes the controller at once, again and again", version, a.ResourceVersion)
	}

	allow()
	issue := s.Clock.Now().Truncate(time.Second)
	s.AtTime(expect.Reconcile(s, c, a), issue.Add(time.Hour))
	s.Condition(a, v1alpha1.ConditionIssued, "True, Issued")
	secret(s, a, s.Events("Normal Issued")...)
	expect.Truth(s, c, a)
}

func TestKeysOfTwoActivationsDiffer(t *testing.T) {
	t.Parallel()
	s, c := stage(t)
	seen := map[string]string{}
	for _, name := range []string{"initech-1", "initech-2", "initech-3"} {
		a := issued(s, c, builder.Activation(name, "initech"))
		key := secret(s, a)
		if other, found := seen[key]; found {
			t.Errorf("%s and %s have one key", other, name)
		}
		seen[key] = name
	}
}
