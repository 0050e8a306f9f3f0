// Copyright The license-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package serving

import (
	"context"
	"errors"
	"io"
	"time"

	"k8s.io/apimachinery/pkg/util/wait"
	"k8s.io/utils/clock"
	"sigs.k8s.io/controller-runtime/pkg/client"
	logf "sigs.k8s.io/controller-runtime/pkg/log"

	"github.com/license-operator/license-operator/internal/sleep"
)

const (
	// checkInterval is the time between two looks at the Secret. Up to
	// checkJitter of it is added, so that replicas drift apart.
	checkInterval = time.Hour
	checkJitter   = 0.1

	// attemptTimeout bounds one look, so that an API server that hangs doesn't
	// stop renewal for good.
	attemptTimeout = 30 * time.Second

	firstRetry = time.Second
	lastRetry  = 5 * time.Minute
)

// Renewer keeps the Secret, the ConfigMap and the Certificate up to date. It is
// a manager.Runnable that every replica runs, leader or not. All fields are
// required.
type Renewer struct {
	// Client must read from the API server and not from a cache.
	Client client.Client
	Config Config
	// Clock says when something is due.
	Clock clock.Clock
	// Rand must be a cryptographic source.
	Rand io.Reader
	// Certificate is what the endpoint serves with.
	Certificate *Certificate
}

// NeedLeaderElection implements manager.LeaderElectionRunnable.
func (*Renewer) NeedLeaderElection() bool { return false }

// Start looks at once and then about every hour until the context ends. After a
// failure it tries again sooner: after a second, then up to about five minutes.
// It never returns an error: the endpoint goes on with the certificate it has.
func (r *Renewer) Start(ctx context.Context) error {
	log := logf.FromContext(ctx).WithName("serving")
	retry := newRetry()
	for {
		err := r.once(logf.IntoContext(ctx, log))
		if ctx.Err() != nil {
			return nil
		}
		pause := wait.Jitter(checkInterval, checkJitter)
		if err != nil {
			pause = retry.Step()
			log.Error(err, "Failed to look after the serving certificate", "retryAfter", pause.String())
		} else {
			retry = newRetry()
		}
		if sleep.For(ctx, r.Clock, pause) != nil {
			return nil
		}
	}
}

// once does everything one time. What it can't do does not keep it from the
// rest.
func (r *Renewer) once(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, attemptTimeout)
	defer cancel()
	bundle, changes, err := ensure(ctx, r.Client, r.Config, r.Clock, r.Rand)
	if bundle == nil {
		return err
	}
	if len(changes) > 0 {
		leaf := bundle.leaf.Leaf
		logf.FromContext(ctx).Info("Renewed the serving certificate", "changes", changes,
			"serialNumber", leaf.SerialNumber.Text(16), "notAfter", leaf.NotAfter.Format(time.RFC3339))
	}
	return errors.Join(
		err,
		r.Certificate.Set(bundle),
		Publish(ctx, r.Client, r.Config.Secret.Namespace, bundle.CAPEM()),
	)
}

func newRetry() wait.Backoff {
	return wait.Backoff{Duration: firstRetry, Factor: 2, Jitter: 0.5, Steps: 20, Cap: lastRetry}
}
