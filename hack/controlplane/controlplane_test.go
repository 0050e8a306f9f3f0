// Copyright The license-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
)

// running is a control plane that a test started as a process of its own.
type running struct {
	t          *testing.T
	dir        string // data directory
	kubeconfig string
	ready      string
	cmd        *exec.Cmd
	stdout     bytes.Buffer
}

// startPlane builds the program, has wrap start it, and waits until it is
// ready. wrap are words to put before the command.
func startPlane(t *testing.T, flags []string, wrap ...string) *running {
	t.Helper()
	// Builds what is missing here, so that the wait below is short.
	if _, err := ensureAssets(t.Context(), t.Output()); err != nil {
		t.Fatal(err)
	}
	tmp := t.TempDir()
	program := filepath.Join(tmp, "controlplane")
	if out, err := exec.Command("go", "build", "-o", program, ".").CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	r := &running{
		t: t, dir: filepath.Join(tmp, "data"),
		kubeconfig: filepath.Join(tmp, "kubeconfig"), ready: filepath.Join(tmp, "ready"),
	}
	args := append(wrap, program, "start", "--data-dir", r.dir, "--kubeconfig", r.kubeconfig, "--ready-file", r.ready)
	args = append(args, flags...)
	r.cmd = exec.Command(args[0], args[1:]...)
	r.cmd.Stdout, r.cmd.Stderr = &r.stdout, t.Output()
	if err := startChild(r.cmd); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = r.cmd.Process.Kill() })
	eventually(t, "the control plane is ready", func() bool {
		_, err := os.Stat(r.ready)
		return err == nil
	})
	return r
}

// pid reads the process id of a child.
func (r *running) pid(name string) int {
	r.t.Helper()
	text, err := os.ReadFile(filepath.Join(r.dir, name+".pid"))
	if err != nil {
		r.t.Fatal(err)
	}
	pid, err := strconv.Atoi(strings.TrimSpace(string(text)))
	if err != nil || !alive(pid) {
		r.t.Fatalf("%s: process %d, error %v", name, pid, err)
	}
	return pid
}

func (r *running) kubectl(args ...string) string {
	r.t.Helper()
	assets, err := ensureAssets(r.t.Context(), r.t.Output())
	if err != nil {
		r.t.Fatal(err)
	}
	cmd := exec.Command(filepath.Join(assets, kubectlName), append([]string{"--kubeconfig", r.kubeconfig}, args...)...)
	out, err := cmd.CombinedOutput()
	if err != nil {
		r.t.Fatalf("kubectl %q: %v\n%s", args, err, out)
	}
	return string(out)
}

func (r *running) gone(pids ...int) {
	r.t.Helper()
	for _, pid := range pids {
		eventually(r.t, "process "+strconv.Itoa(pid)+" is gone", func() bool { return !alive(pid) })
	}
}

func TestControlPlaneWorksAndStops(t *testing.T) {
	r := startPlane(t, nil)
	etcd, apiserver := r.pid(etcdName), r.pid(apiserverName)
	if info, err := os.Stat(r.kubeconfig); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("kubeconfig: mode %v, error %v", info.Mode(), err)
	}
	if got := r.kubectl("config", "current-context"); got != contextName+"\n" {
		t.Errorf("current context %q", got)
	}
	r.kubectl("create", "namespace", "demo")
	r.kubectl("create", "serviceaccount", "robot", "-n", "demo")
	token := strings.TrimSpace(r.kubectl("create", "token", "robot", "-n", "demo"))
	checkToken(t, token)
	review := filepath.Join(t.TempDir(), "review.json")
	if err := os.WriteFile(review, []byte(`{"apiVersion":"authentication.k8s.io/v1","kind":"TokenReview","spec":{"token":"`+token+`"}}`), 0o600); err != nil {
		t.Fatal(err)
	}
	if got := r.kubectl("create", "-f", review, "-o", "jsonpath={.status.user.username}"); got != "system:serviceaccount:demo:robot" {
		t.Errorf("the API server takes the token for %q", got)
	}
	// RBAC is on: a new service account may read no Secret.
	if got := r.kubectl("auth", "can-i", "--list", "--as", "system:serviceaccount:demo:robot"); strings.Contains(got, "secrets") {
		t.Errorf("a new service account may:\n%s", got)
	}

	if err := r.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	if err := r.cmd.Wait(); err != nil {
		t.Errorf("the program ended with %v", err)
	}
	r.gone(etcd, apiserver)
	if got, want := r.stdout.String(), "The control plane is ready: export KUBECONFIG="+r.kubeconfig+"\n"; got != want {
		t.Errorf("stdout %q, want %q", got, want)
	}
	for _, path := range []string{r.dir, r.kubeconfig, r.ready} {
		if _, err := os.Stat(path); !os.IsNotExist(err) {
			t.Errorf("%s is left behind: %v", path, err)
		}
	}
}

// checkToken looks into the claims of a service-account token.
func checkToken(t *testing.T, token string) {
	t.Helper()
	parts := strings.Split(token, ".")
	if len(parts) != 3 {
		t.Fatalf("a token of %d parts", len(parts))
	}
	payload, err := base64.RawURLEncoding.DecodeString(parts[1])
	if err != nil {
		t.Fatal(err)
	}
	var claims struct {
		Aud []string
		Iss string
		Sub string
	}
	if err := json.Unmarshal(payload, &claims); err != nil {
		t.Fatal(err)
	}
	const issuer = "https://kubernetes.default.svc"
	if claims.Iss != issuer || len(claims.Aud) != 1 || claims.Aud[0] != issuer || claims.Sub != "system:serviceaccount:demo:robot" {
		t.Errorf("claims %+v", claims)
	}
}

func TestKilledProgramLeavesNoChild(t *testing.T) {
	r := startPlane(t, nil)
	etcd, apiserver := r.pid(etcdName), r.pid(apiserverName)
	if err := r.cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = r.cmd.Wait() // It was killed.
	r.gone(etcd, apiserver)
}

func TestKilledParentStopsTheProgram(t *testing.T) {
	// The command after "$@" keeps the shell from replacing itself.
	r := startPlane(t, nil, "/bin/sh", "-c", `"$@"; :`, "sh")
	etcd, apiserver := r.pid(etcdName), r.pid(apiserverName)
	if err := r.cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	r.gone(apiserver, etcd)
	eventually(t, "the data is removed", func() bool {
		_, err := os.Stat(r.dir)
		return os.IsNotExist(err)
	})
}

func TestDeadChildIsReported(t *testing.T) {
	r := startPlane(t, []string{"--keep-data"})
	apiserver := r.pid(apiserverName)
	if err := syscall.Kill(r.pid(etcdName), syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	if err := r.cmd.Wait(); r.cmd.ProcessState.ExitCode() != 1 {
		t.Errorf("the program ended with %v", err)
	}
	r.gone(apiserver)
	if _, err := os.Stat(filepath.Join(r.dir, "etcd", "member")); err != nil {
		t.Errorf("the data was not kept: %v", err)
	}
}
