// Copyright The license-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package pages

import (
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/license-operator/license-operator/api/v1alpha1"
	"github.com/license-operator/license-operator/internal/fault"
	"github.com/license-operator/license-operator/internal/secrets"
	"github.com/license-operator/license-operator/internal/store"
	"github.com/license-operator/license-operator/test/builder"
	"github.com/license-operator/license-operator/test/expect"
)

// golden compares a page with a file in which {{…}} stands for what differs.
func golden(t *testing.T, name, page string, differs map[string]string) {
	t.Helper()
	want, err := os.ReadFile(filepath.Join("testdata", name))
	if err != nil {
		t.Fatal(err)
	}
	body := strings.Replace(page, style, "{{Style}}", 1)
	for mark, value := range differs {
		if strings.Count(body, quoted(value)) != 1 {
			t.Errorf("%s: %s is there %d times", name, mark, strings.Count(body, quoted(value)))
		}
		body = strings.Replace(body, quoted(value), "{{"+mark+"}}", 1)
	}
	if diff := cmp.Diff(string(want), body); diff != "" {
		t.Errorf("%s (-want +got):\n%s", name, diff)
	}
}

func TestThePagesReadAsTheyShould(t *testing.T) {
	for name, test := range map[string]struct {
		path   string
		change func(*site)
		field  string
	}{
		"register.html":       {secrets.RegisterPath, nil, tokenField},
		"register-trial.html": {secrets.RegisterPath, func(v *site) { freeTrial(v) }, tokenField},
		"activate.html":       {secrets.ActivatePath, nil, formField},
		"unnamed.html":        {secrets.ActivatePath, func(v *site) { unnamed(v) }, formField},
	} {
		t.Run(name, func(t *testing.T) {
			v := newSite(t)
			if test.change != nil {
				test.change(v)
			}
			w := v.do(http.MethodGet, v.link(test.path), nil)
			if w.Code != http.StatusOK {
				t.Fatalf("the status is %d: %s", w.Code, w.Body)
			}
			golden(t, name, w.Body.String(), map[string]string{"Token": fields(w.Body.String()).Get(test.field)})
		})
	}
	t.Run("problem.html", func(t *testing.T) {
		golden(t, "problem.html", newSite(t).do(http.MethodGet, secrets.RegisterPath+"nonsense", nil).Body.String(), nil)
	})
}

func freeTrial(v *site) {
	expect.Edit(v.Stage, v.sub, func(sub *v1alpha1.Subscription) { sub.Spec.OfferType = v1alpha1.OfferFreeTrial })
}

// unnamed takes away what people call product and customer.
func unnamed(v *site) {
	expect.Edit(v.Stage, v.product, func(p *v1alpha1.Product) { p.Spec.DisplayName = "" })
	expect.Edit(v.Stage, v.sub, func(sub *v1alpha1.Subscription) { sub.Spec.Customer.DisplayName = "" })
}

func TestNamesAreTextAndNothingElse(t *testing.T) {
	const evil = `</title><script>alert("1")</script><img src=x onerror=alert(1)>`
	v := newSite(t)
	expect.Edit(v.Stage, v.product, func(p *v1alpha1.Product) {
		p.Spec.DisplayName = evil
		p.Spec.Registration.FulfillmentURL = `https://render.acme.example/?q="><script>alert(1)</script>`
	})
	expect.Edit(v.Stage, v.sub, func(sub *v1alpha1.Subscription) { sub.Spec.Customer.DisplayName = evil })
	for _, path := range []string{secrets.RegisterPath, secrets.ActivatePath} {
		page := v.do(http.MethodGet, v.link(path), nil).Body.String()
		for _, tag := range []string{"<script", "<img", "onerror=alert(1)>"} {
			if strings.Contains(page, tag) {
				t.Errorf("%s holds %s:\n%s", path, tag, page)
			}
		}
		if !strings.Contains(page, "&lt;script&gt;") {
			t.Errorf("the name is not shown as it is:\n%s", page)
		}
	}
}

