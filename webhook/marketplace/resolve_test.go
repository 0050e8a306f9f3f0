// Copyright The license-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package marketplace_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/rand"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/license-operator/license-operator/api/v1alpha1"
	"github.com/license-operator/license-operator/internal/fault"
	"github.com/license-operator/license-operator/internal/secrets"
	"github.com/license-operator/license-operator/internal/store"
	"github.com/license-operator/license-operator/test/builder"
	"github.com/license-operator/license-operator/test/expect"
	"github.com/license-operator/license-operator/webhook/auth"
	"github.com/license-operator/license-operator/webhook/awsjson"
	"github.com/license-operator/license-operator/webhook/marketplace"
)

// forms are the two forms of registration tokens.
var forms = map[string]func(s *scene) (*v1alpha1.Activation, string){
	"a token of an Activation":         func(s *scene) (*v1alpha1.Activation, string) { return s.issued("initech-1") },
	"a token of the registration page": func(s *scene) (*v1alpha1.Activation, string) { return s.shown(1) },
}

func forEachForm(t *testing.T, with func(*builder.ProductBuilder), test func(t *testing.T, s *scene, a *v1alpha1.Activation, token string)) {
	t.Helper()
	for name, form := range forms {
		t.Run(name, func(t *testing.T) {
			s := newScene(t, with)
			a, token := form(s)
			test(t, s, a, token)
		})
	}
}

func nothing(*builder.ProductBuilder) {}

func TestATokenIsResolved(t *testing.T) {
	forEachForm(t, nothing, func(t *testing.T, s *scene, a *v1alpha1.Activation, token string) {
		want := &awsjson.ResolveCustomerResult{CustomerIdentifier: customer, ProductCode: code, CustomerAWSAccountID: theirs, LicenseARN: s.arn()}
		for name, replica := range map[string]*marketplace.Service{"one replica": s.service, "one whose cache is empty": s.lagging} {
			for range 2 {
				got, err := s.resolve(replica, s.vendor, token)
				if diff := cmp.Diff(want, got); err != nil || diff != "" {
					t.Errorf("%s: %v, another answer (-want +got):\n%s", name, err, diff)
				}
			}
		}
		s.Refresh(a)
		s.Condition(a, v1alpha1.ConditionRedeemed, "True, Redeemed")
		first := metav1.NewTime(s.Clock.Now().Truncate(time.Second))
		if !a.Status.FirstRedemptionTime.Equal(&first) || !a.Status.LastRedemptionTime.Equal(&first) {
			t.Errorf("resolved first at %s and last at %s, want %s", a.Status.FirstRedemptionTime, a.Status.LastRedemptionTime, first)
		}

		version := a.ResourceVersion
		s.Step(59 * time.Second)
		if _, err := s.resolve(s.service, s.vendor, token); err != nil {
			t.Error(err)
		}
		if s.Refresh(a); a.ResourceVersion != version {
			t.Error("within a minute it was written again")
		}
		s.Step(time.Minute)
		if _, err := s.resolve(s.lagging, s.vendor, token); err != nil {
			t.Error(err)
		}
		s.Refresh(a)
		last := metav1.NewTime(s.Clock.Now().Truncate(time.Second))
		if !a.Status.FirstRedemptionTime.Equal(&first) || !a.Status.LastRedemptionTime.Equal(&last) {
			t.Errorf("resolved first at %s and last at %s, want %s and %s", a.Status.FirstRedemptionTime, a.Status.LastRedemptionTime, first, last)
		}

		s.Step(4*time.Hour - 2*time.Minute)
		if _, err := s.resolve(s.service, s.vendor, token); err != nil {
			t.Errorf("in its last minute: %v", err)
		}
		s.Step(time.Minute)
		for _, replica := range []*marketplace.Service{s.service, s.lagging} {
			_, err := s.resolve(replica, s.vendor, token)
			s.refused(err, fault.RegistrationTokenExpired, "has expired")
		}
	})
}

