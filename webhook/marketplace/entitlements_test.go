// Copyright The license-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package marketplace_test

import (
	"encoding/json"
	"math"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/license-operator/license-operator/api/v1alpha1"
	"github.com/license-operator/license-operator/internal/fault"
	"github.com/license-operator/license-operator/test/builder"
	"github.com/license-operator/license-operator/test/expect"
	"github.com/license-operator/license-operator/webhook/auth"
	"github.com/license-operator/license-operator/webhook/awsjson"
	"github.com/license-operator/license-operator/webhook/marketplace"
)

type filter = map[string][]string

// ask calls GetEntitlements.
func (s *scene) ask(replica *marketplace.Service, who *auth.Principal, in *awsjson.GetEntitlementsRequest) (*awsjson.GetEntitlementsResult, error) {
	s.Helper()
	op := awsjson.Targets["AWSMPEntitlementService.GetEntitlements"]
	out, err := replica.Do(s.Context(), op, who, in)
	if err != nil {
		return nil, err
	}
	if err := op.Check(out); err != nil {
		s.Errorf("the answer breaks the model: %v", err)
	}
	return out.(*awsjson.GetEntitlementsResult), nil
}

// rows are the entitlements that match, in short: customer, dimension, value.
func (s *scene) rows(replica *marketplace.Service, who *auth.Principal, f filter) []string {
	s.Helper()
	out, err := s.ask(replica, who, &awsjson.GetEntitlementsRequest{ProductCode: code, Filter: f})
	if err != nil {
		s.Fatal(err)
	}
	if out.Entitlements == nil || out.NextToken != "" {
		s.Errorf("the page is %+v", out)
	}
	return short(s, out)
}

func short(s *scene, out *awsjson.GetEntitlementsResult) []string {
	rows := []string{}
	for _, e := range out.Entitlements {
		value, err := json.Marshal(e.Value)
		if err != nil {
			s.Fatal(err)
		}
		rows = append(rows, e.CustomerIdentifier+" "+e.Dimension+" "+string(value))
	}
	return rows
}

func TestAnEntitlementSaysEverything(t *testing.T) {
	s := newScene(t)
	end := expect.Start.Add(24 * time.Hour).Truncate(time.Second)
	expect.Edit(s.Stage, s.sub, func(sub *v1alpha1.Subscription) {
		sub.Spec.EndTime, sub.Spec.GracePeriodSeconds = &metav1.Time{Time: end}, new(int32(3600))
	})
	row := awsjson.CustomerEntitlement{ProductCode: code, CustomerIdentifier: customer, CustomerAWSAccountID: theirs,
		ExpirationDate: &awsjson.Timestamp{Time: end.Add(time.Hour)}, LicenseARN: s.arn()}
	gpu, seats := row, row
	gpu.Dimension, gpu.Value = "gpu", &awsjson.EntitlementValue{BooleanValue: new(true)}
	seats.Dimension, seats.Value = "seats", &awsjson.EntitlementValue{IntegerValue: new(int32(10))}
	want := &awsjson.GetEntitlementsResult{Entitlements: []awsjson.CustomerEntitlement{gpu, seats}}
	got, err := s.ask(s.service, s.vendor, &awsjson.GetEntitlementsRequest{ProductCode: code})
	if diff := cmp.Diff(want, got); err != nil || diff != "" {
		t.Errorf("%v, another answer (-want +got):\n%s", err, diff)
	}

	s.Step(24*time.Hour + time.Minute)
	if got := s.rows(s.service, s.vendor, nil); len(got) != 2 {
		t.Errorf("in the grace period there is %v", got)
	}
	s.Step(time.Hour)
	if got := s.rows(s.service, s.vendor, nil); len(got) != 0 {
		t.Errorf("after it there is %v", got)
	}
}

func TestWhatOfAnEntitlementIsLeftOut(t *testing.T) {
	s := newScene(t, func(p *builder.ProductBuilder) {
		p.With(func(p *v1alpha1.Product) { p.Spec.Registration.CustomerIdentifier = v1alpha1.IdentifierOmitted })
	})
	expect.Edit(s.Stage, s.sub, func(sub *v1alpha1.Subscription) { sub.Spec.Customer.AccountID = "" })
	out, err := s.ask(s.service, s.vendor, &awsjson.GetEntitlementsRequest{ProductCode: code, Filter: filter{awsjson.FilterCustomerIdentifier: {customer}}})
	if err != nil || len(out.Entitlements) != 2 {
		t.Fatalf("%+v, %v", out, err)
	}
	text, err := json.Marshal(out)
	if err != nil {
		t.Fatal(err)
	}
	for _, absent := range []string{"CustomerIdentifier", "CustomerAWSAccountId", "ExpirationDate", "NextToken", "IntegerValue\":null"} {
		if strings.Contains(string(text), absent) {
			t.Errorf("%s is in %s", absent, text)
		}
	}
}

