// Copyright The license-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package product

import (
	"errors"
	"strings"
	"testing"

	"k8s.io/utils/ptr"

	"github.com/license-operator/license-operator/api/v1alpha1"
	"github.com/license-operator/license-operator/controllers/kit"
	"github.com/license-operator/license-operator/test/builder"
	"github.com/license-operator/license-operator/test/expect"
)

const webhookSecret = "render-farm-webhook"

func TestTheSecretOfAWebhook(t *testing.T) {
	s, c := stage(t)
	p := published(s, c, builder.Product("render-farm"))
	if p.Status.WebhookSecretRef != nil || s.Secret(webhookSecret) != nil {
		t.Error("without a webhook there is a Secret for it")
	}
	expect.Edit(s, p, func(p *v1alpha1.Product) { p.Spec.Notifications.WebhookURL = "https://hooks.acme.example/" })
	s.After(expect.Reconcile(s, c, p), kit.ReapplyInterval)
	s.Events(nil...)
	first := s.Names.WebhookKey(p, 1).Secret()
	s.SecretData(webhookSecret, "Product", p, map[string]string{"webhookSecret": first})
	if p.Status.WebhookSecretRef == nil || p.Status.WebhookSecretRef.Name != webhookSecret {
		t.Errorf("the status refers to %v", p.Status.WebhookSecretRef)
	}
	expect.Truth(s, c, p)

	// Somebody deletes it: it comes back the same.
	s.Delete(s.Secret(webhookSecret))
	s.Step(kit.ReapplyInterval)
	expect.Reconcile(s, c, p)
	s.SecretData(webhookSecret, "Product", p, map[string]string{"webhookSecret": first})

	expect.Edit(s, p, func(p *v1alpha1.Product) { p.Spec.Notifications.WebhookSecretRotation = ptr.To[int32](2) })
	expect.Reconcile(s, c, p)
	second := s.Names.WebhookKey(p, 2).Secret()
	if second == first {
		t.Error("another rotation has the same secret")
	}
	s.SecretData(webhookSecret, "Product", p, map[string]string{"webhookSecret": second})
	expect.Truth(s, c, p)

	expect.Edit(s, p, func(p *v1alpha1.Product) { p.Spec.Notifications.WebhookURL = "" })
	expect.Reconcile(s, c, p)
	if p.Status.WebhookSecretRef != nil {
		t.Errorf("without a webhook the status refers to %v", p.Status.WebhookSecretRef)
	}
	expect.Truth(s, c, p)
}

func TestTheSecretOfAWebhookThatSomebodyElseHoldsIsNotOverwritten(t *testing.T) {
	s, c := stage(t)
	foreign := s.ForeignSecret(webhookSecret, v1alpha1.SecretKeyWebhook)
	p := builder.Product("render-farm").WithWebhook("https://hooks.acme.example/").Build()
	s.Create(p)
	s.After(expect.Reconcile(s, c, p), kit.SecretConflictPause)
	ready := s.Condition(p, v1alpha1.ConditionReady, "False, SecretConflict")
	if !strings.Contains(ready.Message, webhookSecret) || p.Status.TokenSecretRef == nil || p.Status.WebhookSecretRef != nil {
		t.Errorf("the status is %+v", p.Status)
	}
	s.Events("Warning SecretConflict")
	if now := s.Secret(webhookSecret); now.ResourceVersion != foreign.ResourceVersion {
		t.Errorf("the Secret has been changed: %v", now)
	}
	expect.Truth(s, c, p)
	s.Delete(foreign)
	s.Step(kit.SecretConflictPause)
	expect.Reconcile(s, c, p)
	s.Events("Normal Ready")
	s.SecretData(webhookSecret, "Product", p, map[string]string{"webhookSecret": s.Names.WebhookKey(p, 1).Secret()})
	expect.Truth(s, c, p)
}

func TestTheSecretOfAWebhookThatCanNotBeWrittenIsTriedAgain(t *testing.T) {
	s, c := stage(t)
	p := builder.Product("render-farm").WithWebhook("https://hooks.acme.example/").Build()
	s.Create(p)
	want := errors.New("no connection")
	applies := 0
	c.Client = expect.Disturbed(s.Operator, expect.Faults{Apply: func(do func() error) error {
		if applies++; applies == 2 {
			return want
		}
		return do()
	}})
	if _, err := expect.TryReconcile(s, c, p); !errors.Is(err, want) {
		t.Errorf("the error is %v, want %v", err, want)
	}
	s.Condition(p, v1alpha1.ConditionReady, "False, SecretNotWritten")
	s.Events("Warning SecretNotWritten")
	expect.Reconcile(s, c, p)
	s.Events("Normal Ready")
	expect.Truth(s, c, p)
}
