// Copyright The license-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package v1alpha1

// The condition of every kind: Ready is True when the operator has done what
// the spec asks for and the object can be used.
const (
	// ConditionReady is the type of that condition.
	ConditionReady = "Ready"

	// ReasonReady says that everything is as the spec asks.
	ReasonReady = "Ready"
	// ReasonPending says that the operator has not looked yet.
	ReasonPending = "Pending"
	// ReasonSecretConflict says that the Secret to write exists and another
	// field manager holds the key; the message names it.
	ReasonSecretConflict = "SecretConflict"
	// ReasonSecretNotWritten says that the API server refused the Secret to
	// write; it is tried again.
	ReasonSecretNotWritten = "SecretNotWritten"
	// ReasonProductNotFound says that the Product referred to does not exist.
	ReasonProductNotFound = "ProductNotFound"
	// ReasonSubscriptionNotFound says that the Subscription referred to does
	// not exist.
	ReasonSubscriptionNotFound = "SubscriptionNotFound"
)

// Reasons for a Product that is not Ready, and its condition AccountUnique.
const (
	// ConditionAccountUnique is True while no other Namespace has the account
	// of this one. Only the younger of two is not Ready for it.
	ConditionAccountUnique = "AccountUnique"
	// ReasonUnique is the reason of AccountUnique being True.
	ReasonUnique = "Unique"

	// ReasonDuplicateCode: an older Product of the namespace has this code.
	ReasonDuplicateCode = "DuplicateCode"
	// ReasonDuplicateSKU: an older Product of the namespace has this SKU.
	ReasonDuplicateSKU = "DuplicateSKU"
	// ReasonDuplicateAccount: another Namespace has the same account.
	ReasonDuplicateAccount = "DuplicateAccount"
	// ReasonInvalidAccount: the Namespace's annotation is not 12 digits.
	ReasonInvalidAccount = "InvalidAccount"
)

// The condition Subscribed of a Subscription: whether the customer may use the
// product now. Its reason is the decision.
const (
	// ConditionSubscribed is the type of that condition.
	ConditionSubscribed = "Subscribed"

	// ReasonActive: billing says Active and now is within the term (True).
	ReasonActive = "Active"
	// ReasonInGracePeriod: the term is over, the grace period is not (True).
	ReasonInGracePeriod = "InGracePeriod"
	// ReasonPaymentPending: the state is Pending (False).
	ReasonPaymentPending = "PaymentPending"
	// ReasonSuspended: the state is Suspended (False).
	ReasonSuspended = "Suspended"
	// ReasonCancelled: the state is Cancelled (False).
	ReasonCancelled = "Cancelled"
	// ReasonNotStarted: the start time is in the future (False).
	ReasonNotStarted = "NotStarted"
	// ReasonExpired: the term and the grace period are over (False).
	ReasonExpired = "Expired"
)

// ReasonUnknownEntitlement: a Subscription overrides an entitlement that its
// Product does not have, or sets a value of the wrong kind; its Ready is False.
const ReasonUnknownEntitlement = "UnknownEntitlement"

// The condition CheckoutsProjected of a Subscription: whether checkouts through
// the API get their LicenseCheckouts. Seats are granted either way.
const (
	// ConditionCheckoutsProjected is the type of that condition.
	ConditionCheckoutsProjected = "CheckoutsProjected"

	// ReasonProjected: they do, as far as is known.
	ReasonProjected = "Projected"
	// ReasonProjectionFailed: the API server refuses them, for a quota or a
	// policy; they are tried again.
	ReasonProjectionFailed = "ProjectionFailed"
)

// The condition UsageAccepted of a Subscription: whether BatchMeterUsage and
// MeterUsage take what the customer uses.
const (
	// ConditionUsageAccepted is the type of that condition.
	ConditionUsageAccepted = "UsageAccepted"

	// ReasonSubscribed: the customer is subscribed (True).
	ReasonSubscribed = "Subscribed"
	// ReasonUnsubscribePending: the subscription ended less than an hour ago
	// (True).
	ReasonUnsubscribePending = "UnsubscribePending"
	// ReasonUnsubscribed: it ended longer ago (False).
	ReasonUnsubscribed = "Unsubscribed"
	// ReasonNeverSubscribed: it has not begun yet (False).
	ReasonNeverSubscribed = "NeverSubscribed"
)

