// Copyright The license-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package integration

import (
	"fmt"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
	eventsv1 "k8s.io/api/events/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/license-operator/license-operator/api/v1alpha1"
	"github.com/license-operator/license-operator/internal/options"
	"github.com/license-operator/license-operator/test/builder"
	"github.com/license-operator/license-operator/test/integration/wire"
	"github.com/license-operator/license-operator/test/receiver"
)

// webhookCA is a file with what hooks is trusted by.
var webhookCA string

// withWebhooks lets an operator reach hooks, and nothing else of this host.
func withWebhooks(o *options.Options) {
	o.WebhookAllowCIDRs = []string{"127.0.0.0/8"}
	o.WebhookCAFile = webhookCA
}

// hooked is a vendor with a Product whose webhook is hooks, at a path of its
// own.
type hooked struct {
	*wire.Vendor
	farm   wire.Product
	secret string
	path   string
}

func newHooked(t *testing.T) *hooked {
	t.Helper()
	h := &hooked{Vendor: vendor(t)}
	h.path = "/" + h.Namespace
	h.farm = h.Product(t, builder.Product("render-farm").WithCode("774F4FF8").WithSeats("seats", 3).
		WithWebhook(strings.Replace(hooks.URL, "/notifications", h.path, 1)))
	within(t, "the webhook's secret is in its Secret", func() bool {
		p, s := &v1alpha1.Product{}, &corev1.Secret{}
		h.get(t, p, "render-farm")
		if p.Status.WebhookSecretRef == nil {
			return false
		}
		h.get(t, s, p.Status.WebhookSecretRef.Name)
		h.secret = string(s.Data[v1alpha1.SecretKeyWebhook])
		return h.secret != ""
	})
	ledger.Secret("webhook secret", h.secret)
	return h
}

func (h *hooked) get(t testing.TB, o client.Object, name string) {
	t.Helper()
	if err := cluster.Client.Get(t.Context(), client.ObjectKey{Namespace: h.Namespace, Name: name}, o); err != nil {
		t.Fatal(err)
	}
}

// calls are the messages to this vendor, each verified by its secret.
func (h *hooked) calls(t testing.TB) []receiver.Call {
	t.Helper()
	var own []receiver.Call
	for _, c := range hooks.Calls() {
		if c.Path != h.path {
			continue
		}
		if err := receiver.Verify(h.secret, c.Header, []byte(c.Raw), now.Now()); err != nil && !strings.Contains(err.Error(), "is not now") {
			t.Errorf("%s: %v", c.Raw, err)
		}
		own = append(own, c)
	}
	return own
}

// told are the actions of a customer's messages in the order in which each
// message first came.
func (h *hooked) told(t testing.TB, customer string) string {
	t.Helper()
	seen := map[string]bool{}
	var actions []string
	for _, c := range h.calls(t) {
		if c.Body["customer-identifier"] == customer && !seen[c.ID] {
			seen[c.ID] = true
			actions = append(actions, c.Body["action"])
		}
	}
	return strings.Join(actions, " ")
}

// until waits until a customer's messages are these, and all are taken.
func (h *hooked) until(t testing.TB, name, want string) {
	t.Helper()
	sub := &v1alpha1.Subscription{}
	within(t, want, func() bool {
		h.get(t, sub, name)
		return h.told(t, "cust-"+name) == want && meta.IsStatusConditionTrue(sub.Status.Conditions, v1alpha1.ConditionNotified) &&
			len(sub.Status.Lifecycle.Pending) == 0
	})
}

func (h *hooked) subscribe(t testing.TB, name string) {
	t.Helper()
	h.Apply(t, builder.Subscription(name, "render-farm").WithCustomer("cust-"+name).Build())
}

// wake changes what only people read, so that the controllers look.
func (h *hooked) wake(t testing.TB, name string) {
	t.Helper()
	h.Patch(t, &v1alpha1.Subscription{}, name, fmt.Sprintf(`{"spec":{"customer":{"displayName":%q}}}`, now.Now().String()[:30]))
}

