// Copyright The license-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package marketplace_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/license-operator/license-operator/api/v1alpha1"
	"github.com/license-operator/license-operator/internal/fault"
	"github.com/license-operator/license-operator/internal/secrets"
	"github.com/license-operator/license-operator/internal/store"
	"github.com/license-operator/license-operator/test/builder"
	"github.com/license-operator/license-operator/test/env"
	"github.com/license-operator/license-operator/test/expect"
	"github.com/license-operator/license-operator/webhook/auth"
	"github.com/license-operator/license-operator/webhook/awsjson"
	"github.com/license-operator/license-operator/webhook/marketplace"
)

var cluster *env.Env

func TestMain(m *testing.M) {
	env.Main(m, func(e *env.Env) { cluster = e })
}

const (
	code     = "774F4FF8"
	customer = "cust-42"
	theirs   = "210987654321"
)

// live is the API server, as a test disturbs it.
type live struct {
	client.Client
	// before is called before each write of a status and each creation; what it
	// returns is the result instead.
	before func(verb string) error
	// after is the same, once it is done.
	after func(verb string) error
	// reads counts.
	reads int
}

func (l *live) do(verb string, write func() error) error {
	if l.before != nil {
		if err := l.before(verb); err != nil {
			return err
		}
	}
	err := write()
	if l.after != nil && err == nil {
		err = l.after(verb)
	}
	return err
}

// Get implements client.Reader.
func (l *live) Get(ctx context.Context, key client.ObjectKey, o client.Object, opts ...client.GetOption) error {
	l.reads++
	return l.Client.Get(ctx, key, o, opts...)
}

// List implements client.Reader.
func (l *live) List(ctx context.Context, list client.ObjectList, opts ...client.ListOption) error {
	l.reads++
	return l.Client.List(ctx, list, opts...)
}

// Create implements client.Writer.
func (l *live) Create(ctx context.Context, o client.Object, opts ...client.CreateOption) error {
	return l.do("create", func() error { return l.Client.Create(ctx, o, opts...) })
}

// Status implements client.StatusClient.
func (l *live) Status() client.SubResourceWriter { return liveStatus{l.Client.Status(), l} }

type liveStatus struct {
	client.SubResourceWriter
	live *live
}

// Patch implements client.SubResourceWriter.
func (s liveStatus) Patch(ctx context.Context, o client.Object, patch client.Patch, opts ...client.SubResourcePatchOption) error {
	return s.live.do("patch", func() error { return s.SubResourceWriter.Patch(ctx, o, patch, opts...) })
}

// rbac allows what it holds: verb, resource and namespace.
type rbac struct {
	allowed map[string]bool
	asked   int
	failure error
}

// Allowed implements operations.Access.
func (r *rbac) Allowed(_ context.Context, who *auth.Principal, verb, resource, subresource, namespace, name string) (bool, error) {
	r.asked++
	if who.Kind != auth.ServiceAccount || name != "" {
		return false, errors.New("RBAC is for ServiceAccounts and all objects")
	}
	if subresource != "" {
		resource += "/" + subresource
	}
	return r.failure == nil && r.allowed[strings.Join([]string{verb, resource, namespace}, " ")], r.failure
}

// scene is a stage with a vendor, one Product and one customer, and two
// replicas: the cache of one holds everything, that of the other nothing.
type scene struct {
	*expect.Stage
	live             *live
	rbac             *rbac
	service, lagging *marketplace.Service
	product          *v1alpha1.Product
	sub              *v1alpha1.Subscription
	vendor           *auth.Principal
}

func newScene(t *testing.T, with ...func(*builder.ProductBuilder)) *scene {
	t.Helper()
	stage := expect.On(t, cluster)
	operator := cluster.OperatorClient(t)
	s := &scene{Stage: stage, live: &live{Client: operator}, rbac: &rbac{allowed: map[string]bool{}},
		vendor: &auth.Principal{Kind: auth.Vendor, Namespace: stage.Namespace, KeyName: "backend", AccessKeyID: "AKIAVENDOR"}}
	s.service, s.lagging = s.replica(s.Operator), s.replica(expect.EmptyCache{})
	p := builder.Product("render-farm").WithCode(code).WithSeats("seats", 10).WithFeature("gpu", "")
	for _, w := range with {
		w(p)
	}
	s.product, s.sub = p.Build(), builder.Subscription("initech", "render-farm").WithCustomer(customer).WithAccountID(theirs).Build()
	s.Create(s.product, s.sub)
	return s
}

func (s *scene) replica(cache client.Reader) *marketplace.Service {
	return &marketplace.Service{Clock: s.Clock, Keys: s.Keys, Access: s.rbac, Store: store.New(s.Names, cache, s.live, s.Clock)}
}

func once(p *builder.ProductBuilder) { p.WithRegistration(14400, v1alpha1.TokenUseOnce) }