func TestATokenOfThePageGetsAnActivationWhenItIsResolved(t *testing.T) {
	s := newScene(t)
	a, token := s.shown(1)
	err := s.Admin.Get(t.Context(), client.ObjectKeyFromObject(a), a)
	if !apierrors.IsNotFound(err) {
		t.Fatalf("before: %v", err)
	}
	s.Step(time.Minute)
	if _, err := s.resolve(s.service, s.vendor, token); err != nil {
		t.Fatal(err)
	}
	s.Refresh(a)
	hash := s.Names.Identity.HashRegistrationToken(token)
	want := v1alpha1.ActivationSpec{SubscriptionRef: v1alpha1.LocalReference{Name: "initech"}, Type: v1alpha1.ActivationTypeRegistration,
		LifetimeSeconds: new(int32(14400)), SecretPolicy: v1alpha1.SecretPolicyNone, KeyHash: hash, State: v1alpha1.ActivationActive}
	if diff := cmp.Diff(want, a.Spec); diff != "" {
		t.Errorf("another spec (-want +got):\n%s", diff)
	}
	if got := a.Labels[v1alpha1.LabelPage]; got != v1alpha1.PageRegistration {
		t.Errorf("its label is %q", got)
	}
	s.Condition(a, v1alpha1.ConditionIssued, "True, Issued")
	issued := metav1.NewTime(expect.Start.Truncate(time.Second))
	expires := metav1.NewTime(issued.Add(4 * time.Hour))
	if a.Status.KeyHash != hash || !a.Status.IssueTime.Equal(&issued) || !a.Status.ExpirationTime.Equal(&expires) {
		t.Errorf("its status is %+v", a.Status)
	}
}

func TestWhatATokenIsAnsweredWith(t *testing.T) {
	const anothers = "444455556666"
	newScene(t).Create(builder.Namespace("anothers-" + rand.String(8)).WithAccountID(anothers).Build())
	time.Sleep(time.Second) // The older Namespace has the account; times of creation are to the second.
	for name, test := range map[string]struct {
		product func(*builder.ProductBuilder)
		change  func(s *scene)
		want    func(s *scene, out *awsjson.ResolveCustomerResult)
	}{
		"a customer without an account": {change: func(s *scene) {
			expect.Edit(s.Stage, s.sub, func(sub *v1alpha1.Subscription) { sub.Spec.Customer.AccountID = "" })
		}, want: func(_ *scene, out *awsjson.ResolveCustomerResult) { out.CustomerAWSAccountID = "" }},
		"a Product that omits identifiers": {product: func(p *builder.ProductBuilder) {
			p.With(func(p *v1alpha1.Product) { p.Spec.Registration.CustomerIdentifier = v1alpha1.IdentifierOmitted })
		}, want: func(_ *scene, out *awsjson.ResolveCustomerResult) { out.CustomerIdentifier = "" }},
		"a customer whose identifier is derived": {change: func(s *scene) {
			s.Delete(s.sub)
			s.sub = builder.Subscription("initech", "render-farm").WithAccountID(theirs).Build()
			s.Create(s.sub)
		}, want: func(s *scene, out *awsjson.ResolveCustomerResult) { out.CustomerIdentifier = s.Names.Customer(s.sub) }},
		"a vendor whose account is another's": {change: func(s *scene) {
			ns := builder.Namespace(s.Namespace).Build()
			s.Refresh(ns)
			ns.Annotations = map[string]string{v1alpha1.AnnotationAccountID: anothers}
			if err := s.Admin.Update(s.Context(), ns); err != nil {
				s.Fatal(err)
			}
			if account, err := s.service.Store.Account(s.Context(), s.Namespace); err == nil {
				s.Fatalf("the account %s is its own", account)
			}
		}, want: func(_ *scene, out *awsjson.ResolveCustomerResult) { out.LicenseARN = "" }},
		"a Subscription that is pending":   {change: state(v1alpha1.SubscriptionPending)},
		"a Subscription that is suspended": {change: state(v1alpha1.SubscriptionSuspended)},
		"a Subscription that is cancelled": {change: state(v1alpha1.SubscriptionCancelled)},
		"a Subscription that is over": {change: func(s *scene) {
			expect.Edit(s.Stage, s.sub, func(sub *v1alpha1.Subscription) { sub.Spec.EndTime = &metav1.Time{Time: expect.Start.Add(-time.Hour)} })
		}},
		"a Subscription that has not begun": {change: func(s *scene) {
			expect.Edit(s.Stage, s.sub, func(sub *v1alpha1.Subscription) { sub.Spec.StartTime = &metav1.Time{Time: expect.Start.Add(time.Hour)} })
		}},
	} {
		t.Run(name, func(t *testing.T) {
			product := test.product
			if product == nil {
				product = nothing
			}
			s := newScene(t, product)
			want := &awsjson.ResolveCustomerResult{CustomerIdentifier: customer, ProductCode: code, CustomerAWSAccountID: theirs, LicenseARN: s.arn()}
			if test.change != nil {
				test.change(s)
			}
			if test.want != nil {
				test.want(s, want)
			}
			for _, form := range forms {
				_, token := form(s)
				got, err := s.resolve(s.service, s.vendor, token)
				if diff := cmp.Diff(want, got); err != nil || diff != "" {
					t.Errorf("%v, another answer (-want +got):\n%s", err, diff)
				}
			}
		})
	}
}

