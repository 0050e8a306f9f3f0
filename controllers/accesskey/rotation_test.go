// Copyright The license-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package accesskey

import (
	"testing"
	"time"

	"k8s.io/utils/ptr"

	"github.com/license-operator/license-operator/api/v1alpha1"
	"github.com/license-operator/license-operator/controllers/kit"
	"github.com/license-operator/license-operator/internal/licensing"
	"github.com/license-operator/license-operator/test/builder"
	"github.com/license-operator/license-operator/test/expect"
)

// turn asks for another rotation.
func turn(s *expect.Stage, k *v1alpha1.AccessKey, rotation, overlap int32) {
	s.Helper()
	expect.Edit(s, k, func(k *v1alpha1.AccessKey) {
		k.Spec.Rotation, k.Spec.OverlapSeconds = ptr.To(rotation), ptr.To(overlap)
	})
}

// accepted expects which rotations' pairs may sign now.
func accepted(s *expect.Stage, k *v1alpha1.AccessKey, want ...int32) {
	s.Helper()
	idOf := func(rotation int32) string { return s.Names.AccessKeyID(k, rotation) }
	var got []int32
	for rotation := int32(1); rotation <= 5; rotation++ {
		if found, ok := licensing.AcceptedRotation(k, idOf(rotation), idOf, s.Clock.Now()); ok {
			if found != rotation {
				s.Errorf("the id of rotation %d is taken for that of %d", rotation, found)
			}
			got = append(got, found)
		}
	}
	if len(got) != len(want) {
		s.Fatalf("rotations %v are accepted, want %v", got, want)
	}
	for n := range got {
		if got[n] != want[n] {
			s.Fatalf("rotations %v are accepted, want %v", got, want)
		}
	}
}

func TestARotationWithoutOverlapReplacesThePairAtOnce(t *testing.T) {
	t.Parallel()
	s, c := stage(t)
	k := ready(s, c, builder.VendorKey("backend"))
	pair(s, k, 1)
	turn(s, k, 2, 0)
	accepted(s, k, 2)
	s.After(expect.Reconcile(s, c, k), kit.ReapplyInterval)
	pair(s, k, 2)
	accepted(s, k, 2)
	if k.Status.Previous != nil {
		t.Errorf("the pair before is accepted: %v", k.Status.Previous)
	}
	s.Events(nil...)
	expect.Truth(s, c, k)

	turn(s, k, 1, 0)
	expect.Reconcile(s, c, k)
	pair(s, k, 1)
	accepted(s, k, 1)
	expect.Truth(s, c, k)
}

func TestARotationWithOverlapAcceptsBothForAWhile(t *testing.T) {
	t.Parallel()
	s, c := stage(t)
	k := ready(s, c, builder.VendorKey("backend"))
	turn(s, k, 2, 600)
	accepted(s, k, 1, 2)
	ends := expect.Start.Add(10 * time.Minute).Truncate(time.Second)
	s.AtTime(expect.Reconcile(s, c, k), ends)
	pair(s, k, 2)
	accepted(s, k, 1, 2)
	want := v1alpha1.PreviousAccessKey{AccessKeyID: s.Names.AccessKeyID(k, 1), Rotation: 1}
	if p := k.Status.Previous; p == nil || p.AccessKeyID != want.AccessKeyID || p.Rotation != 1 || !p.ExpirationTime.Time.Equal(ends) {
		t.Errorf("the pair before is %v, want %v until %s", p, want, ends)
	}
	s.Events(nil...)
	expect.Truth(s, c, k)

	s.Clock.SetTime(ends.Add(-time.Millisecond))
	s.After(expect.Reconcile(s, c, k), time.Millisecond)
	accepted(s, k, 1, 2)
	s.Clock.SetTime(ends)
	accepted(s, k, 2)
	s.After(expect.Reconcile(s, c, k), kit.ReapplyInterval)
	if k.Status.Previous != nil {
		t.Errorf("after the overlap there is %v", k.Status.Previous)
	}
	s.Events(nil...)
	expect.Truth(s, c, k)
}

func TestAnOverlapLongerThanAnHourIsLookedAtEveryHour(t *testing.T) {
	t.Parallel()
	s, c := stage(t)
	k := ready(s, c, builder.VendorKey("backend"))
	turn(s, k, 2, 7200)
	s.After(expect.Reconcile(s, c, k), kit.ReapplyInterval)
	expect.Truth(s, c, k)
	s.Step(90 * time.Minute)
	s.AtTime(expect.Reconcile(s, c, k), k.Status.Previous.ExpirationTime.Time)
	expect.Truth(s, c, k)
}

func TestAnOverlapOfAKeyWithoutSecretIsLookedAtWhenItEnds(t *testing.T) {
	t.Parallel()
	s, c := stage(t)
	k := ready(s, c, builder.VendorKey("backend").WithoutSecret())
	turn(s, k, 2, 7200)
	s.AtTime(expect.Reconcile(s, c, k), expect.Start.Truncate(time.Second).Add(2*time.Hour))
	expect.Truth(s, c, k)
	s.Step(2 * time.Hour)
	s.After(expect.Reconcile(s, c, k), 0)
	expect.Truth(s, c, k)
}

func TestASecondRotationDuringAnOverlap(t *testing.T) {
	for name, test := range map[string]struct {
		rotation, overlap int32
		accepted          []int32
	}{
		"with an overlap keeps the last two":       {3, 600, []int32{2, 3}},
		"without an overlap ends that too":         {3, 0, []int32{3}},
		"back with an overlap keeps both":          {1, 600, []int32{1, 2}},
		"back without an overlap refuses the leak": {1, 0, []int32{1}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s, c := stage(t)
			k := ready(s, c, builder.VendorKey("backend"))
			turn(s, k, 2, 600)
			expect.Reconcile(s, c, k)
			s.Step(time.Minute)
			turn(s, k, test.rotation, test.overlap)
			expect.Reconcile(s, c, k)
			accepted(s, k, test.accepted...)
			pair(s, k, int64(test.rotation))
			s.Events(nil...)
			expect.Truth(s, c, k)
		})
	}
}

func TestAnOverlapThatIsTakenBackEndsAtOnce(t *testing.T) {
	t.Parallel()
	s, c := stage(t)
	k := ready(s, c, builder.VendorKey("backend"))
	turn(s, k, 2, 86400)
	expect.Reconcile(s, c, k)
	accepted(s, k, 1, 2)
	// The pair before has leaked: the vendor wants it refused now.
	turn(s, k, 2, 0)
	expect.Reconcile(s, c, k)
	accepted(s, k, 2)
	expect.Truth(s, c, k)
}

func TestAnInactiveKeyIsRefusedDuringAnOverlapToo(t *testing.T) {
	t.Parallel()
	s, c := stage(t)
	k := ready(s, c, builder.VendorKey("backend"))
	turn(s, k, 2, 600)
	expect.Reconcile(s, c, k)
	expect.Edit(s, k, func(k *v1alpha1.AccessKey) { k.Spec.State = v1alpha1.AccessKeyInactive })
	accepted(s, k)
	expect.Reconcile(s, c, k)
	accepted(s, k)
	s.Events("Warning Inactive")
	expect.Truth(s, c, k)
}
