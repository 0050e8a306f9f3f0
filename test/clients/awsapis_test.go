// Copyright The license-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package clients

import (
	"slices"
	"testing"
	"time"
)

// api is a service of AWS, as those name it who have no SDK for it.
type api struct {
	// command is the aws CLI's, target precedes the operation in X-Amz-Target,
	// and signingName is the service in the scope of a signature.
	command, target, signingName string
	operations                   []string
	// message is the member of an error that has its text.
	message string
	// untyped are the codes that its API model does not have.
	untyped []string
}

// apis are the services that the clients call. No two of them have an operation
// of one name.
var apis = []api{
	{
		command: "license-manager", target: "AWSLicenseManager", signingName: "license-manager", message: "Message",
		operations: []string{
			"CheckoutLicense", "CheckInLicense", "ExtendLicenseConsumption", "CheckoutBorrowLicense",
			"GetLicense", "GetLicenseUsage", "ListReceivedLicenses", "ListReceivedGrants",
		},
	},
	{
		command: "meteringmarketplace", target: "AWSMPMeteringService", signingName: "aws-marketplace", message: "message",
		operations: []string{"ResolveCustomer", "BatchMeterUsage", "MeterUsage", "RegisterUsage"},
		untyped:    []string{"ValidationException", "AccessDeniedException", "DryRunOperation", "UnauthorizedException"},
	},
	{
		command: "marketplace-entitlement", target: "AWSMPEntitlementService", signingName: "aws-marketplace", message: "message",
		operations: []string{"GetEntitlements"},
		untyped:    []string{"ValidationException", "AccessDeniedException"},
	},
}

// apiOf is the service that has an operation.
func apiOf(t *testing.T, operation string) api {
	t.Helper()
	for _, a := range apis {
		if slices.Contains(a.operations, operation) {
			return a
		}
	}
	t.Fatalf("no service has the operation %s", operation)
	return api{}
}

// has says whether the API model has an error. None has those of the front door.
func (a api) has(code string) bool {
	return code != "InvalidSignatureException" && code != "UnrecognizedClientException" && !slices.Contains(a.untyped, code)
}

// secondsOf replaces the times in an input by what they are on the wire: seconds
// since 1970. SDKs do that themselves.
func secondsOf(t *testing.T, value any) any {
	t.Helper()
	switch v := value.(type) {
	case map[string]any:
		for name, member := range v {
			if name == "Timestamp" {
				v[name] = instant(t, member).Unix()
			} else {
				v[name] = secondsOf(t, member)
			}
		}
	case []any:
		for i := range v {
			v[i] = secondsOf(t, v[i])
		}
	}
	return value
}

// instant is a time of an answer: the clients give it in their own ways.
func instant(t *testing.T, value any) time.Time {
	t.Helper()
	switch v := value.(type) {
	case float64:
		return time.UnixMilli(int64(v * 1000)).UTC()
	case string:
		at, err := time.Parse(time.RFC3339, v)
		if err == nil {
			return at.UTC()
		}
	}
	t.Fatalf("%v is no time", value)
	return time.Time{}
}

// withoutNulls removes the members that a client has for nothing.
func withoutNulls(value any) {
	switch v := value.(type) {
	case object:
		withoutNulls(map[string]any(v))
	case map[string]any:
		for name, member := range v {
			if member == nil {
				delete(v, name)
			}
			withoutNulls(member)
		}
	case []any:
		for _, element := range v {
			withoutNulls(element)
		}
	}
}
