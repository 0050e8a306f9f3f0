// Copyright The license-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package licensing

import (
	"errors"
	"strings"
	"testing"
	"time"

	"k8s.io/utils/ptr"

	"github.com/license-operator/license-operator/api/v1alpha1"
	"github.com/license-operator/license-operator/internal/fault"
	"github.com/license-operator/license-operator/test/builder"
)

func TestCheckoutLifetime(t *testing.T) {
	plain := builder.Product("a")
	product := builder.Product("a").WithProvisional(90).WithBorrow(2880, v1alpha1.Allowed)
	unsaid := builder.Product("a").With(func(p *v1alpha1.Product) { p.Spec.License.Borrow = &v1alpha1.BorrowTerms{} })
	for name, test := range map[string]struct {
		product *builder.ProductBuilder
		kind    v1alpha1.CheckoutType
		own     int32 // 0 for none
		want    time.Duration
	}{
		"a provisional one's default":   {plain, v1alpha1.CheckoutProvisional, 0, time.Hour},
		"a borrowed one's default":      {unsaid, v1alpha1.CheckoutBorrow, 0, 24 * time.Hour},
		"a provisional one's":           {product, v1alpha1.CheckoutProvisional, 0, 90 * time.Minute},
		"a borrowed one's":              {product, v1alpha1.CheckoutBorrow, 0, 48 * time.Hour},
		"a type that is not said":       {product, "", 0, 90 * time.Minute},
		"a shorter one of its own":      {product, v1alpha1.CheckoutProvisional, 1, time.Minute},
		"at most the Product's":         {product, v1alpha1.CheckoutProvisional, 91, 90 * time.Minute},
		"a shorter one of a borrowed":   {product, v1alpha1.CheckoutBorrow, 5, 5 * time.Minute},
		"a perpetual one's":             {product, v1alpha1.CheckoutPerpetual, 0, 0},
		"a perpetual one's of its own":  {product, v1alpha1.CheckoutPerpetual, 5, 0},
		"a borrowed one that can't be":  {plain, v1alpha1.CheckoutBorrow, 5, 0},
		"the longest there may be":      {builder.Product("a").WithProvisional(525_600), v1alpha1.CheckoutProvisional, 0, 365 * 24 * time.Hour},
		"the default, cut to one's own": {plain, v1alpha1.CheckoutProvisional, 10, 10 * time.Minute},
	} {
		t.Run(name, func(t *testing.T) {
			var own *int32
			if test.own != 0 {
				own = ptr.To(test.own)
			}
			if got := CheckoutLifetime(test.product.Build(), test.kind, own); got != test.want {
				t.Errorf("it is %s, want %s", got, test.want)
			}
		})
	}
}

func TestNotAfter(t *testing.T) {
	for name, test := range map[string]struct {
		subscription *builder.SubscriptionBuilder
		want         time.Time
	}{
		"no end":                {sub(), time.Time{}},
		"no end but grace":      {sub().WithGracePeriod(60), time.Time{}},
		"an end":                {sub().EndingAt(now), now},
		"an end and no grace":   {sub().EndingAt(now).WithGracePeriod(0), now},
		"an end and some grace": {sub().EndingAt(now).WithGracePeriod(60), now.Add(time.Minute)},
	} {
		t.Run(name, func(t *testing.T) {
			got := NotAfter(test.subscription.Build())
			if !got.Equal(test.want) {
				t.Errorf("it is %s, want %s", got, test.want)
			}
			if !got.IsZero() && Stand(test.subscription.Build(), true, got).Subscribed {
				t.Error("the customer is still subscribed then")
			}
		})
	}
}

func TestCheckBorrow(t *testing.T) {
	if err := CheckBorrow(builder.Product("a").Build()); fault.KindOf(err) != fault.BorrowNotAllowed {
		t.Errorf("the error is %v, want BorrowNotAllowed", err)
	}
	if err := CheckBorrow(builder.Product("a").WithBorrow(60, v1alpha1.Forbidden).Build()); err != nil {
		t.Errorf("it is refused: %v", err)
	}
}

