// Copyright The license-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package licensing

import (
	"crypto/sha256"
	"encoding/base32"
	"encoding/binary"
	"encoding/hex"
	"hash"
	"slices"
	"strings"
	"time"

	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/ptr"

	"github.com/license-operator/license-operator/api/v1alpha1"
)

// maxTransitions is more than any one look needs: an end that was noticed late
// makes two.
const maxTransitions = 4

// longOver is for how long a subscription must have been over that a first look
// takes for one that stood: who makes one that is cancelled is seen at once.
const longOver = time.Minute

// Progress is how far a subscription has come at one time, and what of it is
// new since the status was written.
type Progress struct {
	// Stage and StageTime are the status's next ones; Stage is empty before the
	// subscription has begun.
	Stage     v1alpha1.LifecycleStage
	StageTime *metav1.Time
	// EntitlementsHash is of the entitlements that have been told.
	EntitlementsHash string
	// News are what has become of the subscription, oldest first.
	News []v1alpha1.Notification
	// NextChange is when time alone brings the next stage; zero for never.
	NextChange time.Time
}

// Advance tells how far a Subscription has come whose Product is nil if it does
// not exist. It goes by the spec, status.lifecycle, the conditions Subscribed
// and UsageAccepted as they were, and the time. The order of its actions is that
// of "Amazon SNS topics" in the AWS Marketplace Seller Guide: subscribe-success
// or subscribe-fail first, entitlement-updated only while subscribed,
// unsubscribe-pending an hour before unsubscribe-success, and subscribe-success
// in place of the latter if the customer has subscribed again by then.
// Suspended, and Pending after it was Active, are no end before that of the spec.
//
// Who looks at a Subscription for the first time may do so long after it stood:
// after an upgrade, or a restore. What is over since then for more than the hour
// is no news.
func Advance(sub *v1alpha1.Subscription, product *v1alpha1.Product, now time.Time) Progress {
	a := &advance{sub: sub, product: product, now: now, standing: Stand(sub, product != nil, now)}
	if l := sub.Status.Lifecycle; l != nil {
		a.Stage, a.StageTime, a.EntitlementsHash = l.Stage, l.StageTime, l.EntitlementsHash
	}
	for range maxTransitions {
		if !a.step() {
			break
		}
	}
	return a.Progress
}

type advance struct {
	Progress
	sub      *v1alpha1.Subscription
	product  *v1alpha1.Product
	now      time.Time
	standing Standing
}

// step makes one transition, if there is one to make.
func (a *advance) step() bool {
	a.NextChange = time.Time{}
	switch {
	case a.standing.Subscribed && a.Stage == v1alpha1.StageSubscribed:
		return a.compare()
	case a.standing.Subscribed:
		a.enter(v1alpha1.StageSubscribed, a.now, v1alpha1.ActionSubscribeSuccess)
		a.EntitlementsHash = a.entitlements()
		return true
	case a.Stage == v1alpha1.StageSubscribed && a.over():
		a.enter(v1alpha1.StageUnsubscribePending, a.end(), v1alpha1.ActionUnsubscribePending)
		return true
	case a.Stage == "" && a.over() && a.product != nil:
		a.first()
		return true
	case a.Stage == v1alpha1.StageUnsubscribePending:
		if a.StageTime == nil { // Somebody has edited the status.
			a.StageTime = ptr.To(metav1.NewTime(a.now.Truncate(time.Second)))
		}
		until := a.StageTime.Add(UsageGrace)
		if a.now.Before(until) {
			a.NextChange = until
			return false
		}
		a.enter(v1alpha1.StageUnsubscribed, until, v1alpha1.ActionUnsubscribeSuccess)
		return true
	case paused(a.Stage, a.standing.Reason) && (a.Stage == "" || a.Stage == v1alpha1.StageSubscribed):
		a.NextChange, _ = specEnd(a.sub)
	}
	return false
}

// first enters the stage of a subscription that is over and never was in one.
// Only one that nobody has paid was never subscribed.
func (a *advance) first() {
	before := a.before()
	over, ends := specEnd(a.sub)
	condition := meta.FindStatusCondition(a.sub.Status.Conditions, v1alpha1.ConditionSubscribed)
	switch {
	case before == v1alpha1.ReasonNeverSubscribed:
		a.enter(v1alpha1.StageFailed, a.now, v1alpha1.ActionSubscribeFail)
	case a.standing.Reason != v1alpha1.ReasonCancelled && ends && a.now.Before(over.Add(UsageGrace)):
		a.enter(v1alpha1.StageUnsubscribePending, over, v1alpha1.ActionUnsubscribePending)
	case a.standing.Reason != v1alpha1.ReasonCancelled && ends:
		a.set(v1alpha1.StageUnsubscribed, over.Add(UsageGrace))
	case before == v1alpha1.ReasonSuspended:
		a.enter(v1alpha1.StageUnsubscribePending, a.end(), v1alpha1.ActionUnsubscribePending)
	case condition != nil && condition.Status == metav1.ConditionFalse && condition.LastTransitionTime.Add(longOver).Before(a.now):
		a.set(v1alpha1.StageUnsubscribed, a.now)
	default:
		a.enter(v1alpha1.StageFailed, a.now, v1alpha1.ActionSubscribeFail)
	}
}

