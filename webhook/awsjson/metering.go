// Copyright The license-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package awsjson

// The requests and answers of AWS Marketplace Metering. Names and shapes are
// those of the API model, version 2016-01-14; see licensemanager.go for what
// Go types mean.

// ResolveCustomerRequest asks ResolveCustomer who a registration token is for.
type ResolveCustomerRequest struct {
	// RegistrationToken is what the buyer's browser has posted. An empty one,
	// or one that is too long, is the fault RegistrationTokenInvalid.
	RegistrationToken string `json:"RegistrationToken" model:"NonEmptyString,required,max=4096,secret,fault=RegistrationTokenInvalid"`
}

// ResolveCustomerResult answers ResolveCustomer.
type ResolveCustomerResult struct {
	CustomerIdentifier   string `json:"CustomerIdentifier,omitempty" model:"CustomerIdentifier"`
	ProductCode          string `json:"ProductCode,omitempty" model:"ProductCode"`
	CustomerAWSAccountID string `json:"CustomerAWSAccountId,omitempty" model:"CustomerAWSAccountId"`
	LicenseARN           string `json:"LicenseArn,omitempty" model:"LicenseArn"`
}

// Tag is one tag of an allocation.
type Tag struct {
	Key   string `json:"Key" model:"TagKey,required"`
	Value string `json:"Value" model:"TagValue,required"`
}

// UsageAllocation is what part of a quantity belongs to some tags.
type UsageAllocation struct {
	AllocatedUsageQuantity int32 `json:"AllocatedUsageQuantity" model:"AllocatedUsageQuantity,required"`
	// Tags are 1 to 5, or left out. What is wrong with them is the fault
	// TagInvalid.
	Tags []Tag `json:"Tags,omitempty" model:"TagList,fault=TagInvalid"`
}

// UsageRecord is what one customer has used of one dimension.
type UsageRecord struct {
	Timestamp            Timestamp         `json:"Timestamp" model:"Timestamp,required"`
	CustomerIdentifier   *string           `json:"CustomerIdentifier,omitempty" model:"CustomerIdentifier"`
	Dimension            string            `json:"Dimension" model:"UsageDimension,required"`
	Quantity             *int32            `json:"Quantity,omitempty" model:"UsageQuantity"`
	UsageAllocations     []UsageAllocation `json:"UsageAllocations,omitempty" model:"UsageAllocations"`
	CustomerAWSAccountID *string           `json:"CustomerAWSAccountId,omitempty" model:"CustomerAWSAccountId"`
	LicenseARN           *string           `json:"LicenseArn,omitempty" model:"LicenseArn"`
}

// BatchMeterUsageRequest reports usage of several customers of one product.
type BatchMeterUsageRequest struct {
	UsageRecords []UsageRecord `json:"UsageRecords" model:"UsageRecordList,required"`
	ProductCode  *string       `json:"ProductCode,omitempty" model:"ProductCode"`
}

// The values of UsageRecordResult's Status.
const (
	UsageSuccess               = "Success"
	UsageCustomerNotSubscribed = "CustomerNotSubscribed"
	UsageDuplicateRecord       = "DuplicateRecord"
)

// UsageRecordResult is what became of one record.
type UsageRecordResult struct {
	UsageRecord      *UsageRecord `json:"UsageRecord,omitempty" model:"UsageRecord"`
	MeteringRecordID string       `json:"MeteringRecordId,omitempty" model:"String"`
	// Status is one of the constants above.
	Status string `json:"Status,omitempty" model:"UsageRecordResultStatus"`
}

// BatchMeterUsageResult answers BatchMeterUsage. Both lists are always there.
type BatchMeterUsageResult struct {
	Results            []UsageRecordResult `json:"Results" model:"UsageRecordResultList"`
	UnprocessedRecords []UsageRecord       `json:"UnprocessedRecords" model:"UsageRecordList"`
}

// MeterUsageRequest reports what the caller itself has used.
type MeterUsageRequest struct {
	ProductCode      string            `json:"ProductCode" model:"ProductCode,required"`
	Timestamp        Timestamp         `json:"Timestamp" model:"Timestamp,required"`
	UsageDimension   string            `json:"UsageDimension" model:"UsageDimension,required"`
	UsageQuantity    *int32            `json:"UsageQuantity,omitempty" model:"UsageQuantity"`
	DryRun           *bool             `json:"DryRun,omitempty" model:"Boolean"`
	UsageAllocations []UsageAllocation `json:"UsageAllocations,omitempty" model:"UsageAllocations"`
	ClientToken      *string           `json:"ClientToken,omitempty" model:"ClientToken"`
}

// MeterUsageResult answers MeterUsage.
type MeterUsageResult struct {
	MeteringRecordID string `json:"MeteringRecordId,omitempty" model:"String"`
}

// RegisterUsageRequest asks RegisterUsage whether the caller may run.
type RegisterUsageRequest struct {
	ProductCode      string  `json:"ProductCode" model:"ProductCode,required"`
	PublicKeyVersion int32   `json:"PublicKeyVersion" model:"VersionInteger,required"`
	Nonce            *string `json:"Nonce,omitempty" model:"Nonce"`
}

// RegisterUsageResult answers RegisterUsage.
type RegisterUsageResult struct {
	// PublicKeyRotationTimestamp is there only if the key of the version that
	// was asked for has been replaced.
	PublicKeyRotationTimestamp *Timestamp `json:"PublicKeyRotationTimestamp,omitempty" model:"Timestamp"`
	// Signature is a JSON Web Token.
	Signature string `json:"Signature,omitempty" model:"NonEmptyString,secret"`
}

// meteringOperations lists all operations of the API model.
var meteringOperations = []*Operation{
	serve[BatchMeterUsageRequest, BatchMeterUsageResult](MarketplaceMetering, "BatchMeterUsage"),
	serve[MeterUsageRequest, MeterUsageResult](MarketplaceMetering, "MeterUsage"),
	serve[RegisterUsageRequest, RegisterUsageResult](MarketplaceMetering, "RegisterUsage"),
	serve[ResolveCustomerRequest, ResolveCustomerResult](MarketplaceMetering, "ResolveCustomer"),
}
