// Copyright The license-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"time"
)

// start runs a control plane until ctx ends or a child dies. It returns nil
// when ctx ended after the control plane was ready, ctx.Err() when it ended
// before, and an *exitError when a child died.
func start(ctx context.Context, opts startOptions, stdout, stderr io.Writer) (err error) {
	if err := opts.resolve(); err != nil {
		return err
	}
	assets, err := ensureAssets(ctx, stderr)
	if err != nil {
		return err
	}
	dir, err := openDataDir(opts.dataDir, opts.keepData)
	if err != nil {
		return err
	}
	defer func() {
		// Clean-up happens in any case; its error matters if there is no other.
		if cerr := dir.close(opts.keepData); err == nil {
			err = cerr
		}
	}()
	if opts.kubeconfig == "" {
		opts.kubeconfig = filepath.Join(dir.path, "kubeconfig")
	}
	p, err := makePKI(filepath.Join(dir.path, "pki"), time.Now())
	if err != nil {
		return err
	}
	plane, err := launchPlane(ctx, assets, dir.path, p, opts.keepData, stderr)
	if err != nil {
		return err
	}
	defer plane.stop(stderr)
	kubeconfig, err := p.kubeconfig(plane.server)
	if err != nil {
		return err
	}
	if err := writeAtomically(opts.kubeconfig, kubeconfig); err != nil {
		return err
	}
	if !opts.keepData {
		defer removeIfUnchanged(opts.kubeconfig, kubeconfig)
	}
	if opts.readyFile != "" {
		content := []byte(opts.kubeconfig + "\n")
		if err := writeAtomically(opts.readyFile, content); err != nil {
			return err
		}
		defer removeIfUnchanged(opts.readyFile, content)
	}
	if opts.keepData {
		fmt.Fprintf(stderr, "Data and logs stay in %s\n", dir.path)
	}
	if _, err := fmt.Fprintf(stdout, "The control plane is ready: export KUBECONFIG=%s\n", opts.kubeconfig); err != nil {
		return err
	}
	select {
	case <-ctx.Done():
		return nil
	case <-plane.etcd.exited:
		return plane.etcd.exitError()
	case <-plane.apiserver.exited:
		return plane.apiserver.exitError()
	}
}

// resolve makes the paths absolute and finds mistakes before anything is built
// or started. It removes a ready file from an earlier run, which would tell a
// waiting script that this run is ready.
func (o *startOptions) resolve() error {
	for _, path := range []*string{&o.kubeconfig, &o.readyFile} {
		if *path == "" {
			continue
		}
		abs, err := filepath.Abs(*path)
		if err != nil {
			return err
		}
		if _, err := os.Stat(filepath.Dir(abs)); err != nil {
			return err
		}
		*path = abs
	}
	if o.kubeconfig != "" {
		if err := checkKubeconfigPath(o.kubeconfig); err != nil {
			return err
		}
	}
	if o.readyFile != "" {
		if err := os.Remove(o.readyFile); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
	}
	return nil
}

// kubeconfig is the administrator's kubeconfig for the API server at server.
func (p *pki) kubeconfig(server string) ([]byte, error) {
	key, err := p.admin.keyPEM()
	if err != nil {
		return nil, err
	}
	return renderKubeconfig(server, p.ca.certPEM(), p.admin.certPEM(), key)
}

// removeIfUnchanged removes a file unless somebody else wrote it since.
func removeIfUnchanged(path string, content []byte) {
	if now, err := os.ReadFile(path); err == nil && bytes.Equal(now, content) {
		_ = os.Remove(path)
	}
}
