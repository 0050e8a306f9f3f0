// Copyright The license-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package subscription

import (
	"encoding/json"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"

	"github.com/license-operator/license-operator/api/v1alpha1"
	"github.com/license-operator/license-operator/controllers/kit"
	"github.com/license-operator/license-operator/internal/secrets"
	"github.com/license-operator/license-operator/test/builder"
	"github.com/license-operator/license-operator/test/expect"
)

const (
	linksSecret  = "initech-links"
	pagesURL     = "https://licences.example.com/base"
	linkLifetime = 10 * time.Hour
)

// linkedStage has a controller that makes links, and the Product shop with both
// URLs.
func linkedStage(t *testing.T) (*expect.Stage, *Controller) {
	t.Helper()
	s, c := stage(t)
	c.Links = NewLinks(pagesURL, linkLifetime, s.Keys)
	s.Create(builder.Product("shop").With(func(p *v1alpha1.Product) {
		p.Spec.Registration.FulfillmentURL = "https://shop.example.com/register"
		p.Spec.Activation.RedirectURL = "https://shop.example.com/activate"
	}).Build())
	return s, c
}

// links opens the links in the Secret, and checks that they are nowhere else.
func links(s *expect.Stage, sub *v1alpha1.Subscription, texts ...string) map[string]secrets.Link {
	s.Helper()
	if ref := sub.Status.LinksSecretRef; ref == nil || ref.Name != linksSecret {
		s.Fatalf("the status refers to the Secret %v", ref)
	}
	secret := s.Secret(linksSecret)
	if secret == nil || secret.Type != corev1.SecretType("license-operator.dev/credentials") {
		s.Fatalf("the Secret is %v", secret)
	}
	s.Refresh(sub)
	whole, err := json.Marshal(sub)
	if err != nil {
		s.Fatal(err)
	}
	found := map[string]secrets.Link{}
	for key, url := range secret.Data {
		to := linkPaths[key]
		text, ok := strings.CutPrefix(string(url), pagesURL+to.path)
		link, err := s.Keys.Get().Sealing.OpenLink(to.purpose, text)
		if !ok || err != nil {
			s.Fatalf("%s is %s: %v", key, url, err)
		}
		for _, text := range append(texts, string(whole)) {
			if strings.Contains(text, strings.TrimPrefix(string(url), pagesURL+to.path)) {
				s.Errorf("the link is in %s", text)
			}
		}
		found[key] = link
	}
	return found
}

func TestTheLinksAreThoseOfThePagesThatTheProductHas(t *testing.T) {
	const registration, activation = v1alpha1.SecretKeyRegistrationURL, v1alpha1.SecretKeyActivationURL
	for name, test := range map[string]struct {
		product func(*v1alpha1.Product)
		want    []string
	}{
		"both":             {nil, []string{activation, registration}},
		"registration":     {func(p *v1alpha1.Product) { p.Spec.Activation.RedirectURL = "" }, []string{registration}},
		"activation":       {func(p *v1alpha1.Product) { p.Spec.Registration.FulfillmentURL = "" }, []string{activation}},
		"none at any time": {func(p *v1alpha1.Product) { p.Spec.Registration.FulfillmentURL, p.Spec.Activation.RedirectURL = "", "" }, nil},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s, c := linkedStage(t)
			product := builder.Product("shop").InNamespace(s.Namespace).Build()
			s.Refresh(product)
			if test.product != nil {
				expect.Edit(s, product, test.product)
			}
			sub := builder.Subscription("initech", "shop").Build()
			s.Create(sub)
			result := expect.Reconcile(s, c, sub)
			events := s.Events("Normal Active")
			if test.want == nil {
				s.After(result, 0)
				if sub.Status.LinksSecretRef != nil || sub.Status.LinksExpirationTime != nil || s.Secret(linksSecret) != nil {
					t.Errorf("there are links: %+v", sub.Status)
				}
				return
			}
			s.After(result, kit.ReapplyInterval)
			expires := expect.Start.Add(linkLifetime).Truncate(time.Second)
			want := map[string]secrets.Link{}
			for _, key := range test.want {
				want[key] = secrets.Link{Namespace: s.Namespace, Subscription: "initech", Party: s.Names.Party(product, sub), ExpirationTime: expires}
			}
			if diff := cmp.Diff(want, links(s, sub, events...)); diff != "" {
				t.Errorf("links (-want +got):\n%s", diff)
			}
			if !sub.Status.LinksExpirationTime.Time.Equal(expires) {
				t.Errorf("they expire at %s, want %s", sub.Status.LinksExpirationTime, expires)
			}
			expect.Truth(s, c, sub)
		})
	}
}

