// Copyright The license-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package serving

import (
	"bytes"
	"context"
	"crypto/rand"
	"errors"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/go-logr/logr"
	"github.com/go-logr/logr/funcr"
	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/types"
	clocktesting "k8s.io/utils/clock/testing"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/fake"
	"sigs.k8s.io/controller-runtime/pkg/client/interceptor"
	logf "sigs.k8s.io/controller-runtime/pkg/log"
	"sigs.k8s.io/controller-runtime/pkg/manager"
)

var _ interface {
	manager.Runnable
	manager.LeaderElectionRunnable
} = &Renewer{}

// journal is what was logged.
type journal struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (j *journal) logger() logr.Logger {
	return funcr.NewJSON(func(line string) {
		j.mu.Lock()
		defer j.mu.Unlock()
		j.text.WriteString(line + "\n")
	}, funcr.Options{Verbosity: 10})
}

func (j *journal) String() string {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.text.String()
}

// running is a Renewer at work.
type running struct {
	*Renewer
	clock *clocktesting.FakeClock
	log   *journal
	stop  func() error
}

// start runs a Renewer until the test ends and waits for its first pause.
func start(t *testing.T, c client.Client) *running {
	t.Helper()
	r := &running{clock: clocktesting.NewFakeClock(now), log: &journal{}}
	r.Renewer = &Renewer{Client: c, Config: newConfig(), Clock: r.clock, Rand: rand.Reader, Certificate: &Certificate{}}
	ctx, cancel := context.WithCancel(logf.IntoContext(t.Context(), r.log.logger()))
	ended := make(chan error, 1)
	go func() { ended <- r.Start(ctx) }()
	r.stop = sync.OnceValue(func() error {
		cancel()
		select {
		case err := <-ended:
			return err
		case <-time.After(time.Minute):
			return errors.New("it does not stop")
		}
	})
	t.Cleanup(func() {
		if err := r.stop(); err != nil {
			t.Error(err)
		}
	})
	r.pause(t)
	return r
}

// pause waits until the Renewer waits.
func (r *running) pause(t *testing.T) {
	t.Helper()
	for deadline := time.Now().Add(time.Minute); !r.clock.HasWaiters(); time.Sleep(time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("it never pauses:\n%s", r.log)
		}
	}
}

// step lets time pass and waits for the next pause.
func (r *running) step(t *testing.T, d time.Duration) {
	t.Helper()
	r.clock.Step(d)
	r.pause(t)
}

func (r *running) serves(t *testing.T) string {
	t.Helper()
	certificate, err := r.Certificate.Get(nil)
	if err != nil {
		t.Fatalf("%v:\n%s", err, r.log)
	}
	return certificate.Leaf.SerialNumber.Text(16)
}

func published(t *testing.T, c client.Client) *corev1.ConfigMap {
	t.Helper()
	found := &corev1.ConfigMap{}
	if err := c.Get(t.Context(), types.NamespacedName{Namespace: secretName.Namespace, Name: CAConfigMapName}, found); err != nil {
		t.Fatal(err)
	}
	return found
}

func TestARenewerServesPublishesAndRenews(t *testing.T) {
	c := fake.NewFakeClient()
	r := start(t, c)
	first := r.serves(t)
	secret := readSecret(t, c)
	want := map[string]string{CADataKey: string(secret.Data[CADataKey])}
	if diff := cmp.Diff(want, published(t, c).Data); diff != "" {
		t.Errorf("the ConfigMap:\n%s", diff)
	}
	r.step(t, 2*time.Hour)
	if r.serves(t) != first {
		t.Error("it was renewed too early")
	}
	if diff := cmp.Diff(secret, readSecret(t, c)); diff != "" {
		t.Errorf("the Secret changed:\n%s", diff)
	}
	r.step(t, 61*day)
	renewed := r.serves(t)
	if renewed == first {
		t.Error("it was not renewed")
	}
	for _, part := range []string{first, renewed, `"Renewed the serving certificate"`, string(changeCreated), string(changeLeafTime)} {
		if !strings.Contains(r.log.String(), part) {
			t.Errorf("the log has no %q:\n%s", part, r.log)
		}
	}
	for _, data := range []map[string][]byte{secret.Data, readSecret(t, c).Data} {
		if leaks(r.log.String(), data) {
			t.Errorf("the log shows a key:\n%s", r.log)
		}
	}
	if err := r.stop(); err != nil {
		t.Errorf("the end of the context is an error: %v", err)
	}
	if r.clock.HasWaiters() {
		t.Error("its timer is left behind")
	}
	if r.NeedLeaderElection() {
		t.Error("it waits to lead")
	}
}

