// Copyright The license-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	kube "sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/license-operator/license-operator/api/v1alpha1"
	"github.com/license-operator/license-operator/internal/store"
	"github.com/license-operator/license-operator/webhook/auth"
)

// usageTries is how often a batch is sent before the run fails.
const usageTries = 50

// twice is of how many batches one is sent to both replicas at once.
const twice = 4

func dimension(n int) string    { return fmt.Sprintf("dimension-%02d", n) }
func customerName(n int) string { return fmt.Sprintf("customer-%04d", n) }

// key is that of the record with a number; no two have the same.
func (b *usageBench) key(n int) store.UsageKey {
	hour := n / dimensions % usageHours
	at := b.now.UTC().Add(-time.Duration(hour) * time.Hour)
	return store.UsageKey{Namespace: namespace, ProductCode: meteredCode, Customer: customerName(n / (dimensions * usageHours)),
		Dimension: dimension(n % dimensions), Hour: at.Truncate(time.Hour)}
}

// record is what becomes of the report with a number.
func (b *usageBench) record(n int) *v1alpha1.UsageRecord {
	k := b.key(n)
	r := store.NewUsageRecord(k, metered, k.Customer)
	at := metav1.NewTime(k.Hour.Add(time.Minute))
	r.Spec.Quantity, r.Spec.ReportedTime, r.Spec.Operation = int32(n%1000+1), &at, v1alpha1.OperationBatchMeterUsage
	return r
}

// usageAnswer is what of an answer of BatchMeterUsage counts.
type usageAnswer struct {
	Results []struct {
		Status string
	}
	UnprocessedRecords []json.RawMessage
}

// report is a record as BatchMeterUsage takes it; more is added to its quantity.
func (b *usageBench) report(n int, more int32) json.RawMessage {
	r := b.record(n)
	return json.RawMessage(fmt.Sprintf(`{"Timestamp":%d,"CustomerIdentifier":%q,"Dimension":%q,"Quantity":%d}`,
		r.Spec.ReportedTime.Unix(), r.Spec.CustomerIdentifier, r.Spec.Dimension, r.Spec.Quantity+more))
}

// send sends records in batches, with retries at the other replica, until each is
// a Success. Some batches are sent to both replicas at once, as by a client that
// lost the answer. The rate is that of records, the latencies are those of batches.
func (b *usageBench) send(ctx context.Context, from, to int) (result, error) {
	for n := from; n < to; n++ {
		b.sent[b.key(n).Name()] = b.record(n).Spec.Quantity
	}
	clients, err := b.dialAll(ctx)
	if err != nil {
		return result{}, err
	}
	defer clients.close()
	count := (to - from + usageBatch - 1) / usageBatch
	took := make(latencies, count)
	start := time.Now()
	err = parallel(ctx, b.clients, count, func(ctx context.Context, worker, i int) error {
		before := time.Now()
		var records []json.RawMessage
		for n := from + i*usageBatch; n < min(from+(i+1)*usageBatch, to); n++ {
			records = append(records, b.report(n, 0))
		}
		var err error
		if i%twice == 0 {
			err = parallel(ctx, len(b.replicas), len(b.replicas), func(_ context.Context, _, replica int) error {
				return clients.untilTaken(worker, replica, 0, records)
			})
		} else {
			err = clients.untilTaken(worker, i, 1, records)
		}
		took[i] = time.Since(before)
		return err
	})
	length := time.Since(start)
	r := took.over(length)
	r.perSecond = float64(to-from) / length.Seconds()
	return r, err
}

// untilTaken sends a batch to one of the replicas, and each time to one that many
// further on, until every record of it was taken.
func (c *usageClients) untilTaken(worker, replica, step int, records []json.RawMessage) error {
	for tries := range usageTries {
		left, err := c.batch(worker, replica+tries*step, records, "Success")
		if err != nil {
			return err
		}
		c.mu.Lock()
		c.batches++
		if tries > 0 {
			c.again++
		}
		c.mu.Unlock()
		if records = left; len(records) == 0 {
			return nil
		}
	}
	return fmt.Errorf("%d records were never taken", len(records))
}

// usageClients are connections to each replica for each client.
type usageClients struct {
	*usageBench

	each [][]client
}

func (b *usageBench) dialAll(ctx context.Context) (*usageClients, error) {
	c := &usageClients{usageBench: b}
	for range b.clients {
		var own []client
		for _, r := range b.replicas {
			one, err := dialBare(ctx, r.target)
			if err != nil {
				return c, err
			}
			own = append(own, one)
		}
		c.each = append(c.each, own)
	}
	return c, nil
}