func TestEachTimeThePageIsShownItHasAFreshToken(t *testing.T) {
	v := newSite(t)
	link, seen := v.link(secrets.RegisterPath), map[string]bool{}
	for range 3 {
		page := v.do(http.MethodGet, link, nil).Body.String()
		token := fields(page).Get(tokenField)
		claims, err := v.Keys.Get().Sealing.OpenRegistrationToken(token)
		if err != nil || seen[token] {
			t.Errorf("the token %q is no fresh one: %v", token, err)
		}
		seen[token] = true
		now := v.Clock.Now()
		if claims.Namespace != v.Namespace || claims.Subscription != "initech" || !claims.IssueTime.Equal(now) || !claims.Expiration.Equal(now.Add(4*time.Hour)) {
			t.Errorf("the token says %+v", claims)
		}
	}
	// The page leaves no trace.
	if list := activations(v); len(list) != 0 {
		t.Errorf("there are Activations: %v", list)
	}
	expect.Edit(v.Stage, v.product, func(p *v1alpha1.Product) { *p.Spec.Registration.TokenLifetimeSeconds = 60 })
	claims, err := v.Keys.Get().Sealing.OpenRegistrationToken(fields(v.do(http.MethodGet, link, nil).Body.String()).Get(tokenField))
	if err != nil || claims.Expiration.Sub(claims.IssueTime) != time.Minute {
		t.Errorf("with another lifetime the token says %+v, %v", claims, err)
	}
}

func activations(v *site) []v1alpha1.Activation {
	v.Helper()
	list := &v1alpha1.ActivationList{}
	v.List(list)
	return list.Items
}

