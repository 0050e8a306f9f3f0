// Copyright The license-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bytes"
	"errors"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
)

// TestMain lets the test binary stand in for the program when it is started as
// a reaper.
func TestMain(m *testing.M) {
	if len(os.Args) > 1 && os.Args[1] == reapCommand {
		reap(os.Stdin, os.Args[2:])
		return
	}
	os.Exit(m.Run())
}

// script starts a shell script as a child.
func script(t *testing.T, text string) *child {
	t.Helper()
	dir := t.TempDir()
	path := filepath.Join(dir, "script")
	if err := os.WriteFile(path, []byte("#!/bin/sh\n"+text), 0o755); err != nil {
		t.Fatal(err)
	}
	c, err := launch(path, dir, nil)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = c.cmd.Process.Kill()
		<-c.exited
	})
	return c
}

func TestExitErrorShowsTheLog(t *testing.T) {
	c := script(t, "i=0; while [ $i -lt 100 ]; do i=$((i+1)); echo line $i; done; echo the reason >&2; exit 3\n")
	var exit *exitError
	if err := c.waitReady(t.Context(), http.DefaultClient, "https://127.0.0.1:1/"); !errors.As(err, &exit) {
		t.Fatalf("got %v", err)
	}
	got := exit.Error()
	if !strings.HasPrefix(got, "script ended by itself: exit status 3.") || !strings.HasSuffix(got, "line 100\nthe reason") {
		t.Errorf("got %q", got)
	}
	if strings.Contains(got, "line 70\n") || !strings.Contains(got, "line 72\n") {
		t.Errorf("not the last %d lines: %q", tailLines, got)
	}
}

func TestTailIsBounded(t *testing.T) {
	for name, tc := range map[string]struct {
		log       string
		wantBytes int
		wantLines int
	}{
		"an empty log gives nothing":      {wantLines: 1},
		"one line is kept":                {log: "abc\n", wantBytes: 3, wantLines: 1},
		"many lines are cut to the last":  {log: strings.Repeat("a\n", 1000), wantBytes: 2*tailLines - 1, wantLines: tailLines},
		"one long line is cut to its end": {log: strings.Repeat("a", 3*tailBytes), wantBytes: tailBytes, wantLines: 1},
	} {
		t.Run(name, func(t *testing.T) {
			got := tail([]byte(tc.log))
			if lines := bytes.Count(got, []byte("\n")) + 1; len(got) != tc.wantBytes || lines != tc.wantLines {
				t.Errorf("got %d bytes in %d lines", len(got), lines)
			}
		})
	}
}

func TestStop(t *testing.T) {
	for name, tc := range map[string]struct {
		script string
		want   string // on stderr
	}{
		"a child that obeys is not killed":     {script: "trap 'exit 0' TERM; echo up; while :; do sleep 0.05; done\n"},
		"a child that does not obey is killed": {script: "trap '' TERM; echo up; while :; do sleep 0.05; done\n", want: "script did not stop within 1s, killing it\n"},
		"a child that has ended is no trouble": {script: "echo up\n"},
	} {
		t.Run(name, func(t *testing.T) {
			c := script(t, tc.script)
			c.grace = time.Second
			eventually(t, "the script runs", func() bool { return string(readTail(c.logPath)) == "up" })
			var stderr bytes.Buffer
			c.stop(&stderr)
			if stderr.String() != tc.want {
				t.Errorf("stderr %q, want %q", &stderr, tc.want)
			}
			if alive(c.cmd.Process.Pid) {
				t.Error("the child is alive")
			}
			if _, err := os.Stat(c.pidPath); !os.IsNotExist(err) {
				t.Errorf("the pid file: %v", err)
			}
		})
	}
}

func TestReaper(t *testing.T) {
	for name, tc := range map[string]struct {
		input    string
		survives bool
	}{
		"the end of the input kills":            {},
		"the end after half a word kills":       {input: "do"},
		"a peaceful end leaves the child alone": {input: reapDone, survives: true},
	} {
		t.Run(name, func(t *testing.T) {
			c := script(t, "exec sleep 60\n")
			self, err := os.Executable()
			if err != nil {
				t.Fatal(err)
			}
			cmd := exec.Command(self, reapCommand, strconv.Itoa(c.cmd.Process.Pid), "not-a-number", "-1")
			cmd.Stdin = strings.NewReader(tc.input)
			if err := cmd.Run(); err != nil {
				t.Fatal(err)
			}
			if tc.survives {
				if !alive(c.cmd.Process.Pid) {
					t.Error("the child is dead")
				}
				return
			}
			<-c.exited
		})
	}
}

func TestReaperIsReleased(t *testing.T) {
	c := script(t, "exec sleep 60\n")
	release, err := startReaper(c.cmd.Process.Pid)
	if err != nil {
		t.Fatal(err)
	}
	release() // Returns only when the reaper has ended.
	if !alive(c.cmd.Process.Pid) {
		t.Error("the reaper killed a child although it was released")
	}
}

// alive tells whether a process runs. One that has ended but that nobody has
// waited for is not alive.
func alive(pid int) bool {
	if err := syscall.Kill(pid, 0); err != nil {
		return false
	}
	state, err := exec.Command("ps", "-o", "stat=", "-p", strconv.Itoa(pid)).Output()
	return err == nil && !strings.HasPrefix(strings.TrimSpace(string(state)), "Z")
}

func eventually(t *testing.T, what string, ok func() bool) {
	t.Helper()
	for deadline := time.Now().Add(30 * time.Second); !ok(); time.Sleep(20 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("waited in vain: %s", what)
		}
	}
}
