// Copyright The license-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package activation

import (
	"context"
	"errors"
	"fmt"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/license-operator/license-operator/api/v1alpha1"
	"github.com/license-operator/license-operator/controllers/kit"
	"github.com/license-operator/license-operator/internal/licensing"
	"github.com/license-operator/license-operator/internal/store"
)

// issue makes a key and hands it out. The hash is committed first and the key
// written afterwards: a key that somebody can read in the Secret is always one
// that is known. After a crash in between nobody has seen the key, and the next
// pass makes another. base is the object as the hash's commit left it.
//
// A Secret that somebody else holds leaves the condition Issued False.
func (c *Controller) issue(ctx context.Context, a *v1alpha1.Activation, p *v1alpha1.Product) (base *v1alpha1.Activation, err error) {
	secretKey, key, hash, err := c.newKey(a.Spec.Type)
	if err != nil {
		return nil, fmt.Errorf("make a key: %w", err)
	}
	before := a.DeepCopy()
	now := c.Clock.Now()
	a.Status.KeyHash = hash
	a.Status.IssueTime = &metav1.Time{Time: now}
	a.Status.ExpirationTime = &metav1.Time{Time: now.Add(licensing.ActivationLifetime(p, a))}
	c.Set(a, &a.Status.Conditions, kit.Condition(v1alpha1.ConditionIssued, metav1.ConditionUnknown,
		v1alpha1.ReasonIssuing, "The key is being written into its Secret"))
	if err := c.PatchStatus(ctx, before, a, before.Status, a.Status); err != nil {
		return nil, err
	}
	base = a.DeepCopy()
	name := v1alpha1.ActivationSecretName(a.Name)
	err = store.ApplySecret(ctx, c.Client, a, v1alpha1.GroupVersion.WithKind("Activation"), name,
		map[string]string{secretKey: key})
	if errors.Is(err, store.ErrSecretConflict) {
		conflict := kit.SecretConflict(name, secretKey)
		conflict.Type = v1alpha1.ConditionIssued
		c.Set(a, &a.Status.Conditions, conflict)
		return base, nil
	}
	if err != nil {
		return nil, fmt.Errorf("write the Secret %s: %w", name, err)
	}
	return base, nil
}

func (c *Controller) newKey(kind v1alpha1.ActivationType) (secretKey, key, hash string, err error) {
	identity := c.Names.Identity
	if kind == v1alpha1.ActivationTypeRegistration {
		key, err = identity.NewRegistrationToken(c.Random)
		return v1alpha1.SecretKeyRegistrationToken, key, identity.HashRegistrationToken(key), err
	}
	key, err = identity.NewActivationKey(c.Random)
	return v1alpha1.SecretKeyActivationKey, key, identity.HashActivationKey(key), err
}

// issuedChanged tells that the key can or can't be used from now on.
func issuedChanged(issued metav1.Condition) kit.Event {
	kind := corev1.EventTypeNormal
	if issued.Status != metav1.ConditionTrue {
		kind = corev1.EventTypeWarning
	}
	return kit.Event{Type: kind, Reason: issued.Reason, Action: "Issue", Note: issued.Message}
}
