// Copyright The license-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package serving

import (
	"context"
	"fmt"
	"io"
	"maps"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/utils/clock"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/license-operator/license-operator/api/v1alpha1"
	"github.com/license-operator/license-operator/internal/secrets"
)

const (
	// DefaultSecretName is the name of the Secret unless the operator is told
	// another.
	DefaultSecretName = "license-operator-tls"

	warningText = "The operator renews what is in here by itself. " +
		"After this Secret is deleted there is a new CA, and every client must be given the new ca.crt."

	// maxAttempts bounds how often a write is tried again when another one
	// came first.
	maxAttempts = 5
)

// Ensure reads the Secret, makes it if there is none, and renews in it what is
// due. Replicas that call it at the same time end with the same certificate: the
// API server lets one of them write, and the others read that.
//
// The endpoint's certificate is renewed when a third of its life is left, when
// it lacks a wanted name, and when the CA has not signed it. The CA is renewed
// when a tenth of its life is left, and the new one signs only PublishDelay
// later. A Secret that can't be used is never overwritten: the error then says
// what to do. If the Secret can be used but not be written, Ensure answers what
// is in it together with the error.
//
// The client must read from the API server and not from a cache. The random
// source must be a cryptographic one.
func Ensure(ctx context.Context, c client.Client, cfg Config, clk clock.PassiveClock, rand io.Reader) (*Bundle, error) {
	bundle, _, err := ensure(ctx, c, cfg, clk, rand)
	return bundle, err
}

// ensure is Ensure, and says what this call has changed.
func ensure(ctx context.Context, c client.Client, cfg Config, clk clock.PassiveClock, rand io.Reader) (*Bundle, []change, error) {
	want, err := cfg.wanted()
	if err != nil {
		return nil, nil, err
	}
	var found *Bundle
	var failure error
	for range maxAttempts {
		secret, old, err := read(ctx, c, cfg.Secret)
		if err != nil {
			return nil, nil, err
		}
		found = old
		next, changes, err := old.advance(clk.Now(), want, rand)
		if err != nil {
			return found, nil, err
		}
		if len(changes) == 0 {
			return next, nil, nil
		}
		written, err := fill(secret, next)
		if err != nil {
			return found, nil, err
		}
		if old == nil {
			failure = c.Create(ctx, secret, client.FieldOwner(v1alpha1.FieldOwner))
		} else {
			// The Secret carries the resourceVersion that was read.
			failure = c.Update(ctx, secret, client.FieldOwner(v1alpha1.FieldOwner))
		}
		if failure == nil {
			return written, changes, nil
		}
		gone := old != nil && apierrors.IsNotFound(failure)
		if !apierrors.IsAlreadyExists(failure) && !apierrors.IsConflict(failure) && !gone {
			return found, nil, fmt.Errorf("write the Secret %s: %w", cfg.Secret, failure)
		}
	}
	return found, nil, fmt.Errorf("write the Secret %s: others keep changing it: %w", cfg.Secret, failure)
}

// read answers the Secret and what it holds, or a Secret to be created and nil
// if there is none.
func read(ctx context.Context, c client.Client, key types.NamespacedName) (*corev1.Secret, *Bundle, error) {
	secret := &corev1.Secret{}
	err := c.Get(ctx, key, secret)
	if apierrors.IsNotFound(err) {
		return newSecret(key), nil, nil
	}
	if err != nil {
		return nil, nil, fmt.Errorf("read the Secret %s: %w", key, err)
	}
	bundle, err := Parse(secret.Data)
	if err != nil {
		return nil, nil, fmt.Errorf("the Secret %s exists but can't be used: %w; "+
			"it is never overwritten: restore it from a backup, "+
			"or delete it and give every client the ca.crt of the new CA", key, err)
	}
	return secret, bundle, nil
}

func newSecret(key types.NamespacedName) *corev1.Secret {
	return &corev1.Secret{
		ObjectMeta: metav1.ObjectMeta{
			Namespace:   key.Namespace,
			Name:        key.Name,
			Annotations: map[string]string{secrets.WarningAnnotation: warningText},
			Labels:      map[string]string{"app.kubernetes.io/managed-by": v1alpha1.FieldOwner},
		},
		// Said outright: renewal updates this Secret.
		Immutable: new(false),
		Type:      corev1.SecretTypeOpaque,
		Data:      map[string][]byte{},
	}
}

// fill puts the Bundle in the Secret and reads it back: nothing is written that
// could not be read again.
func fill(secret *corev1.Secret, bundle *Bundle) (*Bundle, error) {
	data, err := bundle.data()
	if err != nil {
		return nil, err
	}
	maps.Copy(secret.Data, data)
	return Parse(secret.Data)
}
