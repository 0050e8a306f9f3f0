// Copyright The license-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package integration

import (
	"crypto/rand"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/license-operator/license-operator/api/v1alpha1"
	"github.com/license-operator/license-operator/internal/options"
	"github.com/license-operator/license-operator/internal/secrets"
	"github.com/license-operator/license-operator/internal/store"
	"github.com/license-operator/license-operator/test/builder"
	"github.com/license-operator/license-operator/test/env"
	"github.com/license-operator/license-operator/test/integration/wire"
)

// stall is a vendor with a product whose customers sign up by tokens.
type stall struct {
	*wire.Vendor
	code  string
	arn   string
	nonce byte
}

func newStall(t testing.TB, use v1alpha1.TokenUse) *stall {
	t.Helper()
	return newStallOf(t, "STALL"+rand.Text()[:8], use)
}

func newStallOf(t testing.TB, code string, use v1alpha1.TokenUse) *stall {
	t.Helper()
	s := &stall{Vendor: vendor(t), code: code}
	s.Product(t, builder.Product("render-farm").WithCode(code).WithDimension("render-minutes").WithRegistration(14400, use).WithSeats("seats", 10).WithFeature("gpu", ""))
	s.Subscription(t, builder.Subscription("initech", "render-farm").WithCustomer("cust-42").WithAccountID("210987654321"))
	sub := &v1alpha1.Subscription{}
	within(t, "the licence has an ARN", func() bool {
		err := cluster.Client.Get(t.Context(), client.ObjectKey{Namespace: s.Namespace, Name: "initech"}, sub)
		return err == nil && sub.Status.LicenseARN != ""
	})
	s.arn = sub.Status.LicenseARN
	return s
}

// keys are the running operator's.
func keys(t testing.TB) *secrets.Keys {
	t.Helper()
	list := &corev1.SecretList{}
	if err := cluster.Client.List(t.Context(), list, client.InNamespace(env.OperatorNamespace)); err != nil {
		t.Fatal(err)
	}
	for i := range list.Items {
		if parsed, err := secrets.Parse(list.Items[i].Data); err == nil {
			return parsed
		}
	}
	t.Fatal("the operator has no keys")
	return nil
}

