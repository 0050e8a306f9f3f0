// Copyright The license-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package awsjson

// The requests and answers of the License Manager's operations that are
// served. Names and shapes are those of the API model, version 2018-08-01; the
// tag "model" names a member's shape and its constraints, see constraint.go.
//
// In a request a required member is a plain value, for Validate has seen that
// it was there; it may be empty. An optional one is a pointer, nil where the
// request has none; a list is nil where the request has none and empty where
// it has an empty one. In an answer what is empty is left out, but a list that
// is the answer itself is always there.

// The values of CheckoutType.
const (
	CheckoutTypeProvisional = "PROVISIONAL"
	CheckoutTypePerpetual   = "PERPETUAL"
)

// DigitalSignatureMethodJWTPS384 is the only value of DigitalSignatureMethod.
const DigitalSignatureMethodJWTPS384 = "JWT_PS384"

// CheckoutLicenseRequest asks CheckoutLicense for entitlements.
type CheckoutLicenseRequest struct {
	ProductSKU string `json:"ProductSKU" model:"String,required,max=256"`
	// CheckoutType is one of the constants above.
	CheckoutType   string            `json:"CheckoutType" model:"CheckoutType,required"`
	KeyFingerprint string            `json:"KeyFingerprint" model:"String,required,max=512"`
	Entitlements   []EntitlementData `json:"Entitlements" model:"EntitlementDataList,required,max=64"`
	ClientToken    string            `json:"ClientToken" model:"ClientToken,required"`
	Beneficiary    *string           `json:"Beneficiary,omitempty" model:"String,max=512"`
	NodeID         *string           `json:"NodeId,omitempty" model:"String,max=256"`
}

// CheckoutLicenseResponse answers CheckoutLicense.
type CheckoutLicenseResponse struct {
	CheckoutType            string            `json:"CheckoutType,omitempty" model:"CheckoutType"`
	LicenseConsumptionToken string            `json:"LicenseConsumptionToken,omitempty" model:"String,secret"`
	EntitlementsAllowed     []EntitlementData `json:"EntitlementsAllowed" model:"EntitlementDataList"`
	SignedToken             string            `json:"SignedToken,omitempty" model:"SignedToken,secret"`
	NodeID                  string            `json:"NodeId,omitempty" model:"String"`
	// IssuedAt and Expiration are made by FormatTime.
	IssuedAt   string `json:"IssuedAt,omitempty" model:"ISO8601DateTime"`
	Expiration string `json:"Expiration,omitempty" model:"ISO8601DateTime"`
	LicenseARN string `json:"LicenseArn,omitempty" model:"String"`
}

// CheckInLicenseRequest asks CheckInLicense to take a checkout back.
type CheckInLicenseRequest struct {
	LicenseConsumptionToken string  `json:"LicenseConsumptionToken" model:"String,required,max=4096,secret"`
	Beneficiary             *string `json:"Beneficiary,omitempty" model:"String,max=512"`
}

// CheckInLicenseResponse answers CheckInLicense; it has no members.
type CheckInLicenseResponse struct{}

// ExtendLicenseConsumptionRequest asks ExtendLicenseConsumption to prolong a
// checkout.
type ExtendLicenseConsumptionRequest struct {
	LicenseConsumptionToken string `json:"LicenseConsumptionToken" model:"String,required,max=4096,secret"`
	DryRun                  *bool  `json:"DryRun,omitempty" model:"Boolean"`
}

// ExtendLicenseConsumptionResponse answers ExtendLicenseConsumption.
type ExtendLicenseConsumptionResponse struct {
	LicenseConsumptionToken string `json:"LicenseConsumptionToken,omitempty" model:"String,secret"`
	Expiration              string `json:"Expiration,omitempty" model:"ISO8601DateTime"`
}

