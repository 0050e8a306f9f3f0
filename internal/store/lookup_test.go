// Copyright The license-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package store_test

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/ptr"

	"github.com/license-operator/license-operator/api/v1alpha1"
	"github.com/license-operator/license-operator/internal/fault"
	"github.com/license-operator/license-operator/internal/store"
	"github.com/license-operator/license-operator/test/builder"
	"github.com/license-operator/license-operator/test/expect"
)

// lookup is one of the store's look-ups, for something that exists.
type lookup func(ctx context.Context, st *store.Store) (found bool, err error)

// lookups makes one thing of each kind and says how it is looked up.
func lookups(s *scene) map[string]lookup {
	s.Helper()
	s.Create(builder.Product("render-farm").WithCode("774F4FF8").WithSKU("ACME-RENDER").Build())
	sub := s.subscription(builder.Subscription("initech", "render-farm").WithAccountID("210987654321"))
	pid := s.Names.PID(sub)
	account := s.Names.Identity.AccountID(s.Namespace)
	subscriptionsTo := func(beneficiary string) lookup {
		return func(ctx context.Context, st *store.Store) (bool, error) {
			subs, err := st.SubscriptionsTo(ctx, s.Namespace, "render-farm", beneficiary)
			return len(subs) == 1 && subs[0].Name == "initech", err
		}
	}
	k := builder.VendorKey("backend").Build()
	s.Create(k)
	id := s.Names.AccessKeyID(k, 1)
	expect.EditStatus(s.Stage, k, func(k *v1alpha1.AccessKey) { k.Status.AccessKeyID, k.Status.Rotation = id, 1 })
	key := activationKey(s)
	a := builder.Activation("initech-1", "initech").Build()
	s.Create(a)
	expect.EditStatus(s.Stage, a, func(a *v1alpha1.Activation) { a.Status.KeyHash = s.Names.Identity.HashActivationKey(key) })
	return map[string]lookup{
		"an access key by its id": func(ctx context.Context, st *store.Store) (bool, error) {
			k, rotation, err := st.AccessKey(ctx, id)
			return k != nil && k.Name == "backend" && rotation == 1, err
		},
		"an activation by its key": func(ctx context.Context, st *store.Store) (bool, error) {
			a, err := st.ActivationByKey(ctx, key)
			return a != nil && a.Name == "initech-1", err
		},
		"a product": func(ctx context.Context, st *store.Store) (bool, error) {
			p, err := st.Product(ctx, s.Namespace, "render-farm")
			return p != nil && p.Spec.Code == "774F4FF8", err
		},
		"a subscription": func(ctx context.Context, st *store.Store) (bool, error) {
			sub, err := st.Subscription(ctx, s.Namespace, "initech")
			return sub != nil && sub.Name == "initech", err
		},
		"a product by its SKU": func(ctx context.Context, st *store.Store) (bool, error) {
			p, err := st.ProductBySKU(ctx, s.Namespace, "ACME-RENDER")
			return p != nil && p.Name == "render-farm", err
		},
		"a customer's subscriptions by identifier": subscriptionsTo(s.Names.Customer(sub)),
		"a customer's subscriptions by account":    subscriptionsTo("210987654321"),
		"a subscription by its licence": func(ctx context.Context, st *store.Store) (bool, error) {
			sub, err := st.SubscriptionByLicense(ctx, s.Namespace, s.Names.LicenseARN(account, sub))
			return sub != nil && sub.Name == "initech", err
		},
		"a namespace's account": func(ctx context.Context, st *store.Store) (bool, error) {
			got, err := st.Account(ctx, s.Namespace)
			return got == account, err
		},
		"whether a customer is subscribed": func(ctx context.Context, st *store.Store) (bool, error) {
			subscribed, known, err := st.Subscribed(ctx, s.Namespace, pid, "774F4FF8")
			return subscribed && known, err
		},
		"what a customer is subscribed to": func(ctx context.Context, st *store.Store) (bool, error) {
			codes, err := st.ActiveCodes(ctx, s.Namespace, pid)
			return len(codes) == 1 && codes[0] == "774F4FF8", err
		},
	}
}

