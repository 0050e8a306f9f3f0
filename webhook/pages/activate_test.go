// Copyright The license-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package pages

import (
	"context"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/license-operator/license-operator/api/v1alpha1"
	"github.com/license-operator/license-operator/internal/secrets"
	"github.com/license-operator/license-operator/internal/store"
	"github.com/license-operator/license-operator/test/expect"
)

// nothing is a cache that has seen nothing yet.
type nothing struct{}

func (nothing) Get(_ context.Context, key client.ObjectKey, _ client.Object, _ ...client.GetOption) error {
	return apierrors.NewNotFound(schema.GroupResource{}, key.Name)
}

func (nothing) List(context.Context, client.ObjectList, ...client.ListOption) error { return nil }

func TestTheButtonGivesAKeyThatWorksAtOnce(t *testing.T) {
	v := newSite(t)
	link := v.link(secrets.ActivatePath)
	shown := v.do(http.MethodGet, link, nil)
	w := v.do(http.MethodPost, link, fields(shown.Body.String()), "Sec-Fetch-Site", "same-origin")
	if w.Code != http.StatusSeeOther || w.Body.Len() != 0 {
		t.Fatalf("the status is %d: %s", w.Code, w.Body)
	}
	// What the vendor has set is kept to the letter.
	location := w.Header().Get("Location")
	const head, tail = "https://render.acme.example:8443/activate?a=b%20c&ActivationKey=", "&ProductCode=774F4FF8#top"
	key, found := strings.CutSuffix(strings.TrimPrefix(location, head), tail)
	if !strings.HasPrefix(location, head) || !found {
		t.Fatalf("the browser is sent to %s", location)
	}
	replica := store.New(v.Names, nothing{}, v.Operator, v.Clock)
	a, err := replica.ActivationByKey(t.Context(), key)
	if err != nil || a == nil || a.Spec.SubscriptionRef.Name != "initech" {
		t.Fatalf("another replica finds %v, %v", a, err)
	}
	if _, err := replica.Redeem(t.Context(), a); err != nil {
		t.Error(err)
	}
	if again := v.do(http.MethodPost, link, fields(shown.Body.String())); again.Header().Get("Location") != location {
		t.Errorf("posted again the browser is sent to %s", again.Header().Get("Location"))
	}
	if list := activations(v); len(list) != 1 || list[0].Name != a.Name {
		t.Errorf("there are Activations: %v", list)
	}
}

func TestAFormThatIsNotThePagesGivesNoKey(t *testing.T) {
	for name, test := range map[string]struct {
		form   func(v *site, shown url.Values) url.Values
		header []string
		status int
		detail string
	}{
		"no form":          {form: func(*site, url.Values) url.Values { return url.Values{} }, status: 400, detail: "did not arrive as the page had shown it"},
		"an empty field":   {form: func(*site, url.Values) url.Values { return url.Values{"form": {""}} }, status: 400, detail: "did not arrive"},
		"a field too many": {form: func(_ *site, f url.Values) url.Values { f.Set("more", "1"); return f }, status: 400, detail: "did not arrive"},
		"the field twice":  {form: func(_ *site, f url.Values) url.Values { f.Add("form", f.Get("form")); return f }, status: 400, detail: "did not arrive"},
		"a changed field":  {form: func(_ *site, f url.Values) url.Values { f.Set("form", f.Get("form")[1:]); return f }, status: 400, detail: "did not arrive"},
		"another page's":   {form: func(v *site, _ url.Values) url.Values { return url.Values{"form": {v.registrationToken()}} }, status: 400, detail: "did not arrive"},
		"another customers": {form: func(v *site, _ url.Values) url.Values {
			return url.Values{"form": {v.formOf("globex", v.Names.Party(v.product, v.sub))}}
		}, status: 400, detail: "did not arrive"},
		"of the Subscription when it was another customer's": {form: func(v *site, _ url.Values) url.Values {
			return url.Values{"form": {v.formOf("initech", secrets.PartyOf("774F4FF8", "cust-41"))}}
		}, status: 400, detail: "did not arrive"},
		"JSON":    {header: []string{"Content-Type", "application/json"}, status: 400, detail: "did not arrive"},
		"no type": {header: []string{"Content-Type", ""}, status: 400, detail: "did not arrive"},
		"too late": {form: func(v *site, f url.Values) url.Values {
			v.Step(formLifetime)
			return f
		}, status: 400, detail: "The page was open for too long. Load it again."},
		"from another site":   {header: []string{"Sec-Fetch-Site", "cross-site"}, status: 403, detail: "Another site has sent this form."},
		"from a sibling site": {header: []string{"Sec-Fetch-Site", "same-site"}, status: 403, detail: "Another site has sent this form."},
	} {
		t.Run(name, func(t *testing.T) {
			v := newSite(t)
			link := v.longLink()
			form := fields(v.do(http.MethodGet, link, nil).Body.String())
			if test.form != nil {
				form = test.form(v, form)
			}
			w := v.do(http.MethodPost, link, form, test.header...)
			if w.Code != test.status || !strings.Contains(w.Body.String(), test.detail) || w.Header().Get("Location") != "" {
				t.Errorf("the status is %d, want %d with %q: %s", w.Code, test.status, test.detail, w.Body)
			}
			if list := activations(v); len(list) != 0 {
				t.Errorf("there are Activations: %v", list)
			}
		})
	}
}