func TestWhatIsWrongIsSaidInPlainWords(t *testing.T) {
	inState := func(state v1alpha1.SubscriptionState) func(*site) {
		return func(v *site) {
			expect.Edit(v.Stage, v.sub, func(sub *v1alpha1.Subscription) { sub.Spec.State = state })
		}
	}
	for name, test := range map[string]struct {
		method  string
		path    func(v *site) string
		change  func(*site)
		status  int
		heading string
		detail  string
	}{
		"no link": {path: func(*site) string { return secrets.RegisterPath }, status: 404,
			heading: "There is nothing behind this link", detail: "The link is not complete"},
		"no link and no slash": {path: func(*site) string { return "/activate" }, status: 404,
			heading: "There is nothing behind this link", detail: "The link is not complete"},
		"a cut link": {path: func(v *site) string { l := v.link(secrets.RegisterPath); return l[:len(l)-1] }, status: 404,
			heading: "There is nothing behind this link", detail: "Copy all of it"},
		"a link with more behind it": {path: func(v *site) string { return v.link(secrets.RegisterPath) + "/more" }, status: 404,
			heading: "There is nothing behind this link", detail: "Copy all of it"},
		"the other page's link": {path: func(v *site) string {
			return secrets.ActivatePath + strings.TrimPrefix(v.link(secrets.RegisterPath), secrets.RegisterPath)
		}, status: 404, heading: "There is nothing behind this link", detail: "Copy all of it"},
		"an expired link": {path: func(v *site) string { l := v.link(secrets.RegisterPath); v.Step(time.Hour); return l }, status: 410,
			heading: "This link has expired", detail: "Links are good for a limited time. Ask the vendor for another one."},
		"a customer who has gone": {change: func(v *site) { v.Delete(v.sub) }, status: 404,
			heading: "There is nothing behind this link", detail: "no longer there"},
		"a product that has gone": {change: func(v *site) { v.Delete(v.product) }, status: 404,
			heading: "There is nothing behind this link", detail: "no longer there"},
		"a name that is another customer's now": {change: func(v *site) {
			v.Delete(v.sub)
			v.Create(builder.Subscription("initech", "render-farm").WithCustomer("cust-43").Build())
		}, status: 404, heading: "There is nothing behind this link", detail: "no longer there"},
		"a name that is for another product now": {change: func(v *site) {
			v.Delete(v.sub)
			v.Create(builder.Product("viewer").WithFulfillmentURL(fulfillmentURL).Build(),
				builder.Subscription("initech", "viewer").WithCustomer("cust-42").Build())
		}, status: 404, heading: "There is nothing behind this link", detail: "no longer there"},
		"no site to register at": {change: func(v *site) {
			expect.Edit(v.Stage, v.product, func(p *v1alpha1.Product) { p.Spec.Registration.FulfillmentURL = "" })
		}, status: 404, heading: "This product can&#39;t be set up here", detail: "The vendor has no site yet"},
		"no site to activate at": {path: func(v *site) string { return v.link(secrets.ActivatePath) }, change: func(v *site) {
			expect.Edit(v.Stage, v.product, func(p *v1alpha1.Product) { p.Spec.Activation.RedirectURL = "" })
		}, status: 404, heading: "This product can&#39;t be set up here", detail: "The vendor has no site yet"},
		"a product whose code is another's": {change: func(v *site) {
			expect.EditStatus(v.Stage, v.product, func(p *v1alpha1.Product) {
				p.Status.Conditions = []metav1.Condition{builder.Condition(v1alpha1.ConditionReady, metav1.ConditionFalse, v1alpha1.ReasonDuplicateCode)}
			})
		}, status: 404, heading: "This product can&#39;t be set up here", detail: "has not finished setting up this product"},
		"a payment that is awaited": {path: func(v *site) string { return v.link(secrets.ActivatePath) }, change: inState(v1alpha1.SubscriptionPending), status: 403,
			heading: "Your subscription is not active", detail: "has not confirmed your subscription yet"},
		"a suspended subscription": {path: func(v *site) string { return v.link(secrets.ActivatePath) }, change: inState(v1alpha1.SubscriptionSuspended), status: 403,
			heading: "Your subscription is not active", detail: "Your subscription is suspended. Ask the vendor."},
		"a cancelled subscription": {path: func(v *site) string { return v.link(secrets.ActivatePath) }, change: inState(v1alpha1.SubscriptionCancelled), status: 403,
			heading: "Your subscription is not active", detail: "Your subscription has ended. Ask the vendor."},
		"a subscription that has not begun": {path: func(v *site) string { return v.link(secrets.ActivatePath) }, change: func(v *site) {
			expect.Edit(v.Stage, v.sub, func(sub *v1alpha1.Subscription) {
				*sub = *builder.Subscription("initech", "render-farm").InNamespace(v.Namespace).WithCustomer("cust-42").StartingAt(v.Clock.Now().Add(time.Hour)).
					With(func(s *v1alpha1.Subscription) { s.ObjectMeta = sub.ObjectMeta }).Build()
			})
		}, status: 403, heading: "Your subscription is not active", detail: "has not begun yet"},
		"a POST to the registration page": {method: http.MethodPost, status: 405,
			heading: "A browser can&#39;t do that here", detail: "Open the link in the address bar."},
		"a DELETE of the activation page": {method: http.MethodDelete, path: func(v *site) string { return v.link(secrets.ActivatePath) }, status: 405,
			heading: "A browser can&#39;t do that here", detail: "Open the link in the address bar."},
	} {
		t.Run(name, func(t *testing.T) {
			v := newSite(t)
			if test.change != nil {
				test.change(v)
			}
			if test.path == nil {
				test.path = func(v *site) string { return v.link(secrets.RegisterPath) }
			}
			if test.method == "" {
				test.method = http.MethodGet
			}
			path := test.path(v)
			w := v.do(test.method, path, nil)
			page := w.Body.String()
			if w.Code != test.status {
				t.Errorf("the status is %d, want %d", w.Code, test.status)
			}
			if !strings.Contains(page, "<h1>"+test.heading+"</h1>") || !strings.Contains(page, test.detail) || !strings.Contains(page, "<title>"+test.heading+"</title>") {
				t.Errorf("%q and %q are missing in:\n%s", test.heading, test.detail, page)
			}
			if !strings.Contains(page, "Request <code>"+requestID+"</code>") {
				t.Error("the request's id is missing")
			}
			if _, link := Find(path); len(link) > 20 && strings.Contains(page, link) {
				t.Error("the link is repeated")
			}
			if allow := w.Header().Get("Allow"); (test.status == 405) != (allow != "") {
				t.Errorf("Allow is %q", allow)
			}
		})
	}
}

