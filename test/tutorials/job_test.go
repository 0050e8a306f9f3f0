// Copyright The license-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package tutorials_test

import (
	"bytes"
	"context"
	"errors"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/license-operator/license-operator/test/env"
)

const (
	startTimeout = 5 * time.Minute
	stopTimeout  = time.Minute
	poll         = 50 * time.Millisecond
	// lastGreeting ends what the main job prints when it is ready.
	lastGreeting = "Ctrl-C stops everything."
)

// job is the main job of the project, started as `make run` starts it.
type job struct {
	// dir stands for .run, temp for the directory of temporary files.
	dir, temp string
	cmd       *exec.Cmd
	out       *output
	done      chan error
}

// output collects what a process prints.
type output struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (o *output) Write(p []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.text.Write(p)
}

func (o *output) String() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.text.String()
}

// environment is this process's without what would lead elsewhere.
func environment(more ...string) []string {
	var kept []string
	for _, v := range os.Environ() {
		name, _, _ := strings.Cut(v, "=")
		if strings.HasPrefix(name, "AWS_") || strings.HasPrefix(name, "LICENSE_OPERATOR_") || name == "KUBECONFIG" || name == "POD_NAMESPACE" {
			continue
		}
		kept = append(kept, v)
	}
	return append(kept, more...)
}

// startJob starts the main job and returns when it has said that it is ready.
func startJob(t *testing.T) *job {
	t.Helper()
	assets, err := env.Assets(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	j := &job{dir: filepath.Join(t.TempDir(), "run"), temp: t.TempDir(), out: &output{}, done: make(chan error, 1)}
	runner := filepath.Join(t.TempDir(), "runner")
	build := exec.CommandContext(t.Context(), "go", "build", "-o", runner, "./hack/run")
	build.Dir = env.Root()
	if text, err := build.CombinedOutput(); err != nil {
		t.Fatalf("build hack/run: %v\n%s", err, text)
	}
	j.cmd = exec.Command(runner, "-dir", j.dir, "-listen-address", "127.0.0.1:0")
	j.cmd.Dir = env.Root()
	j.cmd.Env = environment("KUBEBUILDER_ASSETS="+assets, "TMPDIR="+j.temp)
	j.cmd.Stdout, j.cmd.Stderr = j.out, j.out
	if err := j.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	go func() { j.done <- j.cmd.Wait() }()
	t.Cleanup(func() {
		if t.Failed() {
			t.Logf("The main job printed:\n%s", j.out)
		}
		if j.cmd.ProcessState == nil {
			_ = j.interrupt()
		}
	})
	j.await(t)
	return j
}

// await waits until the main job has written the file to source and said how
// to go on.
func (j *job) await(t *testing.T) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), startTimeout)
	defer cancel()
	for !exists(j.env()) || !strings.Contains(j.out.String(), lastGreeting) {
		select {
		case err := <-j.done:
			j.done <- err
			t.Fatalf("the main job ended: %v", err)
		case <-ctx.Done():
			t.Fatalf("the main job is not ready after %s", startTimeout)
		case <-time.After(poll):
		}
	}
}

// env is the file to source.
func (j *job) env() string { return filepath.Join(j.dir, "env") }

// interrupt does what Ctrl-C does and waits for the end. A job that does not
// end is killed; its children end with it.
func (j *job) interrupt() error {
	if err := j.cmd.Process.Signal(syscall.SIGINT); err != nil {
		return err
	}
	select {
	case err := <-j.done:
		return err
	case <-time.After(stopTimeout):
		_ = j.cmd.Process.Kill()
		return errors.Join(errors.New("the main job does not end"), <-j.done)
	}
}

// stop stops the main job and checks that nothing is left of it.
func (j *job) stop(t *testing.T) {
	t.Helper()
	processes := descendants(t, j.cmd.Process.Pid)
	if err := j.interrupt(); err != nil {
		t.Errorf("the main job ended with %v, want exit code 0", err)
	}
	for _, p := range processes {
		if p.lives() {
			t.Errorf("a process is left: %s", p)
		}
	}
	for _, name := range []string{"env", "kubeconfig", "operator.kubeconfig", "ca.crt", "ready"} {
		if exists(filepath.Join(j.dir, name)) {
			t.Errorf("the file %s is left", name)
		}
	}
	left, err := os.ReadDir(j.temp)
	if err != nil {
		t.Fatal(err)
	}
	for _, entry := range left {
		t.Errorf("the temporary file %s is left", entry.Name())
	}
}

func exists(file string) bool {
	_, err := os.Stat(file)
	return !errors.Is(err, fs.ErrNotExist)
}
