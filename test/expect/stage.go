// Copyright The license-operator Authors.
// SPDX-License-Identifier: Apache-2.0

// Package expect is what the tests of controllers have in common: the stage on
// which a controller is reconciled step by step, and checks of what it left.
//
// There is no controller-manager on the stage, so nothing is collected that
// has lost its owner.
package expect

import (
	"bytes"
	"crypto/rand"
	"sync"
	"testing"
	"time"

	"github.com/go-logr/logr"
	"k8s.io/client-go/tools/events"
	"k8s.io/utils/clock"
	clocktesting "k8s.io/utils/clock/testing"
	"sigs.k8s.io/controller-runtime/pkg/client"
	logf "sigs.k8s.io/controller-runtime/pkg/log"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"

	"github.com/license-operator/license-operator/controllers/kit"
	"github.com/license-operator/license-operator/internal/secrets"
	"github.com/license-operator/license-operator/internal/store"
	"github.com/license-operator/license-operator/test/env"
)

// Start is the time at which the clock of a stage stands. It has a fraction of
// a second, as real times have and those that the API server keeps have not.
var Start = time.Date(2031, time.May, 6, 7, 8, 9, 250_000_000, time.UTC)

// Stage is what one test reconciles on: a namespace of its own, a clock that
// stands still, and the rights of the operator.
type Stage struct {
	testing.TB
	// Env is the control plane.
	Env *env.Env
	// Namespace is the vendor's, for this test alone.
	Namespace string
	// Clock stands at Start until the test steps it.
	Clock *clocktesting.FakePassiveClock
	// Admin is the test's own hand: it reads Secrets and makes objects.
	Admin client.Client
	// Operator has the operator's role and knows the cache's indexes.
	Operator client.Client
	// Names and Keys are made from the same bytes in every test.
	Names store.Names
	Keys  *secrets.Holder

	recorder *events.FakeRecorder
}

func init() { logf.SetLogger(logr.Discard()) }

// On returns a stage on a control plane.
func On(t testing.TB, e *env.Env) *Stage {
	t.Helper()
	keys := NewKeys(t, 7)
	s := &Stage{
		TB: t, Env: e, Namespace: e.Namespace(t),
		Clock: clocktesting.NewFakePassiveClock(Start),
		Admin: e.Client, Names: store.Names{Identity: keys.Get().Identity}, Keys: keys,
		recorder: events.NewFakeRecorder(64),
	}
	operator, err := e.IndexedClient(e.Operator, s.Names)
	if err != nil {
		t.Fatal(err)
	}
	s.Operator = operator
	return s
}

// signing is one for all tests: its keys follow from no seed and take their
// time.
var signing = sync.OnceValues(func() (*secrets.Signing, error) {
	key, err := secrets.NewSigningKey(rand.Reader, 1, secrets.DefaultRSABits, Start.Add(-time.Hour), Start.Add(-time.Hour))
	if err != nil {
		return nil, err
	}
	return secrets.NewSigning([]secrets.SigningKey{key})
})

// NewKeys returns keys that follow from a seed, all but the signing keys.
func NewKeys(t testing.TB, seed byte) *secrets.Holder {
	t.Helper()
	identity, err := secrets.NewIdentity(bytes.Repeat([]byte{seed, 0x5a}, secrets.KeySize/2))
	if err != nil {
		t.Fatal(err)
	}
	sealing, err := secrets.NewKeyring([]secrets.SealingKey{
		{Version: 1, Key: bytes.Repeat([]byte{seed, 0xa5}, secrets.KeySize/2), UseFromTime: Start.Add(-time.Hour)},
	})
	if err != nil {
		t.Fatal(err)
	}
	signing, err := signing()
	if err != nil {
		t.Fatal(err)
	}
	keys := &secrets.Holder{}
	if err := keys.Set(&secrets.Keys{Identity: identity, Sealing: sealing, Signing: signing}); err != nil {
		t.Fatal(err)
	}
	return keys
}

