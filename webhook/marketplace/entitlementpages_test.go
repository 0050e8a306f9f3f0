// Copyright The license-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package marketplace_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"k8s.io/apimachinery/pkg/util/rand"

	"github.com/license-operator/license-operator/api/v1alpha1"
	"github.com/license-operator/license-operator/internal/fault"
	"github.com/license-operator/license-operator/test/builder"
	"github.com/license-operator/license-operator/test/expect"
	"github.com/license-operator/license-operator/webhook/auth"
	"github.com/license-operator/license-operator/webhook/awsjson"
)

func TestPages(t *testing.T) {
	s := newScene(t)
	market(s)
	all := s.rows(s.service, s.vendor, nil)
	for size := int32(1); size <= 9; size++ {
		in := &awsjson.GetEntitlementsRequest{ProductCode: code, MaxResults: &size}
		var got []string
		for pages := 0; ; pages++ {
			// Each page is from another replica.
			out, err := s.ask(s.replica(s.Operator), s.vendor, in)
			if err != nil {
				t.Fatal(err)
			}
			if len(out.Entitlements) > int(size) || pages > 9 {
				t.Fatalf("page %d has %d rows, at most %d", pages, len(out.Entitlements), size)
			}
			if got = append(got, short(s, out)...); out.NextToken == "" {
				break
			}
			if strings.ContainsAny(out.NextToken, " +/=") || strings.Contains(out.NextToken, "initech") {
				t.Errorf("the token is %q", out.NextToken)
			}
			in.NextToken = &out.NextToken
		}
		if diff := cmp.Diff(all, got); diff != "" {
			t.Errorf("by %d: other rows (-whole +paged):\n%s", size, diff)
		}
	}
}

func TestAPageGoesOnWhenThingsComeAndGo(t *testing.T) {
	s := newScene(t)
	market(s)
	first, err := s.ask(s.service, s.vendor, &awsjson.GetEntitlementsRequest{ProductCode: code, MaxResults: new(int32(3))})
	if err != nil || len(first.Entitlements) != 3 {
		t.Fatalf("%+v, %v", first, err)
	}
	// The one that the page has ended in is gone, and another came before it.
	s.Delete(s.sub)
	s.Create(builder.Subscription("a", "render-farm").WithCustomer("cust-1").Build(), builder.Subscription("j", "render-farm").WithCustomer("cust-2").Build())
	rest, err := s.ask(s.service, s.vendor, &awsjson.GetEntitlementsRequest{ProductCode: code, NextToken: &first.NextToken})
	if err != nil {
		t.Fatal(err)
	}
	want := []string{`cust-2 gpu {"BooleanValue":true}`, `cust-2 seats {"IntegerValue":10}`, `cust-44 gpu {"BooleanValue":false}`, `cust-44 seats {"IntegerValue":10}`,
		`cust-42 gpu {"BooleanValue":true}`, `cust-42 seats {"IntegerValue":1}`}
	if diff := cmp.Diff(want, short(s, rest)); diff != "" {
		t.Errorf("other rows (-want +got):\n%s", diff)
	}
}

func TestATokenOfAPageIsForItsListOnly(t *testing.T) {
	s := newScene(t)
	market(s)
	f := filter{awsjson.FilterDimension: {"gpu", "seats"}}
	first, err := s.ask(s.service, s.vendor, &awsjson.GetEntitlementsRequest{ProductCode: code, Filter: f, MaxResults: new(int32(1))})
	if err != nil {
		t.Fatal(err)
	}
	token := first.NextToken
	same := awsjson.GetEntitlementsRequest{ProductCode: code, NextToken: &token, Filter: filter{awsjson.FilterDimension: {"seats", "gpu"}}}
	if out, err := s.ask(s.service, s.vendor, &same); err != nil || len(out.Entitlements) != 7 {
		t.Errorf("with the filter in another order: %+v, %v", out, err)
	}
	elsewhere := *s.vendor
	other := newScene(t)
	elsewhere.Namespace = other.Namespace
	tampered := token[:len(token)-1] + flip(token[len(token)-1])
	for name, test := range map[string]struct {
		in  awsjson.GetEntitlementsRequest
		who *auth.Principal
	}{
		"without the filter":  {awsjson.GetEntitlementsRequest{ProductCode: code, NextToken: &token}, s.vendor},
		"with another filter": {awsjson.GetEntitlementsRequest{ProductCode: code, NextToken: &token, Filter: filter{awsjson.FilterDimension: {"gpu"}}}, s.vendor},
		"with another key":    {awsjson.GetEntitlementsRequest{ProductCode: code, NextToken: &token, Filter: filter{awsjson.FilterCustomerIdentifier: {"gpu", "seats"}}}, s.vendor},
		"by a customer":       {awsjson.GetEntitlementsRequest{ProductCode: code, NextToken: &token, Filter: f}, s.customer()},
		"by another vendor":   {awsjson.GetEntitlementsRequest{ProductCode: code, NextToken: &token, Filter: f}, &elsewhere},
		"changed":             {awsjson.GetEntitlementsRequest{ProductCode: code, NextToken: &tampered, Filter: f}, s.vendor},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := s.ask(s.service, test.who, &test.in)
			s.refused(err, fault.InvalidParameter, "NextToken is not one")
		})
	}
}

