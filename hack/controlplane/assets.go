// Copyright The license-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

const (
	etcdName      = "etcd"
	apiserverName = "kube-apiserver"
	kubectlName   = "kubectl"
)

// assetNames are the binaries of an asset directory, under the names that
// controller-runtime's envtest looks for.
var assetNames = []string{etcdName, apiserverName, kubectlName}

// ensureAssets returns the directory that holds the binaries and builds those
// that are missing. Progress goes to stderr.
func ensureAssets(ctx context.Context, stderr io.Writer) (string, error) {
	if dir := os.Getenv("KUBEBUILDER_ASSETS"); dir != "" {
		missing := missingAssets(dir)
		if len(missing) == 0 {
			return filepath.Abs(dir)
		}
		fmt.Fprintf(stderr, "KUBEBUILDER_ASSETS=%s is not used: it lacks %s\n", dir, strings.Join(missing, ", "))
	}
	module, err := writeModule()
	if err != nil {
		return "", err
	}
	defer os.RemoveAll(module)
	v, err := readVersions(ctx, module)
	if err != nil {
		return "", err
	}
	dir, err := cacheDir(v)
	if err != nil {
		return "", err
	}
	if len(missingAssets(dir)) == 0 {
		return dir, nil
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return "", err
	}
	unlock, err := lockFile(ctx, filepath.Join(dir, ".lock"), func() {
		fmt.Fprintln(stderr, "Waiting for another process that builds the control plane")
	})
	if err != nil {
		return "", err
	}
	defer unlock()
	return dir, buildMissing(ctx, module, dir, v, stderr)
}

// buildMissing fills dir. The caller holds the lock, so what another process
// built meanwhile is looked up again here.
func buildMissing(ctx context.Context, module, dir string, v versions, stderr io.Writer) error {
	missing := missingAssets(dir)
	if len(missing) == 0 {
		return nil
	}
	linkFlags, err := kubernetesLinkFlags(v.kubernetes)
	if err != nil {
		return err
	}
	fmt.Fprintf(stderr, "Building the control plane in %s.\n"+
		"The first time this takes some minutes, later starts use the result.\n", dir)
	for _, name := range missing {
		t := target{name: name, out: filepath.Join(dir, name)}
		switch name {
		case etcdName:
			t.pkg, t.version, t.linkFlags = etcdModule, v.etcd, "-s -w"
		case kubectlName:
			if path := kubectlOnPath(dir); path != "" {
				if err := linkAtomically(path, t.out); err != nil {
					return err
				}
				fmt.Fprintf(stderr, "Linked kubectl to %s\n", path)
				continue
			}
			fallthrough
		default:
			t.pkg, t.version, t.linkFlags = kubernetesModule+"/cmd/"+name, v.kubernetes, linkFlags
		}
		if err := build(ctx, module, t, stderr); err != nil {
			return err
		}
	}
	return nil
}

// cacheDir is the directory for the binaries of v.
func cacheDir(v versions) (string, error) {
	base, err := os.UserCacheDir()
	if err != nil {
		return "", err
	}
	return filepath.Join(base, "license-operator", "controlplane", v.dirName()), nil
}

// missingAssets names the binaries that dir does not hold as executable files.
// A link whose target has gone counts as missing.
func missingAssets(dir string) []string {
	var missing []string
	for _, name := range assetNames {
		info, err := os.Stat(filepath.Join(dir, name))
		if err != nil || !info.Mode().IsRegular() || info.Mode().Perm()&0o111 == 0 {
			missing = append(missing, name)
		}
	}
	return missing
}

// kubectlOnPath is the absolute path of the user's kubectl, or empty. One
// inside dir does not count: a link to it would point at itself.
func kubectlOnPath(dir string) string {
	path, err := exec.LookPath(kubectlName)
	if err != nil {
		return ""
	}
	path, err = filepath.Abs(path)
	if err != nil || filepath.Dir(path) == dir {
		return ""
	}
	return path
}

// linkAtomically makes path a symbolic link to target, whatever was there.
func linkAtomically(target, path string) error {
	tmp := fmt.Sprintf("%s.tmp-%d", path, os.Getpid())
	_ = os.Remove(tmp) // A killed process with the same number may have left it.
	if err := os.Symlink(target, tmp); err != nil {
		return err
	}
	if err := os.Rename(tmp, path); err != nil {
		_ = os.Remove(tmp)
		return err
	}
	return nil
}
