// Copyright The license-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package store

import (
	"slices"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/lru"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/license-operator/license-operator/api/v1alpha1"
)

// maxShared is how many texts, and how many sets of labels, are remembered for
// being shared: far more than there are words that every object has.
const maxShared = 4096

// Compactor makes what the cache keeps of objects small: there may be very many,
// in the cache of every replica. An object that is kept must not be changed, for
// its labels and texts may be those of others too.
type Compactor struct {
	texts, labels *lru.Cache
}

// NewCompactor returns a Compactor. One serves all kinds.
func NewCompactor() *Compactor {
	return &Compactor{texts: lru.New(maxShared), labels: lru.New(maxShared)}
}

// Transform is a transform of the cache. Of every object it leaves out who wrote
// what of it, which nothing reads. Of LicenseCheckouts that stand for checkouts
// through the API it keeps only what tells whether they are up to date.
func (c *Compactor) Transform(obj any) (any, error) {
	o, ok := obj.(client.Object)
	if !ok || o.GetManagedFields() == nil {
		// The cache has this one already, and others may be reading it.
		return obj, nil
	}
	o.SetManagedFields(nil)
	delete(o.GetAnnotations(), corev1.LastAppliedConfigAnnotation)
	switch o := obj.(type) {
	case *v1alpha1.Subscription:
		c.meta(&o.TypeMeta, &o.ObjectMeta)
		c.subscription(o)
	case *v1alpha1.LicenseCheckout:
		stripProjection(o)
		c.meta(&o.TypeMeta, &o.ObjectMeta)
		c.checkout(o)
	case *v1alpha1.Activation:
		c.meta(&o.TypeMeta, &o.ObjectMeta)
		o.Status.Conditions = c.conditions(o.Status.Conditions)
	case *v1alpha1.AccessKey:
		c.meta(&o.TypeMeta, &o.ObjectMeta)
		o.Status.Conditions = c.conditions(o.Status.Conditions)
	}
	return obj, nil
}

// stripProjection leaves the spec and the conditions of what users have made.
func stripProjection(co *v1alpha1.LicenseCheckout) {
	if BlockOf(co) == "" {
		return
	}
	co.Annotations = nil
	co.Spec = v1alpha1.LicenseCheckoutSpec{}
	co.Status = v1alpha1.LicenseCheckoutStatus{
		ObservedGeneration: co.Status.ObservedGeneration,
		IssueTime:          co.Status.IssueTime,
		ExpirationTime:     co.Status.ExpirationTime,
	}
}

func (c *Compactor) meta(kind *metav1.TypeMeta, o *metav1.ObjectMeta) {
	kind.Kind, kind.APIVersion = shared(c, kind.Kind), shared(c, kind.APIVersion)
	o.Namespace = shared(c, o.Namespace)
	o.Labels = c.sharedLabels(o.Labels)
}

func (c *Compactor) subscription(s *v1alpha1.Subscription) {
	s.Spec.ProductRef.Name = shared(c, s.Spec.ProductRef.Name)
	s.Spec.State, s.Spec.OfferType = shared(c, s.Spec.State), shared(c, s.Spec.OfferType)
	s.Status.Seats = shared(c, s.Status.Seats)
	s.Status.Conditions = c.conditions(s.Status.Conditions)
	s.Status.Entitlements = exact(s.Status.Entitlements)
	for i := range s.Status.Entitlements {
		e := &s.Status.Entitlements[i]
		e.Name, e.Unit = shared(c, e.Name), shared(c, e.Unit)
	}
	if l := s.Status.Lifecycle; l != nil {
		l.Stage, l.EntitlementsHash = shared(c, l.Stage), shared(c, l.EntitlementsHash)
	}
}

func (c *Compactor) checkout(co *v1alpha1.LicenseCheckout) {
	co.Spec.SubscriptionRef.Name = shared(c, co.Spec.SubscriptionRef.Name)
	co.Spec.Type, co.Spec.WhenUnavailable = shared(c, co.Spec.Type), shared(c, co.Spec.WhenUnavailable)
	co.Spec.Entitlements = exact(co.Spec.Entitlements)
	for i := range co.Spec.Entitlements {
		co.Spec.Entitlements[i].Name = shared(c, co.Spec.Entitlements[i].Name)
	}
	co.Status.Conditions = c.conditions(co.Status.Conditions)
	co.Status.EntitlementsAllowed = exact(co.Status.EntitlementsAllowed)
	for i := range co.Status.EntitlementsAllowed {
		e := &co.Status.EntitlementsAllowed[i]
		e.Name, e.Unit, e.Value = shared(c, e.Name), shared(c, e.Unit), shared(c, e.Value)
	}
}

func (c *Compactor) conditions(list []metav1.Condition) []metav1.Condition {
	list = exact(list)
	for i := range list {
		l := &list[i]
		l.Type, l.Status, l.Reason, l.Message = shared(c, l.Type), shared(c, l.Status), shared(c, l.Reason), shared(c, l.Message)
	}
	return list
}

// shared is a text that other objects have too, in one place of memory.
func shared[T ~string](c *Compactor, text T) T {
	if text == "" {
		return ""
	}
	if known, found := c.texts.Get(string(text)); found {
		return T(known.(string))
	}
	c.texts.Add(string(text), string(text))
	return text
}

// sharedLabels are the labels that all objects of a block have, in one place of
// memory: a map of two takes more than the rest of such an object.
func (c *Compactor) sharedLabels(labels map[string]string) map[string]string {
	const both = 2
	key := [both]string{labels[v1alpha1.LabelSubscription], labels[v1alpha1.LabelLedgerBlock]}
	if len(labels) != both || key[0] == "" || key[1] == "" {
		return labels
	}
	if known, found := c.labels.Get(key); found {
		return known.(map[string]string)
	}
	c.labels.Add(key, labels)
	return labels
}

// exact is a list without the room that decoding has left behind it.
func exact[T any](list []T) []T {
	if len(list) == cap(list) {
		return list
	}
	return slices.Concat(list)
}
