// Copyright The license-operator Authors.
// SPDX-License-Identifier: Apache-2.0

// Package usage_test meters usage over the wire: the endpoint with a clock that
// stands still, under exactly the role that is shipped, against a real API
// server, which alone knows what was recorded.
package usage_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/license-operator/license-operator/api/v1alpha1"
	"github.com/license-operator/license-operator/internal/store"
	"github.com/license-operator/license-operator/test/builder"
	"github.com/license-operator/license-operator/test/env"
	"github.com/license-operator/license-operator/test/expect"
	"github.com/license-operator/license-operator/webhook"
	"github.com/license-operator/license-operator/webhook/auth"
)

const (
	product  = "render-farm"
	minutes  = "render-minutes"
	storage  = "storage"
	theirs   = "210987654321"
	initech  = "cust-42"
	globex   = "cust-43"
	region   = "us-east-1"
	jsonType = "application/x-amz-json-1.1"
)

var cluster *env.Env

func TestMain(m *testing.M) { env.Main(m, func(e *env.Env) { cluster = e }) }

// shop is a vendor with a metered product and two customers.
type shop struct {
	*expect.Stage

	code string
	// vendor and customer are access keys; customer is initech's.
	vendor, customer *v1alpha1.AccessKey
	initech, globex  *v1alpha1.Subscription
	// first and second are replicas of the operator.
	first, second *replica
}

func newShop(t *testing.T) *shop {
	t.Helper()
	return openShop(t, expect.On(t, cluster), func(c client.Client) client.Client { return c })
}

// openShop opens a shop on a stage. disturb wraps the client that writes usage.
func openShop(t *testing.T, stage *expect.Stage, disturb func(client.Client) client.Client) *shop {
	t.Helper()
	s := &shop{Stage: stage}
	p := builder.Product(product).WithDimension(storage).WithDimension(minutes).Build()
	s.initech = builder.Subscription("initech", product).WithCustomer(initech).WithAccountID(theirs).Build()
	s.globex = builder.Subscription("globex", product).WithCustomer(globex).Build()
	s.vendor, s.customer = builder.VendorKey("backend").Build(), builder.CustomerKey("desktop", "initech").Build()
	s.Create(p, s.initech, s.globex, s.vendor, s.customer)
	s.code = s.Names.Code(p)
	s.first, s.second = s.start(disturb), s.start(disturb)
	return s
}

// replica is one endpoint.
type replica struct {
	*shop

	server *httptest.Server
}

func (s *shop) start(disturb func(client.Client) client.Client) *replica {
	s.Helper()
	live := cluster.OperatorClient(s)
	endpoint := webhook.NewEndpoint(webhook.Config{}, webhook.Parts{
		Clock: s.Clock, Store: store.New(s.Names, s.Operator, live, s.Clock), Keys: s.Keys, Live: live,
		Usage: store.NewUsageRecords(disturb(live)),
	})
	server := httptest.NewUnstartedServer(endpoint)
	server.Config.ErrorLog = log.New(io.Discard, "", 0)
	server.StartTLS()
	s.Cleanup(server.Close)
	return &replica{s, server}
}

// answer is what the endpoint answers.
type answer struct {
	status int
	header http.Header
	body   []byte
}

// code is the name of an error; "" of a success.
func (a *answer) code(t testing.TB) string {
	t.Helper()
	var form struct {
		Type    string `json:"__type"`
		Message string `json:"message"`
	}
	if err := json.Unmarshal(a.body, &form); err != nil {
		t.Fatalf("%v: %s", err, a.body)
	}
	if a.status != http.StatusOK && (form.Type == "" || form.Message == "" || a.header.Get("x-amzn-ErrorType") != form.Type) {
		t.Errorf("an error without name or message: %s", a.body)
	}
	return form.Type
}

// as signs with an access key.
func (r *replica) as(key *v1alpha1.AccessKey) func(*http.Request, []byte) error {
	return func(req *http.Request, body []byte) error {
		return auth.SignV4(req, body, r.Names.AccessKeyID(key, 1), r.Names.SecretAccessKey(key, 1), "", region, "aws-marketplace", r.Clock.Now())
	}
}

// call sends a request of AWS Marketplace Metering. It may be called from any
// goroutine.
func (r *replica) call(sign func(*http.Request, []byte) error, operation, body string) (*answer, error) {
	req, err := http.NewRequestWithContext(context.Background(), http.MethodPost, r.server.URL+"/", bytes.NewReader([]byte(body)))
	if err != nil {
		return nil, err
	}
	req.Header.Set("Content-Type", jsonType)
	req.Header.Set("X-Amz-Target", "AWSMPMeteringService."+operation)
	if err := sign(req, []byte(body)); err != nil {
		return nil, err
	}
	resp, err := r.server.Client().Do(req)
	if err != nil {
		return nil, err
	}
	defer resp.Body.Close()
	a := &answer{status: resp.StatusCode, header: resp.Header}
	a.body, err = io.ReadAll(resp.Body)
	return a, err
}

// must is call of a test's own goroutine.
func (r *replica) must(key *v1alpha1.AccessKey, operation, body string) *answer {
	r.Helper()
	a, err := r.call(r.as(key), operation, body)
	if err != nil {
		r.Fatal(err)
	}
	return a
}

// batch is the answer of BatchMeterUsage.
type batch struct {
	Results []struct {
		UsageRecord      map[string]any
		MeteringRecordID string `json:"MeteringRecordId"`
		Status           string
	}
	UnprocessedRecords []map[string]any
}

func readBatch(t testing.TB, a *answer) batch {
	t.Helper()
	var b batch
	if err := json.Unmarshal(a.body, &b); a.status != http.StatusOK || err != nil {
		t.Fatalf("%d %v: %s", a.status, err, a.body)
	}
	return b
}

// statuses are the statuses of the results, in their order.
func (b batch) statuses() []string {
	var all []string
	for _, r := range b.Results {
		all = append(all, r.Status)
	}
	return all
}

// hourly is a record in JSON.
func hourly(at time.Time, customer, dimension string, quantity int) string {
	return fmt.Sprintf(`{"Timestamp":%d,"CustomerIdentifier":%q,"Dimension":%q,"Quantity":%d}`, at.Unix(), customer, dimension, quantity)
}

// report is a BatchMeterUsage of records in JSON.
func (s *shop) report(records ...string) string {
	body := fmt.Sprintf(`{"ProductCode":%q,"UsageRecords":[`, s.code)
	for i, r := range records {
		if i > 0 {
			body += ","
		}
		body += r
	}
	return body + "]}"
}

// records are all UsageRecords of the shop.
func (s *shop) records() []v1alpha1.UsageRecord {
	s.Helper()
	list := &v1alpha1.UsageRecordList{}
	s.List(list)
	return list.Items
}