func (c *usageClients) close() {
	for _, own := range c.each {
		closeAll(own)
	}
}

// batch sends one batch and returns what was not processed: all of it after a
// status of 500. Every result must have the status.
func (c *usageClients) batch(worker, replica int, records []json.RawMessage, status string) (left []json.RawMessage, err error) {
	body, err := json.Marshal(map[string]any{"ProductCode": meteredCode, "UsageRecords": records})
	if err != nil {
		return nil, err
	}
	at := replica % len(c.replicas)
	host := c.replicas[at].host
	r := &http.Request{Method: http.MethodPost, URL: &url.URL{Path: "/"}, Host: host, Header: http.Header{
		"Content-Type": {"application/x-amz-json-1.1"}, "X-Amz-Target": {"AWSMPMeteringService.BatchMeterUsage"}}}
	if err := auth.SignV4(r, body, c.vendor.id, c.vendor.secret, "", "us-east-1", "aws-marketplace", time.Now()); err != nil {
		return nil, err
	}
	var wire strings.Builder
	fmt.Fprintf(&wire, "POST / HTTP/1.1\r\nHost: %s\r\nContent-Length: %d\r\n", host, len(body))
	for name, values := range r.Header {
		fmt.Fprintf(&wire, "%s: %s\r\n", name, values[0])
	}
	wire.WriteString("\r\n")
	wire.Write(body)
	got, err := c.each[worker][at].ask(&request{wire: []byte(wire.String())})
	if err != nil {
		return nil, err
	}
	if got.status == http.StatusInternalServerError {
		return records, nil
	}
	var answer usageAnswer
	if err := json.Unmarshal(got.body, &answer); err != nil || got.status != http.StatusOK {
		return nil, fmt.Errorf("BatchMeterUsage answered %d: %s", got.status, got.body)
	}
	for _, result := range answer.Results {
		if result.Status != status {
			return nil, fmt.Errorf("a record is %s, want %s", result.Status, status)
		}
	}
	if len(answer.Results)+len(answer.UnprocessedRecords) != len(records) {
		return nil, fmt.Errorf("of %d records %d were answered", len(records), len(answer.Results)+len(answer.UnprocessedRecords))
	}
	return answer.UnprocessedRecords, nil
}

// count makes sure that each record is there, once, with the quantity that was
// reported.
func (b *usageBench) count(ctx context.Context) error {
	bytes, found, next := 0, 0, ""
	for {
		list := &v1alpha1.UsageRecordList{}
		err := b.env.Client.List(ctx, list, kube.InNamespace(namespace), kube.MatchingLabels{v1alpha1.LabelProduct: metered}, kube.Limit(500), kube.Continue(next))
		if err != nil {
			return err
		}
		for i := range list.Items {
			r := &list.Items[i]
			if want, sent := b.sent[r.Name]; !sent || want != r.Spec.Quantity {
				return fmt.Errorf("the record %s has %d units, %d were reported", r.Name, r.Spec.Quantity, want)
			}
			if raw, err := json.Marshal(r); err == nil {
				bytes += len(raw)
			}
			found++
		}
		if next = list.Continue; next == "" {
			break
		}
	}
	if found != len(b.sent) {
		return fmt.Errorf("%d records are there, %d were reported", found, len(b.sent))
	}
	b.tell("Records that are there, each once and with the right quantity", "%d of %d", found, len(b.sent))
	b.tell("One record as JSON", "%d bytes", bytes/max(found, 1))
	return nil
}

// contradict reports some of the hours again with another quantity, which must
// change nothing.
func (b *usageBench) contradict(ctx context.Context) error {
	clients, err := b.dialAll(ctx)
	if err != nil {
		return err
	}
	defer clients.close()
	total := min(b.records, 40*usageBatch)
	for from := 0; from < total; from += usageBatch {
		var records []json.RawMessage
		for n := from; n < min(from+usageBatch, total); n++ {
			records = append(records, b.report(n, 1))
		}
		for try := 0; len(records) > 0; try++ {
			if records, err = clients.batch(0, try, records, "DuplicateRecord"); err != nil {
				return err
			}
		}
	}
	b.tell("Hours that were reported again with another quantity", "%d, all answered DuplicateRecord", total)
	return b.count(ctx)
}
