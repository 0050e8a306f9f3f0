// Copyright The license-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bufio"
	"context"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"sync/atomic"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/rest"
	"k8s.io/utils/ptr"
	kube "sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/license-operator/license-operator/api/v1alpha1"
	"github.com/license-operator/license-operator/test/builder"
)

// figure is a measurement that stands beside nothing.
type figure struct{ name, value string }

func (b *seatBench) tell(name, format string, args ...any) {
	f := figure{name, fmt.Sprintf(format, args...)}
	progress("%s: %s", f.name, f.value)
	b.figures = append(b.figures, f)
}

const (
	writtenBytes = "license_operator_ledger_written_bytes_total"
	operations   = "license_operator_ledger_operations_total"
	commitsMade  = `license_operator_ledger_commits_total{result="Committed"}`
	watchedBytes = `apiserver_watch_events_sizes_sum{group="license-operator.dev",resource="seatledgers",version="v1alpha1"}`
	etcdSize     = "etcd_mvcc_db_total_size_in_bytes"
	etcdInUse    = "etcd_mvcc_db_total_size_in_use_in_bytes"
)

// metric reads one series from a page of Prometheus metrics.
func metric(ctx context.Context, url, series string) (float64, error) {
	return metricFrom(ctx, http.DefaultClient, url, series)
}

func metricFrom(ctx context.Context, client *http.Client, url, series string) (float64, error) {
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return 0, err
	}
	resp, err := client.Do(r)
	if err != nil {
		return 0, err
	}
	defer func() { _ = resp.Body.Close() }()
	for lines := bufio.NewScanner(resp.Body); lines.Scan(); {
		if value, found := strings.CutPrefix(lines.Text(), series+" "); found {
			return strconv.ParseFloat(value, 64)
		}
	}
	return 0, nil
}

// ledger is what the first replica has written, and what the API server has
// sent to everybody who watches the books, in bytes.
type ledger struct{ bytes, ops, commits, watched float64 }

func (b *seatBench) ledger(ctx context.Context) (l ledger, err error) {
	for series, into := range map[string]*float64{writtenBytes: &l.bytes, operations: &l.ops, commitsMade: &l.commits} {
		if *into, err = metric(ctx, b.operator.Metrics, series); err != nil {
			return ledger{}, err
		}
	}
	admin, err := rest.HTTPClientFor(b.env.Admin)
	if err != nil {
		return ledger{}, err
	}
	l.watched, err = metricFrom(ctx, admin, strings.TrimSuffix(b.env.Admin.Host, "/")+"/metrics", watchedBytes)
	return l, err
}

// written tells what checkouts wrote since a reading.
func (b *seatBench) written(ctx context.Context, name string, before ledger) error {
	after, err := b.ledger(ctx)
	if err != nil {
		return err
	}
	ops := max(after.ops-before.ops, 1)
	b.tell("bytes written to etcd, "+name, "%.0f for each operation, %.1f operations in a commit; %.0f sent to those who watch",
		(after.bytes-before.bytes)/ops, ops/max(after.commits-before.commits, 1), (after.watched-before.watched)/ops)
	return nil
}

// podTimes measures from a Pod's deletion to the grant of its seat to the next
// in the queue.
func (b *seatBench) podTimes(ctx context.Context) error {
	if err := b.start(ctx, 1); err != nil {
		return err
	}
	sub, err := b.subscription(ctx, 1)
	if err != nil {
		return err
	}
	var took []time.Duration
	holder := func(n int) (*corev1.Pod, *v1alpha1.LicenseCheckout) {
		name := fmt.Sprintf("%s-worker-%03d", sub, n) // Of one second the name decides.
		return &corev1.Pod{ObjectMeta: metav1.ObjectMeta{Name: name, Namespace: namespace},
				Spec: corev1.PodSpec{Containers: []corev1.Container{{Name: "main", Image: "main"}}}},
			builder.LicenseCheckout(name, sub).InNamespace(namespace).WithSeats("seats", 1).HeldByPod(name).Build()
	}
	pods, checkouts := make([]*corev1.Pod, b.settings.pods+1), make([]*v1alpha1.LicenseCheckout, b.settings.pods+1)
	for n := range pods {
		pods[n], checkouts[n] = holder(n)
		for _, o := range []kube.Object{pods[n], checkouts[n]} {
			if err := b.env.Client.Create(ctx, o); err != nil {
				return err
			}
		}
		want := v1alpha1.ReasonQueued
		if n == 0 {
			want = v1alpha1.ReasonGranted
		}
		if err := b.awaitReason(ctx, checkouts[n], want, 100*time.Millisecond); err != nil {
			return err
		}
	}
	for n := range b.settings.pods {
		start := time.Now()
		if err := b.env.Client.Delete(ctx, pods[n], kube.GracePeriodSeconds(0)); err != nil {
			return err
		}
		if err := b.awaitReason(ctx, checkouts[n+1], v1alpha1.ReasonGranted, 5*time.Millisecond); err != nil {
			return err
		}
		took = append(took, time.Since(start))
	}
	b.tell(fmt.Sprintf("from a Pod's deletion to the next in the queue granted, %d samples (aim 2s)", len(took)),
		"median %s, slowest %s %s", median(took).Round(time.Millisecond), largest(took).Round(time.Millisecond), verdict(largest(took) <= 2*time.Second))
	return nil
}

