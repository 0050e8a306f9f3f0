// Copyright The license-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package lifecycle

import (
	"crypto/sha256"
	"encoding/binary"
	"slices"
	"strconv"
	"time"

	"k8s.io/apimachinery/pkg/types"
	"k8s.io/utils/ptr"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/license-operator/license-operator/api/v1alpha1"
	"github.com/license-operator/license-operator/internal/notify"
)

const (
	// maxPending is what the schema allows.
	maxPending = 16
	// minBackoff doubles with each try that fails, up to maxBackoff. What the
	// webhook asks for counts within the same bounds.
	minBackoff = 10 * time.Second
	maxBackoff = time.Hour
	// patience is how long a notification is tried.
	patience = 3 * 24 * time.Hour

	resultAbandoned  = "Abandoned"
	resultSuperseded = "Superseded"
)

// lags says that the cache still shows an outbox whose first notification was
// settled by a write of ours. It must not be tried again, after later ones.
func (c *Controller) lags(key types.NamespacedName, pending []v1alpha1.Notification) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	t, known := c.settled[key]
	if known && len(pending) > 0 && pending[0].ID == t.ID && pending[0].Attempts <= t.Attempts {
		return true
	}
	delete(c.settled, key)
	return false
}

// settle puts what came of the last try into the outbox.
func (c *Controller) settle(key types.NamespacedName, p *pass) {
	l := p.sub.Status.Lifecycle
	if !p.told {
		l.Pending = nil // There is nobody to tell any more.
	}
	outcome, known := c.Delivery.Outcome(key)
	if !known {
		return
	}
	if len(l.Pending) == 0 || l.Pending[0].ID != outcome.ID || l.Pending[0].Attempts != outcome.Attempts {
		c.Delivery.Forget(key)
		return
	}
	p.outcome = &outcome
	first := &l.Pending[0]
	p.action = first.Action
	switch {
	case outcome.Result == notify.Delivered:
		l.Pending = l.Pending[1:]
	case p.now.Sub(first.Time.Time) >= patience:
		p.abandoned = true
		p.counted = append(p.counted, count{first.Action, resultAbandoned})
		p.news = append(p.news, abandoned(first.Action))
		l.Pending = l.Pending[1:]
	default:
		first.Attempts++
		first.NextAttemptTime = ptr.To(secondsUp(p.now.Add(pause(first, outcome.RetryAfter))))
	}
	if len(l.Pending) == 0 {
		l.Pending = nil
	}
}

// pause is how long until the next try of a notification that has failed. Its
// jitter, a fifth more or less, follows from the id, so that it needs no chance
// and many Subscriptions still don't come at once.
func pause(n *v1alpha1.Notification, retryAfter time.Duration) time.Duration {
	backoff := maxBackoff
	if doublings := n.Attempts - 1; doublings < 9 { // 10 s * 2^9 is more than an hour.
		backoff = min(minBackoff<<max(doublings, 0), maxBackoff)
	}
	sum := sha256.Sum256([]byte(n.ID + strconv.Itoa(int(n.Attempts))))
	share := float64(binary.BigEndian.Uint32(sum[:4])) / (1 << 32) // 0 to 1
	backoff = time.Duration(float64(backoff) * (0.8 + 0.4*share))
	return max(min(backoff, maxBackoff), min(retryAfter, maxBackoff))
}

// enqueue puts a notification at the end of the outbox. If that is full, one
// that a later one makes needless goes: the oldest of the same action, or else
// the oldest whose action comes again. So the last of each action stays, and
// the receiver ends where the Subscription is.
func (p *pass) enqueue(n v1alpha1.Notification) {
	l := p.sub.Status.Lifecycle
	if len(l.Pending) >= maxPending {
		i := slices.IndexFunc(l.Pending, func(old v1alpha1.Notification) bool { return old.Action == n.Action })
		for j := 0; i < 0 && j < len(l.Pending); j++ {
			again := func(later v1alpha1.Notification) bool { return later.Action == l.Pending[j].Action }
			if slices.ContainsFunc(l.Pending[j+1:], again) {
				i = j
			}
		}
		i = max(i, 0)
		p.counted = append(p.counted, count{l.Pending[i].Action, resultSuperseded})
		p.news = append(p.news, superseded(l.Pending[i].Action))
		l.Pending = slices.Delete(l.Pending, i, i+1)
	}
	l.Pending = append(l.Pending, n)
}

// deliver has the first notification tried if it is due, and returns when to
// come again.
func (c *Controller) deliver(key types.NamespacedName, p *pass, next time.Time) time.Time {
	l := p.sub.Status.Lifecycle
	if len(l.Pending) == 0 || !hasWebhook(p.product) {
		return next
	}
	first := &l.Pending[0]
	if at := first.NextAttemptTime; at != nil && p.now.Before(at.Time) {
		return earliest(next, at.Time)
	}
	c.Delivery.Submit(notify.Task{Subscription: key, Receiver: client.ObjectKeyFromObject(p.product), ID: first.ID, Attempts: first.Attempts})
	return next
}
