// Copyright The license-operator Authors.
// SPDX-License-Identifier: Apache-2.0

// Package operations holds what the services of AWS JSON operations have in
// common: calling a handler, asking RBAC, and the tokens of pages.
package operations

import (
	"context"
	"fmt"

	"github.com/license-operator/license-operator/internal/fault"
	"github.com/license-operator/license-operator/internal/store"
	"github.com/license-operator/license-operator/webhook/auth"
	"github.com/license-operator/license-operator/webhook/awsjson"
)

// Access says what RBAC lets a ServiceAccount do.
type Access interface {
	// Allowed says whether a caller may act on a resource of this project's API
	// group in a namespace; subresource and name may be "". An error means that
	// it is not known.
	Allowed(ctx context.Context, who *auth.Principal, verb, resource, subresource, namespace, name string) (bool, error)
}

// Handler answers one operation for a service S. in is what the operation's New
// has made; the answer is a pointer to the operation's response. Errors are
// faults, or internal.
type Handler[S any] func(s S, ctx context.Context, who *auth.Principal, in any) (any, error)

// Handle lets a handler be called with a request whose type only the
// operation's name tells.
func Handle[S, In, Out any](h func(S, context.Context, *auth.Principal, *In) (*Out, error)) Handler[S] {
	return func(s S, ctx context.Context, who *auth.Principal, in any) (any, error) {
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

// Table holds the handlers of an API by the names of its operations.
type Table[S any] map[*awsjson.Service]map[string]Handler[S]

// Do answers an operation. What has no handler is the fault UnknownAction.
func (t Table[S]) Do(ctx context.Context, s S, op *awsjson.Operation, who *auth.Principal, in any) (any, error) {
	h, known := t[op.Service][op.Name]
	if !known {
		return nil, fault.New(fault.UnknownAction, "This endpoint does not serve the operation.")
	}
	if who.Kind != auth.Vendor {
		// A vendor's own look-ups are for its own namespace only.
		ctx = store.ForCaller(ctx, who.Caller())
	}
	return h(s, ctx, who, in)
}