func TestTheRegistrationPageIsShownWhateverTheState(t *testing.T) {
	v := newSite(t)
	link := v.link(secrets.RegisterPath)
	for _, state := range []v1alpha1.SubscriptionState{v1alpha1.SubscriptionPending, v1alpha1.SubscriptionSuspended, v1alpha1.SubscriptionCancelled} {
		expect.Edit(v.Stage, v.sub, func(sub *v1alpha1.Subscription) { sub.Spec.State = state })
		if w := v.do(http.MethodGet, link, nil); w.Code != http.StatusOK {
			t.Errorf("%s: the status is %d", state, w.Code)
		}
	}
}

func TestAFaultWithoutWordsOfItsOwnIsInternal(t *testing.T) {
	for kind, want := range failures {
		if got, detail := failureOf(fault.New(kind, "Do this.")); got != want || detail != "Do this." {
			t.Errorf("%s is shown as %v, %q", kind, got, detail)
		}
		if want.status < 400 || want.code == "" || want.heading == "" || strings.HasSuffix(want.heading, ".") {
			t.Errorf("%s is shown as %v", kind, want)
		}
	}
	for _, err := range []error{os.ErrClosed, fault.New(fault.Internal, "hunter2"), fault.New(fault.SignatureMismatch, "hunter2")} {
		if got, detail := failureOf(err); got != internalFailure || detail != internalDetail {
			t.Errorf("%v is shown as %v, %q", err, got, detail)
		}
	}
}

func TestALinkThatIsUsedTooOftenIsThrottled(t *testing.T) {
	v := newSite(t)
	link, other := v.link(secrets.RegisterPath), v.link(secrets.ActivatePath)
	for n := range viewBurst {
		if w := v.do(http.MethodGet, link, nil); w.Code != http.StatusOK {
			t.Fatalf("view %d: the status is %d", n, w.Code)
		}
	}
	w := v.do(http.MethodGet, link, nil)
	if w.Code != http.StatusTooManyRequests || w.Header().Get("Retry-After") != retryAfterSeconds || !strings.Contains(w.Body.String(), "used too often") {
		t.Errorf("the status is %d, Retry-After %q: %s", w.Code, w.Header().Get("Retry-After"), w.Body)
	}
	if w := v.do(http.MethodGet, other, nil); w.Code != http.StatusOK {
		t.Errorf("the other page: the status is %d", w.Code)
	}
	v.Step(4 * time.Second)
	if w := v.do(http.MethodGet, link, nil); w.Code != http.StatusTooManyRequests {
		t.Errorf("after four seconds the status is %d", w.Code)
	}
	v.Step(time.Second)
	if w := v.do(http.MethodGet, link, nil); w.Code != http.StatusOK {
		t.Errorf("after five seconds the status is %d", w.Code)
	}
	for range viewBurst {
		v.do(http.MethodGet, other, nil)
	}
	v.Step(time.Second)
	if w := v.do(http.MethodGet, other, nil); w.Code != http.StatusOK {
		t.Errorf("the other page: after a second the status is %d", w.Code)
	}
}

func TestACacheThatLagsHidesNoCustomer(t *testing.T) {
	v := newSite(t)
	v.service = New(v.Clock, store.New(v.Names, nothing{}, v.Operator, v.Clock), v.Keys, strings.NewReader(strings.Repeat("0123456789abcdef", 4)))
	if w := v.do(http.MethodGet, v.link(secrets.RegisterPath), nil); w.Code != http.StatusOK {
		t.Errorf("the status is %d: %s", w.Code, w.Body)
	}
}

func TestWithoutRandomBytesThereIsNoToken(t *testing.T) {
	v := newSite(t)
	v.service = New(v.Clock, store.New(v.Names, v.Operator, v.Operator, v.Clock), v.Keys, strings.NewReader(""))
	for _, path := range []string{secrets.RegisterPath, secrets.ActivatePath} {
		w := v.do(http.MethodGet, v.link(path), nil)
		if w.Code != http.StatusInternalServerError || !strings.Contains(w.Body.String(), internalDetail[:20]) || strings.Contains(w.Body.String(), "<form") {
			t.Errorf("%s: the status is %d: %s", path, w.Code, w.Body)
		}
	}
}
