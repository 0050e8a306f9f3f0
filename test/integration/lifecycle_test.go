// Copyright The license-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package integration

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/license-operator/license-operator/api/v1alpha1"
	"github.com/license-operator/license-operator/test/builder"
	"github.com/license-operator/license-operator/test/integration/wire"
	"github.com/license-operator/license-operator/webhook/auth"
)

// standing is how a customer's right to the first product looks on the wire.
type standing struct {
	ByPID, ByTokens, ByTokensOfVendor string
	Active                            []string
}

var (
	subscribed = standing{"true", "true", "true", []string{"0AC0DE01", "774F4FF8"}}
	lapsed     = standing{"false", "false", "false", []string{"0AC0DE01"}}
)

// standing asks in every way. Refusals are told by their codes.
func (s *shop) standing(t testing.TB) standing {
	t.Helper()
	ask := func(c wire.Call) string {
		a := call().Do(t, c)
		return a.Text("Subscribed") + a.Code()
	}
	return standing{
		ByPID:            ask(wire.ByPid(s.Key, s.pid, s.farm.Code)),
		ByTokens:         ask(wire.ByTokens(s.customer, s.userToken, s.farm.Token)),
		ByTokensOfVendor: ask(wire.ByTokens(s.Key, s.userToken, s.farm.Token)),
		Active:           call().OK(t, wire.Active(s.Key, s.pid)).Texts("ProductCode"),
	}
}

// becomes waits until the customer stands like that.
func (s *shop) becomes(t testing.TB, what string, want standing) {
	t.Helper()
	var got standing
	within(t, what, func() bool {
		got = s.standing(t)
		return cmp.Equal(want, got)
	})
}

// is holds the customer's standing against what it must be at once.
func (s *shop) is(t testing.TB, what string, want standing) {
	t.Helper()
	if diff := cmp.Diff(want, s.standing(t)); diff != "" {
		t.Errorf("%s (-want +got):\n%s", what, diff)
	}
}

func TestWhatBillingDecidesHoldsAtOnceUnderTheSamePID(t *testing.T) {
	s := newShop(t)
	s.is(t, "an active subscription", subscribed)
	for _, state := range []string{"Cancelled", "Suspended", "Pending"} {
		s.Patch(t, &v1alpha1.Subscription{}, "initech", `{"spec":{"state":"`+state+`"}}`)
		s.becomes(t, state, lapsed)
		// Activation succeeds whatever the state of the payment.
		call().OK(t, wire.Hosted(s.Key, s.key, s.farm.Token))
		call().OK(t, wire.Desktop(s.key, s.farm.Token))
		call().OK(t, wire.Refresh(s.customer, s.userToken))
		s.Patch(t, &v1alpha1.Subscription{}, "initech", `{"spec":{"state":"Active"}}`)
		s.becomes(t, "Active after "+state, subscribed)
		if got := call().OK(t, wire.Hosted(s.Key, s.key, s.farm.Token)).Text("PersistentIdentifier"); got != s.pid {
			t.Errorf("after %s the PID is %s, it was %s", state, got, s.pid)
		}
	}
}

func TestATermEndsWithItsGracePeriod(t *testing.T) {
	s := newShop(t)
	end := now.Now().Add(time.Hour).UTC().Truncate(time.Second)
	s.Patch(t, &v1alpha1.Subscription{}, "initech", fmt.Sprintf(`{"spec":{"endTime":%q,"gracePeriodSeconds":600}}`, end.Format(time.RFC3339)))
	within(t, "the end has arrived", func() bool { return ends(t, s, "initech") })
	s.is(t, "before the end", subscribed)
	now.Step(end.Sub(now.Now()) + time.Second)
	s.is(t, "in the grace period", subscribed)
	now.Step(9 * time.Minute)
	s.is(t, "before the grace period is over", subscribed)
	now.Step(time.Minute)
	s.is(t, "after the grace period", lapsed)
	s.Patch(t, &v1alpha1.Subscription{}, "initech", fmt.Sprintf(`{"spec":{"endTime":%q}}`, now.Now().Add(time.Hour).UTC().Format(time.RFC3339)))
	s.becomes(t, "renewed", subscribed)
	s.Patch(t, &v1alpha1.Subscription{}, "initech", fmt.Sprintf(`{"spec":{"startTime":%q}}`, now.Now().Add(time.Minute).UTC().Format(time.RFC3339)))
	s.becomes(t, "not started", lapsed)
	now.Step(61 * time.Second)
	s.is(t, "started", subscribed)
}

