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
	"time"

	"github.com/google/go-cmp/cmp"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	clocktesting "k8s.io/utils/clock/testing"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/fake"
	"sigs.k8s.io/controller-runtime/pkg/client/interceptor"

	"github.com/license-operator/license-operator/api/v1alpha1"
	"github.com/license-operator/license-operator/test/together"
)

// withoutSigning is a cluster in which an operator that knew no signing keys
// has made the Secret.
func withoutSigning() client.WithWatch {
	data := goodData()
	delete(data, SigningDataKey)
	data["future"] = []byte("of a later version")
	return fake.NewClientBuilder().WithObjects(newSecret(secretName, data)).Build()
}

func TestASecretWithoutSigningKeysGetsThem(t *testing.T) {
	c, clk := withoutSigning(), clocktesting.NewFakePassiveClock(now)
	before := readSecret(t, c)
	if _, err := RotateSigning(t.Context(), c, secretName, clk, rand.Reader, 0, 0); err == nil || !strings.Contains(err.Error(), "adds them when it starts") {
		t.Errorf("a rotation before that: %v", err)
	}
	keys, err := LoadOrCreate(t.Context(), c, secretName, clk, rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := verify(reload(t, c).Signing.JWKS(), mustSign(t, keys.Signing, now, v1alpha1.ES256, usualClaims())); err != nil {
		t.Errorf("the keys in the Secret are others: %v", err)
	}
	after := readSecret(t, c)
	if len(after.Data[SigningDataKey]) == 0 || after.ResourceVersion == before.ResourceVersion {
		t.Error("the Secret has not changed")
	}
	delete(after.Data, SigningDataKey)
	after.ResourceVersion = before.ResourceVersion
	if diff := cmp.Diff(before, after); diff != "" {
		t.Errorf("more than the signing keys has changed:\n%s", diff)
	}
	unchanged := readSecret(t, c)
	if _, err := LoadOrCreate(t.Context(), c, secretName, clk, rand.Reader); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(unchanged, readSecret(t, c)); diff != "" {
		t.Errorf("a second start changed the Secret:\n%s", diff)
	}
}

// Both replicas see that there are no signing keys before either adds them.
func TestReplicasThatAddSigningKeysEndWithTheSame(t *testing.T) {
	inner := withoutSigning()
	var mu sync.Mutex
	conflicts := 0
	c := interceptor.NewClient(inner, interceptor.Funcs{
		Get: together.Get(),
		Update: func(ctx context.Context, c client.WithWatch, obj client.Object, opts ...client.UpdateOption) error {
			err := c.Update(ctx, obj, opts...)
			if apierrors.IsConflict(err) {
				mu.Lock()
				conflicts++
				mu.Unlock()
			}
			return err
		},
	})
	var keys [2]*Keys
	var wg sync.WaitGroup
	for n := range keys {
		wg.Go(func() {
			var err error
			if keys[n], err = LoadOrCreate(t.Context(), c, secretName, clocktesting.NewFakePassiveClock(now), rand.Reader); err != nil {
				t.Errorf("replica %d: %v", n, err)
			}
		})
	}
	wg.Wait()
	if t.Failed() {
		return
	}
	if conflicts != 1 || string(keys[0].Signing.JWKS()) != string(keys[1].Signing.JWKS()) {
		t.Errorf("%d conflicts; the replicas end with %s and %s", conflicts, keys[0].Signing.JWKSETag(), keys[1].Signing.JWKSETag())
	}
}

func TestSigningKeysAreNotAddedToWhatCannotBeUsed(t *testing.T) {
	data := goodData()
	delete(data, SigningDataKey)
	data[SealingDataKey] = []byte("not JSON")
	c := fake.NewClientBuilder().WithObjects(newSecret(secretName, data)).Build()
	before := readSecret(t, c)
	if _, err := LoadOrCreate(t.Context(), c, secretName, clocktesting.NewFakePassiveClock(now), rand.Reader); err == nil {
		t.Error("it was taken")
	}
	if diff := cmp.Diff(before, readSecret(t, c)); diff != "" {
		t.Errorf("the Secret changed:\n%s", diff)
	}
	c = withoutSigning()
	if _, err := LoadOrCreate(t.Context(), c, secretName, clocktesting.NewFakePassiveClock(now), strings.NewReader("")); err == nil {
		t.Error("signing keys were made without randomness")
	}
}

func mustRotateSigning(t *testing.T, c client.Client, clk *clocktesting.FakePassiveClock, delay time.Duration) int {
	t.Helper()
	version, err := RotateSigning(t.Context(), c, secretName, clk, rand.Reader, delay, 0)
	if err != nil {
		t.Fatalf("RotateSigning: %v", err)
	}
	return version
}

func TestSigningKeysArePublishedThenSignThenRetire(t *testing.T) {
	c, clk, first := newLoaded(t)
	retire := func(version int) error { return RetireSigning(t.Context(), c, secretName, clk, version) }
	if err := retire(1); err == nil {
		t.Error("the only version was retired")
	}
	clk.SetTime(now.Add(500 * time.Millisecond))
	if version := mustRotateSigning(t, c, clk, time.Hour); version != 2 {
		t.Fatalf("the new version is %d, want 2", version)
	}
	if _, err := RotateSigning(t.Context(), c, secretName, clk, rand.Reader, 0, 0); !errors.Is(err, ErrRotationPending) {
		t.Errorf("a rotation while one is pending: %v", err)
	}
	published := reload(t, c)
	if len(publicKeys(t, published.Signing.JWKS())) != 6 {
		t.Error("the waiting version is not in the JWKS")
	}
	signFrom := now.Add(time.Hour + time.Second) // Rounded up, never down.
	if next, waits := published.Signing.NextSignFromTime(now); !waits || !next.Equal(signFrom) {
		t.Errorf("the new version signs from %v on, want %v", next, signFrom)
	}
	if got := mustSign(t, published.Signing, signFrom.Add(-1), v1alpha1.ES256, usualClaims()); got != mustSign(t, first.Signing, now, v1alpha1.ES256, usualClaims()) {
		t.Error("the new version signs before its time")
	}
	for version, what := range map[int]string{1: "the current version", 2: "a waiting version", 3: "a version that never was"} {
		if err := retire(version); err == nil {
			t.Errorf("%s was retired", what)
		}
	}
	clk.SetTime(signFrom)
	fresh := mustSign(t, published.Signing, signFrom, v1alpha1.ES256, usualClaims())
	if _, err := verify(first.Signing.JWKS(), fresh); err == nil {
		t.Error("the new version does not sign from its time on")
	}
	if err := retire(2); err == nil {
		t.Error("the current version was retired, newest of two")
	}
	if err := retire(1); err != nil {
		t.Fatalf("an old version: %v", err)
	}
	after := reload(t, c)
	if _, err := verify(after.Signing.JWKS(), fresh); err != nil {
		t.Errorf("what the current version signed: %v", err)
	}
	if _, err := verify(after.Signing.JWKS(), mustSign(t, first.Signing, now, v1alpha1.ES256, usualClaims())); err == nil {
		t.Error("what a retired version signed verifies")
	}
	if after.Sealing.CurrentVersion(signFrom) != 1 || !after.Identity.Equal(first.Identity) {
		t.Error("other keys have changed")
	}
	if version := mustRotateSigning(t, c, clk, 0); version != 3 {
		t.Errorf("the next version is %d: a number came again", version)
	}
}

func TestRotateSigningRefuses(t *testing.T) {
	c, clk, _ := newLoaded(t)
	before := readSecret(t, c)
	for name, try := range map[string]func() (int, error){
		"a negative delay": func() (int, error) {
			return RotateSigning(t.Context(), c, secretName, clk, rand.Reader, -1, 0)
		},
		"too long a delay": func() (int, error) {
			return RotateSigning(t.Context(), c, secretName, clk, rand.Reader, MaxRotationDelay+1, 0)
		},
		"too small an RSA key": func() (int, error) {
			return RotateSigning(t.Context(), c, secretName, clk, rand.Reader, 0, 1024)
		},
		"no randomness": func() (int, error) {
			return RotateSigning(t.Context(), c, secretName, clk, strings.NewReader(""), 0, 0)
		},
	} {
		if version, err := try(); err == nil || version != 0 {
			t.Errorf("%s is taken", name)
		}
	}
	if diff := cmp.Diff(before, readSecret(t, c)); diff != "" {
		t.Errorf("a refused rotation changed the Secret:\n%s", diff)
	}
	if _, err := RotateSigning(t.Context(), fake.NewFakeClient(), secretName, clk, rand.Reader, 0, 0); !apierrors.IsNotFound(err) {
		t.Errorf("rotating what isn't there: %v", err)
	}
	if err := checkRotatable("signing", MaxSigningVersions, MaxSigningVersions, 20, now, now); err == nil || !strings.Contains(err.Error(), "retire some") {
		t.Errorf("a version beyond the bound: %v", err)
	}
}

func TestALargerRSAKeyStays(t *testing.T) {
	c, clk, _ := newLoaded(t)
	if _, err := RotateSigning(t.Context(), c, secretName, clk, rand.Reader, 0, 3072); err != nil {
		t.Fatal(err)
	}
	mustRotateSigning(t, c, clk, 0)
	keys, err := parseSigning(readSecret(t, c).Data)
	if err != nil {
		t.Fatal(err)
	}
	var sizes []int
	for _, key := range keys {
		sizes = append(sizes, key.PS384.N.BitLen())
	}
	if diff := cmp.Diff([]int{2048, 3072, 3072}, sizes); diff != "" {
		t.Errorf("RSA keys of other sizes:\n%s", diff)
	}
}