// CheckoutBorrowLicenseRequest asks CheckoutBorrowLicense for entitlements to
// use without a connection.
type CheckoutBorrowLicenseRequest struct {
	LicenseARN             string            `json:"LicenseArn" model:"Arn,required"`
	Entitlements           []EntitlementData `json:"Entitlements" model:"EntitlementDataList,required,max=64"`
	DigitalSignatureMethod string            `json:"DigitalSignatureMethod" model:"DigitalSignatureMethod,required,fault=UnsupportedSignatureMethod"`
	NodeID                 *string           `json:"NodeId,omitempty" model:"String,max=256"`
	CheckoutMetadata       []Metadata        `json:"CheckoutMetadata,omitempty" model:"MetadataList,max=64"`
	ClientToken            string            `json:"ClientToken" model:"ClientToken,required"`
}

// CheckoutBorrowLicenseResponse answers CheckoutBorrowLicense.
type CheckoutBorrowLicenseResponse struct {
	LicenseARN              string            `json:"LicenseArn,omitempty" model:"Arn"`
	LicenseConsumptionToken string            `json:"LicenseConsumptionToken,omitempty" model:"String,secret"`
	EntitlementsAllowed     []EntitlementData `json:"EntitlementsAllowed" model:"EntitlementDataList"`
	NodeID                  string            `json:"NodeId,omitempty" model:"String"`
	SignedToken             string            `json:"SignedToken,omitempty" model:"SignedToken,secret"`
	IssuedAt                string            `json:"IssuedAt,omitempty" model:"ISO8601DateTime"`
	Expiration              string            `json:"Expiration,omitempty" model:"ISO8601DateTime"`
	CheckoutMetadata        []Metadata        `json:"CheckoutMetadata,omitempty" model:"MetadataList"`
}

// GetLicenseRequest asks GetLicense for one licence.
type GetLicenseRequest struct {
	LicenseARN string  `json:"LicenseArn" model:"Arn,required"`
	Version    *string `json:"Version,omitempty" model:"String,max=128"`
}

// GetLicenseResponse answers GetLicense.
type GetLicenseResponse struct {
	License *License `json:"License,omitempty" model:"License"`
}

// GetLicenseUsageRequest asks GetLicenseUsage what is in use of one licence.
type GetLicenseUsageRequest struct {
	LicenseARN string `json:"LicenseArn" model:"Arn,required"`
}

// GetLicenseUsageResponse answers GetLicenseUsage.
type GetLicenseUsageResponse struct {
	LicenseUsage *LicenseUsage `json:"LicenseUsage,omitempty" model:"LicenseUsage"`
}

// ListLicensesRequest asks ListLicenses for the licences that the caller
// issued.
type ListLicensesRequest struct {
	LicenseARNs []string `json:"LicenseArns,omitempty" model:"ArnList,max=100"`
	Filters     []Filter `json:"Filters,omitempty" model:"FilterList,max=10"`
	NextToken   *string  `json:"NextToken,omitempty" model:"String,max=4096,secret"`
	// MaxResults is 1 to 100.
	MaxResults *int32 `json:"MaxResults,omitempty" model:"MaxSize100"`
}

// ListLicensesResponse answers ListLicenses.
type ListLicensesResponse struct {
	Licenses  []License `json:"Licenses" model:"LicenseList"`
	NextToken string    `json:"NextToken,omitempty" model:"String,secret"`
}

// ListReceivedLicensesRequest asks ListReceivedLicenses for the licences that
// the caller may use.
type ListReceivedLicensesRequest struct {
	LicenseARNs []string `json:"LicenseArns,omitempty" model:"ArnList,max=100"`
	Filters     []Filter `json:"Filters,omitempty" model:"FilterList,max=10"`
	NextToken   *string  `json:"NextToken,omitempty" model:"String,max=4096,secret"`
	// MaxResults is 1 to 100.
	MaxResults *int32 `json:"MaxResults,omitempty" model:"MaxSize100"`
}

// ListReceivedLicensesResponse answers ListReceivedLicenses.
type ListReceivedLicensesResponse struct {
	Licenses  []GrantedLicense `json:"Licenses" model:"GrantedLicenseList"`
	NextToken string           `json:"NextToken,omitempty" model:"String,secret"`
}
