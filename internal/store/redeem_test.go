// Copyright The license-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package store_test

import (
	"sync"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/license-operator/license-operator/api/v1alpha1"
	"github.com/license-operator/license-operator/internal/fault"
	"github.com/license-operator/license-operator/internal/store"
	"github.com/license-operator/license-operator/test/builder"
	"github.com/license-operator/license-operator/test/expect"
)

// activation makes an Activation whose key can be used for an hour.
func activation(s *scene) *v1alpha1.Activation {
	s.Helper()
	a := builder.Activation("initech-1", "initech").Build()
	s.Create(a)
	expect.EditStatus(s.Stage, a, func(a *v1alpha1.Activation) {
		a.Status.KeyHash = s.Names.Identity.HashActivationKey(activationKey(s))
		a.Status.IssueTime = &metav1.Time{Time: s.Clock.Now()}
		a.Status.ExpirationTime = &metav1.Time{Time: s.Clock.Now().Add(time.Hour)}
	})
	return a
}

func TestARedemptionIsOnRecordWhenItReturns(t *testing.T) {
	s := newScene(t)
	a := activation(s)
	given := a.DeepCopy()
	got, err := s.lagging.Redeem(t.Context(), given)
	if err != nil {
		t.Fatal(err)
	}
	if given.Status.LastRedemptionTime != nil {
		t.Error("the given object, which may be the cache's, was changed")
	}
	s.Refresh(a)
	redeemed := s.Condition(a, v1alpha1.ConditionRedeemed, "True, Redeemed")
	if redeemed.ObservedGeneration != a.Generation {
		t.Errorf("the condition is of generation %d, the object of %d", redeemed.ObservedGeneration, a.Generation)
	}
	if got.ResourceVersion != a.ResourceVersion {
		t.Errorf("the returned object has resourceVersion %s, the committed one %s", got.ResourceVersion, a.ResourceVersion)
	}
	first := metav1.NewTime(s.Clock.Now().Truncate(time.Second))
	if !a.Status.FirstRedemptionTime.Equal(&first) || !a.Status.LastRedemptionTime.Equal(&first) {
		t.Errorf("redeemed first at %s and last at %s, want %s", a.Status.FirstRedemptionTime, a.Status.LastRedemptionTime, first)
	}

	version := a.ResourceVersion
	s.Step(59 * time.Second)
	if a, err = s.lagging.Redeem(t.Context(), a); err != nil || a.ResourceVersion != version {
		t.Errorf("within a minute the version %s becomes %s, and the error is %v", version, a.ResourceVersion, err)
	}
	s.Step(time.Minute)
	if a, err = s.lagging.Redeem(t.Context(), a); err != nil {
		t.Fatal(err)
	}
	s.Refresh(a)
	last := metav1.NewTime(s.Clock.Now().Truncate(time.Second))
	if !a.Status.FirstRedemptionTime.Equal(&first) || !a.Status.LastRedemptionTime.Equal(&last) {
		t.Errorf("redeemed first at %s and last at %s, want %s and %s", a.Status.FirstRedemptionTime, a.Status.LastRedemptionTime, first, last)
	}
}

func TestARedemptionSurvivesThatSomebodyElseWasFirst(t *testing.T) {
	for name, change := range map[string]func(s *scene, a *v1alpha1.Activation){
		"a new label": func(s *scene, a *v1alpha1.Activation) {
			expect.Edit(s.Stage, a, func(a *v1alpha1.Activation) { a.Labels = map[string]string{"some": "label"} })
		},
		"a condition of the controller": func(s *scene, a *v1alpha1.Activation) {
			expect.EditStatus(s.Stage, a, func(a *v1alpha1.Activation) {
				a.Status.Conditions = []metav1.Condition{builder.Condition(v1alpha1.ConditionIssued, metav1.ConditionTrue, "Issued")}
			})
		},
	} {
		t.Run(name, func(t *testing.T) {
			s := newScene(t)
			a := activation(s)
			stale := a.DeepCopy()
			change(s, a)
			if _, err := s.lagging.Redeem(t.Context(), stale); err != nil {
				t.Fatal(err)
			}
			conditions, labels := len(a.Status.Conditions), len(a.Labels)
			s.Refresh(a)
			s.Condition(a, v1alpha1.ConditionRedeemed, "True, Redeemed")
			if len(a.Status.Conditions) != conditions+1 || len(a.Labels) != labels {
				t.Errorf("the other change is lost: %v, %v", a.Labels, a.Status.Conditions)
			}
		})
	}
}

