// Copyright The license-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package wire

import (
	"context"
	"errors"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/license-operator/license-operator/api/v1alpha1"
	"github.com/license-operator/license-operator/test/builder"
	"github.com/license-operator/license-operator/test/env"
	"github.com/license-operator/license-operator/webhook/auth"
)

// Eventually tries until there is no error, for at most half a minute.
func Eventually(t testing.TB, what string, try func(context.Context) error) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	for {
		err := try(ctx)
		if err == nil {
			return
		}
		select {
		case <-ctx.Done():
			t.Fatalf("never: %s: %v", what, err)
		case <-time.After(10 * time.Millisecond):
		}
	}
}

// Vendor is a vendor's namespace with an access key.
type Vendor struct {
	Namespace string
	// Key signs with version 2 and SHA-256.
	Key *auth.Signer

	admin  client.Client
	ledger *Ledger
}

// NewVendor makes a namespace and an AccessKey named "vendor" in it.
func NewVendor(t testing.TB, e *env.Env, ledger *Ledger) *Vendor {
	t.Helper()
	v := &Vendor{Namespace: e.Namespace(t), admin: e.Client, ledger: ledger}
	v.Apply(t, builder.VendorKey("vendor").InNamespace(v.Namespace).Build())
	v.Key = v.Pair(t, "vendor", "")
	return v
}

// Apply makes an object.
func (v *Vendor) Apply(t testing.TB, o client.Object) {
	t.Helper()
	o.SetNamespace(v.Namespace)
	if err := v.admin.Create(t.Context(), o); err != nil {
		t.Fatal(err)
	}
}

// Pair waits for the pair of an AccessKey with another id than the given one.
func (v *Vendor) Pair(t testing.TB, name, before string) *auth.Signer {
	t.Helper()
	signer := &auth.Signer{Version: "2", Method: auth.HmacSHA256}
	Eventually(t, "the access key "+name+" is Ready and in its Secret", func(ctx context.Context) error {
		data, err := v.secret(ctx, v1alpha1.AccessKeySecretName(name))
		if err != nil {
			return err
		}
		signer.AccessKeyID = string(data[v1alpha1.SecretKeyAccessKeyID])
		signer.SecretAccessKey = string(data[v1alpha1.SecretKeySecretAccessKey])
		k := &v1alpha1.AccessKey{}
		if err := v.admin.Get(ctx, client.ObjectKey{Namespace: v.Namespace, Name: name}, k); err != nil {
			return err
		}
		if signer.AccessKeyID == before || signer.AccessKeyID != k.Status.AccessKeyID {
			return errors.New("it holds " + signer.AccessKeyID)
		}
		return nil
	})
	v.ledger.Secret("secret access key", signer.SecretAccessKey)
	return signer
}

// Product is a Product that the operator has taken up.
type Product struct {
	Name, Code, Token string
}

// Product makes a Product and waits for its token.
func (v *Vendor) Product(t testing.TB, b *builder.ProductBuilder) Product {
	t.Helper()
	o := b.Build()
	v.Apply(t, o)
	p := Product{Name: o.Name}
	Eventually(t, "the Product has its code and token", func(ctx context.Context) error {
		if err := v.admin.Get(ctx, client.ObjectKeyFromObject(o), o); err != nil {
			return err
		}
		data, err := v.secret(ctx, v1alpha1.ProductTokenSecretName(o.Name))
		p.Code, p.Token = o.Status.Code, string(data[v1alpha1.SecretKeyProductToken])
		if err == nil && p.Code == "" {
			err = errors.New("it has no code")
		}
		return err
	})
	v.ledger.Secret("product token", p.Token)
	return p
}

// Subscription makes a Subscription and waits for its PID, which it returns.
func (v *Vendor) Subscription(t testing.TB, b *builder.SubscriptionBuilder) string {
	t.Helper()
	o := b.Build()
	v.Apply(t, o)
	Eventually(t, "the Subscription has a PID", func(ctx context.Context) error {
		if err := v.admin.Get(ctx, client.ObjectKeyFromObject(o), o); err != nil {
			return err
		}
		if o.Status.PersistentIdentifier == "" {
			return errors.New("it has none")
		}
		return nil
	})
	return o.Status.PersistentIdentifier
}

// Activation makes an Activation and waits for its key, which it returns.
func (v *Vendor) Activation(t testing.TB, b *builder.ActivationBuilder) string {
	t.Helper()
	o := b.Build()
	v.Apply(t, o)
	return v.ActivationKey(t, o.Name)
}

// ActivationKey waits until an Activation is Issued, and returns its key.
func (v *Vendor) ActivationKey(t testing.TB, name string) string {
	t.Helper()
	return v.issued(t, name, v1alpha1.SecretKeyActivationKey)
}

// Registration makes an Activation that is a registration token, and returns
// that.
func (v *Vendor) Registration(t testing.TB, b *builder.ActivationBuilder) string {
	t.Helper()
	o := b.ForRegistration().Build()
	v.Apply(t, o)
	return v.issued(t, o.Name, v1alpha1.SecretKeyRegistrationToken)
}

func (v *Vendor) issued(t testing.TB, name, secretKey string) string {
	t.Helper()
	key := ""
	Eventually(t, "what "+name+" hands out is in its Secret", func(ctx context.Context) error {
		a := &v1alpha1.Activation{}
		if err := v.admin.Get(ctx, client.ObjectKey{Namespace: v.Namespace, Name: name}, a); err != nil {
			return err
		}
		if !meta.IsStatusConditionTrue(a.Status.Conditions, v1alpha1.ConditionIssued) {
			return errors.New("it is not Issued")
		}
		data, err := v.secret(ctx, v1alpha1.ActivationSecretName(name))
		key = string(data[secretKey])
		return err
	})
	v.ledger.Secret("activation key", key)
	return key
}

// secret reads a Secret as the vendor does: the operator may not.
func (v *Vendor) secret(ctx context.Context, name string) (map[string][]byte, error) {
	s := &corev1.Secret{}
	err := v.admin.Get(ctx, client.ObjectKey{Namespace: v.Namespace, Name: name}, s)
	return s.Data, err
}

// Patch changes an object with a merge patch.
func (v *Vendor) Patch(t testing.TB, o client.Object, name, patch string) {
	t.Helper()
	o.SetNamespace(v.Namespace)
	o.SetName(name)
	if err := v.admin.Patch(t.Context(), o, client.RawPatch("application/merge-patch+json", []byte(patch))); err != nil {
		t.Fatal(err)
	}
}

// Delete deletes an object.
func (v *Vendor) Delete(t testing.TB, o client.Object, name string) {
	t.Helper()
	o.SetNamespace(v.Namespace)
	o.SetName(name)
	if err := v.admin.Delete(t.Context(), o); err != nil {
		t.Fatal(err)
	}
}

// SignedAs returns a copy of a signer with another version and method.
func SignedAs(s *auth.Signer, version, method string) *auth.Signer {
	other := *s
	other.Version, other.Method = version, method
	return &other
}

// Customer returns a signer with the pair of a desktop activation's answer.
func Customer(a *Answer) *auth.Signer {
	return &auth.Signer{
		AccessKeyID: a.Text("AWSAccessKeyId"), SecretAccessKey: a.Text("SecretAccessKey"),
		Version: "2", Method: auth.HmacSHA256,
	}
}
