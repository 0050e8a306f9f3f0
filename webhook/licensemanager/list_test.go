// Copyright The license-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package licensemanager_test

import (
	"context"
	"fmt"
	"testing"

	"github.com/google/go-cmp/cmp"
	"k8s.io/utils/ptr"

	"github.com/license-operator/license-operator/api/v1alpha1"
	"github.com/license-operator/license-operator/internal/fault"
	"github.com/license-operator/license-operator/webhook/auth"
	"github.com/license-operator/license-operator/webhook/awsjson"
)

func filter(name string, values ...string) awsjson.Filter {
	return awsjson.Filter{Name: &name, Values: values}
}

// listed are the names of a list's licences.
func listed(out *awsjson.ListReceivedLicensesResponse) []string {
	var names []string
	for _, l := range out.Licenses {
		names = append(names, l.LicenseName)
	}
	return names
}

// crowd has a second product, and customers beside initech.
func crowd(t *testing.T) *fixture {
	f := newFixture(t)
	f.add(f.product().With(func(p *v1alpha1.Product) { p.Name = "studio" }).WithSKU("STUDIO").WithIssuer("Acme Labs").Build(),
		f.subscription("globex").WithCustomer("cust-43").WithAccountID("111111111111").InState(v1alpha1.SubscriptionSuspended).Build(),
		f.subscription("hooli").With(func(sub *v1alpha1.Subscription) { sub.Spec.ProductRef.Name = "studio" }).Build(),
		f.subscription("orphan").WithCustomer("cust-44").With(func(sub *v1alpha1.Subscription) { sub.Spec.ProductRef.Name = "gone" }).Build(),
		f.subscription("elsewhere").InNamespace("globex").Build())
	return f
}

