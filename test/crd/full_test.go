// Copyright The license-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package crd_test

import (
	"strings"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/utils/ptr"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/license-operator/license-operator/api/v1alpha1"
	"github.com/license-operator/license-operator/test/builder"
)

// full are valid objects with every field set that there is, status too.
func full(t *testing.T) map[string]*unstructured.Unstructured {
	t.Helper()
	at := ptr.To(metav1.NewTime(noon))
	secret := &v1alpha1.SecretReference{Name: "a-secret"}
	conditions := []metav1.Condition{builder.Condition(v1alpha1.ConditionReady, metav1.ConditionTrue, v1alpha1.ReasonReady)}
	objects := map[string]client.Object{
		"Product": product().WithCode("774F4FF8").WithSKU("ACME-RENDER").WithImportedToken(strings.Repeat("0", 64)).
			WithKeyLifetime(3600).WithUserTokenLifetime(86400).WithRedirectURL("https://acme.example/activate").
			WithRegistration(14400, v1alpha1.TokenUseOnce).WithFulfillmentURL("https://acme.example/register").WithIdentifier(v1alpha1.IdentifierOmitted).
			WithIssuer("Acme").WithSigningAlgorithm(v1alpha1.EdDSA).WithRenewal(v1alpha1.RenewalMonthly).
			WithProvisional(60).WithBorrow(1440, v1alpha1.Allowed).
			WithEntitlement(v1alpha1.Entitlement{Name: "seats", Unit: v1alpha1.UnitCount, MaxCount: ptr.To[int64](10),
				Overage: v1alpha1.Forbidden, CheckIn: v1alpha1.Allowed}).
			WithFeature("gpu-rendering", "Enabled").
			WithWebhook("https://acme.example/notifications").WithWebhookRotation(2).
			WithRetention(90).With(func(p *v1alpha1.Product) {
			p.Spec.Metering.Dimensions = []v1alpha1.MeteringDimension{{Name: "render-minutes", DisplayName: "Minutes of rendering"}}
		}).
			With(func(p *v1alpha1.Product) {
				p.Status = v1alpha1.ProductStatus{Conditions: conditions, ObservedGeneration: 1, Code: "774F4FF8",
					SKU: "ACME-RENDER", KeyFingerprint: "aws:123456789012:Acme:issuer-fingerprint", TokenSecretRef: secret,
					WebhookSecretRef: secret}
			}).Build(),
		"Subscription": subscription().WithCustomer("cust-42").WithAccountID("210987654321").WithDisplayName("Initech").
			StartingAt(noon).EndingAt(noon.Add(time.Hour)).WithGracePeriod(60).FreeTrial().
			WithSeats("seats", 25).WithFeature("gpu-rendering", "Disabled").
			With(func(s *v1alpha1.Subscription) {
				s.Status = v1alpha1.SubscriptionStatus{Conditions: conditions, ObservedGeneration: 1,
					CustomerIdentifier: "cust-42", LicenseARN: "arn:aws:license-manager::123456789012:license:l-1",
					PersistentIdentifier: "PEXAMPLE", Seats: "3/25", LinksSecretRef: secret, LinksExpirationTime: at,
					Lifecycle: &v1alpha1.Lifecycle{Stage: v1alpha1.StageSubscribed, StageTime: at, EntitlementsHash: "00",
						Pending: []v1alpha1.Notification{{ID: "msg_1", Action: v1alpha1.ActionSubscribeSuccess, Time: *at,
							Attempts: 1, NextAttemptTime: at}}},
					Entitlements: []v1alpha1.EntitlementUsage{{Name: "seats", Unit: v1alpha1.UnitCount,
						MaxCount: ptr.To[int64](25), InUse: ptr.To[int64](3), Queued: ptr.To[int64](1)}}}
			}).Build(),
		"Activation": activation().WithLifetime(600).WithKeyHash(someHash).With(func(a *v1alpha1.Activation) {
			a.Status = v1alpha1.ActivationStatus{Conditions: conditions, ObservedGeneration: 1, SecretRef: secret,
				KeyHash: strings.Repeat("0", 64), IssueTime: at, ExpirationTime: at,
				FirstRedemptionTime: at, LastRedemptionTime: at}
		}).Build(),
		"LicenseCheckout": checkout().WithSeats("seats", 2).WithFeature("gpu-rendering").OnNode("node-1").
			WithLifetime(60).HeldByPod("worker-0").
			With(func(c *v1alpha1.LicenseCheckout) {
				c.Status = v1alpha1.LicenseCheckoutStatus{Conditions: conditions, ObservedGeneration: 1,
					QueuePosition: ptr.To[int32](1), IssueTime: at, ExpirationTime: at, SecretRef: secret,
					EntitlementsAllowed: []v1alpha1.AllowedEntitlement{
						{Name: "seats", Unit: v1alpha1.UnitCount, Quantity: ptr.To[int64](2)},
						{Name: "gpu-rendering", Unit: v1alpha1.UnitNone, Value: "Enabled"}}}
			}).Build(),
		"AccessKey": customerKey().MadeBy("initech-first").WithRotation(2).WithOverlap(600).
			With(func(k *v1alpha1.AccessKey) {
				k.Status = v1alpha1.AccessKeyStatus{Conditions: conditions, ObservedGeneration: 1, AccessKeyID: "AKIA2",
					Rotation: 2, SecretRef: secret, Previous: &v1alpha1.PreviousAccessKey{
						AccessKeyID: "AKIA1", Rotation: 1, ExpirationTime: *at}}
			}).Build(),
		"SeatLedger": ledger().AtHighWater(noon).WrittenBy("replica-1").WithOveragePool("seats", 10, 2).WithEntries("e").WithReleased("r").
			ClosedFor(1).With(func(l *v1alpha1.SeatLedger) { l.Spec.FrozenTime = ptr.To(metav1.NewTime(noon)) }).Build(),
		"UsageRecord": usage().WithAllocation(3, "team", "a").With(func(r *v1alpha1.UsageRecord) {
			r.Spec.CustomerAccountID, r.Spec.ReportedTime, r.Spec.PodUID, r.Spec.ClientTokenHash = "210987654321", at, "8d1f", strings.Repeat("0", 64)
		}).Build(),
	}
	all := map[string]*unstructured.Unstructured{}
	for kind, o := range objects {
		content, err := runtime.DefaultUnstructuredConverter.ToUnstructured(o)
		if err != nil {
			t.Fatal(err)
		}
		u := &unstructured.Unstructured{Object: content}
		u.SetGroupVersionKind(v1alpha1.GroupVersion.WithKind(kind))
		all[kind] = u
	}
	return all
}
