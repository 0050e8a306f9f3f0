// Copyright The license-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package awsjson

import "math"

// tagPattern is the pattern of TagKey and TagValue. Its " -=" is a range, from
// the blank to the equals sign.
const tagPattern = `^[a-zA-Z0-9+ -=._:\/@]+$`

// meteringShapes holds the simple types and lists of AWS Marketplace Metering.
var meteringShapes = map[string]shape{
	"Boolean":   {},
	"String":    {},
	"Timestamp": {},

	"AllocatedUsageQuantity": {ranged: true, min: 0, max: math.MaxInt32},
	"UsageQuantity":          {ranged: true, min: 0, max: math.MaxInt32},
	"VersionInteger":         {ranged: true, min: 1, max: math.MaxInt32, ours: true},

	"ClientToken":          {minLength: 1, maxLength: 64},
	"CustomerAWSAccountId": {minLength: 1, maxLength: 255, pattern: `^[0-9]+$`, matches: isDigits},
	"CustomerIdentifier":   {maxLength: 255, pattern: `[\s\S]*`, matches: isAnything},
	"LicenseArn":           {maxLength: 2048, ours: true, pattern: arnPattern, matches: isARN},
	"NonEmptyString":       {pattern: `[\s\S]+`, matches: isNotEmpty},
	"Nonce":                {maxLength: 255, pattern: `[\s\S]*`, matches: isAnything},
	"ProductCode":          {maxLength: 255, pattern: `^[-a-zA-Z0-9/=:_.@]*$`, matches: isProductCode},
	"TagKey":               {minLength: 1, maxLength: 100, pattern: tagPattern, matches: isTag},
	"TagValue":             {minLength: 1, maxLength: 256, pattern: tagPattern, matches: isTag},
	"UsageDimension":       {minLength: 1, maxLength: 255, pattern: `[\s\S]+`, matches: isNotEmpty},

	"UsageRecordResultStatus": {enum: []string{UsageSuccess, UsageCustomerNotSubscribed, UsageDuplicateRecord}},

	"TagList":               {element: "Tag", minLength: 1, maxLength: 5},
	"UsageAllocations":      {element: "UsageAllocation", minLength: 1, maxLength: 2500},
	"UsageRecordList":       {element: "UsageRecord", maxLength: 25},
	"UsageRecordResultList": {element: "UsageRecordResult"},
}

// entitlementShapes holds the simple types, lists and maps of the AWS
// Marketplace Entitlement Service.
var entitlementShapes = map[string]shape{
	"Boolean":   {},
	"Double":    {},
	"Integer":   {},
	"String":    {},
	"Timestamp": {},

	"FilterValue":     {maxLength: 2048, ours: true},
	"NonEmptyString":  {pattern: `\S+`, matches: isUnspaced},
	"PageSizeInteger": {ranged: true, min: 1, max: 25},
	"ProductCode":     {minLength: 1, maxLength: 255},

	"GetEntitlementFilterName": {enum: []string{
		FilterCustomerIdentifier, FilterDimension, FilterCustomerAWSAccountID, FilterLicenseARN,
	}},

	"EntitlementList":       {element: "Entitlement"},
	"FilterValueList":       {element: "FilterValue", minLength: 1, maxLength: 100, ours: true},
	"GetEntitlementFilters": {key: "GetEntitlementFilterName", element: "FilterValueList"},
}