func state(to v1alpha1.SubscriptionState) func(s *scene) {
	return func(s *scene) {
		expect.Edit(s.Stage, s.sub, func(sub *v1alpha1.Subscription) { sub.Spec.State = to })
	}
}

func TestATokenThatIsNone(t *testing.T) {
	s := newScene(t)
	_, issued := s.issued("initech-1")
	_, shown := s.shown(1)
	// A key for programs, whose hash is known, is no registration token.
	key := builder.Activation("key", "initech").Build()
	s.Create(key)
	text, err := s.Names.ActivationKey(key)
	if err != nil {
		t.Fatal(err)
	}
	product, err := s.Keys.Get().Sealing.SealProductToken(s.Clock.Now(), secrets.ProductToken{Namespace: s.Namespace, Code: code})
	if err != nil {
		t.Fatal(err)
	}
	elsewhere := expect.NewKeys(t, 9)
	forged, err := elsewhere.Get().Sealing.SealRegistrationToken(s.Clock.Now(), secrets.RegistrationClaims{Namespace: s.Namespace, Subscription: "initech", Party: s.Names.Party(s.product, s.sub),
		IssueTime: s.Clock.Now(), Expiration: s.Clock.Now().Add(time.Hour), Nonce: [16]byte{1}})
	if err != nil {
		t.Fatal(err)
	}
	other, err := elsewhere.Get().Identity.NewRegistrationToken(elsewhere.Get().Identity.ActivationRandom(s.Namespace, "a", "u"))
	if err != nil {
		t.Fatal(err)
	}
	tokens := map[string]string{
		"empty": "", "a blank": " ", "some text": "canary-canary-canary-canary",
		"an activation key": text, "a product token": product,
		"another operator's": forged, "another operator's, of an Activation": other,
	}
	for name, token := range map[string]string{"of an Activation": issued, "of the page": shown} {
		tokens[name+", that lost its end"] = token[:len(token)-2]
		tokens[name+", with a blank for a plus"] = string([]byte(token[:2])) + " " + token[3:]
		tokens[name+", decoded once too much"] = replace(token, '+', ' ')
		tokens[name+", with more behind it"] = token + "="
		tokens[name+", with a line break"] = token + "\n"
		tokens[name+", changed"] = token[:30] + flip(token[30]) + token[31:]
	}
	s.live.reads = 0
	for name, token := range tokens {
		t.Run(name, func(t *testing.T) {
			for _, replica := range []*marketplace.Service{s.service, s.lagging} {
				_, err := s.resolve(replica, s.vendor, token)
				s.refused(err, fault.RegistrationTokenInvalid, "registration token is invalid")
			}
		})
	}
	if s.live.reads != 0 {
		t.Errorf("what strangers made up caused %d look-ups", s.live.reads)
	}
}

func replace(s string, old, with byte) string {
	b := []byte(s)
	for i := range b {
		if b[i] == old {
			b[i] = with
		}
	}
	return string(b)
}

func flip(c byte) string {
	if c == 'A' {
		return "B"
	}
	return "A"
}