// ends says whether the operator has looked at a Subscription's newest spec.
func ends(t testing.TB, s *shop, name string) bool {
	t.Helper()
	sub := &v1alpha1.Subscription{}
	if err := cluster.Client.Get(t.Context(), client.ObjectKey{Namespace: s.Namespace, Name: name}, sub); err != nil {
		t.Fatal(err)
	}
	return sub.Status.ObservedGeneration == sub.Generation
}

func TestADeletedSubscriptionAndItsReturn(t *testing.T) {
	s := newShop(t)
	s.Delete(t, &v1alpha1.Subscription{}, "initech")
	// The customer's pair is nobody's now; the vendor is told that it is over.
	s.becomes(t, "deleted", standing{"false", "InvalidClientTokenId", "false", []string{"0AC0DE01"}})
	expect(t, call(), wire.Hosted(s.Key, s.key, s.farm.Token), 403, "InvalidActivationKey")
	s.Apply(t, builder.Subscription("initech", "render-farm").WithCustomer("cust-42").Build())
	s.becomes(t, "applied again", subscribed)

	s.Delete(t, &v1alpha1.Subscription{}, "initech")
	s.Delete(t, &v1alpha1.Subscription{}, "initech-studio")
	within(t, "nothing is left", func() bool { return len(call().OK(t, wire.Active(s.Key, s.pid)).Texts("ProductCode")) == 0 })
	want := prologue + `<GetActiveSubscriptionsByPidResponse xmlns="http://ls.amazonaws.com/doc/2008-04-28/"><GetActiveSubscriptionsByPidResult></GetActiveSubscriptionsByPidResult>` +
		`<ResponseMetadata><RequestId>{{RequestId}}</RequestId></ResponseMetadata></GetActiveSubscriptionsByPidResponse>`
	if diff := cmp.Diff(want, call().OK(t, wire.Active(s.Key, s.pid)).Golden(nil)); diff != "" {
		t.Errorf("no product at all (-want +got):\n%s", diff)
	}
	// The name is taken by somebody else: what the first customer holds is not
	// the second one's.
	s.Apply(t, builder.Subscription("initech", "render-farm").WithCustomer("cust-99").Build())
	within(t, "the first customer's token is not the second one's", func() bool {
		return call().Do(t, wire.ByTokens(s.customer, s.userToken, s.farm.Token)).Code() == "InvalidParameterValue"
	})
	s.is(t, "the name is somebody else's", standing{"false", "InvalidParameterValue", "false", nil})
}

func TestADeletedProductAndItsReturn(t *testing.T) {
	s := newShop(t)
	s.Delete(t, &v1alpha1.Product{}, "render-farm")
	// Its code is not one of the vendor's any more.
	s.becomes(t, "deleted", standing{"InvalidProductToken", "false", "false", []string{"0AC0DE01"}})
	expect(t, call(), wire.Hosted(s.Key, s.key, s.farm.Token), 403, "InvalidActivationKey")
	s.Apply(t, builder.Product("render-farm").WithCode("774F4FF8").Build())
	s.becomes(t, "applied again", subscribed)
	call().OK(t, wire.Desktop(s.key, s.farm.Token))
}

func TestTwoSubscriptionsOfOneCustomerToOneProductCountAsOne(t *testing.T) {
	s := newShop(t)
	s.Subscription(t, builder.Subscription("initech-second", "render-farm").WithCustomer("cust-42"))
	s.Patch(t, &v1alpha1.Subscription{}, "initech", `{"spec":{"state":"Cancelled"}}`)
	within(t, "the cancellation has arrived", func() bool { return ends(t, s, "initech") })
	s.is(t, "one of two is left", subscribed)
	s.Patch(t, &v1alpha1.Subscription{}, "initech-second", `{"spec":{"state":"Cancelled"}}`)
	s.becomes(t, "both are cancelled", lapsed)
}

func TestAnAccessKeyThatIsSwitchedOffOrDeletedIsRefused(t *testing.T) {
	s := newShop(t)
	ask := wire.ByPid(s.Key, s.pid, s.farm.Code)
	becomes := func(what, code string) {
		t.Helper()
		within(t, what, func() bool { return call().Do(t, ask).Code() == code })
	}
	s.Patch(t, &v1alpha1.AccessKey{}, "vendor", `{"spec":{"state":"Inactive"}}`)
	becomes("Inactive", "InvalidClientTokenId")
	s.Patch(t, &v1alpha1.AccessKey{}, "vendor", `{"spec":{"state":"Active"}}`)
	becomes("Active again", "")
	s.Delete(t, &v1alpha1.AccessKey{}, "vendor")
	becomes("deleted", "InvalidClientTokenId")
	s.Apply(t, builder.VendorKey("vendor").Build())
	becomes("applied again", "")
	if *s.Pair(t, "vendor", "") != *s.Key {
		t.Error("the same manifest gave another pair")
	}
}

