// Copyright The license-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package lifecycle

import (
	"context"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/tools/events"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"

	"github.com/license-operator/license-operator/api/v1alpha1"
	"github.com/license-operator/license-operator/controllers/kit"
	"github.com/license-operator/license-operator/controllers/subscription"
	"github.com/license-operator/license-operator/internal/notify"
	"github.com/license-operator/license-operator/test/builder"
	"github.com/license-operator/license-operator/test/env"
	"github.com/license-operator/license-operator/test/expect"
)

var cluster *env.Env

func TestMain(m *testing.M) {
	env.Main(m, func(e *env.Env) { cluster = e })
}

// webhookURL has a word in it that must be nowhere else.
const webhookURL = "https://hooks.acme.example/in?token=canary"

// office has a Product, a Subscription to it, both controllers, and a post
// office that the test runs itself.
type office struct {
	*expect.Stage
	life *Controller
	// standing says whether the customer is subscribed. Its events are not what
	// the tests here are about.
	standing *subscription.Controller
	post     *post
	product  *v1alpha1.Product
	sub      *v1alpha1.Subscription
}

func newOffice(t *testing.T, product *builder.ProductBuilder, sub *builder.SubscriptionBuilder) *office {
	t.Helper()
	s := expect.On(t, cluster)
	o := &office{Stage: s, post: newPost(), product: product.Build(), sub: sub.Build()}
	o.life = New(s.Kit(), s.Names, o.post)
	o.standing = &subscription.Controller{Kit: kit.Kit{Clock: s.Clock, Client: s.Operator, Recorder: events.NewFakeRecorder(4096)}, Names: s.Names}
	o.Create(o.product, o.sub)
	return o
}

// withWebhook and without are the Product that most tests have.
func withWebhook() *builder.ProductBuilder { return without().WithWebhook(webhookURL) }

func without() *builder.ProductBuilder { return builder.Product("render-farm").WithSeats("seats", 3) }

func initech() *builder.SubscriptionBuilder {
	return builder.Subscription("initech", "render-farm").WithCustomer("cust-42")
}

// Reconcile implements reconcile.ObjectReconciler: one controller after the
// other, as their watches would have it.
func (o *office) Reconcile(ctx context.Context, sub *v1alpha1.Subscription) (reconcile.Result, error) {
	if _, err := o.standing.Reconcile(ctx, sub); err != nil {
		return reconcile.Result{}, err
	}
	fresh := &v1alpha1.Subscription{}
	if err := o.Operator.Get(ctx, client.ObjectKeyFromObject(sub), fresh); err != nil {
		return reconcile.Result{}, err
	}
	return o.life.Reconcile(ctx, fresh)
}

// look reconciles and expects these events.
func (o *office) look(want ...string) reconcile.Result {
	o.Helper()
	result := expect.Reconcile(o.Stage, o, o.sub)
	o.Events(want...)
	return result
}

// edit changes the Subscription's spec.
func (o *office) edit(change func(*v1alpha1.SubscriptionSpec)) {
	o.Helper()
	expect.Edit(o.Stage, o.sub, func(sub *v1alpha1.Subscription) { change(&sub.Spec) })
}

func (o *office) become(state v1alpha1.SubscriptionState) {
	o.Helper()
	o.edit(func(s *v1alpha1.SubscriptionSpec) { s.State = state })
}

// pending expects what the outbox holds.
func (o *office) pending(want ...v1alpha1.NotificationAction) {
	o.Helper()
	var got []v1alpha1.NotificationAction
	for _, n := range o.sub.Status.Lifecycle.Pending {
		got = append(got, n.Action)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		o.Errorf("pending (-want +got):\n%s", diff)
	}
}

func (o *office) key() types.NamespacedName { return client.ObjectKeyFromObject(o.sub) }

// delivered has the first notification taken, and looks.
func (o *office) delivered(events ...string) reconcile.Result {
	o.Helper()
	o.post.answer(o, notify.Answer{Result: notify.Delivered, Status: 200})
	return o.look(events...)
}

// failed has the first notification refused, and looks.
func (o *office) failed(a notify.Answer, events ...string) reconcile.Result {
	o.Helper()
	o.post.answer(o, a)
	return o.look(events...)
}

// post is a Deliverer that does nothing by itself.
type post struct {
	tasks    map[types.NamespacedName]notify.Task
	outcomes map[types.NamespacedName]notify.Outcome
	// taken are the ids that were delivered.
	taken []string
}

func newPost() *post {
	return &post{tasks: map[types.NamespacedName]notify.Task{}, outcomes: map[types.NamespacedName]notify.Outcome{}}
}

func (p *post) Submit(t notify.Task) {
	if _, busy := p.tasks[t.Subscription]; busy {
		return
	}
	if o, known := p.outcomes[t.Subscription]; known && o.Task == t {
		return
	}
	delete(p.outcomes, t.Subscription)
	p.tasks[t.Subscription] = t
}

func (p *post) Outcome(key types.NamespacedName) (notify.Outcome, bool) {
	o, known := p.outcomes[key]
	return o, known
}

func (p *post) Forget(key types.NamespacedName) { delete(p.outcomes, key) }

// answer ends the task of the office's Subscription, which must be for its first
// notification.
func (p *post) answer(o *office, a notify.Answer) {
	o.Helper()
	t, submitted := p.tasks[o.key()]
	if !submitted {
		o.Fatal("nothing was submitted")
	}
	delete(p.tasks, o.key())
	if a.Result == notify.Delivered {
		p.taken = append(p.taken, t.ID)
	}
	p.outcomes[o.key()] = notify.Outcome{Task: t, Answer: a}
}

// idle expects that nothing is submitted.
func (p *post) idle(o *office) {
	o.Helper()
	if t, submitted := p.tasks[o.key()]; submitted {
		o.Errorf("submitted is %+v", t)
	}
}

// at is a time, to the second, so long after the clock of a stage starts.
func at(d time.Duration) time.Time { return expect.Start.Truncate(time.Second).Add(d) }
