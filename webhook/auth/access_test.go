// Copyright The license-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package auth

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	gocmp "github.com/google/go-cmp/cmp"
	authorizationv1 "k8s.io/api/authorization/v1"
	testclock "k8s.io/utils/clock/testing"

	"github.com/license-operator/license-operator/internal/fault"
)

// access is an AccessReviewer that notes what it is asked.
type access struct {
	asked   []authorizationv1.SubjectAccessReviewSpec
	allowed bool
	err     error
}

func (r *access) ReviewAccess(_ context.Context, spec authorizationv1.SubjectAccessReviewSpec) (bool, error) {
	r.asked = append(r.asked, spec)
	return r.allowed, r.err
}

func TestTheAPIServerIsAskedAboutTheCaller(t *testing.T) {
	reviewer := &access{allowed: true}
	a := NewAuthorizer(reviewer, testclock.NewFakePassiveClock(v4Now))
	who := renderPrincipal()
	who.Extra["example.com/tenant"] = []string{"a", "b"}
	allowed, err := a.Allowed(context.Background(), who, "update", "activations", "status", "acme", "first")
	if err != nil || !allowed {
		t.Fatalf("Allowed() = %t, %v, want true", allowed, err)
	}
	want := []authorizationv1.SubjectAccessReviewSpec{{
		ResourceAttributes: &authorizationv1.ResourceAttributes{
			Group: "license-operator.dev", Version: "v1alpha1",
			Verb: "update", Resource: "activations", Subresource: "status", Namespace: "acme", Name: "first",
		},
		User: "system:serviceaccount:acme:render", UID: "5b2ab0a6",
		Groups: []string{"system:serviceaccounts", "system:authenticated"},
		// Without the Pod that the token is bound to.
		Extra: map[string]authorizationv1.ExtraValue{"example.com/tenant": {"a", "b"}},
	}}
	if diff := gocmp.Diff(want, reviewer.asked); diff != "" {
		t.Errorf("the question differs (-want +got):\n%s", diff)
	}
}

func TestDecisionsAreRemembered(t *testing.T) {
	for allowed, life := range map[bool]time.Duration{true: 10 * time.Second, false: 5 * time.Second} {
		reviewer := &access{allowed: allowed}
		clk := testclock.NewFakePassiveClock(v4Now)
		a := NewAuthorizer(reviewer, clk)
		for i, after := range []time.Duration{0, life - 1, life} {
			clk.SetTime(v4Now.Add(after))
			got, err := a.Allowed(context.Background(), renderPrincipal(), "get", "subscriptions", "", "acme", "initech")
			if want := 1 + i/2; err != nil || got != allowed || len(reviewer.asked) != want {
				t.Errorf("after %s: Allowed() = %t, %v with %d questions, want %t with %d", after, got, err, len(reviewer.asked), allowed, want)
			}
		}
	}
}

// A decision is about one caller and one thing; whatever differs is asked
// again.
func TestDecisionsAreNotConfused(t *testing.T) {
	reviewer := &access{allowed: true}
	a := NewAuthorizer(reviewer, testclock.NewFakePassiveClock(v4Now))
	ask := func(p *Principal, words ...string) {
		t.Helper()
		before := len(reviewer.asked)
		for range 2 {
			if ok, err := a.Allowed(context.Background(), p, words[0], words[1], words[2], words[3], words[4]); err != nil || !ok {
				t.Fatalf("Allowed() = %t, %v", ok, err)
			}
		}
		if len(reviewer.asked) != before+1 {
			t.Errorf("%v for %+v caused %d questions, want 1", words, p, len(reviewer.asked)-before)
		}
	}
	base := []string{"get", "subscriptions", "status", "acme", "initech"}
	ask(renderPrincipal(), base...)
	for i := range base {
		words := append([]string(nil), base...)
		words[i] += "x"
		ask(renderPrincipal(), words...)
	}
	ask(renderPrincipal(), "gets", "ubscriptions", "status", "acme", "initech")
	for _, change := range []func(*Principal){
		func(p *Principal) { p.Username += "x" },
		func(p *Principal) { p.UID += "x" },
		func(p *Principal) { p.Groups = p.Groups[:1] },
		func(p *Principal) { p.Groups = nil },
		func(p *Principal) { p.Extra["example.com/tenant"] = []string{"a"} },
		func(p *Principal) { p.Extra["example.com/tenant"] = []string{"a", ""} },
		func(p *Principal) { p.Extra["authentication.kubernetes.io/pod"] = []string{"a"} },
		func(p *Principal) { p.Extra["x"] = nil },
	} {
		p := renderPrincipal()
		change(p)
		ask(p, base...)
	}
}

