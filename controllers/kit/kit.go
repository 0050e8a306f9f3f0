// Copyright The license-operator Authors.
// SPDX-License-Identifier: Apache-2.0

// Package kit holds what all controllers do alike: setting conditions by the
// injected clock, patching a status once and only when it changed, and events
// that come after the write.
package kit

import (
	"context"
	"errors"
	"strings"
	"time"

	"k8s.io/apimachinery/pkg/api/equality"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/tools/events"
	"k8s.io/utils/clock"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"

	"github.com/license-operator/license-operator/api/v1alpha1"
	"github.com/license-operator/license-operator/internal/store"
)

// conflictPause is how long a lagging cache is given before another try.
const conflictPause = 100 * time.Millisecond

// ReapplyInterval is how often a Secret whose content can be derived is applied
// again, so that one that somebody deleted or changed comes back.
const ReapplyInterval = time.Hour

// SecretConflictPause is how long until a Secret that somebody else holds is
// tried again: Secrets of vendors' namespaces can't be watched.
const SecretConflictPause = 30 * time.Second

// SecretConflict is the condition Ready of an object whose Secret somebody else
// holds.
func SecretConflict(name, key string) metav1.Condition {
	return Condition(v1alpha1.ConditionReady, metav1.ConditionFalse, v1alpha1.ReasonSecretConflict,
		"The Secret "+name+" exists and somebody else holds it or its key "+key+"; delete or rename that Secret")
}

// SecretNotWritten is the condition Ready of an object whose Secret the API
// server refused, for a quota or a policy. The cause is for the log: it may
// repeat what was sent.
func SecretNotWritten(name string) metav1.Condition {
	return Condition(v1alpha1.ConditionReady, metav1.ConditionFalse, v1alpha1.ReasonSecretNotWritten,
		"The Secret "+name+" could not be written; look for a quota or a policy of the namespace, the operator's log has the error")
}

// Kit is what every controller is made of.
type Kit struct {
	// Clock is first: all decisions on time are made with it.
	Clock clock.PassiveClock
	// Client reads from the cache and writes to the API server.
	Client client.Client
	// Recorder makes events.
	Recorder events.EventRecorder
}

// Event is something to tell the user once, after it has been committed.
type Event struct {
	// Type is corev1.EventTypeNormal or corev1.EventTypeWarning.
	Type string
	// Reason and Action are single words in upper camel case.
	Reason, Action string
	// Note is a sentence that says what to do.
	Note string
}

// Emit makes events of an object.
func (k *Kit) Emit(obj client.Object, list []Event) {
	for _, e := range list {
		k.Recorder.Eventf(obj, nil, e.Type, e.Reason, e.Action, "%s", clip(e.Note))
	}
}

// maxNote is the longest note of an event that the API server accepts, in
// bytes: an event with a longer one would be lost.
const maxNote = 1024

func clip(note string) string {
	const mark = "..."
	if len(note) <= maxNote {
		return note
	}
	return strings.ToValidUTF8(note[:maxNote-len(mark)], "") + mark
}

// Condition returns a condition for SetConditions.
func Condition(kind string, status metav1.ConditionStatus, reason, message string) metav1.Condition {
	return metav1.Condition{Type: kind, Status: status, Reason: reason, Message: message}
}

// Bool turns a decision into a condition's status.
func Bool(b bool) metav1.ConditionStatus {
	if b {
		return metav1.ConditionTrue
	}
	return metav1.ConditionFalse
}

// Set sets one condition of obj and reports whether its status or reason
// changed.
func (k *Kit) Set(obj client.Object, conditions *[]metav1.Condition, c metav1.Condition) bool {
	before := meta.FindStatusCondition(*conditions, c.Type)
	changed := before == nil || before.Status != c.Status || before.Reason != c.Reason
	c.ObservedGeneration = obj.GetGeneration()
	c.LastTransitionTime = metav1.NewTime(k.Clock.Now())
	meta.SetStatusCondition(conditions, c)
	return changed
}

// PatchStatus patches obj's status if it differs from base's, with an
// optimistic lock. Both must be the whole object; obj becomes what the API
// server answers.
func (k *Kit) PatchStatus(ctx context.Context, base, obj client.Object, baseStatus, status any) error {
	if equality.Semantic.DeepEqual(baseStatus, status) {
		return nil
	}
	return k.Client.Status().Patch(ctx, obj, client.MergeFromWithOptions(base, client.MergeFromWithOptimisticLock{}),
		client.FieldOwner(v1alpha1.FieldOwner))
}

// ErrLagging says that the cache does not hold yet what must exist.
var ErrLagging = errors.New("the cache lags behind")

// Namespace reads the metadata of the namespace of an object.
func (k *Kit) Namespace(ctx context.Context, name string) (*metav1.PartialObjectMetadata, error) {
	ns := store.NamespaceMetadata()
	err := k.Client.Get(ctx, client.ObjectKey{Name: name}, ns)
	if apierrors.IsNotFound(err) {
		return nil, ErrLagging
	}
	return ns, err
}

// Product reads the Product of a Subscription; nil if there is none.
func (k *Kit) Product(ctx context.Context, sub *v1alpha1.Subscription) (*v1alpha1.Product, error) {
	p := &v1alpha1.Product{}
	err := k.Client.Get(ctx, client.ObjectKey{Namespace: sub.Namespace, Name: sub.Spec.ProductRef.Name}, p)
	if err != nil {
		return nil, client.IgnoreNotFound(err)
	}
	return p, nil
}

// Retry turns an error into a result: a conflict means that the cache lags
// behind, which is no error; the object comes again with its newer version. An
// object that is gone needs nothing.
func Retry(err error) (reconcile.Result, error) {
	switch {
	case errors.Is(err, ErrLagging):
		return reconcile.Result{RequeueAfter: conflictPause}, nil
	case apierrors.IsNotFound(err):
		return reconcile.Result{}, nil
	case apierrors.IsConflict(err):
		return reconcile.Result{RequeueAfter: conflictPause}, nil
	}
	return reconcile.Result{}, err
}