func TestATokenThatCanNotBeResolved(t *testing.T) {
	for name, test := range map[string]struct {
		change func(s *scene, a *v1alpha1.Activation, token string)
		kind   fault.Kind
		says   string
	}{
		"its Subscription is gone": {func(s *scene, _ *v1alpha1.Activation, _ string) { s.Delete(s.sub) }, fault.RegistrationTokenInvalid, "is invalid"},
		"its Product is gone":      {func(s *scene, _ *v1alpha1.Activation, _ string) { s.Delete(s.product) }, fault.RegistrationTokenInvalid, "is invalid"},
		"its Product has the code of another": {func(s *scene, _ *v1alpha1.Activation, _ string) {
			expect.EditStatus(s.Stage, s.product, func(p *v1alpha1.Product) {
				p.Status.Conditions = []metav1.Condition{builder.Condition(v1alpha1.ConditionReady, metav1.ConditionFalse, v1alpha1.ReasonDuplicateCode)}
			})
		}, fault.RegistrationTokenInvalid, "the code of an older one"},
		"it is revoked": {func(s *scene, a *v1alpha1.Activation, token string) {
			if _, err := s.resolve(s.service, s.vendor, token); err != nil {
				s.Fatal(err)
			}
			expect.Edit(s.Stage, a, func(a *v1alpha1.Activation) { a.Spec.State = v1alpha1.ActivationRevoked })
		}, fault.RegistrationTokenInvalid, "it has been revoked"},
	} {
		t.Run(name, func(t *testing.T) {
			forEachForm(t, nothing, func(_ *testing.T, s *scene, a *v1alpha1.Activation, token string) {
				test.change(s, a, token)
				for _, replica := range []*marketplace.Service{s.service, s.lagging} {
					_, err := s.resolve(replica, s.vendor, token)
					s.refused(err, test.kind, test.says)
				}
			})
		})
	}
}

func TestWhatCanNotBeResolvedLeavesNothing(t *testing.T) {
	s := newScene(t)
	now := s.Clock.Now()
	expired, old := s.sealed(secrets.RegistrationClaims{Namespace: s.Namespace, Subscription: "initech", IssueTime: now.Add(-time.Hour), Expiration: now, Nonce: [16]byte{1}})
	gone, nobodys := s.sealed(secrets.RegistrationClaims{Namespace: s.Namespace, Subscription: "umbrella", IssueTime: now, Expiration: now.Add(time.Hour), Nonce: [16]byte{1}})
	for token, kind := range map[string]fault.Kind{old: fault.RegistrationTokenExpired, nobodys: fault.RegistrationTokenInvalid} {
		_, err := s.resolve(s.service, s.vendor, token)
		s.refused(err, kind, "")
	}
	other := *s.vendor
	other.Namespace = "elsewhere"
	foreign, token := s.shown(7)
	_, err := s.resolve(s.service, &other, token)
	s.refused(err, fault.RegistrationTokenInvalid, "is invalid")
	for _, a := range []*v1alpha1.Activation{expired, gone, foreign} {
		if err := s.Admin.Get(t.Context(), client.ObjectKeyFromObject(a), a); !apierrors.IsNotFound(err) {
			t.Errorf("%s: %v", a.Name, err)
		}
	}
}

func TestATokenOfThePageIsForOneCustomerOfOneProduct(t *testing.T) {
	for name, recreate := range map[string]func(s *scene) []client.Object{
		"another customer": func(*scene) []client.Object {
			return []client.Object{builder.Subscription("initech", "render-farm").WithCustomer("cust-43").Build()}
		},
		"another product": func(*scene) []client.Object {
			return []client.Object{builder.Product("viewer").Build(), builder.Subscription("initech", "viewer").WithCustomer(customer).Build()}
		},
		"the product with another code": func(s *scene) []client.Object {
			s.Delete(s.product)
			return []client.Object{builder.Product("render-farm").WithCode("99999999").Build(), builder.Subscription("initech", "render-farm").WithCustomer(customer).Build()}
		},
	} {
		t.Run(name, func(t *testing.T) {
			s := newScene(t)
			a, token := s.shown(1)
			s.Delete(s.sub)
			s.Create(recreate(s)...)
			for _, replica := range []*marketplace.Service{s.service, s.lagging} {
				_, err := s.resolve(replica, s.vendor, token)
				s.refused(err, fault.RegistrationTokenInvalid, "registration token is invalid")
			}
			if err := s.Admin.Get(t.Context(), client.ObjectKeyFromObject(a), a); !apierrors.IsNotFound(err) {
				t.Errorf("it has left an Activation: %v", err)
			}
		})
	}
	s := newScene(t)
	_, token := s.shown(1)
	s.Delete(s.sub)
	s.sub = builder.Subscription("initech", "render-farm").WithCustomer(customer).Build()
	s.Create(s.sub)
	if out, err := s.resolve(s.service, s.vendor, token); err != nil || out.CustomerIdentifier != customer {
		t.Errorf("after a restore it is %v, %v", out, err)
	}
}

