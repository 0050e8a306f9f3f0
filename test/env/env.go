// Copyright The license-operator Authors.
// SPDX-License-Identifier: Apache-2.0

// Package env gives tests a real control plane: kube-apiserver and etcd built
// from their Go modules, the custom resource definitions, and the operator's
// own ServiceAccount under exactly the role that is shipped.
package env

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"sync"
	"testing"
	"time"

	authenticationv1 "k8s.io/api/authentication/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	k8sruntime "k8s.io/apimachinery/pkg/runtime"
	utilruntime "k8s.io/apimachinery/pkg/util/runtime"
	clientgoscheme "k8s.io/client-go/kubernetes/scheme"
	"k8s.io/client-go/rest"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/envtest"

	"github.com/license-operator/license-operator/api/v1alpha1"
)

// OperatorNamespace is where the operator runs in tests, as in config/.
const OperatorNamespace = "license-operator-system"

// Env is a running control plane.
type Env struct {
	// Admin is the configuration of a cluster admin: the test's own hands.
	Admin *rest.Config
	// Operator is the configuration of the operator's ServiceAccount.
	Operator *rest.Config
	// Client is a client of the cluster admin without a cache.
	Client client.Client
	// Scheme knows Kubernetes' own kinds and ours.
	Scheme *k8sruntime.Scheme

	plane *envtest.Environment
}

// Main starts a control plane for a package's tests, hands it to set, runs the
// tests and stops it again. It is all that a TestMain needs.
func Main(m *testing.M, set func(*Env)) {
	os.Exit(Run(func(e *Env) int {
		set(e)
		return m.Run()
	}))
}

// Run is Main for a TestMain that needs more: run runs the tests as well. The
// result is the exit code, which is that of run if the control plane starts.
func Run(run func(*Env) int) int {
	e, err := Start(context.Background())
	if err != nil {
		fmt.Fprintln(os.Stderr, "start the control plane:", err)
		return 1
	}
	defer func() {
		if err := e.Stop(); err != nil {
			fmt.Fprintln(os.Stderr, "stop the control plane:", err)
		}
	}()
	return run(e)
}

// RunBinary is Run for tests of processes: the operator's binary is built in a
// directory that is gone afterwards.
func RunBinary(run func(e *Env, binary string) int) int {
	dir, err := os.MkdirTemp("", "license-operator-test-")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	defer func() { _ = os.RemoveAll(dir) }()
	binary := filepath.Join(dir, "license-operator")
	var failed error
	var built sync.WaitGroup
	built.Go(func() {
		build := exec.Command("go", "build", "-o", binary, "./cmd/license-operator")
		build.Dir = Root()
		build.Stdout, build.Stderr = os.Stderr, os.Stderr
		failed = build.Run()
	})
	defer built.Wait()
	return Run(func(e *Env) int {
		if built.Wait(); failed != nil {
			fmt.Fprintln(os.Stderr, "build the operator:", failed)
			return 1
		}
		return run(e, binary)
	})
}

// Start starts a control plane with everything in config/ that the operator
// needs. Its etcd does not wait for the disk. The caller stops it.
func Start(ctx context.Context) (*Env, error) { return start(ctx, false) }

// StartSynced is Start with an etcd that has each commit on the disk before it
// answers, as one that is used in earnest: for measuring what commits.
func StartSynced(ctx context.Context) (*Env, error) { return start(ctx, true) }

