// Copyright The license-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"sync"
	"time"

	kube "sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/license-operator/license-operator/api/v1alpha1"
	"github.com/license-operator/license-operator/internal/store"
	"github.com/license-operator/license-operator/test/builder"
)

// usageCommand measures metering, in a control plane whose etcd waits for the
// disk.
const usageCommand = "usage"

const (
	metered     = "metered"
	meteredCode = "METERED"
	// usageBatch is the most that BatchMeterUsage takes, and usageWrites what
	// one replica writes at once.
	usageBatch  = 25
	usageWrites = 64
	dimensions  = 20
	usageHours  = 6
	// usageReplicas is over how many replicas the clients are spread.
	usageReplicas = 2
)

// usageSettings are the flags of usageCommand.
type usageSettings struct {
	place

	records, clients, rounds int
}

func usageMain(ctx context.Context, args []string) error {
	var s usageSettings
	f := flag.NewFlagSet(usageCommand, flag.ContinueOnError)
	f.IntVar(&s.records, "records", 10000, "usage records that are sent, over all rounds")
	f.IntVar(&s.clients, "clients", 16, "keep-alive clients at once")
	f.IntVar(&s.rounds, "rounds", 2, "rounds, each beside raw creates of as many")
	s.addFlags(f)
	if err := f.Parse(args); err != nil {
		return err
	}
	return s.runSynced(ctx, func(in bench, m machine) error {
		b := &usageBench{usageSettings: &s, seatBench: seatBench{machine: m, bench: in}}
		defer b.stopReplicas()
		if err := b.measure(ctx); err != nil {
			return err
		}
		return b.write(os.Stdout)
	})
}

// usageBench is the running world of usageCommand.
type usageBench struct {
	seatBench
	*usageSettings

	// now is the time that the reports are of.
	now time.Time
	// sent are the quantities by the name of their record.
	sent map[string]int32
	// batches were sent, and again is how often what was left of one was. mu guards
	// both.
	mu             sync.Mutex
	batches, again int
}

// measure sends all records in rounds, each beside raw creates, and then counts.
func (b *usageBench) measure(ctx context.Context) error {
	if err := b.start(ctx, usageReplicas); err != nil {
		return err
	}
	if err := b.createVendor(ctx); err != nil {
		return err
	}
	p := builder.Product(metered).InNamespace(namespace).WithCode(meteredCode)
	for d := range dimensions {
		p.WithDimension(dimension(d))
	}
	if err := b.env.Client.Create(ctx, p.Build()); err != nil {
		return err
	}
	customers := (b.records + dimensions*usageHours - 1) / (dimensions * usageHours)
	progress("Creating %d Subscriptions", customers)
	if err := b.createAll(ctx, customers, func(i int) kube.Object {
		return builder.Subscription(customerName(i), metered).InNamespace(namespace).WithCustomer(customerName(i)).Build()
	}); err != nil {
		return err
	}
	if err := b.settle(ctx); err != nil {
		return err
	}
	b.now, b.sent = time.Now(), map[string]int32{}
	concurrency := min(b.clients*usageBatch, usageReplicas*usageWrites)
	r := row{name: fmt.Sprintf("BatchMeterUsage, records by %d clients through %d replicas", b.clients, usageReplicas),
		beside: fmt.Sprintf("raw creates of UsageRecords, %d at once", concurrency)}
	for round := range b.rounds {
		from, to := b.records*round/b.rounds, b.records*(round+1)/b.rounds
		progress("Round %d of %d: %d records", round+1, b.rounds, to-from)
		got, err := b.send(ctx, from, to)
		if err != nil {
			return err
		}
		against, err := b.create(ctx, from, to, concurrency)
		if err != nil {
			return err
		}
		r.got, r.against = append(r.got, got), append(r.against, against)
	}
	b.rows = append(b.rows, r)
	b.tell("Batches of 25 that were sent, every fourth to both replicas at once, and what was sent again because it was not processed", "%d, %d", b.batches, b.again)
	if err := b.count(ctx); err != nil {
		return err
	}
	return b.contradict(ctx)
}

// create makes records that nobody reported, with nothing looked at, through one
// client for each replica. The rate is that of records.
func (b *usageBench) create(ctx context.Context, from, to, concurrency int) (result, error) {
	var clients [usageReplicas]kube.Client
	for i := range clients {
		var err error
		if clients[i], err = unbounded(b.env.Operator); err != nil {
			return result{}, err
		}
	}
	took := make(latencies, to-from)
	start := time.Now()
	err := parallel(ctx, concurrency, to-from, func(ctx context.Context, worker, i int) error {
		before := time.Now()
		r := b.record(from + i)
		key := b.key(from + i)
		key.Customer += "-raw"
		raw := store.NewUsageRecord(key, metered+"-raw", r.Spec.SubscriptionRef.Name)
		raw.Spec.Quantity, raw.Spec.ReportedTime, raw.Spec.Operation = r.Spec.Quantity, r.Spec.ReportedTime, r.Spec.Operation
		err := clients[worker%usageReplicas].Create(ctx, raw, kube.FieldOwner(v1alpha1.FieldOwner))
		took[i] = time.Since(before)
		return err
	})
	return took.over(time.Since(start)), err
}
