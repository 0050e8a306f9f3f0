// Copyright The license-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package checkout

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"sync"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/license-operator/license-operator/api/v1alpha1"
	"github.com/license-operator/license-operator/internal/fault"
	"github.com/license-operator/license-operator/internal/licensing"
	"github.com/license-operator/license-operator/internal/seats"
	"github.com/license-operator/license-operator/internal/store"
)

// pass is one look at a Subscription's LicenseCheckouts.
type pass struct {
	*Controller
	key seats.Key
	now time.Time
	// sub and product are nil if they do not exist.
	sub     *v1alpha1.Subscription
	product *v1alpha1.Product
	// account is the vendor's; contested says why it is not.
	account      string
	contested    error
	standing     licensing.Standing
	entitlements []v1alpha1.Entitlement
	pools        []seats.Pool
	blocks       []*seats.Block
	// requests in the order of the queue, and by the ids of their entries.
	requests []*request
	byID     map[string]*request
	recall   *recall

	mu sync.Mutex
	// wake is when time alone changes something; zero for never.
	wake     time.Time
	failures []error
}

// request is one LicenseCheckout in a pass.
type request struct {
	// base is as it was read, obj as it is to be.
	base, obj *v1alpha1.LicenseCheckout
	id        string
	// pod is the holder if it is there; it may be being deleted.
	pod *metav1.PartialObjectMetadata
	// left says that this pass gave the seats back because the holder has gone.
	left bool
	// grant is what the book holds; nil for nothing.
	grant *seats.Grant
	// answer is for one that holds nothing.
	answer answer
	// items that it asks for.
	items []seats.Item
	// position in the queue, 0 for one that does not wait.
	position int32
}

// id is the id of a LicenseCheckout's entry in the book.
func id(o client.Object) string {
	return seats.NewID("object", o.GetNamespace(), o.GetName(), string(o.GetUID()))
}

// begin reads what a Subscription's LicenseCheckouts depend on.
func (c *Controller) begin(ctx context.Context, key seats.Key) (*pass, error) {
	p := &pass{Controller: c, key: key, now: c.Clock.Now(), byID: map[string]*request{}}
	list := &v1alpha1.LicenseCheckoutList{}
	if err := c.Client.List(ctx, list, client.InNamespace(key.Namespace),
		client.MatchingFields{store.IndexLicenseCheckoutSubscription: key.Name}); err != nil {
		return nil, fmt.Errorf("list the LicenseCheckouts: %w", err)
	}
	for i := range list.Items {
		r := &request{base: &list.Items[i], obj: list.Items[i].DeepCopy(), id: id(&list.Items[i])}
		p.requests = append(p.requests, r)
		p.byID[r.id] = r
		if err := p.findPod(ctx, r); err != nil {
			return nil, err
		}
	}
	slices.SortFunc(p.requests, func(a, b *request) int {
		if licensing.RankBefore(a.obj, b.obj) {
			return -1
		}
		return 1
	})
	p.recall = c.memory.of(key, p.requests)
	if err := p.readLicence(ctx); err != nil {
		return nil, err
	}
	return p, p.readBook(ctx)
}

// findPod looks for the holder among the Pods that are there and not finished.
func (p *pass) findPod(ctx context.Context, r *request) error {
	if r.obj.Spec.HolderRef == nil {
		return nil
	}
	pod := store.PodMetadata()
	err := p.Client.Get(ctx, client.ObjectKey{Namespace: p.key.Namespace, Name: r.obj.Spec.HolderRef.Name}, pod)
	if apierrors.IsNotFound(err) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("look for the holder: %w", err)
	}
	r.pod = pod
	return nil
}

// readLicence reads the Subscription and its Product, and what both say.
func (p *pass) readLicence(ctx context.Context) error {
	sub := &v1alpha1.Subscription{}
	err := p.Client.Get(ctx, p.key, sub)
	if apierrors.IsNotFound(err) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("read the Subscription: %w", err)
	}
	p.sub = sub
	if p.product, err = p.Product(ctx, sub); err != nil {
		return fmt.Errorf("read the Product: %w", err)
	}
	if p.product != nil {
		p.entitlements, _ = licensing.Entitlements(p.product, sub)
		p.pools = seats.PoolsOf(licensing.Pools(p.entitlements))
	}
	p.standing = licensing.Stand(sub, p.product != nil, p.now)
	if len(p.requests) == 0 {
		return nil
	}
	p.at(p.standing.NextChange)
	ns, err := p.Namespace(ctx, p.key.Namespace)
	if err != nil {
		return err
	}
	p.account, err = p.Names.OwnAccount(ctx, p.Client, ns)
	if fault.KindOf(err) == fault.NotEntitled {
		p.contested, err = err, nil
	}
	return err
}

// readBook reads what the book holds for the requests, by this replica's copy.
func (p *pass) readBook(ctx context.Context) error {
	blocks, err := p.Books.Blocks(ctx, p.key)
	if err != nil {
		return fmt.Errorf("read the book of seats: %w", err)
	}
	p.blocks = blocks
	for _, r := range p.requests {
		r.grant = nil
		for _, b := range blocks {
			if e := b.Get(r.id); e != nil {
				r.grant = &e.Grant
			}
		}
	}
	return nil
}

// live says whether a request's holder is there and is the one that its seats
// were granted to.
func (r *request) live(holder string) bool {
	return r.pod != nil && string(r.pod.UID) == holder
}

// lifetime of a request's checkout; 0 for one that never expires, and while the
// Product is gone.
func (p *pass) lifetime(r *request) time.Duration {
	if p.product == nil {
		return 0
	}
	return licensing.CheckoutLifetime(p.product, r.obj.Spec.Type, r.obj.Spec.LifetimeMinutes)
}

// order is what the book is asked for.
func (p *pass) order(r *request) (seats.Request, error) {
	spec, err := json.Marshal(r.obj.Spec)
	if err != nil {
		return seats.Request{}, fmt.Errorf("write the spec: %w", err)
	}
	o := seats.Request{
		ID: r.id, Digest: seats.NewDigest(string(spec)), Type: r.obj.Spec.Type, Items: r.items,
		Lifetime: p.lifetime(r), NotAfter: licensing.NotAfter(p.sub),
		NodeID: r.obj.Spec.NodeID, Object: r.obj.Name,
	}
	if r.pod != nil {
		o.Holder = string(r.pod.UID)
	}
	return o, nil
}