func TestWhoMayListEntitlements(t *testing.T) {
	const mayList = "list subscriptions"
	own := "MKT" + strings.ToUpper(rand.String(5)) // Of many vendors with one code, only some are looked at.
	ownCode := func(p *builder.ProductBuilder) { p.WithCode(own) }
	s := newScene(t, ownCode)
	market(s)
	time.Sleep(time.Second) // The older Product comes first; times of creation are to the second.
	other := newScene(t, ownCode)
	elsewhere := *s.vendor
	elsewhere.Namespace = "elsewhere"
	theirOwn := []string{`cust-42 gpu {"BooleanValue":true}`, `cust-42 seats {"IntegerValue":10}`}
	stranger := s.customer()
	stranger.Subscription = "other" // To another product.
	for name, test := range map[string]struct {
		who  func() *auth.Principal
		f    filter
		rows int
		want []string
		kind fault.Kind // "" for answered
		says string
	}{
		"the vendor":                               {who: func() *auth.Principal { return s.vendor }, rows: 8},
		"another vendor":                           {who: func() *auth.Principal { return &elsewhere }, kind: fault.InvalidParameter, says: "ProductCode is not"},
		"the customer":                             {who: s.customer, rows: 2, want: theirOwn},
		"the customer, of all":                     {who: s.customer, f: filter{awsjson.FilterDimension: {"gpu", "seats"}}, rows: 2, want: theirOwn},
		"the customer, of itself":                  {who: s.customer, f: filter{awsjson.FilterCustomerIdentifier: {customer, "cust-43"}}, rows: 2, want: theirOwn},
		"the customer, of another":                 {who: s.customer, f: filter{awsjson.FilterCustomerIdentifier: {"cust-43"}}},
		"a customer of another product":            {who: func() *auth.Principal { return stranger }, kind: fault.InvalidParameter, says: "ProductCode is not"},
		"a ServiceAccount with the right":          {who: func() *auth.Principal { return s.pod(mayList) }, rows: 8},
		"a ServiceAccount without":                 {who: func() *auth.Principal { return s.pod() }, kind: fault.AccessDenied, says: "may not list subscriptions there"},
		"a ServiceAccount with others":             {who: func() *auth.Principal { return s.pod("get subscriptions", "list products") }, kind: fault.AccessDenied, says: "bind a Role"},
		"a ServiceAccount of both":                 {who: func() *auth.Principal { other.rbac = s.rbac; other.pod(mayList); return s.pod(mayList) }, rows: 8},
		"a ServiceAccount of both, with ARN":       {who: func() *auth.Principal { other.rbac = s.rbac; other.pod(mayList); return s.pod(mayList) }, f: filter{awsjson.FilterLicenseARN: {s.arn()}}, rows: 2, want: theirOwn},
		"a ServiceAccount, ARN of a closed vendor": {who: func() *auth.Principal { return s.pod(mayList) }, f: filter{awsjson.FilterLicenseARN: {other.arn()}}, kind: fault.AccessDenied, says: "may not list subscriptions there"},
		"a ServiceAccount, ARN of nobody":          {who: func() *auth.Principal { return s.pod(mayList) }, f: filter{awsjson.FilterLicenseARN: {"x"}}, kind: fault.AccessDenied, says: "may not list subscriptions there"},
	} {
		t.Run(name, func(t *testing.T) {
			s.rbac.allowed = map[string]bool{}
			out, err := s.ask(s.service, test.who(), &awsjson.GetEntitlementsRequest{ProductCode: own, Filter: test.f})
			if test.kind != "" {
				s.refused(err, test.kind, test.says)
				return
			}
			if err != nil || len(out.Entitlements) != test.rows {
				t.Fatalf("%+v, %v, want %d rows", out, err, test.rows)
			}
			if test.want != nil {
				if diff := cmp.Diff(test.want, short(s, out)); diff != "" {
					t.Errorf("other rows (-want +got):\n%s", diff)
				}
			}
		})
	}
}

