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

// crash lets everything fail from some write on: what comes after a crash of
// the operator never happens.
type crash struct {
	writes, from int
	// done says that the first lost write was done, only its answer is lost.
	done bool
}

func (c *crash) write(do func() error) error {
	switch c.writes++; {
	case c.writes < c.from:
		return do()
	case c.writes == c.from && c.done:
		if err := do(); err != nil {
			return err
		}
	}
	return errLost
}

func TestACrashAtAnyWriteEndsWithTheSameKey(t *testing.T) {
	for name, test := range map[string]struct {
		crash crash
		// left is the condition Issued after the crash, "" for none.
		left   string
		events []string
	}{
		"before the hash":           {crash{from: 1}, "", []string{"Normal Issued"}},
		"after the hash":            {crash{from: 1, done: true}, "Unknown, Issuing", []string{"Normal Issued"}},
		"before the Secret":         {crash{from: 2}, "Unknown, Issuing", []string{"Normal Issued"}},
		"after the Secret":          {crash{from: 2, done: true}, "Unknown, Issuing", []string{"Normal Issued"}},
		"before the last condition": {crash{from: 3}, "Unknown, Issuing", []string{"Normal Issued"}},
		"after the last condition":  {crash{from: 3, done: true}, "True, Issued", nil},
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
			c.Client = expect.Disturbed(s.Operator, expect.Faults{Apply: test.crash.write, PatchStatus: test.crash.write})
			if _, err := expect.TryReconcile(s, c, a); !errors.Is(err, errLost) {
				t.Fatalf("the error is %v, want %v", err, errLost)
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
	allow := quota(s)
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
