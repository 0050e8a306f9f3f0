// Copyright The license-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package seatledger

import (
	"context"

	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/event"
	"sigs.k8s.io/controller-runtime/pkg/predicate"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"

	"github.com/license-operator/license-operator/api/v1alpha1"
	"github.com/license-operator/license-operator/controllers/kit"
	"github.com/license-operator/license-operator/internal/seats"
	"github.com/license-operator/license-operator/internal/store"
)

// abandoned are the ids of the entries of Pods that have gone or have finished:
// those whose ServiceAccount's token checked out through the API.
func (p *pass) abandoned(ctx context.Context) (ids []string, err error) {
	gone := map[seats.Pod]bool{}
	for _, e := range p.block.Entries {
		pod, ok := e.Pod()
		if !ok || e.Type != v1alpha1.CheckoutProvisional { // The others do not live with a Pod.
			continue
		}
		over, known := gone[pod]
		if !known {
			if over, err = p.podGone(ctx, pod); err != nil {
				return nil, err
			}
			gone[pod] = over
		}
		if over {
			ids = append(ids, e.ID)
		}
	}
	return ids, nil
}

// podGone asks the cache, and where that does not have the Pod the API server:
// the Pod may only not have come yet.
func (p *pass) podGone(ctx context.Context, pod seats.Pod) (bool, error) {
	key := client.ObjectKey{Namespace: pod.Namespace, Name: pod.Name}
	cached := store.PodMetadata()
	err := p.Client.Get(ctx, key, cached)
	if err == nil && string(cached.UID) == pod.UID {
		return false, nil
	}
	if client.IgnoreNotFound(err) != nil {
		return false, err
	}
	return store.PodGone(ctx, p.Live, pod.Namespace, pod.Name, pod.UID)
}

// ofPod are the blocks with entries that live with a Pod.
func (c *Controller) ofPod(ctx context.Context, pod client.Object) []reconcile.Request {
	return kit.Requests(ctx, c.Client, &v1alpha1.SeatLedgerList{},
		client.MatchingFields{store.IndexSeatLedgerPod: store.PodKey(pod.GetNamespace(), pod.GetName())})
}

// podGoes passes what ends a Pod, as the cache shows it.
var podGoes = predicate.Funcs{
	CreateFunc: func(event.CreateEvent) bool { return false },
	UpdateFunc: func(e event.UpdateEvent) bool { return e.ObjectOld.GetUID() != e.ObjectNew.GetUID() },
}
