// Copyright The license-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package integration

import (
	"fmt"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"k8s.io/apimachinery/pkg/api/meta"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/license-operator/license-operator/api/v1alpha1"
	"github.com/license-operator/license-operator/internal/options"
	"github.com/license-operator/license-operator/test/builder"
	"github.com/license-operator/license-operator/test/integration/wire"
	"github.com/license-operator/license-operator/webhook/query"
)

// activation reads an Activation.
func activation(t testing.TB, v *wire.Vendor, name string) *v1alpha1.Activation {
	t.Helper()
	a := &v1alpha1.Activation{}
	if err := cluster.Client.Get(t.Context(), client.ObjectKey{Namespace: v.Namespace, Name: name}, a); err != nil {
		t.Fatal(err)
	}
	return a
}

// customerKeys are the AccessKeys that activations have made in a namespace.
func customerKeys(t testing.TB, v *wire.Vendor) []v1alpha1.AccessKey {
	t.Helper()
	list := &v1alpha1.AccessKeyList{}
	if err := cluster.Client.List(t.Context(), list, client.InNamespace(v.Namespace), client.HasLabels{v1alpha1.LabelActivation}); err != nil {
		t.Fatal(err)
	}
	return list.Items
}

// answers are everything that two activations with one key must agree on.
type answers struct{ UserToken, PID, KeyID, Secret string }

func answersOf(hosted, desktop *wire.Answer) answers {
	return answers{
		UserToken: desktop.Text("UserToken"), PID: hosted.Text("PersistentIdentifier"),
		KeyID: desktop.Text("AWSAccessKeyId"), Secret: desktop.Text("SecretAccessKey"),
	}
}

func TestOneActivationKeyGivesTheSameAnswersHoweverOftenItIsUsed(t *testing.T) {
	s := newShop(t)
	key := s.Activation(t, builder.Activation("twice", "initech"))
	redeemed := func() bool {
		return meta.IsStatusConditionTrue(activation(t, s.Vendor, "twice").Status.Conditions, v1alpha1.ConditionRedeemed)
	}
	if redeemed() {
		t.Fatal("a key that nobody has used is Redeemed")
	}
	use := func() answers {
		return answersOf(call().OK(t, wire.Hosted(s.Key, key, s.farm.Token)), call().OK(t, wire.Desktop(key, s.farm.Token)))
	}
	first := use()
	if !redeemed() {
		t.Error("the key was answered and is not Redeemed")
	}
	if first.PID != s.pid {
		t.Errorf("the PID is %s and not the customer's, %s", first.PID, s.pid)
	}
	before := activation(t, s.Vendor, "twice").Status
	if diff := cmp.Diff(first, use()); diff != "" {
		t.Errorf("the second time was answered differently (-first +second):\n%s", diff)
	}
	now.Step(2 * time.Minute)
	if diff := cmp.Diff(first, use()); diff != "" {
		t.Errorf("minutes later it was answered differently (-first +later):\n%s", diff)
	}
	after := activation(t, s.Vendor, "twice").Status
	if !after.FirstRedemptionTime.Equal(before.FirstRedemptionTime) {
		t.Errorf("the first redemption moved from %s to %s", before.FirstRedemptionTime, after.FirstRedemptionTime)
	}
	if !after.LastRedemptionTime.After(before.LastRedemptionTime.Time) {
		t.Errorf("the last redemption stayed at %s", after.LastRedemptionTime)
	}
	if after.KeyHash != before.KeyHash || !after.ExpirationTime.Equal(before.ExpirationTime) {
		t.Error("using the key has changed the key")
	}
}

