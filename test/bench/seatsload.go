// Copyright The license-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bytes"
	"context"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/go-logr/logr"
	"k8s.io/client-go/rest"
	"k8s.io/utils/clock"
	kube "sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/license-operator/license-operator/api/v1alpha1"
	"github.com/license-operator/license-operator/internal/seats"
	"github.com/license-operator/license-operator/internal/store"
	"github.com/license-operator/license-operator/test/builder"
	"github.com/license-operator/license-operator/test/env"
	"github.com/license-operator/license-operator/webhook/auth"
)

// step is what one client does over and over. n is never the same twice for a
// client.
type step func(ctx context.Context, client, n int) error

// measureSteps lets clients take steps for a time. Each took latency is that of
// one step.
func measureSteps(ctx context.Context, clients int, length time.Duration, do step) (result, error) {
	took := make([]latencies, clients)
	start := time.Now()
	end := start.Add(length)
	err := parallel(ctx, clients, clients, func(ctx context.Context, _, i int) error {
		for n := 0; ; n++ {
			before := time.Now()
			if !before.Before(end) || ctx.Err() != nil {
				return ctx.Err()
			}
			if err := do(ctx, i, n); err != nil {
				return err
			}
			took[i] = append(took[i], time.Since(before))
		}
	})
	return slices.Concat(took...).over(time.Since(start)), err
}

// rawCreate makes a LicenseCheckout, as a checkout through the API has one, with
// nothing counted.
func (b *seatBench) rawCreate(name string) (step, error) {
	client, err := unbounded(b.env.Operator)
	return func(ctx context.Context, i, n int) error {
		return client.Create(ctx, rawCheckout(fmt.Sprintf("%s-%d-%d", name, i, n)))
	}, err
}

// rawTurns makes and deletes one in turns; both are one step each.
func (b *seatBench) rawTurns(name string) (step, error) {
	client, err := unbounded(b.env.Operator)
	return func(ctx context.Context, i, n int) error {
		o := rawCheckout(fmt.Sprintf("%s-%d-%d", name, i, n/2))
		if n%2 == 0 {
			return client.Create(ctx, o)
		}
		return client.Delete(ctx, o)
	}, err
}

// rawLabel is on what raw creates make.
const rawLabel = "bench"

func rawCheckout(name string) *v1alpha1.LicenseCheckout {
	// For a Subscription that does not exist nothing is granted.
	return builder.LicenseCheckout(name, "nobody").InNamespace(namespace).WithSeats("seats", 1).WithFeature("gpu-rendering").
		OnNode("node-0123456789").OrFail().WithLabel(rawLabel, "true").Build()
}

func unbounded(cfg *rest.Config) (kube.Client, error) {
	cfg = rest.CopyConfig(cfg)
	cfg.QPS = -1
	return kube.New(cfg, kube.Options{Scheme: env.NewScheme()})
}

// books are books of seats in this process: the accounting without the protocol.
func (b *seatBench) books(ctx context.Context) (*seats.Books, error) {
	client, err := unbounded(b.env.Operator)
	if err != nil {
		return nil, err
	}
	return seats.NewBooks(ctx, seats.Options{Store: store.Ledgers{Live: client}, Clock: clock.RealClock{}, Log: logr.Discard()}), nil
}

func (b *seatBench) account(books *seats.Books, subscription string, total int64) step {
	salt := strconv.Itoa(b.number())
	return func(ctx context.Context, i, n int) error {
		_, err := books.Checkout(ctx, seats.Key{Namespace: namespace, Name: subscription}, []seats.Pool{{Name: "seats", Total: total}}, seats.Request{
			ID: seats.NewID(salt, strconv.Itoa(i), strconv.Itoa(n)), Digest: seats.NewDigest(salt), Type: v1alpha1.CheckoutProvisional,
			Items:    []seats.Item{{Name: "seats", Unit: v1alpha1.UnitCount, Quantity: 1}, {Name: "gpu-rendering", Unit: v1alpha1.UnitNone, Value: "Enabled"}},
			Lifetime: time.Hour, Caller: vendorKey, NodeID: "node-0123456789",
		})
		return err
	}
}

// caller is clients of the endpoint, each with a connection of its own, spread
// over the replicas.
type caller struct {
	*seatBench
	clients []client
	hosts   []string
	salt    string
	// tokens are the consumption tokens that the clients hold.
	tokens []string
}

func (b *seatBench) connect(ctx context.Context, count int) (*caller, error) {
	c := &caller{seatBench: b, salt: strconv.Itoa(b.number()), tokens: make([]string, count)}
	for i := range count {
		r := b.replicas[i%len(b.replicas)]
		one, err := dialBare(ctx, r.target)
		if err != nil {
			return c, err
		}
		c.clients, c.hosts = append(c.clients, one), append(c.hosts, r.host)
	}
	return c, nil
}

func (c *caller) close() { closeAll(c.clients) }

var granted = []byte(`"LicenseConsumptionToken":"`)

// checkout checks a seat out.
func (c *caller) checkout(subscription string) step {
	return func(_ context.Context, i, n int) error {
		body := fmt.Sprintf(`{"ProductSKU":%q,"CheckoutType":"PROVISIONAL","KeyFingerprint":%q,"Beneficiary":%q,"ClientToken":"%s-%d-%d","NodeId":"node-0123456789",`+
			`"Entitlements":[{"Name":"seats","Unit":"Count","Value":"1"},{"Name":"gpu-rendering","Unit":"None"}]}`,
			product, c.fingerprint, subscription, c.salt, i, n)
		answer, err := c.call(i, "CheckoutLicense", body, granted)
		if err != nil {
			return err
		}
		_, rest, _ := bytes.Cut(answer, granted)
		token, _, _ := bytes.Cut(rest, []byte{'"'})
		c.tokens[i] = string(token)
		return nil
	}
}

// turns checks a seat out and in, a step each.
func (c *caller) turns(subscription string) step {
	checkout := c.checkout(subscription)
	return func(ctx context.Context, i, n int) error {
		if n%2 == 0 {
			return checkout(ctx, i, n)
		}
		_, err := c.call(i, "CheckInLicense", fmt.Sprintf(`{"LicenseConsumptionToken":%q}`, c.tokens[i]), []byte("{}"))
		return err
	}
}

// call sends a request with signature version 4.
func (c *caller) call(i int, operation, body string, want []byte) ([]byte, error) {
	r := &http.Request{Method: http.MethodPost, URL: &url.URL{Path: "/"}, Host: c.hosts[i], Header: http.Header{
		"Content-Type": {"application/x-amz-json-1.1"}, "X-Amz-Target": {"AWSLicenseManager." + operation}}}
	err := auth.SignV4(r, []byte(body), c.vendor.id, c.vendor.secret, "", "us-east-1", "license-manager", time.Now())
	if err != nil {
		return nil, err
	}
	var wire strings.Builder
	fmt.Fprintf(&wire, "POST / HTTP/1.1\r\nHost: %s\r\nContent-Length: %d\r\n", c.hosts[i], len(body))
	for name, values := range r.Header {
		fmt.Fprintf(&wire, "%s: %s\r\n", name, values[0])
	}
	wire.WriteString("\r\n" + body)
	got, err := do(c.clients[i], &request{wire: []byte(wire.String()), want: want})
	return got.body, err
}
