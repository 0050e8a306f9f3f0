// Copyright The license-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package v1alpha1

import metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

// SubscriptionState is what billing has decided.
// +kubebuilder:validation:Enum=Pending;Active;Suspended;Cancelled
type SubscriptionState string

const (
	// SubscriptionPending: the payment is not there yet.
	SubscriptionPending SubscriptionState = "Pending"
	// SubscriptionActive: the customer may use the product.
	SubscriptionActive SubscriptionState = "Active"
	// SubscriptionSuspended: stopped for a while, for example for non-payment.
	SubscriptionSuspended SubscriptionState = "Suspended"
	// SubscriptionCancelled: over; Active again brings it back under the same
	// identifiers.
	SubscriptionCancelled SubscriptionState = "Cancelled"
)

// OfferType says under what kind of offer a customer has subscribed.
// +kubebuilder:validation:Enum=Standard;FreeTrial
type OfferType string

const (
	// OfferStandard: what is bought.
	OfferStandard OfferType = "Standard"
	// OfferFreeTrial: free of charge for a time; the vendor's site and webhook
	// are told so.
	OfferFreeTrial OfferType = "FreeTrial"
)

// Customer is who a Subscription is for.
//
// +kubebuilder:validation:MinProperties=1
// +kubebuilder:validation:XValidation:rule="has(self.identifier) == has(oldSelf.identifier) && (!has(self.identifier) || self.identifier == oldSelf.identifier)",message="`identifier` is immutable: the customer's tokens and persistent identifier are bound to it; create another Subscription instead",fieldPath=".identifier"
type Customer struct {
	// identifier is the CustomerIdentifier of API answers. Without it one is
	// derived from the object's name, see status.customerIdentifier. Two
	// Subscriptions of one customer name the same. Immutable.
	// +optional
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=255
	// +kubebuilder:validation:XValidation:rule="self.matches('^[-a-zA-Z0-9/=:_.@+]+$')",message="`identifier` must consist of letters, digits and any of - / = : _ . @ +"
	Identifier string `json:"identifier,omitempty"`

	// accountID is the CustomerAWSAccountId of API answers, 12 digits, and the
	// Beneficiary that a checkout may name.
	// +optional
	// +kubebuilder:validation:MinLength=12
	// +kubebuilder:validation:MaxLength=12
	// +kubebuilder:validation:XValidation:rule="self.matches('^[0-9]{12}$')",message="`accountID` must be 12 digits; quote it in YAML"
	AccountID string `json:"accountID,omitempty"`

	// displayName is what people read.
	// +optional
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=256
	DisplayName string `json:"displayName,omitempty"`
}

// SubscriptionSpec is what a customer has bought.
//
// +kubebuilder:validation:XValidation:rule="self.productRef == oldSelf.productRef",message="`productRef` is immutable: a Subscription is for one Product; create another Subscription instead",fieldPath=".productRef"
// +kubebuilder:validation:XValidation:rule="!has(self.startTime) || !has(self.endTime) || timestamp(self.startTime) < timestamp(self.endTime)",message="`endTime` must be later than `startTime`",fieldPath=".endTime"
// +kubebuilder:validation:XValidation:rule="has(self.customer) == has(oldSelf.customer) || (has(self.customer) ? !has(self.customer.identifier) : !has(oldSelf.customer.identifier))",message="`customer.identifier` is immutable: the customer's tokens and persistent identifier are bound to it; create another Subscription instead",fieldPath=".customer"
type SubscriptionSpec struct {
	// productRef names the Product. Immutable.
	// +required
	ProductRef LocalReference `json:"productRef,omitzero"`

	// customer is who it is for.
	// +optional
	Customer Customer `json:"customer,omitempty,omitzero"`

	// state is what billing has decided.
	// +optional
	// +default="Active"
	State SubscriptionState `json:"state,omitempty"`

	// offerType is under what kind of offer the customer has subscribed.
	// +optional
	// +default="Standard"
	OfferType OfferType `json:"offerType,omitempty"`

	// startTime is when the term begins; at once without it.
	// +optional
	StartTime *metav1.Time `json:"startTime,omitempty"`

	// endTime is when the term ends; never without it.
	// +optional
	EndTime *metav1.Time `json:"endTime,omitempty"`

	// gracePeriodSeconds after endTime in which the customer stays subscribed.
	// +optional
	// +default=0
	// +kubebuilder:validation:Minimum=0
	// +kubebuilder:validation:Maximum=31536000
	GracePeriodSeconds *int32 `json:"gracePeriodSeconds,omitempty"`

	// entitlements override the Product's, by name.
	// +optional
	// +listType=map
	// +listMapKey=name
	// +kubebuilder:validation:MinItems=1
	// +kubebuilder:validation:MaxItems=64
	Entitlements []EntitlementOverride `json:"entitlements,omitempty"`
}

