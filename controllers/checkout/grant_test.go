// Copyright The license-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package checkout

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/ptr"

	"github.com/license-operator/license-operator/api/v1alpha1"
	"github.com/license-operator/license-operator/test/builder"
	"github.com/license-operator/license-operator/test/expect"
)

func TestACheckoutIsGrantedAndSaysSo(t *testing.T) {
	t.Parallel()
	s := stage(t)
	c := s.apply(co("worker").WithSeats("seats", 2).WithFeature("fast").OnNode("node-1"))[0]
	s.AtTime(s.pass(), start.Add(time.Hour))
	s.says(c, "True, Granted", "False, Held")
	s.Events("Normal Granted")
	want := v1alpha1.LicenseCheckoutStatus{
		ObservedGeneration: 1,
		IssueTime:          ptr.To(metav1.NewTime(start)),
		ExpirationTime:     ptr.To(metav1.NewTime(start.Add(time.Hour))),
		EntitlementsAllowed: []v1alpha1.AllowedEntitlement{
			{Name: "seats", Unit: v1alpha1.UnitCount, Quantity: ptr.To[int64](2)},
			{Name: "fast", Unit: v1alpha1.UnitNone, Value: "yes"},
		},
		SecretRef: &v1alpha1.SecretReference{Name: "worker-license"},
	}
	got := c.Status
	got.Conditions = nil
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("status (-want +got):\n%s", diff)
	}
	e := s.entry(c)
	if e.Object != "worker" || e.NodeID != "node-1" || e.Holder != "" || !e.Projected {
		t.Errorf("the entry is %+v", e)
	}
	s.verified(c)
	s.truth()
}

func TestHowLongACheckoutLives(t *testing.T) {
	for name, test := range map[string]struct {
		co   *builder.LicenseCheckoutBuilder
		sub  *builder.SubscriptionBuilder
		want time.Duration // 0 for ever
	}{
		"Provisional, as long as the Product says": {co("a"), nil, time.Hour},
		"as long as it says itself":                {co("a").WithLifetime(10), nil, 10 * time.Minute},
		"at most as long as the Product says":      {co("a").WithLifetime(600), nil, time.Hour},
		"Borrow":                                   {co("a").OfType(v1alpha1.CheckoutBorrow), nil, 2 * time.Hour},
		"Perpetual, for ever":                      {co("a").OfType(v1alpha1.CheckoutPerpetual), nil, 0},
		"at most until the Subscription ends, with its grace period": {
			co("a"), builder.Subscription("initech", "render-farm").EndingAt(start.Add(10 * time.Minute)).WithGracePeriod(60), 11 * time.Minute},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if test.sub == nil {
				test.sub = builder.Subscription("initech", "render-farm")
			}
			s := stageWith(t, builder.Product("render-farm"), test.sub)
			c := s.granted(test.co)
			if test.want == 0 {
				if c.Status.ExpirationTime != nil {
					t.Errorf("it ends at %s", c.Status.ExpirationTime)
				}
			} else if got := c.Status.ExpirationTime.Sub(start); got != test.want {
				t.Errorf("it lives for %s, want %s", got, test.want)
			}
			s.verified(c)
			s.truth()
		})
	}
}

