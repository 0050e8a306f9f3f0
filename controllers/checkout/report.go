// Copyright The license-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package checkout

import (
	"context"
	"time"

	"golang.org/x/sync/errgroup"
	"k8s.io/apimachinery/pkg/api/equality"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/ptr"

	"github.com/license-operator/license-operator/api/v1alpha1"
	"github.com/license-operator/license-operator/controllers/kit"
	"github.com/license-operator/license-operator/internal/seats"
)

const (
	// maxReports is how many objects one pass writes. Seats must not wait for
	// reports, so the rest is left to the next one.
	maxReports = 256
	// maxPositions is how many objects are written at once for which nothing but
	// the place in the queue has changed; more are every positionPause.
	maxPositions  = 32
	positionPause = 5 * time.Second
)

// report writes the Secrets and statuses of those for which something has
// changed, and tells of it.
func (p *pass) report(ctx context.Context) {
	p.schedule()
	moved := p.moved()
	var group errgroup.Group
	group.SetLimit(atOnce / 2)
	news := make([][]kit.Event, len(p.requests))
	left := maxReports
	for i, r := range p.requests {
		w := p.paper(r)
		p.conclude(r, w)
		if moved[r] || w.write == nil && equality.Semantic.DeepEqual(r.base.Status, r.obj.Status) {
			continue
		}
		if left--; left < 0 {
			p.at(p.now)
			break
		}
		group.Go(func() error {
			news[i] = p.settle(ctx, r, w)
			return nil
		})
	}
	_ = group.Wait() // What fails is noted in the pass.
	for i, r := range p.requests {
		p.Emit(r.obj, news[i])
	}
}

// settle writes one request's Secret and then its status, which names it, and
// returns what is worth an event.
func (p *pass) settle(ctx context.Context, r *request, w paper) []kit.Event {
	if w.write != nil {
		p.fail(w.write(ctx))
		p.conclude(r, p.paper(r))
	}
	news := newsOf(r)
	if err := p.PatchStatus(ctx, r.base, r.obj, r.base.Status, r.obj.Status); err != nil {
		p.fail(err)
		return nil
	}
	return news
}

// moved are those for which nothing but the place in the queue has changed and
// that are not written now: the places of a long queue all change each time when
// its head is granted.
func (p *pass) moved() map[*request]bool {
	moved := map[*request]bool{}
	for _, r := range p.requests {
		was := meta.FindStatusCondition(r.base.Status.Conditions, v1alpha1.ConditionGranted)
		if r.position > 0 && was != nil && was.Reason == v1alpha1.ReasonQueued && ptr.Deref(r.base.Status.QueuePosition, 0) != r.position {
			moved[r] = true
		}
	}
	if len(moved) == 0 {
		return nil
	}
	if due := p.recall.positions.Add(positionPause); len(moved) > maxPositions && p.now.Before(due) {
		p.at(due)
		return moved
	}
	p.recall.positions = p.now
	return nil
}

// conclude sets the status.
func (p *pass) conclude(r *request, w paper) {
	r.obj.Status = *r.base.Status.DeepCopy()
	s := &r.obj.Status
	s.ObservedGeneration = r.obj.Generation
	s.QueuePosition = nil
	s.SecretRef = w.ref
	granted, released := p.conditions(r, w)
	switch {
	case r.grant != nil:
		s.IssueTime, s.ExpirationTime = ptr.To(metav1.NewTime(r.grant.IssueTime)), nil
		if !r.grant.ExpirationTime.IsZero() {
			s.ExpirationTime = ptr.To(metav1.NewTime(r.grant.ExpirationTime))
		}
		s.EntitlementsAllowed = allowed(r.grant.Items)
	case r.answer.asks:
		s.IssueTime, s.ExpirationTime, s.EntitlementsAllowed = nil, nil, nil
		s.QueuePosition = ptr.To(r.position)
	}
	p.Set(r.obj, &s.Conditions, granted)
	p.Set(r.obj, &s.Conditions, released)
}

// conditions are the conditions Granted and Released.
func (p *pass) conditions(r *request, w paper) (granted, released metav1.Condition) {
	yes := func(reason, message string) metav1.Condition {
		return kit.Condition(v1alpha1.ConditionReleased, metav1.ConditionTrue, reason, message)
	}
	no := func(reason, message string) metav1.Condition {
		return kit.Condition(v1alpha1.ConditionReleased, metav1.ConditionFalse, reason, message)
	}
	if r.grant != nil {
		granted = kit.Condition(v1alpha1.ConditionGranted, metav1.ConditionTrue, v1alpha1.ReasonGranted, "The book of seats holds the seats")
		if w.obstacle != nil {
			granted.Reason, granted.Message = w.obstacle.Reason, w.obstacle.Message
		}
		return granted, no(v1alpha1.ReasonHeld, "The seats are held")
	}
	granted = kit.Condition(v1alpha1.ConditionGranted, metav1.ConditionFalse, r.answer.reason, r.answer.message)
	if r.answer.unknown {
		granted.Status = metav1.ConditionUnknown
	}
	status := &r.base.Status
	was := meta.FindStatusCondition(status.Conditions, v1alpha1.ConditionReleased)
	switch {
	case r.answer.released:
		return granted, yes(r.answer.reason, r.answer.message)
	case r.answer.asks:
	case r.left:
		return granted, yes(holderGone.reason, holderGone.message)
	case was != nil && was.Status == metav1.ConditionTrue:
		return granted, *was
	case status.IssueTime != nil && status.ExpirationTime != nil && !p.bookTime().Before(status.ExpirationTime.Time):
		return granted, yes(expired.reason, "The time of the checkout was over")
	case status.IssueTime != nil:
		return granted, yes(removed.reason, removed.message)
	}
	return granted, no(v1alpha1.ReasonNotGranted, "No seats have been granted")
}

func allowed(items []seats.Item) []v1alpha1.AllowedEntitlement {
	list := make([]v1alpha1.AllowedEntitlement, 0, len(items))
	for _, item := range items {
		a := v1alpha1.AllowedEntitlement{Name: item.Name, Unit: item.Unit, Value: item.Value}
		if item.Quantity > 0 {
			a.Quantity = ptr.To(item.Quantity)
		}
		list = append(list, a)
	}
	return list
}