func TestOnlyServiceAccountsAreAskedAbout(t *testing.T) {
	reviewer := &access{allowed: true}
	a := NewAuthorizer(reviewer, testclock.NewFakePassiveClock(v4Now))
	for _, kind := range []PrincipalKind{Vendor, Customer, ""} {
		p := renderPrincipal()
		p.Kind = kind
		if ok, err := a.Allowed(context.Background(), p, "get", "subscriptions", "", "acme", ""); ok || err != nil {
			t.Errorf("a %q: Allowed() = %t, %v, want false", kind, ok, err)
		}
	}
	if ok, err := a.Allowed(context.Background(), renderPrincipal(), "get", "subscriptions", "", "", ""); ok || err != nil {
		t.Errorf("all namespaces: Allowed() = %t, %v, want false", ok, err)
	}
	if len(reviewer.asked) != 0 {
		t.Errorf("%d questions were asked, want none", len(reviewer.asked))
	}
}

func TestAccessReviewsThatFail(t *testing.T) {
	cause := errors.New("cause")
	reviewer := &access{allowed: true, err: cause}
	clk := testclock.NewFakePassiveClock(v4Now)
	a := NewAuthorizer(reviewer, clk)
	if ok, err := a.Allowed(context.Background(), renderPrincipal(), "get", "subscriptions", "", "acme", ""); ok || fault.KindOf(err) != fault.Unavailable || !errors.Is(err, cause) {
		t.Errorf("Allowed() = %t, %v, want Unavailable with its cause", ok, err)
	}
	reviewer.err = nil
	if ok, err := a.Allowed(context.Background(), renderPrincipal(), "get", "subscriptions", "", "acme", ""); !ok || err != nil {
		t.Errorf("a failure was remembered: %t, %v", ok, err)
	}
	var last error
	for n := range 2 * reviewBurst {
		_, last = a.Allowed(context.Background(), renderPrincipal(), "get", "subscriptions", "", fmt.Sprint("ns-", n), "")
	}
	if fault.KindOf(last) != fault.Throttled || len(reviewer.asked) != reviewBurst {
		t.Errorf("ever new namespaces: %v after %d questions, want Throttled after %d", last, len(reviewer.asked), reviewBurst)
	}
	if ok, err := a.Allowed(context.Background(), renderPrincipal(), "get", "subscriptions", "", "acme", ""); !ok || err != nil {
		t.Errorf("what is remembered: %t, %v", ok, err)
	}
}

// Whatever their number, Pods of one ServiceAccount may do the same.
func TestAllPodsOfAServiceAccountShareADecision(t *testing.T) {
	reviewer := &access{allowed: true}
	a := NewAuthorizer(reviewer, testclock.NewFakePassiveClock(v4Now))
	for n := range 1000 {
		p := renderPrincipal()
		for _, name := range []string{"pod-name", "pod-uid", "node-name", "node-uid", "credential-id"} {
			p.Extra["authentication.kubernetes.io/"+name] = []string{fmt.Sprint(name, n)}
		}
		if ok, err := a.Allowed(context.Background(), p, "create", "licensecheckouts", "", "acme", ""); !ok || err != nil {
			t.Fatalf("Pod %d: Allowed() = %t, %v", n, ok, err)
		}
	}
	if len(reviewer.asked) != 1 {
		t.Errorf("%d questions were asked, want 1", len(reviewer.asked))
	}
}
