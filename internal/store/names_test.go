// Copyright The license-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package store_test

import (
	"context"
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	toolscache "k8s.io/client-go/tools/cache"
	"sigs.k8s.io/controller-runtime/pkg/cache"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/license-operator/license-operator/api/v1alpha1"
	"github.com/license-operator/license-operator/internal/seats"
	"github.com/license-operator/license-operator/internal/store"
	"github.com/license-operator/license-operator/test/builder"
	"github.com/license-operator/license-operator/test/expect"
)

func TestAccount(t *testing.T) {
	names := store.Names{Identity: expect.NewKeys(t, 7).Get().Identity}
	derived := names.Identity.AccountID("acme")
	for name, test := range map[string]struct {
		namespace *builder.NamespaceBuilder
		account   string
		valid     bool
	}{
		"no annotation":            {builder.Namespace("acme"), derived, true},
		"12 digits":                {builder.Namespace("acme").WithAccountID("012345678901"), "012345678901", true},
		"an empty annotation":      {builder.Namespace("acme").WithAccountID(""), derived, false},
		"11 digits":                {builder.Namespace("acme").WithAccountID("01234567890"), derived, false},
		"13 digits":                {builder.Namespace("acme").WithAccountID("0123456789012"), derived, false},
		"a letter":                 {builder.Namespace("acme").WithAccountID("01234567890a"), derived, false},
		"digits and a newline":     {builder.Namespace("acme").WithAccountID("012345678901\n"), derived, false},
		"digits of another script": {builder.Namespace("acme").WithAccountID("٠١٢٣٤٥٦٧٨٩٠١"), derived, false},
	} {
		t.Run(name, func(t *testing.T) {
			if account, valid := names.Account(test.namespace.Build()); account != test.account || valid != test.valid {
				t.Errorf("it is %s, %t; want %s, %t", account, valid, test.account, test.valid)
			}
		})
	}
}

func TestWhoseAnAccountIs(t *testing.T) {
	names := store.Names{Identity: expect.NewKeys(t, 7).Get().Identity}
	derived := names.Identity.AccountID("victim")
	at := func(b *builder.NamespaceBuilder, second int64) *corev1.Namespace {
		ns := b.Build()
		ns.CreationTimestamp = metav1.Unix(second, 0)
		return ns
	}
	for name, test := range map[string]struct{ first, second *corev1.Namespace }{
		"a derived one before an older annotated one": {at(builder.Namespace("victim"), 9), at(builder.Namespace("a").WithAccountID(derived), 1)},
		"what is derived and annotated is derived":    {at(builder.Namespace("victim").WithAccountID(derived), 9), at(builder.Namespace("a").WithAccountID(derived), 1)},
		"an annotation that is no account is none":    {at(builder.Namespace("victim").WithAccountID("no digits"), 9), at(builder.Namespace("a").WithAccountID(derived), 1)},
		"of two annotated ones the older":             {at(builder.Namespace("z").WithAccountID("555555555555"), 1), at(builder.Namespace("a").WithAccountID("555555555555"), 2)},
		"within one second by name":                   {at(builder.Namespace("a").WithAccountID("555555555555"), 1), at(builder.Namespace("z").WithAccountID("555555555555"), 1)},
	} {
		t.Run(name, func(t *testing.T) {
			if !names.HasAccountBefore(test.first, test.second) || names.HasAccountBefore(test.second, test.first) {
				t.Error("the other one has it")
			}
		})
	}
}

// indexer records what is indexed.
type indexer struct {
	cache.Informers
	cache.Informer
	added map[string]client.IndexerFunc
	// kept are those that are asked for one namespace only, as the cache keeps them.
	kept toolscache.Indexers
	err  error
}

func newIndexer() *indexer {
	return &indexer{added: map[string]client.IndexerFunc{}, kept: toolscache.Indexers{}}
}

func (i *indexer) IndexField(_ context.Context, _ client.Object, field string, extract client.IndexerFunc) error {
	if i.err != nil {
		return i.err
	}
	i.added[field] = extract
	return nil
}

func (i *indexer) GetInformer(context.Context, client.Object, ...cache.InformerGetOption) (cache.Informer, error) {
	return i, i.err
}

// AddIndexers takes the namespace off the keys.
func (i *indexer) AddIndexers(indexers toolscache.Indexers) error {
	for name, index := range indexers {
		i.kept[name] = index
		i.added[strings.TrimPrefix(name, "field:")] = func(o client.Object) (values []string) {
			keys, err := index(o)
			if err != nil {
				return []string{err.Error()}
			}
			for _, key := range keys {
				values = append(values, strings.TrimPrefix(key, o.GetNamespace()+"/"))
			}
			return values
		}
	}
	return nil
}