func TestWhyNothingIsGrantedAndTheWayBack(t *testing.T) {
	editSub := func(change func(*v1alpha1.SubscriptionSpec)) func(*scene) {
		return func(s *scene) {
			sub := builder.Subscription("initech", "render-farm").InNamespace(s.Namespace).Build()
			expect.Edit(s.Stage, sub, func(sub *v1alpha1.Subscription) { change(&sub.Spec) })
		}
	}
	for name, test := range map[string]struct {
		co     *builder.LicenseCheckoutBuilder
		breaks func(*scene)
		want   string
		next   time.Duration
		// others says that others are granted all the same.
		others bool
		mend   func(*scene)
	}{
		"an entitlement that the Product does not have": {
			co("a").WithSeats("licences", 1), nil, "False, NotEntitled", 0, true,
			func(s *scene) {
				p := builder.Product("render-farm").InNamespace(s.Namespace).Build()
				expect.Edit(s.Stage, p, func(p *v1alpha1.Product) {
					p.Spec.License.Entitlements = append(p.Spec.License.Entitlements,
						v1alpha1.Entitlement{Name: "licences", Unit: v1alpha1.UnitCount, MaxCount: ptr.To[int64](1)})
				})
			},
		},
		"borrowing that the Product does not allow": {
			co("a").OfType(v1alpha1.CheckoutBorrow),
			func(s *scene) {
				p := builder.Product("render-farm").InNamespace(s.Namespace).Build()
				expect.Edit(s.Stage, p, func(p *v1alpha1.Product) { p.Spec.License.Borrow = nil })
			},
			"False, NotEntitled", 0, true,
			func(s *scene) {
				p := builder.Product("render-farm").InNamespace(s.Namespace).Build()
				expect.Edit(s.Stage, p, func(p *v1alpha1.Product) { p.Spec.License.Borrow = &v1alpha1.BorrowTerms{} })
			},
		},
		"a Subscription that is suspended": {
			co("a"), editSub(func(s *v1alpha1.SubscriptionSpec) { s.State = v1alpha1.SubscriptionSuspended }),
			"False, NotSubscribed", 0, false,
			editSub(func(s *v1alpha1.SubscriptionSpec) { s.State = v1alpha1.SubscriptionActive }),
		},
		"a Subscription that begins later": {
			co("a"), editSub(func(s *v1alpha1.SubscriptionSpec) { s.StartTime = ptr.To(metav1.NewTime(start.Add(time.Hour))) }),
			"False, NotSubscribed", time.Hour, false,
			func(s *scene) { s.Clock.SetTime(start.Add(time.Hour)) },
		},
		"a Product that does not exist": {
			co("a"), func(s *scene) { s.Delete(builder.Product("render-farm").InNamespace(s.Namespace).Build()) },
			"False, NotSubscribed", 0, false,
			func(s *scene) { s.Create(builder.Product("render-farm").WithSeats("seats", 1).Build()) },
		},
		"a Subscription that does not exist": {
			co("a"), func(s *scene) { s.Delete(builder.Subscription("initech", "").InNamespace(s.Namespace).Build()) },
			"False, SubscriptionNotFound", 0, false,
			func(s *scene) { s.Create(builder.Subscription("initech", "render-farm").Build()) },
		},
		"more than there is altogether": {
			co("a").WithSeats("seats", 4), nil, "False, NoCapacity", 0, true,
			func(s *scene) {
				editSub(func(s *v1alpha1.SubscriptionSpec) {
					s.Entitlements = []v1alpha1.EntitlementOverride{{Name: "seats", MaxCount: ptr.To[int64](4)}}
				})(s)
				s.total(4)
			},
		},
		"a Pod that does not exist": {
			co("a").HeldByPod("worker-0"), nil, "False, WaitingForHolder", 0, true,
			func(s *scene) { s.pod("worker-0") },
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := stage(t)
			if test.breaks != nil {
				test.breaks(s)
			}
			c := s.apply(test.co)[0]
			if result := s.pass(); test.next == 0 {
				s.After(result, 0)
			} else {
				s.AtTime(result, start.Add(test.next))
			}
			s.says(c, test.want, "False, NotGranted")
			if test.want == "False, WaitingForHolder" {
				s.Events(nil...)
			} else {
				s.Events("Warning " + test.want[len("False, "):])
			}
			if c.Status.QueuePosition != nil || s.Secret("a-license") != nil {
				t.Errorf("it has the place %v in the queue, and the Secret %v", c.Status.QueuePosition, s.Secret("a-license"))
			}
			s.truth()

			// It keeps nobody waiting.
			other := s.apply(co("other"))[0]
			s.pass()
			if test.others {
				s.says(other, "True, Granted", "False, Held")
				s.Events("Normal Granted")
			} else {
				s.says(other, test.want, "False, NotGranted")
				s.Events("Warning " + test.want[len("False, "):])
			}
			s.Delete(other)
			s.pass()
			s.holders()

			test.mend(s)
			s.pass()
			s.says(c, "True, Granted", "False, Held")
			s.Events("Normal Granted")
			s.truth()
		})
	}
}

func TestOneThatDoesNotWaitIsRefusedOnce(t *testing.T) {
	t.Parallel()
	s := stage(t)
	all := s.granted(co("all").WithSeats("seats", 3))
	c := s.apply(co("impatient").OrFail())[0]
	s.pass()
	s.says(c, "False, NoCapacity", "False, NotGranted")
	s.Events("Warning NoCapacity")

	// A cache that does not show the refusal yet changes nothing.
	s.Delete(all)
	stale := c.DeepCopy()
	expect.EditStatus(s.Stage, c, func(c *v1alpha1.LicenseCheckout) { c.Status = v1alpha1.LicenseCheckoutStatus{} })
	s.pass()
	s.says(c, "False, NoCapacity", "False, NotGranted")
	s.Events("Warning NoCapacity")
	s.holders()

	// Another leader knows it by the status.
	s.restart()
	s.pass()
	s.says(stale, "False, NoCapacity", "False, NotGranted")
	s.holders()
	s.truth()

	s.Delete(c)
	again := s.granted(co("impatient").OrFail())
	if again.UID == c.UID {
		t.Error("it is the same object")
	}
	s.truth()
}

func TestProjectionsAreLeftAlone(t *testing.T) {
	t.Parallel()
	s := stage(t)
	projection := co("co-" + "aaaabbbbccccddddeeeeffffgg").OrFail().Build()
	projection.Labels = map[string]string{v1alpha1.LabelSubscription: "initech", v1alpha1.LabelLedgerBlock: "0"}
	s.Create(projection)
	s.After(s.pass(), 0)
	s.Refresh(projection)
	if len(projection.Status.Conditions) > 0 {
		t.Errorf("its status is %v", projection.Status)
	}
	if err := s.api("one", 1); err != nil {
		t.Fatal(err)
	}
	s.pass()
	s.holders("API")
	s.truth()
}
