// Copyright The license-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package product

import (
	"bytes"
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/util/workqueue"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/event"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"

	"github.com/license-operator/license-operator/api/v1alpha1"
	"github.com/license-operator/license-operator/controllers/kit"
	"github.com/license-operator/license-operator/internal/secrets"
	"github.com/license-operator/license-operator/test/builder"
	"github.com/license-operator/license-operator/test/expect"
)

const tokenSecret = "render-farm-product-token"

func TestASecretThatSomebodyElseHoldsIsNotOverwritten(t *testing.T) {
	s, c := stage(t)
	foreign := s.ForeignSecret(tokenSecret, v1alpha1.SecretKeyProductToken)
	p := builder.Product("render-farm").Build()
	s.Create(p)
	s.After(expect.Reconcile(s, c, p), kit.SecretConflictPause)
	ready := s.Condition(p, v1alpha1.ConditionReady, "False, SecretConflict")
	for _, word := range []string{tokenSecret, v1alpha1.SecretKeyProductToken} {
		if !strings.Contains(ready.Message, word) {
			t.Errorf("the message does not name %s: %s", word, ready.Message)
		}
	}
	s.Events("Warning SecretConflict")
	if p.Status.TokenSecretRef != nil {
		t.Errorf("the status refers to a Secret that is not the Product's: %v", p.Status.TokenSecretRef)
	}
	if now := s.Secret(tokenSecret); now.ResourceVersion != foreign.ResourceVersion {
		t.Errorf("the Secret has been changed: %v", now)
	}
	expect.Truth(s, c, p)

	s.Delete(foreign)
	s.Step(kit.SecretConflictPause)
	s.After(expect.Reconcile(s, c, p), kit.ReapplyInterval)
	s.Condition(p, v1alpha1.ConditionReady, "True, Ready")
	s.Events("Normal Ready")
	s.SecretData(tokenSecret, "Product", p, map[string]string{"productToken": token(s, p)})
	expect.Truth(s, c, p)
}

func TestASecretThatCannotBeWrittenIsAConflictToo(t *testing.T) {
	for name, foreign := range map[string]*corev1.Secret{
		"one that is immutable": {Immutable: new(true), Data: map[string][]byte{"other": []byte("data")}},
		"one that another controller owns": {ObjectMeta: metav1.ObjectMeta{OwnerReferences: []metav1.OwnerReference{{
			APIVersion: "v1", Kind: "ConfigMap", Name: "other", UID: "other", Controller: new(true)}}}},
	} {
		t.Run(name, func(t *testing.T) {
			s, c := stage(t)
			foreign.Namespace, foreign.Name = s.Namespace, tokenSecret
			s.Create(foreign)
			p := builder.Product("render-farm").Build()
			s.Create(p)
			s.After(expect.Reconcile(s, c, p), kit.SecretConflictPause)
			s.Condition(p, v1alpha1.ConditionReady, "False, SecretConflict")
			s.Events("Warning SecretConflict")
			expect.Truth(s, c, p)
		})
	}
}

func TestASecretThatWasDeletedComesBackTheSame(t *testing.T) {
	s, c := stage(t)
	p := published(s, c, builder.Product("render-farm"))
	before := s.Secret(tokenSecret)
	s.Delete(before)
	s.Step(kit.ReapplyInterval)
	expect.Reconcile(s, c, p)
	after := s.Secret(tokenSecret)
	if after == nil || !bytes.Equal(before.Data["productToken"], after.Data["productToken"]) {
		t.Errorf("the Secret is %v", after)
	}
	s.Events(nil...)
	expect.Truth(s, c, p)
}

