// Copyright The license-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package v1alpha1

import metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

// AccessKeyType says for whom a key acts.
// +kubebuilder:validation:Enum=Vendor;Customer
type AccessKeyType string

const (
	// AccessKeyVendor: acts for the whole namespace.
	AccessKeyVendor AccessKeyType = "Vendor"
	// AccessKeyCustomer: acts for one Subscription.
	AccessKeyCustomer AccessKeyType = "Customer"
)

// AccessKeyState says whether a key may sign.
// +kubebuilder:validation:Enum=Active;Inactive
type AccessKeyState string

const (
	// AccessKeyActive: it may sign.
	AccessKeyActive AccessKeyState = "Active"
	// AccessKeyInactive: it is refused, within a second.
	AccessKeyInactive AccessKeyState = "Inactive"
)

// SecretPolicy says whether a pair or a key is written into a Secret.
// +kubebuilder:validation:Enum=Create;None
type SecretPolicy string

const (
	// SecretPolicyCreate: into the one that the kind's page names.
	SecretPolicyCreate SecretPolicy = "Create"
	// SecretPolicyNone: nowhere; it was answered to its holder.
	SecretPolicyNone SecretPolicy = "None"
)

// AccessKeySpec asks for one pair of access key id and secret.
//
// +kubebuilder:validation:XValidation:rule="self.type == oldSelf.type",message="`type` is immutable: whoever holds the pair would act for somebody else; create another AccessKey instead",fieldPath=".type"
// +kubebuilder:validation:XValidation:rule="has(self.subscriptionRef) == has(oldSelf.subscriptionRef) && (!has(self.subscriptionRef) || self.subscriptionRef == oldSelf.subscriptionRef)",message="`subscriptionRef` is immutable: whoever holds the pair would act for somebody else; create another AccessKey instead",fieldPath=".subscriptionRef"
// +kubebuilder:validation:XValidation:rule="has(self.activationRef) == has(oldSelf.activationRef) && (!has(self.activationRef) || self.activationRef == oldSelf.activationRef)",message="`activationRef` is immutable; create another AccessKey instead",fieldPath=".activationRef"
// +kubebuilder:validation:XValidation:rule="(self.type == 'Customer') == has(self.subscriptionRef)",message="`subscriptionRef` must be set for `type` Customer and must not be set for Vendor",fieldPath=".subscriptionRef"
// +kubebuilder:validation:XValidation:rule="self.type == 'Customer' || !has(self.activationRef)",message="`activationRef` must not be set unless `type` is Customer",fieldPath=".activationRef"
type AccessKeySpec struct {
	// type says for whom the key acts. Immutable.
	// +required
	Type AccessKeyType `json:"type,omitempty"`

	// subscriptionRef names the Subscription that a Customer key acts for.
	// Immutable.
	// +optional
	SubscriptionRef *LocalReference `json:"subscriptionRef,omitempty"`

	// activationRef names the Activation that a Customer key was made by: when
	// that is revoked, the key is refused. Immutable.
	// +optional
	ActivationRef *LocalReference `json:"activationRef,omitempty"`

	// rotation numbers the pair: another number, another pair.
	// +optional
	// +default=1
	// +kubebuilder:validation:Minimum=1
	// +kubebuilder:validation:Maximum=1000000
	Rotation *int32 `json:"rotation,omitempty"`

	// overlapSeconds is how long the pair before a rotation is still accepted.
	// +optional
	// +default=0
	// +kubebuilder:validation:Minimum=0
	// +kubebuilder:validation:Maximum=2592000
	OverlapSeconds *int32 `json:"overlapSeconds,omitempty"`

	// state Inactive revokes the key.
	// +optional
	// +default="Active"
	State AccessKeyState `json:"state,omitempty"`

	// secretPolicy says whether the pair is written into the Secret
	// <name>-access-key.
	// +optional
	// +default="Create"
	SecretPolicy SecretPolicy `json:"secretPolicy,omitempty"`
}

// PreviousAccessKey is a pair that a rotation has replaced and that is still
// accepted.
type PreviousAccessKey struct {
	// accessKeyID of the pair.
	// +required
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=128
	AccessKeyID string `json:"accessKeyID,omitempty"`

	// rotation of the pair.
	// +required
	// +kubebuilder:validation:Minimum=1
	Rotation int32 `json:"rotation,omitempty"`

	// expirationTime is from when on it is refused.
	// +required
	ExpirationTime metav1.Time `json:"expirationTime,omitzero"`
}

// AccessKeyStatus is what the operator says of an AccessKey.
type AccessKeyStatus struct {
	// conditions of the AccessKey: Ready.
	// +optional
	// +listType=map
	// +listMapKey=type
	// +kubebuilder:validation:MaxItems=16
	Conditions []metav1.Condition `json:"conditions,omitempty"`

	// observedGeneration is the generation that this status speaks of.
	// +optional
	// +kubebuilder:validation:Minimum=0
	ObservedGeneration int64 `json:"observedGeneration,omitempty"`

	// accessKeyID is the public half of the pair.
	// +optional
	// +kubebuilder:validation:MaxLength=128
	AccessKeyID string `json:"accessKeyID,omitempty"`

	// rotation of the pair in accessKeyID.
	// +optional
	// +kubebuilder:validation:Minimum=1
	Rotation int32 `json:"rotation,omitempty"`

	// previous is the pair that is accepted until its overlap ends.
	// +optional
	Previous *PreviousAccessKey `json:"previous,omitempty"`

	// secretRef names the Secret with accessKeyId and secretAccessKey.
	// +optional
	SecretRef *SecretReference `json:"secretRef,omitempty"`
}

// AccessKey is a pair of credentials as data that a vendor can list, rotate
// and revoke. The secret half is derived and never stored by the operator.
//
// +kubebuilder:object:root=true
// +kubebuilder:subresource:status
// +kubebuilder:resource:shortName=lkey,categories=licensing
// +kubebuilder:selectablefield:JSONPath=`.status.accessKeyID`
// +kubebuilder:printcolumn:name="Type",type=string,JSONPath=`.spec.type`
// +kubebuilder:printcolumn:name="Subscription",type=string,JSONPath=`.spec.subscriptionRef.name`
// +kubebuilder:printcolumn:name="ID",type=string,JSONPath=`.status.accessKeyID`
// +kubebuilder:printcolumn:name="Ready",type=string,JSONPath=`.status.conditions[?(@.type=="Ready")].status`
// +kubebuilder:printcolumn:name="Reason",type=string,JSONPath=`.status.conditions[?(@.type=="Ready")].reason`
// +kubebuilder:printcolumn:name="Age",type=date,JSONPath=`.metadata.creationTimestamp`
// +kubebuilder:validation:XValidation:rule="self.metadata.name.size() <= 63",message="the name must be at most 63 characters long: it becomes part of other names"
type AccessKey struct {
	metav1.TypeMeta `json:",inline"`

	// metadata is the name, the namespace, the labels and the like.
	// +optional
	metav1.ObjectMeta `json:"metadata,omitempty"`

	// spec asks for the pair.
	// +required
	Spec AccessKeySpec `json:"spec,omitzero"`

	// status is what the operator says.
	// +optional
	Status AccessKeyStatus `json:"status,omitempty,omitzero"`
}

// AccessKeyList is a list of AccessKeys.
//
// +kubebuilder:object:root=true
type AccessKeyList struct {
	metav1.TypeMeta `json:",inline"`
	metav1.ListMeta `json:"metadata,omitempty"`
	Items           []AccessKey `json:"items"`
}
