// Copyright The license-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package activation

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/license-operator/license-operator/api/v1alpha1"
	"github.com/license-operator/license-operator/test/builder"
	"github.com/license-operator/license-operator/test/env"
	"github.com/license-operator/license-operator/test/expect"
)

var cluster *env.Env

func TestMain(m *testing.M) {
	env.Main(m, func(e *env.Env) { cluster = e })
}

// The Secret of the Activation initech-1.
const keySecret = "initech-1-activation"

// stage has the Product render-farm and the Subscription initech with its PID.
func stage(t *testing.T) (*expect.Stage, *Controller) {
	t.Helper()
	s := expect.On(t, cluster)
	s.Create(builder.Product("render-farm").Build())
	sub := builder.Subscription("initech", "render-farm").Build()
	s.Create(sub)
	identify(s, sub)
	return s, &Controller{Kit: s.Kit(), Names: s.Names}
}

// identify gives a Subscription its PID, as its controller would.
func identify(s *expect.Stage, sub *v1alpha1.Subscription) {
	s.Helper()
	expect.EditStatus(s, sub, func(sub *v1alpha1.Subscription) {
		sub.Status.PersistentIdentifier = s.Names.PID(sub)
	})
}

// issued makes an Activation that has been reconciled and is Issued.
func issued(s *expect.Stage, c *Controller, b *builder.ActivationBuilder) *v1alpha1.Activation {
	s.Helper()
	a := b.Build()
	s.Create(a)
	s.AtTime(expect.Reconcile(s, c, a), a.Status.ExpirationTime.Time)
	s.Condition(a, v1alpha1.ConditionIssued, "True, Issued")
	secret(s, a, s.Events("Normal Issued")...)
	return a
}

// secret expects that the key in the Secret is the one whose hash the status
// holds, and that it is nowhere in the object or in the texts. It returns the
// key.
func secret(s *expect.Stage, a *v1alpha1.Activation, texts ...string) string {
	s.Helper()
	if want := v1alpha1.ActivationSecretName(a.Name); a.Status.SecretRef == nil || a.Status.SecretRef.Name != want {
		s.Fatalf("the status refers to the Secret %v, want %s", a.Status.SecretRef, want)
	}
	field, hash, authentic := v1alpha1.SecretKeyActivationKey, s.Names.Identity.HashActivationKey, s.Names.Identity.AuthenticActivationKey
	if a.Spec.Type == v1alpha1.ActivationTypeRegistration {
		field, hash, authentic = v1alpha1.SecretKeyRegistrationToken, s.Names.Identity.HashRegistrationToken, s.Names.Identity.AuthenticRegistrationToken
	}
	key := string(s.Secret(a.Status.SecretRef.Name).Data[field])
	s.SecretData(a.Status.SecretRef.Name, "Activation", a, map[string]string{field: key})
	if !authentic(key) {
		s.Errorf("the key %q is not authentic", key)
	}
	if diff := cmp.Diff(hash(key), a.Status.KeyHash); diff != "" {
		s.Errorf("the hash (-of the key in the Secret +in the status):\n%s", diff)
	}
	whole := &unstructured.Unstructured{}
	whole.SetGroupVersionKind(v1alpha1.GroupVersion.WithKind("Activation"))
	whole.SetNamespace(a.Namespace)
	whole.SetName(a.Name)
	s.Refresh(whole)
	text, err := json.Marshal(whole)
	if err != nil {
		s.Fatal(err)
	}
	for _, text := range append(texts, string(text)) {
		if strings.Contains(text, key) {
			s.Errorf("the key is in %s", text)
		}
	}
	return key
}
