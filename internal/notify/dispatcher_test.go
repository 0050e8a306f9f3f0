// Copyright The license-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package notify

import (
	"context"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"k8s.io/apimachinery/pkg/types"
)

// sender notes what is sent. Messages to hosts that hang are answered when the
// test says so.
type sender struct {
	mu      sync.Mutex
	sent    []string
	running map[string]int
	most    map[string]int
	hangs   map[string]chan struct{}
}

func newSender() *sender {
	return &sender{running: map[string]int{}, most: map[string]int{}, hangs: map[string]chan struct{}{}}
}

func (s *sender) Send(ctx context.Context, m Message) Answer {
	s.mu.Lock()
	s.sent = append(s.sent, m.URL+" "+m.ID)
	s.running[m.URL]++
	s.running["all"]++
	s.most[m.URL] = max(s.most[m.URL], s.running[m.URL])
	s.most["all"] = max(s.most["all"], s.running["all"])
	hang := s.hangs[m.URL]
	s.mu.Unlock()
	defer func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		s.running[m.URL]--
		s.running["all"]--
	}()
	if hang == nil {
		return Answer{Result: Delivered, Status: 200}
	}
	select {
	case <-hang:
	case <-ctx.Done():
	}
	return Answer{Result: TimedOut}
}

// hang lets what is sent to a URL wait until the channel is closed.
func (s *sender) hang(url string, until chan struct{}) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.hangs[url] = until
}

func (s *sender) count(url string) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.running[url]
}

// started runs a Dispatcher until the test ends. What a task sends has the
// receiver for its URL.
func started(t *testing.T, s Sender) *Dispatcher {
	t.Helper()
	d := NewDispatcher(s)
	d.limiter.SetLimit(1e6)
	d.limiter.SetBurst(1000)
	d.SetPrepare(func(_ context.Context, task Task) (Message, bool) {
		return Message{ID: task.ID, URL: task.Receiver.Name}, task.ID != "stale"
	})
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error)
	go func() { ended <- d.Start(ctx) }()
	t.Cleanup(func() {
		cancel()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	})
	return d
}

func task(receiver string, n int) Task { return taskOf("acme", receiver, n) }

func taskOf(namespace, receiver string, n int) Task {
	return Task{Subscription: types.NamespacedName{Namespace: namespace, Name: fmt.Sprintf("%s-%d", receiver, n)},
		Receiver: types.NamespacedName{Namespace: namespace, Name: receiver}, ID: fmt.Sprint(n)}
}

// await waits for the outcomes of so many tasks.
func await(t *testing.T, d *Dispatcher, n int) {
	t.Helper()
	deadline := time.After(10 * time.Second)
	for range n {
		select {
		case <-d.Done():
		case <-deadline:
			t.Fatal("not all tasks are over")
		}
	}
}

// until waits for something that another goroutine does.
func until(t *testing.T, what string, check func() bool) {
	t.Helper()
	for range 1000 {
		if check() {
			return
		}
		time.Sleep(5 * time.Millisecond)
	}
	t.Fatalf("never: %s", what)
}

func TestATaskIsDoneOnceAndItsOutcomeKept(t *testing.T) {
	s := newSender()
	d := started(t, s)
	first := task("farm", 1)
	d.Submit(first)
	await(t, d, 1)
	d.Submit(first) // Its outcome is known.
	got, known := d.Outcome(first.Subscription)
	if diff := cmp.Diff(Outcome{first, Answer{Result: Delivered, Status: 200}}, got); diff != "" || !known {
		t.Errorf("the outcome (-want +got):\n%s", diff)
	}
	again := first
	again.Attempts = 1
	d.Submit(again)
	await(t, d, 1)
	d.Forget(first.Subscription)
	if _, known := d.Outcome(first.Subscription); known {
		t.Error("it is not forgotten")
	}
	if diff := cmp.Diff([]string{"farm 1", "farm 1"}, s.sent); diff != "" {
		t.Errorf("sent (-want +got):\n%s", diff)
	}
	if len(d.tasks) > 0 || len(d.turns) > 0 || len(d.vendors) > 0 || d.running != 0 || d.doubted != 0 {
		t.Errorf("something is left: %+v", d)
	}
}

