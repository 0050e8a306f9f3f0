// Copyright The license-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package v1alpha1

import metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

// CheckoutType says how long a checkout's seats are held.
// +kubebuilder:validation:Enum=Provisional;Perpetual;Borrow
type CheckoutType string

const (
	// CheckoutProvisional: until it expires, unless extended or given back.
	CheckoutProvisional CheckoutType = "Provisional"
	// CheckoutPerpetual: drawn down for good.
	CheckoutPerpetual CheckoutType = "Perpetual"
	// CheckoutBorrow: for use without a connection.
	CheckoutBorrow CheckoutType = "Borrow"
)

// WhenUnavailable says what a checkout does when no seat is free.
// +kubebuilder:validation:Enum=Queue;Fail
type WhenUnavailable string

const (
	// WhenUnavailableQueue: wait in order of creation.
	WhenUnavailableQueue WhenUnavailable = "Queue"
	// WhenUnavailableFail: be refused.
	WhenUnavailableFail WhenUnavailable = "Fail"
)

// EntitlementRequest asks for units of one entitlement, or for a feature.
type EntitlementRequest struct {
	// name of the entitlement.
	// +required
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=128
	Name string `json:"name,omitempty"`

	// quantity of units; not for a feature.
	// +optional
	// +kubebuilder:validation:Minimum=1
	// +kubebuilder:validation:Maximum=1000000000000
	Quantity *int64 `json:"quantity,omitempty"`
}

// HolderKind is a kind of object that seats can be held for.
// +kubebuilder:validation:Enum=Pod
type HolderKind string

// HolderPod is a Pod of the same namespace.
const HolderPod HolderKind = "Pod"

// HolderReference names the object that seats live and die with.
type HolderReference struct {
	// kind of the holder.
	// +required
	Kind HolderKind `json:"kind,omitempty"`

	// name of the holder.
	// +required
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=253
	Name string `json:"name,omitempty"`
}

// LicenseCheckoutSpec asks for seats.
//
// +kubebuilder:validation:XValidation:rule="self == oldSelf",message="`spec` is immutable: delete the LicenseCheckout, which gives its seats back, and create another"
// +kubebuilder:validation:XValidation:rule="self.type != 'Perpetual' || !has(self.lifetimeMinutes)",message="`lifetimeMinutes` must not be set for `type` Perpetual, which never expires",fieldPath=".lifetimeMinutes"
type LicenseCheckoutSpec struct {
	// subscriptionRef names the Subscription.
	// +required
	SubscriptionRef LocalReference `json:"subscriptionRef,omitzero"`

	// type says how long the seats are held.
	// +optional
	// +default="Provisional"
	Type CheckoutType `json:"type,omitempty"`

	// entitlements asked for; counted ones all or nothing.
	// +required
	// +listType=map
	// +listMapKey=name
	// +kubebuilder:validation:MinItems=1
	// +kubebuilder:validation:MaxItems=64
	Entitlements []EntitlementRequest `json:"entitlements,omitempty"`

	// nodeID is where the holder says it is.
	// +optional
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=256
	NodeID string `json:"nodeID,omitempty"`

	// lifetimeMinutes of the checkout; the Product's without it, and at most
	// the Product's.
	// +optional
	// +kubebuilder:validation:Minimum=1
	// +kubebuilder:validation:Maximum=525600
	LifetimeMinutes *int32 `json:"lifetimeMinutes,omitempty"`

	// whenUnavailable says what to do when no seat is free.
	// +optional
	// +default="Queue"
	WhenUnavailable WhenUnavailable `json:"whenUnavailable,omitempty"`

	// holderRef names the object that the seats live and die with.
	// +optional
	HolderRef *HolderReference `json:"holderRef,omitempty"`
}

