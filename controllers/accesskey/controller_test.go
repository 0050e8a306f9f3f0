// Copyright The license-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package accesskey

import (
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"

	"github.com/license-operator/license-operator/api/v1alpha1"
	"github.com/license-operator/license-operator/controllers/kit"
	"github.com/license-operator/license-operator/test/builder"
	"github.com/license-operator/license-operator/test/expect"
)

func TestAPairIsDerivedIntoItsSecret(t *testing.T) {
	t.Parallel()
	s, c := stage(t)
	k := builder.VendorKey("backend").Build()
	s.Create(k)
	s.After(expect.Reconcile(s, c, k), kit.ReapplyInterval)
	s.Condition(k, v1alpha1.ConditionReady, "True, Ready")
	texts := s.Events("Normal Ready")
	if k.Status.SecretRef == nil || k.Status.SecretRef.Name != pairSecret {
		t.Fatalf("the status refers to the Secret %v", k.Status.SecretRef)
	}
	pair(s, k, 1)
	secret := s.Names.SecretAccessKey(k, 1)
	for _, text := range append(texts, k.Status.Conditions[0].Message) {
		if strings.Contains(text, secret) {
			t.Errorf("the secret half is in %s", text)
		}
	}
	expect.Truth(s, c, k)

	s.Delete(s.Secret(pairSecret))
	s.Step(kit.ReapplyInterval)
	expect.Reconcile(s, c, k)
	pair(s, k, 1)
	s.Events(nil...)
	expect.Truth(s, c, k)

	s.Delete(k)
	s.Delete(s.Secret(pairSecret))
	again := ready(s, c, builder.VendorKey("backend"))
	pair(s, again, 1)
	expect.Truth(s, c, again)
}

func TestPairsOfTwoKeysAndTwoNamespacesDiffer(t *testing.T) {
	t.Parallel()
	s, c := stage(t)
	s2, c2 := stage(t)
	seen := map[string]string{}
	for what, k := range map[string]*v1alpha1.AccessKey{
		"backend":                ready(s, c, builder.VendorKey("backend")),
		"frontend":               ready(s, c, builder.VendorKey("frontend")),
		"backend, number 2":      ready(s, c, builder.VendorKey("second").WithRotation(2)),
		"backend of another one": ready(s2, c2, builder.VendorKey("backend")),
	} {
		for _, half := range []string{k.Status.AccessKeyID, s.Names.SecretAccessKey(k, k.Status.Rotation)} {
			if other, found := seen[half]; found {
				t.Errorf("%s and %s share %s", what, other, half)
			}
			seen[half] = what
		}
	}
}

