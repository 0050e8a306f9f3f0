// Copyright The license-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package checkout

import (
	"context"
	"testing"
	"time"

	"github.com/go-logr/logr"
	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/util/workqueue"
	"k8s.io/utils/clock"
	"sigs.k8s.io/controller-runtime/pkg/cache"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/config"
	"sigs.k8s.io/controller-runtime/pkg/event"
	"sigs.k8s.io/controller-runtime/pkg/manager"
	metricsserver "sigs.k8s.io/controller-runtime/pkg/metrics/server"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"

	"github.com/license-operator/license-operator/api/v1alpha1"
	"github.com/license-operator/license-operator/controllers/kit"
	"github.com/license-operator/license-operator/internal/seats"
	"github.com/license-operator/license-operator/internal/store"
	"github.com/license-operator/license-operator/test/builder"
	"github.com/license-operator/license-operator/test/env"
)

// within is how long it may take until a seat that came back is granted again.
const within = 2 * time.Second

// running is a scene whose controller a manager runs, by the real clock.
func running(t *testing.T) *scene {
	t.Helper()
	s := stage(t)
	pods, of := HolderPods()
	mgr, err := manager.New(cluster.Operator, manager.Options{
		Scheme: cluster.Scheme, Logger: logr.Discard(),
		Cache: cache.Options{ByObject: map[client.Object]cache.ByObject{
			pods:             of,
			&corev1.Secret{}: {Namespaces: map[string]cache.Config{env.OperatorNamespace: {}}},
		}},
		Metrics:    metricsserver.Options{BindAddress: "0"},
		Controller: config.Controller{SkipNameValidation: new(true)},
	})
	if err != nil {
		t.Fatal(err)
	}
	if err := store.SetupIndexes(t.Context(), mgr.GetCache(), s.Names); err != nil {
		t.Fatal(err)
	}
	s.books = seats.NewBooks(t.Context(), seats.Options{Store: s.ledgers(), Clock: clock.RealClock{}, Log: logr.Discard()})
	s.c = &Controller{
		Kit:  kit.Kit{Clock: clock.RealClock{}, Client: mgr.GetClient(), Recorder: mgr.GetEventRecorder("checkout")},
		Live: mgr.GetAPIReader(), Books: s.books, Names: s.Names, Keys: s.Keys,
	}
	for _, c := range []interface{ Setup(manager.Manager) error }{s.c, &Reservations{Client: mgr.GetClient(), Books: s.books}} {
		if err := c.Setup(mgr); err != nil {
			t.Fatal(err)
		}
	}
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- mgr.Start(ctx) }()
	t.Cleanup(func() {
		cancel()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	})
	if !mgr.GetCache().WaitForCacheSync(ctx) {
		t.Fatal("the cache does not sync")
	}
	return s
}

// becomes waits until the condition Granted of a LicenseCheckout is so, and
// expects that it does not take long.
func (s *scene) becomes(c *v1alpha1.LicenseCheckout, reason string) {
	s.Helper()
	since := time.Now()
	for {
		s.Refresh(c)
		for _, is := range c.Status.Conditions {
			if is.Type == v1alpha1.ConditionGranted && is.Reason == reason {
				s.Logf("%s is %s after %s", c.Name, reason, time.Since(since).Round(time.Millisecond))
				return
			}
		}
		if time.Since(since) > within {
			s.Fatalf("%s is not %s after %s: %v", c.Name, reason, within, c.Status.Conditions)
		}
		time.Sleep(10 * time.Millisecond)
	}
}

func TestASeatThatComesBackIsGrantedAgainInTime(t *testing.T) {
	s := running(t)
	deleted, finished := s.pod("deleted"), s.pod("finished")
	made := s.apply(co("a").HeldByPod("deleted").WithSeats("seats", 3))
	s.becomes(made[0], v1alpha1.ReasonGranted)
	made = append(made, s.apply(co("b").HeldByPod("finished").WithSeats("seats", 3))...)
	s.becomes(made[1], v1alpha1.ReasonQueued)
	made = append(made, s.apply(co("c").WithSeats("seats", 3), co("d").WithSeats("seats", 3))...)
	s.becomes(made[3], v1alpha1.ReasonQueued)

	s.kill(deleted)
	s.becomes(made[1], v1alpha1.ReasonGranted)
	s.becomes(made[0], v1alpha1.ReasonHolderGone)

	finished.Status.Phase = corev1.PodSucceeded
	if err := s.Admin.Status().Update(t.Context(), finished); err != nil {
		t.Fatal(err)
	}
	s.becomes(made[2], v1alpha1.ReasonGranted)
	s.becomes(made[1], v1alpha1.ReasonHolderGone)

	s.Delete(made[2])
	s.becomes(made[3], v1alpha1.ReasonGranted)

	// A check-in through the API, on another replica.
	s.Delete(made[3])
	replica := seats.NewBooks(t.Context(), seats.Options{Store: s.ledgers(), Clock: clock.RealClock{}, Log: logr.Discard()})
	grant, err := s.take(replica)
	if err != nil {
		t.Fatal(err)
	}
	last := s.apply(co("e"))[0]
	s.becomes(last, v1alpha1.ReasonQueued)
	if err := replica.CheckIn(t.Context(), s.key, seats.Handle{ID: grant.ID, Block: grant.Block, Sequence: grant.Sequence}); err != nil {
		t.Fatal(err)
	}
	s.becomes(last, v1alpha1.ReasonGranted)
	s.blocks()
}