func TestTwentyActivationsAtOnceMakeOneAccessKey(t *testing.T) {
	s := newShop(t)
	key := s.Activation(t, builder.Activation("crowd", "initech"))
	before := len(customerKeys(t, s.Vendor))
	const clients = 20
	var all [clients]answers
	var wg sync.WaitGroup
	for i := range clients {
		wg.Go(func() {
			hosted, err := call().Try(t.Context(), wire.Hosted(s.Key, key, s.farm.Token))
			if err != nil || hosted.Status != http.StatusOK {
				t.Errorf("hosted: %v %+v", err, hosted)
				return
			}
			desktop, err := call().Try(t.Context(), wire.Desktop(key, s.farm.Token))
			if err != nil || desktop.Status != http.StatusOK {
				t.Errorf("desktop: %v %+v", err, desktop)
				return
			}
			all[i] = answersOf(hosted, desktop)
		})
	}
	wg.Wait()
	for i := range all {
		if diff := cmp.Diff(all[0], all[i]); diff != "" {
			t.Fatalf("two clients were answered differently (-first +other):\n%s", diff)
		}
	}
	keys := customerKeys(t, s.Vendor)
	if got := len(keys) - before; got != 1 {
		t.Errorf("%d AccessKeys were made, want 1", got)
	}
	// The pair is of use at once.
	customer := wire.SignedAs(s.customer, "2", s.customer.Method)
	customer.AccessKeyID, customer.SecretAccessKey = all[0].KeyID, all[0].Secret
	if got := call().OK(t, wire.ByTokens(customer, all[0].UserToken, s.farm.Token)).Text("Subscribed"); got != "true" {
		t.Errorf("Subscribed is %q", got)
	}
}

func TestAUserTokenDiffersOnlyWhereAnExpiryWasAskedFor(t *testing.T) {
	s := newShop(t)
	for name, test := range map[string]struct{ spelling string }{
		"in the schema's spelling":  {"P365D"},
		"in seconds of the schema":  {"PT3600S"},
		"in bare seconds":           {"3600"},
		"in years, months and days": {"P1Y2M3DT4H5M6.5S"},
	} {
		t.Run(name, func(t *testing.T) {
			a := call().OK(t, wire.Desktop(s.key, s.farm.Token, query.TokenExpiration, test.spelling))
			if a.Text("UserToken") == s.userToken {
				t.Error("the token that expires is the one that does not")
			}
			if got := wire.Customer(a).AccessKeyID; got != s.customer.AccessKeyID {
				t.Errorf("another key pair: %s and %s", s.customer.AccessKeyID, got)
			}
			if got := call().OK(t, wire.ByTokens(s.customer, a.Text("UserToken"), s.farm.Token)).Text("Subscribed"); got != "true" {
				t.Errorf("Subscribed is %q", got)
			}
		})
	}
	for name, asked := range map[string]string{"nothing": "", "an empty one": ""} {
		a := call().OK(t, wire.Desktop(s.key, s.farm.Token, query.TokenExpiration, asked))
		if a.Text("UserToken") != s.userToken {
			t.Errorf("asking for %s gave another token", name)
		}
	}
}

func TestAProductBoundsTheLifeOfItsUserTokens(t *testing.T) {
	s := newShop(t)
	trial := s.Product(t, builder.Product("trial").WithUserTokenLifetime(600).WithKeyLifetime(3600))
	s.Subscription(t, builder.Subscription("tester", "trial"))
	key := s.Activation(t, builder.Activation("tester", "tester"))
	for name, test := range map[string]struct {
		asked string
		life  time.Duration
	}{
		"nothing is asked for": {"", 600 * time.Second},
		"less is asked for":    {"60", 60 * time.Second},
		"more is asked for":    {"P365D", 600 * time.Second},
	} {
		t.Run(name, func(t *testing.T) {
			desktop := call().OK(t, wire.Desktop(key, trial.Token, query.TokenExpiration, test.asked))
			ask := wire.ByTokens(wire.Customer(desktop), desktop.Text("UserToken"), trial.Token)
			now.Step(test.life - 10*time.Second)
			if got := call().OK(t, ask).Text("Subscribed"); got != "true" {
				t.Errorf("before it expires Subscribed is %q", got)
			}
			now.Step(11 * time.Second)
			expect(t, call(), ask, 400, "InvalidParameterValue")
		})
	}
}

func TestARefreshNeverMovesTheExpiry(t *testing.T) {
	s := newShop(t)
	token := call().OK(t, wire.Desktop(s.key, s.farm.Token, query.TokenExpiration, "3600")).Text("UserToken")
	now.Step(59 * time.Minute)
	fresh := call().OK(t, wire.Refresh(s.customer, token)).Text("UserToken")
	now.Step(2 * time.Minute)
	expect(t, call(), wire.ByTokens(s.customer, fresh, s.farm.Token), 400, "InvalidParameterValue")
	expect(t, call(), wire.Refresh(s.customer, fresh), 403, "InvalidUserToken")
}

