// Copyright The license-operator Authors.
// SPDX-License-Identifier: Apache-2.0

// Package chart tests the Helm chart and the manifests in config/ with the
// tools that people use, helm and kubectl, and a real API server.
package chart

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/license-operator/license-operator/test/env"
)

// helmBinary is the helm of hack/tools/helm.
var helmBinary string

func TestMain(m *testing.M) {
	os.Exit(run(m))
}

func run(m *testing.M) int {
	dir, err := os.MkdirTemp("", "chart-test-")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	defer os.RemoveAll(dir)
	if helmBinary, err = buildHelm(); err != nil {
		fmt.Fprintln(os.Stderr, "build helm:", err)
		return 1
	}
	// Nobody's own configuration of helm or kubectl may have a say.
	for _, name := range []string{"HELM_CACHE_HOME", "HELM_CONFIG_HOME", "HELM_DATA_HOME"} {
		_ = os.Setenv(name, filepath.Join(dir, name))
	}
	_ = os.Setenv("KUBECONFIG", filepath.Join(dir, "none"))
	return m.Run()
}

// chartDir is the directory of the chart.
func chartDir() string { return filepath.Join(env.Root(), "charts", "license-operator") }

// helm runs helm and returns what it wrote. The error has what it complained of.
func helm(t testing.TB, args ...string) (string, error) {
	t.Helper()
	return command(t, helmBinary, args...)
}

// kubectl runs the control plane's kubectl and returns what it wrote.
func kubectl(t testing.TB, args ...string) (string, error) {
	t.Helper()
	assets, err := env.Assets(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return command(t, filepath.Join(assets, "kubectl"), args...)
}

func command(t testing.TB, name string, args ...string) (string, error) {
	t.Helper()
	var stdout, stderr bytes.Buffer
	cmd := exec.CommandContext(t.Context(), name, args...)
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	if err := cmd.Run(); err != nil {
		return "", fmt.Errorf("%s %s: %w\n%s%s", filepath.Base(name), strings.Join(args, " "), err, &stdout, &stderr)
	}
	return stdout.String(), nil
}

// must fails the test at once if there is an error.
func must(t testing.TB) func(out string, err error) string {
	return func(out string, err error) string {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return out
	}
}

// outputs keeps what has been rendered: many tests look at the same, and the
// chart does not change while they run.
var outputs sync.Map

func once(t testing.TB, name string, args []string, render func(testing.TB, ...string) (string, error)) []object {
	t.Helper()
	key := name + " " + strings.Join(args, " ")
	out, found := outputs.Load(key)
	if !found {
		out = must(t)(render(t, args...))
		outputs.Store(key, out)
	}
	return decode(t, out.(string))
}

// template renders the chart as the release license-operator in the namespace
// that config/ uses, unless args say otherwise.
func template(t testing.TB, args ...string) []object {
	t.Helper()
	all := slices.Concat([]string{"template", "license-operator", chartDir(), "--namespace", env.OperatorNamespace}, args)
	return once(t, "helm", all, helm)
}

// kustomize renders config/default.
func kustomize(t testing.TB) []object {
	t.Helper()
	return once(t, "kubectl", []string{"kustomize", filepath.Join(env.Root(), "config", "default")}, kubectl)
}