// FirstKeys are keys as an operator makes them at its first start.
func FirstKeys(t testing.TB, start time.Time) *secrets.Holder {
	t.Helper()
	data, err := secrets.NewData(start, rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	made, err := secrets.Parse(data)
	if err != nil {
		t.Fatal(err)
	}
	keys := &secrets.Holder{}
	if err := keys.Set(made); err != nil {
		t.Fatal(err)
	}
	return keys
}

// Kit is what a controller on this stage is made of.
func (s *Stage) Kit() kit.Kit {
	return kit.Kit{Clock: s.Clock, Client: s.Operator, Recorder: s.recorder}
}

// Timers is a clock that tells the time of the stage, and its timers are real.
func (s *Stage) Timers() clock.Clock { return timers{clock.RealClock{}, s.Clock} }

type timers struct {
	clock.RealClock
	stage clock.PassiveClock
}

// Now implements clock.PassiveClock.
func (c timers) Now() time.Time { return c.stage.Now() }

// Since implements clock.PassiveClock.
func (c timers) Since(t time.Time) time.Duration { return c.stage.Since(t) }

// Step moves the clock on.
func (s *Stage) Step(d time.Duration) { s.Clock.SetTime(s.Clock.Now().Add(d)) }

// Create makes objects, in the stage's namespace unless they name another.
func (s *Stage) Create(objects ...client.Object) {
	s.Helper()
	for _, o := range objects {
		if o.GetNamespace() == "" {
			o.SetNamespace(s.Namespace)
		}
		if err := s.Admin.Create(s.Context(), o); err != nil {
			s.Fatal(err)
		}
	}
}

// Refresh reads an object again.
func (s *Stage) Refresh(o client.Object) {
	s.Helper()
	if err := s.Admin.Get(s.Context(), client.ObjectKeyFromObject(o), o); err != nil {
		s.Fatal(err)
	}
}

// List reads the objects of a kind in the stage's namespace.
func (s *Stage) List(list client.ObjectList) {
	s.Helper()
	if err := s.Admin.List(s.Context(), list, client.InNamespace(s.Namespace)); err != nil {
		s.Fatal(err)
	}
}

// Delete deletes an object, which is gone at once: it has no finalizer.
func (s *Stage) Delete(o client.Object) {
	s.Helper()
	if err := s.Admin.Delete(s.Context(), o); err != nil {
		s.Fatal(err)
	}
}

// Edit reads an object again, changes it and writes it.
func Edit[O client.Object](s *Stage, o O, change func(O)) {
	s.Helper()
	s.Refresh(o)
	change(o)
	if err := s.Admin.Update(s.Context(), o); err != nil {
		s.Fatal(err)
	}
}

// EditStatus is Edit for the status.
func EditStatus[O client.Object](s *Stage, o O, change func(O)) {
	s.Helper()
	s.Refresh(o)
	change(o)
	if err := s.Admin.Status().Update(s.Context(), o); err != nil {
		s.Fatal(err)
	}
}

// Reconcile runs a controller on an object as a manager would: the controller
// is given what the operator reads now. The object is fresh afterwards.
func Reconcile[O client.Object](s *Stage, c reconcile.ObjectReconciler[O], o O) reconcile.Result {
	s.Helper()
	result, err := TryReconcile(s, c, o)
	if err != nil {
		s.Fatalf("Reconcile: %v", err)
	}
	return result
}

// TryReconcile is Reconcile where an error is expected.
func TryReconcile[O client.Object](s *Stage, c reconcile.ObjectReconciler[O], o O) (reconcile.Result, error) {
	s.Helper()
	key := client.ObjectKeyFromObject(o)
	result, err := reconcile.AsReconciler(s.Operator, c).Reconcile(s.Context(), reconcile.Request{NamespacedName: key})
	s.Refresh(o)
	return result, err
}
