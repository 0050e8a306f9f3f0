// Copyright The license-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package secrets

import (
	"context"
	"fmt"
	"io"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/utils/clock"
	"sigs.k8s.io/controller-runtime/pkg/client"
)

const (
	// DefaultSecretName is the name of the operator's Secret unless it is told
	// another.
	DefaultSecretName = "license-operator-keys"

	// WarningAnnotation carries a text for whoever finds the Secret.
	WarningAnnotation = "license-operator.dev/warning"

	warningText = "Never delete or edit this Secret, and keep a backup of it. " +
		"Every product code, customer identifier, access key and token in the field depends on it; " +
		"none of them can be made again without it."

	// maxAttempts bounds how often a write is tried again when another one
	// came first.
	maxAttempts = 5
)

// LoadOrCreate reads the operator's Secret, and makes it if there is none.
// Replicas that start at the same time end with the same keys: the API server
// lets one of them write and the others read what it wrote. A Secret of an
// operator that knew no signing keys gets them; nothing else of a Secret that
// exists is ever written, even if it can't be used: the error then says what to
// do.
//
// The client must read from the API server and not from a cache.
func LoadOrCreate(ctx context.Context, c client.Client, key types.NamespacedName, clk clock.PassiveClock, rand io.Reader) (*Keys, error) {
	var failure error
	for range maxAttempts {
		secret := &corev1.Secret{}
		err := c.Get(ctx, key, secret)
		if err != nil && !apierrors.IsNotFound(err) {
			return nil, fmt.Errorf("read the Secret %s: %w", key, err)
		}
		missing := err != nil
		if _, ok := secret.Data[SigningDataKey]; ok {
			return parseExisting(key, secret)
		}
		var keys *Keys
		if missing {
			keys, failure = create(ctx, c, key, clk, rand)
		} else {
			keys, failure = addSigning(ctx, c, key, secret, clk, rand)
		}
		if failure == nil {
			return keys, nil
		}
		// Another replica was first: its keys are read.
		if !apierrors.IsAlreadyExists(failure) && !apierrors.IsConflict(failure) {
			return nil, failure
		}
	}
	return nil, fmt.Errorf("the Secret %s can neither be read nor written: others keep changing it: %w", key, failure)
}

func create(ctx context.Context, c client.Client, key types.NamespacedName, clk clock.PassiveClock, rand io.Reader) (*Keys, error) {
	data, err := NewData(clk.Now(), rand)
	if err != nil {
		return nil, err
	}
	if err := c.Create(ctx, newSecret(key, data)); err != nil {
		return nil, fmt.Errorf("create the Secret %s: %w", key, err)
	}
	return Parse(data)
}

// addSigning adds the first signing keys to a Secret that has none, by an
// optimistic update, if everything else in it can be used.
func addSigning(ctx context.Context, c client.Client, key types.NamespacedName, secret *corev1.Secret, clk clock.PassiveClock, rand io.Reader) (*Keys, error) {
	signing, err := newSigningData(clk.Now(), rand)
	if err != nil {
		return nil, err
	}
	if secret.Data == nil {
		secret.Data = map[string][]byte{}
	}
	secret.Data[SigningDataKey] = signing
	keys, err := parseExisting(key, secret)
	if err != nil {
		return nil, err
	}
	// The Secret carries the resourceVersion that was read.
	if err := c.Update(ctx, secret); err != nil {
		return nil, fmt.Errorf("add signing keys to the Secret %s: %w", key, err)
	}
	return keys, nil
}

func newSecret(key types.NamespacedName, data map[string][]byte) *corev1.Secret {
	return &corev1.Secret{
		ObjectMeta: metav1.ObjectMeta{
			Namespace:   key.Namespace,
			Name:        key.Name,
			Annotations: map[string]string{WarningAnnotation: warningText},
			Labels:      map[string]string{"app.kubernetes.io/managed-by": "license-operator"},
		},
		// Said outright: rotation updates this Secret.
		Immutable: new(false),
		Type:      corev1.SecretTypeOpaque,
		Data:      data,
	}
}

func parseExisting(key types.NamespacedName, secret *corev1.Secret) (*Keys, error) {
	keys, err := Parse(secret.Data)
	if err != nil {
		return nil, fmt.Errorf("the Secret %s exists but can't be used: %w; "+
			"it is never overwritten: restore it from a backup, "+
			"or delete it if nothing was ever issued with it, and start again", key, err)
	}
	return keys, nil
}

// editSealing changes the sealing keys in the Secret.
func editSealing(ctx context.Context, c client.Client, key types.NamespacedName, edit func([]SealingKey) ([]SealingKey, error)) error {
	return editData(ctx, c, key, func(data map[string][]byte) error {
		keys, err := parseSealing(data)
		if err != nil {
			return err
		}
		if keys, err = edit(keys); err != nil {
			return err
		}
		data[SealingDataKey], err = formatSealing(keys)
		return err
	})
}

// editSigning changes the signing keys in the Secret.
func editSigning(ctx context.Context, c client.Client, key types.NamespacedName, edit func([]SigningKey) ([]SigningKey, error)) error {
	return editData(ctx, c, key, func(data map[string][]byte) error {
		keys, err := parseSigning(data)
		if err != nil {
			return err
		}
		if keys, err = edit(keys); err != nil {
			return err
		}
		data[SigningDataKey], err = formatSigning(keys)
		return err
	})
}

// editData changes the data of the Secret by an optimistic update, and keeps
// what the edit leaves alone. The edit is repeated on what is there when another
// write came first.
func editData(ctx context.Context, c client.Client, key types.NamespacedName, edit func(map[string][]byte) error) error {
	var failure error
	for range maxAttempts {
		secret := &corev1.Secret{}
		if err := c.Get(ctx, key, secret); err != nil {
			return fmt.Errorf("read the Secret %s: %w", key, err)
		}
		if _, ok := secret.Data[SigningDataKey]; !ok && len(secret.Data[SealingDataKey]) > 0 {
			return fmt.Errorf("the Secret %s has no signing keys yet; an operator of this version adds them when it starts", key)
		}
		if _, err := parseExisting(key, secret); err != nil {
			return err
		}
		if err := edit(secret.Data); err != nil {
			return err
		}
		// Nothing is written that could not be read again.
		if _, err := Parse(secret.Data); err != nil {
			return err
		}
		// The Secret carries the resourceVersion that was read.
		if failure = c.Update(ctx, secret); failure == nil {
			return nil
		}
		if !apierrors.IsConflict(failure) {
			return fmt.Errorf("update the Secret %s: %w", key, failure)
		}
	}
	return fmt.Errorf("update the Secret %s: others keep changing it: %w", key, failure)
}
