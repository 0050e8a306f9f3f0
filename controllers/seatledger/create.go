// Copyright The license-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package seatledger

import (
	"context"
	"fmt"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"
	logf "sigs.k8s.io/controller-runtime/pkg/log"

	"github.com/license-operator/license-operator/api/v1alpha1"
	"github.com/license-operator/license-operator/controllers/kit"
	"github.com/license-operator/license-operator/internal/metrics"
	"github.com/license-operator/license-operator/internal/seats"
	"github.com/license-operator/license-operator/internal/store"
)

const (
	// maxRefused is how many objects of a block may be refused in one pass. A
	// policy refuses some objects, and the others are made; a quota refuses all,
	// and the block rests.
	maxRefused = 8
	// foreignPause is how long until an object of somebody else is looked at again
	// that has the name of one to make.
	foreignPause = time.Minute
)

// create makes the object of an entry and writes its status.
func (w *work) create(ctx context.Context, e *seats.Entry) error {
	co := objectOf(w.block.Key, e)
	err := w.Live.Create(ctx, co, client.FieldOwner(v1alpha1.FieldOwner))
	switch {
	case err == nil:
		w.created++
		w.made = append(w.made, e.ID)
		metrics.Projection("create")
		return w.report(ctx, co, e)
	case apierrors.IsAlreadyExists(err):
		return w.adopt(ctx, e)
	case apierrors.HasStatusCause(err, corev1.NamespaceTerminatingCause):
		w.full = true
		w.at(w.now.Add(longPause))
		return nil
	case refusal(err):
		w.failed(ctx, e, err)
		return nil
	default:
		return fmt.Errorf("make a LicenseCheckout: %w", err)
	}
}

// adopt looks at an object that is there although the block does not say so: its
// maker could not note it, or it stood for an entry before.
func (w *work) adopt(ctx context.Context, e *seats.Entry) error {
	co := &v1alpha1.LicenseCheckout{}
	err := w.Live.Get(ctx, client.ObjectKey{Namespace: w.name.Namespace, Name: store.ProjectionName(e.ID)}, co)
	switch {
	case apierrors.IsNotFound(err), err == nil && !co.DeletionTimestamp.IsZero():
		w.soon()
		return nil
	case err != nil:
		return fmt.Errorf("read a LicenseCheckout: %w", err)
	case store.BlockOf(co) != w.name.Name:
		w.isForeign(ctx, co)
		return nil
	case !sameSpec(co, e):
		if !w.may() {
			return nil
		}
		w.soon()
		return w.delete(ctx, co)
	}
	w.made = append(w.made, e.ID)
	if current(&co.Status, e, co.Generation) || !w.may() {
		return nil
	}
	return w.report(ctx, co, e)
}

// isForeign leaves an object of somebody else alone that has the name of one of
// the block's.
func (p *pass) isForeign(ctx context.Context, co metav1.Object) {
	if _, told := p.foreign.Get(co.GetUID()); !told {
		p.foreign.Add(co.GetUID(), struct{}{})
		logf.FromContext(ctx).Info("Leave a LicenseCheckout alone that has the name of a checkout and does not stand for it",
			"namespace", co.GetNamespace(), "name", co.GetName(), "block", p.name.Name)
	}
	p.at(p.now.Add(foreignPause))
}

// refusal says whether the API server will not have an object, now and for a
// while.
func refusal(err error) bool {
	return apierrors.IsForbidden(err) || apierrors.IsInvalid(err) || apierrors.IsBadRequest(err) ||
		apierrors.IsRequestEntityTooLargeError(err) || apierrors.IsMethodNotSupported(err)
}

// failed takes in that an object was refused. The block goes on without it.
func (w *work) failed(ctx context.Context, e *seats.Entry, err error) {
	metrics.ProjectionFailure()
	until := w.now.Add(longPause)
	w.at(until)
	w.pass.refused.Add(w.object(e), until)
	if w.refused++; w.refused >= maxRefused {
		w.full = true
		if w.created == 0 {
			w.resting.set(w.name, until)
		}
	}
	if w.Failures.Set(w.block.Key, w.name.Name, true) {
		logf.FromContext(ctx).Error(err, "A LicenseCheckout is refused; seats are granted without it",
			"namespace", w.name.Namespace, "name", store.ProjectionName(e.ID))
		if w.sub != nil {
			w.Emit(w.sub, []kit.Event{projectionFailed(err)})
		}
	}
}

// rests says whether an entry's object is not to be tried now.
func (w *work) rests(e *seats.Entry) bool {
	if w.full {
		return true
	}
	until, found := w.pass.refused.Get(w.object(e))
	if !found || !w.now.Before(until.(time.Time)) {
		return false
	}
	w.waiting = true
	w.at(until.(time.Time))
	return true
}

func (w *work) object(e *seats.Entry) client.ObjectKey {
	return client.ObjectKey{Namespace: w.name.Namespace, Name: store.ProjectionName(e.ID)}
}

// conclude says that objects can be made, if none has been refused and all were
// tried.
func (w *work) conclude() {
	if w.refused == 0 && !w.full && !w.waiting && !w.short {
		w.resting.forget(w.name)
		w.Failures.Set(w.block.Key, w.name.Name, false)
	}
}
