// Copyright The license-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package licensemanager_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/ptr"

	"github.com/license-operator/license-operator/api/v1alpha1"
	"github.com/license-operator/license-operator/internal/fault"
	"github.com/license-operator/license-operator/internal/seats"
	"github.com/license-operator/license-operator/internal/secrets"
	"github.com/license-operator/license-operator/webhook/auth"
	"github.com/license-operator/license-operator/webhook/awsjson"
)

type checkoutRequest = awsjson.CheckoutLicenseRequest

func TestACheckoutIsAnsweredWithWhatTheBookGranted(t *testing.T) {
	f := newFixture(t)
	out := f.checkout(vendor, f.request("t1", func(in *checkoutRequest) {
		in.Entitlements = []awsjson.EntitlementData{units("2"), feature("gpu"), feature("ray-tracing")}
		in.NodeID = ptr.To("node-7")
	}))
	want := &awsjson.CheckoutLicenseResponse{
		CheckoutType: "PROVISIONAL", LicenseConsumptionToken: out.LicenseConsumptionToken, SignedToken: out.SignedToken,
		EntitlementsAllowed: []awsjson.EntitlementData{units("2"), {Name: "gpu", Unit: "None", Value: ptr.To("Enabled")}},
		NodeID:              "node-7", IssuedAt: "2026-11-22T02:44:00Z", Expiration: "2026-11-22T03:44:00Z", LicenseARN: f.arn("initech"),
	}
	if diff := cmp.Diff(want, out); diff != "" {
		t.Errorf("the answer (-want +got):\n%s", diff)
	}
	token, err := testKeys().Sealing.OpenConsumptionToken(out.LicenseConsumptionToken)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(secrets.ConsumptionToken{Namespace: namespace, Subscription: "initech", ID: f.books.last.ID,
		Block: 7, Sequence: 1, Type: v1alpha1.CheckoutProvisional}, token); diff != "" {
		t.Errorf("the consumption token (-want +got):\n%s", diff)
	}
	wantRequest := seats.Request{
		ID:     seats.NewID("checkout", namespace, sku, customer, "backend", "t1"),
		Digest: f.books.last.Digest, Type: v1alpha1.CheckoutProvisional,
		Items:    []seats.Item{{Name: "seats", Unit: "Count", Quantity: 2}, {Name: "gpu", Unit: "None", Value: "Enabled"}},
		Lifetime: time.Hour, Caller: "backend", NodeID: "node-7",
	}
	if diff := cmp.Diff(wantRequest, f.books.last); diff != "" {
		t.Errorf("the book was asked for (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff([]seats.Pool{{Name: "seats", Total: 2}}, f.books.pools); diff != "" {
		t.Errorf("the pools (-want +got):\n%s", diff)
	}
}

func TestWhoMayCheckOutForWhom(t *testing.T) {
	other := &auth.Principal{Kind: auth.Vendor, Namespace: "globex", KeyName: "backend"}
	for name, test := range map[string]struct {
		who         *auth.Principal
		beneficiary *string
		kind        fault.Kind // "" for granted
		says        string
	}{
		"a vendor for a customer by identifier":    {who: vendor, beneficiary: ptr.To(customer)},
		"a vendor for a customer by account":       {who: vendor, beneficiary: ptr.To(theirs)},
		"a vendor for nobody":                      {who: vendor, kind: fault.InvalidParameter, says: "Beneficiary is missing"},
		"a vendor for an empty name":               {who: vendor, beneficiary: ptr.To(""), kind: fault.InvalidParameter, says: "Beneficiary is missing"},
		"a vendor for somebody unknown":            {who: vendor, beneficiary: ptr.To("cust-43"), kind: fault.NotEntitled, says: "no Subscription names it"},
		"a vendor for an unknown account":          {who: vendor, beneficiary: ptr.To("000000000000"), kind: fault.NotEntitled, says: "no Subscription names it"},
		"another vendor for this one's customer":   {who: other, beneficiary: ptr.To(customer), kind: fault.NotEntitled, says: "no product"},
		"a customer for itself, without saying so": {who: initech()},
		"a customer for itself by identifier":      {who: initech(), beneficiary: ptr.To(customer)},
		"a customer for itself by account":         {who: initech(), beneficiary: ptr.To(theirs)},
		"a customer for another":                   {who: initech(), beneficiary: ptr.To("cust-43"), kind: fault.AccessDenied, says: "no other Beneficiary"},
		"a ServiceAccount for a customer":          {who: pod, beneficiary: ptr.To(customer)},
		"a ServiceAccount for nobody":              {who: pod, kind: fault.InvalidParameter, says: "Beneficiary is missing"},
	} {
		t.Run(name, func(t *testing.T) {
			f := newFixture(t)
			f.rbac.allowed["create licensecheckouts acme"] = true
			_, err := f.service.CheckoutLicense(t.Context(), test.who, f.request("t", func(in *checkoutRequest) { in.Beneficiary = test.beneficiary }))
			if test.kind != "" {
				f.refused(err, test.kind, test.says)
			} else if err != nil {
				t.Error(err)
			}
		})
	}
}

func TestWhatACheckoutMustMatch(t *testing.T) {
	suspended := func(f *fixture) {
		change(f, "initech", func(sub *v1alpha1.Subscription) { sub.Spec.State = v1alpha1.SubscriptionSuspended })
	}
	for name, test := range map[string]struct {
		scene func(*fixture)
		with  func(*checkoutRequest)
		who   *auth.Principal
		kind  fault.Kind // "" for granted
		says  string
	}{
		"a SKU that is the Product's":    {},
		"a SKU that no Product has":      {with: func(in *checkoutRequest) { in.ProductSKU = "OTHER" }, kind: fault.NotEntitled, says: `no product with the ProductSKU "OTHER"`},
		"an empty SKU":                   {with: func(in *checkoutRequest) { in.ProductSKU = "" }, kind: fault.NotEntitled, says: "no product"},
		"another vendor's fingerprint":   {with: func(in *checkoutRequest) { in.KeyFingerprint = "aws:999999999999:Acme:issuer-fingerprint" }, kind: fault.NotEntitled, says: "KeyFingerprint is not the issuer's"},
		"another issuer's fingerprint":   {with: func(in *checkoutRequest) { in.KeyFingerprint = "aws:" + account + ":Other:issuer-fingerprint" }, kind: fault.NotEntitled, says: "KeyFingerprint is not the issuer's"},
		"a fingerprint without its tail": {with: func(in *checkoutRequest) { in.KeyFingerprint = "aws:" + account + ":Acme" }, kind: fault.NotEntitled, says: "KeyFingerprint"},
		"a customer who is suspended":    {scene: suspended, kind: fault.NotEntitled, says: "it is suspended"},
		"a customer's key, suspended":    {scene: suspended, who: initech(), kind: fault.NotEntitled, says: "it is suspended"},
		"a Subscription that is going": {scene: func(f *fixture) {
			change(f, "initech", func(sub *v1alpha1.Subscription) { sub.DeletionTimestamp = &metav1.Time{Time: start} })
		}, kind: fault.NotEntitled, says: "being deleted"},
		"a term that is over": {scene: func(f *fixture) {
			change(f, "initech", func(sub *v1alpha1.Subscription) { sub.Spec.EndTime = &metav1.Time{Time: start} })
		}, kind: fault.NotEntitled, says: "its term is over"},
		"a customer's key of another product": {scene: func(f *fixture) {
			f.add(f.product().With(func(p *v1alpha1.Product) { p.Name = "studio" }).WithSKU("STUDIO").Build())
		}, with: func(in *checkoutRequest) { in.ProductSKU = "STUDIO" }, who: initech(), kind: fault.NotEntitled, says: "another product"},
		"a customer's key whose licence has gone": {scene: func(f *fixture) {
			change(f, "initech", func(sub *v1alpha1.Subscription) { sub.Name = "renamed" })
		}, who: initech(), kind: fault.NotEntitled, says: "no longer exists"},
		"more than is free":              {with: func(in *checkoutRequest) { in.Entitlements = []awsjson.EntitlementData{units("3")} }, kind: fault.NoCapacity, says: "in use"},
		"the wrong unit":                 {with: func(in *checkoutRequest) { in.Entitlements[0].Unit = "Gigabytes" }, kind: fault.NotEntitled, says: "counted in the unit Count"},
		"units as a feature":             {with: func(in *checkoutRequest) { in.Entitlements = []awsjson.EntitlementData{feature("seats")} }, kind: fault.NotEntitled, says: "counted in the unit Count"},
		"units without a value":          {with: func(in *checkoutRequest) { in.Entitlements[0].Value = nil }, kind: fault.InvalidParameter, says: "number of units"},
		"no units":                       {with: func(in *checkoutRequest) { in.Entitlements[0].Value = ptr.To("0") }, kind: fault.InvalidParameter, says: "number of units"},
		"the same name twice":            {with: func(in *checkoutRequest) { in.Entitlements = append(in.Entitlements, units("1")) }, kind: fault.InvalidParameter, says: "twice"},
		"no entitlements":                {with: func(in *checkoutRequest) { in.Entitlements = nil }, kind: fault.InvalidParameter, says: "at least one"},
		"features of which none is held": {with: func(in *checkoutRequest) { in.Entitlements = []awsjson.EntitlementData{feature("a"), feature("b")} }, kind: fault.NotEntitled, says: "none of the features"},
		"features of which one is held":  {with: func(in *checkoutRequest) { in.Entitlements = []awsjson.EntitlementData{feature("a"), feature("gpu")} }},
		"units of which one kind is not": {with: func(in *checkoutRequest) {
			in.Entitlements = append(in.Entitlements, awsjson.EntitlementData{Name: "other", Unit: "Count", Value: ptr.To("1")})
		}, kind: fault.NotEntitled, says: `no entitlement "other"`},
		"features for good": {with: func(in *checkoutRequest) {
			in.CheckoutType, in.Entitlements = "PERPETUAL", []awsjson.EntitlementData{feature("gpu")}
		}, kind: fault.InvalidParameter, says: "use PROVISIONAL"},
		"units and a feature for good": {with: func(in *checkoutRequest) {
			in.CheckoutType, in.Entitlements = "PERPETUAL", []awsjson.EntitlementData{units("1"), feature("gpu")}
		}},
		"a type of checkout nobody knows":        {with: func(in *checkoutRequest) { in.CheckoutType = "BORROW" }, kind: fault.InvalidParameter, says: "CheckoutType"},
		"a book that can't be read":              {scene: func(f *fixture) { f.books.fail["initech"] = fault.New(fault.Unavailable, "Try again later.") }, kind: fault.Unavailable, says: "Try again"},
		"a Product that only the API server has": {scene: func(f *fixture) { f.cache.objects = f.cache.objects[:1] }},
	} {
		t.Run(name, func(t *testing.T) {
			f := newFixture(t)
			if test.scene != nil {
				test.scene(f)
			}
			who := vendor
			if test.who != nil {
				who = test.who
			}
			in := f.request("t")
			if test.with != nil {
				test.with(in)
			}
			_, err := f.service.CheckoutLicense(t.Context(), who, in)
			f.decided(err, test.kind, test.says)
		})
	}
}

func TestAPerpetualCheckoutNeverExpires(t *testing.T) {
	f := newFixture(t)
	out := f.checkout(vendor, f.request("t", func(in *checkoutRequest) { in.CheckoutType = "PERPETUAL" }))
	if out.CheckoutType != "PERPETUAL" || out.Expiration != "" || out.IssuedAt != "2026-11-22T02:44:00Z" || f.books.last.Lifetime != 0 {
		t.Errorf("the answer is %+v and the lifetime %s", out, f.books.last.Lifetime)
	}
	if _, found := f.claims(out.SignedToken)["exp"]; found {
		t.Error("its token expires")
	}
}

func TestACheckoutEndsWithTheSubscription(t *testing.T) {
	f := newFixture(t)
	change(f, "initech", func(sub *v1alpha1.Subscription) {
		sub.Spec.EndTime, sub.Spec.GracePeriodSeconds = &metav1.Time{Time: start.Truncate(time.Second).Add(10 * time.Minute)}, ptr.To[int32](60)
	})
	if out := f.checkout(vendor, f.request("t")); out.Expiration != "2026-11-22T02:55:00Z" {
		t.Errorf("it expires at %s", out.Expiration)
	}
}

func TestTheSameClientTokenIsTheSameCheckout(t *testing.T) {
	f := newFixture(t)
	all := func(in *checkoutRequest) {
		in.Entitlements, in.NodeID = []awsjson.EntitlementData{units("1"), feature("gpu")}, ptr.To("node-7")
	}
	first := f.checkout(vendor, f.request("t", all))
	f.clock.SetTime(start.Add(40 * time.Minute))
	// Another version seals by now.
	keys := *testKeys()
	keys.Sealing = ring(2)
	must(f.service.Keys.Set(&keys))
	again := f.checkout(vendor, f.request("t", all))
	first.SignedToken, again.SignedToken = "", ""
	if diff := cmp.Diff(first, again); diff != "" {
		t.Errorf("the second answer differs (-first +second):\n%s", diff)
	}
	// The customer by another name is the same customer.
	if out := f.checkout(vendor, f.request("t", all, func(in *checkoutRequest) { in.Beneficiary = ptr.To(theirs) })); out.LicenseConsumptionToken != first.LicenseConsumptionToken {
		t.Error("by the account it is another checkout")
	}
	if len(f.books.entries) != 1 {
		t.Errorf("%d checkouts hold seats", len(f.books.entries))
	}
	for name, other := range map[string]func(*checkoutRequest){
		"another type":   func(in *checkoutRequest) { in.CheckoutType = "PERPETUAL" },
		"another number": func(in *checkoutRequest) { in.Entitlements[0] = units("2") },
		"another order": func(in *checkoutRequest) {
			in.Entitlements[0], in.Entitlements[1] = in.Entitlements[1], in.Entitlements[0]
		},
		"fewer entitlements":                func(in *checkoutRequest) { in.Entitlements = in.Entitlements[:1] },
		"another node":                      func(in *checkoutRequest) { in.NodeID = ptr.To("node-8") },
		"no node":                           func(in *checkoutRequest) { in.NodeID = nil },
		"a value that was not given before": func(in *checkoutRequest) { in.Entitlements[1].Value = ptr.To("Enabled") },
	} {
		_, err := f.service.CheckoutLicense(t.Context(), vendor, f.request("t", all, other))
		if fault.KindOf(err) != fault.InvalidParameter || !strings.Contains(err.Error(), "ClientToken") {
			t.Errorf("%s: the error is %v, want InvalidParameter that names ClientToken", name, err)
		}
	}
	// What the id is made of makes another checkout.
	change(f, "initech", func(sub *v1alpha1.Subscription) { sub.Spec.Entitlements[0].MaxCount = ptr.To[int64](10) })
	f.rbac.allowed["create licensecheckouts acme"] = true
	for name, who := range map[string]*auth.Principal{
		"another access key": {Kind: auth.Vendor, Namespace: namespace, KeyName: "frontend"},
		"the customer":       initech(),
		"a ServiceAccount":   pod,
	} {
		if out := f.checkout(who, f.request("t", all)); out.LicenseConsumptionToken == first.LicenseConsumptionToken {
			t.Errorf("%s gets the first one's checkout", name)
		}
	}
	if out := f.checkout(vendor, f.request("t2", all)); out.LicenseConsumptionToken == first.LicenseConsumptionToken {
		t.Error("another ClientToken is answered with the first checkout")
	}
	rotated := *vendor
	rotated.AccessKeyID = "AKIANEXT"
	if out := f.checkout(&rotated, f.request("t", all)); out.LicenseConsumptionToken != first.LicenseConsumptionToken {
		t.Error("after a rotation of the access key it is another checkout")
	}
}

func TestACheckoutOfAPodIsHeldForThatPod(t *testing.T) {
	f := newFixture(t)
	f.rbac.allowed["create licensecheckouts acme"] = true
	f.checkout(pod, f.request("t"))
	if got := f.books.entries[0]; got.Holder != "worker-0/pod-0" || got.Caller != pod.Username {
		t.Errorf("it is held for %q by %q", got.Holder, got.Caller)
	}
	next := *pod
	next.PodName, next.PodUID = "worker-1", "pod-1"
	_, err := f.service.CheckoutLicense(t.Context(), &next, f.request("t"))
	f.refused(err, fault.InvalidParameter, "ClientToken")
	long := *pod
	long.Username = "system:serviceaccount:" + strings.Repeat("n", 63) + ":" + strings.Repeat("s", 253)
	f.checkout(&long, f.request("t"))
	if got := f.books.entries[1].Caller; len(got) != 128 || !strings.HasPrefix(long.Username, got) {
		t.Errorf("the book keeps the caller %q", got)
	}
}

func TestWhatIsDrawnDownDoesNotComeBackWithThePod(t *testing.T) {
	f := newFixture(t)
	f.rbac.allowed["create licensecheckouts acme"] = true
	f.checkout(pod, f.request("t", perpetual))
	if got := f.books.entries[0]; got.Holder != "" || got.Type != v1alpha1.CheckoutPerpetual {
		t.Errorf("a %s checkout is held for %q", got.Type, got.Holder)
	}
}

func TestOfSeveralSubscriptionsTheNewestThatHasRoomGives(t *testing.T) {
	newer := func(f *fixture, seats int64, with ...func(*v1alpha1.Subscription)) {
		sub := f.subscription("renewed").WithSeats("seats", seats).With(func(sub *v1alpha1.Subscription) {
			sub.CreationTimestamp = metav1.NewTime(start.Add(-time.Minute).Truncate(time.Second))
		})
		for _, w := range with {
			sub.With(w)
		}
		f.add(sub.Build())
	}
	cancelled := func(sub *v1alpha1.Subscription) { sub.Spec.State = v1alpha1.SubscriptionCancelled }
	for name, test := range map[string]struct {
		scene func(*fixture)
		units string
		want  string
		kind  fault.Kind
		says  string
	}{
		"the newest has room":                   {func(f *fixture) { newer(f, 5) }, "1", "renewed", "", ""},
		"only the older has room":               {func(f *fixture) { newer(f, 1) }, "2", "initech", "", ""},
		"the newest is cancelled":               {func(f *fixture) { newer(f, 5, cancelled) }, "1", "initech", "", ""},
		"none has room":                         {func(f *fixture) { newer(f, 1) }, "3", "", fault.NoCapacity, "in renewed"},
		"the newest is cancelled, no other has": {func(f *fixture) { newer(f, 5, cancelled) }, "3", "", fault.NotEntitled, "cancelled"},
		"the newest's book can't be read": {func(f *fixture) {
			newer(f, 5)
			f.books.fail["renewed"] = fault.New(fault.Unavailable, "Not known.")
		}, "1", "", fault.Unavailable, "Not known"},
		"the newest has an error inside": {func(f *fixture) {
			newer(f, 5)
			f.books.fail["renewed"] = errors.New("broken")
		}, "1", "", fault.Internal, ""},
	} {
		t.Run(name, func(t *testing.T) {
			f := newFixture(t)
			test.scene(f)
			out, err := f.service.CheckoutLicense(t.Context(), vendor, f.request("t", func(in *checkoutRequest) { in.Entitlements[0] = units(test.units) }))
			switch {
			case test.kind == fault.Internal:
				if err == nil || fault.KindOf(err) != fault.Internal {
					t.Errorf("the error is %v", err)
				}
			case test.kind != "":
				f.refused(err, test.kind, test.says)
			case err != nil:
				t.Fatal(err)
			case out.LicenseARN != f.arn(test.want):
				t.Errorf("it is of %s, want %s", out.LicenseARN, test.want)
			}
			if test.kind != "" && len(f.books.entries) > 0 {
				t.Error("another one has given it")
			}
		})
	}
	t.Run("a repeated request finds the grant in whatever book", func(t *testing.T) {
		f := newFixture(t)
		first := f.checkout(vendor, f.request("t"))
		if f.books.asked != 0 {
			t.Error("with one Subscription other books were searched")
		}
		newer(f, 5)
		again := f.checkout(vendor, f.request("t"))
		if again.LicenseConsumptionToken != first.LicenseConsumptionToken || again.LicenseARN != first.LicenseARN || len(f.books.entries) != 1 {
			t.Errorf("it was granted again by %s", again.LicenseARN)
		}
		if f.books.asked == 0 {
			t.Error("the books were not searched")
		}
	})
	t.Run("an account of two customers is one beneficiary", func(t *testing.T) {
		f := newFixture(t)
		byAccount := func(in *checkoutRequest) { in.Beneficiary = ptr.To(theirs) }
		first := f.checkout(vendor, f.request("t", byAccount))
		newer(f, 5, func(sub *v1alpha1.Subscription) { sub.Spec.Customer.Identifier = "cust-43" })
		if again := f.checkout(vendor, f.request("t", byAccount)); again.LicenseConsumptionToken != first.LicenseConsumptionToken {
			t.Error("it was granted again")
		}
	})
}

func TestACheckoutAsksTheAPIServerOnlyForWhatTheCacheLacks(t *testing.T) {
	f := newFixture(t)
	for n := range 10 {
		f.checkout(vendor, f.request(fmt.Sprint("t", n), func(in *checkoutRequest) { in.Entitlements = []awsjson.EntitlementData{feature("gpu")} }))
	}
	if f.live.reads != 0 {
		t.Errorf("it was asked %d times", f.live.reads)
	}
	f.cache.objects = nil
	f.checkout(vendor, f.request("t"))
	if f.live.reads == 0 {
		t.Error("it was not asked")
	}
	f.live.failure = errors.New("no connection")
	_, err := f.service.CheckoutLicense(t.Context(), vendor, f.request("t"))
	f.refused(err, fault.Unavailable, "Try again later")
}

func BenchmarkCheckoutLicense(b *testing.B) {
	f := newFixture(b)
	in := f.request("t")
	for b.Loop() {
		if _, err := f.service.CheckoutLicense(b.Context(), vendor, in); err != nil {
			b.Fatal(err)
		}
	}
}
