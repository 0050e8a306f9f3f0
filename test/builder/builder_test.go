// Copyright The license-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package builder_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/license-operator/license-operator/api/v1alpha1"
	"github.com/license-operator/license-operator/test/builder"
)

func TestEachBuildGivesACopyOfItsOwn(t *testing.T) {
	builders := map[string]func() (first, second client.Object){
		"a Namespace": func() (client.Object, client.Object) {
			b := builder.Namespace("a").WithAccountID("123456789012")
			return b.Build(), b.WithLabel("later", "yes").Build()
		},
		"a Product": func() (client.Object, client.Object) {
			b := builder.Product("a").WithSeats("seats", 1)
			return b.Build(), b.WithLabel("later", "yes").Build()
		},
		"a Subscription": func() (client.Object, client.Object) {
			b := builder.Subscription("a", "p").WithSeats("seats", 1)
			return b.Build(), b.WithLabel("later", "yes").Build()
		},
		"an Activation": func() (client.Object, client.Object) {
			b := builder.Activation("a", "s").WithLifetime(60)
			return b.Build(), b.WithLabel("later", "yes").Build()
		},
		"a LicenseCheckout": func() (client.Object, client.Object) {
			b := builder.LicenseCheckout("a", "s").HeldByPod("worker-0")
			return b.Build(), b.WithLabel("later", "yes").Build()
		},
		"an AccessKey": func() (client.Object, client.Object) {
			b := builder.CustomerKey("a", "s").WithRotation(2)
			return b.Build(), b.WithLabel("later", "yes").Build()
		},
		"a SeatLedger": func() (client.Object, client.Object) {
			b := builder.SeatLedger("s", 0).WithPool("seats", 2, 1)
			return b.Build(), b.WithLabel("later", "yes").Build()
		},
	}
	for name, build := range builders {
		t.Run(name, func(t *testing.T) {
			first, second := build()
			if labels := first.GetLabels(); len(labels) != 0 {
				t.Errorf("the first has labels that the builder was given later: %v", labels)
			}
			second.SetLabels(nil)
			if diff := cmp.Diff(first, second); diff != "" {
				t.Errorf("the two differ in more than the label (-first +second):\n%s", diff)
			}
		})
	}
}

func TestAKeyMadeByAnActivationIsLabelledAndHasNoSecret(t *testing.T) {
	got := builder.CustomerKey("desktop-1", "initech").InNamespace("acme").MadeBy("initech-first").Build()
	want := &v1alpha1.AccessKey{
		ObjectMeta: metav1.ObjectMeta{Namespace: "acme", Name: "desktop-1", Labels: map[string]string{
			v1alpha1.LabelSubscription: "initech", v1alpha1.LabelActivation: "initech-first"}},
		Spec: v1alpha1.AccessKeySpec{
			Type:            v1alpha1.AccessKeyCustomer,
			SubscriptionRef: &v1alpha1.LocalReference{Name: "initech"},
			ActivationRef:   &v1alpha1.LocalReference{Name: "initech-first"},
			State:           v1alpha1.AccessKeyActive,
			SecretPolicy:    v1alpha1.SecretPolicyNone,
		},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestALicenseCheckoutAsksForOneSeatUntilToldOtherwise(t *testing.T) {
	b := builder.LicenseCheckout("worker", "initech")
	if got := b.Build().Spec.Entitlements; len(got) != 1 || got[0].Name != "seats" || *got[0].Quantity != 1 {
		t.Errorf("without a word: %+v", got)
	}
	if got := b.WithFeature("gpu").Build().Spec.Entitlements; len(got) != 1 || got[0].Name != "gpu" || got[0].Quantity != nil {
		t.Errorf("with a feature: %+v", got)
	}
}

func TestAnOwnerIsAControllerReference(t *testing.T) {
	owner := builder.Subscription("initech", "p").With(func(s *v1alpha1.Subscription) { s.UID = types.UID("u") }).Build()
	got := builder.SeatLedger("initech", 0).OwnedBy("Subscription", owner).Build()
	if ref := metav1.GetControllerOf(got); ref == nil || ref.Kind != "Subscription" || ref.Name != "initech" || ref.UID != "u" {
		t.Errorf("controller: %+v", ref)
	}
}