func activationKey(s *scene) string {
	s.Helper()
	key, err := s.Names.Identity.NewActivationKey(rand.Reader)
	if err != nil {
		s.Fatal(err)
	}
	return key
}

func TestWhatTheCacheHoldsIsNotAskedOfTheAPIServer(t *testing.T) {
	s := newScene(t)
	for name, look := range lookups(s) {
		if found, err := look(t.Context(), s.current); !found || err != nil {
			t.Errorf("%s: found is %t and the error %v", name, found, err)
		}
	}
	s.reads(0)
}

func TestWhatTheCacheDoesNotHoldYetIsFoundAtTheAPIServer(t *testing.T) {
	s := newScene(t)
	for name, look := range lookups(s) {
		if found, err := look(t.Context(), s.lagging); !found || err != nil {
			t.Errorf("%s: found is %t and the error %v", name, found, err)
		}
		if s.live.reads.Swap(0) == 0 {
			t.Errorf("%s: the API server was not asked", name)
		}
	}
}

func TestWithoutAnAPIServerTheAnswerIsUnavailable(t *testing.T) {
	s := newScene(t)
	st := store.New(s.Names, expect.EmptyCache{}, broken{s.live}, s.Clock)
	for name, look := range lookups(s) {
		found, err := look(t.Context(), st)
		if found || fault.KindOf(err) != fault.Unavailable || !errors.Is(err, errBroken) {
			t.Errorf("%s: found is %t and the error %v, want Unavailable", name, found, err)
		}
		if f, ok := errors.AsType[*fault.Error](err); ok && strings.Contains(f.Detail, errBroken.Error()) {
			t.Errorf("%s: the caller is told %q", name, f.Detail)
		}
	}
}

func TestABrokenCacheIsAnInternalErrorAndNoAnswer(t *testing.T) {
	s := newScene(t)
	st := store.New(s.Names, broken{s.live}, s.live, s.Clock)
	for name, look := range lookups(s) {
		if found, err := look(t.Context(), st); found || !errors.Is(err, errBroken) || fault.KindOf(err) != fault.Internal {
			t.Errorf("%s: found is %t and the error %v", name, found, err)
		}
	}
	s.reads(0)
}