// take takes all seats through the API, once they are free.
func (s *scene) take(books *seats.Books) (g seats.Grant, err error) {
	for range 50 {
		g, err = books.Checkout(s.Context(), s.key, []seats.Pool{{Name: "seats", Total: 3}}, seats.Request{
			ID: seats.NewID("all"), Digest: seats.NewDigest("all"), Type: v1alpha1.CheckoutProvisional, Lifetime: time.Hour,
			Items: []seats.Item{{Name: "seats", Unit: v1alpha1.UnitCount, Quantity: 3}},
		})
		if err == nil {
			return g, nil
		}
		time.Sleep(20 * time.Millisecond)
	}
	return g, err
}

func TestWhatIsLookedAtWhenSomethingElseChanges(t *testing.T) {
	t.Parallel()
	s := stage(t)
	s.Create(builder.Subscription("globex", "render-farm").Build(), builder.Subscription("unused", "render-farm").Build())
	s.apply(co("a").HeldByPod("worker-0"), co("b"), builder.LicenseCheckout("c", "globex").HeldByPod("worker-0"))
	projection := builder.LicenseCheckout("co-x", "unused").HeldByPod("worker-0").Build()
	projection.Labels = map[string]string{v1alpha1.LabelSubscription: "unused", v1alpha1.LabelLedgerBlock: "0"}
	s.Create(projection)
	named := func(o client.Object, name string) client.Object {
		o.SetNamespace(s.Namespace)
		o.SetName(name)
		return o
	}
	for name, test := range map[string]struct {
		got  []reconcile.Request
		want []string
	}{
		"a Subscription":                     {s.c.ofSubscription(t.Context(), named(&v1alpha1.Subscription{}, "initech")), []string{"initech"}},
		"a Subscription that nobody asks of": {s.c.ofSubscription(t.Context(), named(&v1alpha1.Subscription{}, "unused")), nil},
		"a Product":                          {s.c.ofProduct(t.Context(), named(&v1alpha1.Product{}, "render-farm")), []string{"globex", "initech"}},
		"the Namespace":                      {s.c.ofNamespace(t.Context(), builder.Namespace(s.Namespace).Build()), []string{"globex", "initech"}},
		"a Pod":                              {s.c.ofPod(t.Context(), named(store.PodMetadata(), "worker-0")), []string{"initech", "globex"}},
		"a Pod that holds nothing":           {s.c.ofPod(t.Context(), named(store.PodMetadata(), "worker-1")), nil},
	} {
		var got []string
		for _, r := range test.got {
			got = append(got, r.Name)
			if r.Namespace != s.Namespace {
				t.Errorf("%s: the namespace is %s", name, r.Namespace)
			}
		}
		if diff := cmp.Diff(test.want, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
	}
}

// added notes what is added to a queue.
type added struct {
	queue
	// namespace is the test's own: others run beside it.
	namespace string
	after     map[string]time.Duration
}

func (a *added) AddAfter(r reconcile.Request, d time.Duration) {
	if r.Namespace == a.namespace {
		a.after[r.Name] = d
	}
}

func TestWhichBlocksHaveTheQueueLookedAt(t *testing.T) {
	t.Parallel()
	s := stage(t)
	s.c.KeysSecret = types.NamespacedName{Namespace: "system", Name: "keys"}
	c := s.granted(co("a"))
	if err := s.api("one", 1); err != nil {
		t.Fatal(err)
	}
	list, err := s.ledgers().List(t.Context(), s.key)
	if err != nil {
		t.Fatal(err)
	}
	mixed := list[0]
	foreign := builder.SeatLedger("globex", 0).InNamespace(s.Namespace).Build()
	keys := &corev1.Secret{ObjectMeta: metav1.ObjectMeta{Namespace: "system", Name: "keys", ResourceVersion: "1"}}
	changed := keys.DeepCopy()
	changed.ResourceVersion = "2"
	other := changed.DeepCopy()
	other.Name = "other"
	check := func(name string, want map[string]time.Duration, do func(q queue)) {
		t.Helper()
		q := &added{queue: workqueue.NewTypedRateLimitingQueue(workqueue.DefaultTypedControllerRateLimiter[reconcile.Request]()), namespace: s.Namespace, after: map[string]time.Duration{}}
		defer q.ShutDown()
		do(q)
		if diff := cmp.Diff(want, q.after); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
	}
	one, none := map[string]time.Duration{"initech": ledgerPause}, map[string]time.Duration{}
	check("it appears", one, func(q queue) { s.c.blockAppeared(t.Context(), event.CreateEvent{Object: mixed}, q) })
	check("it changes", one, func(q queue) { s.c.blockChanged(t.Context(), event.UpdateEvent{ObjectOld: mixed, ObjectNew: mixed}, q) })
	check("it goes", one, func(q queue) { s.c.blockGone(t.Context(), event.DeleteEvent{Object: mixed}, q) })
	check("nobody asks of it", none, func(q queue) {
		s.c.blockAppeared(t.Context(), event.CreateEvent{Object: foreign}, q)
		s.c.blockChanged(t.Context(), event.UpdateEvent{ObjectNew: foreign}, q)
		s.c.blockGone(t.Context(), event.DeleteEvent{Object: foreign}, q)
	})
	check("the keys change", map[string]time.Duration{"initech": keysPause}, func(q queue) {
		s.c.keysChanged(t.Context(), event.UpdateEvent{ObjectOld: keys, ObjectNew: changed}, q)
	})
	check("another Secret changes", none, func(q queue) {
		s.c.keysChanged(t.Context(), event.UpdateEvent{ObjectOld: keys, ObjectNew: other}, q)
		s.c.keysChanged(t.Context(), event.UpdateEvent{ObjectOld: keys, ObjectNew: keys}, q)
	})
	s.Delete(c)
	check("all that asked are gone when the operator starts", one, func(q queue) {
		s.c.blockAppeared(t.Context(), event.CreateEvent{Object: mixed}, q)
	})
	check("all that asked are gone and it changes", none, func(q queue) {
		s.c.blockChanged(t.Context(), event.UpdateEvent{ObjectOld: mixed, ObjectNew: mixed}, q)
	})
}

func TestWhichChangesOfARequestOrAPodCount(t *testing.T) {
	t.Parallel()
	now := metav1.Now()
	object := func(edit func(*v1alpha1.LicenseCheckout)) *v1alpha1.LicenseCheckout {
		c := co("a").Build()
		c.UID = "1"
		edit(c)
		return c
	}
	nothing := object(func(*v1alpha1.LicenseCheckout) {})
	for name, test := range map[string]struct {
		new  *v1alpha1.LicenseCheckout
		want bool
	}{
		"the status":                  {object(func(c *v1alpha1.LicenseCheckout) { c.Status.ObservedGeneration = 1 }), false},
		"it is being deleted":         {object(func(c *v1alpha1.LicenseCheckout) { c.DeletionTimestamp = &now }), true},
		"another one in its place":    {object(func(c *v1alpha1.LicenseCheckout) { c.UID = "2" }), true},
		"a label of somebody else's":  {object(func(c *v1alpha1.LicenseCheckout) { c.Labels = map[string]string{"a": "b"} }), false},
		"an annotation":               {object(func(c *v1alpha1.LicenseCheckout) { c.Annotations = map[string]string{"a": "b"} }), false},
		"nothing but another version": {object(func(c *v1alpha1.LicenseCheckout) { c.ResourceVersion = "2" }), false},
	} {
		if got := requestChanged.Update(event.UpdateEvent{ObjectOld: nothing, ObjectNew: test.new}); got != test.want {
			t.Errorf("%s counts: %t", name, got)
		}
	}
	if !requestChanged.Create(event.CreateEvent{Object: nothing}) || !requestChanged.Delete(event.DeleteEvent{Object: nothing}) {
		t.Error("one that comes or goes does not count")
	}
	projection := object(func(c *v1alpha1.LicenseCheckout) { c.Labels = map[string]string{v1alpha1.LabelLedgerBlock: "0"} })
	if requestChanged.Create(event.CreateEvent{Object: projection}) || requestChanged.Delete(event.DeleteEvent{Object: projection}) {
		t.Error("a projection counts")
	}
}

func TestOfAPodOnlyWhatTellsItFromAnotherIsCached(t *testing.T) {
	t.Parallel()
	pod := store.PodMetadata()
	pod.ObjectMeta = metav1.ObjectMeta{Namespace: "acme", Name: "worker-0", UID: "1", ResourceVersion: "2",
		Labels: map[string]string{"a": "b"}, Annotations: map[string]string{"c": "d"}, ManagedFields: []metav1.ManagedFieldsEntry{{Manager: "e"}}}
	got, err := stripPod(pod)
	if err != nil {
		t.Fatal(err)
	}
	want := store.PodMetadata()
	want.ObjectMeta = metav1.ObjectMeta{Namespace: "acme", Name: "worker-0", UID: "1", ResourceVersion: "2"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}