// A code that many vendors have is looked for in the ServiceAccount's own
// namespace first, and not in all.
func TestACodeOfManyVendors(t *testing.T) {
	s := newScene(t)
	s.Delete(s.product)
	s.Delete(s.sub)
	const many = "MANY"
	var last *scene
	for i := range 36 {
		ns := builder.Namespace(fmt.Sprintf("many-%02d-%s", i, s.Namespace)).Build()
		s.Create(ns)
		s.Create(builder.Product("farm").InNamespace(ns.Name).WithCode(many).WithSeats("seats", 1).Build(),
			builder.Subscription("initech", "farm").InNamespace(ns.Name).WithCustomer(customer).Build())
		last = &scene{Stage: s.Stage}
		last.sub = builder.Subscription("initech", "farm").InNamespace(ns.Name).Build()
	}
	own := &auth.Principal{Kind: auth.ServiceAccount, Username: "system:serviceaccount:" + last.sub.Namespace + ":worker"}
	in := &awsjson.GetEntitlementsRequest{ProductCode: many}
	s.rbac.allowed["list subscriptions "+last.sub.Namespace] = true
	if out, err := s.ask(s.service, own, in); err != nil || len(out.Entitlements) != 1 {
		t.Errorf("of its own namespace: %+v, %v", out, err)
	}
	s.rbac.asked = 0
	_, err := s.ask(s.service, s.pod(), in)
	s.refused(err, fault.AccessDenied, "bind a Role")
	if s.rbac.asked > 32 {
		t.Errorf("RBAC was asked %d times", s.rbac.asked)
	}
}

func TestACustomerIsFoundThoughTheCacheLags(t *testing.T) {
	s := newScene(t)
	expect.EditStatus(s.Stage, s.sub, func(sub *v1alpha1.Subscription) { sub.Status.PersistentIdentifier = s.Names.PID(sub) })
	want := []string{`cust-42 gpu {"BooleanValue":true}`, `cust-42 seats {"IntegerValue":10}`}
	for name, test := range map[string]struct {
		who *auth.Principal
		f   filter
	}{
		"by its identifier": {s.vendor, filter{awsjson.FilterCustomerIdentifier: {customer}}},
		"by its account":    {s.vendor, filter{awsjson.FilterCustomerAWSAccountID: {theirs}}},
		"by its licence":    {s.vendor, filter{awsjson.FilterLicenseARN: {s.arn()}}},
		"by its key":        {s.customer(), nil},
	} {
		t.Run(name, func(t *testing.T) {
			if diff := cmp.Diff(want, s.rows(s.lagging, test.who, test.f)); diff != "" {
				t.Errorf("other rows (-want +got):\n%s", diff)
			}
		})
	}
}

// With filters that match few of many, one call looks at a part of them only.
func TestAListOfManyIsLookedAtInParts(t *testing.T) {
	s := newScene(t)
	many := &shelf{Reader: s.Operator}
	for i := range 2500 {
		sub := builder.Subscription(fmt.Sprintf("sub-%04d", i), "render-farm").InNamespace(s.Namespace).WithCustomer(fmt.Sprint("c", i))
		if i%1000 != 500 {
			sub.InState(v1alpha1.SubscriptionSuspended)
		}
		many.subs = append(many.subs, *sub.Build())
	}
	in := &awsjson.GetEntitlementsRequest{ProductCode: code, Filter: filter{awsjson.FilterDimension: {"gpu"}}}
	replica := s.replica(many)
	var rows [][]string
	for {
		out, err := s.ask(replica, s.vendor, in)
		if err != nil {
			t.Fatal(err)
		}
		if rows = append(rows, short(s, out)); out.NextToken == "" {
			break
		}
		in.NextToken = &out.NextToken
	}
	want := [][]string{{`c500 gpu {"BooleanValue":true}`}, {`c1500 gpu {"BooleanValue":true}`}, {}}
	if diff := cmp.Diff(want, rows); diff != "" {
		t.Errorf("other pages (-want +got):\n%s", diff)
	}
}