// EntitlementUsage is one of a Subscription's entitlements and what of it is
// in use.
type EntitlementUsage struct {
	// name of the entitlement.
	// +required
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=128
	Name string `json:"name,omitempty"`

	// unit of the entitlement.
	// +required
	Unit Unit `json:"unit,omitempty"`

	// maxCount of units; none for a feature.
	// +optional
	// +kubebuilder:validation:Minimum=0
	MaxCount *int64 `json:"maxCount,omitempty"`

	// inUse is how many units checkouts hold.
	// +optional
	// +kubebuilder:validation:Minimum=0
	InUse *int64 `json:"inUse,omitempty"`

	// queued is how many units checkouts wait for.
	// +optional
	// +kubebuilder:validation:Minimum=0
	Queued *int64 `json:"queued,omitempty"`
}

// LifecycleStage is how far a subscription has come.
// +kubebuilder:validation:Enum=Subscribed;UnsubscribePending;Unsubscribed;Failed
type LifecycleStage string

const (
	// StageSubscribed: the customer is subscribed, or only suspended.
	StageSubscribed LifecycleStage = "Subscribed"
	// StageUnsubscribePending: the subscription has ended, and its last usage
	// is still accepted.
	StageUnsubscribePending LifecycleStage = "UnsubscribePending"
	// StageUnsubscribed: no usage is accepted any more.
	StageUnsubscribed LifecycleStage = "Unsubscribed"
	// StageFailed: it was over before it was ever active.
	StageFailed LifecycleStage = "Failed"
)

// NotificationAction is what a notification tells, in the words of AWS
// Marketplace.
// +kubebuilder:validation:Enum=subscribe-success;subscribe-fail;unsubscribe-pending;unsubscribe-success;entitlement-updated
type NotificationAction string

// The actions, by "Amazon SNS topics" of the AWS Marketplace Seller Guide.
const (
	ActionSubscribeSuccess   NotificationAction = "subscribe-success"
	ActionSubscribeFail      NotificationAction = "subscribe-fail"
	ActionUnsubscribePending NotificationAction = "unsubscribe-pending"
	ActionUnsubscribeSuccess NotificationAction = "unsubscribe-success"
	ActionEntitlementUpdated NotificationAction = "entitlement-updated"
)

// Notification is one that the webhook has not taken yet.
type Notification struct {
	// id is the same at each try.
	// +required
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=64
	ID string `json:"id,omitempty"`

	// action is what it tells.
	// +required
	Action NotificationAction `json:"action,omitempty"`

	// time when it arose. It is tried for three days from then on.
	// +required
	Time metav1.Time `json:"time,omitzero"`

	// attempts that have failed; absent for none.
	// +optional
	// +kubebuilder:validation:Minimum=1
	Attempts int32 `json:"attempts,omitempty"`

	// nextAttemptTime is when it is tried again.
	// +optional
	NextAttemptTime *metav1.Time `json:"nextAttemptTime,omitempty"`
}

// Lifecycle is how far a subscription has come, and what is still to be told of
// it.
type Lifecycle struct {
	// stage that it is in.
	// +optional
	Stage LifecycleStage `json:"stage,omitempty"`

	// stageTime is when that began.
	// +optional
	StageTime *metav1.Time `json:"stageTime,omitempty"`

	// entitlementsHash is of the entitlements that were told last.
	// +optional
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=64
	EntitlementsHash string `json:"entitlementsHash,omitempty"`

	// pending notifications, oldest first.
	// +optional
	// +listType=map
	// +listMapKey=id
	// +kubebuilder:validation:MaxItems=16
	Pending []Notification `json:"pending,omitempty"`
}

