// Copyright The license-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package crd_test

import (
	"fmt"
	"strings"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/ptr"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/license-operator/license-operator/api/v1alpha1"
	"github.com/license-operator/license-operator/test/builder"
)

const (
	oversold          = "`used` must be at most `capacity`, or must not have grown: a seat would be sold twice"
	sequenceWords     = "`sequence` must grow by exactly 1 with each change"
	highWaterWords    = "`highWaterTime` must never fall"
	blockImmutable    = "`subscriptionRef` and `block` are immutable"
	ledgerTermWords   = "`term` must never fall, and must grow when a closed block is opened again"
	closedWords       = "a block with a `successor` is closed: its `used` must not grow"
	ledgerNameWords   = "the name must be `spec.subscriptionRef.name`, a hyphen and `spec.block`"
	ledgerPools       = "spec.pools"
	ledgerTerm        = "spec.term"
	ledgerSequence    = "spec.sequence"
	ledgerHighWater   = "spec.highWaterTime"
	longestPacked     = 524288
	longestPackedRing = 65536
)

func ledger() *builder.SeatLedgerBuilder { return builder.SeatLedger("initech", 0) }

// closedLedger is a block that has been open in term 2 and is closed.
func closedLedger() *builder.SeatLedgerBuilder {
	return ledger().WithPool("seats", 50, 5).InTerm(2).ClosedFor(1)
}

// commit is a change as the operator makes one: the sequence grows by one.
func commit(change func(*v1alpha1.SeatLedgerSpec)) func(client.Object) {
	return changing(func(l *v1alpha1.SeatLedger) {
		l.Spec.Sequence++
		change(&l.Spec)
	})
}

// fullLedger is a block as large as one may be.
func fullLedger() *v1alpha1.SeatLedger {
	b := ledger().AtHighWater(noon).WrittenBy(strings.Repeat("w", 64)).
		WithEntries(strings.Repeat("e", longestPacked)).WithReleased(strings.Repeat("r", longestPackedRing))
	for i := range 128 {
		name := fmt.Sprintf("%s-%03d", strings.Repeat("n", 124), i)
		b.WithPool(name, 10, 10)
	}
	return b.Build()
}

func named(name string, l *v1alpha1.SeatLedger) *v1alpha1.SeatLedger {
	l.Name = name
	return l
}

