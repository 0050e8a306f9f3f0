// Copyright The license-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package seatledger

import (
	"context"
	"fmt"
	"sync/atomic"
	"testing"
	"time"

	"github.com/go-logr/logr"
	"k8s.io/client-go/rest"
	toolscache "k8s.io/client-go/tools/cache"
	"k8s.io/utils/clock"
	"sigs.k8s.io/controller-runtime/pkg/cache"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/config"
	"sigs.k8s.io/controller-runtime/pkg/manager"
	metricsserver "sigs.k8s.io/controller-runtime/pkg/metrics/server"

	"github.com/license-operator/license-operator/api/v1alpha1"
	"github.com/license-operator/license-operator/controllers/kit"
	"github.com/license-operator/license-operator/internal/seats"
	"github.com/license-operator/license-operator/internal/store"
)

// patience is how long the test waits for what should take a second; what it
// took is measured.
const patience = 20 * time.Second

// passes counts reads of one block by the controller, one each pass.
type passes struct {
	client.Client
	n atomic.Int32
}

func (p *passes) Get(ctx context.Context, key client.ObjectKey, obj client.Object, opts ...client.GetOption) error {
	if _, ok := obj.(*v1alpha1.SeatLedger); ok {
		p.n.Add(1)
	}
	return p.Client.Get(ctx, key, obj, opts...)
}

// run runs the controller in a manager with a cache, as the operator does, for
// the stage's namespace.
func (s *scene) run() *passes {
	s.Helper()
	cfg := rest.CopyConfig(s.Env.Operator)
	cfg.QPS = -1
	unique := true
	mgr, err := manager.New(cfg, manager.Options{
		Scheme: s.Env.Scheme, Logger: logr.Discard(), Metrics: metricsserver.Options{BindAddress: "0"},
		Controller: config.Controller{SkipNameValidation: &unique},
		Cache: cache.Options{
			DefaultNamespaces: map[string]cache.Config{s.Namespace: {}},
			DefaultTransform:  store.NewCompactor().Transform,
		},
	})
	if err != nil {
		s.Fatal(err)
	}
	if err := store.SetupIndexes(s.Context(), mgr.GetCache(), s.Names); err != nil {
		s.Fatal(err)
	}
	live, err := client.New(cfg, client.Options{Scheme: s.Env.Scheme})
	if err != nil {
		s.Fatal(err)
	}
	books := seats.NewBooks(s.Context(), seats.Options{Store: store.Ledgers{Live: live}, Clock: clock.RealClock{}, Log: logr.Discard()})
	informer, err := mgr.GetCache().GetInformer(s.Context(), &v1alpha1.SeatLedger{}, cache.BlockUntilSynced(false))
	if err != nil {
		s.Fatal(err)
	}
	if _, err := informer.AddEventHandler(toolscache.ResourceEventHandlerFuncs{
		AddFunc:    func(obj any) { books.Observe(obj.(*v1alpha1.SeatLedger)) },
		UpdateFunc: func(_, obj any) { books.Observe(obj.(*v1alpha1.SeatLedger)) },
	}); err != nil {
		s.Fatal(err)
	}
	counted := &passes{Client: mgr.GetClient()}
	s.Controller = New(Config{
		Kit:  kit.Kit{Clock: clock.RealClock{}, Client: counted, Recorder: mgr.GetEventRecorder("seatledger")},
		Live: live, Books: books, ProjectionRate: 200, Busy: books.Busy,
	})
	if err := s.Setup(mgr); err != nil {
		s.Fatal(err)
	}
	ctx, cancel := context.WithCancel(s.Context())
	ended := make(chan error)
	go func() { ended <- mgr.Start(ctx) }()
	s.Cleanup(func() {
		cancel()
		if err := <-ended; err != nil {
			s.Error(err)
		}
	})
	return counted
}

// eventually waits until something is so.
func (s *scene) eventually(what string, so func() bool) time.Duration {
	s.Helper()
	start := time.Now()
	for !so() {
		if time.Since(start) > patience {
			s.Fatalf("%s does not come true", what)
		}
		time.Sleep(10 * time.Millisecond)
	}
	return time.Since(start)
}

func TestUnderAManagerObjectsAndSeatsFollowEachOther(t *testing.T) {
	s := stage(t)
	counted := s.run()
	warm := s.checkout(request("warm"))
	s.eventually("a manager that runs", func() bool { return s.block(0).Get(warm.ID).Projected })
	s.checkIn(warm)

	g := s.checkout(request("a"))
	took := s.eventually("an object with its status", func() bool {
		co := s.objects()[store.ProjectionName(g.ID)]
		return co != nil && co.Status.ExpirationTime != nil
	})
	t.Logf("The object was there after %s", took)
	s.eventually("the note", func() bool { return s.block(0).Get(g.ID).Projected })

	s.Delete(s.object(g))
	took = s.eventually("the release", func() bool { return s.block(0).Get(g.ID) == nil })
	t.Logf("The seat was free after %s", took)

	// A block in demand is not looked at for each of its versions.
	counted.n.Store(0)
	start, versions := time.Now(), s.block(0).Sequence
	for n := range 150 {
		s.checkIn(s.checkout(request(fmt.Sprint(n))))
	}
	seconds := time.Since(start).Seconds()
	versions = s.block(0).Sequence - versions
	if n := float64(counted.n.Load()); n > 2+2*seconds/coalesce.Seconds() {
		t.Errorf("%d versions in %.1f s were looked at %.0f times", versions, seconds, n)
	}
	s.eventually("an empty namespace", func() bool { return len(s.objects()) == 0 })
	if n := len(s.block(0).Entries); n > 0 {
		t.Errorf("%d entries are left", n)
	}
}
