// Copyright The license-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package awsjson

// EntitlementData is an entitlement that is asked for or given.
type EntitlementData struct {
	Name string `json:"Name" model:"String,required,max=128"`
	// Value is a number in digits for a unit that is counted.
	Value *string `json:"Value,omitempty" model:"String,max=256"`
	// Unit is one of the 27 of the model, such as Count or None.
	Unit string `json:"Unit" model:"EntitlementDataUnit,required"`
}

// Metadata is a name and a value that the operator only passes on.
type Metadata struct {
	Name  *string `json:"Name,omitempty" model:"String,max=256"`
	Value *string `json:"Value,omitempty" model:"String,max=1024"`
}

// Filter narrows a list. Names and values are case-sensitive.
type Filter struct {
	Name   *string  `json:"Name,omitempty" model:"FilterName"`
	Values []string `json:"Values,omitempty" model:"FilterValues,max=100"`
}

// The values of LicenseStatus.
const (
	LicenseStatusAvailable        = "AVAILABLE"
	LicenseStatusPendingAvailable = "PENDING_AVAILABLE"
	LicenseStatusDeactivated      = "DEACTIVATED"
	LicenseStatusSuspended        = "SUSPENDED"
	LicenseStatusExpired          = "EXPIRED"
	LicenseStatusPendingDelete    = "PENDING_DELETE"
	LicenseStatusDeleted          = "DELETED"
)

// License is a licence as its issuer sees it.
type License struct {
	LicenseARN  string         `json:"LicenseArn,omitempty" model:"Arn"`
	LicenseName string         `json:"LicenseName,omitempty" model:"String"`
	ProductName string         `json:"ProductName,omitempty" model:"String"`
	ProductSKU  string         `json:"ProductSKU,omitempty" model:"String"`
	Issuer      *IssuerDetails `json:"Issuer,omitempty" model:"IssuerDetails"`
	HomeRegion  string         `json:"HomeRegion,omitempty" model:"String"`
	// Status is one of the constants above.
	Status                   string                    `json:"Status,omitempty" model:"LicenseStatus"`
	Validity                 *DatetimeRange            `json:"Validity,omitempty" model:"DatetimeRange"`
	Beneficiary              string                    `json:"Beneficiary,omitempty" model:"String"`
	Entitlements             []Entitlement             `json:"Entitlements" model:"EntitlementList"`
	ConsumptionConfiguration *ConsumptionConfiguration `json:"ConsumptionConfiguration,omitempty" model:"ConsumptionConfiguration"`
	LicenseMetadata          []Metadata                `json:"LicenseMetadata,omitempty" model:"MetadataList"`
	// CreateTime is made by FormatTime.
	CreateTime string `json:"CreateTime,omitempty" model:"ISO8601DateTime"`
	// Version is a number in digits.
	Version string `json:"Version,omitempty" model:"String"`
}

// GrantedLicense is a licence as its beneficiary sees it.
type GrantedLicense struct {
	License
	ReceivedMetadata *ReceivedMetadata `json:"ReceivedMetadata,omitempty" model:"ReceivedMetadata"`
}

// ReceivedStatusActive is the status of a licence that may be used.
const ReceivedStatusActive = "ACTIVE"

// The values of AllowedOperations. The model spells ExtendConsumptionLicense
// so, though the operation is ExtendLicenseConsumption.
const (
	AllowedOperationCreateGrant              = "CreateGrant"
	AllowedOperationCheckoutLicense          = "CheckoutLicense"
	AllowedOperationCheckoutBorrowLicense    = "CheckoutBorrowLicense"
	AllowedOperationCheckInLicense           = "CheckInLicense"
	AllowedOperationExtendConsumptionLicense = "ExtendConsumptionLicense"
	AllowedOperationListPurchasedLicenses    = "ListPurchasedLicenses"
	AllowedOperationCreateToken              = "CreateToken"
)

// ReceivedMetadata says what a beneficiary may do with a licence.
type ReceivedMetadata struct {
	ReceivedStatus       string `json:"ReceivedStatus,omitempty" model:"ReceivedStatus"`
	ReceivedStatusReason string `json:"ReceivedStatusReason,omitempty" model:"StatusReasonMessage"`
	// AllowedOperations holds 1 to 8 of the constants above, or is left out.
	AllowedOperations []string `json:"AllowedOperations,omitempty" model:"AllowedOperationList"`
}

// IssuerDetails says who issued a licence.
type IssuerDetails struct {
	Name    string `json:"Name,omitempty" model:"String"`
	SignKey string `json:"SignKey,omitempty" model:"String"`
	// KeyFingerprint is what CheckoutLicense asks for.
	KeyFingerprint string `json:"KeyFingerprint,omitempty" model:"String"`
}

// DatetimeRange is from Begin to End, both made by FormatTime.
type DatetimeRange struct {
	Begin string `json:"Begin" model:"ISO8601DateTime,required"`
	End   string `json:"End,omitempty" model:"ISO8601DateTime"`
}

// Entitlement is what a licence gives.
type Entitlement struct {
	Name string `json:"Name" model:"String,required"`
	// Value is for the unit None only.
	Value *string `json:"Value,omitempty" model:"String"`
	// MaxCount is for every other unit.
	MaxCount     *int64 `json:"MaxCount,omitempty" model:"Long"`
	Overage      *bool  `json:"Overage,omitempty" model:"BoxBoolean"`
	Unit         string `json:"Unit" model:"EntitlementUnit,required"`
	AllowCheckIn *bool  `json:"AllowCheckIn,omitempty" model:"BoxBoolean"`
}

// The values of RenewType.
const (
	RenewTypeNone    = "None"
	RenewTypeWeekly  = "Weekly"
	RenewTypeMonthly = "Monthly"
)

// ConsumptionConfiguration says how a licence may be checked out.
type ConsumptionConfiguration struct {
	RenewType                string                    `json:"RenewType,omitempty" model:"RenewType"`
	ProvisionalConfiguration *ProvisionalConfiguration `json:"ProvisionalConfiguration,omitempty" model:"ProvisionalConfiguration"`
	BorrowConfiguration      *BorrowConfiguration      `json:"BorrowConfiguration,omitempty" model:"BorrowConfiguration"`
}

// ProvisionalConfiguration is for provisional checkouts.
type ProvisionalConfiguration struct {
	MaxTimeToLiveInMinutes int32 `json:"MaxTimeToLiveInMinutes" model:"BoxInteger,required"`
}

// BorrowConfiguration is for borrowed checkouts.
type BorrowConfiguration struct {
	AllowEarlyCheckIn      bool  `json:"AllowEarlyCheckIn" model:"BoxBoolean,required"`
	MaxTimeToLiveInMinutes int32 `json:"MaxTimeToLiveInMinutes" model:"BoxInteger,required"`
}

// LicenseUsage is what is in use of a licence.
type LicenseUsage struct {
	EntitlementUsages []EntitlementUsage `json:"EntitlementUsages" model:"EntitlementUsageList"`
}

// EntitlementUsage is what is in use of an entitlement. Its numbers are
// strings of digits, unlike those of Entitlement.
type EntitlementUsage struct {
	Name          string `json:"Name" model:"String,required"`
	ConsumedValue string `json:"ConsumedValue" model:"String,required"`
	MaxCount      string `json:"MaxCount,omitempty" model:"String"`
	Unit          string `json:"Unit" model:"EntitlementDataUnit,required"`
}