func TestLinksAreRenewedAtHalfTheirLifetime(t *testing.T) {
	t.Parallel()
	s, c := linkedStage(t)
	sub := subscribed(s, c, builder.Subscription("initech", "shop"))
	first := s.Secret(linksSecret)
	s.Step(linkLifetime/2 - 10*time.Minute)
	s.AtTime(expect.Reconcile(s, c, sub), sub.Status.LinksExpirationTime.Add(-linkLifetime/2))
	if now := s.Secret(linksSecret); now.ResourceVersion != first.ResourceVersion {
		t.Error("they are renewed too early")
	}
	s.Step(10 * time.Minute)
	expect.Reconcile(s, c, sub)
	renewed := links(s, sub)[v1alpha1.SecretKeyActivationURL]
	if want := s.Clock.Now().Add(linkLifetime).Truncate(time.Second); !renewed.ExpirationTime.Equal(want) || !sub.Status.LinksExpirationTime.Time.Equal(want) {
		t.Errorf("they expire at %s, the status says %s, want %s", renewed.ExpirationTime, sub.Status.LinksExpirationTime, want)
	}
	// What was handed out before is good for as long as it said.
	old := strings.TrimPrefix(string(first.Data[v1alpha1.SecretKeyActivationURL]), pagesURL+"/activate/")
	if link, err := s.Keys.Get().Sealing.OpenLink(secrets.ActivationLink, old); err != nil || link.Expired(s.Clock.Now()) {
		t.Errorf("the old link is no longer good: %v", err)
	}
	// Links may live less long from now on.
	c.Links = NewLinks(pagesURL, time.Hour, s.Keys)
	expect.Reconcile(s, c, sub)
	if want := s.Clock.Now().Add(time.Hour).Truncate(time.Second); !sub.Status.LinksExpirationTime.Time.Equal(want) {
		t.Errorf("with a shorter lifetime they expire at %s, want %s", sub.Status.LinksExpirationTime, want)
	}
	expect.Truth(s, c, sub)
}

func TestTheSecretIsWrittenWhenItHasToBe(t *testing.T) {
	t.Parallel()
	s, c := linkedStage(t)
	writes := 0
	c.Client = expect.Disturbed(s.Operator, expect.Faults{Apply: func(do func() error) error { writes++; return do() }})
	sub := subscribed(s, c, builder.Subscription("initech", "shop"))
	step := func(what string, want int) {
		t.Helper()
		expect.Reconcile(s, c, sub)
		if writes != want {
			t.Errorf("%s: written %d times, want %d", what, writes, want)
		}
	}
	step("looked at again", 1)
	s.Step(kit.ReapplyInterval - time.Second)
	step("looked at again within an hour", 1)
	s.Delete(s.Secret(linksSecret))
	s.Step(time.Second)
	step("after an hour", 2)
	before := links(s, sub)
	// A new leader remembers nothing, and makes the same.
	c.Links = NewLinks(pagesURL, linkLifetime, s.Keys)
	version := s.Secret(linksSecret).ResourceVersion
	step("another leader", 3)
	if s.Secret(linksSecret).ResourceVersion != version || cmp.Diff(before, links(s, sub)) != "" {
		t.Error("another leader makes other links")
	}
	product := builder.Product("shop").InNamespace(s.Namespace).Build()
	expect.Edit(s, product, func(p *v1alpha1.Product) { p.Spec.Registration.FulfillmentURL = "" })
	step("without a registration page", 4)
	if found := links(s, sub); len(found) != 1 {
		t.Errorf("the links are %v", found)
	}
	expect.Edit(s, product, func(p *v1alpha1.Product) { p.Spec.Activation.RedirectURL = "" })
	step("without any page", 5)
	if sub.Status.LinksSecretRef != nil || sub.Status.LinksExpirationTime != nil || len(s.Secret(linksSecret).Data) != 0 {
		t.Errorf("there are links still: %v", s.Secret(linksSecret).Data)
	}
	step("without any page, again", 5)
	expect.Truth(s, c, sub)
}

