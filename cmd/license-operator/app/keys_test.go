// Copyright The license-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package app

import (
	"strings"
	"testing"
	"time"

	"github.com/go-logr/logr"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	testclock "k8s.io/utils/clock/testing"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/fake"

	"github.com/license-operator/license-operator/api/v1alpha1"
	"github.com/license-operator/license-operator/internal/options"
	"github.com/license-operator/license-operator/test/builder"
)

// served is a Product whose status says that some operator has served it.
func served(code string) *v1alpha1.Product {
	p := builder.Product("render-farm").InNamespace("acme").Build()
	p.Status.Code = code
	return p
}

func TestLoadKeys(t *testing.T) {
	ctx := t.Context()
	o := &options.Options{Namespace: "operator", KeysSecret: "keys"}
	accepting := &options.Options{Namespace: "operator", KeysSecret: "keys", AcceptNewIdentity: true}
	clk := testclock.NewFakePassiveClock(time.Now())

	t.Run("the first start in an empty cluster makes the keys", func(t *testing.T) {
		c := fake.NewClientBuilder().WithScheme(NewScheme()).Build()
		if _, err := loadKeys(ctx, c, o, logr.Discard(), clk); err != nil {
			t.Fatal(err)
		}
	})
	t.Run("resources without status, as from Git, are no obstacle", func(t *testing.T) {
		c := fake.NewClientBuilder().WithScheme(NewScheme()).WithObjects(served("")).Build()
		if _, err := loadKeys(ctx, c, o, logr.Discard(), clk); err != nil {
			t.Fatal(err)
		}
	})
	t.Run("a lost Secret is not replaced while Products were served with it", func(t *testing.T) {
		c := fake.NewClientBuilder().WithScheme(NewScheme()).WithObjects(served("12345678")).Build()
		_, err := loadKeys(ctx, c, o, logr.Discard(), clk)
		if err == nil || !strings.Contains(err.Error(), "restore the Secret from a backup") {
			t.Errorf("error = %v, want one that tells to restore", err)
		}
		err = c.Get(ctx, client.ObjectKey{Namespace: "operator", Name: "keys"}, &corev1.Secret{})
		if !apierrors.IsNotFound(err) {
			t.Errorf("the Secret was made: %v", err)
		}
		if _, err := loadKeys(ctx, c, accepting, logr.Discard(), clk); err != nil {
			t.Errorf("with --accept-new-identity: %v", err)
		}
	})
	t.Run("another identity key than the Products were served with is refused", func(t *testing.T) {
		c := fake.NewClientBuilder().WithScheme(NewScheme()).Build()
		keys, err := loadKeys(ctx, c, o, logr.Discard(), clk)
		if err != nil {
			t.Fatal(err)
		}
		p := served(keys.Identity.ProductCode("acme", "render-farm"))
		if err := c.Create(ctx, p); err != nil {
			t.Fatal(err)
		}
		if _, err := loadKeys(ctx, c, o, logr.Discard(), clk); err != nil {
			t.Errorf("with the right key: %v", err)
		}
		key := types.NamespacedName{Namespace: "operator", Name: "keys"}
		if err := c.Delete(ctx, &corev1.Secret{ObjectMeta: metav1.ObjectMeta{Namespace: key.Namespace, Name: key.Name}}); err != nil {
			t.Fatal(err)
		}
		if _, err := loadKeys(ctx, c, accepting, logr.Discard(), clk); err != nil {
			t.Fatal(err)
		}
		_, err = loadKeys(ctx, c, o, logr.Discard(), clk)
		if err == nil || !strings.Contains(err.Error(), "holds another identity key") {
			t.Errorf("error = %v, want one that tells of another identity key", err)
		}
	})
	t.Run("another identity key shows where every Product sets its code, too", func(t *testing.T) {
		p := builder.Product("render-farm").InNamespace("acme").WithCode("774F4FF8").Build()
		p.Status.Code = "774F4FF8"
		sub := builder.Subscription("initech", "render-farm").InNamespace("acme").Build()
		sub.Status.PersistentIdentifier = "PANOTHER"
		c := fake.NewClientBuilder().WithScheme(NewScheme()).WithObjects(p, sub).Build()
		if _, err := loadKeys(ctx, c, accepting, logr.Discard(), clk); err != nil {
			t.Fatal(err)
		}
		_, err := loadKeys(ctx, c, o, logr.Discard(), clk)
		if err == nil || !strings.Contains(err.Error(), "the Subscription acme/initech") {
			t.Errorf("error = %v, want one that names the Subscription", err)
		}
	})
}
