// Copyright The license-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package browser

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/license-operator/license-operator/api/v1alpha1"
	"github.com/license-operator/license-operator/internal/secrets"
)

const (
	registrationHeading = "Set up Acme Render Farm"
	activationHeading   = "Activate Acme Render Farm"
	signedIn            = "Welcome, cust-42"
)

// token is an expression for the registration token of the page.
const token = `document.querySelector("input[name=x-amzn-marketplace-token]").value`

func activations(s *site) []v1alpha1.Activation {
	s.Helper()
	list := &v1alpha1.ActivationList{}
	if err := cluster.Client.List(s.Context(), list, client.InNamespace(s.namespace)); err != nil {
		s.Fatal(err)
	}
	return list.Items
}

func TestOneClickSignsACustomerUp(t *testing.T) {
	s, b := newSite(t, nil), open(t)
	b.visit(s.registration, registrationHeading)
	if text := b.text("dl"); !strings.Contains(text, "Acme Render Farm") || !strings.Contains(text, "Initech") {
		t.Errorf("the page tells %q", text)
	}
	if list := activations(s); len(list) != 0 {
		t.Errorf("looking at the page has made %v", list)
	}
	b.click()
	b.reads(signedIn)
	b.content()
	s.visitedOnly(`POST /register referer="" offer-type=""`, `GET / referer="" `)
	made := activations(s)
	if len(made) != 1 || made[0].Spec.Type != v1alpha1.ActivationTypeRegistration || made[0].Labels[v1alpha1.LabelPage] != v1alpha1.PageRegistration {
		t.Errorf("resolving the token has made %v", made)
	}
	// The session is the shop's: it is there when the customer comes back.
	b.visit(s.shop+"/", signedIn)
	checkLog(s)
}

// checkLog looks for links in what the operator has logged.
func checkLog(s *site) {
	s.Helper()
	text, err := os.ReadFile(operator.Log)
	if err != nil {
		s.Fatal(err)
	}
	for _, link := range []string{s.registration, s.activation} {
		if secret := link[strings.LastIndex(link, "/")+1:]; strings.Contains(string(text), secret[:40]) {
			s.Error("a link is in the operator's log")
		}
	}
	if !strings.Contains(string(text), `"action":"Register","code":"OK","status":200`) {
		s.Error("the operator's log does not tell of the page")
	}
}

func TestAFreeTrialIsToldToTheShop(t *testing.T) {
	s, b := newSite(t, func(_ *v1alpha1.Product, sub *v1alpha1.Subscription) { sub.Spec.OfferType = v1alpha1.OfferFreeTrial }), open(t)
	b.visit(s.registration, registrationHeading)
	b.click()
	b.reads(signedIn)
	b.content()
	s.visitedOnly(`POST /register referer="" offer-type="free-trial"`, `GET / `)
}

func TestTheKeyboardIsEnough(t *testing.T) {
	s, b := newSite(t, nil), open(t)
	for heading, link := range map[string]string{registrationHeading: s.registration, activationHeading: s.activation} {
		b.visit(link, heading)
		b.do(chromedp.KeyEvent(kb.Tab))
		if tag := value[string](b, "document.activeElement.tagName"); tag != "BUTTON" {
			t.Fatalf("Tab leads to %s", tag)
		}
		if width := value[string](b, "getComputedStyle(document.activeElement).outlineWidth"); width != "3px" {
			t.Errorf("the focus is shown by an outline of %s", width)
		}
		b.do(chromedp.KeyEvent(kb.Enter))
		b.reads(map[string]string{registrationHeading: signedIn, activationHeading: "Your activation key"}[heading])
	}
	b.content()
}

func TestTheBackButtonGivesAFreshToken(t *testing.T) {
	s, b := newSite(t, func(p *v1alpha1.Product, _ *v1alpha1.Subscription) {
		p.Spec.Registration.TokenUse = v1alpha1.TokenUseOnce
		// On another host than the page, as in earnest: a cookie of the shop's
		// would keep Chromium from keeping the page.
		p.Spec.Registration.FulfillmentURL = strings.Replace(p.Spec.Registration.FulfillmentURL, "localhost", "127.0.0.1", 1)
	}), open(t)
	b.visit(s.registration, registrationHeading)
	first := value[string](b, token)
	b.click()
	b.reads(signedIn)
	b.back()
	b.reads(registrationHeading)
	if second := value[string](b, token); first == second {
		t.Error("the page still has the token that was used")
	}
	b.click()
	b.reads(signedIn)
	b.content()
	// The first one was for one use.
	b.back()
	b.reads(registrationHeading)
	value[string](b, token+" = "+quote(first))
	b.click()
	b.reads("This page is too old")
}

func TestTheShopMaySendTheBrowserOnToAnotherHost(t *testing.T) {
	elsewhere := publicURL + "/register" // An https address that the browser trusts.
	shop := httptest.NewServer(http.RedirectHandler(elsewhere, http.StatusSeeOther))
	t.Cleanup(shop.Close)
	s, b := newSite(t, func(p *v1alpha1.Product, _ *v1alpha1.Subscription) {
		p.Spec.Registration.FulfillmentURL, p.Spec.Activation.RedirectURL = shop.URL, shop.URL
	}), open(t)
	for heading, link := range map[string]string{registrationHeading: s.registration, activationHeading: s.activation} {
		b.visit(link, heading)
		b.click()
		b.reads("There is nothing behind this link")
	}
}

