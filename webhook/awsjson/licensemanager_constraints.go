// Copyright The license-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package awsjson

import "regexp"

// timePattern is the pattern of ISO8601DateTime.
const timePattern = `^(-?(?:[1-9][0-9]*)?[0-9]{4})-(1[0-2]|0[1-9])-(3[0-1]|0[1-9]|[1-2][0-9])T(2[0-3]|[0-1][0-9]):([0-5][0-9]):([0-5][0-9])(\.[0-9]+)?(Z|[+-](?:2[ 0-3]|[0-1][0-9]):[0-5][0-9])+$`

// units are what an entitlement may be counted in; None is for features.
var units = []string{
	"Count", "None", "Seconds", "Microseconds", "Milliseconds",
	"Bytes", "Kilobytes", "Megabytes", "Gigabytes", "Terabytes",
	"Bits", "Kilobits", "Megabits", "Gigabits", "Terabits", "Percent",
	"Bytes/Second", "Kilobytes/Second", "Megabytes/Second", "Gigabytes/Second", "Terabytes/Second",
	"Bits/Second", "Kilobits/Second", "Megabits/Second", "Gigabits/Second", "Terabits/Second", "Count/Second",
}

// licenseManagerShapes holds the simple types and lists of the API model. A
// structure has its constraints in the tags of its Go type.
var licenseManagerShapes = map[string]shape{
	"Boolean":    {},
	"BoxBoolean": {},
	"BoxInteger": {},
	"Long":       {},
	"MaxSize100": {ranged: true, min: 1, max: 100},
	"String":     {},

	"Arn":         {maxLength: 2048, pattern: arnPattern, matches: isARN},
	"ClientToken": {maxLength: 2048, pattern: `\S+`, matches: isUnspaced},
	"FilterName":  {maxLength: 128, ours: true},
	"FilterValue": {maxLength: 1024, ours: true},
	// No request has one, so this pattern may cost what it costs.
	"ISO8601DateTime":     {maxLength: 50, pattern: timePattern, matches: regexp.MustCompile(timePattern).MatchString},
	"SignedToken":         {minLength: 4096},
	"StatusReasonMessage": {maxLength: 400, pattern: `[\s\S]+`, matches: isNotEmpty},

	"AllowedOperation": {enum: []string{
		AllowedOperationCreateGrant, AllowedOperationCheckoutLicense, AllowedOperationCheckoutBorrowLicense,
		AllowedOperationCheckInLicense, AllowedOperationExtendConsumptionLicense,
		AllowedOperationListPurchasedLicenses, AllowedOperationCreateToken,
	}},
	"CheckoutType":           {enum: []string{CheckoutTypeProvisional, CheckoutTypePerpetual}},
	"DigitalSignatureMethod": {enum: []string{DigitalSignatureMethodJWTPS384}},
	"EntitlementDataUnit":    {enum: units},
	"EntitlementUnit":        {enum: units},
	"LicenseStatus": {enum: []string{
		LicenseStatusAvailable, LicenseStatusPendingAvailable, LicenseStatusDeactivated, LicenseStatusSuspended,
		LicenseStatusExpired, LicenseStatusPendingDelete, LicenseStatusDeleted,
	}},
	"ReceivedStatus": {enum: []string{
		"PENDING_WORKFLOW", "PENDING_ACCEPT", "REJECTED", ReceivedStatusActive,
		"FAILED_WORKFLOW", "DELETED", "DISABLED", "WORKFLOW_COMPLETED",
	}},
	"RenewType": {enum: []string{RenewTypeNone, RenewTypeWeekly, RenewTypeMonthly}},

	"AllowedOperationList": {element: "AllowedOperation", minLength: 1, maxLength: 8},
	"ArnList":              {element: "Arn"},
	"EntitlementDataList":  {element: "EntitlementData"},
	"EntitlementList":      {element: "Entitlement"},
	"EntitlementUsageList": {element: "EntitlementUsage"},
	"FilterList":           {element: "Filter"},
	"FilterValues":         {element: "FilterValue"},
	"GrantedLicenseList":   {element: "GrantedLicense"},
	"LicenseList":          {element: "License"},
	"MetadataList":         {element: "Metadata"},
}
