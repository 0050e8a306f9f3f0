// Copyright The license-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package pages

import (
	"context"
	"errors"
	"mime"
	"net/http"
	"net/url"
	"time"

	"github.com/license-operator/license-operator/api/v1alpha1"
	"github.com/license-operator/license-operator/internal/fault"
	"github.com/license-operator/license-operator/internal/licensing"
)

// formLifetime is how long after the activation page was shown its form can be
// posted.
const formLifetime = time.Hour

// formField is the form's only field.
const formField = "form"

var errNoAddress = errors.New("the Product sets no address that a browser could be sent to")

// activation is the content of the activation page.
type activation struct {
	Product, Customer string
	// Host is the name for people of where the browser is sent.
	Host string
	// Form proves that the page was shown.
	Form string
}

// activate shows the activation page, or hands out a key. Unlike the key's use
// (DevPay contract), its being handed out depends on the state of the
// subscription: nobody should be sent on to what will refuse them.
func (s *Service) activate(ctx context.Context, r Request, who *customer) (*Answer, error) {
	target, err := address(who.product.Spec.Activation.RedirectURL)
	if err != nil {
		return nil, fault.Wrap(err, fault.PageNotOffered, "The vendor has no site yet to which you could be sent. Ask the vendor.")
	}
	standing := licensing.Stand(who.subscription, true, s.clock.Now())
	if !standing.Subscribed {
		return nil, fault.New(fault.NotSubscribed, "%s", notSubscribed(standing.Reason))
	}
	if r.Method == http.MethodPost {
		return s.handOut(ctx, r, who, target)
	}
	claims, err := s.claims(who, formLifetime)
	if err != nil {
		return nil, err
	}
	form, err := s.keys.Get().Sealing.SealActivationForm(claims.IssueTime, claims)
	if err != nil {
		return nil, err
	}
	return &Answer{template: "activate.html", forms: []string{"'self'", source(target), anyHTTPS}, sandbox: noSandbox, content: activation{
		Product: who.productName(), Customer: who.customerName(s.store.Names), Host: target.Host, Form: form,
	}}, nil
}

// handOut makes an activation key and sends the browser to the vendor with it.
// The same form gives the same key, however often it is posted.
func (s *Service) handOut(ctx context.Context, r Request, who *customer, target *url.URL) (*Answer, error) {
	form, err := s.checkForm(r, who)
	if err != nil {
		return nil, err
	}
	if !s.handedOut.Allow(who.subscription.Namespace + "/" + who.subscription.Name) {
		return nil, fault.New(fault.Throttled, "Too many keys have been handed out. Wait some minutes, then try again.")
	}
	key, err := s.store.PageKey(ctx, who.product, who.subscription, form)
	switch fault.KindOf(err) {
	case fault.ActivationKeyExpired, fault.ActivationKeyInvalid:
		return nil, fault.New(fault.FormInvalid, "This form has been sent before, and its key can't be used any more. Load the page again.")
	}
	if err != nil {
		return nil, err
	}
	return &Answer{location: withKey(target, key, s.store.Names.Code(who.product))}, nil
}

// checkForm returns what was posted, if it is what the page had shown.
func (s *Service) checkForm(r Request, who *customer) (string, error) {
	// Browsers say where a form comes from. Origin is of no use beside it: our
	// own policy on referrers makes it null.
	switch r.Header.Get("Sec-Fetch-Site") {
	case "", "same-origin", "none":
	default:
		return "", fault.New(fault.CrossSite, "Another site has sent this form. Open the link yourself.")
	}
	invalid := fault.New(fault.FormInvalid, "The form did not arrive as the page had shown it. Load the page again.")
	if kind, _, err := mime.ParseMediaType(r.Header.Get("Content-Type")); err != nil || kind != "application/x-www-form-urlencoded" {
		return "", invalid
	}
	fields, err := url.ParseQuery(string(r.Body))
	if err != nil || len(fields) != 1 || len(fields[formField]) != 1 {
		return "", invalid
	}
	form := fields.Get(formField)
	claims, err := s.keys.Get().Sealing.OpenActivationForm(form)
	if err != nil || claims.Namespace != who.subscription.Namespace || claims.Subscription != who.subscription.Name ||
		claims.Party != s.store.Names.Party(who.product, who.subscription) {
		return "", invalid
	}
	if claims.Expired(s.clock.Now()) {
		return "", fault.New(fault.FormInvalid, "The page was open for too long. Load it again.")
	}
	return form, nil
}

// withKey adds a key and a product code to a URL's own query (Amazon DevPay
// Developer Guide, "Activating a product").
func withKey(target *url.URL, key, code string) string {
	u := *target
	if u.RawQuery != "" {
		u.RawQuery += "&"
	}
	u.RawQuery += "ActivationKey=" + url.QueryEscape(key) + "&ProductCode=" + url.QueryEscape(code)
	return u.String()
}

// notSubscribed tells a customer why nothing can be activated.
func notSubscribed(reason string) string {
	switch reason {
	case v1alpha1.ReasonPaymentPending:
		return "The vendor has not confirmed your subscription yet. Try again later, or ask the vendor."
	case v1alpha1.ReasonNotStarted:
		return "Your subscription has not begun yet. Come back when it has, or ask the vendor."
	case v1alpha1.ReasonSuspended:
		return "Your subscription is suspended. Ask the vendor."
	default:
		return "Your subscription has ended. Ask the vendor."
	}
}
