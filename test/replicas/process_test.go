// Copyright The license-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package replicas

import (
	"bytes"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"github.com/license-operator/license-operator/test/env"
	"github.com/license-operator/license-operator/test/integration/wire"
)

// shutdownDelay is how long a replica serves on after it stopped being ready.
const shutdownDelay = 2 * time.Second

// process is one replica.
type process struct {
	name                     string
	address, health, metrics string
	// client calls this replica; it exists once the replica is ready.
	client *wire.Client

	cmd   *exec.Cmd
	log   string
	ended chan struct{}
	err   error
}

// launch starts a replica and does not wait for it.
func launch(t *testing.T, name string) *process {
	t.Helper()
	p := &process{name: name, ended: make(chan struct{}), log: filepath.Join(t.TempDir(), name+".log")}
	free, err := env.FreeAddresses(3)
	if err != nil {
		t.Fatal(err)
	}
	p.address, p.health, p.metrics = free[0], free[1], free[2]
	log, err := os.Create(p.log)
	if err != nil {
		t.Fatal(err)
	}
	defer log.Close()
	p.cmd = exec.Command(binary, "serve", "--namespace="+env.OperatorNamespace,
		"--listen-address="+p.address, "--health-address="+p.health, "--metrics-address="+p.metrics,
		"--shutdown-delay="+shutdownDelay.String(), "--caller-rate=0", "--anonymous-rate=0", "--log-level=debug")
	p.cmd.Env = append(os.Environ(), "KUBECONFIG="+env.Kubeconfig(t, cluster.Operator))
	p.cmd.Stdout, p.cmd.Stderr = log, log
	p.cmd.SysProcAttr = childAttributes()
	if err := p.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	go func() {
		p.err = p.cmd.Wait()
		close(p.ended)
	}()
	t.Cleanup(func() {
		_ = p.cmd.Process.Kill()
		<-p.ended
		if t.Failed() {
			t.Logf("the end of the log of %s:\n%s", name, tail(p.log, 20))
		}
	})
	return p
}

// tail is the last lines of a file.
func tail(file string, n int) string {
	text, err := os.ReadFile(file)
	if err != nil {
		return err.Error()
	}
	lines := bytes.Split(bytes.TrimSpace(text), []byte("\n"))
	return string(bytes.Join(lines[max(0, len(lines)-n):], []byte("\n")))
}

// pair starts two replicas at once and waits until both are ready.
func pair(t *testing.T, ledger *wire.Ledger) [2]*process {
	t.Helper()
	// Those of the test before are dead; nobody need wait for their lease.
	if err := cluster.FreeLease(t.Context()); err != nil {
		t.Fatal(err)
	}
	both := [2]*process{launch(t, "first"), launch(t, "second")}
	for _, p := range both {
		p.await(t, "ready", time.Minute, func() bool { return p.ready() })
	}
	roots := wire.Trust(t, cluster.Client)
	for _, p := range both {
		p.client = &wire.Client{URL: "https://" + p.address, HTTP: wire.HTTPClient(roots, time.Now), Now: time.Now, Ledger: ledger}
	}
	return both
}

// await waits until a check is true; the replica must live.
func (p *process) await(t *testing.T, what string, most time.Duration, check func() bool) {
	t.Helper()
	start := time.Now()
	for time.Since(start) < most {
		select {
		case <-p.ended:
			t.Fatalf("the %s replica has ended, with %v, and was never %s:\n%s", p.name, p.err, what, tail(p.log, 20))
		case <-time.After(20 * time.Millisecond):
		}
		if check() {
			t.Logf("the %s replica is %s after %s", p.name, what, time.Since(start).Round(time.Millisecond))
			return
		}
	}
	t.Fatalf("the %s replica was never %s", p.name, what)
}

// ready says what the replica says to a load balancer.
func (p *process) ready() bool {
	status, _ := env.Page("http://" + p.health + "/readyz")
	return status == http.StatusOK
}

// leads says whether the replica runs the controllers.
func (p *process) leads() bool { return env.Leads("http://" + p.metrics + "/metrics") }

// leaderOf returns the replica that leads and the other, once one does.
func leaderOf(t *testing.T, both [2]*process) (leader, other *process) {
	t.Helper()
	both[0].await(t, "one of two of which one leads", time.Minute, func() bool { return both[0].leads() != both[1].leads() })
	if both[0].leads() {
		return both[0], both[1]
	}
	return both[1], both[0]
}

// kill ends a replica as a machine that loses its power.
func (p *process) kill() error {
	if err := p.cmd.Process.Kill(); err != nil {
		return err
	}
	<-p.ended
	return nil
}

// terminate asks a replica to end, as the kubelet does.
func (p *process) terminate(t *testing.T) {
	t.Helper()
	if err := p.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
}

// silent fails the test if the log of a replica holds a secret.
func (p *process) silent(t *testing.T, ledger *wire.Ledger) {
	t.Helper()
	text, err := os.ReadFile(p.log)
	if err != nil {
		t.Fatal(err)
	}
	if len(text) == 0 {
		t.Errorf("the %s replica has logged nothing", p.name)
	}
	for _, leak := range ledger.Leaks(string(text)) {
		t.Errorf("the log of the %s replica holds a %s", p.name, leak)
	}
	if bytes.Contains(text, []byte("anic")) {
		t.Errorf("the %s replica has panicked:\n%s", p.name, tail(p.log, 50))
	}
	for _, failure := range ledger.Failures() {
		t.Errorf("one of the replicas answered %s", failure)
	}
}
