// Copyright The license-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package activation

import (
	"context"
	"errors"
	"fmt"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/license-operator/license-operator/api/v1alpha1"
	"github.com/license-operator/license-operator/controllers/kit"
	"github.com/license-operator/license-operator/internal/licensing"
	"github.com/license-operator/license-operator/internal/store"
)

// issue makes a key and hands it out. The key is derived from the object's UID,
// so whoever comes a second time, after a crash or beside another leader, makes
// the same. The hash is committed first and the key written afterwards: a key
// that somebody can read in the Secret is always one that is known. base is the
// object as it is committed.
//
// A dry run comes before the first commit: a key that can't be handed out does
// not begin to expire. A Secret that can't be written is an obstacle, with the
// error if it is to be tried again at once.
//
// Where there is to be no Secret, the hash is all: somebody else has handed out
// the key, or does so.
func (c *Controller) issue(ctx context.Context, base, a *v1alpha1.Activation, p *v1alpha1.Product) (committed *v1alpha1.Activation, why *obstacle, err error) {
	if a.Spec.SecretPolicy == v1alpha1.SecretPolicyNone {
		hash := a.Spec.KeyHash
		if hash == "" {
			if _, _, hash, err = c.newKey(a); err != nil {
				return base, nil, fmt.Errorf("make a key: %w", err)
			}
		}
		c.issueHash(a, p, hash)
		return base, nil, nil
	}
	secretKey, key, hash, err := c.newKey(a)
	if err != nil {
		return base, nil, fmt.Errorf("make a key: %w", err)
	}
	ref := &v1alpha1.SecretReference{Name: v1alpha1.ActivationSecretName(a.Name)}
	data := map[string]string{secretKey: key}
	if a.Status.KeyHash != hash {
		if why, err = c.write(ctx, a, ref.Name, data, client.DryRunAll); why != nil {
			return base, why, err
		}
		c.issueHash(a, p, hash)
		c.conclude(a, kit.Condition(v1alpha1.ConditionIssued, metav1.ConditionUnknown,
			v1alpha1.ReasonIssuing, "The key is being written into its Secret"))
		if err := c.PatchStatus(ctx, base, a, base.Status, a.Status); err != nil {
			return base, nil, err
		}
		base = a.DeepCopy()
	}
	if why, err = c.write(ctx, a, ref.Name, data); why == nil {
		a.Status.SecretRef = ref
	}
	return base, why, err
}

// issueHash has the key with this hash begin to live, unless it does already.
func (c *Controller) issueHash(a *v1alpha1.Activation, p *v1alpha1.Product, hash string) {
	if a.Status.KeyHash == hash && a.Status.ExpirationTime != nil {
		return
	}
	now := c.Clock.Now()
	a.Status.KeyHash = hash
	a.Status.IssueTime = &metav1.Time{Time: now}
	a.Status.ExpirationTime = &metav1.Time{Time: now.Add(licensing.ActivationLifetime(p, a))}
}

// handedOut says whether nothing is to be issued any more.
func handedOut(a *v1alpha1.Activation) bool {
	if a.Spec.SecretPolicy == v1alpha1.SecretPolicyNone {
		return a.Status.KeyHash != "" && a.Status.ExpirationTime != nil
	}
	return a.Status.SecretRef != nil
}

// write writes the Secret.
func (c *Controller) write(ctx context.Context, a *v1alpha1.Activation, name string, data map[string]string, opts ...client.ApplyOption) (*obstacle, error) {
	err := store.ApplySecret(ctx, c.Client, a, v1alpha1.GroupVersion.WithKind("Activation"), name, data, opts...)
	if errors.Is(err, store.ErrSecretConflict) {
		for key := range data {
			conflict := kit.SecretConflict(name, key)
			return &obstacle{conflict.Reason, conflict.Message}, nil
		}
	}
	if err != nil {
		refused := kit.SecretNotWritten(name)
		return &obstacle{refused.Reason, refused.Message}, fmt.Errorf("write the Secret %s: %w", name, err)
	}
	return nil, nil
}

func (c *Controller) newKey(a *v1alpha1.Activation) (secretKey, key, hash string, err error) {
	if a.Spec.Type == v1alpha1.ActivationTypeRegistration {
		key, err = c.Names.RegistrationToken(a)
		return v1alpha1.SecretKeyRegistrationToken, key, c.Names.Identity.HashRegistrationToken(key), err
	}
	key, err = c.Names.ActivationKey(a)
	return v1alpha1.SecretKeyActivationKey, key, c.Names.Identity.HashActivationKey(key), err
}

// issuedChanged tells that the key can or can't be used from now on.
func issuedChanged(issued metav1.Condition) kit.Event {
	kind := corev1.EventTypeNormal
	if issued.Status != metav1.ConditionTrue {
		kind = corev1.EventTypeWarning
	}
	return kit.Event{Type: kind, Reason: issued.Reason, Action: "Issue", Note: issued.Message}
}
