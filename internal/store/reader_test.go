// Copyright The license-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package store_test

import (
	"context"
	"crypto/rand"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"sigs.k8s.io/controller-runtime/pkg/cache"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/license-operator/license-operator/api/v1alpha1"
	"github.com/license-operator/license-operator/internal/store"
	"github.com/license-operator/license-operator/test/builder"
	"github.com/license-operator/license-operator/test/env"
	"github.com/license-operator/license-operator/test/expect"
)

// noServer fails the test when a store with a full cache asks it.
type noServer struct {
	client.Client
	t *testing.T
}

func (n noServer) Get(_ context.Context, key client.ObjectKey, obj client.Object, _ ...client.GetOption) error {
	n.t.Errorf("the API server was asked for %T %s", obj, key)
	return errBroken
}

func (n noServer) List(_ context.Context, list client.ObjectList, _ ...client.ListOption) error {
	n.t.Errorf("the API server was asked for %T", list)
	return errBroken
}

// runCache starts a cache with the operator's indexes and waits until it has
// synced.
func runCache(t *testing.T, s *expect.Stage) (cache.Cache, *store.Reader) {
	t.Helper()
	c, err := cache.New(cluster.Operator, cache.Options{Scheme: env.NewScheme()})
	if err != nil {
		t.Fatal(err)
	}
	if err := store.SetupIndexes(t.Context(), c, s.Names); err != nil {
		t.Fatal(err)
	}
	reader, err := store.NewReader(t.Context(), c)
	if err != nil {
		t.Fatal(err)
	}
	go func() { _ = c.Start(t.Context()) }()
	if !c.WaitForCacheSync(t.Context()) {
		t.Fatal("the cache does not sync")
	}
	return c, reader
}

