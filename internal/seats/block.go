// Copyright The license-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package seats

import (
	"fmt"
	"slices"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/ptr"

	"github.com/license-operator/license-operator/api/v1alpha1"
)

// Bounds of one block.
const (
	// MaxEntries is how many checkouts one block holds at most. A block is written
	// as a whole, so it must stay small; etcd keeps every version until it
	// compacts.
	MaxEntries = 256
	// calmEntries is how many it holds while few operations come with each
	// commit, and entriesEach how many for each of them: what the opening of
	// another block costs is shared by those that fill it.
	calmEntries, entriesEach = 64, 10
	// MaxBlocks is how many blocks one book may have.
	MaxBlocks = 10000
	// maxBulk bounds the bytes of a block's entries: the schema allows 512 KiB.
	maxBulk = 384 << 10
	// ringSize is how many released ids a block remembers, ringPrefix how many
	// characters of each: 60 bits.
	ringSize, ringPrefix = 64, 12
)

// maxEntries is MaxEntries; tests make it less.
var maxEntries = MaxEntries

// LabelBlock on a SeatLedger, and on the LicenseCheckouts made for its entries,
// is the name of its Subscription.
const LabelBlock = v1alpha1.LabelSubscription

// BlockName is the name of the SeatLedger that is one block of a book.
func BlockName(subscription string, number int32) string {
	return fmt.Sprintf("%s-%d", subscription, number)
}

// Entry is one checkout in a block.
type Entry struct {
	Grant
	// Digest tells another request under the same id from a repeated one.
	Digest string
}

// expired says whether the entry's time is over.
func (e *Entry) expired(now time.Time) bool {
	return !e.ExpirationTime.IsZero() && !now.Before(e.ExpirationTime)
}

// bulk is how many bytes an entry takes at most, as if it shared no words.
func (e *Entry) bulk() int {
	const numbers, item = 96, 24
	n := numbers + len(e.ID) + len(e.Digest) + escaped*(len(e.Caller)+len(e.NodeID)+len(e.Object)+len(e.Holder))
	for i := range e.Items {
		it := &e.Items[i]
		n += item + len(it.Unit) + escaped*(len(it.Name)+len(it.Value))
	}
	return n
}

// escaped is how many characters one byte of text becomes at most.
const escaped = 3

// Block is a decoded SeatLedger. One that has been committed never changes.
type Block struct {
	Key    Key
	Number int32
	// Sequence is 0 for a block that does not exist yet.
	Sequence, Term int64
	Successor      *int32
	// Writer is the replica that has written this version.
	Writer    string
	HighWater time.Time
	Frozen    time.Time
	Pools     []v1alpha1.SeatPool
	// Entries in the order in which they came, and by id.
	Entries []*Entry
	byID    map[string]*Entry
	// Released are the beginnings of the ids released last, oldest first.
	Released []string
	// meta is what must be sent back to replace exactly this version.
	meta metav1.ObjectMeta
}

// Open says whether seats are granted in this block.
func (b *Block) Open() bool { return b.Term > 0 && b.Successor == nil }

// Get finds an entry; nil if the block does not hold it.
func (b *Block) Get(id string) *Entry { return b.byID[id] }

// used is what the block holds of a pool.
func (b *Block) used(pool string) int64 {
	for i := range b.Pools {
		if b.Pools[i].Name == pool {
			return b.Pools[i].Used
		}
	}
	return 0
}

// bulk bounds the bytes of the entries.
func (b *Block) bulk() (sum int) {
	for _, e := range b.Entries {
		sum += e.bulk()
	}
	return sum
}

// roomy says whether a closed block has so much room, if a block holds limit
// entries, that it is opened again instead of a new one.
func (b *Block) roomy(limit int) bool { return len(b.Entries) < limit/2 && b.bulk() < maxBulk/2 }

