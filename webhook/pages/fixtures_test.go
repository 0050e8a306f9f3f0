// Copyright The license-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package pages

import (
	"html"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"net/url"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/license-operator/license-operator/api/v1alpha1"
	"github.com/license-operator/license-operator/internal/fault"
	"github.com/license-operator/license-operator/internal/secrets"
	"github.com/license-operator/license-operator/internal/store"
	"github.com/license-operator/license-operator/test/builder"
	"github.com/license-operator/license-operator/test/env"
	"github.com/license-operator/license-operator/test/expect"
)

var cluster *env.Env

func TestMain(m *testing.M) {
	env.Main(m, func(e *env.Env) { cluster = e })
}

const (
	fulfillmentURL = "https://render.acme.example/register?from=aws"
	redirectURL    = "https://render.acme.example:8443/activate?a=b%20c#top"
	requestID      = "00000000-0000-4000-8000-000000000001"
)

// site is a stage with the pages of a Product, and a customer.
type site struct {
	*expect.Stage
	service *Service
	product *v1alpha1.Product
	sub     *v1alpha1.Subscription
}

func newSite(t testing.TB) *site {
	t.Helper()
	s := expect.On(t, cluster)
	v := &site{Stage: s,
		service: New(s.Clock, store.New(s.Names, s.Operator, s.Operator, s.Clock), s.Keys, rand.NewChaCha8([32]byte{1})),
		product: builder.Product("render-farm").WithDisplayName("Render Farm").WithCode("774F4FF8").
			WithFulfillmentURL(fulfillmentURL).WithRedirectURL(redirectURL).Build(),
		sub: builder.Subscription("initech", "render-farm").WithCustomer("cust-42").WithDisplayName("Initech").Build(),
	}
	s.Create(v.product, v.sub)
	return v
}

// link is the path of a page for the customer.
func (v *site) link(path string) string {
	v.Helper()
	purpose := map[string]secrets.LinkPurpose{secrets.RegisterPath: secrets.RegistrationLink, secrets.ActivatePath: secrets.ActivationLink}[path]
	text, err := v.Keys.Get().Sealing.SealLink(v.Clock.Now(), purpose,
		secrets.Link{Namespace: v.Namespace, Subscription: "initech", Party: v.Names.Party(v.product, v.sub), ExpirationTime: v.Clock.Now().Add(time.Hour)})
	if err != nil {
		v.Fatal(err)
	}
	return path + text
}

// do sends a request to the service, as the endpoint does, with a form if that
// is not nil.
func (v *site) do(method, path string, form url.Values, header ...string) *httptest.ResponseRecorder {
	v.Helper()
	h := http.Header{}
	if form != nil {
		h.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	for i := 0; i < len(header); i += 2 {
		h.Set(header[i], header[i+1])
	}
	page, link := Find(path)
	if page == nil {
		v.Fatalf("there is no page at %s", path)
	}
	var answer *Answer
	err := error(fault.New(fault.UnsupportedMethod, "Open the link in the address bar."))
	if page.Knows(method) {
		answer, err = v.service.Do(v.Context(), page, Request{Method: method, Header: h, Link: link, Body: []byte(form.Encode())})
	}
	w := httptest.NewRecorder()
	code, status, lost := Write(w, method, requestID, page, answer, err)
	if lost != nil || status != w.Code || code == "" {
		v.Errorf("code %q and status %d were returned, %d was written: %v", code, status, w.Code, lost)
	}
	return w
}

var hidden = regexp.MustCompile(`<input type="hidden" name="([^"]*)" value="([^"]*)">`)

// fields are the hidden fields of a page's form.
func fields(page string) url.Values {
	found := url.Values{}
	for _, m := range hidden.FindAllStringSubmatch(page, -1) {
		found.Add(m[1], html.UnescapeString(m[2]))
	}
	return found
}

// tokenField is the field with a registration token.
const tokenField = "x-amzn-marketplace-token"

// quoted is a value as a page's attribute has it.
func quoted(value string) string {
	return strings.NewReplacer("+", "&#43;").Replace(html.EscapeString(value))
}
