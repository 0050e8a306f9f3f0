// Copyright The license-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package licensing

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/ptr"

	"github.com/license-operator/license-operator/api/v1alpha1"
)

func TestWhoWaitsInTheQueue(t *testing.T) {
	granted := func(reason string) func(*v1alpha1.LicenseCheckout) {
		return func(co *v1alpha1.LicenseCheckout) {
			co.Status.Conditions = []metav1.Condition{{Type: v1alpha1.ConditionGranted, Reason: reason}}
		}
	}
	for name, test := range map[string]struct {
		edit func(*v1alpha1.LicenseCheckout)
		want bool
	}{
		"one that was never looked at":         {func(*v1alpha1.LicenseCheckout) {}, true},
		"one that waits":                       {granted(v1alpha1.ReasonQueued), true},
		"one that is granted":                  {granted(v1alpha1.ReasonGranted), false},
		"one whose holder is not there":        {granted(v1alpha1.ReasonWaitingForHolder), false},
		"one that asks for more than there is": {granted(v1alpha1.ReasonNoCapacity), false},
		"one whose time is over":               {granted(v1alpha1.ReasonExpired), false},
		"one that fails rather than waits": {func(co *v1alpha1.LicenseCheckout) {
			co.Spec.WhenUnavailable = v1alpha1.WhenUnavailableFail
		}, false},
		"one that is being deleted": {func(co *v1alpha1.LicenseCheckout) {
			co.DeletionTimestamp = ptr.To(metav1.Now())
		}, false},
	} {
		t.Run(name, func(t *testing.T) {
			co := v1alpha1.LicenseCheckout{}
			co.Spec.Entitlements = []v1alpha1.EntitlementRequest{{Name: "seats", Quantity: ptr.To[int64](2)}, {Name: "feature"}}
			other := co
			test.edit(&co)
			if got := Queued(&co); got != test.want {
				t.Errorf("queued is %t", got)
			}
			want := map[string]int64{"seats": 2}
			if test.want {
				want["seats"] = 4
			}
			if diff := cmp.Diff(want, QueueNeeds([]v1alpha1.LicenseCheckout{co, other})); diff != "" {
				t.Errorf("what the queue needs (-want +got):\n%s", diff)
			}
		})
	}
	if needs := QueueNeeds(nil); needs != nil {
		t.Errorf("an empty queue needs %v", needs)
	}
}

func TestTheQueueIsInTheOrderOfCreation(t *testing.T) {
	at := func(second int, name string) *v1alpha1.LicenseCheckout {
		return &v1alpha1.LicenseCheckout{ObjectMeta: metav1.ObjectMeta{Name: name,
			CreationTimestamp: metav1.NewTime(time.Date(2031, 1, 1, 0, 0, second, 0, time.UTC))}}
	}
	queue := []*v1alpha1.LicenseCheckout{at(1, "z"), at(2, "a"), at(2, "b"), at(3, "a")}
	for i, a := range queue {
		for j, b := range queue {
			if RankBefore(a, b) != (i < j) {
				t.Errorf("%d before %d is %t", i, j, !(i < j))
			}
		}
	}
}
