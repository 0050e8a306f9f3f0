// Copyright The license-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bytes"
	"context"
	"crypto/rand"
	"errors"
	"strings"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/types"
	clocktesting "k8s.io/utils/clock/testing"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/fake"

	"github.com/license-operator/license-operator/internal/secrets"
)

// keysFixture is a cluster with the operator's Secret.
type keysFixture struct {
	*testing.T
	client client.Client
	clock  *clocktesting.FakePassiveClock
	name   types.NamespacedName
}

func newKeysFixture(t *testing.T) *keysFixture {
	t.Setenv("POD_NAMESPACE", "")
	f := &keysFixture{
		T: t, client: fake.NewFakeClient(), clock: clocktesting.NewFakePassiveClock(time.Unix(1_900_000_000, 0)),
		name: types.NamespacedName{Namespace: "operator", Name: secrets.DefaultSecretName},
	}
	if _, err := secrets.LoadOrCreate(t.Context(), f.client, f.name, f.clock, rand.Reader); err != nil {
		t.Fatal(err)
	}
	return f
}

func (f *keysFixture) run(args ...string) (string, error) {
	var out bytes.Buffer
	cmd := keysCommand(func() (client.Client, error) { return f.client, nil }, f.clock)
	cmd.SetArgs(args)
	cmd.SetOut(&out)
	cmd.SetErr(&out)
	cmd.SilenceErrors, cmd.SilenceUsage = true, true
	err := cmd.ExecuteContext(context.WithoutCancel(f.Context()))
	return out.String(), err
}

func (f *keysFixture) keys() *secrets.Keys {
	f.Helper()
	s := &corev1.Secret{}
	if err := f.client.Get(f.Context(), f.name, s); err != nil {
		f.Fatal(err)
	}
	keys, err := secrets.Parse(s.Data)
	if err != nil {
		f.Fatal(err)
	}
	return keys
}

// next is how long until another version is used, 0 for never.
func next(at time.Time, waits bool, now time.Time) time.Duration {
	if !waits {
		return 0
	}
	return at.Sub(now)
}

func TestKeysRotateOneKindAndThenRetireIt(t *testing.T) {
	for name, test := range map[string]struct {
		args             []string
		sealing, signing time.Duration
		says             string
	}{
		"sealing keys": {[]string{"rotate", "sealing"}, 5 * time.Minute, 0,
			"Version 2 of the sealing keys will be used in 5m0s. What earlier versions sealed is still accepted.\n"},
		"signing keys": {[]string{"rotate", "signing"}, 0, time.Hour,
			"Version 2 of the signing keys will be used in 1h0m0s. It is in the JWKS already. What earlier versions signed still verifies.\n"},
		"sealing keys after a delay of one's own": {[]string{"rotate", "sealing", "--delay", "90s"}, 90 * time.Second, 0, "used in 1m30s."},
		"signing keys with a larger RSA key":      {[]string{"rotate", "signing", "--delay", "2h", "--rsa-bits", "3072"}, 0, 2 * time.Hour, "used in 2h0m0s."},
	} {
		t.Run(name, func(t *testing.T) {
			f := newKeysFixture(t)
			out, err := f.run(append(test.args, "--namespace", "operator")...)
			if err != nil || !strings.Contains(out, test.says) {
				t.Fatalf("it says %q, %v", out, err)
			}
			keys, now := f.keys(), f.clock.Now()
			sealingAt, sealingWaits := keys.Sealing.NextUseFromTime(now)
			signingAt, signingWaits := keys.Signing.NextSignFromTime(now)
			if got := next(sealingAt, sealingWaits, now); got != test.sealing {
				t.Errorf("the next sealing version is used in %s, want %s", got, test.sealing)
			}
			if got := next(signingAt, signingWaits, now); got != test.signing {
				t.Errorf("the next signing version is used in %s, want %s", got, test.signing)
			}
			kind := test.args[1]
			if _, err := f.run("retire", kind, "1", "--namespace", "operator"); err == nil || !strings.Contains(err.Error(), "is the current one") {
				t.Errorf("the current version is retired: %v", err)
			}
			f.clock.SetTime(now.Add(test.sealing + test.signing))
			if out, err := f.run("retire", kind, "1", "--namespace", "operator"); err != nil || !strings.HasPrefix(out, "Version 1 of the "+kind+" keys is gone.") {
				t.Errorf("it says %q, %v", out, err)
			}
			if _, err := f.run("retire", kind, "1", "--namespace", "operator"); err == nil {
				t.Error("it is retired twice")
			}
		})
	}
}

func TestKeysRefusesWhatItDoesNotKnow(t *testing.T) {
	f := newKeysFixture(t)
	before := f.keys().Signing.JWKSETag()
	for name, args := range map[string][]string{
		"no kind":                        {"rotate", "--namespace", "operator"},
		"a kind that can't be rotated":   {"rotate", "identity", "--namespace", "operator"},
		"a version without a kind":       {"retire", "1", "--namespace", "operator"},
		"a kind without a version":       {"retire", "signing", "--namespace", "operator"},
		"a version that is no number":    {"retire", "signing", "one", "--namespace", "operator"},
		"two versions":                   {"retire", "signing", "1", "2", "--namespace", "operator"},
		"no namespace":                   {"rotate", "signing"},
		"a namespace without the Secret": {"rotate", "signing", "--namespace", "other"},
		"another Secret":                 {"rotate", "sealing", "--namespace", "operator", "--keys-secret", "other"},
		"an RSA key for sealing":         {"rotate", "sealing", "--namespace", "operator", "--rsa-bits", "2048"},
		"too small an RSA key":           {"rotate", "signing", "--namespace", "operator", "--rsa-bits", "1024"},
		"a negative delay":               {"rotate", "signing", "--namespace", "operator", "--delay", "-1s"},
	} {
		if out, err := f.run(args...); err == nil {
			t.Errorf("%s is taken: %s", name, out)
		}
	}
	if after := f.keys().Signing.JWKSETag(); after != before {
		t.Error("the keys have changed")
	}
	away := errors.New("the cluster is away")
	cmd := keysCommand(func() (client.Client, error) { return nil, away }, f.clock)
	cmd.SetArgs([]string{"rotate", "signing", "--namespace", "operator"})
	cmd.SilenceErrors, cmd.SilenceUsage = true, true
	if err := cmd.Execute(); !errors.Is(err, away) {
		t.Errorf("the error is %v", err)
	}
}
