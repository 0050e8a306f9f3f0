// Copyright The license-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package awsjson

// The request and the answer of the AWS Marketplace Entitlement Service. Names
// and shapes are those of the API model, version 2017-01-11; see
// licensemanager.go for what Go types mean.

// The names of filters of GetEntitlements.
const (
	FilterCustomerIdentifier   = "CUSTOMER_IDENTIFIER"
	FilterDimension            = "DIMENSION"
	FilterCustomerAWSAccountID = "CUSTOMER_AWS_ACCOUNT_ID"
	FilterLicenseARN           = "LICENSE_ARN"
)

// GetEntitlementsRequest asks GetEntitlements what customers of one product are
// entitled to.
type GetEntitlementsRequest struct {
	ProductCode string `json:"ProductCode" model:"ProductCode,required"`
	// Filter holds values by the names of filters; nil where the request has
	// none.
	Filter    map[string][]string `json:"Filter,omitempty" model:"GetEntitlementFilters"`
	NextToken *string             `json:"NextToken,omitempty" model:"NonEmptyString,max=4096,secret"`
	// MaxResults is 1 to 25.
	MaxResults *int32 `json:"MaxResults,omitempty" model:"PageSizeInteger"`
}

// EntitlementValue is how much a customer is entitled to. One member is set.
type EntitlementValue struct {
	IntegerValue *int32   `json:"IntegerValue,omitempty" model:"Integer"`
	DoubleValue  *float64 `json:"DoubleValue,omitempty" model:"Double"`
	BooleanValue *bool    `json:"BooleanValue,omitempty" model:"Boolean"`
	StringValue  *string  `json:"StringValue,omitempty" model:"String"`
}

// CustomerEntitlement is what one customer is entitled to of one dimension: the
// shape Entitlement of this API model.
type CustomerEntitlement struct {
	ProductCode          string            `json:"ProductCode,omitempty" model:"ProductCode"`
	Dimension            string            `json:"Dimension,omitempty" model:"NonEmptyString"`
	CustomerIdentifier   string            `json:"CustomerIdentifier,omitempty" model:"NonEmptyString"`
	CustomerAWSAccountID string            `json:"CustomerAWSAccountId,omitempty" model:"NonEmptyString"`
	Value                *EntitlementValue `json:"Value,omitempty" model:"EntitlementValue"`
	ExpirationDate       *Timestamp        `json:"ExpirationDate,omitempty" model:"Timestamp"`
	LicenseARN           string            `json:"LicenseArn,omitempty" model:"String"`
}

// GetEntitlementsResult answers GetEntitlements. The list is always there:
// clients stumbled where AWS left out an empty one.
type GetEntitlementsResult struct {
	Entitlements []CustomerEntitlement `json:"Entitlements" model:"EntitlementList"`
	NextToken    string                `json:"NextToken,omitempty" model:"NonEmptyString,secret"`
}

// entitlementOperations lists all operations of the API model.
var entitlementOperations = []*Operation{
	serve[GetEntitlementsRequest, GetEntitlementsResult](MarketplaceEntitlement, "GetEntitlements"),
}
