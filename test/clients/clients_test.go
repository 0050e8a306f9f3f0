// Copyright The license-operator Authors.
// SPDX-License-Identifier: Apache-2.0

// Package clients runs clients that know nothing of the operator: the SDKs of
// AWS, told only where License Manager and Marketplace are, and programs that
// were written for the DevPay License Service, which believe that they talk to
// ls.amazonaws.com. hack/test-clients.sh makes the world in which they do.
package clients

import (
	"bytes"
	"context"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/license-operator/license-operator/test/env"
)

const (
	host     = "ls.amazonaws.com"
	endpoint = "https://" + host + "/"
	// bundle is the system's, covered by a file of ours.
	bundle = "/etc/ssl/certs/ca-certificates.crt"

	clientTimeout = time.Minute
	maxLog        = 8 << 10
)

// world is where the clients live.
type world struct {
	env *env.Env
	// dir holds the operator's binary and, in root, the unpacked packages.
	dir string
	// ca is the certificate of the endpoint's authority, PEM.
	ca []byte
}

// TestRealClients needs the namespaces that hack/test-clients.sh makes.
func TestRealClients(t *testing.T) {
	dir := os.Getenv("LICENSE_OPERATOR_CLIENTS")
	if dir == "" {
		t.Skip("needs Debian's packages and root: run make test-clients")
	}
	w := newWorld(t, dir)
	t.Run("activate-devpay", w.testActivateDevPay)
	t.Run("Boto", w.testBoto)
	t.Run("curl", w.testCurl)
	t.Run("License Manager", w.testLicenseManager)
	t.Run("Marketplace", w.testMarketplace)
}

// newWorld starts a control plane and the operator at ls.amazonaws.com.
func newWorld(t *testing.T, dir string) *world {
	t.Helper()
	addresses, err := net.DefaultResolver.LookupHost(t.Context(), host)
	if err != nil || len(addresses) != 1 || addresses[0] != "127.0.0.1" {
		t.Fatalf("%s is %v (%v), not this machine: run hack/test-clients.sh", host, addresses, err)
	}
	e, err := env.Start(t.Context())
	if err != nil {
		t.Fatal("start the control plane:", err)
	}
	t.Cleanup(func() {
		if err := e.Stop(); err != nil {
			t.Error("stop the control plane:", err)
		}
	})
	w := &world{env: e, dir: dir}
	operator, err := e.StartProcess(t.Context(), w.path("license-operator"), t.TempDir(), "127.0.0.1:443", "--tls-dns-names", host)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		operator.Stop()
		if log, err := os.ReadFile(operator.Log); err == nil && t.Failed() {
			t.Logf("The end of the operator's log:\n%s", log[max(0, len(log)-maxLog):])
		}
	})
	w.ca = operator.CA
	w.trust(t, w.ca)
	return w
}

// trust adds an authority to the system's bundle.
func (w *world) trust(t *testing.T, ca []byte) {
	t.Helper()
	f, err := os.OpenFile(w.path("ca-bundle.crt"), os.O_APPEND|os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = f.Close() }()
	if _, err := f.Write(append([]byte("\n"), ca...)); err != nil {
		t.Fatal(err)
	}
	if seen, err := os.ReadFile(bundle); err != nil || !bytes.Contains(seen, ca) {
		t.Fatalf("%s is not covered by ours (%v): run hack/test-clients.sh", bundle, err)
	}
}

func (w *world) path(names ...string) string {
	return filepath.Join(append([]string{w.dir}, names...)...)
}

// output is what a client has printed, and how it ended.
type output struct {
	stdout, stderr string
	exit           int
}

// run runs a client to its end, with more environment variables than this
// process has.
func run(t *testing.T, environment []string, name string, args ...string) output {
	t.Helper()
	return runWith(t, "", append(os.Environ(), environment...), name, args...)
}

// runWith runs a client to its end, with a text as its standard input.
func runWith(t *testing.T, input string, environment []string, name string, args ...string) output {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), clientTimeout)
	defer cancel()
	cmd := exec.CommandContext(ctx, name, args...)
	cmd.Env = environment
	cmd.Stdin = strings.NewReader(input)
	var stdout, stderr strings.Builder
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	err := cmd.Run()
	if cmd.ProcessState == nil || ctx.Err() != nil {
		t.Fatalf("%s: %v", name, err)
	}
	return output{stdout: stdout.String(), stderr: stderr.String(), exit: cmd.ProcessState.ExitCode()}
}