func TestAReplayedActivationHasNoSecondEffect(t *testing.T) {
	s := newShop(t)
	key := s.Activation(t, builder.Activation("replayed", "initech"))
	c := wire.Hosted(s.Key, key, s.farm.Token)
	host := strings.TrimPrefix(call().URL, "https://")
	signed, err := s.Key.Sign(http.MethodGet, host, "/", c.Parameters, now.Now())
	if err != nil {
		t.Fatal(err)
	}
	captured := wire.Call{Parameters: signed}
	first := call().OK(t, captured)
	before, keys := activation(t, s.Vendor, "replayed"), len(customerKeys(t, s.Vendor))
	second := call().OK(t, captured)
	if first.Text("UserToken") != second.Text("UserToken") || first.Text("PersistentIdentifier") != second.Text("PersistentIdentifier") {
		t.Error("the replay was answered differently")
	}
	if first.Text("RequestId") == second.Text("RequestId") {
		t.Error("two requests have one id")
	}
	if diff := cmp.Diff(before, activation(t, s.Vendor, "replayed")); diff != "" {
		t.Errorf("the replay has changed the Activation (-before +after):\n%s", diff)
	}
	if got := len(customerKeys(t, s.Vendor)); got != keys {
		t.Errorf("the replay has made %d AccessKeys", got-keys)
	}
	now.Step(16 * time.Minute)
	expect(t, call(), captured, 400, "RequestExpired")
}

// TestALostAnswerOfTheAPIServerIsMadeGoodByARetry loses one request after
// another, of a replica that has seen nothing of the customer: each time the
// caller is told to come again, and then finds everything as it would have been.
func TestALostAnswerOfTheAPIServerIsMadeGoodByARetry(t *testing.T) {
	s := newShop(t)
	hold(t)
	number := 0
	for name, request := range map[string]string{
		"making the AccessKey":              "POST /accesskeys",
		"recording the AccessKey's id":      "PATCH /accesskeys/status",
		"recording the redemption":          "PATCH /activations/status",
		"looking for the activation key":    "LIST /activations",
		"looking for the AccessKey":         "LIST /accesskeys",
		"reading the customer's right":      "GET /subscriptions",
		"looking for the rights of the PID": "LIST /subscriptions",
	} {
		for when, done := range map[string]bool{"after it was done": true, "before it was done": false} {
			number++
			customer := fmt.Sprintf("lost-%d", number)
			t.Run(name+" "+when, func(t *testing.T) {
				l := &link{}
				r := another(t, l.wrap(cluster.Operator), func(o *options.Options) { o.LeaderElect = true })
				l.freeze()
				defer l.melt()
				s.Subscription(t, builder.Subscription(customer, "render-farm"))
				key := s.Activation(t, builder.Activation(customer, customer))
				l.lose(request, done)
				desktop := again(t, r, wire.Desktop(key, s.farm.Token))
				hosted := again(t, r, wire.Hosted(s.Key, key, s.farm.Token))
				verified := again(t, r, wire.ByTokens(wire.Customer(desktop), desktop.Text("UserToken"), s.farm.Token))
				if got := verified.Text("Subscribed"); got != "true" {
					t.Errorf("Subscribed is %q", got)
				}
				if got := l.lost(); got != 1 {
					t.Fatalf("%d requests were lost, want 1", got)
				}
				want := answersOf(call().OK(t, wire.Hosted(s.Key, key, s.farm.Token)), call().OK(t, wire.Desktop(key, s.farm.Token)))
				if diff := cmp.Diff(want, answersOf(hosted, desktop)); diff != "" {
					t.Errorf("the undisturbed replica answers differently (-undisturbed +disturbed):\n%s", diff)
				}
			})
		}
	}
}

// again repeats a call for as long as it is told to, as clients of the service
// are asked to.
func again(t *testing.T, r *replica, c wire.Call) *wire.Answer {
	t.Helper()
	for range 3 {
		a := r.client.Do(t, c)
		if a.Code() != "ServiceUnavailable" {
			if a.Status != http.StatusOK {
				t.Errorf("answered %d %s", a.Status, a.Code())
			}
			return a
		}
		if a.Status != http.StatusServiceUnavailable || a.Header.Get("Retry-After") == "" {
			t.Errorf("status %d, Retry-After %q", a.Status, a.Header.Get("Retry-After"))
		}
	}
	t.Fatal("told to come again and again")
	return nil
}
