// Copyright The license-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package subscription

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"k8s.io/utils/ptr"

	"github.com/license-operator/license-operator/api/v1alpha1"
	"github.com/license-operator/license-operator/test/builder"
	"github.com/license-operator/license-operator/test/expect"
)

// counted is the status of an entitlement that nobody uses.
func counted(name string, unit v1alpha1.Unit, maxCount int64) v1alpha1.EntitlementUsage {
	return v1alpha1.EntitlementUsage{Name: name, Unit: unit,
		MaxCount: &maxCount, InUse: ptr.To[int64](0), Queued: ptr.To[int64](0)}
}

func TestEntitlementsAreTheProductsWithTheOverridesMergedIn(t *testing.T) {
	t.Parallel()
	s, c := stage(t)
	s.Create(builder.Product("suite").WithFeature("gpu", "Enabled").WithSeats("seats", 10).WithSeats("admins", 2).
		WithEntitlement(v1alpha1.Entitlement{Name: "traffic", Unit: "Gigabytes", MaxCount: ptr.To[int64](500)}).Build())
	sub := subscribed(s, c, builder.Subscription("initech", "suite").WithSeats("seats", 25).WithFeature("gpu", "Fast"))
	want := []v1alpha1.EntitlementUsage{
		{Name: "gpu", Unit: v1alpha1.UnitNone},
		counted("seats", v1alpha1.UnitCount, 25),
		counted("admins", v1alpha1.UnitCount, 2),
		counted("traffic", "Gigabytes", 500),
	}
	if diff := cmp.Diff(want, sub.Status.Entitlements); diff != "" {
		t.Errorf("entitlements (-want +got):\n%s", diff)
	}
	if sub.Status.Seats != "0/25" {
		t.Errorf("seats are %q, want 0/25", sub.Status.Seats)
	}
	expect.Truth(s, c, sub)

	product := builder.Product("suite").InNamespace(s.Namespace).Build()
	expect.Edit(s, product, func(p *v1alpha1.Product) {
		p.Spec.License.Entitlements = p.Spec.License.Entitlements[:1]
	})
	expect.Reconcile(s, c, sub)
	s.Condition(sub, v1alpha1.ConditionReady, "False, UnknownEntitlement")
	s.Condition(sub, v1alpha1.ConditionSubscribed, "True, Active")
	s.Events("Warning UnknownEntitlement")
	if diff := cmp.Diff(want[:1], sub.Status.Entitlements); diff != "" || sub.Status.Seats != "" {
		t.Errorf("seats are %q, entitlements (-want +got):\n%s", sub.Status.Seats, diff)
	}
	expect.Truth(s, c, sub)

	s.Delete(product)
	expect.Reconcile(s, c, sub)
	if sub.Status.Entitlements != nil || sub.Status.Seats != "" {
		t.Errorf("without a Product there are %v and seats %q", sub.Status.Entitlements, sub.Status.Seats)
	}
	s.Events("Warning ProductNotFound")
	expect.Truth(s, c, sub)
}

func TestOverridesThatFitNothingAreNamed(t *testing.T) {
	for name, test := range map[string]struct {
		subscription *builder.SubscriptionBuilder
		unknown      string
	}{
		"a name that the Product does not have":   {builder.Subscription("initech", "suite").WithSeats("seat", 5), "seat"},
		"a count for a feature":                   {builder.Subscription("initech", "suite").WithSeats("gpu", 5), "gpu"},
		"a value for seats":                       {builder.Subscription("initech", "suite").WithFeature("seats", "Enabled"), "seats"},
		"two of them, in the order of the spec":   {builder.Subscription("initech", "suite").WithSeats("z", 5).WithSeats("seats", 5).WithSeats("a", 5), "z, a"},
		"one whose name differs in its case only": {builder.Subscription("initech", "suite").WithSeats("Seats", 5), "Seats"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s, c := stage(t)
			s.Create(builder.Product("suite").WithFeature("gpu", "Enabled").WithSeats("seats", 10).Build())
			sub := test.subscription.Build()
			s.Create(sub)
			expect.Reconcile(s, c, sub)
			ready := s.Condition(sub, v1alpha1.ConditionReady, "False, UnknownEntitlement")
			if !strings.Contains(ready.Message, ": "+test.unknown+";") {
				t.Errorf("the message does not name %q: %s", test.unknown, ready.Message)
			}
			s.Condition(sub, v1alpha1.ConditionSubscribed, "True, Active")
			s.Events("Warning UnknownEntitlement", "Normal Active")
			if len(sub.Status.Entitlements) != 2 {
				t.Errorf("the override adds something: %v", sub.Status.Entitlements)
			}
			expect.Truth(s, c, sub)

			expect.Edit(s, sub, func(sub *v1alpha1.Subscription) { sub.Spec.Entitlements = nil })
			expect.Reconcile(s, c, sub)
			s.Condition(sub, v1alpha1.ConditionReady, "True, Ready")
			s.Events(nil...)
			expect.Truth(s, c, sub)
		})
	}
}

func TestAsManyOverridesAsThereMayBeFitIntoStatusAndEvent(t *testing.T) {
	t.Parallel()
	s, c := stage(t)
	b := builder.Subscription("initech", "render-farm")
	for n := range 64 {
		b.WithSeats(fmt.Sprintf("%0128d", n), 1)
	}
	sub := b.Build()
	s.Create(sub)
	expect.Reconcile(s, c, sub)
	s.Condition(sub, v1alpha1.ConditionReady, "False, UnknownEntitlement")
	texts := s.Events("Warning UnknownEntitlement", "Normal Active")
	// The API server refuses events with a longer note.
	if note := strings.TrimPrefix(texts[0], "Warning UnknownEntitlement "); len(note) > 1024 || !strings.HasPrefix(note, "`spec.entitlements`") {
		t.Errorf("the note of the event has %d bytes: %.40s", len(note), note)
	}
	expect.Truth(s, c, sub)
}
