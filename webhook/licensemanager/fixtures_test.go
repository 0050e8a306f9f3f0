// Copyright The license-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package licensemanager_test

import (
	"bytes"
	"context"
	"crypto/rand"
	"errors"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	testclock "k8s.io/utils/clock/testing"
	"k8s.io/utils/ptr"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/license-operator/license-operator/api/v1alpha1"
	"github.com/license-operator/license-operator/internal/fault"
	"github.com/license-operator/license-operator/internal/secrets"
	"github.com/license-operator/license-operator/internal/store"
	"github.com/license-operator/license-operator/test/builder"
	"github.com/license-operator/license-operator/webhook/auth"
	"github.com/license-operator/license-operator/webhook/awsjson"
	"github.com/license-operator/license-operator/webhook/licensemanager"
)

const (
	namespace = "acme"
	account   = "123456789012"
	customer  = "cust-42"
	theirs    = "210987654321"
	sku       = "ACME-RENDER"
)

// start has a fraction of a second, as real times have.
var start = time.Date(2026, time.November, 22, 2, 44, 0, 250_000_000, time.UTC)

var (
	vendor = &auth.Principal{Kind: auth.Vendor, Namespace: namespace, KeyName: "backend", AccessKeyID: "AKIAVENDOR"}
	pod    = &auth.Principal{Kind: auth.ServiceAccount, Username: "system:serviceaccount:farm:worker", PodName: "worker-0", PodUID: "pod-0"}
)

// initech is the customer's own access key.
func initech() *auth.Principal {
	return &auth.Principal{Kind: auth.Customer, Namespace: namespace, KeyName: "desktop", AccessKeyID: "AKIACUSTOMER", Subscription: "initech"}
}

// shelf is a cache, or an API server, that holds fixed objects.
type shelf struct {
	client.Client
	indexes []store.Index
	objects []client.Object
	reads   int
	// failure of every read, or nil.
	failure error
}

func (s *shelf) add(objects ...client.Object) { s.objects = append(s.objects, objects...) }

// Get implements client.Reader.
func (s *shelf) Get(_ context.Context, key client.ObjectKey, into client.Object, _ ...client.GetOption) error {
	s.reads++
	if s.failure != nil {
		return s.failure
	}
	for _, o := range s.objects {
		if o.GetNamespace() != key.Namespace || o.GetName() != key.Name {
			continue
		}
		switch into := into.(type) {
		case *v1alpha1.Product:
			if p, ok := o.(*v1alpha1.Product); ok {
				p.DeepCopyInto(into)
				return nil
			}
		case *v1alpha1.Subscription:
			if sub, ok := o.(*v1alpha1.Subscription); ok {
				sub.DeepCopyInto(into)
				return nil
			}
		case *metav1.PartialObjectMetadata:
			if ns, ok := o.(*metav1.PartialObjectMetadata); ok {
				ns.DeepCopyInto(into)
				return nil
			}
		}
	}
	return apierrors.NewNotFound(schema.GroupResource{}, key.Name)
}

// List implements client.Reader.
func (s *shelf) List(_ context.Context, list client.ObjectList, opts ...client.ListOption) error {
	s.reads++
	if s.failure != nil {
		return s.failure
	}
	var o client.ListOptions
	o.ApplyOptions(opts)
	var found []runtime.Object
	for _, object := range s.objects {
		if (o.Namespace == "" || object.GetNamespace() == o.Namespace) && ofKind(list, object) && s.selected(o, object) {
			found = append(found, object)
		}
	}
	return meta.SetList(list, found)
}

func ofKind(list client.ObjectList, o client.Object) (ok bool) {
	switch list.(type) {
	case *v1alpha1.ProductList:
		_, ok = o.(*v1alpha1.Product)
	case *v1alpha1.SubscriptionList:
		_, ok = o.(*v1alpha1.Subscription)
	case *metav1.PartialObjectMetadataList:
		_, ok = o.(*metav1.PartialObjectMetadata)
	}
	return ok
}

// selected goes by the indexes of the cache, or the API server's field.
func (s *shelf) selected(o client.ListOptions, object client.Object) bool {
	if o.FieldSelector == nil {
		return true
	}
	if value, found := o.FieldSelector.RequiresExactMatch("status.persistentIdentifier"); found {
		return object.(*v1alpha1.Subscription).Status.PersistentIdentifier == value
	}
	for _, index := range s.indexes {
		if value, found := o.FieldSelector.RequiresExactMatch(index.Name); found {
			return slices.Contains(index.Keys(object), value)
		}
	}
	return false
}

// rbac allows what it holds: verb, resource, namespace and name.
type rbac struct {
	allowed map[string]bool
	failure error
}

// Allowed implements licensemanager.Access.
func (r *rbac) Allowed(_ context.Context, who *auth.Principal, verb, resource, subresource, namespace, name string) (bool, error) {
	if r.failure != nil {
		return false, r.failure
	}
	if who.Kind != auth.ServiceAccount || subresource != "" {
		return false, errors.New("RBAC is for ServiceAccounts and whole resources")
	}
	all := strings.Join([]string{verb, resource, namespace}, " ")
	return r.allowed[all] || r.allowed[all+" "+name], nil
}

var testKeys = sync.OnceValue(func() *secrets.Keys {
	identity, err := secrets.NewIdentity(bytes.Repeat([]byte{1}, secrets.KeySize))
	must(err)
	key, err := secrets.NewSigningKey(rand.Reader, 1, secrets.DefaultRSABits, start.Add(-time.Hour), start.Add(-time.Hour))
	must(err)
	signing, err := secrets.NewSigning([]secrets.SigningKey{key})
	must(err)
	return &secrets.Keys{Identity: identity, Sealing: ring(1), Signing: signing}
})