// AllowedEntitlement is what of a request was granted.
type AllowedEntitlement struct {
	// name of the entitlement.
	// +required
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=128
	Name string `json:"name,omitempty"`

	// unit of the entitlement.
	// +required
	Unit Unit `json:"unit,omitempty"`

	// quantity of units, or none for a feature.
	// +optional
	// +kubebuilder:validation:Minimum=1
	Quantity *int64 `json:"quantity,omitempty"`

	// value of a feature.
	// +optional
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=256
	Value string `json:"value,omitempty"`
}

// LicenseCheckoutStatus reports what the SeatLedger holds.
type LicenseCheckoutStatus struct {
	// conditions of the LicenseCheckout: Granted, Released.
	// +optional
	// +listType=map
	// +listMapKey=type
	// +kubebuilder:validation:MaxItems=16
	Conditions []metav1.Condition `json:"conditions,omitempty"`

	// observedGeneration is the generation that this status speaks of.
	// +optional
	// +kubebuilder:validation:Minimum=0
	ObservedGeneration int64 `json:"observedGeneration,omitempty"`

	// queuePosition is the place in the queue, the first is 1.
	// +optional
	// +kubebuilder:validation:Minimum=1
	QueuePosition *int32 `json:"queuePosition,omitempty"`

	// issueTime is when the seats were granted.
	// +optional
	IssueTime *metav1.Time `json:"issueTime,omitempty"`

	// expirationTime is when the seats come back by themselves.
	// +optional
	ExpirationTime *metav1.Time `json:"expirationTime,omitempty"`

	// entitlementsAllowed is what was granted.
	// +optional
	// +listType=map
	// +listMapKey=name
	// +kubebuilder:validation:MaxItems=64
	EntitlementsAllowed []AllowedEntitlement `json:"entitlementsAllowed,omitempty"`

	// secretRef names the Secret with license.jwt and jwks.json.
	// +optional
	SecretRef *SecretReference `json:"secretRef,omitempty"`
}

// LicenseCheckout is one holder's seats: a request and a record. Which
// checkouts hold seats is decided by the SeatLedger alone.
//
// +kubebuilder:object:root=true
// +kubebuilder:subresource:status
// +kubebuilder:resource:shortName=lco,categories=licensing
// +kubebuilder:printcolumn:name="Subscription",type=string,JSONPath=`.spec.subscriptionRef.name`
// +kubebuilder:printcolumn:name="Type",type=string,JSONPath=`.spec.type`
// +kubebuilder:printcolumn:name="Granted",type=string,JSONPath=`.status.conditions[?(@.type=="Granted")].status`
// +kubebuilder:printcolumn:name="Reason",type=string,JSONPath=`.status.conditions[?(@.type=="Granted")].reason`
// +kubebuilder:printcolumn:name="Queue",type=integer,JSONPath=`.status.queuePosition`
// +kubebuilder:printcolumn:name="Expires",type=string,JSONPath=`.status.expirationTime`
// +kubebuilder:printcolumn:name="Holder",type=string,priority=1,JSONPath=`.spec.holderRef.name`
// +kubebuilder:printcolumn:name="Age",type=date,JSONPath=`.metadata.creationTimestamp`
// +kubebuilder:validation:XValidation:rule="self.metadata.name.size() <= 63",message="the name must be at most 63 characters long: it becomes part of other names"
type LicenseCheckout struct {
	metav1.TypeMeta `json:",inline"`

	// metadata is the name, the namespace, the labels and the like.
	// +optional
	metav1.ObjectMeta `json:"metadata,omitempty"`

	// spec asks for seats.
	// +required
	Spec LicenseCheckoutSpec `json:"spec,omitzero"`

	// status reports what the SeatLedger holds.
	// +optional
	Status LicenseCheckoutStatus `json:"status,omitempty,omitzero"`
}

// LicenseCheckoutList is a list of LicenseCheckouts.
//
// +kubebuilder:object:root=true
type LicenseCheckoutList struct {
	metav1.TypeMeta `json:",inline"`
	metav1.ListMeta `json:"metadata,omitempty"`
	Items           []LicenseCheckout `json:"items"`
}
