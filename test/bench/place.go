// Copyright The license-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"flag"
	"os"
	"path/filepath"

	"github.com/license-operator/license-operator/test/env"
)

// place is where a measurement runs: the flags that every command has.
type place struct {
	binary string
	keep   bool
}

func (p *place) addFlags(f *flag.FlagSet) {
	f.StringVar(&p.binary, "operator", "", "the operator's binary (default: built here)")
	f.BoolVar(&p.keep, "keep", false, "keep the directory with the operators' logs")
}

// startControlPlane is env.Start or env.StartSynced.
type startControlPlane func(context.Context) (*env.Env, error)

// run measures in a directory and a control plane of its own, with the operator
// built if no binary was named. No operator runs yet.
func (p *place) run(ctx context.Context, start startControlPlane, what string, measure func(bench, machine) error) error {
	dir, err := os.MkdirTemp("", "license-operator-bench-")
	if err != nil {
		return err
	}
	if p.keep {
		progress("The operators' logs stay in %s", dir)
	} else {
		defer func() { _ = os.RemoveAll(dir) }()
	}
	if p.binary == "" {
		p.binary = filepath.Join(dir, "license-operator")
		if err := build(ctx, p.binary); err != nil {
			return err
		}
	}
	m, err := describeMachine(ctx, p.binary)
	if err != nil {
		return err
	}
	progress("Starting %s; the load average is %s", what, m.loadAverage)
	e, err := start(ctx)
	if err != nil {
		return err
	}
	defer func() { _ = e.Stop() }()
	return measure(bench{env: e, dir: dir, binary: p.binary}, m)
}

// runSynced is run in a control plane whose etcd waits for the disk.
func (p *place) runSynced(ctx context.Context, measure func(bench, machine) error) error {
	return p.run(ctx, env.StartSynced, "a control plane whose etcd waits for the disk", measure)
}
