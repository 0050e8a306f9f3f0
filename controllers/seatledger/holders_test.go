// Copyright The license-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package seatledger

import (
	"testing"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/license-operator/license-operator/api/v1alpha1"
	"github.com/license-operator/license-operator/internal/seats"
	"github.com/license-operator/license-operator/test/builder"
)

// worker makes a Pod and a request of its ServiceAccount's token.
func (s *scene) worker(name string) (*corev1.Pod, seats.Request) {
	pod := &corev1.Pod{ObjectMeta: metav1.ObjectMeta{Name: name, Namespace: s.Namespace}, Spec: corev1.PodSpec{
		Containers: []corev1.Container{{Name: "main", Image: "main"}}}}
	s.Stage.Create(pod)
	r := request(name)
	r.Caller = "system:serviceaccount:" + s.Namespace + ":worker"
	r.Holder = seats.PodHolder(pod.Name, string(pod.UID))
	return pod, r
}

func TestSeatsOfAPodThatAskedByItsToken(t *testing.T) {
	gone := func(s *scene, pod *corev1.Pod) { s.must(s.Admin.Delete(s.Context(), pod)) }
	for name, test := range map[string]struct {
		kind v1alpha1.CheckoutType // Provisional without one.
		end  func(*scene, *corev1.Pod)
		kept bool
	}{
		"are drawn down for good":                  {v1alpha1.CheckoutPerpetual, gone, true},
		"are borrowed for as long as was promised": {v1alpha1.CheckoutBorrow, gone, true},
		"are held while it is there":               {"", func(*scene, *corev1.Pod) {}, true},
		"are held while it is being deleted": {"", func(s *scene, pod *corev1.Pod) {
			pod.Finalizers = []string{"example.com/wait"}
			s.must(s.Admin.Update(s.Context(), pod))
			s.must(s.Admin.Delete(s.Context(), pod))
		}, true},
		"are free when it is gone": {"", gone, false},
		"are free when another one has its name": {"", func(s *scene, pod *corev1.Pod) {
			s.must(s.Admin.Delete(s.Context(), pod))
			s.worker(pod.Name)
		}, false},
	} {
		t.Run(name, func(t *testing.T) {
			s := stageWith(t, builder.Product("render-farm"))
			pod, r := s.worker("worker-0")
			if test.kind != "" {
				r.Type = test.kind
			}
			g := s.checkout(r)
			s.reconcile()
			test.end(s, pod)
			s.reconcile()
			s.holds(g, test.kept)
		})
	}
}

func (s *scene) must(err error) {
	s.Helper()
	if err != nil {
		s.Fatal(err)
	}
}