func TestCheckIn(t *testing.T) {
	product := builder.Product("a").WithSeats("seats", 10).WithBorrow(60, v1alpha1.Forbidden).WithEntitlement(v1alpha1.Entitlement{
		Name: "runs", Unit: v1alpha1.UnitCount, MaxCount: ptr.To[int64](5), CheckIn: v1alpha1.Forbidden})
	lenient := builder.Product("a").WithSeats("seats", 10).WithBorrow(60, v1alpha1.Allowed).WithRenewal(v1alpha1.RenewalWeekly)
	for name, test := range map[string]struct {
		product *builder.ProductBuilder
		kind    v1alpha1.CheckoutType
		names   []string
		says    string // "" for allowed
	}{
		"a provisional one":                            {product, v1alpha1.CheckoutProvisional, []string{"seats"}, ""},
		"one that holds what may not be given back":    {product, v1alpha1.CheckoutProvisional, []string{"seats", "runs"}, `"runs" back early: it comes back at 2031-05-06T08:08:09Z`},
		"one that holds what the Product lost":         {product, v1alpha1.CheckoutProvisional, []string{"gone"}, ""},
		"one whose Product is gone":                    {nil, v1alpha1.CheckoutProvisional, []string{"runs"}, ""},
		"a borrowed one that must not come early":      {product, v1alpha1.CheckoutBorrow, []string{"seats"}, "what is borrowed: it comes back at 2031-05-06T08:08:09Z"},
		"a borrowed one that may come early":           {lenient, v1alpha1.CheckoutBorrow, []string{"seats"}, ""},
		"a borrowed one after borrowing was stopped":   {builder.Product("a").WithSeats("seats", 1), v1alpha1.CheckoutBorrow, []string{"seats"}, ""},
		"a perpetual one":                              {product, v1alpha1.CheckoutPerpetual, []string{"seats"}, "does not come back"},
		"a perpetual one of a licence that is renewed": {lenient, v1alpha1.CheckoutPerpetual, []string{"seats"}, "is renewed, at 2031-05-12T07:08:09Z"},
		"a perpetual one whose Product is gone":        {nil, v1alpha1.CheckoutPerpetual, []string{"seats"}, "does not come back"},
	} {
		t.Run(name, func(t *testing.T) {
			r := Return{Subscription: sub().StartingAt(now.Add(-24 * time.Hour)).Build(), Type: test.kind, Names: test.names, ExpirationTime: now.Add(time.Hour)}
			if test.product != nil {
				r.Product = test.product.Build()
			}
			err := CheckIn(r, now)
			if test.says == "" {
				if err != nil {
					t.Errorf("it is refused: %v", err)
				}
				return
			}
			f, ok := errors.AsType[*fault.Error](err)
			if !ok || f.Kind != fault.Conflict || !strings.Contains(f.Detail, test.says) {
				t.Errorf("the error is %v, want a Conflict that says %q", err, test.says)
			}
		})
	}
}

func TestLicenseStatus(t *testing.T) {
	for name, test := range map[string]struct {
		subscription *builder.SubscriptionBuilder
		noProduct    bool
		want         string
		why          string // "" for subscribed
	}{
		"Active":            {subscription: sub(), want: "AVAILABLE"},
		"in grace":          {subscription: sub().EndingAt(now).WithGracePeriod(60), want: "AVAILABLE"},
		"not paid":          {subscription: sub().InState(v1alpha1.SubscriptionPending), want: "PENDING_AVAILABLE", why: "pending"},
		"not begun":         {subscription: sub().StartingAt(now.Add(time.Hour)), want: "PENDING_AVAILABLE", why: "not begun"},
		"Suspended":         {subscription: sub().InState(v1alpha1.SubscriptionSuspended), want: "SUSPENDED", why: "suspended"},
		"Cancelled":         {subscription: sub().InState(v1alpha1.SubscriptionCancelled), want: "DEACTIVATED", why: "cancelled"},
		"over":              {subscription: sub().EndingAt(now), want: "EXPIRED", why: "over"},
		"without a Product": {subscription: sub(), noProduct: true, want: "DEACTIVATED", why: "product"},
	} {
		t.Run(name, func(t *testing.T) {
			s := Stand(test.subscription.Build(), !test.noProduct, now)
			if got := LicenseStatus(s); got != test.want {
				t.Errorf("it is %s, want %s", got, test.want)
			}
			if s.Subscribed != (test.why == "") {
				t.Fatalf("subscribed is %t", s.Subscribed)
			}
			if s.Subscribed {
				return
			}
			f := NotSubscribed(s)
			if f.Kind != fault.NotEntitled || !strings.Contains(f.Detail, test.why) {
				t.Errorf("the fault is %v, want NotEntitled that says %q", f, test.why)
			}
		})
	}
}
