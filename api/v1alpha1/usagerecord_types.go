// Copyright The license-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package v1alpha1

import metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

// UsageTag is one tag of an allocation.
type UsageTag struct {
	// key of the tag.
	// +required
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=100
	Key string `json:"key,omitempty"`

	// value of the tag.
	// +required
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=256
	Value string `json:"value,omitempty"`
}

// UsageAllocation is what part of a record's quantity belongs to some tags.
type UsageAllocation struct {
	// quantity in units of the dimension.
	// +required
	// +kubebuilder:validation:Minimum=0
	// +kubebuilder:validation:Maximum=2147483647
	Quantity int32 `json:"quantity"`

	// tags that the part belongs to; none for what belongs to no tags.
	// +optional
	// +listType=map
	// +listMapKey=key
	// +kubebuilder:validation:MaxItems=5
	Tags []UsageTag `json:"tags,omitempty"`
}

// UsageOperation is the operation that reported usage.
// +kubebuilder:validation:Enum=BatchMeterUsage;MeterUsage
type UsageOperation string

// The operations of AWS Marketplace Metering that report usage.
const (
	OperationBatchMeterUsage UsageOperation = "BatchMeterUsage"
	OperationMeterUsage      UsageOperation = "MeterUsage"
)

// UsageRecordSpec is what one customer has used in one hour of one dimension.
// The first report of an hour counts; no other replaces it.
//
// +kubebuilder:validation:XValidation:rule="self == oldSelf",message="a UsageRecord is immutable: the first report of an hour counts"
type UsageRecordSpec struct {
	// meteringRecordID is the MeteringRecordId of the answer.
	// +required
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=64
	MeteringRecordID string `json:"meteringRecordID,omitempty"`

	// productRef names the Product.
	// +required
	ProductRef LocalReference `json:"productRef,omitzero"`

	// productCode is the Product's code.
	// +required
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=64
	ProductCode string `json:"productCode,omitempty"`

	// subscriptionRef names the Subscription that was used.
	// +required
	SubscriptionRef LocalReference `json:"subscriptionRef,omitzero"`

	// customerIdentifier is the customer's identifier.
	// +required
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=255
	CustomerIdentifier string `json:"customerIdentifier,omitempty"`

	// customerAccountID is the customer's account, if it is known.
	// +optional
	// +kubebuilder:validation:MinLength=12
	// +kubebuilder:validation:MaxLength=12
	CustomerAccountID string `json:"customerAccountID,omitempty"`

	// dimension is one of the Product's.
	// +required
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=255
	Dimension string `json:"dimension,omitempty"`

	// hour in which it was used: its beginning, in UTC.
	// +required
	// +kubebuilder:validation:XValidation:rule="timestamp(self).getMinutes() == 0 && timestamp(self).getSeconds() == 0",message="`hour` must be a whole hour"
	Hour metav1.Time `json:"hour,omitzero"`

	// reportedTime is the Timestamp that the report gave.
	// +optional
	ReportedTime *metav1.Time `json:"reportedTime,omitempty"`

	// quantity in units of the dimension.
	// +required
	// +kubebuilder:validation:Minimum=0
	// +kubebuilder:validation:Maximum=2147483647
	Quantity int32 `json:"quantity"`

	// allocations of the quantity; their sum is the quantity.
	// +optional
	// +listType=atomic
	// +kubebuilder:validation:MaxItems=2500
	Allocations []UsageAllocation `json:"allocations,omitempty"`

	// operation that reported it.
	// +required
	Operation UsageOperation `json:"operation,omitempty"`

	// podUID is the UID of the Pod that reported it by MeterUsage with its
	// ServiceAccount: each Pod reports for itself. Who signs with an AccessKey
	// reports for the customer as a whole.
	// +optional
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=64
	PodUID string `json:"podUID,omitempty"`

	// clientTokenHash is the SHA-256 of MeterUsage's ClientToken, in lower-case
	// hexadecimal digits.
	// +optional
	// +kubebuilder:validation:MinLength=64
	// +kubebuilder:validation:MaxLength=64
	ClientTokenHash string `json:"clientTokenHash,omitempty"`
}

// UsageRecord is what one customer has used in one hour of one dimension of one
// Product. Its name is derived from those, so that the API server lets only one
// of all reports win.
//
// +kubebuilder:object:root=true
// +kubebuilder:resource:shortName=lusage,categories=licensing
// +kubebuilder:printcolumn:name="Product",type=string,JSONPath=`.spec.productRef.name`
// +kubebuilder:printcolumn:name="Customer",type=string,JSONPath=`.spec.customerIdentifier`
// +kubebuilder:printcolumn:name="Dimension",type=string,JSONPath=`.spec.dimension`
// +kubebuilder:printcolumn:name="Hour",type=string,JSONPath=`.spec.hour`
// +kubebuilder:printcolumn:name="Quantity",type=integer,JSONPath=`.spec.quantity`
// +kubebuilder:printcolumn:name="Record",type=string,priority=1,JSONPath=`.spec.meteringRecordID`
// +kubebuilder:printcolumn:name="Age",type=date,JSONPath=`.metadata.creationTimestamp`
type UsageRecord struct {
	metav1.TypeMeta `json:",inline"`

	// metadata is the name, the namespace, the labels and the like.
	// +optional
	metav1.ObjectMeta `json:"metadata,omitempty"`

	// spec is what was used.
	// +required
	Spec UsageRecordSpec `json:"spec,omitzero"`
}

// UsageRecordList is a list of UsageRecords.
//
// +kubebuilder:object:root=true
type UsageRecordList struct {
	metav1.TypeMeta `json:",inline"`
	metav1.ListMeta `json:"metadata,omitempty"`
	Items           []UsageRecord `json:"items"`
}
