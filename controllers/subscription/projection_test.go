// Copyright The license-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package subscription

import (
	"testing"

	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/license-operator/license-operator/api/v1alpha1"
	"github.com/license-operator/license-operator/controllers/kit"
	"github.com/license-operator/license-operator/test/builder"
	"github.com/license-operator/license-operator/test/expect"
)

func TestCheckoutsThatGetNoObjectsAreToldOf(t *testing.T) {
	t.Parallel()
	s, c := stage(t)
	c.Projection = kit.NewFailures()
	sub := subscribed(s, c, builder.Subscription("initech", "render-farm"))
	s.Condition(sub, v1alpha1.ConditionCheckoutsProjected, "True, Projected")

	c.Projection.Set(client.ObjectKeyFromObject(sub), "initech-0", true)
	expect.Reconcile(s, c, sub)
	s.Condition(sub, v1alpha1.ConditionCheckoutsProjected, "False, ProjectionFailed")
	s.Condition(sub, v1alpha1.ConditionReady, "True, Ready")
	s.Condition(sub, v1alpha1.ConditionSubscribed, "True, Active")
	s.Events(nil...)
	expect.Truth(s, c, sub)

	c.Projection.Set(client.ObjectKeyFromObject(sub), "initech-0", false)
	expect.Reconcile(s, c, sub)
	s.Condition(sub, v1alpha1.ConditionCheckoutsProjected, "True, Projected")
	s.Events(nil...)
	expect.Truth(s, c, sub)
}
