// Copyright The license-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package integration

import (
	"context"
	"testing"
	"time"

	authenticationv1 "k8s.io/api/authentication/v1"
	corev1 "k8s.io/api/core/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	utilclock "k8s.io/utils/clock"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/license-operator/license-operator/internal/fault"
	"github.com/license-operator/license-operator/webhook/auth"
)

// worker is a Pod with a ServiceAccount in a namespace of its own.
type worker struct {
	account *corev1.ServiceAccount
	pod     *corev1.Pod
}

func newWorker(t testing.TB) worker {
	t.Helper()
	meta := metav1.ObjectMeta{Namespace: cluster.Namespace(t), Name: "worker"}
	w := worker{
		account: &corev1.ServiceAccount{ObjectMeta: meta},
		pod: &corev1.Pod{ObjectMeta: meta, Spec: corev1.PodSpec{
			ServiceAccountName: meta.Name, Containers: []corev1.Container{{Name: "main", Image: "example.com/main"}},
		}},
	}
	w.account.ObjectMeta, w.pod.ObjectMeta = meta, meta
	for _, o := range []client.Object{w.account, w.pod} {
		if err := cluster.Client.Create(t.Context(), o); err != nil {
			t.Fatal(err)
		}
	}
	return w
}

// token is a token of the worker's for an audience, bound to its Pod if bound
// is set.
func (w worker) token(t testing.TB, audience string, bound bool) string {
	t.Helper()
	request := &authenticationv1.TokenRequest{Spec: authenticationv1.TokenRequestSpec{
		Audiences: []string{audience}, ExpirationSeconds: new(int64(600)),
	}}
	if bound {
		request.Spec.BoundObjectRef = &authenticationv1.BoundObjectReference{
			APIVersion: "v1", Kind: "Pod", Name: w.pod.Name, UID: w.pod.UID,
		}
	}
	if err := cluster.Client.SubResource("token").Create(t.Context(), w.account, request); err != nil {
		t.Fatal(err)
	}
	return request.Status.Token
}

// let lets the worker create LicenseCheckouts in a namespace.
func (w worker) let(t testing.TB, namespace string) {
	t.Helper()
	meta := metav1.ObjectMeta{Namespace: namespace, Name: "checkout"}
	for _, o := range []client.Object{
		&rbacv1.Role{ObjectMeta: meta, Rules: []rbacv1.PolicyRule{{
			APIGroups: []string{"license-operator.dev"}, Resources: []string{"licensecheckouts"}, Verbs: []string{"create"},
		}}},
		&rbacv1.RoleBinding{ObjectMeta: meta,
			RoleRef: rbacv1.RoleRef{APIGroup: rbacv1.GroupName, Kind: "Role", Name: meta.Name},
			Subjects: []rbacv1.Subject{{
				Kind: rbacv1.ServiceAccountKind, Namespace: w.account.Namespace, Name: w.account.Name,
			}}},
	} {
		if err := cluster.Client.Create(t.Context(), o); err != nil {
			t.Fatal(err)
		}
	}
}

func asOperator(t testing.TB) client.Client {
	t.Helper()
	c := cluster.OperatorClient(t)
	return c
}

func TestTheAPIServerKnowsAServiceAccountByItsToken(t *testing.T) {
	w := newWorker(t)
	reviewer := auth.NewReviewer(asOperator(t))
	recognise := func(token string) (*auth.Principal, error) {
		// Each time with an empty memory.
		return auth.NewBearer(reviewer).AuthenticateToken(context.Background(), token, func() bool { return true }, time.Now())
	}
	bound, free := w.token(t, "license-operator", true), w.token(t, "license-operator", false)
	username := "system:serviceaccount:" + w.account.Namespace + ":worker"
	who, err := recognise(bound)
	if err != nil || who.Kind != auth.ServiceAccount || who.Username != username || who.UID != string(w.account.UID) ||
		who.PodName != "worker" || who.PodUID != string(w.pod.UID) {
		t.Errorf("a token of a Pod: %+v, %v", who, err)
	}
	if who, err = recognise(free); err != nil || who.Username != username || who.PodName != "" || who.PodUID != "" {
		t.Errorf("a token of no Pod: %+v, %v", who, err)
	}
	for name, token := range map[string]string{
		"a token for another audience": w.token(t, "vault", true),
		"a token for the API server":   w.token(t, "https://kubernetes.default.svc.cluster.local", true),
		"a token cut off":              bound[:len(bound)-10],
	} {
		if who, err := recognise(token); fault.KindOf(err) != fault.UnknownAccessKey {
			t.Errorf("%s: %+v, %v, want UnknownAccessKey", name, who, err)
		}
	}
	if err := cluster.Client.Delete(t.Context(), w.pod, client.GracePeriodSeconds(0)); err != nil {
		t.Fatal(err)
	}
	within(t, "the token of a Pod that is gone is refused", func() bool {
		_, err := recognise(bound)
		return fault.KindOf(err) == fault.UnknownAccessKey
	})
}

func TestTheAPIServerDecidesWhatAServiceAccountMay(t *testing.T) {
	w := newWorker(t)
	token := w.token(t, "license-operator", true)
	c := asOperator(t)
	who, err := auth.NewBearer(auth.NewReviewer(c)).AuthenticateToken(context.Background(), token, func() bool { return true }, time.Now())
	if err != nil {
		t.Fatal(err)
	}
	vendor, other := cluster.Namespace(t), cluster.Namespace(t)
	w.let(t, vendor)
	may := func(verb, resource, namespace string) bool {
		t.Helper()
		// Each time with an empty memory: RBAC takes a moment to be known.
		ok, err := auth.NewAuthorizer(auth.NewReviewer(c), utilclock.RealClock{}).Allowed(t.Context(), who, verb, resource, "", namespace, "")
		if err != nil {
			t.Fatal(err)
		}
		return ok
	}
	within(t, "what a Role grants is allowed", func() bool { return may("create", "licensecheckouts", vendor) })
	for name, asked := range map[string][3]string{
		"another verb":      {"delete", "licensecheckouts", vendor},
		"another resource":  {"create", "subscriptions", vendor},
		"another namespace": {"create", "licensecheckouts", other},
		"its own namespace": {"create", "licensecheckouts", w.account.Namespace},
	} {
		if may(asked[0], asked[1], asked[2]) {
			t.Errorf("%s is allowed: %v", name, asked)
		}
	}
}
