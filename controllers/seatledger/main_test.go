// Copyright The license-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package seatledger

import (
	"context"
	"errors"
	"sync"
	"testing"
	"time"

	"github.com/go-logr/logr"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"

	"github.com/license-operator/license-operator/api/v1alpha1"
	"github.com/license-operator/license-operator/internal/seats"
	"github.com/license-operator/license-operator/internal/store"
	"github.com/license-operator/license-operator/test/builder"
	"github.com/license-operator/license-operator/test/env"
	"github.com/license-operator/license-operator/test/expect"
)

var cluster *env.Env

func TestMain(m *testing.M) {
	env.Main(m, func(e *env.Env) { cluster = e })
}

// issue is when the checkouts of a test are granted, to the second.
var issue = expect.Start.Truncate(time.Second)

// scene is a stage with the book of the Subscription initech to the Product
// render-farm: 300 seats, lifetimes of an hour, borrowing for two.
type scene struct {
	*expect.Stage
	*Controller
	key     seats.Key
	product *v1alpha1.Product
	sub     *v1alpha1.Subscription
	cache   *cacheLike
	live    *faultyClient
	store   *faultyStore
	// busy, untrusted and rate go into the next controller.
	busy, untrusted bool
	rate            float64
}

func stage(t *testing.T) *scene {
	t.Helper()
	return stageWith(t, builder.Product("render-farm"))
}

func stageWith(t *testing.T, p *builder.ProductBuilder) *scene {
	t.Helper()
	s := &scene{Stage: expect.On(t, cluster), rate: 1000}
	s.product = p.WithProvisional(60).WithBorrow(120, v1alpha1.Allowed).WithSeats("seats", 300).WithFeature("gpu", "Enabled").Build()
	s.sub = builder.Subscription("initech", "render-farm").Build()
	s.Stage.Create(s.product, s.sub)
	s.key = client.ObjectKeyFromObject(s.sub)
	s.restart()
	return s
}

// restart is another process of the operator: it remembers nothing.
func (s *scene) restart() {
	s.Helper()
	k := s.Kit()
	s.cache = &cacheLike{Client: s.Operator}
	s.live = &faultyClient{Client: s.Operator}
	s.store = &faultyStore{Store: store.Ledgers{Live: s.Operator}}
	k.Client = s.cache
	s.Controller = New(Config{
		Kit: k, Live: s.live, Books: s.books(s.store), ProjectionRate: s.rate,
		Busy: func() bool { return s.busy }, Trusted: func() bool { return !s.untrusted },
	})
}

// books are those of a replica.
func (s *scene) books(from seats.Store) *seats.Books {
	return seats.NewBooks(s.Context(), seats.Options{
		Store: from, Clock: s.Timers(), Log: logr.Discard(),
		Trusted: func() bool { return !s.untrusted },
	})
}

// request asks for one seat for an hour.
func request(name string) seats.Request {
	return seats.Request{
		ID: seats.NewID(name), Digest: seats.NewDigest(name), Type: v1alpha1.CheckoutProvisional,
		Items:    []seats.Item{{Name: "seats", Unit: v1alpha1.UnitCount, Quantity: 1}},
		Lifetime: time.Hour, Caller: "backend",
	}
}

// checkout grants a request.
func (s *scene) checkout(r seats.Request) seats.Grant {
	s.Helper()
	g, err := s.Books.Checkout(s.Context(), s.key, []seats.Pool{{Name: "seats", Total: 300}}, r)
	if err != nil {
		s.Fatal(err)
	}
	return g
}

func (s *scene) checkIn(g seats.Grant) {
	s.Helper()
	if err := s.Books.CheckIn(s.Context(), s.key, seats.Handle{ID: g.ID, Block: g.Block, Sequence: g.Sequence}); err != nil {
		s.Fatal(err)
	}
}

func (s *scene) name(block int32) types.NamespacedName {
	return types.NamespacedName{Namespace: s.Namespace, Name: seats.BlockName("initech", block)}
}

