// Copyright The license-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bytes"
	"context"
	_ "embed"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"strings"
)

const (
	kubernetesModule = "k8s.io/kubernetes"
	etcdModule       = "go.etcd.io/etcd/server/v3"
)

// The program carries its own go.mod and go.sum, so that a built copy pins the
// same versions wherever it runs.
var (
	//go:embed go.mod
	goMod []byte
	//go:embed go.sum
	goSum []byte
)

// versions are the versions of the modules to build, such as v1.37.1.
type versions struct {
	kubernetes string
	etcd       string
}

// dirName is the name of the cache directory for these versions on this
// platform.
func (v versions) dirName() string {
	return fmt.Sprintf("%s-etcd-%s-%s-%s", v.kubernetes, v.etcd, runtime.GOOS, runtime.GOARCH)
}

// semver matches what Kubernetes and etcd use as a version: no build metadata.
var semver = regexp.MustCompile(`^v(0|[1-9][0-9]*)\.(0|[1-9][0-9]*)\.(0|[1-9][0-9]*)(-[0-9A-Za-z.-]+)?$`)

// majorMinor splits the leading two numbers off a version such as v1.37.1.
func majorMinor(version string) (major, minor string, err error) {
	m := semver.FindStringSubmatch(version)
	if m == nil {
		return "", "", fmt.Errorf("%q is not a version like v1.2.3", version)
	}
	return m[1], m[2], nil
}

// kubernetesLinkFlags are the linker flags that tell a Kubernetes binary its
// version. Without them it says v0.0.0-master, and clients refuse or warn. The
// build date is fixed so that two builds give the same bytes.
func kubernetesLinkFlags(version string) (string, error) {
	major, minor, err := majorMinor(version)
	if err != nil {
		return "", err
	}
	flags := []string{"-s", "-w"}
	// The user agent of client-go has a copy of its own.
	for _, pkg := range []string{"k8s.io/component-base/version", "k8s.io/client-go/pkg/version"} {
		for _, set := range []string{
			"gitVersion=" + version,
			"gitMajor=" + major,
			"gitMinor=" + minor,
			"gitTreeState=clean",
			"gitCommit=",
			"buildDate=1970-01-01T00:00:00Z",
		} {
			flags = append(flags, "-X", pkg+"."+set)
		}
	}
	return strings.Join(flags, " "), nil
}

// parseModules reads the output of "go list -m -json" and picks the versions.
func parseModules(r io.Reader) (versions, error) {
	var v versions
	dec := json.NewDecoder(r)
	for {
		var module struct{ Path, Version string }
		err := dec.Decode(&module)
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return versions{}, fmt.Errorf("reading the output of go list: %w", err)
		}
		switch module.Path {
		case kubernetesModule:
			v.kubernetes = module.Version
		case etcdModule:
			v.etcd = module.Version
		}
	}
	for module, version := range map[string]string{kubernetesModule: v.kubernetes, etcdModule: v.etcd} {
		if !semver.MatchString(version) {
			return versions{}, fmt.Errorf("go list gave no usable version of %s: %q", module, version)
		}
	}
	return v, nil
}

// writeModule puts go.mod and go.sum into a new temporary directory, from
// which the go command can build. The caller removes it.
func writeModule() (string, error) {
	dir, err := os.MkdirTemp("", "license-operator-controlplane-build-")
	if err != nil {
		return "", err
	}
	for name, content := range map[string][]byte{"go.mod": goMod, "go.sum": goSum} {
		if err := os.WriteFile(filepath.Join(dir, name), content, 0o600); err != nil {
			_ = os.RemoveAll(dir)
			return "", err
		}
	}
	return dir, nil
}

// readVersions asks the go command which versions the module in dir selects.
func readVersions(ctx context.Context, dir string) (versions, error) {
	cmd := exec.CommandContext(ctx, "go", "list", "-m", "-json", "-mod=readonly", kubernetesModule, etcdModule)
	cmd.Dir = dir
	cmd.Env = goEnv()
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	if err := cmd.Run(); err != nil {
		if ctx.Err() != nil {
			return versions{}, ctx.Err()
		}
		return versions{}, fmt.Errorf("go list -m: %w\n%s", err, stderr.Bytes())
	}
	return parseModules(&stdout)
}

// goEnv is the environment of the go command: the user's, but for what would
// build for another platform, need a C compiler or bring in a workspace.
func goEnv() []string {
	return append(os.Environ(),
		"GOOS="+runtime.GOOS, "GOARCH="+runtime.GOARCH, "CGO_ENABLED=0", "GOWORK=off")
}
