// Copyright The license-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package chart

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"

	"github.com/license-operator/license-operator/test/env"
)

// buildHelm returns the path of the helm that hack/tools/helm pins. Building
// it takes minutes where nothing is cached, so it is kept in the user's cache
// directory under a hash of what it is made from.
func buildHelm() (string, error) {
	module := filepath.Join(env.Root(), "hack", "tools", "helm")
	hash := sha256.New()
	fmt.Fprintln(hash, runtime.Version(), runtime.GOOS, runtime.GOARCH)
	for _, name := range []string{"go.mod", "go.sum"} {
		data, err := os.ReadFile(filepath.Join(module, name))
		if err != nil {
			return "", err
		}
		fmt.Fprintf(hash, "%s %d\n%s", name, len(data), data)
	}
	cache, err := os.UserCacheDir()
	if err != nil {
		return "", err
	}
	dir := filepath.Join(cache, "license-operator", "helm")
	binary := filepath.Join(dir, hex.EncodeToString(hash.Sum(nil))[:16])
	if _, err := os.Stat(binary); err == nil {
		return binary, nil
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return "", err
	}
	// Two test runs may build it at once: whoever is last replaces the same.
	building := fmt.Sprintf("%s.%d", binary, os.Getpid())
	defer os.Remove(building)
	build := exec.Command("go", "build", "-o", building, "helm.sh/helm/v4/cmd/helm")
	build.Dir = module
	build.Stdout, build.Stderr = os.Stderr, os.Stderr
	if err := build.Run(); err != nil {
		return "", err
	}
	return binary, os.Rename(building, binary)
}
