// Copyright The license-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package v1alpha1

// Unit is what an entitlement is counted in, in the words of AWS License
// Manager (EntitlementUnit of its API model). None marks a feature: held or
// not, never counted.
// +kubebuilder:validation:Enum=Count;None;Seconds;Microseconds;Milliseconds;Bytes;Kilobytes;Megabytes;Gigabytes;Terabytes;Bits;Kilobits;Megabits;Gigabits;Terabits;Percent;Bytes/Second;Kilobytes/Second;Megabytes/Second;Gigabytes/Second;Terabytes/Second;Bits/Second;Kilobits/Second;Megabits/Second;Gigabits/Second;Terabits/Second;Count/Second
type Unit string

const (
	// UnitCount is the unit of seats.
	UnitCount Unit = "Count"
	// UnitNone is the unit of features.
	UnitNone Unit = "None"
)

// Permission says whether something that is not a matter of course is allowed.
// +kubebuilder:validation:Enum=Allowed;Forbidden
type Permission string

const (
	// Allowed: it may be done.
	Allowed Permission = "Allowed"
	// Forbidden: it is refused.
	Forbidden Permission = "Forbidden"
)

// Entitlement is one right that a Product's customers have: a feature, or a
// number of units that checkouts draw from.
//
// +kubebuilder:validation:XValidation:rule="self.unit != 'None' || !has(self.maxCount)",message="`maxCount` must not be set for `unit` None: a feature is held or not, never counted",fieldPath=".maxCount"
// +kubebuilder:validation:XValidation:rule="self.unit == 'None' || has(self.maxCount)",message="`maxCount` must be set unless `unit` is None",fieldPath=".maxCount"
// +kubebuilder:validation:XValidation:rule="self.unit == 'None' || !has(self.value)",message="`value` must not be set unless `unit` is None: what is counted has a `maxCount`",fieldPath=".value"
type Entitlement struct {
	// name of the entitlement, as checkouts name it.
	// +required
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=128
	// +kubebuilder:validation:Pattern=`^[!-~]([ -~]*[!-~])?$`
	Name string `json:"name,omitempty"`

	// unit of the entitlement; None marks a feature.
	// +required
	Unit Unit `json:"unit,omitempty"`

	// maxCount is how many units may be in use at once; only with a unit other
	// than None.
	// +optional
	// +kubebuilder:validation:Minimum=0
	// +kubebuilder:validation:Maximum=1000000000000
	MaxCount *int64 `json:"maxCount,omitempty"`

	// value of a feature, for example Enabled; only with unit None.
	// +optional
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=256
	Value string `json:"value,omitempty"`

	// overage says whether checkouts beyond maxCount are granted and reported
	// (Allowed) or refused (Forbidden).
	// +optional
	// +default="Forbidden"
	Overage Permission `json:"overage,omitempty"`

	// checkIn says whether units may be given back before they expire.
	// +optional
	// +default="Allowed"
	CheckIn Permission `json:"checkIn,omitempty"`
}

// EntitlementOverride changes one of the Product's entitlements for one
// Subscription; a name that the Product does not have adds nothing.
//
// +kubebuilder:validation:XValidation:rule="has(self.maxCount) != has(self.value)",message="exactly one of `maxCount` and `value` must be set"
type EntitlementOverride struct {
	// name of the Product's entitlement.
	// +required
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=128
	Name string `json:"name,omitempty"`

	// maxCount instead of the Product's.
	// +optional
	// +kubebuilder:validation:Minimum=0
	// +kubebuilder:validation:Maximum=1000000000000
	MaxCount *int64 `json:"maxCount,omitempty"`

	// value instead of the Product's.
	// +optional
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=256
	Value string `json:"value,omitempty"`
}