func start(ctx context.Context, synced bool) (*Env, error) {
	assets, err := Assets(ctx)
	if err != nil {
		return nil, err
	}
	e := &Env{Scheme: NewScheme(), plane: &envtest.Environment{
		BinaryAssetsDirectory: assets,
		CRDDirectoryPaths:     []string{filepath.Join(Root(), "config", "crd", "bases")},
		ErrorIfCRDPathMissing: true,
	}}
	if synced {
		e.plane.ControlPlane.Etcd = &envtest.Etcd{}
		e.plane.ControlPlane.Etcd.Configure().Set("unsafe-no-fsync", "false")
	}
	if e.Admin, err = e.plane.Start(); err != nil {
		return nil, err
	}
	e.Admin.QPS, e.Admin.Burst = -1, 0
	if e.Client, err = client.New(e.Admin, client.Options{Scheme: e.Scheme}); err != nil {
		return nil, err
	}
	if e.Operator, err = e.becomeOperator(ctx); err != nil {
		_ = e.Stop()
		return nil, err
	}
	return e, nil
}

// Stop stops the control plane.
func (e *Env) Stop() error { return e.plane.Stop() }

// EtcdURL is where etcd listens; its metrics are at /metrics.
func (e *Env) EtcdURL() string { return e.plane.ControlPlane.Etcd.URL.String() }

// NewScheme returns a scheme with Kubernetes' own kinds and ours.
func NewScheme() *k8sruntime.Scheme {
	s := k8sruntime.NewScheme()
	utilruntime.Must(clientgoscheme.AddToScheme(s))
	utilruntime.Must(v1alpha1.AddToScheme(s))
	return s
}

// Root is the directory of the project.
func Root() string {
	_, file, _, _ := runtime.Caller(0)
	return filepath.Join(filepath.Dir(file), "..", "..")
}

// Namespace makes a namespace for one test and returns its name. Nothing is
// deleted afterwards: the control plane ends with the package's tests.
func (e *Env) Namespace(t testing.TB) string {
	t.Helper()
	ns := &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{GenerateName: "test-"}}
	if err := e.Client.Create(t.Context(), ns); err != nil {
		t.Fatal(err)
	}
	return ns.Name
}

// Kubeconfig writes cfg as a kubeconfig file and returns its path.
func Kubeconfig(t testing.TB, cfg *rest.Config) string {
	t.Helper()
	file := filepath.Join(t.TempDir(), "kubeconfig")
	if err := WriteKubeconfig(cfg, file); err != nil {
		t.Fatal(err)
	}
	return file
}

// becomeOperator applies config/rbac and returns a configuration with a token
// of the operator's ServiceAccount.
func (e *Env) becomeOperator(ctx context.Context) (*rest.Config, error) {
	ns := &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: OperatorNamespace}}
	if err := e.Client.Create(ctx, ns); err != nil {
		return nil, err
	}
	objects, err := Manifests(filepath.Join(Root(), "config", "rbac"))
	if err != nil {
		return nil, err
	}
	for _, o := range objects {
		if err := e.Client.Create(ctx, o); err != nil {
			return nil, fmt.Errorf("create %s %s: %w", o.GetKind(), o.GetName(), err)
		}
	}
	account := &corev1.ServiceAccount{ObjectMeta: metav1.ObjectMeta{
		Name: "license-operator", Namespace: OperatorNamespace}}
	seconds := int64((12 * time.Hour).Seconds())
	token := &authenticationv1.TokenRequest{Spec: authenticationv1.TokenRequestSpec{ExpirationSeconds: &seconds}}
	if err := e.Client.SubResource("token").Create(ctx, account, token); err != nil {
		return nil, fmt.Errorf("token of the operator: %w", err)
	}
	cfg := rest.AnonymousClientConfig(e.Admin)
	cfg.BearerToken = token.Status.Token
	return cfg, nil
}

// Manifests reads the objects of all YAML files of a directory except
// kustomization.yaml.
func Manifests(dir string) ([]*unstructured.Unstructured, error) {
	files, err := filepath.Glob(filepath.Join(dir, "*.yaml"))
	if err != nil {
		return nil, err
	}
	var objects []*unstructured.Unstructured
	for _, file := range files {
		if filepath.Base(file) == "kustomization.yaml" {
			continue
		}
		more, err := readObjects(file)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", file, err)
		}
		objects = append(objects, more...)
	}
	return objects, nil
}
