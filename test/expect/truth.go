// Copyright The license-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package expect

import (
	"reflect"
	"slices"
	"strings"
	"time"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"

	"github.com/license-operator/license-operator/api/v1alpha1"
)

// documented are the types of the conditions that the API promises, by kind.
func documented(o client.Object) []string {
	switch o.(type) {
	case *v1alpha1.Product:
		return []string{v1alpha1.ConditionReady, v1alpha1.ConditionAccountUnique}
	case *v1alpha1.Subscription:
		return []string{v1alpha1.ConditionReady, v1alpha1.ConditionSubscribed, v1alpha1.ConditionCheckoutsProjected}
	case *v1alpha1.Activation:
		return []string{v1alpha1.ConditionIssued, v1alpha1.ConditionRedeemed, v1alpha1.ConditionExpired}
	case *v1alpha1.AccessKey:
		return []string{v1alpha1.ConditionReady}
	case *v1alpha1.LicenseCheckout:
		return []string{v1alpha1.ConditionGranted, v1alpha1.ConditionReleased}
	}
	return nil
}

// shared are the types of the conditions that another controller sets than the
// one that a test is about; they may be there.
func shared(o client.Object) []string {
	if _, ok := o.(*v1alpha1.Subscription); ok {
		return []string{v1alpha1.ConditionUsageAccepted, v1alpha1.ConditionNotified}
	}
	return nil
}

// status reads what all kinds' status has.
func status(o client.Object) (conditions []metav1.Condition, observedGeneration int64) {
	field := reflect.ValueOf(o).Elem().FieldByName("Status")
	return field.FieldByName("Conditions").Interface().([]metav1.Condition), field.FieldByName("ObservedGeneration").Int()
}

// Truth is how the test of a controller ends: the object says that its status
// is of this generation, every documented condition is there, well formed and
// of this generation too, and reconciling again at the same time writes
// nothing, tells nothing and asks to come back at the same time.
func Truth[O client.Object](s *Stage, c reconcile.ObjectReconciler[O], o O) {
	s.Helper()
	first := Reconcile(s, c, o)
	s.Honest(o)
	s.Events(nil...)
	before, secretsBefore := o.GetResourceVersion(), s.secretVersions(o)
	again := Reconcile(s, c, o)
	if after := o.GetResourceVersion(); after != before {
		s.Errorf("%T %s: a second reconcile wrote the object: resourceVersion %s is now %s", o, o.GetName(), before, after)
	}
	if diff := cmp.Diff(secretsBefore, s.secretVersions(o)); diff != "" {
		s.Errorf("%T %s: a second reconcile wrote Secrets (-before +after):\n%s", o, o.GetName(), diff)
	}
	if diff := cmp.Diff(first, again); diff != "" {
		s.Errorf("%T %s: a second reconcile has another result (-first +again):\n%s", o, o.GetName(), diff)
	}
	s.Events(nil...)
}

// Honest expects that the status of an object is of its generation and has every
// documented condition, well formed.
func (s *Stage) Honest(o client.Object) {
	s.Helper()
	conditions, observed := status(o)
	if observed != o.GetGeneration() {
		s.Errorf("%T %s: observedGeneration is %d, the generation %d", o, o.GetName(), observed, o.GetGeneration())
	}
	var types []string
	for _, c := range conditions {
		if !slices.Contains(shared(o), c.Type) {
			types = append(types, c.Type)
		}
		if c.ObservedGeneration != o.GetGeneration() {
			s.Errorf("%T %s: the condition %s is of generation %d, the object of %d",
				o, o.GetName(), c.Type, c.ObservedGeneration, o.GetGeneration())
		}
		if c.Reason == "" || c.Message == "" {
			s.Errorf("%T %s: the condition %s has the reason %q and the message %q", o, o.GetName(), c.Type, c.Reason, c.Message)
		}
	}
	want := slices.Clone(documented(o))
	slices.Sort(want)
	slices.Sort(types)
	if diff := cmp.Diff(want, types); diff != "" {
		s.Errorf("%T %s: types of conditions (-documented +there):\n%s", o, o.GetName(), diff)
	}
}