func TestEveryIndexFindsItsObjects(t *testing.T) {
	names := store.Names{Identity: expect.NewKeys(t, 7).Get().Identity}
	identity := names.Identity
	in := func(o client.Object) client.Object { o.SetNamespace("acme"); return o }
	hash := identity.HashActivationKey("A")
	rotating := builder.VendorKey("backend").WithRotation(3).WithOverlap(60).With(func(k *v1alpha1.AccessKey) {
		k.Status.Rotation = 2
		k.Status.Previous = &v1alpha1.PreviousAccessKey{AccessKeyID: "AKIAPREVIOUS", Rotation: 1}
	})
	projection := builder.LicenseCheckout("co-a", "s").HeldByPod("worker-0").Build()
	projection.Labels = store.ProjectionLabels(seats.Key{Namespace: "acme", Name: "s"}, 3)
	want := map[string]map[client.Object][]string{
		store.IndexProductCode: {
			in(builder.Product("a").Build()):                      {identity.ProductCode("acme", "a")},
			in(builder.Product("a").WithCode("774F4FF8").Build()): {"774F4FF8"},
		},
		store.IndexProductSKU: {
			in(builder.Product("a").Build()):                 {"a"},
			in(builder.Product("a").WithSKU("ACME").Build()): {"ACME"},
		},
		store.IndexProductImportedToken: {
			in(builder.Product("a").Build()):                          nil,
			in(builder.Product("a").WithImportedToken("sum").Build()): {"sum"},
		},
		store.IndexSubscriptionProduct: {in(builder.Subscription("s", "a").Build()): {"a"}},
		store.IndexSubscriptionPID: {
			in(builder.Subscription("s", "a").Build()):                     {identity.PersistentIdentifier("acme", identity.CustomerIdentifier("acme", "s"))},
			in(builder.Subscription("s", "a").WithCustomer("c-1").Build()): {identity.PersistentIdentifier("acme", "c-1")},
		},
		store.IndexSubscriptionAccount: {
			in(builder.Subscription("s", "a").Build()):                               nil,
			in(builder.Subscription("s", "a").WithAccountID("210987654321").Build()): {"210987654321"},
		},
		store.IndexSubscriptionLicense: {
			in(builder.Subscription("s", "a").Build()): {strings.TrimPrefix(identity.LicenseARN("1", "acme", "s"), "arn:aws:license-manager::1:license:")},
		},
		store.IndexActivationKeyHash: {
			in(builder.Activation("a", "s").Build()): nil,
			in(builder.Activation("a", "s").With(func(a *v1alpha1.Activation) { a.Status.KeyHash = hash }).Build()): {hash},
		},
		store.IndexActivationSubscription: {in(builder.Activation("a", "s").Build()): {"s"}},
		store.IndexAccessKeyID: {
			in(builder.VendorKey("backend").Build()): {identity.AccessKeyID("acme", "backend", 1)},
			in(rotating.Build()):                     {identity.AccessKeyID("acme", "backend", 3), identity.AccessKeyID("acme", "backend", 2), "AKIAPREVIOUS"},
		},
		store.IndexAccessKeySubscription: {
			in(builder.VendorKey("backend").Build()):        nil,
			in(builder.CustomerKey("backend", "s").Build()): {"s"},
		},
		store.IndexAccessKeyActivation: {
			in(builder.CustomerKey("backend", "s").Build()):             nil,
			in(builder.CustomerKey("backend", "s").MadeBy("a").Build()): {"a"},
		},
		store.IndexSeatLedgerSubscription: {in(builder.SeatLedger("s", 0).Build()): {"s"}},
		store.IndexSeatLedgerPod:          {in(builder.SeatLedger("s", 0).Build()): nil},
		store.IndexLicenseCheckoutBlock: {
			in(builder.LicenseCheckout("a", "s").Build()): nil,
			in(projection): {"s-3"},
		},
		store.IndexLicenseCheckoutSubscription: {
			in(builder.LicenseCheckout("a", "s").Build()): {"s"},
			in(projection): nil,
		},
		store.IndexLicenseCheckoutQueued: {
			in(builder.LicenseCheckout("a", "s").Build()):          {"s"},
			in(builder.LicenseCheckout("a", "s").OrFail().Build()): nil,
			in(projection): nil,
		},
		store.IndexLicenseCheckoutHolder: {
			in(builder.LicenseCheckout("a", "s").Build()):                       nil,
			in(builder.LicenseCheckout("a", "s").HeldByPod("worker-0").Build()): {"worker-0"},
			in(projection): nil,
		},
		store.IndexNamespaceAccount: {
			&metav1.PartialObjectMetadata{ObjectMeta: metav1.ObjectMeta{Name: "acme"}}:                                            {identity.AccountID("acme")},
			&metav1.PartialObjectMetadata{ObjectMeta: builder.Namespace("acme").WithAccountID("012345678901").Build().ObjectMeta}: {"012345678901"},
		},
	}
	got := newIndexer()
	if err := store.SetupIndexes(t.Context(), got, names); err != nil {
		t.Fatal(err)
	}
	if len(got.added) != len(want) {
		t.Errorf("there are %d indexes, want %d", len(got.added), len(want))
	}
	for index, objects := range want {
		for o, keys := range objects {
			if diff := cmp.Diff(keys, got.added[index](o)); diff != "" {
				t.Errorf("%s of %v (-want +got):\n%s", index, types.NamespacedName{Namespace: o.GetNamespace(), Name: o.GetName()}, diff)
			}
		}
	}
	if _, err := got.kept["field:"+store.IndexSubscriptionPID]("gone"); err == nil {
		t.Error("something that is no object is indexed")
	}
	failure := errors.New("no cache")
	if err := store.SetupIndexes(t.Context(), &indexer{err: failure}, names); !errors.Is(err, failure) {
		t.Errorf("the error is %v, want %v", err, failure)
	}
}

func FuzzParseLicenseARN(f *testing.F) {
	f.Add("arn:aws:license-manager::123456789012:license:l-bc39444470c642ae9ead0eabe8465bb1")
	f.Add("arn:aws:license-manager::123456789012:license:l-")
	f.Fuzz(func(t *testing.T, arn string) {
		account, id, ok := store.ParseLicenseARN(arn)
		if ok && arn != "arn:aws:license-manager::"+account+":license:"+id {
			t.Errorf("%q is parsed as %q and %q", arn, account, id)
		}
	})
}
