// Copyright The license-operator Authors.
// SPDX-License-Identifier: Apache-2.0

// Package marketplace answers the operations of AWS Marketplace Metering and of
// the AWS Marketplace Entitlement Service: who a registration token is for, what
// a customer is entitled to, and what has been used. It knows nothing of HTTP
// and JSON: a request has been authenticated and its members have their form
// when they come here.
//
// What is decided where the APIs leave a choice is said at each operation.
package marketplace

import (
	"context"

	"k8s.io/utils/clock"

	"github.com/license-operator/license-operator/internal/secrets"
	"github.com/license-operator/license-operator/internal/store"
	"github.com/license-operator/license-operator/webhook/auth"
	"github.com/license-operator/license-operator/webhook/awsjson"
	"github.com/license-operator/license-operator/webhook/operations"
)

// Service answers the operations.
type Service struct {
	Clock  clock.PassiveClock
	Store  *store.Store
	Keys   *secrets.Holder
	Access operations.Access
	// Usage writes what is metered.
	Usage *store.UsageRecords
	// tokens remembers the client tokens of MeterUsage.
	tokens tokenMemory
}

// handlers are for all that awsjson serves of the two services.
var handlers = operations.Table[*Service]{
	awsjson.MarketplaceMetering: {
		"ResolveCustomer": operations.Handle((*Service).ResolveCustomer),
		"BatchMeterUsage": operations.Handle((*Service).batchMeterUsage),
		"MeterUsage":      operations.Handle((*Service).meterUsage),
		"RegisterUsage":   operations.Handle((*Service).registerUsage),
	},
	awsjson.MarketplaceEntitlement: {
		"GetEntitlements": operations.Handle((*Service).GetEntitlements),
	},
}

// Do answers an operation. in is what op.New has made; the answer is a pointer
// to the operation's response. Errors are faults, or internal.
func (s *Service) Do(ctx context.Context, op *awsjson.Operation, who *auth.Principal, in any) (any, error) {
	return handlers.Do(ctx, s, op, who, in)
}
