// Copyright The license-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package seatledger

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/ptr"

	"github.com/license-operator/license-operator/api/v1alpha1"
	"github.com/license-operator/license-operator/internal/seats"
	"github.com/license-operator/license-operator/internal/store"
	"github.com/license-operator/license-operator/test/builder"
)

func TestACheckoutThroughTheAPIGetsItsLicenseCheckout(t *testing.T) {
	condition := func(kind string, status metav1.ConditionStatus, reason string) metav1.Condition {
		return metav1.Condition{Type: kind, Status: status, Reason: reason, ObservedGeneration: 1, LastTransitionTime: metav1.NewTime(issue)}
	}
	for name, test := range map[string]struct {
		change func(*seats.Request)
		spec   func(*v1alpha1.LicenseCheckoutSpec)
		status func(*v1alpha1.LicenseCheckoutStatus)
	}{
		"a seat for a while": {},
		"a feature and many seats on a node": {
			change: func(r *seats.Request) {
				r.Items[0].Quantity, r.NodeID = 7, "node/1 é"
				r.Items = append(r.Items, seats.Item{Name: "gpu", Unit: v1alpha1.UnitNone, Value: "Enabled"})
			},
			spec: func(s *v1alpha1.LicenseCheckoutSpec) {
				s.NodeID, s.Entitlements[0].Quantity = "node/1 é", ptr.To[int64](7)
				s.Entitlements = append(s.Entitlements, v1alpha1.EntitlementRequest{Name: "gpu"})
			},
			status: func(s *v1alpha1.LicenseCheckoutStatus) {
				s.EntitlementsAllowed[0].Quantity = ptr.To[int64](7)
				s.EntitlementsAllowed = append(s.EntitlementsAllowed,
					v1alpha1.AllowedEntitlement{Name: "gpu", Unit: v1alpha1.UnitNone, Value: "Enabled"})
			},
		},
		"a perpetual checkout never expires": {
			change: func(r *seats.Request) { r.Type = v1alpha1.CheckoutPerpetual },
			spec:   func(s *v1alpha1.LicenseCheckoutSpec) { s.Type = v1alpha1.CheckoutPerpetual },
			status: func(s *v1alpha1.LicenseCheckoutStatus) { s.ExpirationTime = nil },
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := stage(t)
			r := request("a")
			wantSpec := v1alpha1.LicenseCheckoutSpec{
				SubscriptionRef: v1alpha1.LocalReference{Name: "initech"}, Type: v1alpha1.CheckoutProvisional,
				Entitlements:    []v1alpha1.EntitlementRequest{{Name: "seats", Quantity: ptr.To[int64](1)}},
				WhenUnavailable: v1alpha1.WhenUnavailableFail,
			}
			wantStatus := v1alpha1.LicenseCheckoutStatus{
				ObservedGeneration: 1, IssueTime: ptr.To(metav1.NewTime(issue)), ExpirationTime: ptr.To(metav1.NewTime(issue.Add(time.Hour))),
				Conditions: []metav1.Condition{
					condition(v1alpha1.ConditionGranted, metav1.ConditionTrue, v1alpha1.ReasonGranted),
					condition(v1alpha1.ConditionReleased, metav1.ConditionFalse, v1alpha1.ReasonHeld),
				},
				EntitlementsAllowed: []v1alpha1.AllowedEntitlement{{Name: "seats", Unit: v1alpha1.UnitCount, Quantity: ptr.To[int64](1)}},
			}
			if test.change != nil {
				test.change(&r)
				test.spec(&wantSpec)
				test.status(&wantStatus)
			}
			g := s.checkout(r)
			s.reconcile()
			co := s.object(g)
			if diff := cmp.Diff(wantSpec, co.Spec); diff != "" {
				t.Errorf("spec (-want +got):\n%s", diff)
			}
			if diff := cmp.Diff(wantStatus, co.Status, cmpopts.IgnoreFields(metav1.Condition{}, "Message")); diff != "" {
				t.Errorf("status (-want +got):\n%s", diff)
			}
			want := map[string]string{"license-operator.dev/subscription": "initech", "license-operator.dev/ledger-block": "0"}
			if diff := cmp.Diff(want, co.Labels); diff != "" {
				t.Errorf("labels (-want +got):\n%s", diff)
			}
			if len(co.OwnerReferences) > 0 || len(co.Finalizers) > 0 {
				t.Errorf("it is owned by %v and held by %v", co.OwnerReferences, co.Finalizers)
			}
			s.projected(g, true)
			s.Events(nil...)
			s.quiet()
		})
	}
}

// quiet expects that another reconcile writes nothing.
func (s *scene) quiet() {
	s.Helper()
	sequence, objects := s.block(0).Sequence, s.objects()
	s.live.creates, s.live.patches, s.live.deletes = 0, 0, 0
	s.reconcile()
	if after := s.block(0).Sequence; after != sequence {
		s.Errorf("another reconcile committed: the sequence was %d and is %d", sequence, after)
	}
	if diff := cmp.Diff(objects, s.objects()); diff != "" {
		s.Errorf("another reconcile changed objects:\n%s", diff)
	}
	if s.live.creates+s.live.patches+s.live.deletes > 0 {
		s.Errorf("another reconcile tried %d creations, %d patches, %d deletions", s.live.creates, s.live.patches, s.live.deletes)
	}
	s.Events(nil...)
}

