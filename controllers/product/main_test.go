// Copyright The license-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package product

import (
	"testing"

	"github.com/license-operator/license-operator/api/v1alpha1"
	"github.com/license-operator/license-operator/controllers/kit"
	"github.com/license-operator/license-operator/test/builder"
	"github.com/license-operator/license-operator/test/env"
	"github.com/license-operator/license-operator/test/expect"
)

var cluster *env.Env

func TestMain(m *testing.M) {
	env.Main(m, func(e *env.Env) { cluster = e })
}

func stage(t *testing.T) (*expect.Stage, *Controller) {
	t.Helper()
	s := expect.On(t, cluster)
	return s, &Controller{Kit: s.Kit(), Names: s.Names, Keys: s.Keys}
}

// published makes a Product that has been reconciled and is Ready.
func published(s *expect.Stage, c *Controller, b *builder.ProductBuilder) *v1alpha1.Product {
	s.Helper()
	p := b.Build()
	s.Create(p)
	s.After(expect.Reconcile(s, c, p), kit.ReapplyInterval)
	s.Condition(p, v1alpha1.ConditionReady, "True, Ready")
	s.Events("Normal Ready")
	return p
}
