// Copyright The license-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package integration

import (
	"crypto/sha256"
	"encoding/hex"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/license-operator/license-operator/api/v1alpha1"
	"github.com/license-operator/license-operator/test/builder"
	"github.com/license-operator/license-operator/test/integration/wire"
	"github.com/license-operator/license-operator/webhook/auth"
	"github.com/license-operator/license-operator/webhook/query"
)

const (
	// A PID, a key and tokens that have the right form and were never issued.
	madeUpPID     = "PAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"
	madeUpKey     = "AAAAAAAAAAAAAAAAAAAAAAAAAAAA"
	madeUpProduct = "{ProductToken}AQIDBAUGBwgJCgsMDQ4PEBESExQVFhcYGRobHB0eHyAhIiMkJSYnKCkqKywtLi8w"
	madeUpUser    = "{UserToken}AQIDBAUGBwgJCgsMDQ4PEBESExQVFhcYGRobHB0eHyAhIiMkJSYnKCkqKywtLi8w"
)

func sha256Hex(s string) string {
	sum := sha256.Sum256([]byte(s))
	return hex.EncodeToString(sum[:])
}

// expect sends a call that must fail with a status and a code. That the answer
// is XML of the contract, with the request's id, the client sees to.
func expect(t testing.TB, c *wire.Client, call wire.Call, status int, code string) *wire.Answer {
	t.Helper()
	a := c.Do(t, call)
	if a.Status != status || a.Code() != code {
		t.Errorf("answered %d %s, want %d %s: %s", a.Status, a.Code(), status, code, a.Text("Message"))
	}
	return a
}

// strangers is what of others a caller may try: another vendor's, another
// customer's, and what is over.
type strangers struct {
	// other is a second vendor with everything.
	other *shop
	// expiredKey, revokedKey and orphanKey are activation keys of the shop.
	expiredKey, revokedKey, orphanKey string
	// registration is a registration token of the shop.
	registration string
	// secondToken is the user token of another customer of the shop, second
	// that customer's key pair.
	secondToken string
	second      *auth.Signer
	// studioToken is the user token of the same customer for the other product.
	studioToken string
	// expiredToken is a user token of the shop's customer.
	expiredToken string
	// inactive is a vendor's key that was switched off.
	inactive *auth.Signer
}

func newStrangers(t *testing.T, s *shop) *strangers {
	t.Helper()
	x := &strangers{other: newShop(t)}
	x.expiredKey = s.Activation(t, builder.Activation("short", "initech").WithLifetime(60))
	x.expiredToken = call().OK(t, wire.Desktop(s.key, s.farm.Token, query.TokenExpiration, "PT60S")).Text("UserToken")
	now.Step(61 * time.Second)

	x.revokedKey = s.Activation(t, builder.Activation("revoked", "initech"))
	s.Patch(t, &v1alpha1.Activation{}, "revoked", `{"spec":{"state":"Revoked"}}`)
	s.Subscription(t, builder.Subscription("gone", "render-farm"))
	x.orphanKey = s.Activation(t, builder.Activation("orphan", "gone"))
	s.Delete(t, &v1alpha1.Subscription{}, "gone")
	x.registration = s.Registration(t, builder.Activation("registration", "initech"))
	s.Subscription(t, builder.Subscription("globex", "render-farm").WithCustomer("cust-43"))
	second := call().OK(t, wire.Desktop(s.Activation(t, builder.Activation("globex-first", "globex")), s.farm.Token))
	x.secondToken, x.second = second.Text("UserToken"), wire.Customer(second)
	studio := s.Activation(t, builder.Activation("studio-first", "initech-studio"))
	x.studioToken = call().OK(t, wire.Desktop(studio, s.studio.Token)).Text("UserToken")
	s.Apply(t, builder.VendorKey("off").Build())
	x.inactive = s.Pair(t, "off", "")
	s.Patch(t, &v1alpha1.AccessKey{}, "off", `{"spec":{"state":"Inactive"}}`)

	// What was patched and deleted must have arrived before the table begins.
	within(t, "the revoked key is refused", func() bool {
		return call().Do(t, wire.Desktop(x.revokedKey, s.farm.Token)).Code() == "InvalidActivationKey"
	})
	within(t, "the deleted Subscription's key is refused", func() bool {
		return call().Do(t, wire.Desktop(x.orphanKey, s.farm.Token)).Code() == "InvalidActivationKey"
	})
	within(t, "the inactive key is refused", func() bool {
		return call().Do(t, wire.Active(x.inactive, s.pid)).Code() == "InvalidClientTokenId"
	})
	return x
}

// failure is a call and how it must be refused.
type failure struct {
	call   wire.Call
	status int
	code   string
}

func TestEveryErrorOfTheContractIsAnsweredInForm(t *testing.T) {
	s := newShop(t)
	x := newStrangers(t, s)
	tables := []map[string]failure{
		protocolFailures(s), signatureFailures(s, x), parameterFailures(s),
		activationFailures(s, x), verificationFailures(s, x), tokenFailures(s, x),
	}
	codes := map[string]bool{}
	for _, table := range tables {
		for name, f := range table {
			codes[f.code] = true
			t.Run(name, func(t *testing.T) { expect(t, call(), f.call, f.status, f.code) })
		}
	}
	// Those that have tests of their own, and InternalError, which must never be
	// seen.
	elsewhere := []string{"RequiresSSL", "RequestThrottled", "ServiceUnavailable", "InternalError"}
	for _, code := range elsewhere {
		codes[code] = true
	}
	want := map[string]bool{}
	for _, code := range contractCodes {
		want[code] = true
	}
	if diff := cmp.Diff(want, codes); diff != "" {
		t.Errorf("the tables do not have exactly the codes of the contract (-contract +tables):\n%s", diff)
	}
}

// contractCodes are all codes that the service has. UserNotSubscribed is not
// one: activation succeeds whatever the payment's state.
var contractCodes = []string{
	"AccessDenied", "ConflictingQueryParameter", "InternalError", "InvalidAction", "InvalidParameterCombination",
	"InvalidParameterValue", "MalformedQueryString", "MissingAction", "MissingAuthenticationToken", "MissingParameter",
	"NoSuchVersion", "RequestExpired", "RequestThrottled", "RequiresSSL", "InvalidClientTokenId", "SignatureDoesNotMatch",
	"ServiceUnavailable", "UnsupportedHttpVerb", "URITooLong",
	"ExpiredActivationKey", "IncorrectActivationKey", "InvalidActivationKey", "InvalidProductToken",
	"InvalidPersistentIdentifier", "MissingPersistentIdentifier", "MissingProductToken", "InvalidUserToken", "MissingUserToken",
}
