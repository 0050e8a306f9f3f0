// Copyright The license-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package serving

import (
	"context"
	"crypto/rand"
	"errors"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/runtime/schema"
	clocktesting "k8s.io/utils/clock/testing"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/fake"
	"sigs.k8s.io/controller-runtime/pkg/client/interceptor"

	"github.com/license-operator/license-operator/internal/secrets"
	"github.com/license-operator/license-operator/test/together"
)

var secretResource = schema.GroupResource{Resource: "secrets"}

func mustEnsure(t *testing.T, c client.Client, clk *clocktesting.FakePassiveClock, dnsNames ...string) *Bundle {
	t.Helper()
	b, err := Ensure(t.Context(), c, newConfig(dnsNames...), clk, rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func TestEnsureMakesTheSecretOnceAndRenewsIt(t *testing.T) {
	c, clk := fake.NewFakeClient(), clocktesting.NewFakePassiveClock(now)
	first := mustEnsure(t, c, clk)
	made := readSecret(t, c)
	if made.Type != corev1.SecretTypeOpaque || made.Immutable == nil || *made.Immutable {
		t.Errorf("type %s, immutable %v", made.Type, made.Immutable)
	}
	if !strings.Contains(made.Annotations[secrets.WarningAnnotation], "ca.crt") {
		t.Errorf("no warning: %v", made.Annotations)
	}
	if again := mustEnsure(t, c, clk); serial(again) != serial(first) {
		t.Error("a second start has another certificate")
	}
	if diff := cmp.Diff(made, readSecret(t, c)); diff != "" {
		t.Errorf("a second start changed the Secret:\n%s", diff)
	}

	made.Data["newer"] = []byte("of a newer operator")
	if err := c.Update(t.Context(), made); err != nil {
		t.Fatal(err)
	}
	clk.SetTime(now.Add(61 * day))
	renewed := mustEnsure(t, c, clk)
	if serial(renewed) == serial(first) {
		t.Error("the certificate was not renewed")
	}
	after := readSecret(t, c)
	if diff := cmp.Diff(edited(mustData(t, renewed), "newer", []byte("of a newer operator")), after.Data); diff != "" {
		t.Errorf("the Secret does not hold what Ensure answers:\n%s", diff)
	}
	if string(after.Data[CADataKey]) != string(made.Data[CADataKey]) {
		t.Error("the CA changed")
	}
}

// atOnce makes the first two reads end before any of them is acted upon.
func atOnce(build *fake.ClientBuilder, writes *sync.Map) client.Client {
	var mu sync.Mutex
	count := func(verb string, err error) error {
		reason := apierrors.ReasonForError(err)
		mu.Lock()
		defer mu.Unlock()
		n, _ := writes.LoadOrStore(verb+" "+string(reason), 0)
		writes.Store(verb+" "+string(reason), n.(int)+1)
		return err
	}
	return build.WithInterceptorFuncs(interceptor.Funcs{
		Get: together.Get(),
		Create: func(ctx context.Context, c client.WithWatch, obj client.Object, opts ...client.CreateOption) error {
			return count("create", c.Create(ctx, obj, opts...))
		},
		Update: func(ctx context.Context, c client.WithWatch, obj client.Object, opts ...client.UpdateOption) error {
			return count("update", c.Update(ctx, obj, opts...))
		},
	}).Build()
}

func TestReplicasThatActTogetherEndWithTheSameCertificate(t *testing.T) {
	existing := newSecret(secretName)
	existing.Data = goodData(t)
	cases := map[string]struct {
		build  *fake.ClientBuilder
		clock  *clocktesting.FakePassiveClock
		writes map[string]int
	}{
		"at the first start": {
			fake.NewClientBuilder(), clocktesting.NewFakePassiveClock(now),
			map[string]int{"create ": 1, "create AlreadyExists": 1},
		},
		"when the certificate is due": {
			fake.NewClientBuilder().WithObjects(existing), clocktesting.NewFakePassiveClock(now.Add(70 * day)),
			map[string]int{"update ": 1, "update Conflict": 1},
		},
		"when the CA is due": {
			fake.NewClientBuilder().WithObjects(existing), clocktesting.NewFakePassiveClock(now.AddDate(9, 6, 0)),
			map[string]int{"update ": 1, "update Conflict": 1},
		},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			var writes sync.Map
			c := atOnce(tc.build, &writes)
			var bundles [2]*Bundle
			var wg sync.WaitGroup
			for n := range bundles {
				wg.Go(func() {
					var err error
					if bundles[n], err = Ensure(t.Context(), c, newConfig(), tc.clock, rand.Reader); err != nil {
						t.Errorf("replica %d: %v", n, err)
					}
				})
			}
			wg.Wait()
			if t.Failed() {
				return
			}
			got := map[string]int{}
			writes.Range(func(key, value any) bool { got[key.(string)] = value.(int); return true })
			if diff := cmp.Diff(tc.writes, got); diff != "" {
				t.Errorf("writes:\n%s", diff)
			}
			if diff := cmp.Diff(mustData(t, bundles[0]), mustData(t, bundles[1])); diff != "" {
				t.Errorf("the replicas differ:\n%s", diff)
			}
			if diff := cmp.Diff(mustData(t, bundles[0]), readSecret(t, c).Data); diff != "" {
				t.Errorf("the Secret differs:\n%s", diff)
			}
		})
	}
}

