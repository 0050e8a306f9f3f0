// Copyright The license-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package store

import (
	"context"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/license-operator/license-operator/api/v1alpha1"
	"github.com/license-operator/license-operator/internal/seats"
)

// Ledgers keeps the blocks of the books of seats as SeatLedgers. It is a
// seats.Store.
type Ledgers struct {
	// Live asks the API server, and is not throttled: commits are paced by what
	// they write.
	Live client.Client
}

// List implements seats.Store.
func (s Ledgers) List(ctx context.Context, key seats.Key) ([]*v1alpha1.SeatLedger, error) {
	list := &v1alpha1.SeatLedgerList{}
	// By what never changes: a block without its label must not be overlooked.
	err := s.Live.List(ctx, list, client.InNamespace(key.Namespace), client.MatchingFields{"spec.subscriptionRef.name": key.Name})
	if err != nil {
		return nil, err
	}
	blocks := make([]*v1alpha1.SeatLedger, len(list.Items))
	for i := range list.Items {
		blocks[i] = &list.Items[i]
	}
	return blocks, nil
}

// Read implements seats.Store.
func (s Ledgers) Read(ctx context.Context, key seats.Key, number int32) (*v1alpha1.SeatLedger, error) {
	l := &v1alpha1.SeatLedger{}
	err := s.Live.Get(ctx, client.ObjectKey{Namespace: key.Namespace, Name: seats.BlockName(key.Name, number)}, l)
	if apierrors.IsNotFound(err) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	return l, nil
}

// Commit implements seats.Store.
func (s Ledgers) Commit(ctx context.Context, next *v1alpha1.SeatLedger) (*v1alpha1.SeatLedger, seats.Result, error) {
	var err error
	if next.ResourceVersion == "" {
		err = s.Live.Create(ctx, next, client.FieldOwner(v1alpha1.FieldOwner))
	} else {
		err = s.Live.Update(ctx, next, client.FieldOwner(v1alpha1.FieldOwner))
	}
	switch {
	case err == nil:
		return next, seats.Committed, nil
	case apierrors.IsConflict(err), apierrors.IsAlreadyExists(err), apierrors.IsNotFound(err):
		return nil, seats.Conflict, err
	case apierrors.IsInvalid(err), apierrors.IsForbidden(err), apierrors.IsBadRequest(err),
		apierrors.IsUnauthorized(err), apierrors.IsRequestEntityTooLargeError(err), apierrors.IsMethodNotSupported(err):
		return nil, seats.Refused, err
	default:
		return nil, seats.Unknown, err
	}
}
