// Copyright The license-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package notify

import (
	"context"
	"sync"

	"golang.org/x/time/rate"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/event"

	"github.com/license-operator/license-operator/api/v1alpha1"
)

const (
	// slots is how many tries run at once, perReceiver how many of them to one
	// receiver that answers.
	slots       = 32
	perReceiver = 4
	// doubtful is how many tries run at once to receivers whose last answer
	// was none, or that were never asked: one to each. Those that answer have
	// the other slots for themselves.
	doubtful = slots / 2
	// perVendor and perVendorDoubtful are how many of all slots, and of those of
	// the doubtful, one namespace may have: however many webhooks it has, others
	// have room.
	perVendor         = slots / 2
	perVendorDoubtful = doubtful / 2
	// sendRate and sendBurst bound the tries a second, to all receivers. Each
	// costs two writes of a status.
	sendRate  = 50
	sendBurst = 50
	// maxKnown is of how many receivers it is remembered, while nothing is to be
	// sent, that they answer. Another one is asked as if for the first time.
	maxKnown = 4096
	// outcomeBuffer is how many outcomes may wait for their controller.
	outcomeBuffer = 1024
)

// Task is one try to deliver one notification of a Subscription.
type Task struct {
	Subscription types.NamespacedName
	// Receiver is whose webhook it is: what hangs, hangs alone.
	Receiver types.NamespacedName
	// ID is the notification's. Attempts that have failed tell its tries apart.
	ID       string
	Attempts int32
}

// Outcome is what came of a Task.
type Outcome struct {
	Task
	Answer
}

// Sender posts one message.
type Sender interface {
	Send(ctx context.Context, m Message) Answer
}

// Dispatcher runs tasks: in order for each receiver, with a bounded number at
// once and a second, and fairly among namespaces, and among the receivers of
// each. It keeps nothing that would be missed: what is pending is in the
// Subscriptions.
type Dispatcher struct {
	sender  Sender
	limiter *rate.Limiter
	wake    chan struct{}
	done    chan event.GenericEvent

	mu        sync.Mutex
	receivers map[types.NamespacedName]*lane
	vendors   map[string]*vendor
	// turns are the namespaces that have something queued, the next first.
	turns    []string
	tasks    map[types.NamespacedName]Task
	outcomes map[types.NamespacedName]Outcome
	running  int
	doubted  int
	prepare  func(context.Context, Task) (Message, bool)
}

// vendor is what goes to the receivers of one namespace.
type vendor struct {
	// turns are the receivers that have something queued, the next first.
	turns            []types.NamespacedName
	running, doubted int
}

// lane is what goes to one receiver.
type lane struct {
	queue   []Task
	running int
	// answers says that the last try was answered, whatever the answer.
	answers bool
}

// NewDispatcher returns a Dispatcher. SetPrepare comes before Start.
func NewDispatcher(sender Sender) *Dispatcher {
	return &Dispatcher{
		sender: sender, limiter: rate.NewLimiter(sendRate, sendBurst),
		wake: make(chan struct{}, 1), done: make(chan event.GenericEvent, outcomeBuffer),
		receivers: map[types.NamespacedName]*lane{},
		vendors:   map[string]*vendor{},
		tasks:     map[types.NamespacedName]Task{},
		outcomes:  map[types.NamespacedName]Outcome{},
	}
}

// SetPrepare sets what makes the message of a Task when its turn has come. It
// answers false if there is nothing to send any more.
func (d *Dispatcher) SetPrepare(prepare func(context.Context, Task) (Message, bool)) {
	d.prepare = prepare
}

// Submit queues a Task. A Subscription has one at a time: while its last one is
// queued or running, another changes nothing.
func (d *Dispatcher) Submit(t Task) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if _, busy := d.tasks[t.Subscription]; busy {
		return
	}
	if o, known := d.outcomes[t.Subscription]; known && o.Task == t {
		return
	}
	delete(d.outcomes, t.Subscription)
	d.tasks[t.Subscription] = t
	r := d.receivers[t.Receiver]
	if r == nil {
		r = &lane{}
		d.receivers[t.Receiver] = r
	}
	v := d.vendors[t.Receiver.Namespace]
	if v == nil {
		v = &vendor{}
		d.vendors[t.Receiver.Namespace] = v
	}
	if len(v.turns) == 0 {
		d.turns = append(d.turns, t.Receiver.Namespace)
	}
	if len(r.queue) == 0 {
		v.turns = append(v.turns, t.Receiver)
	}
	r.queue = append(r.queue, t)
	d.signal()
}

// Outcome is what came of the last Task of a Subscription, if that is over and
// nobody has forgotten it.
func (d *Dispatcher) Outcome(subscription types.NamespacedName) (Outcome, bool) {
	d.mu.Lock()
	defer d.mu.Unlock()
	o, known := d.outcomes[subscription]
	return o, known
}

