// Copyright The license-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package seats_test

import (
	"context"
	"crypto/x509"
	"errors"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/license-operator/license-operator/test/env"
	"github.com/license-operator/license-operator/test/integration/wire"
)

// replica is one operator: a process, but for one in this process.
type replica struct {
	name string
	url  string
	http *http.Client
	// now is the time of the replica and of those who sign for it.
	now func() time.Time

	process *env.Process
	gate    *gate
	dead    atomic.Bool
}

// crew is two replicas at a time, and all that there were.
type crew struct {
	dir, binary string

	mu     sync.Mutex
	places [2]atomic.Pointer[replica]
	logs   []string
}

// at is the replica in a place now.
func (c *crew) at(place int) *replica { return c.places[place%2].Load() }

// fill starts a replica in each place that has none that lives.
func (c *crew) fill(ctx context.Context) error {
	var errs [2]error
	var wg sync.WaitGroup
	for i := range c.places {
		if r := c.at(i); r != nil && !r.dead.Load() {
			continue
		}
		wg.Go(func() {
			r, err := c.launch(ctx)
			if errs[i] = err; err == nil {
				c.places[i].Store(r)
			}
		})
	}
	wg.Wait()
	return errors.Join(errs[:]...)
}

// whole waits until both replicas are there and one of them leads, and returns
// them, the one that leads first.
func (c *crew) whole(t *testing.T) (leader, other *replica) {
	t.Helper()
	if err := c.fill(t.Context()); err != nil {
		t.Fatal(err)
	}
	wire.Eventually(t, "one of the replicas leads", func(context.Context) error {
		leader, other = c.at(0), c.at(1)
		if other.leads() {
			leader, other = other, leader
		}
		if !leader.leads() || other.leads() {
			return errors.New("none does, or both do")
		}
		return nil
	})
	return leader, other
}

// launch starts a replica whose way to the API server is through a gate.
func (c *crew) launch(ctx context.Context) (*replica, error) {
	c.mu.Lock()
	dir := filepath.Join(c.dir, fmt.Sprintf("replica-%d", len(c.logs)))
	c.logs = append(c.logs, filepath.Join(dir, "operator.log"))
	c.mu.Unlock()
	if err := os.Mkdir(dir, 0o700); err != nil {
		return nil, err
	}
	free, err := env.FreeAddresses(1)
	if err != nil {
		return nil, err
	}
	address := free[0]
	r := &replica{name: filepath.Base(dir), url: "https://" + address, now: time.Now}
	if r.gate, err = newGate(r); err != nil {
		return nil, err
	}
	through := *cluster
	through.Operator = r.gate.config(cluster.Operator)
	r.process, err = through.StartProcess(ctx, c.binary, dir, address,
		"--leader-elect=true", "--caller-rate=0", "--anonymous-rate=0", "--log-level=debug",
		"--projection-rate=50") // The machine is for the book.
	if err != nil {
		r.gate.server.Close()
		return nil, err
	}
	roots, err := env.Roots(ctx, cluster.Client)
	if err != nil {
		return nil, err
	}
	r.http = clientOf(roots, r.now)
	return r, nil
}

// clientOf has room for as many connections as there are clients.
func clientOf(roots *x509.CertPool, now func() time.Time) *http.Client {
	c := wire.HTTPClient(roots, now)
	c.Transport.(*http.Transport).MaxIdleConnsPerHost = 512
	return c
}

// kill ends a replica as a machine that loses its power, and leaves its lease to
// nobody: whoever is left need not wait until it expires.
func (c *crew) kill(r *replica) error {
	if r.dead.Swap(true) {
		return nil
	}
	err := syscall.Kill(r.process.PID(), syscall.SIGKILL)
	r.process.Stop()
	for i := range c.places {
		if other := c.at(i); other != r && !other.leads() {
			err = errors.Join(err, cluster.FreeLease(context.Background()))
		}
	}
	return err
}

// stop ends both, and goes on if one is stopped.
func (c *crew) stop() {
	for i := range c.places {
		if r := c.at(i); r != nil && !r.dead.Load() {
			_ = syscall.Kill(r.process.PID(), syscall.SIGCONT)
			_ = syscall.Kill(r.process.PID(), syscall.SIGKILL)
			r.process.Stop()
			r.gate.server.CloseClientConnections()
		}
	}
}

// leads says whether the replica runs the controllers.
func (r *replica) leads() bool { return env.Leads(r.process.Metrics) }

// pause stops a replica in the middle of whatever it does.
func (r *replica) pause() error { return syscall.Kill(r.process.PID(), syscall.SIGSTOP) }

// resume lets it go on.
func (r *replica) resume() error { return syscall.Kill(r.process.PID(), syscall.SIGCONT) }
