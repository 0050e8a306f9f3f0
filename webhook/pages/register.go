// Copyright The license-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package pages

import (
	"context"
	"net/url"
	"time"

	"github.com/license-operator/license-operator/api/v1alpha1"
	"github.com/license-operator/license-operator/internal/fault"
	"github.com/license-operator/license-operator/internal/licensing"
	"github.com/license-operator/license-operator/internal/secrets"
)

// registration is the content of the registration page.
type registration struct {
	Product, Customer string
	// Action is where the form is posted, Host its name for people.
	Action, Host string
	Token        string
	FreeTrial    bool
}

// register shows the registration page. It puts a fresh token into the form each
// time and stores nothing: a page that is only looked at leaves no trace. A
// token resolves whatever the state of the subscription, and so the page is
// shown whatever that is.
func (s *Service) register(_ context.Context, _ Request, who *customer) (*Answer, error) {
	target, err := address(who.product.Spec.Registration.FulfillmentURL)
	if err != nil {
		return nil, fault.Wrap(err, fault.PageNotOffered, "The vendor has no site yet to which you could be sent. Ask the vendor.")
	}
	lifetime := licensing.ActivationLifetime(who.product, &v1alpha1.Activation{
		Spec: v1alpha1.ActivationSpec{Type: v1alpha1.ActivationTypeRegistration}})
	claims, err := s.claims(who, lifetime)
	if err != nil {
		return nil, err
	}
	token, err := s.keys.Get().Sealing.SealRegistrationToken(claims.IssueTime, claims)
	if err != nil {
		return nil, err
	}
	return &Answer{template: "register.html", forms: []string{source(target), anyHTTPS}, sandbox: formSandbox, content: registration{
		Product: who.productName(), Customer: who.customerName(s.store.Names),
		Action: target.String(), Host: target.Host, Token: token,
		FreeTrial: who.subscription.Spec.OfferType == v1alpha1.OfferFreeTrial,
	}}, nil
}

// claims are what a page's token says, for so long from now.
func (s *Service) claims(who *customer, lifetime time.Duration) (secrets.RegistrationClaims, error) {
	nonce, err := secrets.NewRegistrationNonce(s.rand)
	now := s.clock.Now()
	return secrets.RegistrationClaims{
		Namespace: who.subscription.Namespace, Subscription: who.subscription.Name, Party: s.store.Names.Party(who.product, who.subscription),
		IssueTime: now, Expiration: now.Add(lifetime), Nonce: nonce,
	}, err
}

// address reads a URL that a Product sets.
func address(text string) (*url.URL, error) {
	if text == "" {
		return nil, errNoAddress
	}
	u, err := url.Parse(text)
	if err != nil || u.Hostname() == "" || (u.Scheme != "https" && u.Scheme != "http") {
		return nil, errNoAddress // The URL may hold what is the vendor's secret.
	}
	return u, nil
}
