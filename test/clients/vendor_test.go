// Copyright The license-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package clients

import (
	"context"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	apimeta "k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/license-operator/license-operator/api/v1alpha1"
	"github.com/license-operator/license-operator/test/builder"
	"github.com/license-operator/license-operator/test/env"
)

const (
	readyTimeout = 30 * time.Second
	readyPoll    = 50 * time.Millisecond
)

// pair is an access key.
type pair struct{ id, secret string }

// vendor is a vendor's namespace with one product and one customer.
type vendor struct {
	env       *env.Env
	namespace string
	// key signs for the vendor.
	key pair
	// productToken is the operator's own token of the product, code its code,
	// and pid the customer's persistent identifier.
	productToken, code, pid string
}

// newVendor makes a vendor whose product also accepts the token with the given
// SHA-256, if there is one.
func newVendor(t *testing.T, e *env.Env, importedToken string) *vendor {
	t.Helper()
	v := &vendor{env: e, namespace: e.Namespace(t)}
	v.create(t, builder.Product("product").WithImportedToken(importedToken).Build())
	v.create(t, builder.Subscription("customer", "product").Build())
	v.create(t, builder.VendorKey("vendor").Build())

	product := &v1alpha1.Product{}
	v.await(t, "product", product, func() bool {
		return product.Status.TokenSecretRef != nil && apimeta.IsStatusConditionTrue(product.Status.Conditions, v1alpha1.ConditionReady)
	})
	subscription := &v1alpha1.Subscription{}
	v.await(t, "customer", subscription, func() bool {
		return subscription.Status.PersistentIdentifier != "" && apimeta.IsStatusConditionTrue(subscription.Status.Conditions, v1alpha1.ConditionSubscribed)
	})
	key := &v1alpha1.AccessKey{}
	v.await(t, "vendor", key, func() bool {
		return key.Status.SecretRef != nil && apimeta.IsStatusConditionTrue(key.Status.Conditions, v1alpha1.ConditionReady)
	})
	v.code, v.pid = product.Status.Code, subscription.Status.PersistentIdentifier
	v.productToken = v.secret(t, product.Status.TokenSecretRef.Name, "productToken")
	v.key = pair{
		id:     v.secret(t, key.Status.SecretRef.Name, "accessKeyId"),
		secret: v.secret(t, key.Status.SecretRef.Name, "secretAccessKey"),
	}
	return v
}

// activationKey makes an Activation and returns its key.
func (v *vendor) activationKey(t *testing.T, name string) string {
	t.Helper()
	v.create(t, builder.Activation(name, "customer").Build())
	return v.issued(t, name, "activationKey")
}

// issued waits for what an Activation hands out, under a key of its Secret.
func (v *vendor) issued(t *testing.T, name, key string) string {
	t.Helper()
	a := &v1alpha1.Activation{}
	v.await(t, name, a, func() bool {
		return a.Status.SecretRef != nil && apimeta.IsStatusConditionTrue(a.Status.Conditions, v1alpha1.ConditionIssued)
	})
	return v.secret(t, a.Status.SecretRef.Name, key)
}

// setState is what billing does.
func (v *vendor) setState(t *testing.T, state v1alpha1.SubscriptionState) {
	t.Helper()
	s := &v1alpha1.Subscription{}
	v.get(t, "customer", s)
	patch := client.MergeFrom(s.DeepCopy())
	s.Spec.State = state
	if err := v.env.Client.Patch(t.Context(), s, patch); err != nil {
		t.Fatal(err)
	}
	want := metav1.ConditionTrue
	if state != v1alpha1.SubscriptionActive {
		want = metav1.ConditionFalse
	}
	v.await(t, "customer", s, func() bool {
		return apimeta.IsStatusConditionPresentAndEqual(s.Status.Conditions, v1alpha1.ConditionSubscribed, want)
	})
}

// expiredKey makes an Activation whose hour is over and returns its key.
func (v *vendor) expiredKey(t *testing.T, name string) string {
	t.Helper()
	key := v.activationKey(t, name)
	v.expire(t, name)
	return key
}

// expire ends the hour of an Activation.
func (v *vendor) expire(t *testing.T, name string) {
	t.Helper()
	a := &v1alpha1.Activation{}
	v.get(t, name, a)
	patch := client.MergeFrom(a.DeepCopy())
	past := metav1.NewTime(time.Now().Add(-time.Minute))
	issued := metav1.NewTime(past.Add(-time.Hour))
	a.Status.IssueTime, a.Status.ExpirationTime = &issued, &past
	if err := v.env.Client.Status().Patch(t.Context(), a, patch); err != nil {
		t.Fatal(err)
	}
	v.await(t, name, a, func() bool {
		return apimeta.IsStatusConditionTrue(a.Status.Conditions, v1alpha1.ConditionExpired)
	})
}

func (v *vendor) create(t *testing.T, o client.Object) {
	t.Helper()
	o.SetNamespace(v.namespace)
	if err := v.env.Client.Create(t.Context(), o); err != nil {
		t.Fatal(err)
	}
}

func (v *vendor) get(t *testing.T, name string, o client.Object) {
	t.Helper()
	if err := v.env.Client.Get(t.Context(), client.ObjectKey{Namespace: v.namespace, Name: name}, o); err != nil {
		t.Fatal(err)
	}
}

// await reads an object until it is as it should be.
func (v *vendor) await(t *testing.T, name string, o client.Object, done func() bool) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), readyTimeout)
	defer cancel()
	for v.get(t, name, o); !done(); v.get(t, name, o) {
		select {
		case <-ctx.Done():
			t.Fatalf("%T %s is not ready after %s: %+v", o, name, readyTimeout, o)
		case <-time.After(readyPoll):
		}
	}
}

func (v *vendor) secret(t *testing.T, name, key string) string {
	t.Helper()
	s := &corev1.Secret{}
	v.get(t, name, s)
	if len(s.Data[key]) == 0 {
		t.Fatalf("the Secret %s has no %s", name, key)
	}
	return string(s.Data[key])
}