func TestWhatIsStaleIsNotSentAndItsSubscriptionComesAgain(t *testing.T) {
	s := newSender()
	d := started(t, s)
	stale := task("farm", 1)
	stale.ID = "stale"
	d.Submit(stale)
	await(t, d, 1)
	if _, known := d.Outcome(stale.Subscription); known || len(s.sent) > 0 {
		t.Errorf("sent: %v", s.sent)
	}
	if len(d.receivers) > 0 {
		t.Error("the receiver is still known")
	}
}

func TestWhatHangsHoldsUpNobodyElse(t *testing.T) {
	s := newSender()
	hang := make(chan struct{})
	d := started(t, s)
	const hanging = 3 * slots
	for r := range hanging {
		name := fmt.Sprintf("hangs-%d", r)
		s.hang(name, hang)
		for n := range 5 {
			d.Submit(taskOf(fmt.Sprintf("vendor-%d", r%3), name, n))
		}
	}
	until(t, "all slots of the doubtful are taken", func() bool { return s.count("all") == doubtful })
	// One that answered before goes on as if nothing was, and so do others
	// that are new, as soon as one of the doubtful is over.
	d.mu.Lock()
	d.receivers[task("farm", 0).Receiver] = &lane{answers: true}
	d.mu.Unlock()
	for n := range 100 {
		d.Submit(task("farm", n))
	}
	await(t, d, 100)
	if got := s.most["farm"]; got > perReceiver {
		t.Errorf("%d tries ran at once to one receiver", got)
	}
	if got := s.most["hangs-0"]; got > 1 {
		t.Errorf("%d tries ran at once to one that hangs", got)
	}
	d.Submit(task("new", 1))
	close(hang)
	await(t, d, 5*hanging+1)
	if got, _ := d.Outcome(task("new", 1).Subscription); got.Result != Delivered {
		t.Errorf("the new one: %+v", got)
	}
	if s.most["all"] > slots {
		t.Errorf("%d tries ran at once", s.most["all"])
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.running != 0 || d.doubted != 0 || len(d.tasks) > 0 || len(d.receivers) != 2 {
		t.Errorf("left: %d running, %d doubted, %d tasks, %d receivers", d.running, d.doubted, len(d.tasks), len(d.receivers))
	}
}

func TestAVendorWithManyWebhooksThatHangHoldsUpNoOther(t *testing.T) {
	s := newSender()
	hang := make(chan struct{})
	d := started(t, s)
	const hanging = 1000
	for r := range hanging {
		name := fmt.Sprintf("hangs-%d", r)
		s.hang(name, hang)
		d.Submit(task(name, 1))
	}
	until(t, "it has all that one vendor gets", func() bool { return s.count("all") == perVendorDoubtful })
	// The first message of another, which nobody knows yet.
	d.Submit(taskOf("other", "new", 1))
	await(t, d, 1)
	if got, _ := d.Outcome(taskOf("other", "new", 1).Subscription); got.Result != Delivered {
		t.Errorf("that of another: %+v", got)
	}
	close(hang)
	await(t, d, hanging)
	if got := s.most["all"]; got > perVendorDoubtful+1 {
		t.Errorf("%d tries ran at once", got)
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.running != 0 || d.doubted != 0 || len(d.vendors) > 0 || len(d.turns) > 0 {
		t.Errorf("left: %d running, %d doubted, vendors %v", d.running, d.doubted, d.vendors)
	}
}

// The slots of the doubtful are taken by two vendors. The one slot that comes
// free is for who waits behind them, not for the rest of their thousand.
func TestNamespacesTakeTurns(t *testing.T) {
	s := newSender()
	hang := make(chan struct{})
	d := started(t, s)
	for r := range 1000 {
		name := fmt.Sprintf("hangs-%d", r)
		s.hang(name, hang)
		d.Submit(taskOf(fmt.Sprintf("vendor-%d", r%2), name, 1))
	}
	until(t, "all slots of the doubtful are taken", func() bool { return s.count("all") == doubtful })
	d.Submit(taskOf("other", "new", 1))
	for range 4 {
		hang <- struct{}{}
	}
	until(t, "the other's is sent", func() bool {
		got, _ := d.Outcome(taskOf("other", "new", 1).Subscription)
		return got.Result == Delivered
	})
	close(hang)
	await(t, d, 1001)
}

func TestAVendorWhoseWebhooksAnswerHasHalfOfAllSlots(t *testing.T) {
	s := newSender()
	hang := make(chan struct{})
	d := started(t, s)
	for r := range slots {
		name := fmt.Sprintf("farm-%d", r)
		s.hang(name, hang)
		d.mu.Lock()
		d.receivers[task(name, 0).Receiver] = &lane{answers: true}
		d.mu.Unlock()
		d.Submit(task(name, 1))
	}
	until(t, "it has all that one vendor gets", func() bool { return s.count("all") == perVendor })
	time.Sleep(20 * time.Millisecond)
	d.Submit(taskOf("other", "new", 1))
	await(t, d, 1)
	if got := s.most["all"]; got > perVendor+1 {
		t.Errorf("%d tries ran at once", got)
	}
	close(hang)
	await(t, d, slots)
}

func TestOneThatStopsAnsweringIsDoubted(t *testing.T) {
	s := newSender()
	d := started(t, s)
	d.Submit(task("farm", 0))
	await(t, d, 1)
	hang := make(chan struct{})
	s.hang("farm", hang)
	for n := range 20 {
		d.Submit(task("farm", n+1))
	}
	until(t, "it is given all that one who answers gets", func() bool { return s.count("farm") == perReceiver })
	for range perReceiver {
		hang <- struct{}{}
	}
	await(t, d, perReceiver)
	until(t, "it is asked one at a time", func() bool { return s.count("farm") == 1 })
	time.Sleep(20 * time.Millisecond)
	if got := s.count("farm"); got != 1 {
		t.Errorf("%d tries run at once", got)
	}
	close(hang)
	await(t, d, 20-perReceiver)
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.running != 0 || d.doubted != 0 || len(d.receivers) > 0 {
		t.Errorf("left: %d running, %d doubted, %d receivers", d.running, d.doubted, len(d.receivers))
	}
}

func TestTriesAreBoundedASecond(t *testing.T) {
	s := newSender()
	d := started(t, s)
	d.limiter.SetLimit(20)
	d.limiter.SetBurst(1)
	start := time.Now()
	for n := range 11 {
		d.Submit(task("farm", n))
	}
	await(t, d, 11)
	if took := time.Since(start); took < 400*time.Millisecond {
		t.Errorf("eleven tries at twenty a second took %s", took)
	}
	if fresh := NewDispatcher(s); fresh.limiter.Limit() != sendRate || fresh.limiter.Burst() != sendBurst {
		t.Error("the bound is another one")
	}
}

func TestTheEndBreaksOffWhatRuns(t *testing.T) {
	s := newSender()
	s.hang("farm", make(chan struct{}))
	d := NewDispatcher(s)
	d.SetPrepare(func(_ context.Context, task Task) (Message, bool) {
		return Message{ID: task.ID, URL: task.Receiver.Name}, true
	})
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error)
	go func() { ended <- d.Start(ctx) }()
	d.Submit(task("farm", 1))
	d.Submit(task("farm", 2))
	until(t, "the first runs", func() bool { return s.count("farm") == 1 })
	cancel()
	if err := <-ended; err != nil {
		t.Error(err)
	}
	if _, known := d.Outcome(task("farm", 1).Subscription); known {
		t.Error("what was broken off has an outcome")
	}
	if !d.NeedLeaderElection() {
		t.Error("every replica would send")
	}
}
