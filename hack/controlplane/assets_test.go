// Copyright The license-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bytes"
	"context"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
)

// fakeAssets makes a directory with executable files of the given names.
func fakeAssets(t *testing.T, names ...string) string {
	t.Helper()
	dir := t.TempDir()
	for _, name := range names {
		if err := os.WriteFile(filepath.Join(dir, name), []byte("#!/bin/sh\n"), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

func TestMissingAssets(t *testing.T) {
	dir := fakeAssets(t, assetNames...)
	if got := missingAssets(dir); len(got) != 0 {
		t.Errorf("a complete directory lacks %q", got)
	}
	if err := os.Chmod(filepath.Join(dir, etcdName), 0o644); err != nil {
		t.Fatal(err)
	}
	if err := linkAtomically(filepath.Join(dir, "gone"), filepath.Join(dir, kubectlName)); err != nil {
		t.Fatal(err)
	}
	want := []string{etcdName, kubectlName}
	if got := missingAssets(dir); !slices.Equal(got, want) {
		t.Errorf("missing %q, want %q", got, want)
	}
	if got := missingAssets(filepath.Join(dir, "none")); !slices.Equal(got, assetNames) {
		t.Errorf("a directory that does not exist lacks %q", got)
	}
}

func TestEnvironmentNamesAssets(t *testing.T) {
	dir := fakeAssets(t, assetNames...)
	t.Setenv("KUBEBUILDER_ASSETS", dir)
	var stdout, stderr bytes.Buffer
	if err := run(t.Context(), []string{"assets"}, &stdout, &stderr); err != nil {
		t.Fatal(err)
	}
	if stdout.String() != dir+"\n" || stderr.Len() != 0 {
		t.Errorf("stdout %q, stderr %q", &stdout, &stderr)
	}
}

func TestKubectlOnPath(t *testing.T) {
	dir := fakeAssets(t, kubectlName)
	t.Setenv("PATH", dir)
	if got, want := kubectlOnPath(t.TempDir()), filepath.Join(dir, kubectlName); got != want {
		t.Errorf("got %q, want %q", got, want)
	}
	if got := kubectlOnPath(dir); got != "" {
		t.Errorf("the link would point at itself: %q", got)
	}
}

func TestLockExcludes(t *testing.T) {
	path := filepath.Join(t.TempDir(), "lock")
	unlock, err := lockFile(t.Context(), path, func() { t.Error("waited for a free lock") })
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	waits := 0
	if _, err := lockFile(ctx, path, func() { waits++ }); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("a taken lock gave %v", err)
	}
	if waits != 1 {
		t.Errorf("said %d times that it waits", waits)
	}
	unlock()
	unlock, err = tryLock(path)
	if err != nil {
		t.Fatalf("a released lock gave %v", err)
	}
	unlock()
}

func TestInterruptedBuildStops(t *testing.T) {
	module, err := writeModule()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { removeAll(t, module) })
	out := filepath.Join(t.TempDir(), apiserverName)
	ctx, cancel := context.WithTimeout(t.Context(), 500*time.Millisecond)
	defer cancel()
	// A link flag of its own keeps the result out of the build cache's reach.
	err = build(ctx, module, target{
		name: apiserverName, pkg: kubernetesModule + "/cmd/kube-apiserver",
		linkFlags: "-X main.interrupted=" + out, out: out,
	}, t.Output())
	if !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("got %v", err)
	}
	if left, _ := filepath.Glob(out + "*"); len(left) != 0 {
		t.Errorf("left behind: %q", left)
	}
}

func TestBuildSaysWhatFailed(t *testing.T) {
	module, err := writeModule()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { removeAll(t, module) })
	err = build(t.Context(), module, target{
		name: "nothing", pkg: kubernetesModule + "/cmd/nothing", out: filepath.Join(t.TempDir(), "nothing"),
	}, t.Output())
	if err == nil || !strings.Contains(err.Error(), "building nothing") || !strings.Contains(err.Error(), "cmd/nothing") {
		t.Errorf("got %v", err)
	}
}

func removeAll(t *testing.T, dir string) {
	t.Helper()
	if err := os.RemoveAll(dir); err != nil {
		t.Error(err)
	}
}