func (b *seatBench) awaitReason(ctx context.Context, co *v1alpha1.LicenseCheckout, reason string, poll time.Duration) error {
	ctx, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	for {
		if err := b.env.Client.Get(ctx, kube.ObjectKeyFromObject(co), co); err != nil {
			return err
		}
		if c := meta.FindStatusCondition(co.Status.Conditions, v1alpha1.ConditionGranted); c != nil && c.Reason == reason {
			return nil
		}
		if err := pause(ctx, poll); err != nil {
			return fmt.Errorf("%s is not %s: %w", co.Name, reason, err)
		}
	}
}

// soak checks out and in at full load with the default budget, and watches etcd.
func (b *seatBench) soak(ctx context.Context) error {
	if b.settings.soak == 0 {
		return nil
	}
	const clients = 64
	if err := b.start(ctx, 1, "--ledger-write-rate", "1048576"); err != nil {
		return err
	}
	sub, err := b.filled(ctx, 1000)
	if err != nil {
		return err
	}
	before, err := b.ledger(ctx)
	if err != nil {
		return err
	}
	var largestSize atomic.Int64
	watch, stop := context.WithCancel(ctx)
	go func() {
		for pause(watch, time.Second) == nil {
			if size, err := metric(watch, b.env.EtcdURL()+"/metrics", etcdSize); err == nil {
				largestSize.Store(max(largestSize.Load(), int64(size)))
			}
		}
	}()
	progress("Checking out and in for %s", b.settings.soak)
	do, done, err := b.overHTTPS(ctx, sub, clients, (*caller).turns)()
	var got result
	if err == nil {
		got, err = measureSteps(ctx, clients, b.settings.soak, do)
	}
	done()
	stop()
	if err != nil {
		return err
	}
	after, err := b.ledger(ctx)
	if err != nil {
		return err
	}
	inUse, err := metric(ctx, b.env.EtcdURL()+"/metrics", etcdInUse)
	if err != nil {
		return err
	}
	b.tell(fmt.Sprintf("checkout and check-in, 64 clients, for %s with the default budget of 1 MiB/s", b.settings.soak),
		"%.0f/s, p99 %s, no error; %.0f bytes/s and %.0f for each operation; etcd's file at most %s of 2 GiB, %s in use at the end",
		got.perSecond, got.p99.Round(timeDigits), (after.bytes-before.bytes)/b.settings.soak.Seconds(), (after.bytes-before.bytes)/max(after.ops-before.ops, 1),
		mebibytes(largestSize.Load()), mebibytes(int64(inUse)))
	return nil
}

// memoryUse measures the operator with many Subscriptions and checkouts.
func (b *seatBench) memoryUse(ctx context.Context) error {
	count := b.settings.memory
	if count == 0 {
		return nil
	}
	if err := b.start(ctx, 1, "--projection-rate", "5000"); err != nil {
		return err
	}
	empty, err := memoryOf(b.operator.PID())
	if err != nil {
		return err
	}
	progress("Creating %d Subscriptions", count)
	err = b.createAll(ctx, count, func(i int) kube.Object {
		return builder.Subscription(subscriptionName(i), product).InNamespace(namespace).Build()
	})
	if err != nil {
		return err
	}
	if _, err := b.filled(ctx, 2*count); err != nil {
		return err
	}
	progress("Waiting for the LicenseCheckouts")
	if err := b.await(ctx, func() (bool, error) {
		// A page of one says how many more there are, which costs the API server
		// next to nothing.
		list := &v1alpha1.LicenseCheckoutList{}
		err := b.env.Client.List(ctx, list, kube.InNamespace(namespace), kube.Limit(1))
		return ptr.Deref(list.RemainingItemCount, 0) >= int64(count)-1, err
	}); err != nil {
		return err
	}
	start := time.Now()
	if err := b.start(ctx, 1); err != nil {
		return err
	}
	ready := time.Since(start)
	if err := b.settle(ctx); err != nil {
		return err
	}
	full, err := memoryOf(b.operator.PID())
	if err != nil {
		return err
	}
	perObject := float64(full.now-empty.now) / float64(2*count) / unitKibi
	b.tell(fmt.Sprintf("memory with %d Subscriptions and %d checkouts (aim 3 KiB for each object)", count, count),
		"%s, %.1f KiB for each %s", mebibytes(full.now), perObject, verdict(perObject <= 3))
	b.tell("from start to ready with them (aim 60s)", "%s %s", ready.Round(100*time.Millisecond), verdict(ready <= time.Minute))
	return nil
}
