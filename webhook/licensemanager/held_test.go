// Copyright The license-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package licensemanager_test

import (
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/ptr"

	"github.com/license-operator/license-operator/api/v1alpha1"
	"github.com/license-operator/license-operator/internal/fault"
	"github.com/license-operator/license-operator/internal/secrets"
	"github.com/license-operator/license-operator/webhook/auth"
	"github.com/license-operator/license-operator/webhook/awsjson"
)

func (f *fixture) checkIn(who *auth.Principal, token string, beneficiary *string) error {
	_, err := f.service.CheckInLicense(f.Context(), who, &awsjson.CheckInLicenseRequest{LicenseConsumptionToken: token, Beneficiary: beneficiary})
	return err
}

func (f *fixture) extend(who *auth.Principal, token string, dryRun *bool) (*awsjson.ExtendLicenseConsumptionResponse, error) {
	return f.service.ExtendLicenseConsumption(f.Context(), who,
		&awsjson.ExtendLicenseConsumptionRequest{LicenseConsumptionToken: token, DryRun: dryRun})
}

func perpetual(in *checkoutRequest) { in.CheckoutType = awsjson.CheckoutTypePerpetual }

func TestCheckIn(t *testing.T) {
	forbid := func(f *fixture) {
		change(f, "render-farm", func(p *v1alpha1.Product) { p.Spec.License.Entitlements[0].CheckIn = v1alpha1.Forbidden })
	}
	for name, test := range map[string]struct {
		request     func(*checkoutRequest)
		who         *auth.Principal // nil for the vendor
		scene       func(*fixture)
		beneficiary *string
		kind        fault.Kind // "" for given back
		says        string
	}{
		"by the vendor":                      {},
		"by the vendor, for the customer":    {beneficiary: ptr.To(customer)},
		"by the vendor, for the account":     {beneficiary: ptr.To(theirs)},
		"by the vendor, for somebody else":   {beneficiary: ptr.To("cust-43"), kind: fault.InvalidParameter, says: "not the one that the checkout is for"},
		"by the customer":                    {who: initech()},
		"by the customer, for itself":        {who: initech(), beneficiary: ptr.To(customer)},
		"by the customer, for somebody else": {who: initech(), beneficiary: ptr.To("cust-43"), kind: fault.AccessDenied, says: "no other Beneficiary"},
		"by another customer":                {who: &auth.Principal{Kind: auth.Customer, Namespace: namespace, Subscription: "globex"}, kind: fault.CheckoutNotFound, says: "none of the caller's"},
		"by a namesake at another vendor":    {who: &auth.Principal{Kind: auth.Customer, Namespace: "globex", Subscription: "initech"}, kind: fault.CheckoutNotFound, says: "none of the caller's"},
		"by another vendor":                  {who: &auth.Principal{Kind: auth.Vendor, Namespace: "globex"}, kind: fault.CheckoutNotFound, says: "none of the caller's"},
		"by a ServiceAccount":                {who: pod, scene: func(f *fixture) { f.rbac.allowed["create licensecheckouts acme"] = true }},
		"by a ServiceAccount without a Role": {who: pod, kind: fault.AccessDenied, says: "bind a Role"},
		"of a perpetual one":                 {request: perpetual, kind: fault.Conflict, says: "does not come back"},
		"of a perpetual one that is renewed": {request: perpetual, scene: func(f *fixture) {
			change(f, "render-farm", func(p *v1alpha1.Product) { p.Spec.License.Renewal = v1alpha1.RenewalWeekly })
		}, kind: fault.Conflict, says: "renewed, at 2026-11-29T01:44:00Z"},
		"of what may not be given back early": {scene: forbid, kind: fault.Conflict, says: `"seats" back early: it comes back at 2026-11-22T03:44:00Z`},
		"of what may be, beside what may not": {scene: forbid, request: func(in *checkoutRequest) { in.Entitlements = []awsjson.EntitlementData{feature("gpu")} }},
		"of a customer who is suspended": {scene: func(f *fixture) {
			change(f, "initech", func(sub *v1alpha1.Subscription) { sub.Spec.State = v1alpha1.SubscriptionSuspended })
		}},
		"of a LicenseCheckout that a user has applied": {scene: func(f *fixture) { f.books.entries[0].Object = "worker" },
			kind: fault.Conflict, says: `LicenseCheckout "worker"; delete it`},
		"after its expiry":                {scene: func(f *fixture) { f.clock.SetTime(start.Add(time.Hour)) }, kind: fault.CheckoutNotFound, says: "ended"},
		"after the Product has gone":      {scene: func(f *fixture) { f.remove("render-farm") }},
		"after the Subscription has gone": {scene: func(f *fixture) { f.remove("initech") }, kind: fault.CheckoutNotFound, says: "none of the caller's"},
	} {
		t.Run(name, func(t *testing.T) {
			f := newFixture(t)
			in := f.request("t")
			if test.request != nil {
				test.request(in)
			}
			token := f.checkout(vendor, in).LicenseConsumptionToken
			if test.scene != nil {
				test.scene(f)
			}
			who := vendor
			if test.who != nil {
				who = test.who
			}
			err := f.checkIn(who, token, test.beneficiary)
			if test.kind != "" {
				f.refused(err, test.kind, test.says)
				if len(f.books.entries) != 1 {
					t.Error("the seats are free")
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			if len(f.books.entries) != 0 {
				t.Error("the seats are not free")
			}
			f.refused(f.checkIn(who, token, test.beneficiary), fault.CheckoutNotFound, "")
		})
	}
}

// remove removes an object from the cache and from the API server.
func (f *fixture) remove(name string) {
	for _, s := range []*shelf{f.cache, f.live} {
		for i, o := range s.objects {
			if o.GetName() == name {
				s.objects = append(s.objects[:i:i], s.objects[i+1:]...)
				break
			}
		}
	}
}

func TestATokenThatIsNoneOfOursIsNotFound(t *testing.T) {
	f := newFixture(t)
	token := f.checkout(vendor, f.request("t")).LicenseConsumptionToken
	other, err := secrets.NewKeyring([]secrets.SealingKey{{Version: 1, Key: []byte(strings.Repeat("k", secrets.KeySize)), UseFromTime: start}})
	must(err)
	opened, err := testKeys().Sealing.OpenConsumptionToken(token)
	must(err)
	forged, err := other.SealConsumptionToken(start, opened)
	must(err)
	opened.ID += "x"
	unknown, err := testKeys().Sealing.SealConsumptionToken(start, opened)
	must(err)
	for name, text := range map[string]string{
		"nothing": "", "a word": "0cd7b2bc7c674573a669bea8f5b75f2d", "cut": token[:len(token)-1], "with more at its end": token + "A",
		"changed": token[:20] + "A" + token[21:], "another operator's": forged, "of a checkout that never was": unknown,
	} {
		if text == token {
			t.Fatalf("%s: it is the token", name)
		}
		f.refused(f.checkIn(vendor, text, nil), fault.CheckoutNotFound, "")
		f.refused(f.checkIn(pod, text, nil), map[bool]fault.Kind{true: fault.AccessDenied, false: fault.CheckoutNotFound}[text == unknown], "")
		_, err := f.extend(vendor, text, nil)
		f.refused(err, fault.CheckoutNotFound, "")
	}
	if len(f.books.entries) != 1 {
		t.Error("the seats are free")
	}
}

func TestExtend(t *testing.T) {
	for name, test := range map[string]struct {
		request func(*checkoutRequest)
		who     *auth.Principal // nil for the vendor
		scene   func(*fixture)
		dryRun  *bool
		want    string     // the Expiration
		kind    fault.Kind // "" for extended
		says    string
	}{
		"from now, by the same lifetime": {want: "2026-11-22T04:14:00Z"},
		"by the customer":                {who: initech(), want: "2026-11-22T04:14:00Z"},
		"said to be no dry run":          {dryRun: ptr.To(false), want: "2026-11-22T04:14:00Z"},
		"a dry run changes nothing":      {dryRun: ptr.To(true), want: "2026-11-22T03:44:00Z"},
		"by the lifetime that is allowed now": {scene: func(f *fixture) {
			change(f, "render-farm", func(p *v1alpha1.Product) { p.Spec.License.Provisional.MaxTimeToLiveMinutes = ptr.To[int32](120) })
		}, want: "2026-11-22T05:14:00Z"},
		"at most until the Subscription ends": {scene: func(f *fixture) {
			change(f, "initech", func(sub *v1alpha1.Subscription) {
				sub.Spec.EndTime = &metav1.Time{Time: start.Truncate(time.Second).Add(45 * time.Minute)}
			})
		}, want: "2026-11-22T03:29:00Z"},
		"by a ServiceAccount":                {who: pod, scene: func(f *fixture) { f.rbac.allowed["create licensecheckouts acme"] = true }, want: "2026-11-22T04:14:00Z"},
		"by a ServiceAccount without a Role": {who: pod, kind: fault.AccessDenied, says: "bind a Role"},
		"by another customer":                {who: &auth.Principal{Kind: auth.Customer, Namespace: namespace, Subscription: "globex"}, kind: fault.CheckoutNotFound},
		"by another vendor":                  {who: &auth.Principal{Kind: auth.Vendor, Namespace: "globex"}, kind: fault.CheckoutNotFound},
		"after its expiry":                   {scene: func(f *fixture) { f.clock.SetTime(start.Add(time.Hour)) }, kind: fault.CheckoutNotFound},
		"a dry run after its expiry":         {scene: func(f *fixture) { f.clock.SetTime(start.Add(time.Hour)) }, dryRun: ptr.To(true), kind: fault.CheckoutNotFound},
		"after it was given back":            {scene: func(f *fixture) { f.books.entries = nil }, kind: fault.CheckoutNotFound},
		"of a perpetual one":                 {request: perpetual, kind: fault.InvalidParameter, says: "never expires"},
		"of a customer who is suspended": {scene: func(f *fixture) {
			change(f, "initech", func(sub *v1alpha1.Subscription) { sub.Spec.State = v1alpha1.SubscriptionSuspended })
		}, kind: fault.NotEntitled, says: "suspended"},
		"a dry run of one who is suspended": {scene: func(f *fixture) {
			change(f, "initech", func(sub *v1alpha1.Subscription) { sub.Spec.State = v1alpha1.SubscriptionSuspended })
		}, dryRun: ptr.To(true), kind: fault.NotEntitled, says: "suspended"},
		"after the Product has gone":           {scene: func(f *fixture) { f.remove("render-farm") }, kind: fault.NotEntitled, says: "product no longer exists"},
		"after the Subscription has gone":      {scene: func(f *fixture) { f.remove("initech") }, kind: fault.CheckoutNotFound},
		"while the state can't be read at all": {scene: func(f *fixture) { f.cache.failure = errors.New("no cache") }, kind: fault.Internal},
	} {
		t.Run(name, func(t *testing.T) {
			f := newFixture(t)
			in := f.request("t")
			if test.request != nil {
				test.request(in)
			}
			token := f.checkout(vendor, in).LicenseConsumptionToken
			before := f.books.entries[0].ExpirationTime
			f.clock.SetTime(start.Add(30 * time.Minute))
			if test.scene != nil {
				test.scene(f)
			}
			who := vendor
			if test.who != nil {
				who = test.who
			}
			out, err := f.extend(who, token, test.dryRun)
			switch {
			case test.kind == fault.Internal:
				if err == nil || fault.KindOf(err) != fault.Internal {
					t.Errorf("the error is %v", err)
				}
			case test.kind != "":
				f.refused(err, test.kind, test.says)
			case err != nil:
				t.Fatal(err)
			case out.Expiration != test.want || out.LicenseConsumptionToken != token:
				t.Errorf("the answer is %+v, want until %s", out, test.want)
			}
			if changed := len(f.books.entries) > 0 && !f.books.entries[0].ExpirationTime.Equal(before); changed != (test.kind == "" && !ptr.Deref(test.dryRun, false)) {
				t.Errorf("that the book has changed is %t", changed)
			}
		})
	}
}

func TestAnExtensionOutlivesTheSealingKey(t *testing.T) {
	f := newFixture(t)
	first := f.checkout(vendor, f.request("t")).LicenseConsumptionToken
	f.clock.SetTime(start.Add(40 * time.Minute))
	keys := *testKeys()
	keys.Sealing = ring(2)
	must(f.service.Keys.Set(&keys))
	out, err := f.extend(vendor, first, nil)
	if err != nil {
		t.Fatal(err)
	}
	if out.LicenseConsumptionToken == first {
		t.Error("the token is still sealed with the key of before")
	}
	for _, token := range slices.Compact([]string{first, out.LicenseConsumptionToken}) {
		if _, err := f.extend(vendor, token, ptr.To(true)); err != nil {
			t.Error(err)
		}
	}
}
