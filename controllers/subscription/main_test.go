// Copyright The license-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package subscription

import (
	"testing"

	"github.com/license-operator/license-operator/api/v1alpha1"
	"github.com/license-operator/license-operator/test/builder"
	"github.com/license-operator/license-operator/test/env"
	"github.com/license-operator/license-operator/test/expect"
)

var cluster *env.Env

func TestMain(m *testing.M) {
	env.Main(m, func(e *env.Env) { cluster = e })
}

// stage has the Product render-farm.
func stage(t *testing.T) (*expect.Stage, *Controller) {
	t.Helper()
	s := expect.On(t, cluster)
	s.Create(builder.Product("render-farm").Build())
	return s, &Controller{Kit: s.Kit(), Names: s.Names}
}

// subscribed makes a Subscription that has been reconciled and is Active.
func subscribed(s *expect.Stage, c *Controller, b *builder.SubscriptionBuilder) *v1alpha1.Subscription {
	s.Helper()
	sub := b.Build()
	s.Create(sub)
	expect.Reconcile(s, c, sub)
	s.Condition(sub, v1alpha1.ConditionReady, "True, Ready")
	s.Condition(sub, v1alpha1.ConditionSubscribed, "True, Active")
	s.Events("Normal Active")
	return sub
}
