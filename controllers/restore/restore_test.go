// Copyright The license-operator Authors.
// SPDX-License-Identifier: Apache-2.0

// Package restore tests that a vendor's identity survives the loss of the
// cluster: the same objects, without their status, and the same operator's
// Secret give the same names, keys and tokens in another cluster.
package restore

import (
	"crypto/rand"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/license-operator/license-operator/api/v1alpha1"
	"github.com/license-operator/license-operator/internal/secrets"
	"github.com/license-operator/license-operator/test/builder"
)

var now = time.Date(2031, time.May, 6, 7, 8, 9, 250_000_000, time.UTC)

// manifests are the samples, and everything that they leave out.
func manifests(t testing.TB) []client.Object {
	return append(samples(t),
		builder.Namespace("umbrella").WithAccountID("012345678901").Build(),
		builder.Product("derived").InNamespace("umbrella").Build(),
		builder.Subscription("derived", "derived").InNamespace("umbrella").Build(),
		builder.Subscription("again", "derived").InNamespace("umbrella").WithCustomer("cust-42").Build(),
		builder.Subscription("expired", "derived").InNamespace("umbrella").EndingAt(now.Add(-time.Hour)).Build(),
		builder.VendorKey("backend").InNamespace("umbrella").WithRotation(3).Build(),
		builder.CustomerKey("service", "derived").InNamespace("umbrella").Build(),
		builder.Activation("revoked", "derived").InNamespace("umbrella").Revoked().Build(),
	)
}

// identity is everything by which the world knows a vendor.
func identity(c *cluster) map[string]string {
	c.Helper()
	got := map[string]string{}
	add := func(o client.Object, what, value string) {
		if value == "" {
			c.Errorf("%T %s/%s has no %s", o, o.GetNamespace(), o.GetName(), what)
		}
		got[what+" of "+o.GetNamespace()+"/"+o.GetName()] = value
	}
	secret := func(o client.Object, name, key string) {
		s := &corev1.Secret{}
		if err := c.env.Client.Get(c.Context(), client.ObjectKey{Namespace: o.GetNamespace(), Name: name}, s); err != nil {
			c.Fatal(err)
		}
		add(o, key, string(s.Data[key]))
	}
	products, subs, keys := &v1alpha1.ProductList{}, &v1alpha1.SubscriptionList{}, &v1alpha1.AccessKeyList{}
	for _, list := range []client.ObjectList{products, subs, keys} {
		if err := c.env.Client.List(c.Context(), list); err != nil {
			c.Fatal(err)
		}
	}
	for i := range products.Items {
		p := &products.Items[i]
		add(p, "code", p.Status.Code)
		add(p, "SKU", p.Status.SKU)
		add(p, "fingerprint", p.Status.KeyFingerprint)
		secret(p, p.Status.TokenSecretRef.Name, v1alpha1.SecretKeyProductToken)
	}
	for i := range subs.Items {
		sub := &subs.Items[i]
		add(sub, "customer", sub.Status.CustomerIdentifier)
		add(sub, "PID", sub.Status.PersistentIdentifier)
		add(sub, "ARN", sub.Status.LicenseARN)
	}
	for i := range keys.Items {
		k := &keys.Items[i]
		add(k, "id", k.Status.AccessKeyID)
		if k.Status.SecretRef != nil {
			secret(k, k.Status.SecretRef.Name, v1alpha1.SecretKeyAccessKeyID)
			secret(k, k.Status.SecretRef.Name, v1alpha1.SecretKeySecretAccessKey)
		}
		found, rotation, err := c.store.AccessKey(c.Context(), k.Status.AccessKeyID)
		if err != nil || found == nil {
			c.Fatalf("the access key %s is not accepted: %v", k.Name, err)
		}
		add(k, "secret", c.names.SecretAccessKey(found, rotation))
	}
	return got
}

