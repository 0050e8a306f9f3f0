// Copyright The license-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package notify

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"io"
	"net"
	"net/http"
	"net/url"
	"time"

	"k8s.io/utils/clock"
)

const (
	// sendTimeout is for a whole try, from the look-up of the name on.
	sendTimeout = 10 * time.Second
	dialTimeout = 5 * time.Second
	// drainTimeout and maxAnswer bound what is read of an answer so that the
	// connection can be used again. Nothing of it is kept.
	drainTimeout = time.Second
	maxAnswer    = 4 << 10
	maxHeaders   = 16 << 10

	userAgent = "license-operator"
)

// Client posts messages.
type Client struct {
	clock clock.PassiveClock
	http  *http.Client
}

// NewClient returns a Client that trusts roots, or the system's if that is nil.
// It has nothing of the environment: no proxy, no credentials.
func NewClient(clk clock.PassiveClock, guard *Guard, roots *x509.CertPool) *Client {
	dialer := &net.Dialer{Timeout: dialTimeout, ControlContext: guard.control}
	var http1 http.Protocols
	http1.SetHTTP1(true)
	return &Client{clock: clk, http: &http.Client{
		Transport: &http.Transport{
			Proxy:                  nil,
			DialContext:            dialer.DialContext,
			TLSClientConfig:        &tls.Config{MinVersion: tls.VersionTLS12, RootCAs: roots, Time: clk.Now, VerifyConnection: guard.verifyConnection},
			TLSHandshakeTimeout:    dialTimeout,
			ResponseHeaderTimeout:  sendTimeout,
			MaxResponseHeaderBytes: maxHeaders,
			MaxIdleConns:           2 * slots,
			MaxIdleConnsPerHost:    perReceiver,
			IdleConnTimeout:        time.Minute,
			DisableCompression:     true,
			Protocols:              &http1,
		},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}}
}

// Send tries once to deliver a message. It takes ten seconds at most.
func (c *Client) Send(ctx context.Context, m Message) Answer {
	ctx, cancel := context.WithTimeout(ctx, sendTimeout)
	defer cancel()
	req, err := c.request(ctx, m)
	if err != nil {
		return Answer{Result: Unreachable}
	}
	resp, err := c.http.Do(req)
	if err != nil {
		return Answer{Result: failureOf(err)}
	}
	defer func() { _ = resp.Body.Close() }()
	c.drain(ctx, cancel, resp.Body)
	return answerOf(resp, c.clock.Now())
}

var errNoWebhook = errors.New("it is not the URL of a webhook")

func (c *Client) request(ctx context.Context, m Message) (*http.Request, error) {
	u, err := url.Parse(m.URL)
	if err != nil {
		return nil, errNoWebhook
	}
	if local := u.Hostname() == "localhost" || u.Hostname() == "127.0.0.1"; u.Scheme != "https" && (u.Scheme != "http" || !local) {
		return nil, errNoWebhook
	}
	body, err := m.Body()
	if err != nil {
		return nil, err
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, m.URL, bytes.NewReader(body))
	if err != nil {
		return nil, errNoWebhook
	}
	now := c.clock.Now()
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("User-Agent", userAgent)
	req.Header.Set("Webhook-Id", m.ID)
	req.Header.Set("Webhook-Timestamp", timestamp(now))
	req.Header.Set("Webhook-Signature", m.signatures(now, body))
	return req, nil
}

// drain reads what is short and comes at once, and gives up on the rest, and on
// the connection with it.
func (c *Client) drain(ctx context.Context, giveUp context.CancelFunc, answer io.Reader) {
	patience, done := context.WithTimeout(ctx, drainTimeout)
	defer done()
	stop := context.AfterFunc(patience, giveUp)
	defer stop()
	_, _ = io.Copy(io.Discard, io.LimitReader(answer, maxAnswer))
}
