// Copyright The license-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package integration

import (
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/license-operator/license-operator/test/builder"
	"github.com/license-operator/license-operator/test/integration/wire"
	"github.com/license-operator/license-operator/webhook/auth"
	"github.com/license-operator/license-operator/webhook/query"
)

const prologue = `<?xml version="1.0"?>`

// goldens are the bodies of the six successes, with names for what differs from
// one run to the next.
var goldens = map[string]string{
	"ActivateHostedProduct": `<ActivateHostedProductResponse xmlns="http://ls.amazonaws.com/doc/2008-04-28/"><ActivateHostedProductResult>` +
		`<UserToken>{{UserToken}}</UserToken><PersistentIdentifier>{{PID}}</PersistentIdentifier></ActivateHostedProductResult>` +
		`<ResponseMetadata><RequestId>{{RequestId}}</RequestId></ResponseMetadata></ActivateHostedProductResponse>`,
	"ActivateDesktopProduct": `<ActivateDesktopProductResponse xmlns="http://ls.amazonaws.com/doc/2008-04-28/"><ActivateDesktopProductResult>` +
		`<UserToken>{{UserToken}}</UserToken><AWSAccessKeyId>{{KeyID}}</AWSAccessKeyId><SecretAccessKey>{{Secret}}</SecretAccessKey></ActivateDesktopProductResult>` +
		`<ResponseMetadata><RequestId>{{RequestId}}</RequestId></ResponseMetadata></ActivateDesktopProductResponse>`,
	"VerifyProductSubscriptionByPid": `<VerifyProductSubscriptionByPidResponse xmlns="http://ls.amazonaws.com/doc/2008-04-28/"><VerifyProductSubscriptionByPidResult>` +
		`<Subscribed>true</Subscribed></VerifyProductSubscriptionByPidResult>` +
		`<ResponseMetadata><RequestId>{{RequestId}}</RequestId></ResponseMetadata></VerifyProductSubscriptionByPidResponse>`,
	"VerifyProductSubscriptionByTokens": `<VerifyProductSubscriptionByTokensResponse xmlns="http://ls.amazonaws.com/doc/2008-04-28/"><VerifyProductSubscriptionByTokensResult>` +
		`<Subscribed>true</Subscribed></VerifyProductSubscriptionByTokensResult>` +
		`<ResponseMetadata><RequestId>{{RequestId}}</RequestId></ResponseMetadata></VerifyProductSubscriptionByTokensResponse>`,
	"GetActiveSubscriptionsByPid": `<GetActiveSubscriptionsByPidResponse xmlns="http://ls.amazonaws.com/doc/2008-04-28/"><GetActiveSubscriptionsByPidResult>` +
		`<ProductCode>0AC0DE01</ProductCode><ProductCode>774F4FF8</ProductCode></GetActiveSubscriptionsByPidResult>` +
		`<ResponseMetadata><RequestId>{{RequestId}}</RequestId></ResponseMetadata></GetActiveSubscriptionsByPidResponse>`,
	"RefreshUserToken": `<RefreshUserTokenResponse xmlns="http://ls.amazonaws.com/doc/2008-04-28/"><RefreshUserTokenResult>` +
		`<UserToken>{{UserToken}}</UserToken></RefreshUserTokenResult>` +
		`<ResponseMetadata><RequestId>{{RequestId}}</RequestId></ResponseMetadata></RefreshUserTokenResponse>`,
}

// styles are the ways to sign that clients use.
var styles = map[string]func(*auth.Signer) *auth.Signer{
	"version 1":              func(s *auth.Signer) *auth.Signer { return wire.SignedAs(s, "1", "") },
	"version 2 with SHA-1":   func(s *auth.Signer) *auth.Signer { return wire.SignedAs(s, "2", auth.HmacSHA1) },
	"version 2 with SHA-256": func(s *auth.Signer) *auth.Signer { return wire.SignedAs(s, "2", auth.HmacSHA256) },
}

// shop is a vendor with two products, a customer who has both, and that
// customer's activated copy of the first.
type shop struct {
	*wire.Vendor
	farm, studio wire.Product
	pid, key     string
	userToken    string
	customer     *auth.Signer
}

func newShop(t testing.TB) *shop {
	t.Helper()
	s := &shop{Vendor: vendor(t)}
	s.farm = s.Product(t, builder.Product("render-farm").WithCode("774F4FF8"))
	s.studio = s.Product(t, builder.Product("studio").WithCode("0AC0DE01"))
	s.pid = s.Subscription(t, builder.Subscription("initech", "render-farm").WithCustomer("cust-42"))
	if other := s.Subscription(t, builder.Subscription("initech-studio", "studio").WithCustomer("cust-42")); other != s.pid {
		t.Fatalf("one customer of one vendor has the PIDs %s and %s", s.pid, other)
	}
	s.key = s.Activation(t, builder.Activation("initech-first", "initech"))
	desktop := call().OK(t, wire.Desktop(s.key, s.farm.Token))
	s.userToken, s.customer = desktop.Text("UserToken"), wire.Customer(desktop)
	return s
}

