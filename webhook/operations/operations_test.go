// Copyright The license-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package operations_test

import (
	"bytes"
	"context"
	"crypto/rand"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/license-operator/license-operator/internal/fault"
	"github.com/license-operator/license-operator/internal/secrets"
	"github.com/license-operator/license-operator/webhook/auth"
	"github.com/license-operator/license-operator/webhook/awsjson"
	"github.com/license-operator/license-operator/webhook/operations"
)

var (
	vendor   = &auth.Principal{Kind: auth.Vendor, Namespace: "acme"}
	customer = &auth.Principal{Kind: auth.Customer, Namespace: "acme", Subscription: "initech"}
	pod      = &auth.Principal{Kind: auth.ServiceAccount, Username: "system:serviceaccount:farm:worker"}
)

// echo is a service that answers with what it is asked.
type echo struct{ failure error }

func (e *echo) resolve(_ context.Context, _ *auth.Principal, in *awsjson.ResolveCustomerRequest) (*awsjson.ResolveCustomerResult, error) {
	return &awsjson.ResolveCustomerResult{CustomerIdentifier: in.RegistrationToken}, e.failure
}

func TestAnOperationIsAnsweredByItsHandler(t *testing.T) {
	table := operations.Table[*echo]{awsjson.MarketplaceMetering: {"ResolveCustomer": operations.Handle((*echo).resolve)}}
	op := awsjson.Targets["AWSMPMeteringService.ResolveCustomer"]
	in := &awsjson.ResolveCustomerRequest{RegistrationToken: "token"}
	failure := fault.New(fault.RegistrationTokenInvalid, "No.")
	for name, test := range map[string]struct {
		service *echo
		op      *awsjson.Operation
		in      any
		want    string
		kind    fault.Kind
	}{
		"an operation":                   {&echo{}, op, in, "token", ""},
		"one that fails":                 {&echo{failure}, op, in, "", fault.RegistrationTokenInvalid},
		"a request of another operation": {&echo{}, op, &awsjson.MeterUsageRequest{}, "", fault.Internal},
		"another operation":              {&echo{}, awsjson.Targets["AWSMPMeteringService.MeterUsage"], in, "", fault.UnknownAction},
		"the same name elsewhere":        {&echo{}, &awsjson.Operation{Service: awsjson.LicenseManager, Name: op.Name}, in, "", fault.UnknownAction},
	} {
		for _, who := range []*auth.Principal{vendor, customer, pod} {
			out, err := table.Do(t.Context(), test.service, test.op, who, test.in)
			if test.kind != "" {
				if out != nil || err == nil || fault.KindOf(err) != test.kind {
					t.Errorf("%s: it is %v, %v, want %s", name, out, err, test.kind)
				}
				continue
			}
			if got, ok := out.(*awsjson.ResolveCustomerResult); err != nil || !ok || got.CustomerIdentifier != test.want {
				t.Errorf("%s: it is %v, %v", name, out, err)
			}
		}
	}
}

// rbac allows one thing.
type rbac struct {
	allowed string
	asked   int
	failure error
}

// Allowed implements operations.Access.
func (r *rbac) Allowed(_ context.Context, _ *auth.Principal, verb, resource, subresource, namespace, name string) (bool, error) {
	r.asked++
	return strings.Join([]string{verb, resource, subresource, namespace, name}, " ") == r.allowed, r.failure
}

