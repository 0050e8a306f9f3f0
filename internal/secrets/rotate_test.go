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
	"k8s.io/apimachinery/pkg/runtime/schema"
	clocktesting "k8s.io/utils/clock/testing"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/fake"
	"sigs.k8s.io/controller-runtime/pkg/client/interceptor"
)

func newLoaded(t *testing.T) (client.WithWatch, *clocktesting.FakePassiveClock, *Keys) {
	t.Helper()
	c, clk := fake.NewClientBuilder().Build(), clocktesting.NewFakePassiveClock(now)
	keys, err := LoadOrCreate(t.Context(), c, secretName, clk, rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return c, clk, keys
}

func reload(t *testing.T, c client.Client) *Keys {
	t.Helper()
	keys, err := Parse(readSecret(t, c).Data)
	if err != nil {
		t.Fatal(err)
	}
	return keys
}

func mustRotate(t *testing.T, c client.Client, clk *clocktesting.FakePassiveClock, delay time.Duration) int {
	t.Helper()
	version, err := RotateSealing(t.Context(), c, secretName, clk, rand.Reader, delay)
	if err != nil {
		t.Fatalf("RotateSealing: %v", err)
	}
	return version
}

func TestRotationOverlaps(t *testing.T) {
	c, clk, before := newLoaded(t)
	secret := readSecret(t, c)
	secret.Data["future"] = []byte("somebody else's")
	if err := c.Update(t.Context(), secret); err != nil {
		t.Fatal(err)
	}
	old := mustSealUser(t, before.Sealing, now, userToken())
	clk.SetTime(now.Add(500 * time.Millisecond))

	if version := mustRotate(t, c, clk, time.Hour); version != 2 {
		t.Fatalf("the new version is %d, want 2", version)
	}
	after := reload(t, c)
	if !after.Identity.Equal(before.Identity) {
		t.Error("a rotation changed the identity")
	}
	if string(readSecret(t, c).Data["future"]) != "somebody else's" {
		t.Error("a rotation lost another data key")
	}
	useFrom := now.Add(time.Hour + time.Second) // Rounded up, never down.
	if next, waits := after.Sealing.NextUseFromTime(now); !waits || !next.Equal(useFrom) {
		t.Errorf("the new version seals from %v on, want %v", next, useFrom)
	}
	if got := mustSealUser(t, after.Sealing, useFrom.Add(-1), userToken()); got != old {
		t.Error("the new version is used before its time")
	}
	fresh := mustSealUser(t, after.Sealing, useFrom, userToken())
	if fresh == old {
		t.Error("the new version is not used from its time on")
	}
	for name, token := range map[string]string{"old": old, "new": fresh} {
		got, err := after.Sealing.OpenUserToken(token)
		if diff := cmp.Diff(userToken(), got); diff != "" || err != nil {
			t.Errorf("the %s token does not open after the rotation: %v\n%s", name, err, diff)
		}
	}
	if _, err := before.Sealing.OpenUserToken(fresh); !errors.Is(err, ErrUnknownVersion) {
		t.Errorf("a replica that has not loaded the new version says %v", err)
	}
}

func TestOneRotationAtATime(t *testing.T) {
	c, clk, _ := newLoaded(t)
	mustRotate(t, c, clk, time.Hour)
	clk.SetTime(now.Add(time.Hour - time.Second))
	if _, err := RotateSealing(t.Context(), c, secretName, clk, rand.Reader, time.Hour); !errors.Is(err, ErrRotationPending) {
		t.Errorf("a rotation while one is pending: %v", err)
	}
	clk.SetTime(now.Add(time.Hour))
	if version := mustRotate(t, c, clk, time.Hour); version != 3 {
		t.Errorf("the next version is %d, want 3", version)
	}
}

func TestRotationsAtTheSameTimeAddOneVersion(t *testing.T) {
	c, clk, _ := newLoaded(t)
	const count = 4
	var wg sync.WaitGroup
	errs := make([]error, count)
	for n := range count {
		wg.Go(func() {
			_, errs[n] = RotateSealing(t.Context(), c, secretName, clk, rand.Reader, time.Hour)
		})
	}
	wg.Wait()
	done := 0
	for _, err := range errs {
		switch {
		case err == nil:
			done++
		case !errors.Is(err, ErrRotationPending):
			t.Errorf("a rotation fails with %v", err)
		}
	}
	keys, err := parseSealing(readSecret(t, c).Data)
	if err != nil {
		t.Fatal(err)
	}
	if done != 1 || len(keys) != 2 {
		t.Errorf("%d rotations succeeded and there are %d versions, want 1 and 2", done, len(keys))
	}
}

func TestAConflictIsTriedAgainOnWhatIsThere(t *testing.T) {
	c, clk, _ := newLoaded(t)
	conflicts := 0
	disturbed := interceptor.NewClient(c, interceptor.Funcs{
		Update: func(ctx context.Context, inner client.WithWatch, obj client.Object, opts ...client.UpdateOption) error {
			if conflicts == 0 {
				secret := readSecret(t, c)
				secret.Labels["touched"] = "yes"
				if err := inner.Update(ctx, secret); err != nil {
					return err
				}
			}
			err := inner.Update(ctx, obj, opts...)
			if apierrors.IsConflict(err) {
				conflicts++
			}
			return err
		},
	})
	if version := mustRotate(t, disturbed, clk, time.Hour); version != 2 {
		t.Errorf("the new version is %d, want 2", version)
	}
	if conflicts != 1 || readSecret(t, c).Labels["touched"] != "yes" {
		t.Errorf("%d conflicts; the other writer's label is %q", conflicts, readSecret(t, c).Labels["touched"])
	}
}

func TestRotateRefuses(t *testing.T) {
	c, clk, _ := newLoaded(t)
	before := readSecret(t, c)
	for name, delay := range map[string]time.Duration{"a negative delay": -1, "too long a delay": MaxRotationDelay + 1} {
		if _, err := RotateSealing(t.Context(), c, secretName, clk, rand.Reader, delay); err == nil {
			t.Errorf("%s is taken", name)
		}
	}
	if _, err := RotateSealing(t.Context(), c, secretName, clk, strings.NewReader(""), 0); err == nil {
		t.Error("a version was made without randomness")
	}
	if diff := cmp.Diff(before, readSecret(t, c)); diff != "" {
		t.Errorf("a refused rotation changed the Secret:\n%s", diff)
	}
	if _, err := RotateSealing(t.Context(), fake.NewFakeClient(), secretName, clk, rand.Reader, 0); !apierrors.IsNotFound(err) {
		t.Errorf("rotating what isn't there: %v", err)
	}
	for range MaxVersions - 1 {
		mustRotate(t, c, clk, 0)
	}
	if _, err := RotateSealing(t.Context(), c, secretName, clk, rand.Reader, 0); err == nil || !strings.Contains(err.Error(), "retire") {
		t.Errorf("a version beyond the bound: %v", err)
	}
}

func TestRetire(t *testing.T) {
	c, clk, first := newLoaded(t)
	retire := func(version int) error { return RetireSealing(t.Context(), c, secretName, clk, version) }
	if err := retire(1); err == nil {
		t.Error("the only version was retired")
	}
	old := mustSealUser(t, first.Sealing, now, userToken())
	mustRotate(t, c, clk, time.Hour)
	for version, what := range map[int]string{1: "the current version", 2: "a waiting version", 3: "a version that never was"} {
		if err := retire(version); err == nil {
			t.Errorf("%s was retired", what)
		}
	}
	clk.SetTime(now.Add(time.Hour))
	if err := retire(2); err == nil {
		t.Error("the current version was retired, newest of two")
	}
	if err := retire(1); err != nil {
		t.Fatalf("an old version: %v", err)
	}
	after := reload(t, c)
	if _, err := after.Sealing.OpenUserToken(old); !errors.Is(err, ErrUnknownVersion) {
		t.Errorf("what a retired version sealed gives %v", err)
	}
	if !after.Identity.Equal(first.Identity) {
		t.Error("retiring changed the identity")
	}
	if err := retire(2); err == nil {
		t.Error("the last version was retired")
	}
	if version := mustRotate(t, c, clk, 0); version != 3 {
		t.Errorf("the next version is %d: a number came again", version)
	}
}

func TestAWriteThatFailsIsReported(t *testing.T) {
	secrets := schema.GroupResource{Resource: "secrets"}
	cases := map[string]struct {
		err   error
		tries int
		is    func(error) bool
	}{
		"conflicts without end": {apierrors.NewConflict(secrets, secretName.Name, errors.New("changed")), maxAttempts, apierrors.IsConflict},
		"forbidden":             {apierrors.NewForbidden(secrets, secretName.Name, errors.New("by policy")), 1, apierrors.IsForbidden},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			inner, clk, _ := newLoaded(t)
			before, tries := readSecret(t, inner), 0
			failing := interceptor.NewClient(inner, interceptor.Funcs{
				Update: func(context.Context, client.WithWatch, client.Object, ...client.UpdateOption) error {
					tries++
					return c.err
				},
			})
			version, err := RotateSealing(t.Context(), failing, secretName, clk, rand.Reader, time.Hour)
			if version != 0 || !c.is(err) || tries != c.tries {
				t.Errorf("version %d, %d tries, %v", version, tries, err)
			}
			if diff := cmp.Diff(before, readSecret(t, inner)); diff != "" {
				t.Errorf("the Secret changed:\n%s", diff)
			}
		})
	}
}
