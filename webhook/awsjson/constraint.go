// Copyright The license-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package awsjson

import "regexp"

// shape holds the constraints of one simple type or list of an API model,
// under its name there. The tag "model" of a member says
//
//	model:"<shape>[,required][,max=<n>][,secret]"
//
// where max bounds a shape that the model leaves unbounded, in characters or
// items, and secret keeps the value out of errors. A bound of our own answers
// as one of the model would.
type shape struct {
	// enum lists the values that a string may have.
	enum []string
	// unsupported says that a value outside enum is known for what it is: a
	// method of signature that is not offered, which has its own error.
	unsupported bool
	// minLength and maxLength are in characters, or items; 0 is no bound.
	minLength, maxLength int
	// ours says that maxLength is a bound of ours, not of the model's.
	ours bool
	// pattern is the model's; a value must match it as a whole. matches does
	// what it says.
	pattern string
	matches func(string) bool
	// min and max bound a number, if ranged.
	ranged   bool
	min, max int64
	// element is the shape of a list's items.
	element string
}

const (
	arnPattern  = `^arn:aws[a-zA-Z-]*:[A-Za-z0-9][A-Za-z0-9_/.-]{0,62}:[A-Za-z0-9_/.-]{0,63}:[A-Za-z0-9_/.-]{0,63}:[A-Za-z0-9][A-Za-z0-9:_/+=,@.-]{0,1023}$`
	timePattern = `^(-?(?:[1-9][0-9]*)?[0-9]{4})-(1[0-2]|0[1-9])-(3[0-1]|0[1-9]|[1-2][0-9])T(2[0-3]|[0-1][0-9]):([0-5][0-9]):([0-5][0-9])(\.[0-9]+)?(Z|[+-](?:2[ 0-3]|[0-1][0-9]):[0-5][0-9])+$`
)

// units are what an entitlement may be counted in; None is for features.
var units = []string{
	"Count", "None", "Seconds", "Microseconds", "Milliseconds",
	"Bytes", "Kilobytes", "Megabytes", "Gigabytes", "Terabytes",
	"Bits", "Kilobits", "Megabits", "Gigabits", "Terabits", "Percent",
	"Bytes/Second", "Kilobytes/Second", "Megabytes/Second", "Gigabytes/Second", "Terabytes/Second",
	"Bits/Second", "Kilobits/Second", "Megabits/Second", "Gigabits/Second", "Terabits/Second", "Count/Second",
}

// shapes holds the simple types and lists of the API models. A structure has
// its constraints in the tags of its Go type.
var shapes = map[string]shape{
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
	"DigitalSignatureMethod": {enum: []string{DigitalSignatureMethodJWTPS384}, unsupported: true},
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