// try reconciles block 0.
func (s *scene) try() (reconcile.Result, error) {
	return s.Reconcile(s.Context(), reconcile.Request{NamespacedName: s.name(0)})
}

func (s *scene) reconcile() reconcile.Result {
	s.Helper()
	result, err := s.try()
	if err != nil {
		s.Fatalf("Reconcile: %v", err)
	}
	return result
}

// objects are the LicenseCheckouts of the namespace by name.
func (s *scene) objects() map[string]*v1alpha1.LicenseCheckout {
	s.Helper()
	list := &v1alpha1.LicenseCheckoutList{}
	s.Stage.List(list)
	objects := map[string]*v1alpha1.LicenseCheckout{}
	for i := range list.Items {
		objects[list.Items[i].Name] = &list.Items[i]
	}
	return objects
}

// object is the one that stands for a grant.
func (s *scene) object(g seats.Grant) *v1alpha1.LicenseCheckout {
	s.Helper()
	co := s.objects()[store.ProjectionName(g.ID)]
	if co == nil {
		s.Fatalf("the checkout %s has no LicenseCheckout", g.ID)
	}
	return co
}

// none expects that no LicenseCheckout is there.
func (s *scene) none() {
	s.Helper()
	for name := range s.objects() {
		s.Errorf("there is a LicenseCheckout %s", name)
	}
}

// block is a block as the API server has it; nil if it has none.
func (s *scene) block(number int32) *seats.Block {
	s.Helper()
	l, err := store.Ledgers{Live: s.Admin}.Read(s.Context(), s.key, number)
	if err != nil {
		s.Fatal(err)
	}
	if l == nil {
		return nil
	}
	b, err := seats.Decode(l)
	if err != nil {
		s.Fatal(err)
	}
	for _, drift := range seats.Check([]*seats.Block{b}) {
		s.Errorf("block %d: %s", number, drift.What)
	}
	return b
}

// holds expects that block 0 holds a grant, or does not.
func (s *scene) holds(g seats.Grant, want bool) *seats.Entry {
	s.Helper()
	b := s.block(0)
	if b == nil {
		s.Fatal("there is no block")
	}
	e := b.Get(g.ID)
	if (e != nil) != want {
		s.Fatalf("the book holds %s: %t, want %t", g.ID, e != nil, want)
	}
	return e
}

// projected expects that the book knows, or does not, that an object was made.
func (s *scene) projected(g seats.Grant, want bool) {
	s.Helper()
	if e := s.holds(g, true); e.Projected != want {
		s.Errorf("%s is projected: %t, want %t", g.ID, e.Projected, want)
	}
}

// write makes a block as a backup or a test has it.
func (s *scene) write(b *seats.Block) *v1alpha1.SeatLedger {
	s.Helper()
	b.Key, b.Sequence, b.Term, b.HighWater = s.key, 1, int64(b.Number)+1, issue
	var used int64
	for _, e := range b.Entries {
		e.Block = b.Number
		for _, item := range e.Items {
			used += item.Quantity
		}
	}
	capacity := int64(300)
	if b.Successor != nil {
		capacity = used
	}
	b.Pools = []v1alpha1.SeatPool{{Name: "seats", Total: 300, Capacity: capacity, Used: used, Overage: v1alpha1.Forbidden}}
	l := b.Encode()
	l.Name, l.Namespace, l.Labels = s.name(b.Number).Name, s.Namespace, map[string]string{seats.LabelBlock: "initech"}
	s.Stage.Create(l)
	return l
}

// entry is one that a written block holds since some time.
func entry(name string, issued time.Time, projected bool) *seats.Entry {
	r := request(name)
	return &seats.Entry{Digest: r.Digest, Grant: seats.Grant{
		ID: r.ID, Sequence: 1, Type: r.Type, Items: r.Items, Caller: r.Caller,
		IssueTime: issued, ExpirationTime: issue.Add(time.Hour), Projected: projected,
	}}
}

