// Copyright The license-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package store_test

import (
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/license-operator/license-operator/api/v1alpha1"
	"github.com/license-operator/license-operator/internal/fault"
	"github.com/license-operator/license-operator/internal/store"
	"github.com/license-operator/license-operator/test/builder"
	"github.com/license-operator/license-operator/test/expect"
)

// buyer has what the activation page knows of a customer.
func buyer(s *scene) (*v1alpha1.Product, *v1alpha1.Subscription) {
	s.Helper()
	p := builder.Product("render-farm").WithKeyLifetime(600).Build()
	s.Create(p)
	return p, s.subscription(builder.Subscription("initech", "render-farm"))
}

// activations are those of the namespace.
func activations(s *scene) []v1alpha1.Activation {
	s.Helper()
	list := &v1alpha1.ActivationList{}
	s.List(list)
	return list.Items
}

func TestAKeyOfThePageWorksAtOnceOnEveryReplica(t *testing.T) {
	s := newScene(t)
	p, sub := buyer(s)
	key, err := s.lagging.PageKey(t.Context(), p, sub, "a form")
	if err != nil {
		t.Fatal(err)
	}
	a, err := s.lagging.ActivationByKey(t.Context(), key)
	if err != nil || a == nil {
		t.Fatalf("a replica that lags does not know the key: %v", err)
	}
	if _, err := s.lagging.Redeem(t.Context(), a); err != nil {
		t.Errorf("the key can't be used: %v", err)
	}
	made := activations(s)
	if len(made) != 1 {
		t.Fatalf("there are %d Activations, want 1", len(made))
	}
	want := v1alpha1.ActivationSpec{SubscriptionRef: v1alpha1.LocalReference{Name: "initech"}, Type: v1alpha1.ActivationTypeKey,
		SecretPolicy: v1alpha1.SecretPolicyNone, State: v1alpha1.ActivationActive}
	if diff := cmp.Diff(want, made[0].Spec) + cmp.Diff(map[string]string{v1alpha1.LabelPage: "activation"}, made[0].Labels); diff != "" {
		t.Errorf("the Activation (-want +got):\n%s", diff)
	}
	issued := metav1.NewTime(s.Clock.Now().Truncate(time.Second))
	expires := metav1.NewTime(issued.Add(10 * time.Minute))
	if st := made[0].Status; st.KeyHash != s.Names.Identity.HashActivationKey(key) || !st.IssueTime.Equal(&issued) || !st.ExpirationTime.Equal(&expires) || st.SecretRef != nil {
		t.Errorf("the status is %+v", st)
	}
	s.Condition(&made[0], v1alpha1.ConditionIssued, "True, Issued")
}

func TestAFormThatIsPostedAgainGivesTheSameKey(t *testing.T) {
	s := newScene(t)
	p, sub := buyer(s)
	keys := make([]string, 6)
	var group sync.WaitGroup
	for n := range keys {
		group.Go(func() {
			var err error
			if keys[n], err = []*store.Store{s.lagging, s.current}[n%2].PageKey(t.Context(), p, sub, "a form"); err != nil {
				t.Error(err)
			}
		})
	}
	group.Wait()
	for _, key := range keys {
		if key == "" || key != keys[0] {
			t.Errorf("one post gives %q, another %q", keys[0], key)
		}
	}
	if other, err := s.current.PageKey(t.Context(), p, sub, "another form"); err != nil || other == keys[0] {
		t.Errorf("another form gives %q, %v", other, err)
	}
	if made := activations(s); len(made) != 2 {
		t.Errorf("there are %d Activations, want 2", len(made))
	}
}

