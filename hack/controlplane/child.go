// Copyright The license-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"sync"
	"syscall"
	"time"
)

// stopGrace is how long a child may take to stop before it is killed.
const stopGrace = 10 * time.Second

// startChild starts cmd from the one thread that starts all children. Linux
// sends the parent-death signal when the *thread* that started a child ends,
// so that thread must live as long as the process does.
var startChild = sync.OnceValue(func() func(*exec.Cmd) error {
	type request struct {
		cmd   *exec.Cmd
		reply chan error
	}
	requests := make(chan request)
	go func() {
		runtime.LockOSThread()
		for r := range requests {
			r.reply <- r.cmd.Start()
		}
	}()
	return func(cmd *exec.Cmd) error {
		reply := make(chan error, 1)
		requests <- request{cmd, reply}
		return <-reply
	}
})()

// child is a running process whose output goes to a log file.
type child struct {
	name    string
	logPath string
	pidPath string
	grace   time.Duration // how long stop waits before it kills
	cmd     *exec.Cmd
	exited  chan struct{} // closed when the process has ended
	err     error         // how it ended; read it only after exited is closed
}

// launch starts the binary at path. The log and a file with the process id are
// dir/NAME.log and dir/NAME.pid.
func launch(path, dir string, args []string) (*child, error) {
	name := filepath.Base(path)
	c := &child{
		name:    name,
		logPath: filepath.Join(dir, name+".log"),
		pidPath: filepath.Join(dir, name+".pid"),
		grace:   stopGrace,
		cmd:     exec.Command(path, args...),
		exited:  make(chan struct{}),
	}
	log, err := os.OpenFile(c.logPath, os.O_CREATE|os.O_WRONLY|os.O_TRUNC, 0o600)
	if err != nil {
		return nil, err
	}
	defer log.Close() // The child has its own descriptor.
	c.cmd.Dir = dir
	c.cmd.Stdout, c.cmd.Stderr = log, log
	// A terminal's Ctrl-C must not reach the children: they are stopped in order.
	c.cmd.SysProcAttr = childAttr()
	if err := startChild(c.cmd); err != nil {
		return nil, fmt.Errorf("starting %s: %w", name, err)
	}
	go func() {
		c.err = c.cmd.Wait()
		close(c.exited)
	}()
	pid := strconv.Itoa(c.cmd.Process.Pid) + "\n"
	if err := os.WriteFile(c.pidPath, []byte(pid), 0o600); err != nil {
		c.stop(io.Discard)
		return nil, err
	}
	return c, nil
}

// stop asks the process to end, kills it when it does not within c.grace and
// returns when it has ended. It may be called again.
func (c *child) stop(stderr io.Writer) {
	// An error means that it has ended already, and exited tells that as well.
	_ = c.cmd.Process.Signal(syscall.SIGTERM)
	select {
	case <-c.exited:
	case <-time.After(c.grace):
		fmt.Fprintf(stderr, "%s did not stop within %s, killing it\n", c.name, c.grace)
		_ = c.cmd.Process.Kill()
		<-c.exited
	}
	_ = os.Remove(c.pidPath)
}

// exitError describes a process that ended unasked, with the end of its log.
func (c *child) exitError() *exitError {
	<-c.exited
	reason := "exit status 0"
	if c.err != nil {
		reason = c.err.Error()
	}
	return &exitError{name: c.name, reason: reason, log: readTail(c.logPath)}
}

// exitError is the error for a child that ended by itself.
type exitError struct {
	name   string
	reason string
	log    []byte
}

func (e *exitError) Error() string {
	return fmt.Sprintf("%s ended by itself: %s. The end of its log:\n%s", e.name, e.reason, e.log)
}

// readTail reads the end of a log file, or says why it cannot.
func readTail(path string) []byte {
	f, err := os.Open(path)
	if err != nil {
		return []byte(err.Error())
	}
	defer f.Close()
	if info, err := f.Stat(); err == nil && info.Size() > tailBytes {
		if _, err := f.Seek(-tailBytes, io.SeekEnd); err != nil {
			return []byte(err.Error())
		}
	}
	content, err := io.ReadAll(io.LimitReader(f, tailBytes))
	if err != nil && !errors.Is(err, io.EOF) {
		return []byte(err.Error())
	}
	return tail(content)
}
