// Copyright The license-operator Authors.
// SPDX-License-Identifier: Apache-2.0

// Package builder makes objects for tests. What a builder gives is valid as it
// is: a test says only what it is about.
//
//	builder.Product("render-farm").InNamespace(ns).WithCode("774F4FF8").Build()
//
// Building never uses up a builder: each Build returns a copy of its own.
package builder

import (
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/license-operator/license-operator/api/v1alpha1"
)

// object is what all builders can do; B is the builder and O the pointer to
// what it builds.
type object[B any, O client.Object] struct {
	self  B
	build O
}

// InNamespace sets the namespace.
func (b *object[B, O]) InNamespace(namespace string) B {
	b.build.SetNamespace(namespace)
	return b.self
}

// WithLabel adds a label.
func (b *object[B, O]) WithLabel(key, value string) B {
	labels := b.build.GetLabels()
	if labels == nil {
		labels = map[string]string{}
	}
	labels[key] = value
	b.build.SetLabels(labels)
	return b.self
}

// WithAnnotation adds an annotation.
func (b *object[B, O]) WithAnnotation(key, value string) B {
	annotations := b.build.GetAnnotations()
	if annotations == nil {
		annotations = map[string]string{}
	}
	annotations[key] = value
	b.build.SetAnnotations(annotations)
	return b.self
}

// OwnedBy adds a controller reference to an object that exists. The kind is
// passed because a typed client leaves it out of what it reads.
func (b *object[B, O]) OwnedBy(kind string, owner client.Object) B {
	references := append(b.build.GetOwnerReferences(),
		*metav1.NewControllerRef(owner, v1alpha1.GroupVersion.WithKind(kind)))
	b.build.SetOwnerReferences(references)
	return b.self
}

// With changes the object in whatever way there is no method for.
func (b *object[B, O]) With(change func(O)) B {
	change(b.build)
	return b.self
}

// Build returns a copy of what has been built so far.
func (b *object[B, O]) Build() O {
	return b.build.DeepCopyObject().(O)
}

// NamespaceBuilder builds a Namespace: a vendor's account.
type NamespaceBuilder struct {
	object[*NamespaceBuilder, *corev1.Namespace]
}

// Namespace starts a Namespace.
func Namespace(name string) *NamespaceBuilder {
	b := &NamespaceBuilder{}
	b.self, b.build = b, &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: name}}
	return b
}

// WithAccountID sets the annotation with the 12 digits of the account.
func (b *NamespaceBuilder) WithAccountID(digits string) *NamespaceBuilder {
	return b.WithAnnotation(v1alpha1.AnnotationAccountID, digits)
}

// Condition returns a condition that the API server accepts. Its message is
// its reason and its transition time a fixed one.
func Condition(conditionType string, status metav1.ConditionStatus, reason string) metav1.Condition {
	return metav1.Condition{
		Type:               conditionType,
		Status:             status,
		Reason:             reason,
		Message:            reason,
		LastTransitionTime: metav1.Unix(1_600_000_000, 0),
	}
}
