// Copyright The license-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	kube "sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/license-operator/license-operator/api/v1alpha1"
	"github.com/license-operator/license-operator/test/builder"
	"github.com/license-operator/license-operator/test/env"
)

const (
	namespace = "bench"
	product   = "product"
	vendorKey = "vendor"
	// creators is how many objects are created at once.
	creators    = 16
	pollPause   = time.Second
	readyBound  = 15 * time.Minute
	settlePause = 10 * time.Second
)

// operatorFlags take away the bounds that would be measured instead of the
// operator: how often a caller may ask and how often the operator may ask the
// API server.
var operatorFlags = []string{"--caller-rate", "0", "--anonymous-rate", "0", "--api-rate", "5000", "--api-burst", "5000"}

// credentials are an access key.
type credentials struct{ id, secret string }

// bench is the running world.
type bench struct {
	settings *settings
	env      *env.Env
	dir      string
	// binary is the operator's.
	binary   string
	operator *env.Process
	constant *constantServer
	// address is the operator's endpoint, host the name in its certificate.
	address, host string
	roots         *x509.CertPool
	vendor        credentials
	// code and productToken are the product's.
	code, productToken string
	// pids are the persistent identifiers by the number of the Subscription.
	pids []string
}

func build(ctx context.Context, binary string) error {
	progress("Building the operator")
	flags := "-s -w"
	describe := exec.CommandContext(ctx, "git", "describe", "--tags", "--always", "--dirty")
	describe.Dir = env.Root()
	if version, err := describe.Output(); err == nil {
		flags += " -X main.version=" + strings.TrimSpace(string(version))
	}
	cmd := exec.CommandContext(ctx, "go", "build", "-trimpath", "-ldflags", flags, "-o", binary, "./cmd/license-operator")
	cmd.Dir = env.Root()
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0")
	cmd.Stdout, cmd.Stderr = os.Stderr, os.Stderr
	return cmd.Run()
}

// startOperator runs the operator and makes the vendor.
func (b *bench) startOperator(ctx context.Context) (err error) {
	free, err := env.FreeAddresses(1)
	if err != nil {
		return err
	}
	b.address = free[0]
	_, port, err := net.SplitHostPort(b.address)
	if err != nil {
		return err
	}
	b.host = net.JoinHostPort("localhost", port)
	if b.operator, err = b.env.StartProcess(ctx, b.binary, b.dir, b.address, operatorFlags...); err != nil {
		return err
	}
	if b.roots, err = env.Roots(ctx, b.env.Client); err != nil {
		return err
	}
	return b.createVendor(ctx)
}

// stop ends the processes.
func (b *bench) stop() {
	if b.constant != nil {
		b.constant.stop()
	}
	if b.operator != nil {
		b.operator.Stop()
	}
}

// createVendor makes the namespace with a product and the vendor's key.
func (b *bench) createVendor(ctx context.Context) error {
	for _, o := range []kube.Object{
		builder.Namespace(namespace).Build(),
		builder.Product(product).InNamespace(namespace).WithSeats("seats", 10).WithFeature("gpu-rendering", "Enabled").Build(),
		builder.VendorKey(vendorKey).InNamespace(namespace).Build(),
	} {
		if err := b.env.Client.Create(ctx, o); err != nil {
			return err
		}
	}
	key, p := &v1alpha1.AccessKey{}, &v1alpha1.Product{}
	err := b.await(ctx, func() (bool, error) {
		err := errors.Join(b.get(ctx, vendorKey, key), b.get(ctx, product, p))
		return err == nil && key.Status.SecretRef != nil && p.Status.TokenSecretRef != nil, err
	})
	if err != nil {
		return fmt.Errorf("the vendor: %w", err)
	}
	secret, token := &corev1.Secret{}, &corev1.Secret{}
	if err := errors.Join(b.get(ctx, key.Status.SecretRef.Name, secret), b.get(ctx, p.Status.TokenSecretRef.Name, token)); err != nil {
		return err
	}
	b.vendor = credentials{string(secret.Data["accessKeyId"]), string(secret.Data["secretAccessKey"])}
	b.code, b.productToken = p.Status.Code, string(token.Data["productToken"])
	return nil
}

