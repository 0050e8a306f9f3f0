// Copyright The license-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"time"
)

const (
	// progressInterval is how often a running build says that it still runs.
	progressInterval = 10 * time.Second
	// buildGrace is how long an interrupted build may take to clean up.
	buildGrace = 10 * time.Second
)

// target is one binary to build.
type target struct {
	name      string
	pkg       string // import path of the main package
	version   string // version of its module, for the messages
	linkFlags string
	out       string // where the binary ends up
}

// build compiles t with the module in directory module. The binary appears
// under its name only when it is complete. When ctx ends, the go command and
// all compilers that it started are stopped and ctx.Err() is returned.
func build(ctx context.Context, module string, t target, stderr io.Writer) error {
	removeStale(t.out)
	tmp := fmt.Sprintf("%s.tmp-%d", t.out, os.Getpid())
	defer os.Remove(tmp)

	cmd := exec.CommandContext(ctx, "go", "build", "-mod=readonly", "-trimpath",
		"-ldflags", t.linkFlags, "-o", tmp, t.pkg)
	cmd.Dir = module
	cmd.Env = goEnv()
	var output bytes.Buffer
	cmd.Stdout, cmd.Stderr = &output, &output
	// A process group of its own lets one signal reach the compilers too,
	// wherever the interrupt came from.
	cmd.SysProcAttr = childAttr()
	cmd.Cancel = func() error { return syscall.Kill(-cmd.Process.Pid, syscall.SIGINT) }
	cmd.WaitDelay = buildGrace

	begin := time.Now()
	fmt.Fprintf(stderr, "Building %s %s\n", t.name, t.version)
	stopProgress := progress(stderr, t.name, begin)
	err := startChild(cmd)
	if err == nil {
		err = cmd.Wait()
	}
	stopProgress()
	if ctx.Err() != nil {
		return ctx.Err()
	}
	if err != nil {
		return fmt.Errorf("building %s: %w\n%s", t.name, err, tail(output.Bytes()))
	}
	if err := os.Rename(tmp, t.out); err != nil {
		return err
	}
	fmt.Fprintf(stderr, "Built %s in %s\n", t.name, time.Since(begin).Round(time.Second))
	return nil
}

// progress writes a line now and then until the returned function is called.
// It writes plain lines, which suit a terminal and a log alike.
func progress(w io.Writer, name string, begin time.Time) (stop func()) {
	done, finished := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(finished)
		ticker := time.NewTicker(progressInterval)
		defer ticker.Stop()
		for {
			select {
			case <-done:
				return
			case <-ticker.C:
				fmt.Fprintf(w, "Still building %s, %s so far\n", name, time.Since(begin).Round(time.Second))
			}
		}
	}()
	return func() {
		close(done)
		<-finished
	}
}

// removeStale removes what killed builds of the same binary left behind. The
// caller holds the lock, so no living build owns it.
func removeStale(out string) {
	stale, err := filepath.Glob(out + ".tmp-*")
	if err != nil {
		return // Only a malformed pattern gives an error.
	}
	for _, path := range stale {
		_ = os.Remove(path)
	}
}

const (
	tailLines = 30
	tailBytes = 8 << 10
)

// tail returns the last lines of a log, bounded in lines and bytes.
func tail(log []byte) []byte {
	if len(log) > tailBytes {
		log = log[len(log)-tailBytes:]
	}
	log = bytes.TrimRight(log, "\n")
	lines := bytes.Split(log, []byte("\n"))
	if len(lines) > tailLines {
		lines = lines[len(lines)-tailLines:]
	}
	return bytes.Join(lines, []byte("\n"))
}
