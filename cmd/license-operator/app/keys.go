// Copyright The license-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package app

import (
	"context"
	"crypto/rand"
	"fmt"

	"github.com/go-logr/logr"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/utils/clock"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/license-operator/license-operator/api/v1alpha1"
	"github.com/license-operator/license-operator/internal/options"
	"github.com/license-operator/license-operator/internal/secrets"
	"github.com/license-operator/license-operator/internal/store"
)

// loadKeys reads the operator's keys, or makes them on the first start. It
// refuses a first start in a cluster whose Products were served under another
// identity key: going on would change every identifier that customers hold.
func loadKeys(ctx context.Context, live client.Client, o *options.Options, log logr.Logger, clk clock.PassiveClock) (*secrets.Keys, error) {
	name := types.NamespacedName{Namespace: o.Namespace, Name: o.KeysSecret}
	if !o.AcceptNewIdentity {
		if err := refuseLostKeys(ctx, live, name); err != nil {
			return nil, err
		}
	}
	keys, err := secrets.LoadOrCreate(ctx, live, name, clk, rand.Reader)
	if o.AcceptNewIdentity {
		log.Info("Whether the keys are those that resources were served with is not checked; take --accept-new-identity away again")
	}
	if err != nil || o.AcceptNewIdentity {
		return keys, err
	}
	return keys, refuseOtherKeys(ctx, live, name, keys.Identity)
}

// refuseLostKeys fails if the Secret is gone and a Product's status shows that
// it was there.
func refuseLostKeys(ctx context.Context, live client.Client, name types.NamespacedName) error {
	gone, err := secretGone(ctx, live, name)
	if err != nil || !gone {
		return err
	}
	products := &v1alpha1.ProductList{}
	if err := live.List(ctx, products); err != nil {
		return fmt.Errorf("list the Products: %w", err)
	}
	for i := range products.Items {
		if products.Items[i].Status.Code == "" {
			continue
		}
		// Another replica may just have made the Secret and gone to work.
		if gone, err = secretGone(ctx, live, name); err != nil || !gone {
			return err
		}
		return fmt.Errorf("the Secret %s with the operator's keys is gone, but the Product %s/%s was served with it; "+
			"restore the Secret from a backup, or start with --accept-new-identity: then every derived identifier changes "+
			"and every token and access key in the field dies",
			name, products.Items[i].Namespace, products.Items[i].Name)
	}
	return nil
}

// sampled is how many objects of a kind are compared: one would do, if it were
// known which one was served.
const sampled = 100

// refuseOtherKeys fails if a status was derived from another identity key.
func refuseOtherKeys(ctx context.Context, live client.Client, name types.NamespacedName, identity *secrets.Identity) error {
	names := store.Names{Identity: identity}
	products, subs, keys := &v1alpha1.ProductList{}, &v1alpha1.SubscriptionList{}, &v1alpha1.AccessKeyList{}
	for _, list := range []client.ObjectList{products, subs, keys} {
		if err := live.List(ctx, list, client.Limit(sampled)); err != nil {
			return fmt.Errorf("compare the keys with what was served: %w", err)
		}
	}
	for i := range products.Items {
		if p := &products.Items[i]; p.Status.Code != "" && p.Status.Code != names.Code(p) {
			return otherKeys(name, "Product", p)
		}
	}
	for i := range subs.Items {
		if s := &subs.Items[i]; s.Status.PersistentIdentifier != "" && s.Status.PersistentIdentifier != names.PID(s) {
			return otherKeys(name, "Subscription", s)
		}
	}
	for i := range keys.Items {
		k := &keys.Items[i]
		if k.Status.AccessKeyID != "" && k.Status.Rotation != 0 && k.Status.AccessKeyID != names.AccessKeyID(k, k.Status.Rotation) {
			return otherKeys(name, "AccessKey", k)
		}
	}
	return nil
}

func otherKeys(name types.NamespacedName, kind string, o client.Object) error {
	return fmt.Errorf("the Secret %s holds another identity key than the one that the %s %s/%s was served with; "+
		"restore the right Secret from a backup, or start with --accept-new-identity: then every derived identifier changes "+
		"and every token and access key in the field dies", name, kind, o.GetNamespace(), o.GetName())
}

func secretGone(ctx context.Context, live client.Client, name types.NamespacedName) (bool, error) {
	err := live.Get(ctx, name, &corev1.Secret{})
	if apierrors.IsNotFound(err) {
		return true, nil
	}
	if err != nil {
		return false, fmt.Errorf("read the Secret %s: %w", name, err)
	}
	return false, nil
}
