// Copyright The license-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package marketplace

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	testclock "k8s.io/utils/clock/testing"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/license-operator/license-operator/api/v1alpha1"
	"github.com/license-operator/license-operator/internal/fault"
	"github.com/license-operator/license-operator/internal/store"
	"github.com/license-operator/license-operator/webhook/auth"
)

// shop is a cache of Products that have one code: namespace and day of creation.
type shop []string

// Get implements client.Reader.
func (shop) Get(context.Context, client.ObjectKey, client.Object, ...client.GetOption) error {
	return errors.New("nothing is got")
}

// List implements client.Reader.
func (s shop) List(_ context.Context, list client.ObjectList, _ ...client.ListOption) error {
	for i, text := range s {
		var p v1alpha1.Product
		var day int
		if _, err := fmt.Sscanf(text, "%s %d", &p.Namespace, &day); err != nil {
			return err
		}
		p.Name = fmt.Sprintf("product-%d", i)
		p.CreationTimestamp = metav1.NewTime(time.Date(2031, 5, day, 0, 0, 0, 0, time.UTC))
		list.(*v1alpha1.ProductList).Items = append(list.(*v1alpha1.ProductList).Items, p)
	}
	return nil
}

// reviews is RBAC that lets everybody into some namespaces.
type reviews struct {
	open    string
	failure error
	asked   int
}

// Allowed implements operations.Access.
func (r *reviews) Allowed(_ context.Context, _ *auth.Principal, _, _, _, namespace, _ string) (bool, error) {
	r.asked++
	return namespace != "" && strings.Contains(" "+r.open+" ", " "+namespace+" "), r.failure
}

// crowd are namespaces whose names and Products come before all others.
func crowd(n int) shop {
	var s shop
	for i := range n {
		s = append(s, fmt.Sprintf("aaa-%03d 1", i))
	}
	return s
}

func TestWhichVendorAServiceAccountMeans(t *testing.T) {
	for name, test := range map[string]struct {
		products shop
		open     string
		want     string
		asked    int
	}{
		"the only one":                                {products: shop{"acme 3"}, open: "acme", want: "acme", asked: 1},
		"the older of two that let it in":             {products: shop{"acme 3", "zeta 2"}, open: "acme zeta", want: "zeta", asked: 1},
		"one who comes later and sorts early":         {products: shop{"aaa 4", "acme 3"}, open: "aaa acme", want: "acme", asked: 1},
		"the older is closed":                         {products: shop{"acme 3", "zeta 2"}, open: "acme", want: "acme", asked: 2},
		"as old: by the name":                         {products: shop{"zeta 3", "acme 3"}, open: "acme zeta", want: "acme", asked: 1},
		"a second Product makes nobody younger":       {products: shop{"acme 9", "acme 2", "zeta 3"}, open: "acme zeta", want: "acme", asked: 1},
		"its own, though younger":                     {products: shop{"acme 1", "farm 9"}, open: "acme farm", want: "farm", asked: 1},
		"its own, where it may not":                   {products: shop{"acme 1", "farm 9"}, open: "acme", want: "acme", asked: 2},
		"its own, behind a crowd":                     {products: append(crowd(50), "farm 9"), open: "farm", want: "farm", asked: 1},
		"no more than so many are looked at":          {products: append(crowd(50), "acme 9"), open: "acme", want: "", asked: 32},
		"nobody has the code":                         {open: "acme", want: "", asked: 0},
		"nobody lets it in":                           {products: shop{"acme 3", "zeta 2"}, want: "", asked: 2},
		"many that come later and let everybody in":   {products: append(shop{"zeta 1"}, late(50)...), open: "zeta aaa-late-000", want: "zeta", asked: 1},
		"many that come later and let nobody else in": {products: append(shop{"zeta 1"}, late(50)...), open: "zeta", want: "zeta", asked: 1},
	} {
		t.Run(name, func(t *testing.T) {
			access := &reviews{open: test.open}
			s := serviceOf(test.products, access)
			got, err := s.namespaceOf(t.Context(), pod, mayList, "", "FARM")
			if got != test.want || (err == nil) != (test.want != "") || err != nil && fault.KindOf(err) != fault.AccessDenied {
				t.Errorf("it is %q, %v; want %q", got, err, test.want)
			}
			if access.asked != test.asked {
				t.Errorf("the API server was asked %d times, want %d", access.asked, test.asked)
			}
		})
	}
}

func TestWhoCanNotBeAskedAboutIsNotPassedOver(t *testing.T) {
	failure := fault.New(fault.Unavailable, "Try again later.")
	s := serviceOf(shop{"acme 3", "zeta 4"}, &reviews{open: "zeta", failure: failure})
	if _, err := s.namespaceOf(t.Context(), pod, mayList, "", "FARM"); fault.KindOf(err) != fault.Unavailable {
		t.Errorf("the error is %v", err)
	}
}

var pod = &auth.Principal{Kind: auth.ServiceAccount, Username: "system:serviceaccount:farm:worker"}

// late are namespaces that come later and sort early.
func late(n int) shop {
	var s shop
	for i := range n {
		s = append(s, fmt.Sprintf("aaa-late-%03d 2", i))
	}
	return s
}

func serviceOf(products shop, access *reviews) *Service {
	clk := testclock.NewFakePassiveClock(time.Date(2031, 6, 1, 0, 0, 0, 0, time.UTC))
	return &Service{Clock: clk, Access: access, Store: store.New(store.Names{}, products, nil, clk)}
}