func TestLinksThatCannotBeWrittenAreTold(t *testing.T) {
	t.Parallel()
	s, c := linkedStage(t)
	foreign := s.ForeignSecret(linksSecret, v1alpha1.SecretKeyRegistrationURL)
	sub := builder.Subscription("initech", "shop").Build()
	s.Create(sub)
	s.After(expect.Reconcile(s, c, sub), kit.SecretConflictPause)
	s.Condition(sub, v1alpha1.ConditionReady, "False, SecretConflict")
	s.Condition(sub, v1alpha1.ConditionSubscribed, "True, Active")
	s.Events("Warning SecretConflict", "Normal Active")
	if sub.Status.LinksSecretRef != nil {
		t.Error("the status refers to a Secret that is not the operator's")
	}
	s.Delete(foreign)

	c.Client = expect.Disturbed(s.Operator, expect.Faults{Apply: func(func() error) error { return errLost }})
	if _, err := expect.TryReconcile(s, c, sub); !errors.Is(err, errLost) {
		t.Errorf("the error is %v", err)
	}
	s.Condition(sub, v1alpha1.ConditionReady, "False, SecretNotWritten")
	s.Events("Warning SecretNotWritten")
	c.Client = s.Operator
	expect.Reconcile(s, c, sub)
	s.Condition(sub, v1alpha1.ConditionReady, "True, Ready")
	links(s, sub)
	expect.Truth(s, c, sub)
}

var errLost = errors.New("no connection")

func TestLinksStayWhileTheProductIsAway(t *testing.T) {
	t.Parallel()
	s, c := linkedStage(t)
	sub := subscribed(s, c, builder.Subscription("initech", "shop"))
	product := builder.Product("shop").InNamespace(s.Namespace).Build()
	s.Delete(product)
	expect.Reconcile(s, c, sub)
	s.Events("Warning ProductNotFound")
	if found := links(s, sub); len(found) != 2 {
		t.Errorf("the links are %v", found)
	}
}

func TestLinksAreMadeAgainForAnotherCustomerOrProduct(t *testing.T) {
	t.Parallel()
	s, c := linkedStage(t)
	product := builder.Product("shop").InNamespace(s.Namespace).Build()
	s.Refresh(product)
	sub := subscribed(s, c, builder.Subscription("initech", "shop").WithCustomer("cust-42"))
	check := func(what string, sub *v1alpha1.Subscription) {
		t.Helper()
		expect.Reconcile(s, c, sub)
		want := s.Names.Party(product, sub)
		for key, link := range links(s, sub) {
			if link.Party != want || !link.ExpirationTime.Equal(sub.Status.LinksExpirationTime.Time) {
				t.Errorf("%s: %s is %+v", what, key, link)
			}
		}
	}
	check("as it was", sub)
	// The Product is made anew; the Subscription's status stays.
	with := *product.Spec.DeepCopy()
	s.Delete(product)
	product = builder.Product("shop").WithCode("99999999").With(func(p *v1alpha1.Product) {
		p.Spec.Registration, p.Spec.Activation = with.Registration, with.Activation
	}).Build()
	s.Create(product)
	check("another code", sub)
	// The Subscription is made anew; the Secret may be there still.
	s.Delete(sub)
	sub = builder.Subscription("initech", "shop").WithCustomer("cust-43").Build()
	s.Create(sub)
	check("another customer", sub)
}