// customer is the Subscription's own access key.
func (s *scene) customer() *auth.Principal {
	return &auth.Principal{Kind: auth.Customer, Namespace: s.Namespace, KeyName: "desktop", AccessKeyID: "AKIACUSTOMER", Subscription: "initech"}
}

// pod is a ServiceAccount, which may do what is said: verb and resource, in the
// namespace of the vendor.
func (s *scene) pod(may ...string) *auth.Principal {
	for _, m := range may {
		s.rbac.allowed[m+" "+s.Namespace] = true
	}
	return &auth.Principal{Kind: auth.ServiceAccount, Username: "system:serviceaccount:farm:worker"}
}

// issued makes an Activation with a registration token, as the controller does.
func (s *scene) issued(name string) (*v1alpha1.Activation, string) {
	s.Helper()
	a := builder.Activation(name, "initech").ForRegistration().Build()
	s.Create(a)
	token, err := s.Names.RegistrationToken(a)
	if err != nil {
		s.Fatal(err)
	}
	expect.EditStatus(s.Stage, a, func(a *v1alpha1.Activation) {
		a.Status.KeyHash = s.Names.Identity.HashRegistrationToken(token)
		a.Status.IssueTime = &metav1.Time{Time: s.Clock.Now()}
		a.Status.ExpirationTime = &metav1.Time{Time: s.Clock.Now().Add(4 * time.Hour)}
	})
	return a, token
}

// shown is a token of the registration page, and the Activation that stands for
// it once it has been resolved.
func (s *scene) shown(nonce byte) (*v1alpha1.Activation, string) {
	s.Helper()
	return s.sealed(secrets.RegistrationClaims{Namespace: s.Namespace, Subscription: "initech",
		IssueTime: s.Clock.Now(), Expiration: s.Clock.Now().Add(4 * time.Hour), Nonce: [16]byte{nonce, 1}})
}

// sealed fills in the party, unless the claims have one.
func (s *scene) sealed(claims secrets.RegistrationClaims) (*v1alpha1.Activation, string) {
	s.Helper()
	if claims.Party == (secrets.Party{}) {
		claims.Party = s.Names.Party(s.product, s.sub)
	}
	token, err := s.Keys.Get().Sealing.SealRegistrationToken(s.Clock.Now(), claims)
	if err != nil {
		s.Fatal(err)
	}
	name := store.RegistrationName(s.Names.Identity.HashRegistrationToken(token))
	return &v1alpha1.Activation{ObjectMeta: metav1.ObjectMeta{Namespace: claims.Namespace, Name: name}}, token
}

// resolve calls ResolveCustomer.
func (s *scene) resolve(replica *marketplace.Service, who *auth.Principal, token string) (*awsjson.ResolveCustomerResult, error) {
	s.Helper()
	op := awsjson.Targets["AWSMPMeteringService.ResolveCustomer"]
	out, err := replica.Do(s.Context(), op, who, &awsjson.ResolveCustomerRequest{RegistrationToken: token})
	if err != nil {
		if strings.Contains(err.Error(), token[min(len(token), 8):]) && len(token) > 20 {
			s.Errorf("the error holds the token: %v", err)
		}
		return nil, err
	}
	if err := op.Check(out); err != nil {
		s.Errorf("the answer breaks the model: %v", err)
	}
	return out.(*awsjson.ResolveCustomerResult), nil
}

// refused expects a fault whose detail says something.
func (s *scene) refused(err error, kind fault.Kind, says string) {
	s.Helper()
	got, ok := errors.AsType[*fault.Error](err)
	if !ok || got.Kind != kind || !strings.Contains(got.Detail, says) {
		s.Errorf("the error is %v, want %s that says %q", err, kind, says)
	}
}

// arn is the ARN of the customer's licence.
func (s *scene) arn() string {
	s.Helper()
	account, err := s.service.Store.Account(s.Context(), s.Namespace)
	if err != nil {
		s.Fatal(err)
	}
	return s.Names.LicenseARN(account, s.sub)
}

// storeOf is a store with a connection of its own, whose cache holds nothing if
// it lags.
func storeOf(s *scene, lags bool) *store.Store {
	s.Helper()
	operator := cluster.OperatorClient(s)
	if lags {
		return store.New(s.Names, expect.EmptyCache{}, operator, s.Clock)
	}
	return store.New(s.Names, s.Operator, operator, s.Clock)
}

// shelf is a cache that holds the scene's objects and many Subscriptions.
type shelf struct {
	client.Reader
	subs []v1alpha1.Subscription
}

// List implements client.Reader.
func (s *shelf) List(ctx context.Context, list client.ObjectList, opts ...client.ListOption) error {
	if subs, ok := list.(*v1alpha1.SubscriptionList); ok {
		subs.Items = s.subs
		return nil
	}
	return s.Reader.List(ctx, list, opts...)
}
