// Copyright The license-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bufio"
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"time"
)

const requestBound = 30 * time.Second

// target is a server to load.
type target struct {
	pid     int
	address string
	roots   *x509.CertPool
}

func (t target) tlsConfig() *tls.Config {
	return &tls.Config{RootCAs: t.roots, ServerName: "localhost", MinVersion: tls.VersionTLS13}
}

// request is a GET that is ready to be sent, in the form of both kinds of
// client, and what the answer's body must hold. Only one client at a time may
// use it.
type request struct {
	http *http.Request
	wire []byte
	want []byte
}

func newRequest(host, query string, want []byte) request {
	const agent = "bench"
	return request{
		http: &http.Request{
			Method: http.MethodGet, URL: &url.URL{Scheme: "https", Host: host, Path: "/", RawQuery: query}, Host: host,
			Header: http.Header{"User-Agent": {agent}},
		},
		wire: []byte("GET /?" + query + " HTTP/1.1\r\nHost: " + host + "\r\nUser-Agent: " + agent + "\r\n\r\n"),
		want: want,
	}
}

// reply is what a client makes of an answer. The body lasts until the next.
type reply struct {
	status int
	header http.Header
	body   []byte
}

// client keeps one connection and sends one request after the other.
type client interface {
	// ask sends a request and reads the whole answer, whatever it is.
	ask(r *request) (reply, error)
	close()
}

// dial makes a client of one kind.
type dial func(ctx context.Context, t target) (client, error)

// do sends a request whose answer must be a good one.
func do(c client, r *request) (reply, error) {
	got, err := c.ask(r)
	if err == nil && (got.status != http.StatusOK || !bytes.Contains(got.body, r.want)) {
		err = fmt.Errorf("want %s, got %d: %s", r.want, got.status, got.body)
	}
	return got, err
}

// bareClient writes bytes that are ready and reads with net/http's parser alone:
// hardly any work, because it shares the cores with the servers.
type bareClient struct {
	conn   net.Conn
	reader *bufio.Reader
	body   bytes.Buffer
}

func dialBare(ctx context.Context, t target) (client, error) {
	dialer := &tls.Dialer{Config: t.tlsConfig()}
	conn, err := dialer.DialContext(ctx, "tcp", t.address)
	if err != nil {
		return nil, err
	}
	return &bareClient{conn: conn, reader: bufio.NewReader(conn)}, nil
}

func (c *bareClient) ask(r *request) (reply, error) {
	if err := c.conn.SetDeadline(time.Now().Add(requestBound)); err != nil {
		return reply{}, err
	}
	if _, err := c.conn.Write(r.wire); err != nil {
		return reply{}, err
	}
	resp, err := http.ReadResponse(c.reader, nil)
	if err != nil {
		return reply{}, err
	}
	return read(resp, &c.body)
}

func (c *bareClient) close() { _ = c.conn.Close() }

// httpClient is net/http's, with what programs use of it.
type httpClient struct {
	inner *http.Client
	body  bytes.Buffer
}

func dialHTTP(_ context.Context, t target) (client, error) {
	var dialer net.Dialer
	return &httpClient{inner: &http.Client{
		Timeout: requestBound,
		Transport: &http.Transport{
			TLSClientConfig: t.tlsConfig(),
			MaxConnsPerHost: 1,
			DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
				return dialer.DialContext(ctx, "tcp", t.address)
			},
		},
	}}, nil
}

func (c *httpClient) ask(r *request) (reply, error) {
	resp, err := c.inner.Do(r.http)
	if err != nil {
		return reply{}, err
	}
	return read(resp, &c.body)
}

func (c *httpClient) close() { c.inner.CloseIdleConnections() }

// read reads a whole answer.
func read(resp *http.Response, body *bytes.Buffer) (reply, error) {
	defer func() { _ = resp.Body.Close() }()
	body.Reset()
	_, err := io.Copy(body, resp.Body)
	return reply{status: resp.StatusCode, header: resp.Header, body: body.Bytes()}, err
}