func TestValues(t *testing.T) {
	for name, test := range map[string]struct {
		entitlement v1alpha1.Entitlement
		want        string
	}{
		"nothing of what is counted":     {v1alpha1.Entitlement{Unit: "Count", MaxCount: new(int64(0))}, `{"IntegerValue":0}`},
		"the largest integer":            {v1alpha1.Entitlement{Unit: "Gigabytes", MaxCount: new(int64(math.MaxInt32))}, `{"IntegerValue":2147483647}`},
		"more than an integer holds":     {v1alpha1.Entitlement{Unit: "Bytes", MaxCount: new(int64(math.MaxInt32 + 1))}, `{"DoubleValue":2147483648}`},
		"the most that may be":           {v1alpha1.Entitlement{Unit: "Bytes", MaxCount: new(int64(1e12))}, `{"DoubleValue":1000000000000}`},
		"a feature":                      {v1alpha1.Entitlement{Unit: "None"}, `{"BooleanValue":true}`},
		"a feature that is true":         {v1alpha1.Entitlement{Unit: "None", Value: "true"}, `{"BooleanValue":true}`},
		"a feature that is false":        {v1alpha1.Entitlement{Unit: "None", Value: "false"}, `{"BooleanValue":false}`},
		"a feature with a value":         {v1alpha1.Entitlement{Unit: "None", Value: "Enabled"}, `{"StringValue":"Enabled"}`},
		"a value that looks like a bool": {v1alpha1.Entitlement{Unit: "None", Value: "True"}, `{"StringValue":"True"}`},
		"a value that looks like digits": {v1alpha1.Entitlement{Unit: "None", Value: "7"}, `{"StringValue":"7"}`},
	} {
		t.Run(name, func(t *testing.T) {
			test.entitlement.Name = "x"
			s := newScene(t, func(p *builder.ProductBuilder) { p.WithEntitlement(test.entitlement) })
			if diff := cmp.Diff([]string{"cust-42 x " + test.want}, s.rows(s.service, s.vendor, filter{awsjson.FilterDimension: {"x"}})); diff != "" {
				t.Errorf("another value (-want +got):\n%s", diff)
			}
		})
	}
}

func TestOnlyWhatStandsNowIsListed(t *testing.T) {
	for name, test := range map[string]struct {
		change func(sub *v1alpha1.Subscription)
		listed bool
	}{
		"active":          {func(*v1alpha1.Subscription) {}, true},
		"pending":         {func(sub *v1alpha1.Subscription) { sub.Spec.State = v1alpha1.SubscriptionPending }, false},
		"suspended":       {func(sub *v1alpha1.Subscription) { sub.Spec.State = v1alpha1.SubscriptionSuspended }, false},
		"cancelled":       {func(sub *v1alpha1.Subscription) { sub.Spec.State = v1alpha1.SubscriptionCancelled }, false},
		"not begun":       {func(sub *v1alpha1.Subscription) { sub.Spec.StartTime = &metav1.Time{Time: expect.Start.Add(time.Hour)} }, false},
		"over":            {func(sub *v1alpha1.Subscription) { sub.Spec.EndTime = &metav1.Time{Time: expect.Start.Add(-time.Hour)} }, false},
		"to another only": {func(sub *v1alpha1.Subscription) { sub.Spec.ProductRef.Name = "studio" }, false},
	} {
		t.Run(name, func(t *testing.T) {
			s := newScene(t)
			s.Delete(s.sub)
			s.sub = builder.Subscription("initech", "render-farm").WithCustomer(customer).WithAccountID(theirs).With(test.change).Build()
			s.Create(s.sub, builder.Product("studio").Build())
			for _, f := range []filter{nil, {awsjson.FilterCustomerIdentifier: {customer}}, {awsjson.FilterLicenseARN: {s.arn()}}} {
				if got := s.rows(s.service, s.vendor, f); (len(got) == 2) != test.listed || !test.listed && len(got) != 0 {
					t.Errorf("filtered by %v there is %v", f, got)
				}
			}
		})
	}
}

// market adds two customers: one without an account, one with more seats.
func market(s *scene) (globex, umbrella string) {
	s.Helper()
	g := builder.Subscription("globex", "render-farm").WithCustomer("cust-43").WithSeats("seats", 25).Build()
	u := builder.Subscription("umbrella", "render-farm").WithCustomer("cust-44").WithAccountID("333333333333").WithFeature("gpu", "false").Build()
	again := builder.Subscription("zz-initech", "render-farm").WithCustomer(customer).WithAccountID(theirs).WithSeats("seats", 1).Build()
	s.Create(g, u, again, builder.Product("studio").WithSeats("seats", 3).Build(), builder.Subscription("other", "studio").WithCustomer(customer).Build())
	account, err := s.service.Store.Account(s.Context(), s.Namespace)
	if err != nil {
		s.Fatal(err)
	}
	return s.Names.LicenseARN(account, g), s.Names.LicenseARN(account, u)
}

