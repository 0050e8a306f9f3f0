// Copyright The license-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"syscall"
	"time"
)

// stopTimeout is how long a child may take to end by itself.
const stopTimeout = 40 * time.Second

// child is a process of ours. It is in a process group of its own, so that a
// Ctrl-C reaches only this program, which stops its children in order.
type child struct {
	cmd *exec.Cmd
	// done is closed when the child has ended, with result.
	done   chan struct{}
	result error
}

// start starts a child that writes its output to a file.
func start(logFile string, env []string, name string, args ...string) (*child, error) {
	log, err := os.Create(logFile)
	if err != nil {
		return nil, err
	}
	defer func() { _ = log.Close() }()
	cmd := exec.Command(name, args...)
	cmd.Env = append(os.Environ(), env...)
	cmd.Stdout, cmd.Stderr = log, log
	cmd.SysProcAttr = childAttributes()
	if err := cmd.Start(); err != nil {
		return nil, err
	}
	c := &child{cmd: cmd, done: make(chan struct{})}
	go func() {
		c.result = cmd.Wait()
		close(c.done)
	}()
	return c, nil
}

// ended says whether the child is gone, and how.
func (c *child) ended() (bool, error) {
	select {
	case <-c.done:
		return true, c.result
	default:
		return false, nil
	}
}

// stop asks the child to end, waits, and kills it if it takes too long.
func (c *child) stop(name string) {
	_ = c.cmd.Process.Signal(syscall.SIGTERM)
	select {
	case <-c.done:
	case <-time.After(stopTimeout):
		say("The %s does not stop; killing it", name)
		_ = c.cmd.Process.Kill()
		<-c.done
	}
}

// output runs a command to its end and returns what it printed. What it said
// to stderr is in the error.
func output(ctx context.Context, env []string, name string, args ...string) (string, error) {
	cmd := exec.CommandContext(ctx, name, args...)
	cmd.Env = append(os.Environ(), env...)
	out, err := cmd.Output()
	if exit, ok := errors.AsType[*exec.ExitError](err); ok {
		return "", errors.Join(context.Cause(ctx), fmt.Errorf("%s %v: %w: %s", name, args, err, exit.Stderr))
	}
	return string(out), err
}

// visibly runs a command whose output the user sees.
func visibly(ctx context.Context, dir string, env []string, name string, args ...string) error {
	return visiblyInto(ctx, os.Stdout, dir, env, name, args...)
}

// visiblyInto is visibly, but its standard output goes to out.
func visiblyInto(ctx context.Context, out io.Writer, dir string, env []string, name string, args ...string) error {
	cmd := exec.CommandContext(ctx, name, args...)
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), env...)
	cmd.Stdout, cmd.Stderr = out, os.Stderr
	cmd.Cancel = func() error { return cmd.Process.Signal(os.Interrupt) }
	if err := cmd.Run(); err != nil {
		return errors.Join(context.Cause(ctx), fmt.Errorf("%s %v: %w", name, args, err))
	}
	return nil
}

// sayStill says now and then that something goes on, until the returned
// function is called.
func sayStill(what string) (done func()) {
	start, ticker, stop := time.Now(), time.NewTicker(15*time.Second), make(chan struct{})
	go func() {
		for {
			select {
			case <-ticker.C:
				say("%s (%s)", what, time.Since(start).Round(time.Second))
			case <-stop:
				return
			}
		}
	}()
	return func() { ticker.Stop(); close(stop) }
}