// SubscriptionStatus is what the operator says of a Subscription.
type SubscriptionStatus struct {
	// conditions of the Subscription: Ready, Subscribed, CheckoutsProjected,
	// UsageAccepted, Notified.
	// +optional
	// +listType=map
	// +listMapKey=type
	// +kubebuilder:validation:MaxItems=16
	Conditions []metav1.Condition `json:"conditions,omitempty"`

	// observedGeneration is the generation that this status speaks of.
	// +optional
	// +kubebuilder:validation:Minimum=0
	ObservedGeneration int64 `json:"observedGeneration,omitempty"`

	// customerIdentifier is the customer's identifier in use.
	// +optional
	// +kubebuilder:validation:MaxLength=255
	CustomerIdentifier string `json:"customerIdentifier,omitempty"`

	// licenseARN is the licence's name in API answers.
	// +optional
	// +kubebuilder:validation:MaxLength=256
	LicenseARN string `json:"licenseARN,omitempty"`

	// persistentIdentifier is the PID: one for each customer of the namespace,
	// whatever the Product.
	// +optional
	// +kubebuilder:validation:MaxLength=64
	PersistentIdentifier string `json:"persistentIdentifier,omitempty"`

	// lifecycle is how far it has come, and what is still to be told of it.
	// +optional
	Lifecycle *Lifecycle `json:"lifecycle,omitempty"`

	// linksSecretRef names the Secret with the links to the registration and
	// the activation page, keys registrationURL and activationURL.
	// +optional
	LinksSecretRef *SecretReference `json:"linksSecretRef,omitempty"`

	// linksExpirationTime is when those links end; others are made before.
	// +optional
	LinksExpirationTime *metav1.Time `json:"linksExpirationTime,omitempty"`

	// seats is "in use/total" of the first counted entitlement, for people.
	// +optional
	// +kubebuilder:validation:MaxLength=64
	Seats string `json:"seats,omitempty"`

	// entitlements of the Subscription, the Product's and its own merged.
	// +optional
	// +listType=map
	// +listMapKey=name
	// +kubebuilder:validation:MaxItems=64
	Entitlements []EntitlementUsage `json:"entitlements,omitempty"`
}

// Subscription is one customer's right to one Product.
//
// +kubebuilder:object:root=true
// +kubebuilder:subresource:status
// +kubebuilder:resource:shortName=lsub,categories=licensing
// +kubebuilder:selectablefield:JSONPath=`.status.persistentIdentifier`
// +kubebuilder:printcolumn:name="Product",type=string,JSONPath=`.spec.productRef.name`
// +kubebuilder:printcolumn:name="Customer",type=string,JSONPath=`.status.customerIdentifier`
// +kubebuilder:printcolumn:name="Subscribed",type=string,JSONPath=`.status.conditions[?(@.type=="Subscribed")].status`
// +kubebuilder:printcolumn:name="Reason",type=string,JSONPath=`.status.conditions[?(@.type=="Subscribed")].reason`
// +kubebuilder:printcolumn:name="Seats",type=string,JSONPath=`.status.seats`
// +kubebuilder:printcolumn:name="End",type=string,JSONPath=`.spec.endTime`
// +kubebuilder:printcolumn:name="PID",type=string,priority=1,JSONPath=`.status.persistentIdentifier`
// +kubebuilder:printcolumn:name="Age",type=date,JSONPath=`.metadata.creationTimestamp`
// +kubebuilder:validation:XValidation:rule="self.metadata.name.size() <= 63",message="the name must be at most 63 characters long: it becomes part of other names"
type Subscription struct {
	metav1.TypeMeta `json:",inline"`

	// metadata is the name, the namespace, the labels and the like.
	// +optional
	metav1.ObjectMeta `json:"metadata,omitempty"`

	// spec is what the customer has bought.
	// +required
	Spec SubscriptionSpec `json:"spec,omitzero"`

	// status is what the operator says.
	// +optional
	Status SubscriptionStatus `json:"status,omitempty,omitzero"`
}

// SubscriptionList is a list of Subscriptions.
//
// +kubebuilder:object:root=true
type SubscriptionList struct {
	metav1.TypeMeta `json:",inline"`
	metav1.ListMeta `json:"metadata,omitempty"`
	Items           []Subscription `json:"items"`
}
