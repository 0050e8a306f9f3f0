// Copyright The license-operator Authors.
// SPDX-License-Identifier: Apache-2.0

// Package browser signs customers up in a real browser: Chromium, headless,
// between the operator's pages and a sample shop that asks ResolveCustomer with
// an SDK of AWS. It is a module of its own, so that what drives the browser is no
// dependency of the operator's.
package browser

import (
	"context"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/license-operator/license-operator/test/env"
)

// required, in the environment, makes a missing browser an error.
const required = "LICENSE_OPERATOR_BROWSER_REQUIRED"

var (
	cluster  *env.Env
	operator *env.Process
	// publicURL is where the browser reaches the operator.
	publicURL string
	// shopBinary is the sample shop.
	shopBinary string
	// chromium is the browser.
	chromium string
)

func TestMain(m *testing.M) { os.Exit(run(m)) }

func run(m *testing.M) int {
	if chromium = findBrowser(); chromium == "" {
		if os.Getenv(required) != "" {
			fmt.Fprintln(os.Stderr, "there is no chromium on the PATH")
			return 1
		}
		fmt.Println("Skipped: there is no chromium on the PATH. Install one, or run `make test-browser`, which does.")
		return 0
	}
	ctx := context.Background()
	dir, err := os.MkdirTemp("", "license-operator-browser-")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	defer func() { _ = os.RemoveAll(dir) }()
	if cluster, err = env.Start(ctx); err != nil {
		fmt.Fprintln(os.Stderr, "start the control plane:", err)
		return 1
	}
	defer func() { _ = cluster.Stop() }()
	if err := start(ctx, dir); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	defer operator.Stop()
	return m.Run()
}

// findBrowser is the first of the names that Chromium has.
func findBrowser() string {
	for _, name := range []string{"chromium", "chromium-browser", "google-chrome", "google-chrome-stable"} {
		if path, err := exec.LookPath(name); err == nil {
			return path
		}
	}
	return ""
}

// start builds operator and shop, and starts the operator.
func start(ctx context.Context, dir string) error {
	binary := filepath.Join(dir, "license-operator")
	shopBinary = filepath.Join(dir, "shop")
	for _, build := range [][]string{
		{"-C", env.Root(), "build", "-o", binary, "./cmd/license-operator"},
		{"-C", filepath.Join(env.Root(), "test", "shop"), "build", "-o", shopBinary, "."},
	} {
		cmd := exec.CommandContext(ctx, "go", build...)
		if out, err := cmd.CombinedOutput(); err != nil {
			return fmt.Errorf("go %v: %w\n%s", build, err, out)
		}
	}
	address, err := freeAddress()
	if err != nil {
		return err
	}
	_, port, err := net.SplitHostPort(address)
	if err != nil {
		return err
	}
	publicURL = "https://localhost:" + port
	operator, err = cluster.StartProcess(ctx, binary, dir, address, "--public-url", publicURL)
	return err
}

// freeAddress is an address of this machine where nothing listens.
func freeAddress() (string, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", err
	}
	defer l.Close()
	return l.Addr().String(), nil
}