func TestEachReasonAndTheWayBack(t *testing.T) {
	state := func(state v1alpha1.AccessKeyState) func(*expect.Stage, *v1alpha1.AccessKey) {
		return func(s *expect.Stage, k *v1alpha1.AccessKey) {
			expect.Edit(s, k, func(k *v1alpha1.AccessKey) { k.Spec.State = state })
		}
	}
	activation := func(state v1alpha1.ActivationState) func(*expect.Stage, *v1alpha1.AccessKey) {
		return func(s *expect.Stage, _ *v1alpha1.AccessKey) {
			a := builder.Activation("initech-1", "initech").InNamespace(s.Namespace).Build()
			expect.Edit(s, a, func(a *v1alpha1.Activation) { a.Spec.State = state })
		}
	}
	for name, test := range map[string]struct {
		key          *builder.AccessKeyBuilder
		break_, mend func(*expect.Stage, *v1alpha1.AccessKey)
		reason       string
	}{
		"Inactive": {
			builder.VendorKey("backend"), state(v1alpha1.AccessKeyInactive), state(v1alpha1.AccessKeyActive), "Inactive",
		},
		"a Customer's without its Subscription": {
			builder.CustomerKey("backend", "initech"),
			func(s *expect.Stage, _ *v1alpha1.AccessKey) {
				s.Delete(builder.Subscription("initech", "render-farm").InNamespace(s.Namespace).Build())
			},
			func(s *expect.Stage, _ *v1alpha1.AccessKey) {
				s.Create(builder.Subscription("initech", "render-farm").Build())
			}, "SubscriptionNotFound",
		},
		"made by an Activation that is revoked": {
			builder.CustomerKey("backend", "initech").MadeBy("initech-1"),
			activation(v1alpha1.ActivationRevoked), activation(v1alpha1.ActivationActive), "Revoked",
		},
		"made by an Activation that is revoked, until that is deleted": {
			builder.CustomerKey("backend", "initech").MadeBy("initech-1"),
			activation(v1alpha1.ActivationRevoked),
			func(s *expect.Stage, _ *v1alpha1.AccessKey) {
				s.Delete(builder.Activation("initech-1", "initech").InNamespace(s.Namespace).Build())
			}, "Revoked",
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s, c := stage(t)
			s.Create(builder.Subscription("initech", "render-farm").Build(), builder.Activation("initech-1", "initech").Build())
			k := ready(s, c, test.key)
			id := k.Status.AccessKeyID
			expect.Truth(s, c, k)

			test.break_(s, k)
			expect.Reconcile(s, c, k)
			s.Condition(k, v1alpha1.ConditionReady, "False, "+test.reason)
			s.Events("Warning " + test.reason)
			expect.Truth(s, c, k)

			test.mend(s, k)
			expect.Reconcile(s, c, k)
			s.Condition(k, v1alpha1.ConditionReady, "True, Ready")
			s.Events("Normal Ready")
			if k.Status.AccessKeyID != id {
				t.Errorf("the id was %s and is %s", id, k.Status.AccessKeyID)
			}
			expect.Truth(s, c, k)
		})
	}
}

func TestASecretThatSomebodyElseHoldsIsNotOverwritten(t *testing.T) {
	t.Parallel()
	s, c := stage(t)
	foreign := s.ForeignSecret(pairSecret, v1alpha1.SecretKeySecretAccessKey)
	k := builder.VendorKey("backend").Build()
	s.Create(k)
	s.After(expect.Reconcile(s, c, k), kit.SecretConflictPause)
	s.Condition(k, v1alpha1.ConditionReady, "False, SecretConflict")
	s.Events("Warning SecretConflict")
	if now := s.Secret(pairSecret); now.ResourceVersion != foreign.ResourceVersion {
		t.Errorf("the Secret has been changed: %v", now)
	}
	expect.Truth(s, c, k)

	expect.Edit(s, k, func(k *v1alpha1.AccessKey) { k.Spec.State = v1alpha1.AccessKeyInactive })
	s.After(expect.Reconcile(s, c, k), kit.SecretConflictPause)
	s.Condition(k, v1alpha1.ConditionReady, "False, Inactive")
	s.Events("Warning Inactive")
	expect.Truth(s, c, k)
	expect.Edit(s, k, func(k *v1alpha1.AccessKey) { k.Spec.State = v1alpha1.AccessKeyActive })
	expect.Reconcile(s, c, k)
	s.Events("Warning SecretConflict")

	s.Delete(foreign)
	s.After(expect.Reconcile(s, c, k), kit.ReapplyInterval)
	s.Condition(k, v1alpha1.ConditionReady, "True, Ready")
	s.Events("Normal Ready")
	pair(s, k, 1)
	expect.Truth(s, c, k)
}

func TestWithoutASecretPolicyThereIsNoSecret(t *testing.T) {
	t.Parallel()
	s, c := stage(t)
	k := builder.VendorKey("backend").WithoutSecret().Build()
	s.Create(k)
	s.After(expect.Reconcile(s, c, k), 0)
	s.Condition(k, v1alpha1.ConditionReady, "True, Ready")
	s.Events("Normal Ready")
	if k.Status.SecretRef != nil || s.Secret(pairSecret) != nil {
		t.Errorf("there is a Secret: %v", k.Status.SecretRef)
	}
	if k.Status.AccessKeyID != s.Names.AccessKeyID(k, 1) {
		t.Errorf("the id is %s", k.Status.AccessKeyID)
	}
	expect.Truth(s, c, k)
}