func TestCheck(t *testing.T) {
	update := operations.Permission{Verb: "update", Resource: "activations", Subresource: "status"}
	get := operations.Permission{Verb: "get", Resource: "subscriptions"}
	for name, test := range map[string]struct {
		who             *auth.Principal
		p               operations.Permission
		namespace, name string
		rbac            rbac
		kind            fault.Kind // "" for allowed
		asked           int
	}{
		"a vendor":                             {who: vendor, p: update, namespace: "elsewhere"},
		"a customer":                           {who: customer, p: update},
		"a ServiceAccount with the right":      {who: pod, p: update, namespace: "acme", rbac: rbac{allowed: "update activations status acme "}, asked: 1},
		"a ServiceAccount with it for one":     {who: pod, p: get, namespace: "acme", name: "initech", rbac: rbac{allowed: "get subscriptions  acme initech"}, asked: 1},
		"a ServiceAccount with it for another": {who: pod, p: get, namespace: "acme", name: "globex", rbac: rbac{allowed: "get subscriptions  acme initech"}, asked: 1, kind: fault.AccessDenied},
		"a ServiceAccount with it elsewhere":   {who: pod, p: update, namespace: "acme", rbac: rbac{allowed: "update activations status farm "}, asked: 1, kind: fault.AccessDenied},
		"a ServiceAccount of no vendor":        {who: pod, p: update, rbac: rbac{allowed: "update activations status  "}, kind: fault.AccessDenied},
		"a ServiceAccount nobody knows of":     {who: pod, p: update, namespace: "acme", rbac: rbac{failure: fault.New(fault.Unavailable, "Later.")}, asked: 1, kind: fault.Unavailable},
	} {
		t.Run(name, func(t *testing.T) {
			err := operations.Check(t.Context(), &test.rbac, test.who, test.p, test.namespace, test.name)
			if test.kind == "" && err != nil || test.kind != "" && fault.KindOf(err) != test.kind || test.rbac.asked != test.asked {
				t.Errorf("it is %v, want %q; asked %d times, want %d", err, test.kind, test.rbac.asked, test.asked)
			}
		})
	}
	closed := operations.Check(t.Context(), &rbac{}, pod, update, "acme", "")
	absent := operations.Check(t.Context(), &rbac{}, pod, update, "", "")
	want := "AccessDenied: system:serviceaccount:farm:worker may not update activations/status there, or there is no such vendor; bind a Role that allows it in the vendor's namespace."
	if closed.Error() != want || absent.Error() != want {
		t.Errorf("it is %v and %v, want %s", closed, absent, want)
	}
}

var start = time.Date(2026, time.November, 22, 2, 44, 0, 0, time.UTC)

func pages(t testing.TB, purpose string) operations.Pages {
	t.Helper()
	identity, err := secrets.NewIdentity(bytes.Repeat([]byte{1}, secrets.KeySize))
	sealing, err2 := secrets.NewKeyring([]secrets.SealingKey{{Version: 1, Key: bytes.Repeat([]byte{2}, secrets.KeySize), UseFromTime: start}})
	key, err3 := secrets.NewSigningKey(rand.Reader, 1, secrets.DefaultRSABits, start, start)
	if err := errors.Join(err, err2, err3); err != nil {
		t.Fatal(err)
	}
	signing, err := secrets.NewSigning([]secrets.SigningKey{key})
	if err != nil {
		t.Fatal(err)
	}
	keys := &secrets.Holder{}
	if err := keys.Set(&secrets.Keys{Identity: identity, Sealing: sealing, Signing: signing}); err != nil {
		t.Fatal(err)
	}
	return operations.Pages{Purpose: purpose, Keys: keys}
}

func TestATokenOfAPageIsForItsListOnly(t *testing.T) {
	p := pages(t, "a-page")
	token, err := p.Seal(start, "mark", "after\nthis")
	if err != nil {
		t.Fatal(err)
	}
	if after, err := p.Open(token, "mark"); err != nil || after != "after\nthis" {
		t.Errorf("it goes on after %q, %v", after, err)
	}
	other := pages(t, "another-page")
	for name, open := range map[string]func() (string, error){
		"another list": func() (string, error) { return p.Open(token, "mar") },
		"another kind of list": func() (string, error) {
			return operations.Pages{Purpose: other.Purpose, Keys: p.Keys}.Open(token, "mark")
		},
		"nothing":              func() (string, error) { return p.Open("", "mark") },
		"what is no token":     func() (string, error) { return p.Open("canary", "mark") },
		"a token cut off":      func() (string, error) { return p.Open(token[:len(token)-1], "mark") },
		"a token with padding": func() (string, error) { return p.Open(token+"=", "mark") },
	} {
		after, err := open()
		if after != "" || fault.KindOf(err) != fault.InvalidParameter || strings.Contains(err.Error(), "canary") {
			t.Errorf("%s: it goes on after %q, %v", name, after, err)
		}
	}
}

func FuzzOpen(f *testing.F) {
	p := pages(f, "a-page")
	token, err := p.Seal(start, "mark", "after")
	if err != nil {
		f.Fatal(err)
	}
	f.Add(token, "mark")
	f.Add("", "")
	f.Add(strings.ToUpper(token), "mark")
	f.Fuzz(func(t *testing.T, text, mark string) {
		after, err := p.Open(text, mark)
		if err != nil {
			if fault.KindOf(err) != fault.InvalidParameter {
				t.Fatalf("Open() error = %v", err)
			}
			return
		}
		if text != token || mark != "mark" || after != "after" {
			t.Fatalf("Open(%q, %q) = %q", text, mark, after)
		}
	})
}
