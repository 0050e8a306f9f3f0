// Copyright The license-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package usage_test

import (
	"net/http"
	"testing"
	"time"

	authenticationv1 "k8s.io/api/authentication/v1"
	corev1 "k8s.io/api/core/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/license-operator/license-operator/test/builder"
)

// worker is a ServiceAccount in a namespace of its own, with two Pods.
type worker struct {
	account *corev1.ServiceAccount
	pods    []*corev1.Pod
}

func newWorker(t *testing.T) worker {
	t.Helper()
	namespace := cluster.Namespace(t)
	w := worker{account: &corev1.ServiceAccount{ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: "worker"}}}
	if err := cluster.Client.Create(t.Context(), w.account); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"worker-0", "worker-1"} {
		pod := &corev1.Pod{ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: name}, Spec: corev1.PodSpec{
			ServiceAccountName: "worker", Containers: []corev1.Container{{Name: "main", Image: "example.com/main"}}}}
		if err := cluster.Client.Create(t.Context(), pod); err != nil {
			t.Fatal(err)
		}
		w.pods = append(w.pods, pod)
	}
	return w
}

// bearer sends a token that is bound to a Pod, or to none.
func (w worker) bearer(t *testing.T, pod *corev1.Pod) func(*http.Request, []byte) error {
	t.Helper()
	request := &authenticationv1.TokenRequest{Spec: authenticationv1.TokenRequestSpec{Audiences: []string{"license-operator"}, ExpirationSeconds: new(int64(3600))}}
	if pod != nil {
		request.Spec.BoundObjectRef = &authenticationv1.BoundObjectReference{APIVersion: "v1", Kind: "Pod", Name: pod.Name, UID: pod.UID}
	}
	if err := cluster.Client.SubResource("token").Create(t.Context(), w.account, request); err != nil {
		t.Fatal(err)
	}
	return func(r *http.Request, _ []byte) error {
		r.Header.Set("Authorization", "Bearer "+request.Status.Token)
		return nil
	}
}

// let lets the worker create something in the shop.
func (s *shop) let(w worker, name, resource string) {
	s.Helper()
	meta := metav1.ObjectMeta{Name: name}
	s.Create(
		&rbacv1.Role{ObjectMeta: meta, Rules: []rbacv1.PolicyRule{{
			APIGroups: []string{"license-operator.dev"}, Resources: []string{resource}, Verbs: []string{"create"}}}},
		&rbacv1.RoleBinding{ObjectMeta: meta, RoleRef: rbacv1.RoleRef{APIGroup: rbacv1.GroupName, Kind: "Role", Name: meta.Name},
			Subjects: []rbacv1.Subject{{Kind: rbacv1.ServiceAccountKind, Namespace: w.account.Namespace, Name: w.account.Name}}})
}

func TestPodsMeterByTheirServiceAccount(t *testing.T) {
	s, w := newShop(t), newWorker(t)
	s.Clock.SetTime(time.Now()) // The API server's tokens are of now.
	now := s.Clock.Now()
	try := func(sign func(*http.Request, []byte) error, operation, body string) *answer {
		t.Helper()
		a, err := s.first.call(sign, operation, body)
		if err != nil {
			t.Fatal(err)
		}
		return a
	}
	free, zero, one := w.bearer(t, nil), w.bearer(t, w.pods[0]), w.bearer(t, w.pods[1])
	for operation, body := range map[string]string{
		"MeterUsage": s.meter(now, 1, ""), "BatchMeterUsage": s.report(hourly(now, initech, minutes, 1)),
		"RegisterUsage": `{"ProductCode":"` + s.code + `","PublicKeyVersion":1}`,
	} {
		if a := try(free, operation, body); a.code(t) != "AccessDeniedException" {
			t.Errorf("%s without a Role: %s", operation, a.body)
		}
	}
	if a := try(free, "MeterUsage", s.meter(now, 1, `,"DryRun":true`)); a.code(t) != "UnauthorizedException" {
		t.Errorf("a dry run without a Role: %s", a.body)
	}
	allowed := func(operation, body, denied string) {
		t.Helper()
		for range 50 {
			s.Step(10 * time.Second) // What was denied is remembered for some seconds.
			if try(free, operation, body).code(t) != denied {
				return
			}
			time.Sleep(200 * time.Millisecond)
		}
		t.Fatal("the Role allows nothing")
	}
	s.let(w, "meter", "usagerecords/meter")
	allowed("MeterUsage", s.meter(now, 1, ""), "AccessDeniedException")
	if a := try(free, "BatchMeterUsage", s.report(hourly(now, initech, minutes, 1))); a.code(t) != "AccessDeniedException" {
		t.Errorf("who may report for itself reports for another: %s", a.body)
	}
	s.let(w, "batch", "usagerecords")
	allowed("BatchMeterUsage", s.report(), "AccessDeniedException")
	if a := try(free, "MeterUsage", s.meter(now, 1, "")); a.code(t) != "CustomerNotEntitledException" {
		t.Errorf("a namespace with the account of nobody: %s", a.body)
	}
	account := s.Names.Identity.AccountID(w.account.Namespace)
	s.Create(builder.Subscription("farm", product).WithCustomer("farm").WithAccountID(account).Build())
	id := recordID(t, try(free, "MeterUsage", s.meter(now, 1, "")))
	ids := map[string]bool{id: true}
	// Each Pod is a meter of its own, and each Pod's hour counts once.
	for _, pod := range []func(*http.Request, []byte) error{zero, one} {
		a := try(pod, "MeterUsage", s.meter(now, 5, ""))
		ids[recordID(t, a)] = true
		if again := try(pod, "MeterUsage", s.meter(now, 5, "")); recordID(t, again) != recordID(t, a) {
			t.Errorf("the same again: %s", again.body)
		}
		if other := try(pod, "MeterUsage", s.meter(now, 6, "")); other.code(t) != "DuplicateRequestException" {
			t.Errorf("another quantity: %s", other.body)
		}
	}
	if len(ids) != 3 {
		t.Errorf("two Pods and a token of none have the records %v", ids)
	}
	byPod := map[string]int32{}
	for _, r := range s.records() {
		byPod[r.Spec.PodUID] = r.Spec.Quantity
		if r.Spec.CustomerIdentifier != "farm" {
			t.Errorf("%+v", r.Spec)
		}
	}
	if len(byPod) != 3 || byPod[""] != 1 || byPod[string(w.pods[0].UID)] != 5 || byPod[string(w.pods[1].UID)] != 5 {
		t.Errorf("%v", byPod)
	}
	if b := readBatch(t, try(zero, "BatchMeterUsage", s.report(hourly(now, initech, minutes, 1)))); b.Results[0].Status != "Success" {
		t.Errorf("%+v", b)
	}
	if a := try(zero, "RegisterUsage", `{"ProductCode":"`+s.code+`","PublicKeyVersion":1}`); a.status != http.StatusOK {
		t.Errorf("%s", a.body)
	}
}
