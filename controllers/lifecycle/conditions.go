// Copyright The license-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package lifecycle

import (
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/license-operator/license-operator/api/v1alpha1"
	"github.com/license-operator/license-operator/controllers/kit"
	"github.com/license-operator/license-operator/internal/licensing"
	"github.com/license-operator/license-operator/internal/notify"
)

// conclude sets the two conditions of this controller.
func (c *Controller) conclude(p *pass, usage licensing.UsageDecision) {
	conditions := &p.sub.Status.Conditions
	c.Set(p.sub, conditions, kit.Condition(v1alpha1.ConditionUsageAccepted, kit.Bool(usage.Accepted), usage.Reason, usage.Message))
	if !p.told {
		meta.RemoveStatusCondition(conditions, v1alpha1.ConditionNotified)
		return
	}
	notified := p.notified(meta.FindStatusCondition(*conditions, v1alpha1.ConditionNotified))
	if c.Set(p.sub, conditions, notified) && notified.Reason == v1alpha1.ReasonDeliveryFailed {
		p.news = append(p.news, failed(notified.Message))
	}
}

// notified is the condition Notified, by the outbox, the last try, and what it
// was before.
func (p *pass) notified(before *metav1.Condition) metav1.Condition {
	pending := p.sub.Status.Lifecycle.Pending
	switch {
	case len(pending) > 0 && pending[0].Attempts > 0:
		message := "A notification has failed; it is tried again"
		if p.outcome != nil && p.outcome.Result != notify.Delivered {
			message = "A notification has failed and is tried again: " + p.outcome.Reason()
		} else if before != nil && before.Reason == v1alpha1.ReasonDeliveryFailed {
			message = before.Message
		}
		return kit.Condition(v1alpha1.ConditionNotified, metav1.ConditionFalse, v1alpha1.ReasonDeliveryFailed, message)
	case len(pending) > 0:
		return kit.Condition(v1alpha1.ConditionNotified, metav1.ConditionUnknown, v1alpha1.ReasonDelivering,
			"Notifications are on their way to the webhook")
	case p.abandoned, before != nil && before.Reason == v1alpha1.ReasonDeliveryAbandoned && p.outcome == nil:
		return kit.Condition(v1alpha1.ConditionNotified, metav1.ConditionFalse, v1alpha1.ReasonDeliveryAbandoned,
			"The last notification was tried for three days and is given up; mend the webhook, and compare what it knows with `status.lifecycle.stage`")
	}
	return kit.Condition(v1alpha1.ConditionNotified, metav1.ConditionTrue, v1alpha1.ReasonDelivered,
		"The webhook has taken every notification that was not given up")
}
