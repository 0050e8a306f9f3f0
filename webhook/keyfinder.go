// Copyright The license-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package webhook

import (
	"context"

	"github.com/license-operator/license-operator/api/v1alpha1"
	"github.com/license-operator/license-operator/internal/licensing"
	"github.com/license-operator/license-operator/internal/store"
	"github.com/license-operator/license-operator/webhook/auth"
)

// keyFinder finds access keys in the store. The secret half is derived anew
// each time and kept nowhere.
type keyFinder struct{ store *store.Store }

// FindKey implements auth.KeyFinder. A customer's key is found only while its
// Subscription exists and the Activation that made it is not revoked.
func (f keyFinder) FindKey(ctx context.Context, id string) (auth.Key, bool, error) {
	k, rotation, err := f.store.AccessKey(ctx, id)
	if err != nil || k == nil {
		return auth.Key{}, false, err
	}
	principal := auth.Principal{
		Kind: auth.Vendor, Namespace: k.Namespace, AccessKeyID: id, KeyName: k.Name,
	}
	if k.Spec.Type == v1alpha1.AccessKeyCustomer {
		usable, err := f.customerUsable(ctx, k)
		if err != nil || !usable {
			return auth.Key{}, false, err
		}
		principal.Kind, principal.Subscription = auth.Customer, k.Spec.SubscriptionRef.Name
	}
	return auth.Key{Principal: principal, Secret: f.store.Names.SecretAccessKey(k, rotation)}, true, nil
}

func (f keyFinder) customerUsable(ctx context.Context, k *v1alpha1.AccessKey) (bool, error) {
	if k.Spec.SubscriptionRef == nil {
		return false, nil
	}
	if ref := k.Spec.ActivationRef; ref != nil {
		a, err := f.store.Activation(ctx, k.Namespace, ref.Name)
		if err != nil || licensing.Revoked(a) {
			return false, err
		}
	}
	sub, err := f.store.Subscription(ctx, k.Namespace, k.Spec.SubscriptionRef.Name)
	return sub != nil, err
}
