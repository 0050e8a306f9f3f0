// Copyright The license-operator Authors.
// SPDX-License-Identifier: Apache-2.0

// Command run is the main job on one machine: a real local control plane, the
// operator under the role that it ships with, a sample vendor, and the endpoint
// ready to be asked. It stops everything again on Ctrl-C.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"syscall"
	"time"
)

func main() {
	dir := flag.String("dir", ".run", "directory for what is needed while it runs")
	address := flag.String("listen-address", "127.0.0.1:8443", "address of the endpoint; another port is taken if this one is busy")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM, syscall.SIGHUP)
	err := run(ctx, *dir, *address)
	stop()
	switch {
	case err == nil:
	case errors.Is(err, context.Canceled):
		say("Interrupted.")
		os.Exit(130)
	default:
		fmt.Fprintln(os.Stderr, "Error:", err)
		os.Exit(1)
	}
}

// say tells the user what is going on.
func say(format string, args ...any) { fmt.Printf("==> "+format+"\n", args...) }

func run(ctx context.Context, dir, address string) error {
	dir, err := filepath.Abs(dir)
	if err != nil {
		return err
	}
	unlock, err := lock(dir)
	if err != nil {
		return err
	}
	defer unlock()
	p := &place{dir: dir}
	defer p.clear()
	if err := p.build(ctx); err != nil {
		return err
	}
	plane, err := p.startControlPlane(ctx)
	if err != nil {
		return err
	}
	defer plane.stop("control plane")
	say("Applying the custom resource definitions and the operator's role")
	operatorConfig, err := p.install(ctx)
	if err != nil {
		return err
	}
	operator, err := p.startOperator(ctx, operatorConfig, address)
	if err != nil {
		return err
	}
	defer operator.stop("operator")
	say("Applying the sample vendor acme")
	vendor, err := p.applySamples(ctx)
	if err != nil {
		return err
	}
	if err := p.writeEnv(vendor); err != nil {
		return err
	}
	p.greet()
	select {
	case <-ctx.Done():
		say("Stopping")
		return nil
	case <-plane.done:
		return fmt.Errorf("the control plane has ended: %w", orUnknown(plane.result))
	case <-operator.done:
		return fmt.Errorf("the operator has ended, see %s: %w", p.path("operator.log"), orUnknown(operator.result))
	}
}

func orUnknown(err error) error {
	if err == nil {
		return errors.New("nobody asked it to")
	}
	return err
}

// lock makes sure that only one run uses a directory.
func lock(dir string) (unlock func(), err error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, err
	}
	f, err := os.OpenFile(filepath.Join(dir, "lock"), os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, err
	}
	if err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); err != nil {
		_ = f.Close()
		return nil, fmt.Errorf("another run uses %s; stop it first", dir)
	}
	return func() { _ = f.Close() }, nil
}

// waitFor asks until done says yes, ctx ends or a time is over.
func waitFor(ctx context.Context, what string, timeout time.Duration, done func() bool) error {
	ctx, cancel := context.WithTimeoutCause(ctx, timeout, fmt.Errorf("%s took longer than %s", what, timeout))
	defer cancel()
	for !done() {
		select {
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-time.After(100 * time.Millisecond):
		}
	}
	return nil
}