// successes are one call of each action that must succeed.
func (s *shop) successes() map[string]wire.Call {
	return map[string]wire.Call{
		"ActivateHostedProduct":             wire.Hosted(s.Key, s.key, s.farm.Token),
		"ActivateDesktopProduct":            wire.Desktop(s.key, s.farm.Token),
		"VerifyProductSubscriptionByPid":    wire.ByPid(s.Key, s.pid, s.farm.Code),
		"VerifyProductSubscriptionByTokens": wire.ByTokens(s.customer, s.userToken, s.farm.Token),
		"GetActiveSubscriptionsByPid":       wire.Active(s.Key, s.pid),
		"RefreshUserToken":                  wire.Refresh(s.customer, s.userToken, query.AdditionalTokens+".1", s.farm.Token),
	}
}

// values are what the goldens have names for.
func (s *shop) values() map[string]string {
	return map[string]string{"UserToken": s.userToken, "PID": s.pid,
		"KeyID": s.customer.AccessKeyID, "Secret": s.customer.SecretAccessKey}
}

func TestEachActionSucceedsInEveryStyleOfSigningOverGetAndPost(t *testing.T) {
	s := newShop(t)
	for name, c := range s.successes() {
		for style, as := range styles {
			for _, method := range []string{http.MethodGet, http.MethodPost} {
				t.Run(name+" over "+method+" with "+style, func(t *testing.T) {
					c := c
					c.Method = method
					if c.Signer != nil {
						c.Signer = as(c.Signer)
					}
					a := call().OK(t, c)
					if diff := cmp.Diff(prologue+goldens[name], a.Golden(s.values())); diff != "" {
						t.Errorf("another body (-want +got):\n%s", diff)
					}
					if got := a.Header.Get("Cache-Control"); got != "no-store" {
						t.Errorf("Cache-Control is %q", got)
					}
				})
			}
		}
	}
}

func TestWhatRealClientsSendIsUnderstood(t *testing.T) {
	s := newShop(t)
	// raw escapes as little as clients of the time did.
	raw := func(parameters []query.Parameter) string {
		var pairs []string
		for _, p := range parameters {
			pairs = append(pairs, p.Name+"="+p.Value)
		}
		return strings.Join(pairs, "&")
	}
	signedRaw := func(t *testing.T, c wire.Call, version string) wire.Call {
		t.Helper()
		host := strings.TrimPrefix(call().URL, "https://")
		signed, err := wire.SignedAs(c.Signer, version, auth.HmacSHA1).Sign(http.MethodGet, host, "/", c.Parameters, now.Now())
		if err != nil {
			t.Fatal(err)
		}
		return wire.Call{Raw: raw(signed)}
	}
	for name, test := range map[string]struct {
		call wire.Call
		want string
	}{
		"a desktop program sends its tokens unescaped and asks for the oldest version": {
			wire.Call{Raw: raw(wire.Desktop(s.key, s.farm.Token).With(query.Version, "2007-06-05").Parameters)}, "ActivateDesktopProduct"},
		"a desktop program sends credentials that mean nothing": {
			wire.Desktop(s.key, s.farm.Token, query.AWSAccessKeyID, "AKIADUMMYDUMMYDUMMY", query.Signature, "dummy",
				query.SignatureVersion, "1", query.Timestamp, "2001-01-01T00:00:00Z"), "ActivateDesktopProduct"},
		"a desktop program sends no version": {
			wire.Desktop(s.key, s.farm.Token).Without(query.Version), "ActivateDesktopProduct"},
		"a customer's program sends unescaped tokens signed with version 1": {
			signedRaw(t, wire.ByTokens(s.customer, s.userToken, s.farm.Token), "1"), "VerifyProductSubscriptionByTokens"},
		"a customer's program sends unescaped tokens signed with version 2": {
			signedRaw(t, wire.ByTokens(s.customer, s.userToken, s.farm.Token), "2"), "VerifyProductSubscriptionByTokens"},
		"a vendor verifies by tokens with its own key": {
			wire.ByTokens(s.Key, s.userToken, s.farm.Token), "VerifyProductSubscriptionByTokens"},
		"a web product refreshes with its own key": {
			wire.Refresh(s.Key, s.userToken), "RefreshUserToken"},
		"an older web product sends the user token among the additional ones": {
			wire.Refresh(s.Key, s.userToken, query.AdditionalTokens, s.userToken), "RefreshUserToken"},
		"a version 1 client names the signature's method": {
			wire.ByPid(wire.SignedAs(s.Key, "1", ""), s.pid, s.farm.Code, query.SignatureMethod, auth.HmacSHA1), "VerifyProductSubscriptionByPid"},
		"a client sends Expires": {
			wire.ByPid(s.Key, s.pid, s.farm.Code, query.Expires, now.Now().UTC().Add(24*time.Hour).Format("2006-01-02T15:04:05.000Z")), "VerifyProductSubscriptionByPid"},
		"a client's date has a zone of its own": {
			wire.ByPid(s.Key, s.pid, s.farm.Code, query.Timestamp, now.Now().UTC().Add(-5*time.Hour).Format("2006-01-02T15:04:05")+"-05:00"), "VerifyProductSubscriptionByPid"},
		"a client's date has no zone": {
			wire.ByPid(s.Key, s.pid, s.farm.Code, query.Timestamp, now.Now().UTC().Format("2006-01-02T15:04:05")), "VerifyProductSubscriptionByPid"},
		"a client splits its parameters between the URL and the body": {
			split(t, wire.ByPid(s.Key, s.pid, s.farm.Code)), "VerifyProductSubscriptionByPid"},
	} {
		t.Run(name, func(t *testing.T) {
			a := call().OK(t, test.call)
			if diff := cmp.Diff(prologue+goldens[test.want], a.Golden(s.values())); diff != "" {
				t.Errorf("another body (-want +got):\n%s", diff)
			}
		})
	}
}