// TestAnAccessKeyThatIsBeingDeleted has a finalizer, as foreground deletion
// gives it: whoever deletes a key means at once.
func TestAnAccessKeyThatIsBeingDeletedIsRefused(t *testing.T) {
	s := newShop(t)
	s.Patch(t, &v1alpha1.AccessKey{}, "vendor", `{"metadata":{"finalizers":["example.com/slow"]}}`)
	s.Delete(t, &v1alpha1.AccessKey{}, "vendor")
	within(t, "being deleted", func() bool {
		return call().Do(t, wire.Active(s.Key, s.pid)).Code() == "InvalidClientTokenId"
	})
	s.Patch(t, &v1alpha1.AccessKey{}, "vendor", `{"metadata":{"finalizers":null}}`)
}

// rotate asks for the next pair of an AccessKey and waits for it.
func rotate(t testing.TB, v *wire.Vendor, name, before string, overlap int) *auth.Signer {
	t.Helper()
	v.Patch(t, &v1alpha1.AccessKey{}, name, fmt.Sprintf(`{"spec":{"rotation":2,"overlapSeconds":%d}}`, overlap))
	return v.Pair(t, name, before)
}

func TestARotatedKeyIsAcceptedBesideTheOneBeforeForItsOverlap(t *testing.T) {
	s := newShop(t)
	code := func(k *auth.Signer) string { return call().Do(t, wire.Active(k, s.pid)).Code() }
	second := rotate(t, s.Vendor, "vendor", s.Key.AccessKeyID, 60)
	if got := []string{code(s.Key), code(second)}; !slices.Equal(got, []string{"", ""}) {
		t.Errorf("in the overlap the pairs are answered %q", got)
	}
	mixed := *second
	mixed.SecretAccessKey = s.Key.SecretAccessKey
	if got := code(&mixed); got != "SignatureDoesNotMatch" {
		t.Errorf("the new id with the old secret is answered %q", got)
	}
	now.Step(61 * time.Second)
	if got := []string{code(s.Key), code(second)}; !slices.Equal(got, []string{"InvalidClientTokenId", ""}) {
		t.Errorf("after the overlap the pairs are answered %q", got)
	}
}

func TestAKeyThatIsRotatedWithoutAnOverlapIsRefused(t *testing.T) {
	s := newShop(t)
	second := rotate(t, s.Vendor, "vendor", s.Key.AccessKeyID, 0)
	within(t, "the pair before is refused", func() bool {
		return call().Do(t, wire.Active(s.Key, s.pid)).Code() == "InvalidClientTokenId"
	})
	call().OK(t, wire.Active(second, s.pid))
}

func TestARevokedActivationTakesBackWhatWasActivatedWithIt(t *testing.T) {
	s := newShop(t)
	hosted := call().OK(t, wire.Hosted(s.Key, s.key, s.farm.Token)).Text("UserToken")
	s.Patch(t, &v1alpha1.Activation{}, "initech-first", `{"spec":{"state":"Revoked"}}`)
	s.becomes(t, "revoked", standing{"true", "InvalidClientTokenId", "false", []string{"0AC0DE01", "774F4FF8"}})
	expect(t, call(), wire.Desktop(s.key, s.farm.Token), 403, "InvalidActivationKey")
	expect(t, call(), wire.Hosted(s.Key, s.key, s.farm.Token), 403, "InvalidActivationKey")
	expect(t, call(), wire.Refresh(s.Key, hosted), 403, "InvalidUserToken")
	// Another key of the same customer is not concerned.
	other := s.Activation(t, builder.Activation("initech-second", "initech"))
	desktop := call().OK(t, wire.Desktop(other, s.farm.Token))
	a := call().OK(t, wire.ByTokens(wire.Customer(desktop), desktop.Text("UserToken"), s.farm.Token))
	if got := a.Text("Subscribed"); got != "true" {
		t.Errorf("with another key Subscribed is %q", got)
	}
}

func TestWhatWasActivatedOutlivesItsKey(t *testing.T) {
	s := newShop(t)
	now.Step(61 * time.Minute)
	expect(t, call(), wire.Desktop(s.key, s.farm.Token), 403, "ExpiredActivationKey")
	s.is(t, "after the key has expired", subscribed)
	s.Delete(t, &v1alpha1.Activation{}, "initech-first")
	within(t, "the key is gone", func() bool {
		return call().Do(t, wire.Desktop(s.key, s.farm.Token)).Code() == "InvalidActivationKey"
	})
	s.is(t, "after the Activation was deleted", subscribed)
}