func TestTokensOfThePageThatMakeObjectsAreBounded(t *testing.T) {
	s := newScene(t)
	_, known := s.shown(1)
	if _, err := s.resolve(s.service, s.vendor, known); err != nil {
		t.Fatal(err)
	}
	for n := range store.MaxPageTokens - 1 {
		a := builder.Activation(fmt.Sprintf("registration-%d", n), "initech").WithKeyHash(fmt.Sprintf("%064d", n)).MadeByPage(v1alpha1.PageRegistration).Build()
		s.Create(a)
		expect.EditStatus(s.Stage, a, func(a *v1alpha1.Activation) {
			a.Status.FirstRedemptionTime = &metav1.Time{Time: s.Clock.Now()}
			a.Status.ExpirationTime = &metav1.Time{Time: s.Clock.Now().Add(4 * time.Hour)}
		})
	}
	_, next := s.shown(2)
	_, err := s.resolve(s.service, s.vendor, next)
	s.refused(err, fault.Throttled, "200 tokens of the registration page have been resolved for this Subscription within 24 hours")
	if _, err := s.resolve(s.service, s.vendor, known); err != nil {
		t.Errorf("one that was resolved before: %v", err)
	}
	_, own := s.issued("initech-1")
	if _, err := s.resolve(s.service, s.vendor, own); err != nil {
		t.Errorf("one of an Activation: %v", err)
	}
	s.Step(24 * time.Hour)
	_, later := s.shown(3)
	if _, err := s.resolve(s.service, s.vendor, later); err != nil {
		t.Errorf("a day later: %v", err)
	}
}

func TestWhoMayResolve(t *testing.T) {
	const mayResolve = "update activations/status"
	for name, test := range map[string]struct {
		who  func(s *scene) *auth.Principal
		fail error
		kind fault.Kind // "" for resolved
		says string
	}{
		"the vendor":                      {who: func(s *scene) *auth.Principal { return s.vendor }},
		"another vendor":                  {who: func(s *scene) *auth.Principal { v := *s.vendor; v.Namespace = "elsewhere"; return &v }, kind: fault.RegistrationTokenInvalid, says: "is invalid"},
		"the customer":                    {who: (*scene).customer, kind: fault.AccessDenied, says: "may not call ResolveCustomer"},
		"a ServiceAccount with the right": {who: func(s *scene) *auth.Principal { return s.pod(mayResolve) }},
		"a ServiceAccount without":        {who: func(s *scene) *auth.Principal { return s.pod() }, kind: fault.RegistrationTokenInvalid, says: "registration token is invalid"},
		"a ServiceAccount with others": {who: func(s *scene) *auth.Principal {
			return s.pod("update activations", "list subscriptions", "get activations/status")
		}, kind: fault.RegistrationTokenInvalid, says: "registration token is invalid"},
		"a ServiceAccount with it elsewhere":  {who: func(s *scene) *auth.Principal { s.rbac.allowed[mayResolve+" elsewhere"] = true; return s.pod() }, kind: fault.RegistrationTokenInvalid, says: "registration token is invalid"},
		"a ServiceAccount nobody knows about": {who: func(s *scene) *auth.Principal { return s.pod(mayResolve) }, fail: fault.New(fault.Unavailable, "Try again later."), kind: fault.Unavailable, says: "Try again"},
	} {
		t.Run(name, func(t *testing.T) {
			forEachForm(t, nothing, func(t *testing.T, s *scene, a *v1alpha1.Activation, token string) {
				who := test.who(s)
				s.rbac.failure = test.fail
				out, err := s.resolve(s.service, who, token)
				if test.kind == "" {
					if err != nil || out.CustomerIdentifier != customer {
						t.Errorf("resolved as %v, %v", out, err)
					}
					return
				}
				s.refused(err, test.kind, test.says)
				if err := s.Admin.Get(t.Context(), client.ObjectKeyFromObject(a), a); err == nil && a.Status.FirstRedemptionTime != nil {
					t.Error("what was refused is on record")
				}
			})
		})
	}
}
