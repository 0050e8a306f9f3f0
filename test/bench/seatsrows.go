// Copyright The license-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"fmt"
	"io"
	"strings"
	"syscall"
	"time"

	kube "sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/license-operator/license-operator/api/v1alpha1"
)

// row is one measurement beside what it is held against, round by round.
type row struct {
	name, beside string
	got, against []result
	// least is the ratio of the rates that is aimed at, most the slowest 99th
	// percentile; 0 for none.
	least float64
	most  time.Duration
}

func (r *row) ratio() float64 {
	p := pair{operator: r.got, constant: r.against}
	return p.rates()
}

// rawPause is how long the operator is given to see that raw objects are gone.
const rawPause = 3 * time.Second

func (b *seatBench) measure(ctx context.Context) error {
	if err := b.start(ctx, 1, quiet...); err != nil {
		return err
	}
	if err := b.vendorOnce(ctx); err != nil {
		return err
	}
	for _, part := range []struct {
		name string
		do   func(context.Context) error
	}{
		{"rates", b.rates},
		{"turns", b.inTurns},
		{"sizes", b.sizes},
		{"objects", b.objects},
		{"replicas", b.hot},
		{"pods", b.podTimes},
		{"memory", b.memoryUse},
		{"soak", b.soak},
	} {
		if b.settings.only != "" && b.settings.only != part.name {
			continue
		}
		if err := part.do(ctx); err != nil {
			return fmt.Errorf("%s: %w", part.name, err)
		}
	}
	return nil
}

// quiet keeps LicenseCheckouts from being made beside what is measured.
var quiet = []string{"--projection-rate", "0.001", "--ledger-write-rate", "0"}

// plenty is more seats than any measurement takes.
const plenty = 1_000_000_000

// compare measures in turns, so that what disturbs the machine disturbs both.
func (b *seatBench) compare(ctx context.Context, r row, clients int, got, against func() (step, func(), error)) error {
	for range b.settings.rounds {
		for _, side := range []struct {
			make func() (step, func(), error)
			into *[]result
		}{{against, &r.against}, {got, &r.got}} {
			do, done, err := side.make()
			if err == nil {
				var one result
				if one, err = measureSteps(ctx, clients, b.settings.round, do); err == nil {
					*side.into = append(*side.into, one)
				}
			}
			done()
			if err != nil {
				return err
			}
		}
		last := len(r.got) - 1
		progress("%s: %.0f/s (p99 %s) beside %.0f/s (p99 %s)", r.name, r.got[last].perSecond, r.got[last].p99.Round(timeDigits),
			r.against[last].perSecond, r.against[last].p99.Round(timeDigits))
	}
	b.rows = append(b.rows, r)
	return nil
}

func nothing() {}

// raw makes objects while the operator stands still, and takes them away before
// it goes on: it would look at each of them, and slow down both sides.
func (b *seatBench) raw() (step, func(), error) {
	do, err := b.rawCreate(fmt.Sprintf("raw-%d", b.number()))
	return do, b.alone(), err
}

// alone lets the replicas stand still until what it returns is called.
func (b *seatBench) alone() func() {
	for _, r := range b.replicas {
		_ = syscall.Kill(r.process.PID(), syscall.SIGSTOP)
	}
	return func() {
		err := b.env.Client.DeleteAllOf(context.Background(), &v1alpha1.LicenseCheckout{}, kube.InNamespace(namespace), kube.HasLabels{rawLabel})
		for _, r := range b.replicas {
			_ = syscall.Kill(r.process.PID(), syscall.SIGCONT)
		}
		if err != nil {
			progress("The raw objects are still there: %v", err)
		}
		_ = pause(context.Background(), rawPause)
	}
}

// overHTTPS makes clients of one Subscription.
func (b *seatBench) overHTTPS(ctx context.Context, subscription string, clients int, kind func(*caller, string) step) func() (step, func(), error) {
	return func() (step, func(), error) {
		c, err := b.connect(ctx, clients)
		if err != nil {
			return nil, c.close, err
		}
		return kind(c, subscription), c.close, nil
	}
}

