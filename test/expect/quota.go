// Copyright The license-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package expect

import (
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"
)

// ForbidSecrets forbids any Secret in the stage's namespace until allow is
// called.
func (s *Stage) ForbidSecrets() (allow func()) {
	s.Helper()
	none := corev1.ResourceList{corev1.ResourceSecrets: resource.MustParse("0")}
	q := &corev1.ResourceQuota{ObjectMeta: metav1.ObjectMeta{Name: "none"}, Spec: corev1.ResourceQuotaSpec{Hard: none}}
	s.Create(q)
	// The controller of quotas would do this.
	EditStatus(s, q, func(q *corev1.ResourceQuota) {
		q.Status = corev1.ResourceQuotaStatus{Hard: none, Used: none}
	})
	s.awaitSecret(apierrors.IsForbidden)
	return func() {
		s.Delete(q)
		s.awaitSecret(func(err error) bool { return err == nil })
	}
}

// awaitSecret waits until the API server, which keeps quotas in a cache, answers
// to a new Secret as it should.
func (s *Stage) awaitSecret(as func(error) bool) {
	s.Helper()
	var err error
	for range 100 {
		err = s.Admin.Create(s.Context(), &corev1.Secret{ObjectMeta: metav1.ObjectMeta{
			Namespace: s.Namespace, GenerateName: "try-"}}, client.DryRunAll)
		if as(err) {
			return
		}
		time.Sleep(100 * time.Millisecond)
	}
	s.Fatalf("the quota is not there or does not go: %v", err)
}
