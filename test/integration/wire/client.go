// Copyright The license-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package wire

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/license-operator/license-operator/test/env"
	"github.com/license-operator/license-operator/webhook/auth"
	"github.com/license-operator/license-operator/webhook/query"
)

// Client sends requests to one endpoint.
type Client struct {
	// URL of the endpoint without a path.
	URL string
	// HTTP trusts the endpoint's CA.
	HTTP *http.Client
	// Now is the time that requests are signed at.
	Now func() time.Time
	// Ledger takes what is sent and answered; nil for nothing.
	Ledger *Ledger
}

// Trust returns the CAs that the operator publishes, once it has.
func Trust(t testing.TB, c client.Reader) *x509.CertPool {
	t.Helper()
	var pool *x509.CertPool
	Eventually(t, "the CA is published", func(ctx context.Context) (err error) {
		pool, err = env.Roots(ctx, c)
		return err
	})
	return pool
}

// HTTPClient returns a client that trusts these CAs at the time that now tells.
func HTTPClient(roots *x509.CertPool, now func() time.Time) *http.Client {
	return &http.Client{
		Timeout: time.Minute,
		Transport: &http.Transport{
			TLSClientConfig:     &tls.Config{RootCAs: roots, Time: now, MinVersion: tls.VersionTLS12},
			MaxIdleConnsPerHost: 64,
		},
	}
}

// Call is one request.
type Call struct {
	// Method is GET if it is "".
	Method string
	// Path is "/" if it is "".
	Path string
	// Parameters go into the URL of a GET and the body of a POST.
	Parameters []query.Parameter
	// Signer signs; nil for nobody.
	Signer *auth.Signer
	// Tamper changes the parameters after they were signed; nil for not.
	Tamper func([]query.Parameter) []query.Parameter
	// Raw is sent instead of the encoded parameters if it is not "".
	Raw string
	// Body is sent instead of what belongs there if it is not "".
	Body string
	// Header is added.
	Header map[string]string
}

// P makes parameters of names and values in turns.
func P(pairs ...string) []query.Parameter {
	parameters := make([]query.Parameter, 0, len(pairs)/2)
	for i := 0; i+1 < len(pairs); i += 2 {
		parameters = append(parameters, query.Parameter{Name: pairs[i], Value: pairs[i+1]})
	}
	return parameters
}

// Request makes the HTTP request of a call.
func (c *Client) Request(ctx context.Context, call Call) (*http.Request, error) {
	u, err := url.Parse(c.URL)
	if err != nil {
		return nil, err
	}
	method := call.Method
	if method == "" {
		method = http.MethodGet
	}
	u.Path = "/"
	if call.Path != "" {
		u.Path = call.Path
	}
	parameters := call.Parameters
	if call.Signer != nil {
		if parameters, err = call.Signer.Sign(method, u.Host, u.EscapedPath(), parameters, c.Now()); err != nil {
			return nil, err
		}
	}
	if call.Tamper != nil {
		parameters = call.Tamper(parameters)
	}
	form := query.Encode(parameters)
	if call.Raw != "" {
		form = call.Raw
	}
	var body io.Reader
	switch {
	case call.Body != "":
		u.RawQuery, body = form, strings.NewReader(call.Body)
	case method == http.MethodPost:
		body = strings.NewReader(form)
	default:
		u.RawQuery = form
	}
	req, err := http.NewRequestWithContext(ctx, method, u.String(), body)
	if err != nil {
		return nil, err
	}
	if body != nil {
		req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	for name, value := range call.Header {
		req.Header.Set(name, value)
	}
	c.Ledger.sent(parameters)
	return req, nil
}

// Try sends a call. The error is that of the connection, or says what is wrong
// with the answer by the contract.
func (c *Client) Try(ctx context.Context, call Call) (*Answer, error) {
	req, err := c.Request(ctx, call)
	if err != nil {
		return nil, err
	}
	return c.Send(req)
}

// Send sends a request and reads its answer as Try does.
func (c *Client) Send(req *http.Request) (*Answer, error) {
	resp, err := c.HTTP.Do(req)
	if err != nil {
		return nil, err
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		return nil, fmt.Errorf("read the answer: %w", err)
	}
	a := &Answer{Status: resp.StatusCode, Header: resp.Header, Body: string(body)}
	err = a.read(req.Method == http.MethodHead)
	c.Ledger.answered(a)
	return a, err
}

// Do sends a call that must be answered in form.
func (c *Client) Do(t testing.TB, call Call) *Answer {
	t.Helper()
	a, err := c.Try(t.Context(), call)
	if err != nil {
		t.Fatal(err)
	}
	return a
}

// OK sends a call that must succeed.
func (c *Client) OK(t testing.TB, call Call) *Answer {
	t.Helper()
	a := c.Do(t, call)
	if a.Status != http.StatusOK {
		t.Fatalf("answered %d:\n%s", a.Status, a.Body)
	}
	return a
}
