// Copyright The license-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package chart

import (
	"testing"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/client-go/rest"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/envtest"

	"github.com/license-operator/license-operator/test/env"
)

// cluster is an API server that knows nothing of us yet.
type cluster struct {
	client.Client
	config     *rest.Config
	kubeconfig string
}

// newCluster starts an API server and stops it at the end of the test.
func newCluster(t *testing.T) *cluster {
	t.Helper()
	assets, err := env.Assets(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	plane := &envtest.Environment{BinaryAssetsDirectory: assets}
	config, err := plane.Start()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := plane.Stop(); err != nil {
			t.Errorf("stop the control plane: %v", err)
		}
	})
	config.QPS, config.Burst = -1, 0
	c, err := client.New(config, client.Options{Scheme: env.NewScheme()})
	if err != nil {
		t.Fatal(err)
	}
	return &cluster{Client: c, config: config, kubeconfig: env.Kubeconfig(t, config)}
}

// helm runs helm against the cluster.
func (c *cluster) helm(t *testing.T, args ...string) string {
	t.Helper()
	return must(t)(helm(t, append(args, "--kubeconfig", c.kubeconfig)...))
}

// restricted makes a namespace that admits only pods of the restricted Pod
// Security Standard.
func (c *cluster) restricted(t *testing.T, name string) {
	t.Helper()
	ns := &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: name, Labels: map[string]string{
		"pod-security.kubernetes.io/enforce": "restricted"}}}
	if err := c.Create(t.Context(), ns); err != nil {
		t.Fatal(err)
	}
}

// has says whether an object like o is in the cluster.
func (c *cluster) has(t *testing.T, o object) bool {
	t.Helper()
	found := &unstructured.Unstructured{}
	found.SetGroupVersionKind(o.GroupVersionKind())
	err := c.Get(t.Context(), client.ObjectKeyFromObject(o), found)
	if err != nil && !apierrors.IsNotFound(err) {
		t.Fatal(err)
	}
	return err == nil
}

// admit asks for a pod without making it, and returns the refusal.
func (c *cluster) admit(t *testing.T, namespace string, spec corev1.PodSpec) error {
	t.Helper()
	pod := &corev1.Pod{ObjectMeta: metav1.ObjectMeta{Name: "tried", Namespace: namespace}, Spec: spec}
	return c.Create(t.Context(), pod, client.DryRunAll)
}