var ledgerCases = cases{
	creations: map[string]creation{
		"an empty block is accepted":                         {object: ledger().Build()},
		"the last block of the longest name is accepted":     {object: builder.SeatLedger(strings.Repeat("s", 63), 9999).Build()},
		"a Subscription with hyphens and digits is accepted": {object: builder.SeatLedger("initech-2-0", 10).Build()},
		"a block as large as one may be is accepted":         {object: fullLedger()},
		"the last seat is accepted":                          {object: ledger().WithPool("seats", 50, 50).Build()},
		"a seat too many is refused from the first version":  {object: ledger().WithPool("seats", 50, 51).Build(), want: refusals{ledgerPools: oversold}},
		"a seat too many in a second pool is refused":        {object: ledger().WithPool("seats", 50, 50).WithPool("nodes", 0, 1).Build(), want: refusals{ledgerPools: oversold}},
		"a seat too many with overage is accepted":           {object: ledger().WithOveragePool("seats", 50, 51).Build()},
		"the name of another Subscription is refused":        {object: named("globex-0", ledger().Build()), want: refusals{"<nil>": ledgerNameWords}},
		"the name of another block is refused":               {object: named("initech-1", ledger().Build()), want: refusals{"<nil>": ledgerNameWords}},
		"a block number with a zero in front is refused":     {object: named("initech-00", ledger().Build()), want: refusals{"<nil>": ledgerNameWords}},
		"the Subscription's name alone is refused":           {object: named("initech", ledger().Build()), want: refusals{"<nil>": ledgerNameWords}},
		"a name without the hyphen is refused":               {object: named("initech0", ledger().Build()), want: refusals{"<nil>": ledgerNameWords}},
		"no Subscription is refused":                         {object: named("initech-0", builder.SeatLedger("", 0).Build()), want: refusals{"spec.subscriptionRef": "Required value"}},
		"no sequence is refused":                             {object: ledger().AtSequence(0).Build(), want: refusals{ledgerSequence: "Required value"}},
		"a pool named twice is refused":                      {object: ledger().WithPool("seats", 1, 0).WithPool("seats", 1, 0).Build(), want: refusals{"spec.pools[1]": `Duplicate value: {"name":"seats"}`}},
		"no term is refused":                                 {object: ledger().InTerm(0).Build(), want: refusals{"spec.term": "Required value"}},
		"an unknown overage is refused":                      {object: ledger().With(func(l *v1alpha1.SeatLedger) { l.Spec.Pools = []v1alpha1.SeatPool{{Name: "seats", Overage: "Some"}} }).Build(), want: refusals{"spec.pools[0].overage": `Unsupported value: "Some": supported values: "Allowed", "Forbidden"`}},
	},
	updates: map[string]update{
		"the last seat can be given":     {object: ledger().WithPool("seats", 50, 49).Build(), change: commit(func(s *v1alpha1.SeatLedgerSpec) { s.Pools[0].Used = 50 })},
		"a seat too many can't be given": {object: ledger().WithPool("seats", 50, 50).Build(), change: commit(func(s *v1alpha1.SeatLedgerSpec) { s.Pools[0].Used = 51 }), want: refusals{ledgerPools: oversold}},
		"a seat too many can't be given in a new pool": {object: ledger().WithPool("seats", 50, 50).Build(), change: commit(func(s *v1alpha1.SeatLedgerSpec) {
			s.Pools = append(s.Pools, v1alpha1.SeatPool{Name: "nodes", Capacity: 1, Used: 2, Overage: v1alpha1.Forbidden})
		}), want: refusals{ledgerPools: oversold}},
		"a pool renamed to hide one too many is refused":      {object: ledger().WithOveragePool("seats", 1, 2).Build(), change: commit(func(s *v1alpha1.SeatLedgerSpec) { s.Pools[0].Name, s.Pools[0].Overage = "nodes", v1alpha1.Forbidden }), want: refusals{ledgerPools: oversold}},
		"a seat too many can be given with overage":           {object: ledger().WithOveragePool("seats", 50, 50).Build(), change: commit(func(s *v1alpha1.SeatLedgerSpec) { s.Pools[0].Used = 51 })},
		"overage can end with seats too many in use":          {object: ledger().WithOveragePool("seats", 50, 60).Build(), change: commit(func(s *v1alpha1.SeatLedgerSpec) { s.Pools[0].Overage = v1alpha1.Forbidden })},
		"overage can't end with one more given":               {object: ledger().WithOveragePool("seats", 50, 60).Build(), change: commit(func(s *v1alpha1.SeatLedgerSpec) { s.Pools[0].Overage, s.Pools[0].Used = v1alpha1.Forbidden, 61 }), want: refusals{ledgerPools: oversold}},
		"capacity can fall below what is used":                {object: ledger().WithPool("seats", 50, 40).Build(), change: commit(func(s *v1alpha1.SeatLedgerSpec) { s.Pools[0].Capacity = 10 })},
		"capacity can fall while a seat comes back":           {object: ledger().WithPool("seats", 50, 40).Build(), change: commit(func(s *v1alpha1.SeatLedgerSpec) { s.Pools[0].Capacity, s.Pools[0].Used = 10, 39 })},
		"capacity can't fall while a seat is given":           {object: ledger().WithPool("seats", 50, 40).Build(), change: commit(func(s *v1alpha1.SeatLedgerSpec) { s.Pools[0].Capacity, s.Pools[0].Used = 10, 41 }), want: refusals{ledgerPools: oversold}},
		"one pool's room does not serve another":              {object: ledger().WithPool("seats", 50, 1).WithPool("nodes", 1, 1).Build(), change: commit(func(s *v1alpha1.SeatLedgerSpec) { s.Pools[1].Used = 2 }), want: refusals{ledgerPools: oversold}},
		"a block as large as one may be can be changed":       {object: fullLedger(), change: commit(func(s *v1alpha1.SeatLedgerSpec) { s.Entries = strings.Repeat("f", longestPacked) })},
		"a seat too many in the largest block can't be given": {object: fullLedger(), change: commit(func(s *v1alpha1.SeatLedgerSpec) { s.Pools[127].Used++ }), want: refusals{ledgerPools: oversold}},
		"the sequence can't stand still":                      {object: ledger().WithPool("seats", 5, 0).Build(), change: changing(func(l *v1alpha1.SeatLedger) { l.Spec.Pools[0].Used = 1 }), want: refusals{ledgerSequence: sequenceWords}},
		"the sequence can't leap":                             {object: ledger().WithPool("seats", 5, 0).Build(), change: changing(func(l *v1alpha1.SeatLedger) { l.Spec.Sequence, l.Spec.Pools[0].Used = 3, 1 }), want: refusals{ledgerSequence: sequenceWords}},
		"the sequence can't fall":                             {object: ledger().AtSequence(7).WithPool("seats", 5, 0).Build(), change: changing(func(l *v1alpha1.SeatLedger) { l.Spec.Sequence, l.Spec.Pools[0].Used = 6, 1 }), want: refusals{ledgerSequence: sequenceWords}},
		"the entries alone need a new sequence too":           {object: ledger().WithEntries("a").Build(), change: changing(func(l *v1alpha1.SeatLedger) { l.Spec.Entries = "b" }), want: refusals{ledgerSequence: sequenceWords}},
		"a label can be set without a new sequence":           {object: ledger().WithPool("seats", 5, 5).AtHighWater(noon).Build(), change: changing(func(l *v1alpha1.SeatLedger) { l.Labels = map[string]string{"a": "b"} })},
		"the high-water mark can stay":                        {object: ledger().AtHighWater(noon).Build(), change: commit(func(s *v1alpha1.SeatLedgerSpec) {})},
		"the high-water mark can rise by a microsecond":       {object: ledger().AtHighWater(noon).Build(), change: commit(func(s *v1alpha1.SeatLedgerSpec) { s.HighWaterTime = micro(noon.Add(time.Microsecond)) })},
		"the high-water mark can't fall by a microsecond":     {object: ledger().AtHighWater(noon).Build(), change: commit(func(s *v1alpha1.SeatLedgerSpec) { s.HighWaterTime = micro(noon.Add(-time.Microsecond)) }), want: refusals{ledgerHighWater: highWaterWords}},
		"the high-water mark can't be taken away":             {object: ledger().AtHighWater(noon).Build(), change: commit(func(s *v1alpha1.SeatLedgerSpec) { s.HighWaterTime = nil }), want: refusals{ledgerHighWater: highWaterWords}},
		"the high-water mark can be set later":                {object: ledger().Build(), change: commit(func(s *v1alpha1.SeatLedgerSpec) { s.HighWaterTime = micro(noon) })},
		"a block can be closed":                               {object: ledger().WithPool("seats", 50, 5).Build(), change: commit(func(s *v1alpha1.SeatLedgerSpec) { s.Successor, s.Pools[0].Capacity = ptr.To[int32](1), 5 })},
		"a block can't be closed while a seat is given":       {object: ledger().WithPool("seats", 50, 5).Build(), change: commit(func(s *v1alpha1.SeatLedgerSpec) { s.Successor, s.Pools[0].Used = ptr.To[int32](1), 6 }), want: refusals{ledgerPools: closedWords}},
		"a seat can come back to a closed block":              {object: closedLedger().Build(), change: commit(func(s *v1alpha1.SeatLedgerSpec) { s.Pools[0].Used = 4 })},
		"a seat of a closed block can't be given":             {object: closedLedger().Build(), change: commit(func(s *v1alpha1.SeatLedgerSpec) { s.Pools[0].Used = 6 }), want: refusals{ledgerPools: closedWords}},
		"a seat of a new pool of a closed block can't be": {object: closedLedger().Build(), change: commit(func(s *v1alpha1.SeatLedgerSpec) {
			s.Pools = append(s.Pools, v1alpha1.SeatPool{Name: "nodes", Capacity: 1, Used: 1, Overage: v1alpha1.Forbidden})
		}), want: refusals{ledgerPools: closedWords}},
		"a closed block can be opened in a higher term":  {object: closedLedger().Build(), change: commit(func(s *v1alpha1.SeatLedgerSpec) { s.Successor, s.Term = nil, 3 })},
		"a closed block can't be opened in its old term": {object: closedLedger().Build(), change: commit(func(s *v1alpha1.SeatLedgerSpec) { s.Successor = nil }), want: refusals{ledgerTerm: ledgerTermWords}},
		"the term can't fall":                            {object: ledger().InTerm(2).Build(), change: commit(func(s *v1alpha1.SeatLedgerSpec) { s.Term = 1 }), want: refusals{ledgerTerm: ledgerTermWords}},
		"the Subscription can't be changed":              {object: ledger().Build(), change: commit(func(s *v1alpha1.SeatLedgerSpec) { s.SubscriptionRef.Name = "globex" }), want: refusals{"spec": blockImmutable, "<nil>": ledgerNameWords}},
		"the block can't be changed":                     {object: ledger().Build(), change: commit(func(s *v1alpha1.SeatLedgerSpec) { s.Block = 1 }), want: refusals{"spec": blockImmutable, "<nil>": ledgerNameWords}},
	},
}

func micro(at time.Time) *metav1.MicroTime { return ptr.To(metav1.NewMicroTime(at)) }