// createSubscriptions makes the Subscriptions, waits until all have status and
// says how long both took.
func (b *bench) createSubscriptions(ctx context.Context) (time.Duration, error) {
	start := time.Now()
	err := b.createAll(ctx, b.settings.subscriptions, func(i int) kube.Object {
		return builder.Subscription(subscriptionName(i), product).InNamespace(namespace).Build()
	})
	if err != nil {
		return 0, err
	}
	list := &v1alpha1.SubscriptionList{}
	err = b.await(ctx, func() (bool, error) {
		err := b.env.Client.List(ctx, list, kube.InNamespace(namespace), fromCache())
		for i := range list.Items {
			if list.Items[i].Status.PersistentIdentifier == "" {
				return false, err
			}
		}
		return len(list.Items) == b.settings.subscriptions, err
	})
	if err != nil {
		return 0, fmt.Errorf("the Subscriptions' status: %w", err)
	}
	took := time.Since(start)
	// Listed by name, and the names sort as the numbers do.
	for i := range list.Items {
		b.pids = append(b.pids, list.Items[i].Status.PersistentIdentifier)
	}
	return took, nil
}

// createActivations makes one Activation for each customer and each activation
// and returns their keys in this order.
func (b *bench) createActivations(ctx context.Context) ([]string, error) {
	count := b.settings.customers + b.settings.activations
	err := b.createAll(ctx, count, func(i int) kube.Object {
		return builder.Activation(activationName(i), subscriptionName(i%b.settings.subscriptions)).InNamespace(namespace).Build()
	})
	if err != nil {
		return nil, err
	}
	list := &v1alpha1.ActivationList{}
	err = b.await(ctx, func() (bool, error) {
		err := b.env.Client.List(ctx, list, kube.InNamespace(namespace), fromCache())
		for i := range list.Items {
			if list.Items[i].Status.SecretRef == nil {
				return false, err
			}
		}
		return len(list.Items) == count, err
	})
	if err != nil {
		return nil, fmt.Errorf("the Activations' status: %w", err)
	}
	secrets := &corev1.SecretList{}
	if err := b.env.Client.List(ctx, secrets, kube.InNamespace(namespace)); err != nil {
		return nil, err
	}
	byName := make(map[string]string, len(secrets.Items))
	for i := range secrets.Items {
		byName[secrets.Items[i].Name] = string(secrets.Items[i].Data["activationKey"])
	}
	keys := make([]string, count)
	for i := range keys {
		if keys[i] = byName[v1alpha1.ActivationSecretName(activationName(i))]; keys[i] == "" {
			return nil, fmt.Errorf("the Activation %s has no key", activationName(i))
		}
	}
	return keys, nil
}

func subscriptionName(i int) string { return fmt.Sprintf("subscription-%06d", i) }
func activationName(i int) string   { return fmt.Sprintf("activation-%06d", i) }

// createAll creates many objects, some at once.
func (b *bench) createAll(ctx context.Context, count int, object func(i int) kube.Object) error {
	return parallel(ctx, creators, count, func(ctx context.Context, _, i int) error {
		return b.env.Client.Create(ctx, object(i))
	})
}

func (b *bench) get(ctx context.Context, name string, o kube.Object) error {
	return b.env.Client.Get(ctx, kube.ObjectKey{Namespace: namespace, Name: name}, o)
}

// await asks until the answer is yes.
func (b *bench) await(ctx context.Context, done func() (bool, error)) error {
	ctx, cancel := context.WithTimeout(ctx, readyBound)
	defer cancel()
	for {
		ready, err := done()
		if ready || err != nil {
			return err
		}
		if err := pause(ctx, pollPause); err != nil {
			return err
		}
	}
}

// settle waits until what came before is over: garbage is collected and the
// controllers are idle.
func (b *bench) settle(ctx context.Context) error { return pause(ctx, settlePause) }

func pause(ctx context.Context, d time.Duration) error {
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-time.After(d):
		return nil
	}
}

// fromCache lets the API server answer a list from its memory.
func fromCache() *kube.ListOptions {
	return &kube.ListOptions{Raw: &metav1.ListOptions{ResourceVersion: "0"}}
}

// kubectl returns the command with the cluster admin's rights.
func (b *bench) kubectl(ctx context.Context, args ...string) (*exec.Cmd, error) {
	assets, err := env.Assets(ctx)
	if err != nil {
		return nil, err
	}
	file := filepath.Join(b.dir, "admin.kubeconfig")
	if err := env.WriteKubeconfig(b.env.Admin, file); err != nil {
		return nil, err
	}
	return exec.CommandContext(ctx, filepath.Join(assets, "kubectl"), append([]string{"--kubeconfig", file}, args...)...), nil
}