func TestAReaderFindsWhatTheCacheFinds(t *testing.T) {
	s := expect.On(t, cluster)
	token := strings.Repeat("0a", 32)
	s.Create(builder.Product("render-farm").WithCode("FARM").WithImportedToken(token).Build(),
		builder.Subscription("initech", "render-farm").WithAccountID("210987654321").Build(),
		builder.Subscription("a", "render-farm").Build(), builder.Subscription("globex", "render-farm").Build(),
		builder.Activation("first", "initech").Build(), builder.VendorKey("vendor").Build())
	activation := builder.Activation("first", "initech").InNamespace(s.Namespace).Build()
	key, err := s.Names.Identity.NewActivationKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	expect.EditStatus(s, activation, func(a *v1alpha1.Activation) {
		a.Status.KeyHash = s.Names.Identity.HashActivationKey(key)
	})
	cached, reader := runCache(t, s)
	pid := s.Names.Identity.PersistentIdentifier(s.Namespace, s.Names.Customer(
		builder.Subscription("initech", "render-farm").InNamespace(s.Namespace).Build()))
	id := s.Names.AccessKeyID(builder.VendorKey("vendor").InNamespace(s.Namespace).Build(), 1)

	type found struct {
		Product                *v1alpha1.Product
		Subscription           *v1alpha1.Subscription
		Activation, ByKey      *v1alpha1.Activation
		Key                    *v1alpha1.AccessKey
		Subscribed, Known      bool
		Imported, Anywhere     bool
		OfTheCode, OfAnother   bool
		CodeKnown, CodeUnknown bool
		Codes                  []string
		BySKU                  *v1alpha1.Product
		To                     []*v1alpha1.Subscription
		ByLicense              *v1alpha1.Subscription
		Account, OfAccount     string
		Names, Of              []string
		ByCode                 *v1alpha1.Product
		Namespaces             []string
	}
	look := func(r client.Reader) (f found) {
		st := store.New(s.Names, r, noServer{t: t}, s.Clock)
		must := func(err error) {
			t.Helper()
			if err != nil {
				t.Fatal(err)
			}
		}
		ctx := t.Context()
		var err error
		f.Product, err = st.Product(ctx, s.Namespace, "render-farm")
		must(err)
		f.Subscription, err = st.Subscription(ctx, s.Namespace, "initech")
		must(err)
		f.Activation, err = st.Activation(ctx, s.Namespace, "first")
		must(err)
		f.ByKey, err = st.ActivationByKey(ctx, key)
		must(err)
		f.Key, _, err = st.AccessKey(ctx, id)
		must(err)
		f.Subscribed, f.Known, err = st.Subscribed(ctx, s.Namespace, pid, "FARM")
		must(err)
		f.Imported, err = st.TokenImported(ctx, s.Namespace, token)
		must(err)
		f.Anywhere, err = st.TokenImported(ctx, "", token)
		must(err)
		f.OfTheCode, err = st.TokenImportedFor(ctx, s.Namespace, token, "FARM")
		must(err)
		f.OfAnother, err = st.TokenImportedFor(ctx, s.Namespace, token, "STUDIO")
		must(err)
		f.CodeKnown, err = st.ProductKnown(ctx, s.Namespace, "FARM")
		must(err)
		f.CodeUnknown, err = st.ProductKnown(ctx, s.Namespace, "STUDIO")
		must(err)
		f.Codes, err = st.ActiveCodes(ctx, s.Namespace, pid)
		must(err)
		f.BySKU, err = st.ProductBySKU(ctx, s.Namespace, "render-farm")
		must(err)
		f.To, err = st.SubscriptionsTo(ctx, s.Namespace, "render-farm", "210987654321")
		must(err)
		f.Account, err = st.Account(ctx, s.Namespace)
		must(err)
		f.ByLicense, err = st.SubscriptionByLicense(ctx, s.Namespace, s.Names.LicenseARN(f.Account, f.Subscription))
		must(err)
		f.OfAccount, err = st.NamespaceOfAccount(ctx, f.Account)
		must(err)
		subs, err := st.Subscriptions(ctx, s.Namespace, "a")
		must(err)
		for sub := range subs {
			f.Names = append(f.Names, sub.Name)
		}
		subs, err = st.SubscriptionsOf(ctx, s.Namespace, "render-farm", "globex")
		must(err)
		for sub := range subs {
			f.Of = append(f.Of, sub.Name)
		}
		f.ByCode, err = st.ProductByCode(ctx, s.Namespace, "FARM")
		must(err)
		f.Namespaces, err = st.NamespacesOfCode(ctx, "FARM")
		must(err)
		return f
	}
	want, got := look(cached), look(reader)
	for _, o := range []client.Object{got.Product, got.Subscription, got.Activation, got.ByKey, got.Key, got.BySKU, got.ByLicense, got.ByCode} {
		if reflect.ValueOf(o).IsNil() {
			t.Errorf("the %T was not found", o)
		}
	}
	// The cache sets it in the copies that it makes.
	ignoreKind := cmp.FilterPath(func(p cmp.Path) bool { return p.Last().String() == ".TypeMeta" }, cmp.Ignore())
	if diff := cmp.Diff(want, got, ignoreKind); diff != "" {
		t.Errorf("the reader's answers differ from the cache's (-cache +reader):\n%s", diff)
	}
	if !got.Subscribed || !got.Known || !got.Imported || !got.Anywhere || !got.OfTheCode || got.OfAnother || !got.CodeKnown || got.CodeUnknown {
		t.Errorf("the reader has found %+v", got)
	}
	if diff := cmp.Diff([]string{"globex", "initech"}, got.Names); diff != "" || len(got.To) != 1 || got.OfAccount != s.Namespace {
		t.Errorf("the reader has found %+v", got)
	}
	if diff := cmp.Diff([]string{"globex", "initech"}, got.Of); diff != "" || !slices.Contains(got.Namespaces, s.Namespace) {
		t.Errorf("the reader has found %+v", got)
	}
	if again := look(reader); again.Product != got.Product {
		t.Error("the reader copies what it reads")
	}
}

func TestAReaderRefusesACacheWithoutTheIndexes(t *testing.T) {
	c, err := cache.New(cluster.Operator, cache.Options{Scheme: env.NewScheme()})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := store.NewReader(t.Context(), c); err == nil || !strings.Contains(err.Error(), store.IndexProductCode) {
		t.Errorf("got %v, want an error that names the index", err)
	}
}