// ring has so many versions; the first has sealed for long, the others begin an
// hour after one another.
func ring(versions int) *secrets.Keyring {
	var keys []secrets.SealingKey
	for v := range versions {
		keys = append(keys, secrets.SealingKey{Version: v + 1, Key: bytes.Repeat([]byte{byte(v + 2)}, secrets.KeySize),
			UseFromTime: start.Add(time.Duration(2*v-1) * time.Hour / 2)})
	}
	sealing, err := secrets.NewKeyring(keys)
	must(err)
	return sealing
}

func must(err error) {
	if err != nil {
		panic(err)
	}
}

// fixture is a service with what a test looks at.
type fixture struct {
	testing.TB
	service     *licensemanager.Service
	clock       *testclock.FakePassiveClock
	names       store.Names
	cache, live *shelf
	books       *books
	rbac        *rbac
}

// newFixture has one vendor with one Product and one customer, whose
// Subscription has 2 seats.
func newFixture(t testing.TB) *fixture {
	t.Helper()
	keys := &secrets.Holder{}
	must(keys.Set(testKeys()))
	f := &fixture{TB: t, clock: testclock.NewFakePassiveClock(start), names: store.Names{Identity: testKeys().Identity},
		rbac: &rbac{allowed: map[string]bool{}}}
	indexes := store.Indexes(f.names)
	f.cache, f.live, f.books = &shelf{indexes: indexes}, &shelf{indexes: indexes}, newBooks(f.clock)
	f.service = &licensemanager.Service{Clock: f.clock, Books: f.books, Keys: keys, Access: f.rbac,
		Store: store.New(f.names, f.cache, f.live, f.clock)}
	f.add(vendorNamespace(namespace, account), f.product().Build(), f.subscription("initech").WithSeats("seats", 2).Build())
	return f
}

func vendorNamespace(name, account string) *metav1.PartialObjectMetadata {
	return &metav1.PartialObjectMetadata{ObjectMeta: builder.Namespace(name).WithAccountID(account).Build().ObjectMeta}
}

// add puts objects where both the cache and the API server have them.
func (f *fixture) add(objects ...client.Object) {
	f.cache.add(objects...)
	f.live.add(objects...)
}

func (f *fixture) product() *builder.ProductBuilder {
	return builder.Product("render-farm").InNamespace(namespace).WithSKU(sku).WithCode("774F4FF8").WithDisplayName("Acme Render Farm").
		WithIssuer("Acme").WithSeats("seats", 10).WithFeature("gpu", "Enabled").WithBorrow(1440, v1alpha1.Allowed)
}

// subscription is one of the customer's, made an hour ago.
func (f *fixture) subscription(name string) *builder.SubscriptionBuilder {
	return builder.Subscription(name, "render-farm").InNamespace(namespace).WithCustomer(customer).WithAccountID(theirs).
		With(func(sub *v1alpha1.Subscription) {
			sub.CreationTimestamp = metav1.NewTime(start.Add(-time.Hour).Truncate(time.Second))
			sub.Generation = 3
			sub.Status.PersistentIdentifier = f.names.PID(sub)
		})
}

// change changes an object in the cache and at the API server.
func change[O client.Object](f *fixture, name string, with func(O)) {
	f.Helper()
	for _, o := range f.cache.objects {
		if typed, ok := o.(O); ok && o.GetName() == name {
			with(typed)
			return
		}
	}
	f.Fatalf("there is no %s", name)
}

func (f *fixture) fingerprint() string { return "aws:" + account + ":Acme:issuer-fingerprint" }

func (f *fixture) arn(name string) string {
	return f.names.LicenseARN(account, &v1alpha1.Subscription{ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: name}})
}

// request asks for one seat for the customer, as the vendor would.
func (f *fixture) request(token string, with ...func(*awsjson.CheckoutLicenseRequest)) *awsjson.CheckoutLicenseRequest {
	in := &awsjson.CheckoutLicenseRequest{
		ProductSKU: sku, CheckoutType: awsjson.CheckoutTypeProvisional, KeyFingerprint: f.fingerprint(),
		Entitlements: []awsjson.EntitlementData{units("1")}, ClientToken: token, Beneficiary: ptr.To(customer),
	}
	for _, w := range with {
		w(in)
	}
	return in
}

func units(n string) awsjson.EntitlementData {
	return awsjson.EntitlementData{Name: "seats", Unit: "Count", Value: &n}
}

func feature(name string) awsjson.EntitlementData {
	return awsjson.EntitlementData{Name: name, Unit: "None"}
}

// checkout must succeed.
func (f *fixture) checkout(who *auth.Principal, in *awsjson.CheckoutLicenseRequest) *awsjson.CheckoutLicenseResponse {
	f.Helper()
	out, err := f.service.CheckoutLicense(f.Context(), who, in)
	if err != nil {
		f.Fatal(err)
	}
	return out
}

// decided expects a fault that leaves the book empty, or none if kind is "".
func (f *fixture) decided(err error, kind fault.Kind, says string) {
	f.Helper()
	if kind == "" {
		if err != nil {
			f.Error(err)
		}
		return
	}
	f.refused(err, kind, says)
	if len(f.books.entries) > 0 {
		f.Error("the book holds something")
	}
}

// refused expects a fault whose detail says something.
func (f *fixture) refused(err error, kind fault.Kind, says string) {
	f.Helper()
	got, ok := errors.AsType[*fault.Error](err)
	if !ok || got.Kind != kind || !strings.Contains(got.Detail, says) {
		f.Errorf("the error is %v, want %s that says %q", err, kind, says)
	}
}