func TestAKeyOfThePageThatIsOverIsNotHandedOutAgain(t *testing.T) {
	for name, c := range map[string]struct {
		change func(s *scene, a *v1alpha1.Activation)
		want   fault.Kind
	}{
		"revoked": {func(s *scene, a *v1alpha1.Activation) {
			expect.Edit(s.Stage, a, func(a *v1alpha1.Activation) { a.Spec.State = v1alpha1.ActivationRevoked })
		}, fault.ActivationKeyInvalid},
		"expired": {func(s *scene, _ *v1alpha1.Activation) { s.Step(10 * time.Minute) }, fault.ActivationKeyExpired},
		"another one of that name": {func(s *scene, a *v1alpha1.Activation) {
			expect.Edit(s.Stage, a, func(a *v1alpha1.Activation) { a.Labels = nil })
		}, fault.Internal},
	} {
		t.Run(name, func(t *testing.T) {
			s := newScene(t)
			p, sub := buyer(s)
			if _, err := s.current.PageKey(t.Context(), p, sub, "a form"); err != nil {
				t.Fatal(err)
			}
			c.change(s, &activations(s)[0])
			if _, err := s.current.PageKey(t.Context(), p, sub, "a form"); fault.KindOf(err) != c.want {
				t.Errorf("the error is %v, want %s", err, c.want)
			}
		})
	}
}

func TestWithoutTheAPIServerThereIsNoKey(t *testing.T) {
	s := newScene(t)
	p, sub := buyer(s)
	for name, faults := range map[string]expect.Faults{
		"no status can be written": {PatchStatus: func(func() error) error { return errBroken }},
	} {
		st := store.New(s.Names, s.Operator, expect.Disturbed(s.Operator, faults), s.Clock)
		if _, err := st.PageKey(t.Context(), p, sub, name); fault.KindOf(err) != fault.Unavailable {
			t.Errorf("%s: the error is %v", name, err)
		}
	}
	// A crash in between: the next post finds the object and issues its key.
	if key, err := s.current.PageKey(t.Context(), p, sub, "no status can be written"); err != nil || key == "" {
		t.Errorf("afterwards: %q, %v", key, err)
	}
}

// made stands for what a page has made before.
func made(s *scene, n int, page string, at time.Time) {
	s.Helper()
	for i := range n {
		b := builder.Activation(fmt.Sprintf("%s-%d-%d", page, at.Unix(), i), "initech").MadeByPage(page)
		if page == v1alpha1.PageRegistration {
			b.WithKeyHash(fmt.Sprintf("%064d", i))
		} else {
			b.WithoutSecret()
		}
		a := b.Build()
		s.Create(a)
		expect.EditStatus(s.Stage, a, func(a *v1alpha1.Activation) {
			a.Status.KeyHash, a.Status.IssueTime = fmt.Sprintf("%064d", i), &metav1.Time{Time: at}
			a.Status.ExpirationTime = &metav1.Time{Time: at.Add(10 * time.Minute)}
			if page == v1alpha1.PageRegistration {
				a.Status.FirstRedemptionTime = &metav1.Time{Time: at}
			}
		})
	}
}

func TestTheActivationPageMakesSoManyKeysADay(t *testing.T) {
	s := newScene(t)
	p, sub := buyer(s)
	s.Create(builder.Activation("the-vendors-own", "initech").Build(), builder.Activation("of-another", "umbrella").WithoutSecret().MadeByPage("activation").Build())
	made(s, 1, v1alpha1.PageActivation, s.Clock.Now().Add(-24*time.Hour))
	made(s, 1, v1alpha1.PageRegistration, s.Clock.Now())
	made(s, store.MaxPageKeys-1, v1alpha1.PageActivation, s.Clock.Now().Add(-time.Hour))
	key, err := s.current.PageKey(t.Context(), p, sub, "a form")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := s.current.PageKey(t.Context(), p, sub, "another form"); fault.KindOf(err) != fault.Throttled {
		t.Errorf("one too many: %v", err)
	}
	if again, err := s.current.PageKey(t.Context(), p, sub, "a form"); err != nil || again != key {
		t.Errorf("the form that was posted before gives %q, %v", again, err)
	}
	s.Step(23*time.Hour + time.Second)
	if _, err := s.current.PageKey(t.Context(), p, sub, "another form"); err != nil {
		t.Errorf("a day later: %v", err)
	}
}