// longLink outlives every form.
func (v *site) longLink() string {
	v.Helper()
	text, err := v.Keys.Get().Sealing.SealLink(v.Clock.Now(), secrets.ActivationLink,
		secrets.Link{Namespace: v.Namespace, Subscription: "initech", Party: v.Names.Party(v.product, v.sub), ExpirationTime: v.Clock.Now().Add(24 * time.Hour)})
	if err != nil {
		v.Fatal(err)
	}
	return secrets.ActivatePath + text
}

func (v *site) registrationToken() string {
	v.Helper()
	return fields(v.do(http.MethodGet, v.link(secrets.RegisterPath), nil).Body.String()).Get(tokenField)
}

// formOf is a form of the activation page of a Subscription.
func (v *site) formOf(subscription string, party secrets.Party) string {
	v.Helper()
	now := v.Clock.Now()
	form, err := v.Keys.Get().Sealing.SealActivationForm(now, secrets.RegistrationClaims{Namespace: v.Namespace, Subscription: subscription,
		Party: party, IssueTime: now, Expiration: now.Add(time.Hour), Nonce: [16]byte{1}})
	if err != nil {
		v.Fatal(err)
	}
	return form
}

func TestNoKeyIsHandedOutToWhoIsNoLongerSubscribed(t *testing.T) {
	v := newSite(t)
	link := v.link(secrets.ActivatePath)
	form := fields(v.do(http.MethodGet, link, nil).Body.String())
	expect.Edit(v.Stage, v.sub, func(sub *v1alpha1.Subscription) { sub.Spec.State = v1alpha1.SubscriptionCancelled })
	if w := v.do(http.MethodPost, link, form); w.Code != http.StatusForbidden {
		t.Errorf("the status is %d: %s", w.Code, w.Body)
	}
	if list := activations(v); len(list) != 0 {
		t.Errorf("there are Activations: %v", list)
	}
}

func TestAFormWhoseKeyIsOverIsToBeLoadedAgain(t *testing.T) {
	for name, change := range map[string]func(v *site){
		"revoked": func(v *site) {
			expect.Edit(v.Stage, &activations(v)[0], func(a *v1alpha1.Activation) { a.Spec.State = v1alpha1.ActivationRevoked })
		},
		"expired": func(v *site) { v.Step(time.Minute) },
	} {
		t.Run(name, func(t *testing.T) {
			v := newSite(t)
			expect.Edit(v.Stage, v.product, func(p *v1alpha1.Product) { *p.Spec.Activation.KeyLifetimeSeconds = 60 })
			link := v.longLink()
			form := fields(v.do(http.MethodGet, link, nil).Body.String())
			if w := v.do(http.MethodPost, link, form); w.Code != http.StatusSeeOther {
				t.Fatalf("the status is %d: %s", w.Code, w.Body)
			}
			change(v)
			if w := v.do(http.MethodPost, link, form); w.Code != http.StatusBadRequest || !strings.Contains(w.Body.String(), "Load the page again.") {
				t.Errorf("the status is %d: %s", w.Code, w.Body)
			}
		})
	}
}