func TestLists(t *testing.T) {
	for name, test := range map[string]struct {
		who     *auth.Principal // nil for the vendor
		allowed string
		arns    []string
		filters []awsjson.Filter
		want    []string
		kind    fault.Kind
		says    string
		// received: ListLicenses does not have this filter, or this caller.
		received bool
	}{
		"all of the vendor's":                   {want: []string{"globex", "hooli", "initech", "orphan"}},
		"the customer's own":                    {who: initech(), want: []string{"initech"}, received: true},
		"another's by the customer":             {who: initech(), arns: []string{"globex"}, received: true},
		"by ARNs":                               {arns: []string{"orphan", "hooli", "hooli", "unknown"}, want: []string{"hooli", "orphan"}},
		"by identifier":                         {filters: []awsjson.Filter{filter("Beneficiary", customer)}, want: []string{"hooli", "initech"}},
		"by account":                            {filters: []awsjson.Filter{filter("Beneficiary", "111111111111")}, want: []string{"globex"}},
		"by nobody":                             {filters: []awsjson.Filter{filter("Beneficiary", "")}},
		"by SKU":                                {filters: []awsjson.Filter{filter("ProductSKU", "STUDIO")}, want: []string{"hooli"}},
		"by SKU and customer":                   {filters: []awsjson.Filter{filter("ProductSKU", sku), filter("Beneficiary", customer)}, want: []string{"initech"}},
		"by status":                             {filters: []awsjson.Filter{filter("Status", "SUSPENDED")}, want: []string{"globex"}},
		"by a status, with its Product gone":    {filters: []awsjson.Filter{filter("Status", "DEACTIVATED")}, want: []string{"orphan"}},
		"by fingerprint":                        {filters: []awsjson.Filter{filter("Fingerprint", "aws:"+account+":Acme Labs:issuer-fingerprint")}, want: []string{"hooli"}},
		"by issuer":                             {filters: []awsjson.Filter{filter("IssuerName", "Acme Labs")}, want: []string{"hooli"}, received: true},
		"by ARN and filter":                     {arns: []string{"hooli", "initech"}, filters: []awsjson.Filter{filter("ProductSKU", sku)}, want: []string{"initech"}},
		"by a filter that there is not":         {filters: []awsjson.Filter{filter("Colour", "red")}, kind: fault.InvalidParameter, says: "must be one of"},
		"by a filter in small letters":          {filters: []awsjson.Filter{filter("status", "SUSPENDED")}, kind: fault.InvalidParameter, says: "must be one of"},
		"by a filter without a name":            {filters: []awsjson.Filter{{Values: []string{"a"}}}, kind: fault.InvalidParameter, says: "must be one of"},
		"by a filter with two values":           {filters: []awsjson.Filter{filter("Status", "SUSPENDED", "EXPIRED")}, kind: fault.InvalidParameter, says: "one value"},
		"by a filter without a value":           {filters: []awsjson.Filter{filter("Status")}, kind: fault.InvalidParameter, says: "one value"},
		"by a filter twice":                     {filters: []awsjson.Filter{filter("Status", "A"), filter("Status", "A")}, kind: fault.InvalidParameter, says: "twice"},
		"a ServiceAccount's own namespace":      {who: &auth.Principal{Kind: auth.ServiceAccount, Username: "system:serviceaccount:acme:backend"}, allowed: "list subscriptions acme", want: []string{"globex", "hooli", "initech", "orphan"}},
		"a ServiceAccount's of another":         {who: pod, allowed: "list subscriptions acme", kind: fault.AccessDenied, says: "may not list subscriptions"},
		"a ServiceAccount's that may only read": {who: &auth.Principal{Kind: auth.ServiceAccount, Username: "system:serviceaccount:acme:backend"}, allowed: "get subscriptions acme", kind: fault.AccessDenied, says: "may not list subscriptions"},
	} {
		t.Run(name, func(t *testing.T) {
			f := crowd(t)
			f.rbac.allowed[test.allowed] = true
			who := vendor
			if test.who != nil {
				who = test.who
			}
			var arns []string
			for _, name := range test.arns {
				arns = append(arns, f.arn(name))
			}
			received, err := f.service.ListReceivedLicenses(t.Context(), who, &awsjson.ListReceivedLicensesRequest{LicenseARNs: arns, Filters: test.filters})
			if test.kind != "" {
				f.refused(err, test.kind, test.says)
				_, err = f.service.ListLicenses(t.Context(), who, &awsjson.ListLicensesRequest{LicenseARNs: arns, Filters: test.filters})
				f.refused(err, test.kind, test.says)
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(test.want, listed(received)); diff != "" {
				t.Errorf("listed (-want +got):\n%s", diff)
			}
			if received.Licenses == nil || received.NextToken != "" {
				t.Errorf("the list is %v and the next token %q", received.Licenses, received.NextToken)
			}
			issued, err := f.service.ListLicenses(t.Context(), who, &awsjson.ListLicensesRequest{LicenseARNs: arns, Filters: test.filters})
			if test.received {
				if kind := fault.KindOf(err); kind != fault.AccessDenied && kind != fault.InvalidParameter {
					t.Errorf("ListLicenses answers %v, %v", issued, err)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			var names []string
			for _, l := range issued.Licenses {
				names = append(names, l.LicenseName)
			}
			if diff := cmp.Diff(test.want, names); diff != "" || issued.Licenses == nil {
				t.Errorf("ListLicenses (-want +got):\n%s", diff)
			}
		})
	}
}

func TestAReceivedLicenceSaysWhatMayBeDoneWithIt(t *testing.T) {
	f := crowd(t)
	change(f, "studio", func(p *v1alpha1.Product) { p.Spec.License.Borrow = nil })
	out, err := f.service.ListReceivedLicenses(t.Context(), vendor, &awsjson.ListReceivedLicensesRequest{})
	if err != nil {
		t.Fatal(err)
	}
	operations := []string{"CheckoutLicense", "CheckInLicense", "ExtendConsumptionLicense"}
	borrow := append(operations[:3:3], "CheckoutBorrowLicense")
	for i, want := range []awsjson.ReceivedMetadata{
		{ReceivedStatus: "DISABLED", ReceivedStatusReason: "The licence can't be used: it is suspended. Ask the vendor about it.", AllowedOperations: borrow},
		{ReceivedStatus: "ACTIVE", AllowedOperations: operations},
		{ReceivedStatus: "ACTIVE", AllowedOperations: borrow},
		{ReceivedStatus: "DISABLED", ReceivedStatusReason: "The licence can't be used: its product no longer exists. Ask the vendor about it.", AllowedOperations: operations},
	} {
		if diff := cmp.Diff(&want, out.Licenses[i].ReceivedMetadata); diff != "" {
			t.Errorf("%s (-want +got):\n%s", out.Licenses[i].LicenseName, diff)
		}
	}
	if diff := cmp.Diff(f.described(), out.Licenses[2].License); diff != "" {
		t.Errorf("the licence (-want +got):\n%s", diff)
	}
}

func TestPagesLeaveNothingOutWhileLicencesComeAndGo(t *testing.T) {
	f := newFixture(t)
	for n := range 7 {
		f.add(f.subscription(fmt.Sprintf("s-%d", n)).Build())
	}
	var got []string
	var token *string
	for page := 0; ; page++ {
		out, err := f.service.ListReceivedLicenses(t.Context(), vendor, &awsjson.ListReceivedLicensesRequest{MaxResults: ptr.To[int32](2), NextToken: token})
		if err != nil {
			t.Fatal(err)
		}
		got = append(got, listed(out)...)
		if out.NextToken == "" {
			break
		}
		token = &out.NextToken
		if page == 0 {
			// The last of this page goes, one comes before it, one after it.
			f.remove("s-0")
			f.add(f.subscription("a").Build(), f.subscription("s-0-1").Build())
		}
	}
	if diff := cmp.Diff([]string{"initech", "s-0", "s-0-1", "s-1", "s-2", "s-3", "s-4", "s-5", "s-6"}, got); diff != "" {
		t.Errorf("listed (-want +got):\n%s", diff)
	}
}

func TestAFullPageHasNoNextIfNothingFollows(t *testing.T) {
	f := crowd(t)
	out, err := f.service.ListLicenses(t.Context(), vendor, &awsjson.ListLicensesRequest{MaxResults: ptr.To[int32](2), Filters: []awsjson.Filter{filter("Beneficiary", customer)}})
	if err != nil || len(out.Licenses) != 2 || out.NextToken != "" {
		t.Errorf("the page is %v and the error %v", out, err)
	}
}

func TestAListLooksAtAThousandLicencesInOneCall(t *testing.T) {
	for name, test := range map[string]struct {
		others int // beside initech
		wanted bool
		want   []int
	}{
		"a thousand of others":                  {999, false, []int{0}},
		"a thousand and one of others":          {1000, false, []int{0, 0}},
		"two thousand of others, then this one": {1999, true, []int{0, 0, 1}},
		"this one is the thousandth":            {998, true, []int{1}},
	} {
		t.Run(name, func(t *testing.T) {
			f := newFixture(t)
			for n := range test.others {
				f.add(f.subscription(fmt.Sprintf("s-%04d", n)).Build())
			}
			if test.wanted {
				f.add(f.subscription("wanted").WithCustomer("cust-43").Build())
			}
			var pages []int
			var token *string
			for {
				out, err := f.service.ListReceivedLicenses(t.Context(), vendor, &awsjson.ListReceivedLicensesRequest{
					Filters: []awsjson.Filter{filter("Beneficiary", "cust-43")}, NextToken: token})
				if err != nil {
					t.Fatal(err)
				}
				pages = append(pages, len(out.Licenses))
				if out.NextToken == "" {
					break
				}
				token = &out.NextToken
			}
			if diff := cmp.Diff(test.want, pages); diff != "" {
				t.Errorf("licences in pages (-want +got):\n%s", diff)
			}
		})
	}
}

func TestAListEndsWithItsRequest(t *testing.T) {
	f := newFixture(t)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err := f.service.ListLicenses(ctx, vendor, &awsjson.ListLicensesRequest{})
	f.refused(err, fault.Unavailable, "Try again")
}

func TestATokenOfAnotherListIsRefused(t *testing.T) {
	f := crowd(t)
	first, err := f.service.ListLicenses(t.Context(), vendor, &awsjson.ListLicensesRequest{MaxResults: ptr.To[int32](1)})
	if err != nil || first.NextToken == "" {
		t.Fatalf("the page is %v and the error %v", first, err)
	}
	token := first.NextToken
	again := func(who *auth.Principal, in awsjson.ListLicensesRequest) error {
		if in.NextToken == nil {
			in.NextToken = &token
		}
		_, err := f.service.ListLicenses(t.Context(), who, &in)
		return err
	}
	if err := again(vendor, awsjson.ListLicensesRequest{MaxResults: ptr.To[int32](50)}); err != nil {
		t.Errorf("with another size of pages: %v", err)
	}
	const says = "NextToken is not one"
	f.refused(again(vendor, awsjson.ListLicensesRequest{Filters: []awsjson.Filter{filter("Status", "AVAILABLE")}}), fault.InvalidParameter, says)
	f.refused(again(vendor, awsjson.ListLicensesRequest{LicenseARNs: []string{f.arn("initech")}}), fault.InvalidParameter, says)
	f.refused(again(&auth.Principal{Kind: auth.Vendor, Namespace: "globex"}, awsjson.ListLicensesRequest{}), fault.InvalidParameter, says)
	for name, other := range map[string]string{"a word": "initech", "cut": token[:len(token)-1], "changed": "B" + token[1:], "longer": token + "AAAA"} {
		if err := again(vendor, awsjson.ListLicensesRequest{NextToken: &other}); fault.KindOf(err) != fault.InvalidParameter {
			t.Errorf("%s: the error is %v", name, err)
		}
	}
	_, err = f.service.ListReceivedLicenses(t.Context(), vendor, &awsjson.ListReceivedLicensesRequest{NextToken: &token})
	f.refused(err, fault.InvalidParameter, says)
	for _, most := range []int32{0, -1, 101} {
		_, err := f.service.ListLicenses(t.Context(), vendor, &awsjson.ListLicensesRequest{MaxResults: &most})
		f.refused(err, fault.InvalidParameter, "from 1 to 100")
	}
}

func FuzzNextToken(f *testing.F) {
	s := newFixture(f)
	s.add(s.subscription("renewed").Build())
	first, err := s.service.ListLicenses(f.Context(), vendor, &awsjson.ListLicensesRequest{MaxResults: ptr.To[int32](1)})
	if err != nil {
		f.Fatal(err)
	}
	f.Add(first.NextToken)
	f.Add("aW5pdGVjaA")
	f.Fuzz(func(t *testing.T, token string) {
		out, err := s.service.ListLicenses(t.Context(), vendor, &awsjson.ListLicensesRequest{NextToken: &token})
		if ours := token == "" || token == first.NextToken; ours != (err == nil) || !ours && fault.KindOf(err) != fault.InvalidParameter {
			t.Errorf("%q is answered %v, %v", token, out, err)
		}
	})
}
