// Copyright The license-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package marketplace_test

import (
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/license-operator/license-operator/api/v1alpha1"
	"github.com/license-operator/license-operator/internal/fault"
	"github.com/license-operator/license-operator/test/builder"
	"github.com/license-operator/license-operator/test/expect"
	"github.com/license-operator/license-operator/webhook/awsjson"
	"github.com/license-operator/license-operator/webhook/marketplace"
)

func TestATokenForOneUse(t *testing.T) {
	forEachForm(t, once, func(t *testing.T, s *scene, a *v1alpha1.Activation, token string) {
		if _, err := s.resolve(s.service, s.vendor, token); err != nil {
			t.Fatal(err)
		}
		s.Refresh(a)
		version := a.ResourceVersion
		for _, replica := range []*marketplace.Service{s.service, s.lagging} {
			_, err := s.resolve(replica, s.vendor, token)
			s.refused(err, fault.RegistrationTokenExpired, "it was for one use")
		}
		if s.Refresh(a); a.ResourceVersion != version {
			t.Error("what was refused was written")
		}
	})
}

func TestATokenForOneUseIsResolvedOnceOfAll(t *testing.T) {
	forEachForm(t, once, func(t *testing.T, s *scene, a *v1alpha1.Activation, token string) {
		const callers = 8
		var all sync.WaitGroup
		outs, errs := make([]*awsjson.ResolveCustomerResult, callers), make([]error, callers)
		op := awsjson.Targets["AWSMPMeteringService.ResolveCustomer"]
		for i := range callers {
			replica := s.replica(expect.EmptyCache{})
			// The counts of the scene's are not for many at once.
			replica.Store = storeOf(s, i%2 == 1)
			all.Go(func() {
				out, err := replica.Do(t.Context(), op, s.vendor, &awsjson.ResolveCustomerRequest{RegistrationToken: token})
				if outs[i], errs[i] = nil, err; err == nil {
					outs[i] = out.(*awsjson.ResolveCustomerResult)
				}
			})
		}
		all.Wait()
		resolved := 0
		for i, out := range outs {
			if out != nil {
				resolved++
			} else {
				s.refused(errs[i], fault.RegistrationTokenExpired, "it was for one use")
			}
		}
		if resolved != 1 {
			t.Errorf("it was resolved %d times", resolved)
		}
		s.Refresh(a)
		s.Condition(a, v1alpha1.ConditionRedeemed, "True, Redeemed")
	})
}

func TestWhatIsLostOnTheWay(t *testing.T) {
	lost := errors.New("the connection was cut")
	for name, test := range map[string]struct {
		use  v1alpha1.TokenUse
		verb string
		done bool
		kind fault.Kind // of the second try, "" for resolved
	}{
		"a record that was not written":             {use: v1alpha1.TokenUseReusable, verb: "patch"},
		"a record that was written":                 {use: v1alpha1.TokenUseReusable, verb: "patch", done: true},
		"a record that was not written, of one use": {use: v1alpha1.TokenUseOnce, verb: "patch"},
		"a record that was written, of one use":     {use: v1alpha1.TokenUseOnce, verb: "patch", done: true, kind: fault.RegistrationTokenExpired},
		"an Activation that was not made":           {use: v1alpha1.TokenUseOnce, verb: "create"},
		"an Activation that was made":               {use: v1alpha1.TokenUseOnce, verb: "create", done: true},
	} {
		t.Run(name, func(t *testing.T) {
			forEachForm(t, func(p *builder.ProductBuilder) { p.WithRegistration(14400, test.use) }, func(t *testing.T, s *scene, a *v1alpha1.Activation, token string) {
				if test.verb == "create" && a.UID != "" {
					return // It is there.
				}
				fail := func(verb string) error {
					if verb == test.verb {
						return lost
					}
					return nil
				}
				if test.done {
					s.live.after = fail
				} else {
					s.live.before = fail
				}
				_, err := s.resolve(s.service, s.vendor, token)
				s.refused(err, fault.Unavailable, "Try again")
				s.live.before, s.live.after = nil, nil
				out, err := s.resolve(s.lagging, s.vendor, token)
				if test.kind != "" {
					s.refused(err, test.kind, "")
				} else if err != nil || out.CustomerIdentifier != customer {
					t.Errorf("asked again it is %v, %v", out, err)
				}
			})
		})
	}
}

func TestAnActivationOfTheNameThatIsAnothersIsLeftAlone(t *testing.T) {
	for name, change := range map[string]func(*v1alpha1.ActivationSpec){
		"of another token":        func(spec *v1alpha1.ActivationSpec) { spec.KeyHash = fmt.Sprintf("%064d", 0) },
		"of no token":             func(spec *v1alpha1.ActivationSpec) { spec.KeyHash = "" },
		"of another Subscription": func(spec *v1alpha1.ActivationSpec) { spec.SubscriptionRef.Name = "umbrella" },
	} {
		t.Run(name, func(t *testing.T) {
			s := newScene(t)
			a, token := s.shown(1)
			a.Spec = v1alpha1.ActivationSpec{SubscriptionRef: v1alpha1.LocalReference{Name: "initech"}, Type: v1alpha1.ActivationTypeRegistration,
				SecretPolicy: v1alpha1.SecretPolicyNone, KeyHash: s.Names.Identity.HashRegistrationToken(token)}
			change(&a.Spec)
			s.Create(a)
			for _, replica := range []*marketplace.Service{s.service, s.lagging} {
				if _, err := s.resolve(replica, s.vendor, token); err == nil || fault.KindOf(err) != fault.Internal {
					t.Errorf("the error is %v", err)
				}
			}
			if s.Refresh(a); a.Status.FirstRedemptionTime != nil {
				t.Error("it was redeemed")
			}
		})
	}
}

func TestTheActivationsControllerMayBeQuicker(t *testing.T) {
	s := newScene(t, once)
	a, token := s.shown(1)
	times := 0
	s.live.before = func(verb string) error {
		if times++; verb == "patch" && times == 2 {
			expect.EditStatus(s.Stage, a, func(a *v1alpha1.Activation) {
				a.Status.KeyHash = a.Spec.KeyHash
				a.Status.ExpirationTime = &metav1.Time{Time: s.Clock.Now().Add(time.Hour)}
				a.Status.Conditions = []metav1.Condition{builder.Condition(v1alpha1.ConditionExpired, metav1.ConditionFalse, v1alpha1.ReasonWithinLifetime)}
			})
		}
		return nil
	}
	if _, err := s.resolve(s.service, s.vendor, token); err != nil {
		t.Fatal(err)
	}
	s.Refresh(a)
	s.Condition(a, v1alpha1.ConditionRedeemed, "True, Redeemed")
	s.Condition(a, v1alpha1.ConditionExpired, "False, WithinLifetime")
	if want := metav1.NewTime(expect.Start.Add(4 * time.Hour).Truncate(time.Second)); !a.Status.ExpirationTime.Equal(&want) {
		t.Errorf("it expires at %s, want %s as the token says", a.Status.ExpirationTime, want)
	}
}
