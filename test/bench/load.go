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
	"slices"
	"time"
)

const requestBound = 30 * time.Second

// target is a server to load.
type target struct {
	pid     int
	address string
	roots   *x509.CertPool
}

// request is one request as it goes over the wire, and what the answer's body
// must hold.
type request struct {
	wire []byte
	want []byte
}

// connection is one keep-alive client. It writes requests that are ready and
// reads answers with net/http: little work, because it shares the cores with
// the servers that it measures.
type connection struct {
	conn   net.Conn
	reader *bufio.Reader
	body   bytes.Buffer
}

func dial(ctx context.Context, t target) (*connection, error) {
	dialer := &tls.Dialer{Config: &tls.Config{RootCAs: t.roots, ServerName: "localhost", MinVersion: tls.VersionTLS13}}
	conn, err := dialer.DialContext(ctx, "tcp", t.address)
	if err != nil {
		return nil, err
	}
	return &connection{conn: conn, reader: bufio.NewReader(conn)}, nil
}

// do sends a request and reads the whole answer, which must be a good one. The
// body lasts until the next request.
func (c *connection) do(r *request) (*http.Response, error) {
	resp, err := c.ask(r.wire)
	if err != nil {
		return nil, err
	}
	if resp.StatusCode != http.StatusOK || !bytes.Contains(c.body.Bytes(), r.want) {
		return nil, fmt.Errorf("want %s, got %s: %s", r.want, resp.Status, c.body.Bytes())
	}
	return resp, nil
}

// ask sends a request and reads the whole answer, whatever it is.
func (c *connection) ask(wire []byte) (*http.Response, error) {
	if _, err := c.conn.Write(wire); err != nil {
		return nil, err
	}
	resp, err := http.ReadResponse(c.reader, nil)
	if err != nil {
		return nil, err
	}
	defer func() { _ = resp.Body.Close() }()
	c.body.Reset()
	_, err = io.Copy(&c.body, resp.Body)
	return resp, err
}

// result is what one round has measured.
type result struct {
	perSecond float64
	p50, p99  time.Duration
	// processor is the server's own processor time for a request.
	processor time.Duration
}

// load lets clients send requests of a pool one after the other for a time.
func load(ctx context.Context, t target, clients int, pool []request, length time.Duration) (result, error) {
	connections, err := dialAll(ctx, t, clients)
	defer hangUp(connections)
	if err != nil {
		return result{}, err
	}
	took := make([]latencies, clients)
	before, err := processorTime(t.pid)
	if err != nil {
		return result{}, err
	}
	start := time.Now()
	end := start.Add(length)
	err = parallel(ctx, clients, clients, func(ctx context.Context, _, i int) (err error) {
		took[i], err = connections[i].loop(ctx, pool[i*len(pool)/clients:], end)
		return err
	})
	if err != nil {
		return result{}, err
	}
	length = time.Since(start)
	after, err := processorTime(t.pid)
	all := slices.Concat(took...)
	got := all.over(length)
	got.processor = (after - before) / time.Duration(max(len(all), 1))
	return got, err
}

func dialAll(ctx context.Context, t target, clients int) ([]*connection, error) {
	connections := make([]*connection, 0, clients)
	for range clients {
		c, err := dial(ctx, t)
		if err != nil {
			return connections, err
		}
		connections = append(connections, c)
	}
	return connections, nil
}

func hangUp(connections []*connection) {
	for _, c := range connections {
		_ = c.conn.Close()
	}
}

// loop sends a client's part of the pool, over and over.
func (c *connection) loop(ctx context.Context, pool []request, end time.Time) (latencies, error) {
	if err := c.conn.SetDeadline(end.Add(requestBound)); err != nil {
		return nil, err
	}
	var took latencies
	for i := 0; ; i++ {
		before := time.Now()
		if !before.Before(end) || ctx.Err() != nil {
			return took, ctx.Err()
		}
		if _, err := c.do(&pool[i%len(pool)]); err != nil {
			return took, err
		}
		took = append(took, time.Since(before))
	}
}

// drain lets clients send every request once. It returns how long each took,
// and all together.
func drain(ctx context.Context, t target, clients int, pool []request, each func(i int, c *connection) error) (latencies, time.Duration, error) {
	connections, err := dialAll(ctx, t, clients)
	defer hangUp(connections)
	if err != nil {
		return nil, 0, err
	}
	took := make(latencies, len(pool))
	start := time.Now()
	err = parallel(ctx, clients, len(pool), func(_ context.Context, worker, i int) error {
		c, before := connections[worker], time.Now()
		if err := c.conn.SetDeadline(before.Add(requestBound)); err != nil {
			return err
		}
		if _, err := c.do(&pool[i]); err != nil {
			return err
		}
		took[i] = time.Since(before)
		return each(i, c)
	})
	return took, time.Since(start), err
}
