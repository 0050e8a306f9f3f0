// Copyright The license-operator Authors.
// SPDX-License-Identifier: Apache-2.0

// Package licensemanager answers the operations of AWS License Manager that
// are served: checking out, checking in, extending, borrowing and reading
// licences. It knows nothing of HTTP and JSON: a request has been authenticated
// and its members have their form when they come here.
//
// What is decided where the API leaves a choice is said at each operation.
package licensemanager

import (
	"context"
	"time"

	"k8s.io/utils/clock"

	"github.com/license-operator/license-operator/internal/seats"
	"github.com/license-operator/license-operator/internal/secrets"
	"github.com/license-operator/license-operator/internal/store"
	"github.com/license-operator/license-operator/webhook/auth"
	"github.com/license-operator/license-operator/webhook/awsjson"
	"github.com/license-operator/license-operator/webhook/operations"
)

// Books are the books of seats, as *seats.Books keeps them: see there for the
// faults.
type Books interface {
	Checkout(ctx context.Context, key seats.Key, pools []seats.Pool, r seats.Request) (seats.Grant, error)
	Find(ctx context.Context, keys []seats.Key, id string) (key seats.Key, g seats.Grant, found bool, err error)
	Lookup(ctx context.Context, key seats.Key, h seats.Handle) (seats.Grant, error)
	CheckIn(ctx context.Context, key seats.Key, h seats.Handle) error
	Extend(ctx context.Context, key seats.Key, h seats.Handle, lifetime time.Duration, notAfter time.Time) (seats.Grant, error)
	Usage(ctx context.Context, key seats.Key) ([]seats.Usage, error)
}

// Access says what RBAC lets a ServiceAccount do.
type Access = operations.Access

// Service answers the operations.
type Service struct {
	Clock  clock.PassiveClock
	Store  *store.Store
	Books  Books
	Keys   *secrets.Holder
	Access Access
}

// handlers are for all that awsjson serves of the License Manager.
var handlers = operations.Table[*Service]{
	awsjson.LicenseManager: {
		"CheckoutLicense":          operations.Handle((*Service).CheckoutLicense),
		"CheckInLicense":           operations.Handle((*Service).CheckInLicense),
		"ExtendLicenseConsumption": operations.Handle((*Service).ExtendLicenseConsumption),
		"CheckoutBorrowLicense":    operations.Handle((*Service).CheckoutBorrowLicense),
		"GetLicense":               operations.Handle((*Service).GetLicense),
		"GetLicenseUsage":          operations.Handle((*Service).GetLicenseUsage),
		"ListLicenses":             operations.Handle((*Service).ListLicenses),
		"ListReceivedLicenses":     operations.Handle((*Service).ListReceivedLicenses),
	},
}

// Do answers an operation. in is what op.New has made; the answer is a pointer
// to the operation's response. Errors are faults, or internal.
func (s *Service) Do(ctx context.Context, op *awsjson.Operation, who *auth.Principal, in any) (any, error) {
	return handlers.Do(ctx, s, op, who, in)
}