func TestWhatWasMadeUpCostsNoLookUp(t *testing.T) {
	s := newScene(t)
	lookups(s)
	elsewhere := expect.NewKeys(t, 8).Get().Identity
	foreignKey, err := elsewhere.NewActivationKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	for name, id := range map[string]string{
		"no id": "", "an id of AWS's": "AKIAIOSFODNN7EXAMPLE", "a prefix": "AKIA",
		"another operator's": elsewhere.AccessKeyID(s.Namespace, "backend", 1),
		"a long one":         "AKIA" + strings.Repeat("A", 4096),
	} {
		if k, _, err := s.lagging.AccessKey(t.Context(), id); k != nil || err != nil {
			t.Errorf("access key, %s: it is %v and the error %v", name, k, err)
		}
	}
	registration, err := s.Names.Identity.NewRegistrationToken(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	for name, key := range map[string]string{
		"no key": "", "a word": "A", "another operator's": foreignKey, "a registration token": registration,
		"a long one": "A" + strings.Repeat("A", 4096),
	} {
		if a, err := s.lagging.ActivationByKey(t.Context(), key); a != nil || err != nil {
			t.Errorf("activation key, %s: it is %v and the error %v", name, a, err)
		}
	}
	for name, pid := range map[string]string{
		"no PID": "", "a word": "P", "another operator's": elsewhere.PersistentIdentifier(s.Namespace, "cust-42"),
		"another vendor's": s.Names.Identity.PersistentIdentifier("elsewhere", "cust-42"),
	} {
		if subscribed, known, err := s.lagging.Subscribed(t.Context(), s.Namespace, pid, "774F4FF8"); subscribed || known || err != nil {
			t.Errorf("PID, %s: subscribed is %t, known %t and the error %v", name, subscribed, known, err)
		}
		if codes, err := s.lagging.ActiveCodes(t.Context(), s.Namespace, pid); len(codes) > 0 || err != nil {
			t.Errorf("PID, %s: the codes are %v and the error %v", name, codes, err)
		}
	}
	s.reads(0)
}

func TestAnActivationThatATokenNamesIsNotLookedUp(t *testing.T) {
	s := newScene(t)
	lookups(s)
	if a, err := s.lagging.Activation(t.Context(), s.Namespace, "initech-1"); a != nil || err != nil {
		t.Errorf("it is %v and the error %v", a, err)
	}
	if a, err := s.current.Activation(t.Context(), s.Namespace, "initech-1"); a == nil || err != nil {
		t.Errorf("with a cache it is %v and the error %v", a, err)
	}
	s.reads(0)
}

func TestLookUpsForWhatDoesNotExistAreBounded(t *testing.T) {
	const many = 300
	for name, test := range map[string]struct {
		look func(s *scene, n int) error
		kind fault.Kind
	}{
		"products": {func(s *scene, n int) error {
			_, err := s.lagging.Product(s.Context(), s.Namespace, fmt.Sprint("gone-", n))
			return err
		}, fault.Throttled},
		"subscriptions": {func(s *scene, n int) error {
			_, err := s.lagging.Subscription(s.Context(), s.Namespace, fmt.Sprint("gone-", n))
			return err
		}, fault.Throttled},
		"access keys": {func(s *scene, n int) error {
			_, _, err := s.lagging.AccessKey(s.Context(), s.Names.Identity.AccessKeyID(s.Namespace, fmt.Sprint("gone-", n), 1))
			return err
		}, fault.Throttled},
		"activation keys": {func(s *scene, _ int) error {
			_, err := s.lagging.ActivationByKey(s.Context(), activationKey(s))
			return err
		}, fault.Throttled},
		"products by SKU": {func(s *scene, n int) error {
			_, err := s.lagging.ProductBySKU(s.Context(), s.Namespace, fmt.Sprint("GONE-", n))
			return err
		}, ""},
		"customers": {func(s *scene, n int) error {
			_, err := s.lagging.SubscriptionsTo(s.Context(), s.Namespace, "render-farm", fmt.Sprint("gone-", n))
			return err
		}, ""},
		// That a customer has no right is an everyday answer.
		"rights": {func(s *scene, n int) error {
			pid := s.Names.Identity.PersistentIdentifier(s.Namespace, fmt.Sprint("gone-", n))
			subscribed, known, err := s.lagging.Subscribed(s.Context(), s.Namespace, pid, "774F4FF8")
			if subscribed || known {
				return errors.New("somebody is subscribed")
			}
			return err
		}, ""},
	} {
		t.Run(name, func(t *testing.T) {
			s := newScene(t)
			refused := 0
			for n := range many {
				switch err := test.look(s, n); {
				case err == nil:
				case test.kind != "" && fault.KindOf(err) == test.kind:
					refused++
				default:
					t.Fatalf("look-up %d: %v", n, err)
				}
			}
			reads := s.live.reads.Swap(0)
			if reads == 0 || reads > 200 {
				t.Errorf("%d look-ups at once read the API server %d times", many, reads)
			}
			if test.kind != "" && refused != many-int(reads) {
				t.Errorf("%d of %d were refused, and %d were read", refused, many, reads)
			}
			s.Step(time.Second)
			if err := test.look(s, many); err != nil {
				t.Errorf("a second later: %v", err)
			}
			s.reads(1)
		})
	}
}

func TestOneNamespaceDoesNotUseUpWhatAnotherNeeds(t *testing.T) {
	s, other := newScene(t), newScene(t)
	other.Create(builder.Product("render-farm").Build())
	var err error
	for n := 0; err == nil && n < 1000; n++ {
		_, err = s.lagging.Product(t.Context(), s.Namespace, fmt.Sprint("gone-", n))
	}
	if fault.KindOf(err) != fault.Throttled {
		t.Fatalf("the error is %v, want Throttled", err)
	}
	if p, err := s.lagging.Product(t.Context(), other.Namespace, "render-farm"); p == nil || err != nil {
		t.Errorf("the other namespace's is %v and the error %v", p, err)
	}
}

func TestWhatWasNotThereIsLookedUpLessOften(t *testing.T) {
	s := newScene(t)
	find := func() bool {
		t.Helper()
		p, err := s.lagging.Product(t.Context(), s.Namespace, "render-farm")
		if err != nil {
			t.Fatal(err)
		}
		return p != nil
	}
	for range 200 {
		if find() {
			t.Fatal("what does not exist was found")
		}
	}
	if reads := s.live.reads.Swap(0); reads == 0 || reads > 20 {
		t.Errorf("200 look-ups for the same read the API server %d times", reads)
	}
	if p, err := s.lagging.Product(t.Context(), s.Namespace, "studio"); p != nil || err != nil {
		t.Errorf("one of another name is %v and the error %v", p, err)
	}
	if sub, err := s.lagging.Subscription(t.Context(), s.Namespace, "render-farm"); sub != nil || err != nil {
		t.Errorf("one of another kind is %v and the error %v", sub, err)
	}
	s.reads(2)
	s.Create(builder.Product("render-farm").Build())
	s.Step(time.Second)
	if !find() {
		t.Error("a second after it was made it is not found")
	}
	s.reads(1)
}

func TestAnAccessKeyIsFoundByEveryIdThatIsAccepted(t *testing.T) {
	s := newScene(t)
	k := builder.VendorKey("backend").WithRotation(2).WithOverlap(60).Build()
	s.Create(k)
	expect.EditStatus(s.Stage, k, func(k *v1alpha1.AccessKey) { k.Status.Rotation = 1 })
	found := func(want map[int32]bool) {
		t.Helper()
		for rotation, accepted := range want {
			k, got, err := s.current.AccessKey(t.Context(), s.Names.AccessKeyID(k, rotation))
			if err != nil || (k != nil) != accepted || accepted && got != rotation {
				t.Errorf("by the id of rotation %d it is %v, %d, %v", rotation, k, got, err)
			}
		}
	}
	found(map[int32]bool{1: true, 2: true, 3: false})
	expect.EditStatus(s.Stage, k, func(k *v1alpha1.AccessKey) {
		k.Status.Rotation = 2
		k.Status.Previous = &v1alpha1.PreviousAccessKey{AccessKeyID: s.Names.AccessKeyID(k, 1), Rotation: 1,
			ExpirationTime: metav1.NewTime(s.Clock.Now().Add(time.Minute))}
	})
	found(map[int32]bool{1: true, 2: true, 3: false})
	s.Step(time.Minute)
	found(map[int32]bool{1: false, 2: true})
	expect.Edit(s.Stage, k, func(k *v1alpha1.AccessKey) { k.Spec.State = v1alpha1.AccessKeyInactive })
	found(map[int32]bool{2: false})
	expect.Edit(s.Stage, k, func(k *v1alpha1.AccessKey) {
		k.Spec.State, k.Spec.Rotation, k.Spec.OverlapSeconds = v1alpha1.AccessKeyActive, ptr.To[int32](3), ptr.To[int32](0)
	})
	found(map[int32]bool{2: false, 3: true})
	s.Delete(k)
	found(map[int32]bool{3: false})
}
