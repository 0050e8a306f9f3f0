// Copyright The license-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package accesskey

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

// The Secret of the AccessKey backend.
const pairSecret = "backend-access-key"

func stage(t *testing.T) (*expect.Stage, *Controller) {
	t.Helper()
	s := expect.On(t, cluster)
	return s, &Controller{Kit: s.Kit(), Names: s.Names}
}

// ready makes an AccessKey that has been reconciled and is Ready.
func ready(s *expect.Stage, c *Controller, b *builder.AccessKeyBuilder) *v1alpha1.AccessKey {
	s.Helper()
	k := b.Build()
	s.Create(k)
	expect.Reconcile(s, c, k)
	s.Condition(k, v1alpha1.ConditionReady, "True, Ready")
	s.Events("Normal Ready")
	return k
}

// pair expects the pair of a rotation in the Secret and its id in the status.
func pair(s *expect.Stage, k *v1alpha1.AccessKey, rotation int64) {
	s.Helper()
	id := s.Names.Identity.AccessKeyID(s.Namespace, k.Name, rotation)
	if k.Status.AccessKeyID != id || int64(k.Status.Rotation) != rotation {
		s.Errorf("the status says %s of rotation %d, want %s of %d", k.Status.AccessKeyID, k.Status.Rotation, id, rotation)
	}
	if !s.Names.Identity.AuthenticAccessKeyID(id) {
		s.Errorf("the id %s is not authentic", id)
	}
	s.SecretData(k.Status.SecretRef.Name, "AccessKey", k, map[string]string{
		"accessKeyId": id, "secretAccessKey": s.Names.Identity.SecretAccessKey(s.Namespace, k.Name, rotation),
	})
}
