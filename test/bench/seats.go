// Copyright The license-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"time"

	kube "sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/license-operator/license-operator/api/v1alpha1"
	"github.com/license-operator/license-operator/test/builder"
	"github.com/license-operator/license-operator/test/env"
)

// seatsCommand measures the seats, in a control plane whose etcd waits for the
// disk.
const seatsCommand = "seats"

// seatSettings are the flags of seatsCommand.
type seatSettings struct {
	place

	rounds int
	round  time.Duration
	pods   int
	live   int
	memory int
	soak   time.Duration
	only   string
}

func seatsMain(ctx context.Context, args []string) error {
	var s seatSettings
	f := flag.NewFlagSet(seatsCommand, flag.ContinueOnError)
	f.IntVar(&s.rounds, "rounds", 3, "rounds of each measurement")
	f.DurationVar(&s.round, "round", 4*time.Second, "length of a round")
	f.IntVar(&s.pods, "pods", 10, "samples of the time from a Pod's deletion to the next grant")
	f.IntVar(&s.live, "live", 100000, "the most checkouts that are held at once")
	f.IntVar(&s.memory, "memory", 0, "Subscriptions and checkouts whose memory is measured; 0 for none")
	f.DurationVar(&s.soak, "soak", 0, "how long to check out at full load, watching etcd; 0 for not at all")
	f.StringVar(&s.only, "only", "", "measure this part only: rates, objects, turns, sizes, replicas, pods, memory, soak")
	s.addFlags(f)
	if err := f.Parse(args); err != nil {
		return err
	}
	return s.runSynced(ctx, func(in bench, m machine) error {
		b := &seatBench{settings: &s, machine: m, bench: in}
		defer b.stopReplicas()
		if err := b.measure(ctx); err != nil {
			return err
		}
		return b.write(os.Stdout)
	})
}

// seatBench is the running world of seatsCommand.
type seatBench struct {
	bench

	settings *seatSettings
	machine  machine
	replicas []*replica
	// fingerprint is the product's KeyFingerprint.
	fingerprint string
	rows        []row
	figures     []figure
	// next numbers what must be different each time.
	next int
}

// replica is one running operator.
type replica struct {
	process *env.Process
	target  target
	host    string
}

// start runs so many replicas with flags beside those of every measurement, and
// stops those that ran before.
func (b *seatBench) start(ctx context.Context, count int, flags ...string) error {
	b.stopReplicas()
	for n := range count {
		free, err := env.FreeAddresses(1)
		if err != nil {
			return err
		}
		address := free[0]
		dir := filepath.Join(b.dir, strconv.Itoa(b.number()))
		if err := os.Mkdir(dir, 0o700); err != nil {
			return err
		}
		args := append(append([]string{}, operatorFlags...), flags...)
		args = append(args, "--leader-elect="+strconv.FormatBool(count > 1))
		p, err := b.env.StartProcess(ctx, b.binary, dir, address, args...)
		if err != nil {
			return fmt.Errorf("replica %d: %w", n, err)
		}
		_, port, err := net.SplitHostPort(address)
		if err != nil {
			return err
		}
		roots, err := env.Roots(ctx, b.env.Client)
		if err != nil {
			return err
		}
		b.replicas = append(b.replicas, &replica{process: p, host: net.JoinHostPort("localhost", port),
			target: target{pid: p.PID(), address: address, roots: roots}})
	}
	b.operator = b.replicas[0].process
	return nil
}

func (b *seatBench) stopReplicas() {
	for _, r := range b.replicas {
		r.process.Stop()
	}
	b.replicas = nil
}

func (b *seatBench) number() int {
	b.next++
	return b.next
}

// vendorOnce makes the vendor when the first replica runs.
func (b *seatBench) vendorOnce(ctx context.Context) error {
	if b.fingerprint != "" {
		return nil
	}
	if err := b.createVendor(ctx); err != nil {
		return err
	}
	p := &v1alpha1.Product{}
	if err := b.get(ctx, product, p); err != nil {
		return err
	}
	if b.fingerprint = p.Status.KeyFingerprint; b.fingerprint == "" {
		return errors.New("the product has no key fingerprint")
	}
	return nil
}

// subscription makes a Subscription with so many seats and returns its name,
// which is its customer's identifier as well.
func (b *seatBench) subscription(ctx context.Context, total int64) (string, error) {
	name := fmt.Sprintf("seats-%d", b.number())
	sub := builder.Subscription(name, product).InNamespace(namespace).WithCustomer(name).WithSeats("seats", total).Build()
	if err := b.env.Client.Create(ctx, sub); err != nil {
		return "", err
	}
	return name, b.await(ctx, func() (bool, error) {
		err := b.env.Client.Get(ctx, kube.ObjectKeyFromObject(sub), sub)
		return sub.Status.PersistentIdentifier != "", err
	})
}