func TestFilters(t *testing.T) {
	s := newScene(t)
	globex, umbrella := market(s)
	const (
		customers, accounts = awsjson.FilterCustomerIdentifier, awsjson.FilterCustomerAWSAccountID
		dimension, licence  = awsjson.FilterDimension, awsjson.FilterLicenseARN
	)
	own := []string{`cust-42 gpu {"BooleanValue":true}`, `cust-42 seats {"IntegerValue":10}`}
	again := []string{`cust-42 gpu {"BooleanValue":true}`, `cust-42 seats {"IntegerValue":1}`}
	g := []string{`cust-43 gpu {"BooleanValue":true}`, `cust-43 seats {"IntegerValue":25}`}
	u := []string{`cust-44 gpu {"BooleanValue":false}`, `cust-44 seats {"IntegerValue":10}`}
	join := func(lists ...[]string) (all []string) {
		all = []string{}
		for _, l := range lists {
			all = append(all, l...)
		}
		return all
	}
	for name, test := range map[string]struct {
		f    filter
		want []string
	}{
		"none":                                  {nil, join(g, own, u, again)},
		"none, but a map":                       {filter{}, join(g, own, u, again)},
		"a customer":                            {filter{customers: {customer}}, join(own, again)},
		"two customers":                         {filter{customers: {"cust-44", "cust-43"}}, join(g, u)},
		"a customer twice":                      {filter{customers: {"cust-44", "cust-44"}}, join(u)},
		"nobody":                                {filter{customers: {"cust-45"}}, join()},
		"an empty customer":                     {filter{customers: {""}}, join()},
		"an account":                            {filter{accounts: {theirs}}, join(own, again)},
		"an account as if it were a customer":   {filter{customers: {theirs}}, join()},
		"a customer as if it were an account":   {filter{accounts: {customer}}, join()},
		"a customer in another case":            {filter{customers: {"CUST-42"}}, join()},
		"a dimension":                           {filter{dimension: {"seats"}}, []string{g[1], own[1], u[1], again[1]}},
		"two dimensions":                        {filter{dimension: {"seats", "gpu"}}, join(g, own, u, again)},
		"a dimension that is not":               {filter{dimension: {"SEATS"}}, join()},
		"a licence":                             {filter{licence: {globex}}, join(g)},
		"two licences and what is none":         {filter{licence: {umbrella, "x", globex}}, join(g, u)},
		"a customer and a dimension":            {filter{customers: {"cust-43"}, dimension: {"gpu", "x"}}, g[:1]},
		"a licence and its customer":            {filter{customers: {"cust-43"}, licence: {globex}}, join(g)},
		"a licence and another customer":        {filter{customers: {"cust-44"}, licence: {globex}}, join()},
		"an account, a licence and a dimension": {filter{accounts: {"333333333333"}, licence: {globex, umbrella}, dimension: {"gpu"}}, u[:1]},
	} {
		t.Run(name, func(t *testing.T) {
			if diff := cmp.Diff(test.want, s.rows(s.service, s.vendor, test.f)); diff != "" {
				t.Errorf("other rows (-want +got):\n%s", diff)
			}
		})
	}
}

func TestARequestForEntitlementsThatIsWrong(t *testing.T) {
	s := newScene(t)
	for name, test := range map[string]struct {
		in   awsjson.GetEntitlementsRequest
		who  *auth.Principal
		says string
	}{
		"both keys of a customer":                 {awsjson.GetEntitlementsRequest{ProductCode: code, Filter: filter{awsjson.FilterCustomerIdentifier: {customer}, awsjson.FilterCustomerAWSAccountID: {theirs}}}, s.vendor, "exclude each other"},
		"a code of nobody":                        {awsjson.GetEntitlementsRequest{ProductCode: "774f4ff8"}, s.vendor, "not the code of a product of the caller's"},
		"a code of nobody, asked by a customer":   {awsjson.GetEntitlementsRequest{ProductCode: "774f4ff8"}, s.customer(), "not the code of a product of the caller's"},
		"a page that is none":                     {awsjson.GetEntitlementsRequest{ProductCode: code, NextToken: new("canary")}, s.vendor, "NextToken is not one"},
		"no rows":                                 {awsjson.GetEntitlementsRequest{ProductCode: code, MaxResults: new(int32(0))}, s.vendor, "MaxResults must be from 1 to 25"},
		"too many rows":                           {awsjson.GetEntitlementsRequest{ProductCode: code, MaxResults: new(int32(26))}, s.vendor, "MaxResults must be from 1 to 25"},
		"licences of two vendors, asked by a pod": {awsjson.GetEntitlementsRequest{ProductCode: code, Filter: filter{awsjson.FilterLicenseARN: {s.arn(), "arn:aws:license-manager::999999999999:license:l-bc39444470c642ae9ead0eabe8465bb1"}}}, s.pod("list subscriptions"), "several vendors"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := s.ask(s.service, test.who, &test.in)
			s.refused(err, fault.InvalidParameter, test.says)
		})
	}
}
