// Copyright The license-operator Authors.
// SPDX-License-Identifier: Apache-2.0

// Command bench measures the operator on one machine and prints what
// docs/benchmarks.md holds. Absolute figures say more about the machine than
// about the operator, so every rate stands beside that of a server that only
// answers a constant, measured in turns in the same run.
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"syscall"
	"time"

	"github.com/go-logr/logr"
	logf "sigs.k8s.io/controller-runtime/pkg/log"

	"github.com/license-operator/license-operator/test/env"
)

// settings are the flags of verifyMain.
type settings struct {
	place

	subscriptions, customers, activations int
	clients, rounds, samples              int
	round                                 time.Duration
}

func main() {
	logf.SetLogger(logr.Discard())
	args := os.Args[1:]
	if len(args) == 2 && args[0] == constantCommand {
		exitOn(serveConstant(args[1]))
		return
	}
	command := verifyMain
	if len(args) > 0 {
		switch args[0] {
		case seatsCommand:
			command, args = seatsMain, args[1:]
		case usageCommand:
			command, args = usageMain, args[1:]
		}
	}
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM)
	err := command(ctx, args)
	stop()
	exitOn(err)
}

func exitOn(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, "Error:", err)
		os.Exit(1)
	}
}

// progress tells on standard error what is going on; standard output is the
// report's.
func progress(format string, args ...any) {
	fmt.Fprintf(os.Stderr, "==> "+format+"\n", args...)
}

// verifyMain measures the calls of the Query API.
func verifyMain(ctx context.Context, args []string) error {
	var s settings
	f := flag.CommandLine
	f.IntVar(&s.subscriptions, "subscriptions", 10000, "Subscriptions in the control plane")
	f.IntVar(&s.customers, "customers", 500, "customers with access keys of their own that verify by tokens")
	f.IntVar(&s.activations, "activations", 2000, "activation keys that are used once, to measure ActivateHostedProduct")
	f.IntVar(&s.clients, "clients", 32, "keep-alive clients at once")
	f.IntVar(&s.rounds, "rounds", 5, "rounds of each measurement")
	f.DurationVar(&s.round, "round", 3*time.Second, "length of a round")
	f.IntVar(&s.samples, "samples", 20, "samples of the time from a patch to the answer")
	s.addFlags(f)
	if err := f.Parse(args); err != nil {
		return err
	}
	if s.samples > s.subscriptions-s.customers || s.customers < 1 || s.activations < 1 {
		return fmt.Errorf("%d Subscriptions are too few for %d customers and %d samples", s.subscriptions, s.customers, s.samples)
	}
	return s.run(ctx, env.Start, "a control plane", func(b bench, m machine) error {
		b.settings = &s
		defer b.stop()
		if err := b.startOperator(ctx); err != nil {
			return err
		}
		r := &report{settings: &s, machine: m}
		if err := b.measure(ctx, r); err != nil {
			return err
		}
		return r.write(os.Stdout)
	})
}

// measure fills the report.
func (b *bench) measure(ctx context.Context, r *report) error {
	var err error
	if r.empty, err = memoryOf(b.operator.PID()); err != nil {
		return err
	}
	progress("Creating %d Subscriptions", b.settings.subscriptions)
	if r.created, err = b.createSubscriptions(ctx); err != nil {
		return err
	}
	if err := b.settle(ctx); err != nil {
		return err
	}
	if r.filled, err = memoryOf(b.operator.PID()); err != nil {
		return err
	}
	progress("Creating %d Activations", b.settings.customers+b.settings.activations)
	keys, err := b.createActivations(ctx)
	if err != nil {
		return err
	}
	progress("Activating %d customers", b.settings.customers)
	customers, err := b.activateCustomers(ctx, keys[:b.settings.customers])
	if err != nil {
		return err
	}
	progress("Measuring ActivateHostedProduct")
	if r.activations, err = b.activate(ctx, keys[b.settings.customers:]); err != nil {
		return err
	}
	for _, m := range []struct {
		action string
		pool   func() ([]request, error)
	}{
		{"VerifyProductSubscriptionByPid", b.byPID},
		{"VerifyProductSubscriptionByTokens", func() ([]request, error) { return b.byTokens(customers) }},
	} {
		progress("Measuring %s and a constant answer in turns, with clients of net/http", m.action)
		pair, err := b.compare(ctx, dialHTTP, m.action, m.pool)
		if err != nil {
			return fmt.Errorf("%s: %w", m.action, err)
		}
		r.pairs = append(r.pairs, pair)
		progress("The same with bare clients")
		if pair, err = b.compare(ctx, dialBare, m.action, m.pool); err != nil {
			return fmt.Errorf("%s: %w", m.action, err)
		}
		r.bare = append(r.bare, pair)
	}
	if r.loaded, err = memoryOf(b.operator.PID()); err != nil {
		return err
	}
	progress("Measuring the time from kubectl patch to the answer")
	r.patches, err = b.patch(ctx)
	return err
}
