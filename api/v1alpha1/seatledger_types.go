// Copyright The license-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package v1alpha1

import metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

// SeatPool is one counted entitlement in one block of the book.
type SeatPool struct {
	// name of the entitlement.
	// +required
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=128
	Name string `json:"name,omitempty"`

	// total units that the whole book may give, as the Subscription says. Only
	// that of the open block counts.
	// +required
	// +kubebuilder:validation:Minimum=0
	// +kubebuilder:validation:Maximum=1000000000000
	Total int64 `json:"total"`

	// capacity in units that this block may give: the total less what the
	// closed blocks hold, and for a closed block what it holds.
	// +required
	// +kubebuilder:validation:Minimum=0
	// +kubebuilder:validation:Maximum=1000000000000000
	Capacity int64 `json:"capacity"`

	// used is the sum of the units of this block's entries.
	// +required
	// +kubebuilder:validation:Minimum=0
	// +kubebuilder:validation:Maximum=1000000000000000
	Used int64 `json:"used"`

	// overage Allowed gives units beyond capacity.
	// +optional
	// +default="Forbidden"
	Overage Permission `json:"overage,omitempty"`
}

// SeatLedgerSpec is one block of a Subscription's book of seats. It has no
// status: one write changes all of it or nothing, so that the API server can
// hold each version against the one before.
//
// +kubebuilder:validation:XValidation:rule="self.subscriptionRef == oldSelf.subscriptionRef && self.block == oldSelf.block",message="`subscriptionRef` and `block` are immutable"
// +kubebuilder:validation:XValidation:rule="self == oldSelf || self.sequence == oldSelf.sequence + 1",message="`sequence` must grow by exactly 1 with each change",fieldPath=".sequence"
// +kubebuilder:validation:XValidation:rule="!has(oldSelf.highWaterTime) || (has(self.highWaterTime) && timestamp(self.highWaterTime) >= timestamp(oldSelf.highWaterTime))",message="`highWaterTime` must never fall",fieldPath=".highWaterTime"
// +kubebuilder:validation:XValidation:rule="self.term >= oldSelf.term && (has(self.successor) || !has(oldSelf.successor) || self.term > oldSelf.term)",message="`term` must never fall, and must grow when a closed block is opened again",fieldPath=".term"
// +kubebuilder:validation:XValidation:rule="!has(self.successor) || !has(self.pools) || self.pools.all(p, p.used == 0 || (has(oldSelf.pools) && oldSelf.pools.exists(o, o.name == p.name && p.used <= o.used)))",message="a block with a `successor` is closed: its `used` must not grow",fieldPath=".pools"
// +kubebuilder:validation:XValidation:optionalOldSelf=true,rule="!has(self.pools) || self.pools.all(p, p.used <= p.capacity || p.overage == 'Allowed' || (oldSelf.hasValue() && has(oldSelf.value().pools) && oldSelf.value().pools.exists(o, o.name == p.name && p.used <= o.used)))",message="`used` must be at most `capacity`, or must not have grown: a seat would be sold twice",fieldPath=".pools"
type SeatLedgerSpec struct {
	// subscriptionRef names the Subscription. Immutable.
	// +required
	SubscriptionRef LocalReference `json:"subscriptionRef,omitzero"`

	// block is the number of this block, the first is 0. Immutable.
	// +required
	// +kubebuilder:validation:Minimum=0
	// +kubebuilder:validation:Maximum=9999
	Block int32 `json:"block"`

	// sequence counts the versions of this block.
	// +required
	// +kubebuilder:validation:Minimum=1
	Sequence int64 `json:"sequence,omitempty"`

	// writer is the replica that wrote this version. Those that want the same
	// block take turns by it.
	// +optional
	// +kubebuilder:validation:MaxLength=64
	Writer string `json:"writer,omitempty"`

	// highWaterTime is the latest time that a decision in this block used.
	// +optional
	HighWaterTime *metav1.MicroTime `json:"highWaterTime,omitempty"`

	// term counts the openings of the book's blocks. The block with the highest
	// is the one that was opened last.
	// +required
	// +kubebuilder:validation:Minimum=1
	Term int64 `json:"term,omitempty"`

	// successor is the block that was opened after this one. A block that has
	// one is closed: it gives nothing, until it is opened again.
	// +optional
	// +kubebuilder:validation:Minimum=0
	// +kubebuilder:validation:Maximum=9999
	Successor *int32 `json:"successor,omitempty"`

	// frozenTime is when a token showed that this book is older than what it
	// has granted, as after the restore of a backup. Nothing is granted from
	// then on, until every checkout that the book may have forgotten is over.
	// +optional
	FrozenTime *metav1.Time `json:"frozenTime,omitempty"`

	// pools are the counted entitlements: what this block may give and what
	// it has given.
	// +optional
	// +listType=map
	// +listMapKey=name
	// +kubebuilder:validation:MaxItems=128
	Pools []SeatPool `json:"pools,omitempty"`

	// entries are the checkouts that hold seats, a line each. They are packed
	// into one string because the API server's costs grow with the number of
	// values.
	// +optional
	// +kubebuilder:validation:MaxLength=524288
	Entries string `json:"entries,omitempty"`

	// released are the beginnings of the ids released last, oldest first; they
	// answer duplicates that arrive late.
	// +optional
	// +kubebuilder:validation:MaxLength=65536
	Released string `json:"released,omitempty"`
}

// SeatLedger is one block of the operator's own book of seats; nobody else
// writes it.
//
// +kubebuilder:object:root=true
// +kubebuilder:resource:shortName=lledger,categories=licensing
// +kubebuilder:selectablefield:JSONPath=".spec.subscriptionRef.name"
// +kubebuilder:printcolumn:name="Subscription",type=string,JSONPath=`.spec.subscriptionRef.name`
// +kubebuilder:printcolumn:name="Block",type=integer,JSONPath=`.spec.block`
// +kubebuilder:printcolumn:name="Successor",type=integer,JSONPath=`.spec.successor`
// +kubebuilder:printcolumn:name="Sequence",type=integer,JSONPath=`.spec.sequence`
// +kubebuilder:printcolumn:name="Age",type=date,JSONPath=`.metadata.creationTimestamp`
// +kubebuilder:validation:XValidation:rule="self.metadata.name.startsWith(self.spec.subscriptionRef.name + '-') && self.metadata.name.substring(self.spec.subscriptionRef.name.size() + 1) == string(self.spec.block)",message="the name must be `spec.subscriptionRef.name`, a hyphen and `spec.block`"
type SeatLedger struct {
	metav1.TypeMeta `json:",inline"`

	// metadata is the name, the namespace, the labels and the like.
	// +optional
	metav1.ObjectMeta `json:"metadata,omitempty"`

	// spec is the block.
	// +required
	Spec SeatLedgerSpec `json:"spec,omitzero"`
}

// SeatLedgerList is a list of SeatLedgers.
//
// +kubebuilder:object:root=true
type SeatLedgerList struct {
	metav1.TypeMeta `json:",inline"`
	metav1.ListMeta `json:"metadata,omitempty"`
	Items           []SeatLedger `json:"items"`
}