// split signs a POST whose parameters are in both the URL and the body.
func split(t *testing.T, c wire.Call) wire.Call {
	t.Helper()
	host := strings.TrimPrefix(call().URL, "https://")
	signed, err := c.Signer.Sign(http.MethodPost, host, "/", c.Parameters, now.Now())
	if err != nil {
		t.Fatal(err)
	}
	return wire.Call{Method: http.MethodPost, Raw: query.Encode(signed[:2]), Body: query.Encode(signed[2:])}
}

func TestAHostHeaderWithAPortMayBeSignedWithoutIt(t *testing.T) {
	s := newShop(t)
	u, err := url.Parse(call().URL)
	if err != nil {
		t.Fatal(err)
	}
	c := wire.ByPid(s.Key, s.pid, s.farm.Code)
	signed, err := s.Key.Sign(http.MethodGet, u.Hostname(), "/", c.Parameters, now.Now())
	if err != nil {
		t.Fatal(err)
	}
	if got := call().OK(t, wire.Call{Parameters: signed}).Text("Subscribed"); got != "true" {
		t.Errorf("Subscribed is %q", got)
	}
}

func TestAnImportedProductTokenIsAcceptedForItsProductOnly(t *testing.T) {
	s := newShop(t)
	// What a vendor with shipped binaries has: any text of that form.
	token := "{ProductToken}" + strings.Repeat("QW1hbmRhRW50ZXJwcmlzZQ", 12) + "=="
	s.Product(t, builder.Product("shipped").WithImportedToken(sha256Hex(token)))
	s.Subscription(t, builder.Subscription("hooli", "shipped"))
	key := s.Activation(t, builder.Activation("hooli-first", "hooli"))

	hosted := call().OK(t, wire.Hosted(s.Key, key, token))
	desktop := call().OK(t, wire.Desktop(key, token))
	if got, want := desktop.Text("UserToken"), hosted.Text("UserToken"); got != want || got == "" {
		t.Errorf("the hosted and the desktop copy have different user tokens")
	}
	verified := call().OK(t, wire.ByTokens(wire.Customer(desktop), desktop.Text("UserToken"), token))
	if got := verified.Text("Subscribed"); got != "true" {
		t.Errorf("Subscribed is %q", got)
	}
	call().OK(t, wire.Refresh(wire.Customer(desktop), desktop.Text("UserToken"), query.AdditionalTokens+".1", token))

	stranger := vendor(t)
	for name, test := range map[string]struct {
		call wire.Call
		code string
	}{
		"a hosted activation of another product":  {wire.Hosted(s.Key, s.key, token), "IncorrectActivationKey"},
		"a desktop activation of another product": {wire.Desktop(s.key, token), "IncorrectActivationKey"},
		"a verification of another product":       {wire.ByTokens(s.customer, s.userToken, token), "InvalidProductToken"},
		"a refresh of another product":            {wire.Refresh(s.customer, s.userToken, query.AdditionalTokens, token), "InvalidProductToken"},
		"a vendor that has not imported it":       {wire.Hosted(stranger.Key, key, token), "InvalidProductToken"},
		"a token that nobody has imported":        {wire.Desktop(key, token[:len(token)-4]+"AA=="), "InvalidProductToken"},
	} {
		t.Run(name, func(t *testing.T) { expect(t, call(), test.call, http.StatusForbidden, test.code) })
	}
}