func TestATokenIsSealedAgainWithARotatedKeyAndTheOldOneStillOpens(t *testing.T) {
	s, c := stage(t)
	p := published(s, c, builder.Product("render-farm"))
	before := string(s.Secret(tokenSecret).Data["productToken"])
	rotated := []secrets.SealingKey{
		{Version: 1, Key: bytes.Repeat([]byte{7, 0xa5}, secrets.KeySize/2), UseFromTime: expect.Start.Add(-time.Hour)},
		{Version: 2, Key: bytes.Repeat([]byte{9, 0xa5}, secrets.KeySize/2), UseFromTime: expect.Start.Add(30 * time.Minute)},
	}
	ring, err := secrets.NewKeyring(rotated)
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Keys.Set(&secrets.Keys{Identity: s.Names.Identity, Sealing: ring, Signing: s.Keys.Get().Signing}); err != nil {
		t.Fatal(err)
	}
	s.AtTime(expect.Reconcile(s, c, p), rotated[1].UseFromTime)
	if now := string(s.Secret(tokenSecret).Data["productToken"]); now != before {
		t.Error("the token has changed before the new version is in use")
	}
	s.Clock.SetTime(rotated[1].UseFromTime)
	s.After(expect.Reconcile(s, c, p), kit.ReapplyInterval)
	after := string(s.Secret(tokenSecret).Data["productToken"])
	if after == before {
		t.Error("the token has not been sealed again")
	}
	for _, text := range []string{before, after} {
		if got, err := ring.OpenProductToken(text); err != nil || got.Code != p.Status.Code {
			t.Errorf("a token opens to %v, %v", got, err)
		}
	}
	expect.Truth(s, c, p)
}

func TestAChangeOfTheKeysWakesEveryProduct(t *testing.T) {
	s, c := stage(t)
	p := published(s, c, builder.Product("render-farm"))
	c.KeysSecret = client.ObjectKey{Namespace: "license-operator-system", Name: "license-operator-keys"}
	secret := func(name, version string) *corev1.Secret {
		return &corev1.Secret{ObjectMeta: metav1.ObjectMeta{Namespace: c.KeysSecret.Namespace, Name: name, ResourceVersion: version}}
	}
	for name, test := range map[string]struct {
		old, new *corev1.Secret
		wakes    bool
	}{
		"the keys have changed": {secret(c.KeysSecret.Name, "1"), secret(c.KeysSecret.Name, "2"), true},
		"the cache lists again": {secret(c.KeysSecret.Name, "1"), secret(c.KeysSecret.Name, "1"), false},
		"another Secret has":    {secret("license-operator-tls", "1"), secret("license-operator-tls", "2"), false},
	} {
		t.Run(name, func(t *testing.T) {
			queue := &delayed{}
			c.keysChanged(t.Context(), event.UpdateEvent{ObjectOld: test.old, ObjectNew: test.new}, queue)
			if got := slices.Contains(queue.requests, requests(p)[0]); got != test.wakes {
				t.Errorf("the Product is looked at: %t, want %t", got, test.wakes)
			}
		})
	}
}

// delayed is a queue that remembers what comes later.
type delayed struct {
	workqueue.TypedRateLimitingInterface[reconcile.Request]
	requests []reconcile.Request
}

func (d *delayed) AddAfter(r reconcile.Request, _ time.Duration) { d.requests = append(d.requests, r) }

func TestASecretThatCanNotBeWrittenIsToldAndTriedAgain(t *testing.T) {
	s, c := stage(t)
	p := builder.Product("render-farm").Build()
	s.Create(p)
	want := errors.New("no connection")
	c.Client = expect.Disturbed(s.Operator, expect.Faults{Apply: func(func() error) error { return want }})
	if _, err := expect.TryReconcile(s, c, p); !errors.Is(err, want) {
		t.Errorf("the error is %v, want %v", err, want)
	}
	s.Condition(p, v1alpha1.ConditionReady, "False, SecretNotWritten")
	if p.Status.Code == "" || p.Status.TokenSecretRef != nil {
		t.Errorf("the status is %v", p.Status)
	}
	s.Events("Warning SecretNotWritten")
	c.Client = s.Operator
	expect.Reconcile(s, c, p)
	s.Events("Normal Ready")
	expect.Truth(s, c, p)
}