func TestARenewerMendsTheConfigMapAndLeavesOtherKeysAlone(t *testing.T) {
	c := fake.NewFakeClient()
	r := start(t, c)
	edited := published(t, c)
	edited.Data[CADataKey] = "something else"
	edited.Data["note"] = "ours"
	if err := c.Update(t.Context(), edited, client.FieldOwner("somebody")); err != nil {
		t.Fatal(err)
	}
	r.step(t, 2*time.Hour)
	want := map[string]string{CADataKey: string(r.Certificate.CAPEM()), "note": "ours"}
	if diff := cmp.Diff(want, published(t, c).Data); diff != "" {
		t.Error(diff)
	}
}

func TestARenewerGoesOnAfterFailures(t *testing.T) {
	broken := errors.New("the API server is away")
	var noGet, noUpdate, noApply atomic.Bool
	fail := func(when *atomic.Bool) error {
		if when.Load() {
			return broken
		}
		return nil
	}
	c := fake.NewClientBuilder().WithInterceptorFuncs(interceptor.Funcs{
		Get: func(ctx context.Context, c client.WithWatch, key client.ObjectKey, obj client.Object, opts ...client.GetOption) error {
			return errors.Join(fail(&noGet), c.Get(ctx, key, obj, opts...))
		},
		Update: func(ctx context.Context, c client.WithWatch, obj client.Object, opts ...client.UpdateOption) error {
			if err := fail(&noUpdate); err != nil {
				return err
			}
			return c.Update(ctx, obj, opts...)
		},
		Apply: func(ctx context.Context, c client.WithWatch, obj runtime.ApplyConfiguration, opts ...client.ApplyOption) error {
			if err := fail(&noApply); err != nil {
				return err
			}
			return c.Apply(ctx, obj, opts...)
		},
	}).Build()

	// It can't publish, but it serves.
	noApply.Store(true)
	r := start(t, c)
	first := r.serves(t)
	if !strings.Contains(r.log.String(), "publish the ConfigMap operator/license-operator-ca: "+broken.Error()) {
		t.Errorf("the failure is not logged:\n%s", r.log)
	}
	noApply.Store(false)
	r.step(t, 2*time.Second)
	if got := published(t, c).Data[CADataKey]; got != string(r.Certificate.CAPEM()) {
		t.Errorf("it was not published a second later: %q", got)
	}

	// It can't read: it serves what it has.
	noGet.Store(true)
	for range 12 {
		r.step(t, 2*time.Hour)
	}
	if r.serves(t) != first {
		t.Error("it serves another certificate")
	}
	noGet.Store(false)

	// It can't write what is due, and has just started: it serves what is there.
	noUpdate.Store(true)
	late := &running{clock: clocktesting.NewFakeClock(now.Add(70 * day)), log: &journal{}}
	late.Renewer = &Renewer{Client: c, Config: newConfig(), Clock: late.clock, Rand: rand.Reader, Certificate: &Certificate{}}
	if err := late.once(t.Context()); !errors.Is(err, broken) {
		t.Errorf("the error is %v", err)
	}
	if late.serves(t) != first {
		t.Error("it serves another certificate")
	}

	// The Secret is spoilt: it serves what it has, and leaves it.
	noUpdate.Store(false)
	spoilt := readSecret(t, c)
	good := spoilt.DeepCopy().Data
	delete(spoilt.Data, CADataKey)
	if err := c.Update(t.Context(), spoilt); err != nil {
		t.Fatal(err)
	}
	r.step(t, 61*day)
	if r.serves(t) != first || readSecret(t, c).Data[CADataKey] != nil {
		t.Error("a Secret that can't be used was used or mended")
	}
	spoilt = readSecret(t, c)
	spoilt.Data = good
	if err := c.Update(t.Context(), spoilt); err != nil {
		t.Fatal(err)
	}
	r.step(t, 2*lastRetry)
	if r.serves(t) == first {
		t.Errorf("it was not renewed after the Secret was restored:\n%s", r.log)
	}
	if leaks(r.log.String(), good) {
		t.Errorf("the log shows a key:\n%s", r.log)
	}
}

func TestRetriesComeSoonAndThenSeldom(t *testing.T) {
	retry := newRetry()
	for n := range 30 {
		low := min(firstRetry<<n, lastRetry)
		if n > 20 {
			low = lastRetry
		}
		if got := retry.Step(); got < low || got > low*3/2 {
			t.Errorf("retry %d comes after %s, want %s and up to half of it more", n, got, low)
		}
	}
}