func TestKeysOfOneLinkAreBounded(t *testing.T) {
	v := newSite(t)
	link := v.longLink()
	post := func() int {
		v.Step(time.Second) // So that the views are no bound.
		return v.do(http.MethodPost, link, fields(v.do(http.MethodGet, link, nil).Body.String())).Code
	}
	for n := range keyBurst {
		if status := post(); status != http.StatusSeeOther {
			t.Fatalf("key %d: the status is %d", n, status)
		}
	}
	if status := post(); status != http.StatusTooManyRequests {
		t.Errorf("one key too many: the status is %d", status)
	}
	if list := activations(v); len(list) != keyBurst {
		t.Errorf("there are %d Activations", len(list))
	}
	for n := keyBurst; n < store.MaxPageKeys; n++ {
		v.Step(time.Minute)
		if status := post(); status != http.StatusSeeOther {
			t.Fatalf("a minute later, key %d: the status is %d", n, status)
		}
	}
	v.Step(time.Hour)
	form := fields(v.do(http.MethodGet, link, nil).Body.String())
	if w := v.do(http.MethodPost, link, form); w.Code != http.StatusTooManyRequests || !strings.Contains(w.Body.String(), "try again tomorrow") {
		t.Errorf("one too many for a day: the status is %d: %s", w.Code, w.Body)
	}
	if list := activations(v); len(list) != store.MaxPageKeys {
		t.Errorf("there are %d Activations", len(list))
	}
}

func TestAKeyThatCannotBeCommittedIsNotHandedOut(t *testing.T) {
	v := newSite(t)
	broken := expect.Disturbed(v.Operator, expect.Faults{PatchStatus: func(func() error) error { return context.DeadlineExceeded }})
	link := v.link(secrets.ActivatePath)
	form := fields(v.do(http.MethodGet, link, nil).Body.String())
	v.service.store = store.New(v.Names, v.Operator, broken, v.Clock)
	w := v.do(http.MethodPost, link, form)
	if w.Code != http.StatusServiceUnavailable || w.Header().Get("Location") != "" || w.Header().Get("Retry-After") == "" {
		t.Errorf("the status is %d: %s", w.Code, w.Body)
	}
	v.service.store = store.New(v.Names, v.Operator, v.Operator, v.Clock)
	if w := v.do(http.MethodPost, link, form); w.Code != http.StatusSeeOther {
		t.Errorf("afterwards the status is %d: %s", w.Code, w.Body)
	}
}

func TestKeyAndCodeAreAddedToAnyAddress(t *testing.T) {
	for text, want := range map[string]string{
		"https://a.example":            "https://a.example?ActivationKey=AK&ProductCode=C%26D",
		"https://a.example/":           "https://a.example/?ActivationKey=AK&ProductCode=C%26D",
		"https://a.example/x?":         "https://a.example/x?ActivationKey=AK&ProductCode=C%26D",
		"https://a.example/x?y=%20+z":  "https://a.example/x?y=%20+z&ActivationKey=AK&ProductCode=C%26D",
		"http://localhost:8090/a#part": "http://localhost:8090/a?ActivationKey=AK&ProductCode=C%26D#part",
		"https://a.example/%2Fx%2fy/z": "https://a.example/%2Fx%2fy/z?ActivationKey=AK&ProductCode=C%26D",
	} {
		u, err := address(text)
		if err != nil {
			t.Fatal(err)
		}
		if got := withKey(u, "AK", "C&D"); got != want {
			t.Errorf("%s becomes %s, want %s", text, got, want)
		}
	}
	for _, text := range []string{"", "https://", "ftp://a.example/", "//a.example/", "a.example", "https://a.example/%zz", "javascript:alert(1)"} {
		if u, err := address(text); err == nil {
			t.Errorf("%q is taken for the address %s", text, u)
		}
	}
}