// Forget drops the outcome of a Subscription whose status holds it now, or that
// is gone.
func (d *Dispatcher) Forget(subscription types.NamespacedName) {
	d.mu.Lock()
	defer d.mu.Unlock()
	delete(d.outcomes, subscription)
}

// Done are the Subscriptions of which a Task is over.
func (d *Dispatcher) Done() <-chan event.GenericEvent { return d.done }

// NeedLeaderElection implements manager.LeaderElectionRunnable.
func (d *Dispatcher) NeedLeaderElection() bool { return true }

// Start implements manager.Runnable: it runs tasks until ctx ends. What runs
// then is broken off, and comes again at the next leader.
func (d *Dispatcher) Start(ctx context.Context) error {
	var running sync.WaitGroup
	defer running.Wait()
	for {
		t, found := d.next()
		if !found {
			select {
			case <-ctx.Done():
				return nil
			case <-d.wake:
			}
			continue
		}
		running.Go(func() { d.run(ctx, t) })
	}
}

// next takes the next task that may run now.
func (d *Dispatcher) next() (Task, bool) {
	d.mu.Lock()
	defer d.mu.Unlock()
	for range d.turns {
		namespace := d.turns[0]
		d.turns = d.turns[1:]
		v := d.vendors[namespace]
		t, found := d.take(v)
		if len(v.turns) > 0 {
			d.turns = append(d.turns, namespace)
		}
		if found {
			return t, true
		}
	}
	return Task{}, false
}

// take takes the next task of a namespace that may run now.
func (d *Dispatcher) take(v *vendor) (Task, bool) {
	for range v.turns {
		name := v.turns[0]
		v.turns = v.turns[1:]
		r := d.receivers[name]
		if !d.admits(v, r) {
			v.turns = append(v.turns, name)
			continue
		}
		t := r.queue[0]
		if r.queue = r.queue[1:]; len(r.queue) > 0 {
			v.turns = append(v.turns, name)
		} else {
			r.queue = nil
		}
		r.running++
		v.running++
		d.running++
		if !r.answers {
			d.addDoubted(v, 1)
		}
		return t, true
	}
	return Task{}, false
}

func (d *Dispatcher) admits(v *vendor, r *lane) bool {
	if d.running >= slots || v.running >= perVendor {
		return false
	}
	if r.answers {
		return r.running < perReceiver
	}
	return d.doubted < doubtful && v.doubted < perVendorDoubtful && r.running < 1
}

func (d *Dispatcher) addDoubted(v *vendor, tries int) {
	d.doubted += tries
	v.doubted += tries
}

func (d *Dispatcher) signal() {
	select {
	case d.wake <- struct{}{}:
	default:
	}
}

// run makes one try and tells its controller.
func (d *Dispatcher) run(ctx context.Context, t Task) {
	m, wanted := d.prepare(ctx, t)
	var answer Answer
	if wanted {
		if err := d.limiter.Wait(ctx); err != nil {
			wanted = false // It is over.
		} else {
			answer = d.sender.Send(ctx, m)
		}
	}
	broken := ctx.Err() != nil && answer.Result != Delivered
	d.finish(t, answer, wanted, broken)
	// Also if nothing was sent: the cache may have lagged, and while the task
	// was here nobody else could submit it.
	select {
	case d.done <- event.GenericEvent{Object: &v1alpha1.Subscription{
		ObjectMeta: metav1.ObjectMeta{Namespace: t.Subscription.Namespace, Name: t.Subscription.Name}}}:
	case <-ctx.Done():
	}
}

func (d *Dispatcher) finish(t Task, answer Answer, sent, broken bool) {
	d.mu.Lock()
	defer d.mu.Unlock()
	r := d.receivers[t.Receiver]
	v := d.vendors[t.Receiver.Namespace]
	r.running--
	v.running--
	d.running--
	d.doubt(v, r, answer, sent)
	if len(r.queue) == 0 && r.running == 0 && (!r.answers || len(d.receivers) > maxKnown) {
		delete(d.receivers, t.Receiver)
	}
	if len(v.turns) == 0 && v.running == 0 {
		delete(d.vendors, t.Receiver.Namespace)
	}
	delete(d.tasks, t.Subscription)
	if sent && !broken {
		d.outcomes[t.Subscription] = Outcome{Task: t, Answer: answer}
	}
	d.signal()
}

// doubt settles whether a receiver answers. The counts of the doubted are of the
// tries that run to receivers that do not.
func (d *Dispatcher) doubt(v *vendor, r *lane, answer Answer, sent bool) {
	if !r.answers {
		d.addDoubted(v, -1)
	}
	if !sent {
		return
	}
	answers := answer.Status != 0
	if answers == r.answers {
		return
	}
	if r.answers = answers; answers {
		d.addDoubted(v, -r.running)
	} else {
		d.addDoubted(v, r.running)
	}
}