// before is the reason of UsageAccepted that the last look gave; "" if there was
// none.
func (a *advance) before() string {
	c := meta.FindStatusCondition(a.sub.Status.Conditions, v1alpha1.ConditionUsageAccepted)
	if c == nil || a.sub.Status.Lifecycle == nil {
		return ""
	}
	return c.Reason
}

// set changes the stage and tells nobody.
func (a *advance) set(stage v1alpha1.LifecycleStage, at time.Time) {
	a.Stage, a.StageTime = stage, ptr.To(metav1.NewTime(at.Truncate(time.Second)))
}

func (a *advance) enter(stage v1alpha1.LifecycleStage, at time.Time, action v1alpha1.NotificationAction) {
	a.set(stage, at)
	a.tell(action)
}

func (a *advance) tell(action v1alpha1.NotificationAction) {
	a.News = append(a.News, v1alpha1.Notification{
		ID: notificationID(a.sub, action, a.now), Action: action, Time: metav1.NewTime(a.now.Truncate(time.Second))})
}

// compare tells if the entitlements are others than those that were told. What
// changes while the customer is suspended is told when that is over.
func (a *advance) compare() bool {
	h := a.entitlements()
	if h == a.EntitlementsHash {
		return false
	}
	first := a.EntitlementsHash == ""
	a.EntitlementsHash = h
	if !first {
		a.tell(v1alpha1.ActionEntitlementUpdated)
	}
	return false
}

// over says whether a subscription that is not Subscribed has ended.
func (a *advance) over() bool {
	switch a.standing.Reason {
	case v1alpha1.ReasonCancelled, v1alpha1.ReasonExpired, v1alpha1.ReasonProductNotFound:
		return true
	}
	return stoppedForGood(a.sub, a.Stage, a.standing.Reason, a.now)
}

// end is when the subscription ended: when usage says it did. A customer who was
// suspended before has the hour yet, so that is the end of the spec, or now.
func (a *advance) end() time.Time {
	usage := meta.FindStatusCondition(a.sub.Status.Conditions, v1alpha1.ConditionUsageAccepted)
	suspended := usage != nil && usage.Status == metav1.ConditionFalse
	if suspended && a.standing.Reason != v1alpha1.ReasonExpired {
		if over, ends := specEnd(a.sub); ends && over.Before(a.now) {
			return over
		}
		return a.now
	}
	end := UsageStanding(a.sub, a.product != nil, a.now).End
	if subscribed := meta.FindStatusCondition(a.sub.Status.Conditions, v1alpha1.ConditionSubscribed); end.IsZero() &&
		subscribed != nil && subscribed.Status == metav1.ConditionFalse {
		end = subscribed.LastTransitionTime.Time
	}
	if end.IsZero() || end.After(a.now) {
		return a.now
	}
	return end
}

// entitlements is a hash of what the customer is entitled to and until when.
// The order of the entitlements makes no difference.
func (a *advance) entitlements() string {
	merged, _ := Entitlements(a.product, a.sub)
	slices.SortFunc(merged, func(x, y v1alpha1.Entitlement) int { return strings.Compare(x.Name, y.Name) })
	h := sha256.New()
	for i := range merged {
		e := &merged[i]
		writeParts(h, e.Name, string(e.Unit), e.Value)
		writeNumber(h, e.MaxCount)
	}
	var end *int64
	if a.sub.Spec.EndTime != nil {
		end = ptr.To(a.sub.Spec.EndTime.Unix())
	}
	writeNumber(h, end)
	writeNumber(h, ptr.To(int64(ptr.Deref(a.sub.Spec.GracePeriodSeconds, 0))))
	return hex.EncodeToString(h.Sum(nil)[:16])
}

var lower32 = base32.NewEncoding("abcdefghijklmnopqrstuvwxyz234567").WithPadding(base32.NoPadding)

// notificationID is the same for whoever decides the same on the same version
// of the object at the same time, and for nothing else: a change that is made
// and undone within a second is told twice.
func notificationID(sub *v1alpha1.Subscription, action v1alpha1.NotificationAction, at time.Time) string {
	h := sha256.New()
	writeParts(h, sub.Namespace, sub.Name, string(sub.UID), sub.ResourceVersion, string(action),
		at.UTC().Format(time.RFC3339))
	return "msg_" + lower32.EncodeToString(h.Sum(nil)[:16])
}

// writeParts writes each part after its length, so that two lists of parts
// never write the same.
func writeParts(h hash.Hash, parts ...string) {
	for _, part := range parts {
		_ = binary.Write(h, binary.BigEndian, uint64(len(part)))
		_, _ = h.Write([]byte(part))
	}
}

// writeNumber writes a number, or that there is none.
func writeNumber(h hash.Hash, n *int64) {
	if n == nil {
		writeParts(h, "")
		return
	}
	writeParts(h, string(binary.BigEndian.AppendUint64(nil, uint64(*n)))) //nolint:gosec // The same bits.
}
