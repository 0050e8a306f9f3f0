// Copyright The license-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package secrets

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
	"k8s.io/apimachinery/pkg/types"
	clocktesting "k8s.io/utils/clock/testing"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/fake"
	"sigs.k8s.io/controller-runtime/pkg/client/interceptor"

	"github.com/license-operator/license-operator/test/together"
)

var secretName = types.NamespacedName{Namespace: "operator", Name: DefaultSecretName}

func readSecret(t *testing.T, c client.Client) *corev1.Secret {
	t.Helper()
	secret := &corev1.Secret{}
	if err := c.Get(t.Context(), secretName, secret); err != nil {
		t.Fatal(err)
	}
	return secret
}

func TestLoadOrCreateMakesTheSecretOnce(t *testing.T) {
	c, clk := fake.NewFakeClient(), clocktesting.NewFakePassiveClock(now)
	first, err := LoadOrCreate(t.Context(), c, secretName, clk, rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	made := readSecret(t, c)
	if made.Immutable == nil || *made.Immutable {
		t.Errorf("immutable is %v, want false", made.Immutable)
	}
	if made.Type != corev1.SecretTypeOpaque {
		t.Errorf("the type is %s", made.Type)
	}
	if !strings.Contains(made.Annotations[WarningAnnotation], "Never delete") {
		t.Errorf("no warning: %v", made.Annotations)
	}
	second, err := LoadOrCreate(t.Context(), c, secretName, clk, rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	if !first.Identity.Equal(second.Identity) {
		t.Error("a second start has another identity")
	}
	if diff := cmp.Diff(made, readSecret(t, c)); diff != "" {
		t.Errorf("a second start changed the Secret:\n%s", diff)
	}
}

// Both replicas see that there is no Secret before either creates it.
func TestReplicasThatStartTogetherEndWithTheSameKeys(t *testing.T) {
	var mu sync.Mutex
	created, refused := 0, 0
	c := fake.NewClientBuilder().WithInterceptorFuncs(interceptor.Funcs{
		Get: together.Get(),
		Create: func(ctx context.Context, c client.WithWatch, obj client.Object, opts ...client.CreateOption) error {
			err := c.Create(ctx, obj, opts...)
			mu.Lock()
			defer mu.Unlock()
			if err == nil {
				created++
			} else if apierrors.IsAlreadyExists(err) {
				refused++
			}
			return err
		},
	}).Build()

	var keys [2]*Keys
	var wg sync.WaitGroup
	for n := range keys {
		wg.Go(func() {
			var err error
			keys[n], err = LoadOrCreate(t.Context(), c, secretName, clocktesting.NewFakePassiveClock(now), rand.Reader)
			if err != nil {
				t.Errorf("replica %d: %v", n, err)
			}
		})
	}
	wg.Wait()
	if t.Failed() {
		return
	}
	if created != 1 || refused != 1 {
		t.Errorf("%d creations and %d refusals, want one of each", created, refused)
	}
	if !keys[0].Identity.Equal(keys[1].Identity) {
		t.Error("the replicas have different identities")
	}
	token := mustSealUser(t, keys[0].Sealing, now, userToken())
	if _, err := keys[1].Sealing.OpenUserToken(token); err != nil {
		t.Errorf("one replica can't open what the other has sealed: %v", err)
	}
}

func TestLoadOrCreateNeverOverwrites(t *testing.T) {
	malformed := goodData()
	malformed[SealingDataKey] = []byte("not JSON")
	cases := map[string]map[string][]byte{
		"empty":       nil,
		"half empty":  {IdentityDataKey: canary},
		"malformed":   malformed,
		"other names": {"key": canary},
	}
	for name, data := range cases {
		t.Run(name, func(t *testing.T) {
			existing := newSecret(secretName, data)
			c := fake.NewClientBuilder().WithObjects(existing).Build()
			before := readSecret(t, c)
			clk := clocktesting.NewFakePassiveClock(now)
			_, err := LoadOrCreate(t.Context(), c, secretName, clk, rand.Reader)
			if err == nil || !strings.Contains(err.Error(), "restore it from a backup") || !strings.Contains(err.Error(), secretName.String()) {
				t.Errorf("the error does not say what to do: %v", err)
			}
			if _, rotateErr := RotateSealing(t.Context(), c, secretName, clk, rand.Reader, 0); rotateErr == nil {
				t.Error("Rotate changed a Secret that can't be used")
			} else if leaks(rotateErr.Error()) {
				t.Errorf("the error shows a key: %v", rotateErr)
			}
			if err != nil && leaks(err.Error()) {
				t.Errorf("the error shows a key: %v", err)
			}
			if diff := cmp.Diff(before, readSecret(t, c)); diff != "" {
				t.Errorf("the Secret changed:\n%s", diff)
			}
		})
	}
}

func TestLoadOrCreateReportsWhatTheServerSays(t *testing.T) {
	forbidden := apierrors.NewForbidden(schema.GroupResource{Resource: "secrets"}, secretName.Name, errors.New("by policy"))
	clk := clocktesting.NewFakePassiveClock(now)
	reading := interceptor.Funcs{Get: func(context.Context, client.WithWatch, client.ObjectKey, client.Object, ...client.GetOption) error {
		return forbidden
	}}
	writing := interceptor.Funcs{Create: func(context.Context, client.WithWatch, client.Object, ...client.CreateOption) error {
		return forbidden
	}}
	flapping := interceptor.Funcs{Create: func(context.Context, client.WithWatch, client.Object, ...client.CreateOption) error {
		return apierrors.NewAlreadyExists(schema.GroupResource{Resource: "secrets"}, secretName.Name)
	}}
	for name, funcs := range map[string]interceptor.Funcs{"reading": reading, "creating": writing} {
		c := fake.NewClientBuilder().WithInterceptorFuncs(funcs).Build()
		if _, err := LoadOrCreate(t.Context(), c, secretName, clk, rand.Reader); !apierrors.IsForbidden(err) {
			t.Errorf("%s is forbidden, and the error is %v", name, err)
		}
	}
	c := fake.NewClientBuilder().WithInterceptorFuncs(flapping).Build()
	if _, err := LoadOrCreate(t.Context(), c, secretName, clk, rand.Reader); err == nil {
		t.Error("a Secret that can neither be read nor created was loaded")
	}
	if _, err := LoadOrCreate(t.Context(), fake.NewFakeClient(), secretName, clk, strings.NewReader("")); err == nil {
		t.Error("a Secret was made without randomness")
	}
}