func TestAnObjectFollowsItsEntry(t *testing.T) {
	t.Parallel()
	s := stage(t)
	g := s.checkout(request("a"))
	s.AtTime(s.reconcile(), issue.Add(time.Hour))

	s.Step(30 * time.Minute)
	h := seats.Handle{ID: g.ID, Block: g.Block, Sequence: g.Sequence}
	if _, err := s.Books.Extend(t.Context(), s.key, h, time.Hour, time.Time{}); err != nil {
		t.Fatal(err)
	}
	s.AtTime(s.reconcile(), issue.Add(90*time.Minute))
	co := s.object(g)
	if !co.Status.ExpirationTime.Time.Equal(issue.Add(90 * time.Minute)) {
		t.Errorf("after the extension it expires at %s", co.Status.ExpirationTime)
	}
	s.Condition(co, v1alpha1.ConditionGranted, "True, Granted")
	s.quiet()

	s.checkIn(g)
	s.After(s.reconcile(), 0)
	s.none()
	s.quiet()
}

func TestACheckoutThatIsReturnedBeforeItsTurnNeverBecomesAnObject(t *testing.T) {
	t.Parallel()
	s := stage(t)
	s.checkIn(s.checkout(request("a")))
	s.reconcile()
	s.none()
	if s.live.creates > 0 {
		t.Error("an object was made")
	}
}

func TestAnEntryOfAUsersObjectGetsNoOther(t *testing.T) {
	t.Parallel()
	s := stage(t)
	r := request("a")
	r.Object = "worker"
	s.checkout(r)
	s.reconcile()
	s.none()
	s.quiet()
}

func TestAnObjectOfTheSameNameThatAUserMadeIsLeftAlone(t *testing.T) {
	t.Parallel()
	s := stage(t)
	g := s.checkout(request("a"))
	own := builder.LicenseCheckout(store.ProjectionName(g.ID), "initech").Build()
	s.Create(own)
	other := s.checkout(request("b"))
	s.After(s.reconcile(), foreignPause)
	after := s.objects()
	if diff := cmp.Diff(own, after[own.Name], cmpopts.IgnoreTypes(metav1.TypeMeta{})); diff != "" {
		t.Errorf("the user's object (-before +after):\n%s", diff)
	}
	s.projected(g, false)
	s.projected(other, true)

	s.Delete(own)
	s.reconcile()
	s.projected(g, true)
	s.object(g)
}

func TestAProjectionWithoutAnEntryIsDeleted(t *testing.T) {
	for name, object := range map[string]string{
		"one that was left over":        "co-aaaaaaaaaaaaaaaaaaaaaaaaaa",
		"one that has no such name":     "worker",
		"one that has the start of one": "co-x",
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := stage(t)
			g := s.checkout(request("a"))
			s.Create(builder.LicenseCheckout(object, "initech").WithLabel(v1alpha1.LabelSubscription, "initech").
				WithLabel(v1alpha1.LabelLedgerBlock, "0").Build())
			users := builder.LicenseCheckout("users", "initech").WithLabel(v1alpha1.LabelSubscription, "initech").Build()
			s.Create(users)
			s.reconcile()
			s.object(g)
			if left := s.objects(); len(left) != 2 || left["users"] == nil {
				t.Errorf("%d objects are left", len(left))
			}
		})
	}
}

func TestAnObjectThatTheCacheKnowsBeforeItsEntryIsKept(t *testing.T) {
	t.Parallel()
	s := stage(t)
	s.checkIn(s.checkout(request("first")))
	before := s.ledger(0)
	g := s.checkout(request("a"))
	s.reconcile()

	s.restart()
	s.cache.ledger = before
	s.After(s.reconcile(), pause)
	s.object(g)
	s.cache.ledger = nil
	s.reconcile()
	s.object(g)
	s.projected(g, true)
}

// ledger is a block as the API server has it.
func (s *scene) ledger(number int32) *v1alpha1.SeatLedger {
	s.Helper()
	l := &v1alpha1.SeatLedger{}
	if err := s.Admin.Get(s.Context(), s.name(number), l); err != nil {
		s.Fatal(err)
	}
	return l
}

func TestAnotherEntryUnderTheSameIDGetsAnotherObject(t *testing.T) {
	t.Parallel()
	s := stage(t)
	// What stood for an entry before, which is out of the ring of released ids.
	r := request("a")
	s.Create(builder.LicenseCheckout(store.ProjectionName(r.ID), "initech").WithSeats("seats", 5).OrFail().
		WithLabel(v1alpha1.LabelSubscription, "initech").WithLabel(v1alpha1.LabelLedgerBlock, "0").Build())
	g := s.checkout(r)
	before := s.object(g)
	s.After(s.reconcile(), pause)
	s.projected(g, false)
	s.reconcile()
	co := s.object(g)
	if co.UID == before.UID || *co.Spec.Entitlements[0].Quantity != 1 {
		t.Errorf("the object is %s and asks for %d seats, before it was %s", co.UID, *co.Spec.Entitlements[0].Quantity, before.UID)
	}
	s.projected(g, true)
	s.quiet()
}