func (b *seatBench) rates(ctx context.Context) error {
	for _, aim := range []struct {
		clients          int
		account, overall float64
		p99              time.Duration
	}{{16, 2, 1.5, 40 * time.Millisecond}, {64, 5, 2, 60 * time.Millisecond}} {
		sub, err := b.subscription(ctx, plenty)
		if err != nil {
			return err
		}
		books, err := b.books(ctx)
		if err != nil {
			return err
		}
		err = b.compare(ctx, row{name: fmt.Sprintf("checkout, accounting only, %d clients", aim.clients), beside: "raw create", least: aim.account},
			aim.clients, func() (step, func(), error) { return b.account(books, sub, plenty), nothing, nil }, b.raw)
		if err != nil {
			return err
		}
		const signed = "checkout over HTTPS, SigV4 and ES256"
		if sub, err = b.subscription(ctx, plenty); err != nil {
			return err
		}
		before, err := b.ledger(ctx)
		if err != nil {
			return err
		}
		err = b.compare(ctx, row{name: fmt.Sprintf("%s, %d clients", signed, aim.clients), beside: "raw create", least: aim.overall, most: aim.p99},
			aim.clients, b.overHTTPS(ctx, sub, aim.clients, (*caller).checkout), b.raw)
		if err == nil {
			err = b.written(ctx, fmt.Sprintf("checkouts of %d clients", aim.clients), before)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

func (b *seatBench) inTurns(ctx context.Context) error {
	const clients = 64
	sub, err := b.subscription(ctx, plenty)
	if err != nil {
		return err
	}
	return b.compare(ctx, row{name: "checkout and check-in in turns, 64 clients", beside: "raw create and delete", least: 2}, clients,
		b.overHTTPS(ctx, sub, clients, (*caller).turns),
		func() (step, func(), error) {
			do, err := b.rawTurns(fmt.Sprintf("raw-%d", b.number()))
			return do, b.alone(), err
		})
}

// sizes compares Subscriptions of other sizes, half of whose seats are taken,
// with one of 1,000.
func (b *seatBench) sizes(ctx context.Context) error {
	const clients = 64
	small, err := b.filled(ctx, 1000)
	if err != nil {
		return err
	}
	for size := 10_000; size <= b.settings.live; size *= 10 {
		large, err := b.filled(ctx, size)
		if err != nil {
			return err
		}
		err = b.compare(ctx, row{name: fmt.Sprintf("checkout and check-in, %d of %d seats taken", size/2, size), beside: "500 of 1000", least: 0.85}, clients,
			b.overHTTPS(ctx, large, clients, (*caller).turns), b.overHTTPS(ctx, small, clients, (*caller).turns))
		if err != nil {
			return err
		}
	}
	return nil
}

// filled is a Subscription of so many seats, half of which are taken.
func (b *seatBench) filled(ctx context.Context, size int) (string, error) {
	sub, err := b.subscription(ctx, int64(size))
	if err != nil {
		return "", err
	}
	books, err := b.books(ctx)
	if err != nil {
		return "", err
	}
	progress("Taking %d of %d seats", size/2, size)
	take := b.account(books, sub, int64(size))
	return sub, parallel(ctx, 64, size/2, func(ctx context.Context, _, i int) error { return take(ctx, 0, i) })
}

// objects compares an operator that makes a LicenseCheckout for every checkout
// with one that does not.
func (b *seatBench) objects(ctx context.Context) error {
	const clients = 64
	r := row{name: "checkout over HTTPS, 64 clients, objects made as they come", beside: "no objects made", least: 0.9}
	for range b.settings.rounds {
		for _, side := range []struct {
			flags []string
			into  *[]result
		}{{quiet, &r.against}, {quiet[2:], &r.got}} {
			if err := b.start(ctx, 1, side.flags...); err != nil {
				return err
			}
			sub, err := b.subscription(ctx, plenty)
			if err != nil {
				return err
			}
			do, done, err := b.overHTTPS(ctx, sub, clients, (*caller).checkout)()
			if err == nil {
				var one result
				if one, err = measureSteps(ctx, clients, b.settings.round, do); err == nil {
					*side.into = append(*side.into, one)
				}
			}
			done()
			if err != nil {
				return err
			}
		}
	}
	b.rows = append(b.rows, r)
	return nil
}

// hot compares several replicas on one Subscription with one.
func (b *seatBench) hot(ctx context.Context) error {
	const clients = 64
	single := []result{}
	for count := 1; count <= 3; count++ {
		if err := b.start(ctx, count, quiet...); err != nil {
			return err
		}
		sub, err := b.subscription(ctx, plenty)
		if err != nil {
			return err
		}
		var all []result
		for range b.settings.rounds {
			do, done, err := b.overHTTPS(ctx, sub, clients, (*caller).checkout)()
			if err != nil {
				done()
				return err
			}
			one, err := measureSteps(ctx, clients, b.settings.round, do)
			done()
			if err != nil {
				return err
			}
			all = append(all, one)
			progress("%d replicas: %.0f/s (p99 %s)", count, one.perSecond, one.p99.Round(timeDigits))
		}
		if count == 1 {
			single = all
			continue
		}
		b.rows = append(b.rows, row{name: fmt.Sprintf("checkout over HTTPS, 64 clients, %d replicas on one Subscription", count),
			beside: "one replica", least: 0.8, got: all, against: single})
	}
	return b.start(ctx, 1, quiet...)
}

func (b *seatBench) write(w io.Writer) error {
	var out strings.Builder
	(&report{machine: b.machine, settings: &settings{}}).writeMachine(&out)
	out.WriteString("\n| What | /s | p50 | p99 | beside | /s | p99 | ratio |\n|---|---|---|---|---|---|---|---|\n")
	for i := range b.rows {
		r := &b.rows[i]
		got, against := middle(r.got), middle(r.against)
		aim := ""
		if r.least > 0 {
			aim = fmt.Sprintf(" (aim %.2f) %s", r.least, verdict(r.ratio() >= r.least))
		}
		limit := ""
		if r.most > 0 {
			limit = fmt.Sprintf(" (aim %s) %s", r.most, verdict(got.p99 <= r.most))
		}
		fmt.Fprintf(&out, "| %s | %.0f | %s | %s%s | %s | %.0f | %s | %.2f%s |\n", r.name, got.perSecond, got.p50.Round(timeDigits),
			got.p99.Round(timeDigits), limit, r.beside, against.perSecond, against.p99.Round(timeDigits), r.ratio(), aim)
	}
	if len(b.figures) > 0 {
		out.WriteString("\n| Figure | |\n|---|---|\n")
	}
	for _, f := range b.figures {
		fmt.Fprintf(&out, "| %s | %s |\n", f.name, f.value)
	}
	_, err := io.WriteString(w, out.String())
	return err
}