func TestReplicasThatAddNamesTogetherKeepBoth(t *testing.T) {
	existing := newSecret(secretName)
	existing.Data = goodData(t)
	var writes sync.Map
	c := atOnce(fake.NewClientBuilder().WithObjects(existing), &writes)
	var wg sync.WaitGroup
	for _, name := range []string{"a.example", "b.example"} {
		wg.Go(func() {
			if _, err := Ensure(t.Context(), c, newConfig(name), clocktesting.NewFakePassiveClock(now), rand.Reader); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	b, err := Parse(readSecret(t, c).Data)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]string{"a.example", "b.example", hostname}, b.leaf.Leaf.DNSNames); diff != "" {
		t.Error(diff)
	}
}

func TestEnsureNeverOverwritesWhatItCantUse(t *testing.T) {
	for name, tc := range malformed(t) {
		t.Run(name, func(t *testing.T) {
			existing := newSecret(secretName)
			existing.Data = tc.data
			c := fake.NewClientBuilder().WithObjects(existing).Build()
			before := readSecret(t, c)
			b, err := Ensure(t.Context(), c, newConfig(), clocktesting.NewFakePassiveClock(now), rand.Reader)
			if b != nil || err == nil {
				t.Fatalf("it is used: %v", err)
			}
			for _, want := range []string{secretName.String(), tc.want, "restore it from a backup", "delete it"} {
				if !strings.Contains(err.Error(), want) {
					t.Errorf("the error does not say %q: %v", want, err)
				}
			}
			if leaks(err.Error(), tc.data) {
				t.Errorf("the error shows a key: %v", err)
			}
			if diff := cmp.Diff(before, readSecret(t, c)); diff != "" {
				t.Errorf("the Secret changed:\n%s", diff)
			}
		})
	}
}

func TestWhatTheAPIServerRefuses(t *testing.T) {
	forbidden := apierrors.NewForbidden(secretResource, secretName.Name, errors.New("no"))
	gone := apierrors.NewNotFound(secretResource, secretName.Name)
	conflict := apierrors.NewConflict(secretResource, secretName.Name, errors.New("changed"))
	existing := newSecret(secretName)
	existing.Data = goodData(t)
	due := clocktesting.NewFakePassiveClock(now.Add(70 * day))

	cases := map[string]struct {
		exists      bool
		get         error
		create      error
		update      error
		wantErr     string
		wantWrites  int
		wantServing bool
	}{
		"reading":                         {get: forbidden, wantErr: "read the Secret operator/license-operator-tls: "},
		"creating":                        {create: forbidden, wantErr: "write the Secret operator/license-operator-tls: ", wantWrites: 1},
		"creating in no namespace":        {create: apierrors.NewNotFound(schema.GroupResource{Resource: "namespaces"}, "operator"), wantErr: "write the Secret", wantWrites: 1},
		"updating, but what is there is":  {exists: true, update: forbidden, wantErr: "write the Secret", wantWrites: 1, wantServing: true},
		"updating what always changes":    {exists: true, update: conflict, wantErr: "others keep changing it", wantWrites: maxAttempts, wantServing: true},
		"updating what is always deleted": {exists: true, update: gone, wantErr: "others keep changing it", wantWrites: maxAttempts, wantServing: true},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			writes := 0
			build := fake.NewClientBuilder().WithInterceptorFuncs(interceptor.Funcs{
				Get: func(ctx context.Context, c client.WithWatch, key client.ObjectKey, obj client.Object, opts ...client.GetOption) error {
					if tc.get != nil {
						return tc.get
					}
					return c.Get(ctx, key, obj, opts...)
				},
				Create: func(context.Context, client.WithWatch, client.Object, ...client.CreateOption) error {
					writes++
					return tc.create
				},
				Update: func(context.Context, client.WithWatch, client.Object, ...client.UpdateOption) error {
					writes++
					return tc.update
				},
			})
			if tc.exists {
				build = build.WithObjects(existing)
			}
			b, err := Ensure(t.Context(), build.Build(), newConfig(), due, rand.Reader)
			if err == nil || !strings.Contains(err.Error(), tc.wantErr) {
				t.Errorf("the error is %v, want %q", err, tc.wantErr)
			}
			if writes != tc.wantWrites {
				t.Errorf("%d writes, want %d", writes, tc.wantWrites)
			}
			if (b != nil) != tc.wantServing {
				t.Errorf("the Bundle is %v", b)
			}
		})
	}
}

func TestEnsureRefusesAConfigurationBeforeItWrites(t *testing.T) {
	c := fake.NewFakeClient()
	if _, err := Ensure(t.Context(), c, Config{Secret: secretName}, clocktesting.NewFakePassiveClock(now), rand.Reader); err == nil {
		t.Error("a certificate without names was made")
	}
	if err := c.Get(t.Context(), secretName, &corev1.Secret{}); !apierrors.IsNotFound(err) {
		t.Errorf("the Secret: %v", err)
	}
}