func TestASecretThatIsNoLongerWrittenIsNoLongerReferredTo(t *testing.T) {
	t.Parallel()
	s, c := stage(t)
	k := ready(s, c, builder.VendorKey("backend"))
	expect.Edit(s, k, func(k *v1alpha1.AccessKey) { k.Spec.SecretPolicy = v1alpha1.SecretPolicyNone })
	expect.Reconcile(s, c, k)
	if k.Status.SecretRef != nil {
		t.Errorf("the status still refers to %v, which is not kept in step", k.Status.SecretRef)
	}
	expect.Truth(s, c, k)
}

func TestASecretThatCanNotBeWrittenIsToldAndAStaleKeyIsRetriedInSilence(t *testing.T) {
	t.Parallel()
	s, c := stage(t)
	k := builder.VendorKey("backend").Build()
	s.Create(k)
	lost := errors.New("no connection")
	c.Client = expect.Disturbed(s.Operator, expect.Faults{Apply: func(func() error) error { return lost }})
	if _, err := expect.TryReconcile(s, c, k); !errors.Is(err, lost) {
		t.Errorf("the error is %v, want %v", err, lost)
	}
	s.Condition(k, v1alpha1.ConditionReady, "False, SecretNotWritten")
	if k.Status.AccessKeyID == "" {
		t.Error("the id is not on record, though a replica may have to look it up")
	}
	s.Events("Warning SecretNotWritten")
	c.Client = s.Operator
	stale := k.DeepCopy()
	expect.Edit(s, k, func(k *v1alpha1.AccessKey) { k.Labels = map[string]string{"some": "label"} })
	result, err := c.Reconcile(t.Context(), stale)
	if err != nil || result.RequeueAfter <= 0 {
		t.Errorf("the result is %v and the error %v, want a retry and none", result, err)
	}
	s.Events(nil...)
	expect.Reconcile(s, c, k)
	s.Events("Normal Ready")
	expect.Truth(s, c, k)
}

func TestTheIdIsOnRecordBeforeThePairIsInItsSecret(t *testing.T) {
	t.Parallel()
	s, c := stage(t)
	k := builder.VendorKey("backend").Build()
	s.Create(k)
	for rotation := int32(1); rotation <= 2; rotation++ {
		turn(s, k, rotation, 0)
		applied := false
		c.Client = expect.Disturbed(s.Operator, expect.Faults{Apply: func(do func() error) error {
			applied = true
			s.Refresh(k)
			if want := s.Names.AccessKeyID(k, rotation); k.Status.AccessKeyID != want {
				t.Errorf("the id on record is %q, want %s", k.Status.AccessKeyID, want)
			}
			return do()
		}})
		expect.Reconcile(s, c, k)
		if !applied {
			t.Error("the Secret was not written")
		}
		pair(s, k, int64(rotation))
	}
	c.Client = s.Operator
	s.Events("Normal Ready")
	expect.Truth(s, c, k)
}

func TestWhoIsLookedAtWhenSomethingElseChanges(t *testing.T) {
	t.Parallel()
	s, c := stage(t)
	mine := builder.CustomerKey("desktop", "initech").MadeBy("initech-1").Build()
	s.Create(mine, builder.VendorKey("backend").Build(), builder.CustomerKey("other", "globex").Build())
	want := []reconcile.Request{{NamespacedName: client.ObjectKeyFromObject(mine)}}
	sub := builder.Subscription("initech", "render-farm").InNamespace(s.Namespace).Build()
	if diff := cmp.Diff(want, c.ofSubscription(t.Context(), sub)); diff != "" {
		t.Errorf("by a Subscription (-want +got):\n%s", diff)
	}
	a := builder.Activation("initech-1", "initech").InNamespace(s.Namespace).Build()
	if diff := cmp.Diff(want, c.ofActivation(t.Context(), a)); diff != "" {
		t.Errorf("by an Activation (-want +got):\n%s", diff)
	}
}
