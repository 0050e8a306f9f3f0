// Copyright The license-operator Authors.
// SPDX-License-Identifier: Apache-2.0

// Package lifecycle tells what becomes of Subscriptions: by the conditions
// UsageAccepted and Notified, by events, and by what is posted to the webhook of
// the Product. What is to be posted is committed to the Subscription's status
// first and taken out after the webhook has it, so nothing is lost with a
// leader.
package lifecycle

import (
	"context"
	"fmt"
	"sync"
	"time"

	"golang.org/x/time/rate"
	"k8s.io/apimachinery/pkg/api/equality"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"

	"github.com/license-operator/license-operator/api/v1alpha1"
	"github.com/license-operator/license-operator/controllers/kit"
	"github.com/license-operator/license-operator/internal/licensing"
	"github.com/license-operator/license-operator/internal/metrics"
	"github.com/license-operator/license-operator/internal/notify"
	"github.com/license-operator/license-operator/internal/store"
)

const (
	// writeRate and writeBurst bound the writes a second of this controller:
	// at a first start, and after a change of a Product, every Subscription has
	// one.
	writeRate  = 50
	writeBurst = 100
)

// Deliverer tries to deliver notifications, as *notify.Dispatcher does.
type Deliverer interface {
	Submit(t notify.Task)
	Outcome(subscription types.NamespacedName) (notify.Outcome, bool)
	Forget(subscription types.NamespacedName)
}

// Controller reconciles the life of Subscriptions.
type Controller struct {
	kit.Kit
	Names    store.Names
	Delivery Deliverer

	writes *rate.Limiter

	mu      sync.Mutex
	pending map[types.NamespacedName]int
	// settled are the tries whose outcome was written last, until the cache
	// shows it.
	settled map[types.NamespacedName]notify.Task
}

// New returns a Controller.
func New(k kit.Kit, names store.Names, delivery Deliverer) *Controller {
	return &Controller{Kit: k, Names: names, Delivery: delivery,
		writes:  rate.NewLimiter(writeRate, writeBurst),
		pending: map[types.NamespacedName]int{}, settled: map[types.NamespacedName]notify.Task{}}
}

// pass is one look at one Subscription.
type pass struct {
	sub     *v1alpha1.Subscription
	product *v1alpha1.Product
	now     time.Time
	// told says that there is, or was until its Product went, a webhook.
	told bool
	// outcome is what came of the first pending notification, if that is new,
	// and action what that was to tell.
	outcome *notify.Outcome
	action  v1alpha1.NotificationAction
	// abandoned says that it is given up.
	abandoned bool
	// news are events and counted is for the metrics, once the write is done.
	news    []kit.Event
	counted []count
}

// count is one notification that is tried no more.
type count struct {
	action v1alpha1.NotificationAction
	result string
}

// Reconcile brings the life of one Subscription in step. It goes by the
// condition Subscribed, which is another controller's, and waits for it: its
// write brings the Subscription here again.
func (c *Controller) Reconcile(ctx context.Context, sub *v1alpha1.Subscription) (reconcile.Result, error) {
	base := sub.DeepCopy()
	p := &pass{sub: sub, now: c.Clock.Now()}
	var err error
	if p.product, err = c.Product(ctx, sub); err != nil {
		return reconcile.Result{}, err
	}
	if !p.decided() {
		return reconcile.Result{}, nil
	}
	if sub.Status.Lifecycle == nil {
		sub.Status.Lifecycle = &v1alpha1.Lifecycle{}
	}
	key := client.ObjectKeyFromObject(sub)
	p.told = hasWebhook(p.product) || p.product == nil && meta.FindStatusCondition(sub.Status.Conditions, v1alpha1.ConditionNotified) != nil
	if c.lags(key, sub.Status.Lifecycle.Pending) {
		return kit.Retry(kit.ErrLagging)
	}
	c.settle(key, p)
	next := p.advance()
	usage := licensing.UsageStanding(sub, p.product != nil, p.now)
	c.conclude(p, usage)
	if err := c.write(ctx, base, sub); err != nil {
		return kit.Retry(err)
	}
	c.committed(key, p)
	if usage.Accepted && !usage.Until.IsZero() {
		next = earliest(next, usage.Until)
	}
	return c.come(p, c.deliver(key, p, next)), nil
}

// write patches the status, if it has changed, at a bounded rate.
func (c *Controller) write(ctx context.Context, base, sub *v1alpha1.Subscription) error {
	if equality.Semantic.DeepEqual(base.Status, sub.Status) {
		return nil
	}
	if err := c.writes.Wait(ctx); err != nil {
		return fmt.Errorf("wait for the turn to write: %w", err)
	}
	return c.PatchStatus(ctx, base, sub, base.Status, sub.Status)
}

// committed tells what has been written: events, metrics.
func (c *Controller) committed(key types.NamespacedName, p *pass) {
	if p.outcome != nil {
		metrics.Notification(string(p.action), string(p.outcome.Result))
		c.mu.Lock()
		c.settled[key] = p.outcome.Task
		c.mu.Unlock()
		c.Delivery.Forget(key)
	}
	for _, n := range p.counted {
		metrics.Notification(string(n.action), n.result)
	}
	c.Emit(p.sub, p.news)
	c.count(key, len(p.sub.Status.Lifecycle.Pending))
}

// count keeps the gauge of pending notifications.
func (c *Controller) count(key types.NamespacedName, pending int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	metrics.NotificationsPending(pending - c.pending[key])
	if c.pending[key] = pending; pending == 0 {
		delete(c.pending, key)
	}
}

// gone forgets a Subscription that is no more.
func (c *Controller) gone(key types.NamespacedName) {
	c.Delivery.Forget(key)
	c.count(key, 0)
	c.mu.Lock()
	defer c.mu.Unlock()
	delete(c.settled, key)
}

// decided says whether the condition Subscribed is of this spec and this time.
func (p *pass) decided() bool {
	c := meta.FindStatusCondition(p.sub.Status.Conditions, v1alpha1.ConditionSubscribed)
	return c != nil && c.ObservedGeneration == p.sub.Generation &&
		c.Reason == licensing.Stand(p.sub, p.product != nil, p.now).Reason
}

// advance brings the stage in step and puts what is new into the outbox. It
// returns when time alone changes the stage.
func (p *pass) advance() time.Time {
	progress := licensing.Advance(p.sub, p.product, p.now)
	l := p.sub.Status.Lifecycle
	l.Stage, l.StageTime, l.EntitlementsHash = progress.Stage, progress.StageTime, progress.EntitlementsHash
	for _, n := range progress.News {
		p.news = append(p.news, happened(n.Action))
		if p.told {
			p.enqueue(n)
		}
	}
	return progress.NextChange
}

// come turns a time into a result.
func (c *Controller) come(p *pass, next time.Time) reconcile.Result {
	if next.IsZero() {
		return reconcile.Result{}
	}
	return reconcile.Result{RequeueAfter: max(next.Sub(p.now), 1)}
}

// earliest of two times; zero is never.
func earliest(a, b time.Time) time.Time {
	if a.IsZero() || !b.IsZero() && b.Before(a) {
		return b
	}
	return a
}

func hasWebhook(p *v1alpha1.Product) bool { return p != nil && p.Spec.Notifications.WebhookURL != "" }

// secondsUp is a time as the API server keeps it, not before t.
func secondsUp(t time.Time) metav1.Time {
	return metav1.NewTime(t.Add(time.Second - time.Nanosecond).Truncate(time.Second))
}