// userToken activates a Subscription and returns the token of its customer.
func userToken(c *cluster, namespace, name string) string {
	c.Helper()
	sub, err := c.store.Subscription(c.Context(), namespace, name)
	if err != nil || sub == nil {
		c.Fatalf("the Subscription %s is %v: %v", name, sub, err)
	}
	p, err := c.store.Product(c.Context(), namespace, sub.Spec.ProductRef.Name)
	if err != nil || p == nil {
		c.Fatalf("the Product is %v: %v", p, err)
	}
	token, err := c.keys.Get().Sealing.SealUserToken(c.clock.Now(), secrets.UserToken{
		Namespace: namespace, Code: c.names.Code(p), Customer: c.names.Customer(sub),
		Activation: name + "-first", Revision: secrets.CurrentRevision, IssueTime: c.clock.Now(),
	})
	if err != nil {
		c.Fatal(err)
	}
	return token
}

// standing says whether the holder of a user token is subscribed.
func standing(c *cluster, token string) bool {
	c.Helper()
	open, err := c.keys.Get().Sealing.OpenUserToken(token)
	if err != nil {
		c.Fatalf("a user token does not open: %v", err)
	}
	pid := c.names.Identity.PersistentIdentifier(open.Namespace, open.Customer)
	subscribed, known, err := c.store.Subscribed(c.Context(), open.Namespace, pid, open.Code)
	if err != nil || !known {
		c.Fatalf("the customer of a user token is not known: %v", err)
	}
	return subscribed
}

func TestAVendorsIdentitySurvivesTheLossOfItsCluster(t *testing.T) {
	lost, stop := start(t, now, nil)
	lost.create(manifests(t)...)
	lost.reconcileAll(kinds)

	// A desktop is activated: its key is an object that the operator makes.
	a, err := lost.store.Activation(t.Context(), "acme", "initech-first")
	if err != nil {
		t.Fatal(err)
	}
	desktop, err := lost.store.CustomerKey(t.Context(), a)
	if err != nil {
		t.Fatal(err)
	}
	before := userToken(lost, "acme", "initech")
	if _, err := secrets.RotateSealing(t.Context(), lost.operator, keysName, lost.clock, rand.Reader, 0); err != nil {
		t.Fatal(err)
	}
	lost.clock.SetTime(now.Add(time.Minute))
	lost.loadKeys()
	tokens := map[string]bool{
		before:                                 true,
		userToken(lost, "acme", "globex"):      true,
		userToken(lost, "umbrella", "again"):   true,
		userToken(lost, "umbrella", "expired"): false,
	}
	lost.reconcileAll(kinds)
	want := identity(lost)
	if _, found := want["id of acme/"+desktop.Name]; !found {
		t.Errorf("the desktop's key is not among %v", want)
	}
	for token, subscribed := range tokens {
		if standing(lost, token) != subscribed {
			t.Errorf("a user token's customer is subscribed: %t, want %t", !subscribed, subscribed)
		}
	}
	objects, keys := lost.export("acme", "umbrella"), lost.backup()
	stop()

	restored, _ := start(t, now.Add(24*time.Hour), keys)
	// Who comes back before whom does not matter; who depends on somebody is
	// looked at again.
	slices.Reverse(objects[2:])
	restored.create(objects...)
	backwards := slices.Clone(kinds)
	slices.Reverse(backwards)
	restored.reconcileAll(backwards)
	restored.reconcileAll(kinds)
	if diff := cmp.Diff(want, identity(restored)); diff != "" {
		t.Errorf("identity (-lost +restored):\n%s", diff)
	}
	for token, subscribed := range tokens {
		if standing(restored, token) != subscribed {
			t.Errorf("after the restore a user token's customer is subscribed: %t, want %t", !subscribed, subscribed)
		}
	}
	revoked, err := restored.store.Activation(t.Context(), "umbrella", "revoked")
	if err != nil || revoked == nil || revoked.Spec.State != v1alpha1.ActivationRevoked {
		t.Errorf("what was revoked is %v: %v", revoked, err)
	}
}