// shown is a token as the registration page hands it out, and the name of its
// Activation.
func (s *stall) shown(t testing.TB) (token, name string) {
	t.Helper()
	k := keys(t)
	nonce, err := secrets.NewRegistrationNonce(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	token, err = k.Sealing.SealRegistrationToken(now.Now(), secrets.RegistrationClaims{Namespace: s.Namespace, Subscription: "initech", Party: secrets.PartyOf(s.code, "cust-42"),
		IssueTime: now.Now(), Expiration: now.Now().Add(4 * time.Hour), Nonce: nonce})
	if err != nil {
		t.Fatal(err)
	}
	ledger.Secret("registration token", token[12:])
	return token, store.RegistrationName(k.Identity.HashRegistrationToken(token))
}

// issued is the token of an Activation, which may be there already.
func (s *stall) issued(t testing.TB) (token, name string) {
	t.Helper()
	s.nonce++
	name = fmt.Sprintf("initech-%d", s.nonce)
	token = s.Registration(t, builder.Activation(name, "initech"))
	ledger.Secret("registration token", token[12:])
	return token, name
}

// bothForms runs a test with either form of token.
func bothForms(t *testing.T, s *stall, test func(t *testing.T, token, name string)) {
	t.Helper()
	for form, make := range map[string]func(testing.TB) (string, string){
		"a token of an Activation": s.issued, "a token of the registration page": s.shown,
	} {
		t.Run(form, func(t *testing.T) {
			token, name := make(t)
			test(t, token, name)
		})
	}
}

// expectJSON sends a call that must fail with a code, and in a sentence.
func expectJSON(t testing.TB, c *wire.Client, call wire.JSONCall, status int, code string) *wire.JSONAnswer {
	t.Helper()
	a := c.DoJSON(t, call)
	sentence := strings.HasSuffix(a.Text("message"), ".") || code == "ValidationException" // Which is in AWS's words.
	if a.Status != status || a.Code() != code || !sentence {
		t.Errorf("answered %d %s, want %d %s: %s", a.Status, a.Code(), status, code, a.Text("message"))
	}
	return a
}

// resolved expects the customer, byte for byte.
func (s *stall) resolved(t testing.TB, c *wire.Client, call wire.JSONCall) {
	t.Helper()
	want := `{"CustomerIdentifier":"cust-42","ProductCode":"` + s.code + `","CustomerAWSAccountId":"210987654321","LicenseArn":"` + s.arn + `"}`
	if a := c.DoJSON(t, call); a.Status != http.StatusOK || a.Body != want {
		t.Errorf("answered %d\n%s, want\n%s", a.Status, a.Body, want)
	}
}

func (s *stall) activation(t testing.TB, name string) *v1alpha1.Activation {
	t.Helper()
	a := &v1alpha1.Activation{}
	if err := cluster.Client.Get(t.Context(), client.ObjectKey{Namespace: s.Namespace, Name: name}, a); err != nil {
		t.Fatal(err)
	}
	return a
}

func TestACustomerIsResolved(t *testing.T) {
	s := newStall(t, v1alpha1.TokenUseReusable)
	bothForms(t, s, func(t *testing.T, token, name string) {
		for range 3 {
			s.resolved(t, call(), wire.ResolveCustomer(s.Key, token))
		}
		a := s.activation(t, name)
		if a.Status.FirstRedemptionTime == nil || !meta.IsStatusConditionTrue(a.Status.Conditions, v1alpha1.ConditionRedeemed) {
			t.Errorf("it is not on record: %+v", a.Status)
		}
		within(t, "it is Issued and not Expired", func() bool {
			a := s.activation(t, name)
			return meta.IsStatusConditionTrue(a.Status.Conditions, v1alpha1.ConditionIssued) &&
				meta.IsStatusConditionFalse(a.Status.Conditions, v1alpha1.ConditionExpired)
		})
		s.Patch(t, &v1alpha1.Activation{}, name, `{"spec":{"state":"Revoked"}}`)
		within(t, "it is revoked", func() bool {
			return call().DoJSON(t, wire.ResolveCustomer(s.Key, token)).Code() == "InvalidTokenException"
		})
	})
}

func TestATokenIsResolvedInEveryStateOfItsSubscription(t *testing.T) {
	s := newStall(t, v1alpha1.TokenUseReusable)
	token, _ := s.shown(t)
	for _, state := range []v1alpha1.SubscriptionState{v1alpha1.SubscriptionPending, v1alpha1.SubscriptionSuspended, v1alpha1.SubscriptionCancelled} {
		s.Patch(t, &v1alpha1.Subscription{}, "initech", `{"spec":{"state":"`+string(state)+`"}}`)
		s.resolved(t, call(), wire.ResolveCustomer(s.Key, token))
	}
	s.Delete(t, &v1alpha1.Subscription{}, "initech")
	within(t, "without it the token is invalid", func() bool {
		return call().DoJSON(t, wire.ResolveCustomer(s.Key, token)).Code() == "InvalidTokenException"
	})
}

func TestWhatIsNoTokenOfTheVendor(t *testing.T) {
	s, other := newStall(t, v1alpha1.TokenUseReusable), newStall(t, v1alpha1.TokenUseReusable)
	issued, _ := s.issued(t)
	shown, name := s.shown(t)
	for what, token := range map[string]string{
		"nothing": "", "a blank": " ", "some text": "x", "a token cut off": shown[:len(shown)-4], "a token that was decoded twice": strings.ReplaceAll(issued, "+", " "),
		"a changed token": shown[:40] + tamper(shown[40:]), "an endless one": strings.Repeat("R2+/", 10000),
	} {
		t.Run(what, func(t *testing.T) {
			a := expectJSON(t, call(), wire.ResolveCustomer(s.Key, token), 400, "InvalidTokenException")
			if !strings.Contains(a.Text("message"), "egistration token is") {
				t.Errorf("the message is %q", a.Text("message"))
			}
		})
	}
	for what, token := range map[string]string{"an Activation's": issued, "the page's": shown} {
		t.Run(what+", of another vendor", func(t *testing.T) {
			mine := expectJSON(t, call(), wire.ResolveCustomer(other.Key, token), 400, "InvalidTokenException")
			none := expectJSON(t, call(), wire.ResolveCustomer(other.Key, "x"), 400, "InvalidTokenException")
			if mine.Body != none.Body {
				t.Errorf("it is told from none: %s, %s", mine.Body, none.Body)
			}
		})
	}
	a := &v1alpha1.Activation{}
	if err := cluster.Client.Get(t.Context(), client.ObjectKey{Namespace: s.Namespace, Name: name}, a); err == nil {
		t.Error("a stranger has made an Activation")
	}
	expectJSON(t, call(), wire.Marketplace(s.Key, "AWSMPMeteringService.ResolveCustomer", `{}`), 400, "ValidationException")
	expectJSON(t, call(), wire.Marketplace(s.Key, "AWSMPMeteringService.ResolveCustomer", `{"RegistrationToken":5}`), 400, "SerializationException")
	wrong := wire.ResolveCustomer(s.Key, shown)
	wrong.Service = "license-manager"
	a2 := expectJSON(t, call(), wrong, 400, "InvalidSignatureException")
	if !strings.Contains(a2.Text("message"), "aws-marketplace") {
		t.Errorf("the message is %q", a2.Text("message"))
	}
}

func TestATokenForOneUseIsResolvedOnceAtWhateverReplica(t *testing.T) {
	s := newStall(t, v1alpha1.TokenUseOnce)
	// One replica has seen everything but what comes now.
	slow, _ := lagging(t)
	bothForms(t, s, func(t *testing.T, token, _ string) {
		s.resolved(t, call(), wire.ResolveCustomer(s.Key, token))
		for _, r := range []*replica{slow, operator} {
			expectJSON(t, r.client, wire.ResolveCustomer(s.Key, token), 400, "ExpiredTokenException")
		}
	})
	bothForms(t, s, func(t *testing.T, token, _ string) {
		s.resolved(t, slow.client, wire.ResolveCustomer(s.Key, token))
		for _, r := range []*replica{slow, operator} {
			expectJSON(t, r.client, wire.ResolveCustomer(s.Key, token), 400, "ExpiredTokenException")
		}
	})
	bothForms(t, s, func(t *testing.T, token, _ string) {
		var all sync.WaitGroup
		codes := make([]string, 16)
		for i := range codes {
			r := []*replica{slow, operator}[i%2]
			all.Go(func() {
				a, err := r.client.TryJSON(t.Context(), wire.ResolveCustomer(s.Key, token))
				if codes[i] = "resolved"; err != nil {
					codes[i] = err.Error()
				} else if a.Status != http.StatusOK {
					codes[i] = a.Code()
				}
			})
		}
		all.Wait()
		count := map[string]int{}
		for _, code := range codes {
			count[code]++
		}
		if diff := cmp.Diff(map[string]int{"resolved": 1, "ExpiredTokenException": 15}, count); diff != "" {
			t.Errorf("at once (-want +got):\n%s", diff)
		}
	})
}

func TestALaggingReplicaResolvesAndListsWhatIsNew(t *testing.T) {
	slow, _ := lagging(t)
	// Everything from the Namespace on is younger than the freeze.
	s := newStall(t, v1alpha1.TokenUseReusable)
	bothForms(t, s, func(t *testing.T, token, _ string) {
		s.resolved(t, slow.client, wire.ResolveCustomer(s.Key, token))
		s.resolved(t, call(), wire.ResolveCustomer(s.Key, token))
	})
	for _, r := range []*replica{slow, operator} {
		a := r.client.DoJSON(t, wire.GetEntitlements(s.Key, s.code, map[string][]string{"CUSTOMER_IDENTIFIER": {"cust-42"}}))
		if rows, _ := a.Members["Entitlements"].([]any); a.Status != http.StatusOK || len(rows) != 2 {
			t.Errorf("answered %d %s", a.Status, a.Body)
		}
	}
}

func TestAnAnswerThatWasLostIsAskedForAgain(t *testing.T) {
	hold(t)
	l := &link{}
	r := another(t, l.wrap(cluster.Operator), func(o *options.Options) { o.LeaderElect = true })
	for use, again := range map[v1alpha1.TokenUse]string{v1alpha1.TokenUseReusable: "", v1alpha1.TokenUseOnce: "ExpiredTokenException"} {
		t.Run(string(use), func(t *testing.T) {
			s := newStall(t, use)
			bothForms(t, s, func(t *testing.T, token, name string) {
				l.lose("PATCH /activations/status", true)
				a := expectJSON(t, r.client, wire.ResolveCustomer(s.Key, token), 500, "InternalServiceErrorException")
				if a.Header.Get("Retry-After") == "" {
					t.Error("nothing says when to come again")
				}
				// If the Activation's controller was quicker, the record was refused
				// before the answer to it was lost.
				if again == "" || s.activation(t, name).Status.FirstRedemptionTime == nil {
					s.resolved(t, r.client, wire.ResolveCustomer(s.Key, token))
				} else {
					expectJSON(t, r.client, wire.ResolveCustomer(s.Key, token), 400, again)
				}
			})
		})
	}
}

func TestUsageIsMeteredOverTheWire(t *testing.T) {
	s := newStall(t, v1alpha1.TokenUseReusable)
	s.Apply(t, builder.CustomerKey("desktop", "initech").Build())
	desktop := s.Pair(t, "desktop", "")
	token, at := rand.Text(), now.Now().Unix()
	ledger.Secret("client token", token)
	own := wire.Marketplace(desktop, "AWSMPMeteringService.MeterUsage", map[string]any{
		"ProductCode": s.code, "Timestamp": at, "UsageDimension": "render-minutes", "UsageQuantity": 7, "ClientToken": token})
	var first *wire.JSONAnswer
	within(t, "the usage is recorded", func() bool {
		first = call().DoJSON(t, own)
		return first.Status == http.StatusOK
	})
	batch := wire.Marketplace(s.Key, "AWSMPMeteringService.BatchMeterUsage", map[string]any{"ProductCode": s.code, "UsageRecords": []any{
		map[string]any{"Timestamp": at, "CustomerIdentifier": "cust-42", "Dimension": "render-minutes", "Quantity": 7}}})
	for _, again := range []wire.JSONCall{own, batch} {
		if a := call().DoJSON(t, again); a.Status != http.StatusOK || !strings.Contains(a.Body, first.Text("MeteringRecordId")) {
			t.Errorf("answered %d %s, at first %s", a.Status, a.Body, first.Body)
		}
	}
	records := &v1alpha1.UsageRecordList{}
	if err := cluster.Client.List(t.Context(), records, client.InNamespace(s.Namespace)); err != nil || len(records.Items) != 1 {
		t.Errorf("%d records, %v", len(records.Items), err)
	}
}