func TestAnActivationKeyComesWithTheBrowser(t *testing.T) {
	s, b := newSite(t, nil), open(t)
	b.visit(s.activation, activationHeading)
	b.click()
	b.reads("Your activation key")
	b.content()
	s.visitedOnly(`GET /activate referer="" product="774F4FF8"`)
	key := b.text("main p")
	made := activations(s)
	if len(made) != 1 || made[0].Status.KeyHash != (*secrets.Identity)(nil).HashActivationKey(key) || made[0].Status.SecretRef != nil {
		t.Fatalf("the key %s is not that of %+v", key, made)
	}
	if at := value[string](b, "location.search"); !strings.HasPrefix(at, "?plan=basic&ActivationKey="+key+"&") {
		t.Errorf("the shop's own query has become %s", at)
	}
	// Back, and again: the page gives the same key as long as it is the same
	// page, and another one when it is shown anew.
	b.back()
	b.reads(activationHeading)
	// chromedp finds nothing to click on a page that the browser has kept.
	value[bool](b, `document.querySelector("button").click(), true`)
	b.reads("Your activation key")
	if list := activations(s); len(list) != 1 {
		t.Errorf("the same page has given %d keys", len(list))
	}
	b.complained() // Nobody has touched that page, and so Back would leave it out.
	b.visit(s.activation, activationHeading)
	b.click()
	b.reads("Your activation key")
	if again := b.text("main p"); again == key {
		t.Error("the page that was shown anew gives the same key")
	}
	b.content()
}

func TestLinksThatLeadNowhereAreExplained(t *testing.T) {
	s, b := newSite(t, nil), open(t)
	for _, test := range []struct {
		name, url, heading string
		status             int64
	}{
		{"an expired link", s.expired(secrets.RegistrationLink, "/register/"), "This link has expired", 410},
		{"an expired link to activate", s.expired(secrets.ActivationLink, "/activate/"), "This link has expired", 410},
		{"a cut link", s.registration[:len(s.registration)-3], "There is nothing behind this link", 404},
		{"no link", publicURL + "/activate", "There is nothing behind this link", 404},
	} {
		b.visit(test.url, test.heading)
		if got := b.status(test.url); got != test.status {
			t.Errorf("%s: the status is %d, want %d", test.name, got, test.status)
		}
		if id := b.text("footer code"); len(id) != 36 {
			t.Errorf("%s: the request's id is %q", test.name, id)
		}
	}
	// Chromium logs every document with such a status, and nothing else.
	for _, complaint := range b.complained() {
		if !strings.HasPrefix(complaint, "network: Failed to load resource: the server responded with a status of") {
			t.Errorf("the browser complains: %s", complaint)
		}
	}
	s.visitedOnly()
}

// attacker is another site, on another host.
func attacker(t *testing.T, body string) string {
	t.Helper()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/html")
		fmt.Fprint(w, `<!DOCTYPE html><h1>Win a prize</h1>`+body)
	}))
	t.Cleanup(server.Close)
	return server.URL
}

func TestAnotherSiteCanNeitherPostNorFrameThePage(t *testing.T) {
	s, b := newSite(t, nil), open(t)
	b.visit(attacker(t, `<form method="post" action="`+s.activation+`"><input name="form" value="x"><button>Win</button></form>`), "Win a prize")
	b.click()
	b.reads("This form came from another site")
	if list := activations(s); len(list) != 0 {
		t.Errorf("there are Activations: %v", list)
	}
	b.complained()
	b.visit(attacker(t, `<iframe src="`+s.registration+`"></iframe>`), "Win a prize")
	b.do(chromedp.WaitReady(chromedp.CSS("iframe")))
	refused := slices.ContainsFunc(b.complained(), func(c string) bool { return strings.Contains(c, "frame-ancestors") })
	if !refused {
		t.Error("the browser frames the page")
	}
	s.visitedOnly()
}

// TestPicture takes the picture of the documentation where the environment says
// so.
func TestPicture(t *testing.T) {
	dir := os.Getenv("LICENSE_OPERATOR_PICTURES")
	if dir == "" {
		t.Skip("LICENSE_OPERATOR_PICTURES names no directory")
	}
	s, b := newSite(t, func(p *v1alpha1.Product, _ *v1alpha1.Subscription) {
		p.Spec.Registration.FulfillmentURL = "https://render.acme.example/register"
	}), open(t)
	b.do(chromedp.EmulateViewport(640, 480))
	b.visit(s.registration, registrationHeading)
	// The picture is to be the same whatever the request's id is.
	value[string](b, `document.querySelector("footer code").textContent = "7c1d5b3e-0000-4000-8000-000000000000"`)
	picture, err := chromedp.Run(b.ctx, chromedp.CaptureScreenshot())
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "registration-page.png"), picture, 0o600); err != nil {
		t.Fatal(err)
	}
}
