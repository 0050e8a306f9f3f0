// Copyright The license-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package builder

import (
	"fmt"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/ptr"

	"github.com/license-operator/license-operator/api/v1alpha1"
)

// SeatLedgerBuilder builds one block of a Subscription's book of seats.
type SeatLedgerBuilder struct {
	object[*SeatLedgerBuilder, *v1alpha1.SeatLedger]
}

// SeatLedger starts the first version of a block, with no pools. Its name
// follows from the Subscription and the block.
func SeatLedger(subscription string, block int32) *SeatLedgerBuilder {
	b := &SeatLedgerBuilder{}
	b.self, b.build = b, &v1alpha1.SeatLedger{
		ObjectMeta: metav1.ObjectMeta{Name: fmt.Sprintf("%s-%d", subscription, block)},
		Spec: v1alpha1.SeatLedgerSpec{
			SubscriptionRef: v1alpha1.LocalReference{Name: subscription},
			Block:           block,
			Sequence:        1,
			Term:            1,
		},
	}
	return b
}

// AtSequence sets the number of the version.
func (b *SeatLedgerBuilder) AtSequence(number int64) *SeatLedgerBuilder {
	b.build.Spec.Sequence = number
	return b
}

// AtHighWater sets the latest time that a decision used, to the microsecond.
func (b *SeatLedgerBuilder) AtHighWater(at time.Time) *SeatLedgerBuilder {
	b.build.Spec.HighWaterTime = ptr.To(metav1.NewMicroTime(at.Truncate(time.Microsecond)))
	return b
}

// WrittenBy sets the replica that wrote this version.
func (b *SeatLedgerBuilder) WrittenBy(replica string) *SeatLedgerBuilder {
	b.build.Spec.Writer = replica
	return b
}

// WithPool adds a counted entitlement that gives no more than its capacity.
func (b *SeatLedgerBuilder) WithPool(name string, capacity, used int64) *SeatLedgerBuilder {
	return b.withPool(name, capacity, used, v1alpha1.Forbidden)
}

// WithOveragePool adds a counted entitlement that gives more than its
// capacity.
func (b *SeatLedgerBuilder) WithOveragePool(name string, capacity, used int64) *SeatLedgerBuilder {
	return b.withPool(name, capacity, used, v1alpha1.Allowed)
}

func (b *SeatLedgerBuilder) withPool(name string, capacity, used int64, overage v1alpha1.Permission) *SeatLedgerBuilder {
	b.build.Spec.Pools = append(b.build.Spec.Pools,
		v1alpha1.SeatPool{Name: name, Total: capacity, Capacity: capacity, Used: used, Overage: overage})
	return b
}

// WithEntries sets the packed checkouts.
func (b *SeatLedgerBuilder) WithEntries(packed string) *SeatLedgerBuilder {
	b.build.Spec.Entries = packed
	return b
}

// WithReleased sets the packed ring of the ids released last.
func (b *SeatLedgerBuilder) WithReleased(packed string) *SeatLedgerBuilder {
	b.build.Spec.Released = packed
	return b
}

// InTerm sets the number of the opening.
func (b *SeatLedgerBuilder) InTerm(term int64) *SeatLedgerBuilder {
	b.build.Spec.Term = term
	return b
}

// ClosedFor closes the block in favour of another.
func (b *SeatLedgerBuilder) ClosedFor(successor int32) *SeatLedgerBuilder {
	b.build.Spec.Successor = &successor
	return b
}
