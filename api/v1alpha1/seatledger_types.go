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

	// capacity in units that this block may give.
	// +required
	// +kubebuilder:validation:Minimum=0
	// +kubebuilder:validation:Maximum=1000000000000
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

// SeatTransfer is capacity that moves between two blocks. It stands in both
// until both have it, so that it can be repeated after a crash.
type SeatTransfer struct {
	// id of the transfer, the same at both ends.
	// +required
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=64
	ID string `json:"id,omitempty"`

	// entitlement whose capacity moves.
	// +required
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=128
	Entitlement string `json:"entitlement,omitempty"`

	// peerBlock is the other end.
	// +required
	// +kubebuilder:validation:Minimum=0
	// +kubebuilder:validation:Maximum=9999
	PeerBlock int32 `json:"peerBlock"`

	// units that this block has gained; negative at the giver.
	// +required
	// +kubebuilder:validation:Minimum=-1000000000000
	// +kubebuilder:validation:Maximum=1000000000000
	Units int64 `json:"units"`
}

// SeatLedgerSpec is one block of a Subscription's book of seats. It has no
// status: one write changes all of it or nothing, so that the API server can
// hold each version against the one before.
//
// +kubebuilder:validation:XValidation:rule="self.subscriptionRef == oldSelf.subscriptionRef && self.block == oldSelf.block",message="`subscriptionRef` and `block` are immutable"
// +kubebuilder:validation:XValidation:rule="self == oldSelf || self.sequence == oldSelf.sequence + 1",message="`sequence` must grow by exactly 1 with each change",fieldPath=".sequence"
// +kubebuilder:validation:XValidation:rule="!has(oldSelf.highWaterTime) || (has(self.highWaterTime) && timestamp(self.highWaterTime) >= timestamp(oldSelf.highWaterTime))",message="`highWaterTime` must never fall",fieldPath=".highWaterTime"
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

	// highWaterTime is the latest time that a decision in this block used.
	// +optional
	HighWaterTime *metav1.MicroTime `json:"highWaterTime,omitempty"`

	// pools are the counted entitlements: what this block may give and what
	// it has given.
	// +optional
	// +listType=map
	// +listMapKey=name
	// +kubebuilder:validation:MaxItems=64
	Pools []SeatPool `json:"pools,omitempty"`

	// entries are the checkouts that hold seats, packed into one string
	// because the API server's costs grow with the number of values.
	// +optional
	// +kubebuilder:validation:MaxLength=524288
	Entries string `json:"entries,omitempty"`

	// released is a ring of the ids released last, packed; it answers
	// duplicates that arrive late.
	// +optional
	// +kubebuilder:validation:MaxLength=65536
	Released string `json:"released,omitempty"`

	// transfers of capacity that one end may not have yet.
	// +optional
	// +listType=map
	// +listMapKey=id
	// +kubebuilder:validation:MaxItems=64
	Transfers []SeatTransfer `json:"transfers,omitempty"`
}

// SeatLedger is one block of the operator's own book of seats; nobody else
// writes it.
//
// +kubebuilder:object:root=true
// +kubebuilder:resource:shortName=lledger,categories=licensing
// +kubebuilder:printcolumn:name="Subscription",type=string,JSONPath=`.spec.subscriptionRef.name`
// +kubebuilder:printcolumn:name="Block",type=integer,JSONPath=`.spec.block`
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