func TestARedemptionIsRefusedByWhatTheCacheDoesNotHoldYet(t *testing.T) {
	for name, test := range map[string]struct {
		change func(s *scene, a *v1alpha1.Activation)
		want   fault.Kind
	}{
		"revoked": {func(s *scene, a *v1alpha1.Activation) {
			expect.Edit(s.Stage, a, func(a *v1alpha1.Activation) { a.Spec.State = v1alpha1.ActivationRevoked })
		}, fault.ActivationKeyInvalid},
		"made again under the same name": {func(s *scene, a *v1alpha1.Activation) {
			s.Delete(a)
			*a = *activation(s)
		}, fault.ActivationKeyInvalid},
		"issued again: the key is another": {func(s *scene, a *v1alpha1.Activation) {
			expect.EditStatus(s.Stage, a, func(a *v1alpha1.Activation) { a.Status.KeyHash = "another" })
		}, fault.ActivationKeyInvalid},
		"its end is another": {func(s *scene, a *v1alpha1.Activation) {
			expect.EditStatus(s.Stage, a, func(a *v1alpha1.Activation) {
				a.Status.ExpirationTime = &metav1.Time{Time: s.Clock.Now().Add(-time.Second)}
			})
		}, fault.ActivationKeyExpired},
	} {
		t.Run(name, func(t *testing.T) {
			s := newScene(t)
			a := activation(s)
			stale := a.DeepCopy()
			test.change(s, a)
			if got, err := s.lagging.Redeem(t.Context(), stale); fault.KindOf(err) != test.want {
				t.Errorf("it is %v and the error %v, want %s", got, err, test.want)
			}
			s.Refresh(a)
			if a.Status.LastRedemptionTime != nil {
				t.Error("a refused redemption is on record")
			}
		})
	}
}

func TestAKeyThatIsOverIsRefusedWithoutARead(t *testing.T) {
	s := newScene(t)
	a := activation(s)
	s.Step(time.Hour)
	if _, err := s.lagging.Redeem(t.Context(), a); fault.KindOf(err) != fault.ActivationKeyExpired {
		t.Errorf("the error is %v", err)
	}
	s.reads(0)
	if writes := s.live.writes.Load(); writes != 0 {
		t.Errorf("%d writes", writes)
	}
}

func TestAnActivationThatIsGoneIsNotRedeemed(t *testing.T) {
	s := newScene(t)
	a := activation(s)
	s.Delete(a)
	if _, err := s.lagging.Redeem(t.Context(), a); fault.KindOf(err) != fault.ActivationKeyInvalid {
		t.Errorf("the error is %v, want ActivationKeyInvalid", err)
	}
}

func TestALostAnswerIsUnavailableAndTheNextTrySucceeds(t *testing.T) {
	s := newScene(t)
	a := activation(s)
	st := store.New(s.Names, expect.EmptyCache{}, expect.Disturbed(s.live, expect.Faults{PatchStatus: func(do func() error) error {
		if err := do(); err != nil {
			return err
		}
		return errBroken
	}}), s.Clock)
	if _, err := st.Redeem(t.Context(), a.DeepCopy()); fault.KindOf(err) != fault.Unavailable {
		t.Errorf("the error is %v, want Unavailable", err)
	}
	got, err := s.lagging.Redeem(t.Context(), a.DeepCopy())
	if err != nil {
		t.Fatal(err)
	}
	s.Refresh(a)
	if got.ResourceVersion != a.ResourceVersion {
		t.Errorf("the returned object has resourceVersion %s, the committed one %s", got.ResourceVersion, a.ResourceVersion)
	}
}

func TestConflictsWithoutEndAreUnavailable(t *testing.T) {
	s := newScene(t)
	a := activation(s)
	st := store.New(s.Names, expect.EmptyCache{}, expect.Disturbed(s.live, expect.Faults{PatchStatus: func(do func() error) error {
		expect.Edit(s.Stage, a, func(a *v1alpha1.Activation) {
			a.Labels = map[string]string{"version": a.ResourceVersion}
		})
		return do()
	}}), s.Clock)
	if _, err := st.Redeem(t.Context(), a.DeepCopy()); fault.KindOf(err) != fault.Unavailable {
		t.Errorf("the error is %v, want Unavailable", err)
	}
	if reads := s.live.reads.Load(); reads > 10 {
		t.Errorf("it was tried %d times", reads)
	}
}

func TestManyRedemptionsAtOnceAllSucceed(t *testing.T) {
	s := newScene(t)
	a := activation(s)
	var group sync.WaitGroup
	for range 8 {
		group.Go(func() {
			if _, err := s.lagging.Redeem(t.Context(), a.DeepCopy()); err != nil {
				t.Error(err)
			}
		})
	}
	group.Wait()
	s.Refresh(a)
	s.Condition(a, v1alpha1.ConditionRedeemed, "True, Redeemed")
}
