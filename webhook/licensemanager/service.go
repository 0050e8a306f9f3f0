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
	"fmt"
	"time"

	"k8s.io/utils/clock"

	"github.com/license-operator/license-operator/internal/fault"
	"github.com/license-operator/license-operator/internal/seats"
	"github.com/license-operator/license-operator/internal/secrets"
	"github.com/license-operator/license-operator/internal/store"
	"github.com/license-operator/license-operator/webhook/auth"
	"github.com/license-operator/license-operator/webhook/awsjson"
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
type Access interface {
	// Allowed says whether a caller may act on a resource of this project's API
	// group in a namespace; subresource and name may be "". An error means that
	// it is not known.
	Allowed(ctx context.Context, who *auth.Principal, verb, resource, subresource, namespace, name string) (bool, error)
}

// Service answers the operations.
type Service struct {
	Clock  clock.PassiveClock
	Store  *store.Store
	Books  Books
	Keys   *secrets.Holder
	Access Access
}

// handlers by the name of the operation: all that awsjson serves of the License
// Manager.
var handlers = map[string]func(s *Service, ctx context.Context, who *auth.Principal, in any) (any, error){
	"CheckoutLicense":          handle((*Service).CheckoutLicense),
	"CheckInLicense":           handle((*Service).CheckInLicense),
	"ExtendLicenseConsumption": handle((*Service).ExtendLicenseConsumption),
	"CheckoutBorrowLicense":    handle((*Service).CheckoutBorrowLicense),
	"GetLicense":               handle((*Service).GetLicense),
	"GetLicenseUsage":          handle((*Service).GetLicenseUsage),
	"ListLicenses":             handle((*Service).ListLicenses),
	"ListReceivedLicenses":     handle((*Service).ListReceivedLicenses),
}

// handle lets a handler be called with a request whose type only the
// operation's name tells.
func handle[In, Out any](h func(*Service, context.Context, *auth.Principal, *In) (*Out, error)) func(*Service, context.Context, *auth.Principal, any) (any, error) {
	return func(s *Service, ctx context.Context, who *auth.Principal, in any) (any, error) {
		request, ok := in.(*In)
		if !ok {
			return nil, fmt.Errorf("the request is a %T", in)
		}
		out, err := h(s, ctx, who, request)
		if err != nil {
			return nil, err
		}
		return out, nil
	}
}

// Do answers an operation. in is what op.New has made; the answer is a pointer
// to the operation's response. Errors are faults, or internal.
func (s *Service) Do(ctx context.Context, op *awsjson.Operation, who *auth.Principal, in any) (any, error) {
	h, known := handlers[op.Name]
	if !known || op.Service != awsjson.LicenseManager {
		return nil, fault.New(fault.UnknownAction, "This endpoint does not serve the operation.")
	}
	if who.Kind != auth.Vendor {
		// A vendor's own look-ups are for its own namespace only.
		ctx = store.ForCaller(ctx, who.Caller())
	}
	return h(s, ctx, who, in)
}
