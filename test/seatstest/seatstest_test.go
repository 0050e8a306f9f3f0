// Copyright The license-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package seatstest_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"
	"k8s.io/utils/ptr"

	"github.com/license-operator/license-operator/api/v1alpha1"
	"github.com/license-operator/license-operator/internal/seats"
	"github.com/license-operator/license-operator/test/seatstest"
)

func TestTheStoreInMemoryConforms(t *testing.T) {
	seatstest.Conformance(t, func(t *testing.T) (seats.Store, seats.Key) {
		s := seatstest.New(tolerant{t})
		return s.Client(), seats.Key{Namespace: "default", Name: "team"}
	})
}

// tolerant lets the store refuse versions, and say so, without failing the test.
type tolerant struct{ *testing.T }

func (t tolerant) Errorf(format string, args ...any) { t.Logf(format, args...) }

// spec is a block with 10 of 50 seats in use.
func spec() *v1alpha1.SeatLedger {
	l := &v1alpha1.SeatLedger{}
	l.Name = "team-0"
	l.Spec = v1alpha1.SeatLedgerSpec{SubscriptionRef: v1alpha1.LocalReference{Name: "team"}, Sequence: 7, Term: 3,
		Pools: []v1alpha1.SeatPool{{Name: "seats", Total: 50, Capacity: 50, Used: 10, Overage: v1alpha1.Forbidden}}}
	return l
}

func TestTheRulesAreThoseOfTheSchema(t *testing.T) {
	tests := map[string]struct {
		old  func(*v1alpha1.SeatLedgerSpec)
		edit func(*v1alpha1.SeatLedgerSpec)
		want []string
	}{
		"a seat more is granted": {edit: func(s *v1alpha1.SeatLedgerSpec) { s.Pools[0].Used++ }},
		"the last seat is granted twice": {
			edit: func(s *v1alpha1.SeatLedgerSpec) { s.Pools[0].Used = 51 },
			want: []string{"used of seats is 51, its capacity 50: a seat would be sold twice"}},
		"overage is granted":                    {edit: func(s *v1alpha1.SeatLedgerSpec) { s.Pools[0].Used, s.Pools[0].Overage = 51, v1alpha1.Allowed }},
		"the capacity falls below what is used": {edit: func(s *v1alpha1.SeatLedgerSpec) { s.Pools[0].Capacity = 5 }},
		"the sequence stands still": {
			edit: func(s *v1alpha1.SeatLedgerSpec) { s.Sequence--; s.Pools[0].Used++ },
			want: []string{"sequence went from 7 to 7"}},
		"a block closes": {edit: func(s *v1alpha1.SeatLedgerSpec) { s.Successor = ptr.To[int32](1) }},
		"a block closes and grants": {
			edit: func(s *v1alpha1.SeatLedgerSpec) { s.Successor, s.Pools[0].Used = ptr.To[int32](1), 11 },
			want: []string{"used of seats grew to 11 in a closed block"}},
		"a block opens in a new term": {
			old:  func(s *v1alpha1.SeatLedgerSpec) { s.Successor = ptr.To[int32](1) },
			edit: func(s *v1alpha1.SeatLedgerSpec) { s.Term++ }},
		"a block opens in its old term": {
			old:  func(s *v1alpha1.SeatLedgerSpec) { s.Successor = ptr.To[int32](1) },
			edit: func(*v1alpha1.SeatLedgerSpec) {},
			want: []string{"the block is opened again in the same term"}},
		"the term falls": {
			edit: func(s *v1alpha1.SeatLedgerSpec) { s.Term = 2 },
			want: []string{"term fell from 3 to 2"}},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			old := spec()
			if test.old != nil {
				test.old(&old.Spec)
			}
			next := spec()
			next.Spec.Sequence++
			test.edit(&next.Spec)
			if diff := cmp.Diff(test.want, seatstest.Broken(old, next)); diff != "" {
				t.Errorf("other rules are broken (-want +got):\n%s", diff)
			}
		})
	}
}
