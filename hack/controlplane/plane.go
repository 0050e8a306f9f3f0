// Copyright The license-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net/http"
	"path/filepath"
	"time"
)

const (
	// readyTimeout bounds the start of one child on a slow, busy machine.
	readyTimeout = 2 * time.Minute
	readyPoll    = 50 * time.Millisecond
	// requestTimeout bounds one question whether a child is ready.
	requestTimeout = 5 * time.Second
	// portAttempts is how often a start is tried when ports are taken.
	portAttempts = 3
)

// plane is a running control plane.
type plane struct {
	etcd, apiserver *child
	server          string // URL of the API server
	release         func() // of guard; nil before the children run
}

// launchPlane starts etcd and kube-apiserver and returns when both are ready.
// It tries again if another process took a port meanwhile. No child is left
// when it returns an error.
func launchPlane(ctx context.Context, assets, dir string, p *pki, durable bool, stderr io.Writer) (*plane, error) {
	for attempt := 1; ; attempt++ {
		free, err := freePorts()
		if err != nil {
			return nil, err
		}
		plane := &plane{server: localURL(free.apiserver)}
		err = plane.launch(ctx, assets, dir, p, free, durable)
		if err == nil {
			return plane, nil
		}
		plane.stop(stderr)
		var exit *exitError
		taken := errors.As(err, &exit) && bytes.Contains(exit.log, []byte("address already in use"))
		if !taken || attempt == portAttempts {
			return nil, err
		}
		fmt.Fprintf(stderr, "A port was taken meanwhile, trying others\n")
	}
}

// launch starts the children one after the other: kube-apiserver loses a
// second when it has to wait for etcd.
func (pl *plane) launch(ctx context.Context, assets, dir string, p *pki, free ports, durable bool) error {
	client := p.client()
	defer client.CloseIdleConnections()
	pkiDir := filepath.Join(dir, "pki")
	var err error
	pl.etcd, err = launch(filepath.Join(assets, etcdName), dir, etcdArgs(dir, pkiDir, free, durable))
	if err != nil {
		return err
	}
	if err := pl.etcd.waitReady(ctx, client, localURL(free.etcdClient)+"/readyz"); err != nil {
		return err
	}
	pl.apiserver, err = launch(filepath.Join(assets, apiserverName), dir, apiserverArgs(pkiDir, free))
	if err != nil {
		return err
	}
	pl.release, err = guard(pl.etcd.cmd.Process.Pid, pl.apiserver.cmd.Process.Pid)
	if err != nil {
		return err
	}
	return pl.apiserver.waitReady(ctx, client, pl.server+"/readyz")
}

// stop ends kube-apiserver and then etcd, which kube-apiserver still writes to
// while it ends.
func (pl *plane) stop(stderr io.Writer) {
	if pl.apiserver != nil {
		pl.apiserver.stop(stderr)
	}
	if pl.etcd != nil {
		pl.etcd.stop(stderr)
	}
	if pl.release != nil {
		pl.release()
	}
}

// client is an HTTP client that trusts our authority alone and shows the
// administrator's certificate.
func (p *pki) client() *http.Client {
	pool := x509.NewCertPool()
	pool.AddCert(p.ca.cert)
	return &http.Client{
		Timeout: requestTimeout,
		Transport: &http.Transport{
			TLSClientConfig: &tls.Config{
				MinVersion: tls.VersionTLS12,
				RootCAs:    pool,
				Certificates: []tls.Certificate{{
					Certificate: [][]byte{p.admin.cert.Raw},
					PrivateKey:  p.admin.key,
				}},
			},
		},
	}
}

// waitReady asks url until it answers 200. It returns an *exitError if the
// child ends, ctx.Err() if ctx ends, and an error with the last answer and the
// end of the log after readyTimeout.
func (c *child) waitReady(ctx context.Context, client *http.Client, url string) error {
	deadline := time.After(readyTimeout)
	for {
		answer := ask(ctx, client, url)
		if answer == nil {
			return nil
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-c.exited:
			return c.exitError()
		case <-deadline:
			return fmt.Errorf("%s is not ready after %s: %w. The end of its log:\n%s",
				c.name, readyTimeout, answer, readTail(c.logPath))
		case <-time.After(readyPoll):
		}
	}
}

// ask returns nil if url answers 200, and else what happened.
func ask(ctx context.Context, client *http.Client, url string) error {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return err
	}
	resp, err := client.Do(req)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(io.LimitReader(resp.Body, tailBytes))
	if err != nil {
		return err
	}
	if resp.StatusCode != http.StatusOK {
		return fmt.Errorf("%s: %s", resp.Status, tail(body))
	}
	return nil
}