// cacheLike gives what the cache of the operator would: stripped objects.
type cacheLike struct {
	client.Client
	// hide leaves LicenseCheckouts out that have not come yet.
	hide func(*v1alpha1.LicenseCheckout) bool
	// ledger is given instead of the newest version, if set.
	ledger *v1alpha1.SeatLedger
	// gone says that Subscriptions have not come yet.
	gone bool
}

func (c *cacheLike) Get(ctx context.Context, key client.ObjectKey, obj client.Object, opts ...client.GetOption) error {
	switch obj := obj.(type) {
	case *v1alpha1.SeatLedger:
		if c.ledger != nil {
			c.ledger.DeepCopyInto(obj)
			return nil
		}
	case *v1alpha1.Subscription:
		if c.gone {
			key.Name += "-hidden"
		}
	}
	return c.Client.Get(ctx, key, obj, opts...)
}

func (c *cacheLike) List(ctx context.Context, list client.ObjectList, opts ...client.ListOption) error {
	if err := c.Client.List(ctx, list, opts...); err != nil {
		return err
	}
	if list, ok := list.(*v1alpha1.LicenseCheckoutList); ok {
		compactor := store.NewCompactor()
		kept := list.Items[:0]
		for i := range list.Items {
			if _, err := compactor.Transform(&list.Items[i]); err != nil {
				return err
			}
			if c.hide == nil || !c.hide(&list.Items[i]) {
				kept = append(kept, list.Items[i])
			}
		}
		list.Items = kept
	}
	return nil
}

// faultyClient counts what is asked of the API server, and disturbs it.
type faultyClient struct {
	client.Client
	mu sync.Mutex
	// Each hook is given the write to do, or not to do.
	create, status                  func(do func() error) error
	creates, deletes, patches, gets int
}

func (c *faultyClient) count(n *int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	*n++
}

func (c *faultyClient) Get(ctx context.Context, key client.ObjectKey, obj client.Object, opts ...client.GetOption) error {
	c.count(&c.gets)
	return c.Client.Get(ctx, key, obj, opts...)
}

func (c *faultyClient) Create(ctx context.Context, obj client.Object, opts ...client.CreateOption) error {
	c.count(&c.creates)
	do := func() error { return c.Client.Create(ctx, obj, opts...) }
	if c.create != nil {
		return c.create(do)
	}
	return do()
}

func (c *faultyClient) Delete(ctx context.Context, obj client.Object, opts ...client.DeleteOption) error {
	c.count(&c.deletes)
	return c.Client.Delete(ctx, obj, opts...)
}

func (c *faultyClient) Status() client.SubResourceWriter {
	return expect.Disturbed(c.Client, expect.Faults{PatchStatus: func(do func() error) error {
		c.count(&c.patches)
		if c.status != nil {
			return c.status(do)
		}
		return do()
	}}).Status()
}

// faultyStore disturbs commits.
type faultyStore struct {
	seats.Store
	commit func(do func() (*v1alpha1.SeatLedger, seats.Result, error)) (*v1alpha1.SeatLedger, seats.Result, error)
}

func (f *faultyStore) Commit(ctx context.Context, l *v1alpha1.SeatLedger) (*v1alpha1.SeatLedger, seats.Result, error) {
	do := func() (*v1alpha1.SeatLedger, seats.Result, error) { return f.Store.Commit(ctx, l) }
	if f.commit != nil {
		return f.commit(do)
	}
	return do()
}

// errForbidden is what a quota or a policy answers.
var errForbidden = apierrors.NewForbidden(v1alpha1.GroupVersion.WithResource("licensecheckouts").GroupResource(), "co",
	errors.New("exceeded quota: few"))

// unreachable is an API server that does not answer reads.
type unreachable struct{ client.Client }

func (unreachable) Get(context.Context, client.ObjectKey, client.Object, ...client.GetOption) error {
	return apierrors.NewServiceUnavailable("down")
}