// The condition Notified of a Subscription whose Product has a webhook: whether
// the webhook has taken all notifications.
const (
	// ConditionNotified is the type of that condition.
	ConditionNotified = "Notified"

	// ReasonDelivered: it has (True).
	ReasonDelivered = "Delivered"
	// ReasonDelivering: some are on their way (Unknown).
	ReasonDelivering = "Delivering"
	// ReasonDeliveryFailed: the last try failed; it is tried again (False).
	ReasonDeliveryFailed = "DeliveryFailed"
	// ReasonDeliveryAbandoned: one was tried for three days and is given up; no
	// other has been delivered since (False).
	ReasonDeliveryAbandoned = "DeliveryAbandoned"
)

// The conditions of an Activation.
const (
	// ConditionIssued is True once the key is in its Secret and can be used.
	ConditionIssued = "Issued"
	// ConditionRedeemed is True once somebody has activated with the key.
	ConditionRedeemed = "Redeemed"
	// ConditionExpired is True once the key can no longer be used.
	ConditionExpired = "Expired"

	// ReasonIssued: the key is in its Secret.
	ReasonIssued = "Issued"
	// ReasonIssuing: the key is being made.
	ReasonIssuing = "Issuing"
	// ReasonRevoked: the spec's state is Revoked.
	ReasonRevoked = "Revoked"
	// ReasonWaitingForSubscription: the Subscription has no persistent
	// identifier yet, so nothing could be answered to the key.
	ReasonWaitingForSubscription = "WaitingForSubscription"
	// ReasonRedeemed and ReasonNotRedeemed are the reasons of Redeemed.
	ReasonRedeemed    = "Redeemed"
	ReasonNotRedeemed = "NotRedeemed"
	// ReasonLifetimeOver and ReasonWithinLifetime are the reasons of Expired.
	ReasonLifetimeOver   = "LifetimeOver"
	ReasonWithinLifetime = "WithinLifetime"
)

// ReasonInactive: an AccessKey whose state is Inactive; its Ready is False.
const ReasonInactive = "Inactive"

// The conditions of a LicenseCheckout.
const (
	// ConditionGranted is True while the ledger holds the checkout's seats.
	ConditionGranted = "Granted"
	// ConditionReleased is True once the seats are free again.
	ConditionReleased = "Released"

	// ReasonGranted: the ledger holds the seats.
	ReasonGranted = "Granted"
	// ReasonQueued: no seat is free, the checkout waits for one.
	ReasonQueued = "Queued"
	// ReasonNoCapacity: no seat is free and the checkout does not wait.
	ReasonNoCapacity = "NoCapacity"
	// ReasonNotEntitled: the Subscription has no such entitlement.
	ReasonNotEntitled = "NotEntitled"
	// ReasonNotSubscribed: the Subscription is not Subscribed.
	ReasonNotSubscribed = "NotSubscribed"
	// ReasonWaitingForHolder: the Pod in `spec.holderRef` is not there yet.
	ReasonWaitingForHolder = "WaitingForHolder"

	// ReasonHeld and ReasonNotGranted: the seats are held, or none were granted
	// (Released is False).
	ReasonHeld       = "Held"
	ReasonNotGranted = "NotGranted"
	// Why the seats came back (Released is True, Granted is False): their time
	// was over, which is ReasonExpired; the Pod has gone; the period of renewal
	// in which a Perpetual checkout drew them down has ended; the
	// LicenseCheckout is being deleted; or the book no longer has them.
	ReasonHolderGone  = "HolderGone"
	ReasonPeriodEnded = "PeriodEnded"
	ReasonDeleted     = "Deleted"
	ReasonRemoved     = "Removed"
)
