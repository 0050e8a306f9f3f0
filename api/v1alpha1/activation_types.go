// Copyright The license-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package v1alpha1

import metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

// ActivationType says what is handed to the customer.
// +kubebuilder:validation:Enum=ActivationKey;RegistrationToken
type ActivationType string

const (
	// ActivationTypeKey: an activation key of the DevPay License Service.
	ActivationTypeKey ActivationType = "ActivationKey"
	// ActivationTypeRegistration: a registration token of ResolveCustomer.
	ActivationTypeRegistration ActivationType = "RegistrationToken"
)

// ActivationState says whether what was handed out may be used.
// +kubebuilder:validation:Enum=Active;Revoked
type ActivationState string

const (
	// ActivationActive: until it expires.
	ActivationActive ActivationState = "Active"
	// ActivationRevoked: the key dies at once, and user tokens and access keys
	// that were activated with it stop being accepted.
	ActivationRevoked ActivationState = "Revoked"
)

// ActivationSpec asks for one key or token for one customer.
//
// +kubebuilder:validation:XValidation:rule="has(self.keyHash) == has(oldSelf.keyHash) && (!has(self.keyHash) || self.keyHash == oldSelf.keyHash)",message="`keyHash` is immutable; create another Activation instead",fieldPath=".keyHash"
// +kubebuilder:validation:XValidation:rule="!has(self.keyHash) || self.type == 'RegistrationToken'",message="`keyHash` is for the type RegistrationToken only",fieldPath=".keyHash"
// +kubebuilder:validation:XValidation:rule="!has(self.keyHash) || self.secretPolicy == 'None'",message="`keyHash` needs `secretPolicy` None: there is no token to write",fieldPath=".keyHash"
// +kubebuilder:validation:XValidation:rule="self.subscriptionRef == oldSelf.subscriptionRef",message="`subscriptionRef` is immutable: the key was handed to that customer; create another Activation instead",fieldPath=".subscriptionRef"
// +kubebuilder:validation:XValidation:rule="self.type == oldSelf.type",message="`type` is immutable; create another Activation instead",fieldPath=".type"
// +kubebuilder:validation:XValidation:rule="has(self.lifetimeSeconds) == has(oldSelf.lifetimeSeconds) && (!has(self.lifetimeSeconds) || self.lifetimeSeconds == oldSelf.lifetimeSeconds)",message="`lifetimeSeconds` is immutable: the key's expiry was told to the customer; set `state` to Revoked or create another Activation instead",fieldPath=".lifetimeSeconds"
type ActivationSpec struct {
	// subscriptionRef names the Subscription. Immutable.
	// +required
	SubscriptionRef LocalReference `json:"subscriptionRef,omitzero"`

	// type of what is handed out. Immutable.
	// +optional
	// +default="ActivationKey"
	Type ActivationType `json:"type,omitempty"`

	// lifetimeSeconds of the key or token; the Product's without it, and at
	// most the Product's. Immutable.
	// +optional
	// +kubebuilder:validation:Minimum=60
	// +kubebuilder:validation:Maximum=31536000
	LifetimeSeconds *int32 `json:"lifetimeSeconds,omitempty"`

	// secretPolicy Create puts the key or token into a Secret, None into none:
	// the pages hand it to the customer's browser themselves.
	// +optional
	// +default="Create"
	SecretPolicy SecretPolicy `json:"secretPolicy,omitempty"`

	// keyHash is the SHA-256, in lower-case hexadecimal digits, of a
	// registration token that exists already: the registration page has handed
	// it out, and the Activation is made when it is first resolved. Immutable.
	// +optional
	// +kubebuilder:validation:MinLength=64
	// +kubebuilder:validation:MaxLength=64
	// +kubebuilder:validation:XValidation:rule="self.matches('^[0-9a-f]{64}$')",message="`keyHash` must be 64 lower-case hexadecimal digits"
	KeyHash string `json:"keyHash,omitempty"`

	// state Revoked takes the key back, and what was activated with it. Keep
	// the revoked object: once it is deleted, nothing remembers.
	// +optional
	// +default="Active"
	State ActivationState `json:"state,omitempty"`
}

// ActivationStatus is what the operator says of an Activation.
type ActivationStatus struct {
	// conditions of the Activation: Issued, Redeemed, Expired.
	// +optional
	// +listType=map
	// +listMapKey=type
	// +kubebuilder:validation:MaxItems=16
	Conditions []metav1.Condition `json:"conditions,omitempty"`

	// observedGeneration is the generation that this status speaks of.
	// +optional
	// +kubebuilder:validation:Minimum=0
	ObservedGeneration int64 `json:"observedGeneration,omitempty"`

	// secretRef names the Secret with the key, activationKey, or the token,
	// registrationToken.
	// +optional
	SecretRef *SecretReference `json:"secretRef,omitempty"`

	// keyHash is the SHA-256 of the key or token in hexadecimal digits: all
	// that is kept of it.
	// +optional
	// +kubebuilder:validation:MaxLength=64
	KeyHash string `json:"keyHash,omitempty"`

	// issueTime is when the key was made.
	// +optional
	IssueTime *metav1.Time `json:"issueTime,omitempty"`

	// expirationTime is from when on the key can't be used.
	// +optional
	ExpirationTime *metav1.Time `json:"expirationTime,omitempty"`

	// firstRedemptionTime is when the key was first used.
	// +optional
	FirstRedemptionTime *metav1.Time `json:"firstRedemptionTime,omitempty"`

	// lastRedemptionTime is when the key was last used, to the minute.
	// +optional
	LastRedemptionTime *metav1.Time `json:"lastRedemptionTime,omitempty"`
}

// Activation is one key or token handed to one customer.
//
// +kubebuilder:object:root=true
// +kubebuilder:subresource:status
// +kubebuilder:resource:shortName=lact,categories=licensing
// +kubebuilder:selectablefield:JSONPath=`.status.keyHash`
// +kubebuilder:printcolumn:name="Subscription",type=string,JSONPath=`.spec.subscriptionRef.name`
// +kubebuilder:printcolumn:name="Type",type=string,JSONPath=`.spec.type`
// +kubebuilder:printcolumn:name="Issued",type=string,JSONPath=`.status.conditions[?(@.type=="Issued")].status`
// +kubebuilder:printcolumn:name="Reason",type=string,JSONPath=`.status.conditions[?(@.type=="Issued")].reason`
// +kubebuilder:printcolumn:name="Redeemed",type=string,JSONPath=`.status.conditions[?(@.type=="Redeemed")].status`
// +kubebuilder:printcolumn:name="Expires",type=string,JSONPath=`.status.expirationTime`
// +kubebuilder:printcolumn:name="Age",type=date,JSONPath=`.metadata.creationTimestamp`
// +kubebuilder:validation:XValidation:rule="self.metadata.name.size() <= 63",message="the name must be at most 63 characters long: it becomes part of other names"
type Activation struct {
	metav1.TypeMeta `json:",inline"`

	// metadata is the name, the namespace, the labels and the like.
	// +optional
	metav1.ObjectMeta `json:"metadata,omitempty"`

	// spec asks for the key.
	// +required
	Spec ActivationSpec `json:"spec,omitzero"`

	// status is what the operator says.
	// +optional
	Status ActivationStatus `json:"status,omitempty,omitzero"`
}

// ActivationList is a list of Activations.
//
// +kubebuilder:object:root=true
type ActivationList struct {
	metav1.TypeMeta `json:",inline"`
	metav1.ListMeta `json:"metadata,omitempty"`
	Items           []Activation `json:"items"`
}
