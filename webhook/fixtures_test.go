// Copyright The license-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package webhook_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/go-logr/logr"
	testclock "k8s.io/utils/clock/testing"
	"sigs.k8s.io/controller-runtime/pkg/client"
	logf "sigs.k8s.io/controller-runtime/pkg/log"

	"github.com/license-operator/license-operator/api/v1alpha1"
	"github.com/license-operator/license-operator/internal/secrets"
	"github.com/license-operator/license-operator/internal/store"
	"github.com/license-operator/license-operator/test/builder"
	"github.com/license-operator/license-operator/test/expect"
	"github.com/license-operator/license-operator/webhook"
	"github.com/license-operator/license-operator/webhook/auth"
	"github.com/license-operator/license-operator/webhook/query"
)

const host = "licences.example.com"

var start = time.Date(2026, time.May, 19, 12, 0, 0, 0, time.UTC)

// vault is a cache that holds one vendor's access key and nothing else, or that
// fails in some way. What needs more is tested against a real API server, in
// test/integration.
type vault struct {
	key *v1alpha1.AccessKey
	// fail is called for everything but access keys.
	fail func() error
}

// Get implements client.Reader.
func (v *vault) Get(context.Context, client.ObjectKey, client.Object, ...client.GetOption) error {
	return v.fail()
}

// List implements client.Reader.
func (v *vault) List(_ context.Context, list client.ObjectList, _ ...client.ListOption) error {
	keys, ok := list.(*v1alpha1.AccessKeyList)
	if !ok {
		return v.fail()
	}
	if v.key == nil {
		return errors.New("the cache of access keys is broken")
	}
	keys.Items = []v1alpha1.AccessKey{*v.key}
	return nil
}

// nobody is an API server that must not be asked.
type nobody struct{ client.Client }

// fixture is an endpoint with what a test looks at.
type fixture struct {
	endpoint *webhook.Endpoint
	vault    *vault
	clock    *testclock.FakeClock
	names    store.Names
	keys     *secrets.Holder
	vendor   *auth.Signer
	log      *bytes.Buffer
}

func newFixture(t testing.TB, cfg webhook.Config) *fixture {
	t.Helper()
	keys := expect.FirstKeys(t, start)
	f := &fixture{clock: testclock.NewFakeClock(start), names: store.Names{Identity: keys.Get().Identity}, keys: keys, log: &bytes.Buffer{}}
	f.vault = &vault{
		key:  builder.VendorKey("vendor").InNamespace("acme").Build(),
		fail: func() error { return nil },
	}
	f.vendor = &auth.Signer{AccessKeyID: f.names.AccessKeyID(f.vault.key, 1),
		SecretAccessKey: f.names.SecretAccessKey(f.vault.key, 1), Version: "2", Method: auth.HmacSHA256}
	cfg.AllowVersion1 = true
	f.endpoint = webhook.NewEndpoint(cfg, webhook.Parts{
		Clock: f.clock, Store: store.New(f.names, f.vault, nobody{}, f.clock), Keys: keys, Live: nobody{}})
	return f
}

// active is a call of the vendor's that needs the cache of Subscriptions.
func (f *fixture) active(t testing.TB) string {
	t.Helper()
	pid := f.names.Identity.PersistentIdentifier("acme", "cust-42")
	return f.sign(t, f.vendor, query.ActionParameter, "GetActiveSubscriptionsByPid", query.PersistentIdentifier, pid)
}

// sign makes the URL of a signed GET of names and values in turns.
func (f *fixture) sign(t testing.TB, signer *auth.Signer, pairs ...string) string {
	t.Helper()
	var parameters []query.Parameter
	for i := 0; i < len(pairs); i += 2 {
		parameters = append(parameters, query.Parameter{Name: pairs[i], Value: pairs[i+1]})
	}
	signed, err := signer.Sign(http.MethodGet, host, "/", parameters, f.clock.Now())
	if err != nil {
		t.Fatal(err)
	}
	return "https://" + host + "/?" + query.Encode(signed)
}

// logger writes into the fixture's log as the command does.
func (f *fixture) logger() logr.Logger {
	return logr.FromSlogHandler(slog.NewJSONHandler(f.log, &slog.HandlerOptions{Level: slog.LevelDebug}))
}

// get sends a GET.
func (f *fixture) get(url string) *httptest.ResponseRecorder {
	return f.serve(httptest.NewRequest(http.MethodGet, url, nil))
}

// serve sends a request.
func (f *fixture) serve(r *http.Request) *httptest.ResponseRecorder {
	w := httptest.NewRecorder()
	f.endpoint.ServeHTTP(w, r.WithContext(logf.IntoContext(r.Context(), f.logger())))
	return w
}

// lines are the log's, and empties it.
func (f *fixture) lines(t testing.TB) []map[string]any {
	t.Helper()
	var lines []map[string]any
	for text := range strings.Lines(f.log.String()) {
		line := map[string]any{}
		if err := json.Unmarshal([]byte(text), &line); err != nil {
			t.Fatal(err)
		}
		lines = append(lines, line)
	}
	f.log.Reset()
	return lines
}

// code is the code of an error's body.
func code(w *httptest.ResponseRecorder) string {
	_, rest, _ := strings.Cut(w.Body.String(), "<Code>")
	found, _, _ := strings.Cut(rest, "</Code>")
	return found
}