// NextExpiration is when the next entry's time is over; zero for never.
func (b *Block) NextExpiration() time.Time {
	var next time.Time
	for _, e := range b.Entries {
		if !e.ExpirationTime.IsZero() && (next.IsZero() || e.ExpirationTime.Before(next)) {
			next = e.ExpirationTime
		}
	}
	return next
}

// Decode reads a SeatLedger. An error means that somebody else has written it.
func Decode(l *v1alpha1.SeatLedger) (*Block, error) {
	s := &l.Spec
	b := &Block{
		Key:    Key{Namespace: l.Namespace, Name: s.SubscriptionRef.Name},
		Number: s.Block, Sequence: s.Sequence, Term: s.Term, Successor: s.Successor, Writer: s.Writer,
		Pools: s.Pools, meta: metav1.ObjectMeta{
			Namespace: l.Namespace, Name: l.Name, UID: l.UID, ResourceVersion: l.ResourceVersion,
			Labels: l.Labels, Annotations: l.Annotations, OwnerReferences: l.OwnerReferences, Finalizers: l.Finalizers,
			Generation: l.Generation, CreationTimestamp: l.CreationTimestamp,
		},
	}
	if s.HighWaterTime != nil {
		b.HighWater = s.HighWaterTime.UTC()
	}
	if s.FrozenTime != nil {
		b.Frozen = s.FrozenTime.UTC()
	}
	if s.Released != "" {
		b.Released = splitRing(s.Released)
	}
	entries, err := decodeEntries(s.Entries)
	if err != nil {
		return nil, fmt.Errorf("the SeatLedger %s/%s: %w", l.Namespace, l.Name, err)
	}
	b.Entries, b.byID = entries, make(map[string]*Entry, len(entries))
	for _, e := range entries {
		e.Block = b.Number
		if b.byID[e.ID] != nil {
			return nil, fmt.Errorf("the SeatLedger %s/%s holds %s twice", l.Namespace, l.Name, e.ID)
		}
		b.byID[e.ID] = e
	}
	return b, nil
}

// Encode is the inverse of Decode. The SeatLedger shares nothing with the block:
// a client of the API server writes the answer into what it sent.
func (b *Block) Encode() *v1alpha1.SeatLedger {
	l := &v1alpha1.SeatLedger{ObjectMeta: *b.meta.DeepCopy()}
	l.Spec = v1alpha1.SeatLedgerSpec{
		SubscriptionRef: v1alpha1.LocalReference{Name: b.Key.Name},
		Block:           b.Number, Sequence: b.Sequence, Term: b.Term, Successor: b.Successor, Writer: b.Writer,
		Pools: slices.Clone(b.Pools), Entries: encodeEntries(b.Entries), Released: joinRing(b.Released),
	}
	if !b.HighWater.IsZero() {
		l.Spec.HighWaterTime = ptr.To(metav1.NewMicroTime(b.HighWater))
	}
	if !b.Frozen.IsZero() {
		l.Spec.FrozenTime = ptr.To(metav1.NewTime(b.Frozen))
	}
	return l
}

// newBlock is a block that does not exist yet.
func newBlock(key Key, number int32) *Block {
	return &Block{Key: key, Number: number, byID: map[string]*Entry{}, meta: metav1.ObjectMeta{
		Namespace: key.Namespace, Name: BlockName(key.Name, number),
		Labels: map[string]string{LabelBlock: key.Name},
	}}
}

// clone is a copy that a draft may change. The entries themselves are shared.
func (b *Block) clone() *Block {
	c := *b
	c.Pools = append([]v1alpha1.SeatPool(nil), b.Pools...)
	c.Entries = append(make([]*Entry, 0, len(b.Entries)+1), b.Entries...)
	c.byID = make(map[string]*Entry, len(b.byID)+1)
	for id, e := range b.byID {
		c.byID[id] = e
	}
	c.Released = append(make([]string, 0, len(b.Released)+1), b.Released...)
	return &c
}