// secretVersions are the resource versions of the Secrets beside an object.
func (s *Stage) secretVersions(o client.Object) map[string]string {
	s.Helper()
	list := &corev1.SecretList{}
	if err := s.Admin.List(s.Context(), list, client.InNamespace(o.GetNamespace())); err != nil {
		s.Fatal(err)
	}
	versions := map[string]string{}
	for _, secret := range list.Items {
		versions[secret.Name] = secret.ResourceVersion
	}
	return versions
}

// Condition expects one condition of an object, as "True, Ready", and returns
// it.
func (s *Stage) Condition(o client.Object, conditionType, want string) metav1.Condition {
	s.Helper()
	conditions, _ := status(o)
	c := meta.FindStatusCondition(conditions, conditionType)
	if c == nil {
		s.Fatalf("%T %s has no condition %s", o, o.GetName(), conditionType)
	}
	if got := string(c.Status) + ", " + c.Reason; got != want {
		s.Errorf("%T %s: the condition %s is %q, want %q: %s", o, o.GetName(), conditionType, got, want, c.Message)
	}
	return *c
}

// Events expects exactly these events since the last call, each beginning with
// its type and reason, as "Normal Ready", and returns their texts.
func (s *Stage) Events(want ...string) []string {
	s.Helper()
	var texts, got []string
	for {
		select {
		case text := <-s.recorder.Events:
			texts = append(texts, text)
			words := strings.SplitN(text, " ", 3)
			got = append(got, words[0]+" "+words[1])
			continue
		default:
		}
		break
	}
	if diff := cmp.Diff(want, got); diff != "" {
		s.Errorf("events (-want +got):\n%s", diff)
	}
	return texts
}

// After expects when a result asks to come back; 0 for never.
func (s *Stage) After(result reconcile.Result, want time.Duration) {
	s.Helper()
	if result.RequeueAfter != want {
		s.Errorf("RequeueAfter is %s, want %s", result.RequeueAfter, want)
	}
}

// AtTime expects that a result asks to come back at a time.
func (s *Stage) AtTime(result reconcile.Result, want time.Time) {
	s.Helper()
	s.After(result, want.Sub(s.Clock.Now()))
}

// Secret reads a Secret of the namespace; nil if there is none.
func (s *Stage) Secret(name string) *corev1.Secret {
	s.Helper()
	secret := &corev1.Secret{}
	err := s.Admin.Get(s.Context(), client.ObjectKey{Namespace: s.Namespace, Name: name}, secret)
	if apierrors.IsNotFound(err) {
		return nil
	}
	if err != nil {
		s.Fatal(err)
	}
	return secret
}

// SecretData expects what a Secret holds and that it belongs to an object: it
// is labelled as the operator's and goes with its owner.
func (s *Stage) SecretData(name, kind string, owner client.Object, want map[string]string) {
	s.Helper()
	secret := s.Secret(name)
	if secret == nil {
		s.Fatalf("there is no Secret %s", name)
	}
	got := map[string]string{}
	for key, value := range secret.Data {
		got[key] = string(value)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		s.Errorf("data of the Secret %s (-want +got):\n%s", name, diff)
	}
	owners := []metav1.OwnerReference{{APIVersion: v1alpha1.GroupVersion.String(), Kind: kind,
		Name: owner.GetName(), UID: owner.GetUID(), Controller: new(true)}}
	if diff := cmp.Diff(owners, secret.OwnerReferences); diff != "" {
		s.Errorf("owners of the Secret %s (-want +got):\n%s", name, diff)
	}
	if label := secret.Labels["app.kubernetes.io/managed-by"]; label != v1alpha1.FieldOwner {
		s.Errorf("the Secret %s is labelled as managed by %q, want %q", name, label, v1alpha1.FieldOwner)
	}
}

// ForeignSecret makes a Secret with one key that somebody else has written.
func (s *Stage) ForeignSecret(name, key string) *corev1.Secret {
	s.Helper()
	secret := &corev1.Secret{
		ObjectMeta: metav1.ObjectMeta{Namespace: s.Namespace, Name: name},
		Data:       map[string][]byte{key: []byte("somebody else's")},
	}
	if err := s.Admin.Create(s.Context(), secret, client.FieldOwner("somebody-else")); err != nil {
		s.Fatal(err)
	}
	return secret
}