func TestAWebhookIsToldWhatBecomesOfASubscription(t *testing.T) {
	h := newHooked(t)
	h.Apply(t, builder.Subscription("initech", "render-farm").WithCustomer("cust-initech").InState(v1alpha1.SubscriptionPending).FreeTrial().Build())
	sub := &v1alpha1.Subscription{}
	within(t, "it is known", func() bool {
		h.get(t, sub, "initech")
		return sub.Status.LicenseARN != "" && meta.FindStatusCondition(sub.Status.Conditions, v1alpha1.ConditionUsageAccepted) != nil
	})
	h.Patch(t, &v1alpha1.Subscription{}, "initech", `{"spec":{"state":"Active"}}`)
	h.until(t, "initech", "subscribe-success")
	h.Patch(t, &v1alpha1.Subscription{}, "initech", `{"spec":{"entitlements":[{"name":"seats","maxCount":9}]}}`)
	h.until(t, "initech", "subscribe-success entitlement-updated")
	h.Patch(t, &v1alpha1.Subscription{}, "initech", `{"spec":{"state":"Cancelled"}}`)
	h.until(t, "initech", "subscribe-success entitlement-updated unsubscribe-pending")
	now.Step(time.Hour)
	h.wake(t, "initech")
	h.until(t, "initech", "subscribe-success entitlement-updated unsubscribe-pending unsubscribe-success")
	h.Patch(t, &v1alpha1.Subscription{}, "initech", `{"spec":{"state":"Active"}}`)
	h.until(t, "initech", "subscribe-success entitlement-updated unsubscribe-pending unsubscribe-success subscribe-success")

	first := h.calls(t)[0]
	want := `{"action":"subscribe-success","customer-identifier":"cust-initech","product-code":"774F4FF8","isFreeTrialTermPresent":"true","license-arn":"` + sub.Status.LicenseARN + `"}`
	if diff := cmp.Diff(want, first.Raw); diff != "" {
		t.Errorf("body (-want +got):\n%s", diff)
	}
	reasons := map[string]bool{}
	events := &eventsv1.EventList{}
	within(t, "the events are there", func() bool {
		if err := cluster.Client.List(t.Context(), events, client.InNamespace(h.Namespace)); err != nil {
			t.Fatal(err)
		}
		for i := range events.Items {
			reasons[events.Items[i].Reason] = true
		}
		return reasons["Subscribed"] && reasons["EntitlementsUpdated"] && reasons["UnsubscribePending"] && reasons["Unsubscribed"]
	})
}

func TestAWebhookThatIsBrokenHoldsUpNobodyElse(t *testing.T) {
	broken, sound := newHooked(t), newHooked(t)
	var healed atomic.Bool
	hooks.Behave(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == broken.path && !healed.Load() {
			<-r.Context().Done() // It hangs.
		}
	})
	defer hooks.Behave(nil)
	for n := range 20 {
		broken.subscribe(t, fmt.Sprintf("c%d", n))
	}
	within(t, "it hangs", func() bool { return len(broken.calls(t)) > 0 })
	for n := range 20 {
		sound.subscribe(t, fmt.Sprintf("c%d", n))
	}
	for n := range 20 {
		sound.until(t, fmt.Sprintf("c%d", n), "subscribe-success")
	}
	sub := &v1alpha1.Subscription{}
	within(t, "it is said that it fails", func() bool {
		for n := range 20 {
			broken.get(t, sub, fmt.Sprintf("c%d", n))
			if c := meta.FindStatusCondition(sub.Status.Conditions, v1alpha1.ConditionNotified); c != nil && c.Reason == v1alpha1.ReasonDeliveryFailed {
				return strings.HasSuffix(c.Message, "did not answer within 10 seconds")
			}
		}
		return false
	})
	healed.Store(true)
	name := sub.Name
	now.Step(time.Minute)
	broken.wake(t, name)
	broken.until(t, name, "subscribe-success")
	ids := map[string]bool{}
	tries := 0
	for _, c := range broken.calls(t) {
		if c.Body["customer-identifier"] == "cust-"+name {
			ids[c.ID], tries = true, tries+1
		}
	}
	if len(ids) != 1 || tries < 2 {
		t.Errorf("%d tries had %d ids", tries, len(ids))
	}
}

func TestAWebhookWhereItMustNotBeIsNotReached(t *testing.T) {
	h := newHooked(t)
	for name, url := range map[string]string{
		"metadata": "https://169.254.169.254/latest/meta-data/", "loopback": "https://[::1]:443/", "mapped": "https://[::ffff:169.254.169.254]/",
	} {
		h.Product(t, builder.Product(name).WithWebhook(url))
		h.Apply(t, builder.Subscription(name, name).Build())
		sub := &v1alpha1.Subscription{}
		within(t, name+" is refused", func() bool {
			h.get(t, sub, name)
			c := meta.FindStatusCondition(sub.Status.Conditions, v1alpha1.ConditionNotified)
			return c != nil && c.Reason == v1alpha1.ReasonDeliveryFailed && strings.Contains(c.Message, "may not reach")
		})
	}
}

func TestTwoLeadersTellNothingUnderTwoIDs(t *testing.T) {
	h := newHooked(t)
	// It runs the controllers too: a leader that has not noticed yet.
	another(t, cluster.Operator, withWebhooks)
	const customers = 10
	for n := range customers {
		h.subscribe(t, fmt.Sprintf("c%d", n))
	}
	for n := range customers {
		h.until(t, fmt.Sprintf("c%d", n), "subscribe-success")
		h.Patch(t, &v1alpha1.Subscription{}, fmt.Sprintf("c%d", n), `{"spec":{"state":"Cancelled"}}`)
	}
	for n := range customers {
		h.until(t, fmt.Sprintf("c%d", n), "subscribe-success unsubscribe-pending")
	}
	t.Logf("%d notifications came as %d messages", 2*customers, len(h.calls(t)))
}
