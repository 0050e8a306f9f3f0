// Copyright The license-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package store_test

import (
	"encoding/json"
	"fmt"
	"maps"
	"runtime"
	"strings"
	"testing"
	"time"
	"unsafe"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	toolscache "k8s.io/client-go/tools/cache"
	"k8s.io/utils/ptr"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/license-operator/license-operator/api/v1alpha1"
	"github.com/license-operator/license-operator/internal/seats"
	"github.com/license-operator/license-operator/internal/store"
	"github.com/license-operator/license-operator/test/builder"
	"github.com/license-operator/license-operator/test/expect"
)

var (
	issued  = metav1.NewTime(time.Unix(1900000000, 0))
	expires = metav1.NewTime(time.Unix(1900003600, 0))
)

// written is an object as the API server sends it: with who wrote what of it.
func written[T client.Object](o T) T {
	o.SetNamespace("acme")
	o.SetUID(types.UID("0b6d7a52-7b0e-4a4e-9c37-" + o.GetName()))
	o.SetResourceVersion("7001234")
	o.SetGeneration(1)
	o.SetCreationTimestamp(issued)
	o.SetManagedFields([]metav1.ManagedFieldsEntry{{Manager: "license-operator", Operation: metav1.ManagedFieldsOperationUpdate,
		APIVersion: "license-operator.dev/v1alpha1", Time: &issued, FieldsType: "FieldsV1", Subresource: "status",
		FieldsV1: metav1.NewFieldsV1(fmt.Sprintf(`{"f:status":{%q:{}}}`, strings.Repeat("f", 1000)))}})
	return o
}

func conditions(kinds ...string) (list []metav1.Condition) {
	for _, kind := range kinds {
		list = append(list, metav1.Condition{Type: kind, Status: metav1.ConditionTrue, Reason: "A" + kind, ObservedGeneration: 1,
			LastTransitionTime: issued, Message: "What can be said of " + kind + " is said in one or two sentences"})
	}
	return list
}

// projectionOf is a LicenseCheckout that stands for a checkout through the API.
func projectionOf(name string, block int32) *v1alpha1.LicenseCheckout {
	co := written(builder.LicenseCheckout(name, "initech").OnNode("node-1").WithAnnotation("a", "b").Build())
	co.Labels = store.ProjectionLabels(seats.Key{Namespace: "acme", Name: "initech"}, block)
	co.Status = v1alpha1.LicenseCheckoutStatus{
		ObservedGeneration: 1, QueuePosition: ptr.To[int32](1), IssueTime: &issued, ExpirationTime: &expires,
		Conditions:          conditions(v1alpha1.ConditionGranted, v1alpha1.ConditionReleased),
		EntitlementsAllowed: []v1alpha1.AllowedEntitlement{{Name: "seats", Unit: v1alpha1.UnitCount, Quantity: ptr.To[int64](1)}},
	}
	return co
}

// subscriptionOf is a Subscription with the status that the controllers write.
func subscriptionOf(names store.Names, name string) *v1alpha1.Subscription {
	sub := written(builder.Subscription(name, "render-farm").WithSeats("seats", 10).Build())
	sub.Status = v1alpha1.SubscriptionStatus{
		Conditions: conditions(v1alpha1.ConditionReady, v1alpha1.ConditionSubscribed, v1alpha1.ConditionCheckoutsProjected,
			v1alpha1.ConditionUsageAccepted),
		ObservedGeneration: 1, CustomerIdentifier: names.Customer(sub), LicenseARN: names.LicenseARN("123456789012", sub),
		PersistentIdentifier: names.PID(sub), Seats: "0/10",
		Lifecycle: &v1alpha1.Lifecycle{Stage: v1alpha1.StageSubscribed, StageTime: &issued, EntitlementsHash: strings.Repeat("0a", 16)},
		Entitlements: []v1alpha1.EntitlementUsage{{Name: "seats", Unit: v1alpha1.UnitCount, MaxCount: ptr.To[int64](10),
			InUse: ptr.To[int64](0), Queued: ptr.To[int64](0)}, {Name: "gpu", Unit: v1alpha1.UnitNone}},
	}
	return sub
}

func TestTheCacheKeepsOfObjectsWhatIsRead(t *testing.T) {
	names := store.Names{Identity: expect.NewKeys(t, 7).Get().Identity}
	projection := projectionOf("co-a", 0)
	users := projectionOf("worker", 0)
	users.Labels = map[string]string{"team": "render"}
	applied := subscriptionOf(names, "initech")
	applied.Annotations = map[string]string{corev1.LastAppliedConfigAnnotation: "{}", "billing": "17"}
	key := written(builder.VendorKey("backend").Build())
	key.Status.Conditions = conditions(v1alpha1.ConditionReady)
	activation := written(builder.Activation("first", "initech").Build())
	activation.Status.Conditions = conditions(v1alpha1.ConditionReady)
	for name, test := range map[string]struct {
		object client.Object
		// differs says what is gone beside who wrote it.
		differs func(o client.Object)
	}{
		"of a user's LicenseCheckout everything": {users, func(client.Object) {}},
		"of the operator's how it stands": {projection, func(o client.Object) {
			co := o.(*v1alpha1.LicenseCheckout)
			co.Annotations, co.Spec = nil, v1alpha1.LicenseCheckoutSpec{}
			co.Status.QueuePosition, co.Status.Conditions, co.Status.EntitlementsAllowed = nil, nil, nil
		}},
		"of a Subscription all but what kubectl applied last": {applied, func(o client.Object) {
			delete(o.GetAnnotations(), corev1.LastAppliedConfigAnnotation)
		}},
		"of an AccessKey everything":  {key, func(client.Object) {}},
		"of an Activation everything": {activation, func(client.Object) {}},
		"of a Product everything":     {written(builder.Product("render-farm").Build()), func(client.Object) {}},
		"of metadata everything": {written(&metav1.PartialObjectMetadata{ObjectMeta: metav1.ObjectMeta{Name: "a"}}),
			func(client.Object) {}},
	} {
		t.Run(name, func(t *testing.T) {
			want := test.object.DeepCopyObject().(client.Object)
			want.SetManagedFields(nil)
			test.differs(want)
			c := store.NewCompactor()
			for range 2 { // The cache may transform an object again.
				got, err := c.Transform(test.object)
				if diff := cmp.Diff(any(want), got); diff != "" || err != nil {
					t.Errorf("error %v, the cache (-want +got):\n%s", err, diff)
				}
			}
			other := test.object.DeepCopyObject().(client.Object)
			if got, err := c.Transform(written(other)); err != nil || !cmp.Equal(any(want), got) {
				t.Errorf("another one of the kind differs, error %v:\n%s", err, cmp.Diff(any(want), got))
			}
		})
	}
	if got, err := store.NewCompactor().Transform("gone"); got != "gone" || err != nil {
		t.Errorf("something else becomes %v: %v", got, err)
	}
}

func TestObjectsOfTheCacheShareWhatTheyHaveInCommon(t *testing.T) {
	names := store.Names{Identity: expect.NewKeys(t, 7).Get().Identity}
	c := store.NewCompactor()
	kept := func(o client.Object) client.Object { return keep(t, c, o) }
	a := kept(subscriptionOf(names, "a")).(*v1alpha1.Subscription)
	b := kept(subscriptionOf(names, "b")).(*v1alpha1.Subscription)
	for _, texts := range [][2]string{
		{a.Namespace, b.Namespace}, {a.APIVersion, b.APIVersion}, {a.Spec.ProductRef.Name, b.Spec.ProductRef.Name},
		{a.Status.Conditions[0].Message, b.Status.Conditions[0].Message},
	} {
		if texts[0] == "" || unsafe.StringData(texts[0]) != unsafe.StringData(texts[1]) {
			t.Errorf("%q is kept twice", texts[0])
		}
	}
	first, second := kept(projectionOf("co-a", 0)), kept(projectionOf("co-b", 0))
	another, labelled := kept(projectionOf("co-c", 1)), projectionOf("co-d", 0)
	labelled.Labels["team"] = "render"
	first.GetLabels()["shown"] = "by both"
	if second.GetLabels()["shown"] == "" || another.GetLabels()["shown"] != "" || kept(labelled).GetLabels()["shown"] != "" {
		t.Errorf("the labels are %v, %v and %v", second.GetLabels(), another.GetLabels(), labelled.GetLabels())
	}
}

// keep decodes an object as the cache does, and transforms it.
func keep(t *testing.T, c *store.Compactor, o client.Object) client.Object {
	t.Helper()
	data, err := json.Marshal(o)
	if err != nil {
		t.Fatal(err)
	}
	var kept client.Object = &v1alpha1.Subscription{TypeMeta: metav1.TypeMeta{APIVersion: "license-operator.dev/v1alpha1", Kind: "Subscription"}}
	if _, ok := o.(*v1alpha1.LicenseCheckout); ok {
		kept = &v1alpha1.LicenseCheckout{}
	}
	if err := json.Unmarshal(data, kept); err != nil {
		t.Fatal(err)
	}
	transformed, err := c.Transform(kept)
	if err != nil {
		t.Fatal(err)
	}
	return transformed.(client.Object)
}

// TestTheCacheIsSmall bounds what an object takes in the cache with all that it
// is found by: 2,400 bytes and 800 when this was written, 3,600 and 2,100 without
// what is done for it.
func TestTheCacheIsSmall(t *testing.T) {
	names := store.Names{Identity: expect.NewKeys(t, 7).Get().Identity}
	indexes := newIndexer()
	if err := store.SetupIndexes(t.Context(), indexes, names); err != nil {
		t.Fatal(err)
	}
	const count, perBlock = 2000, 200
	for name, test := range map[string]struct {
		object func(i int) client.Object
		prefix string
		most   uint64
	}{
		"a Subscription": {func(i int) client.Object { return subscriptionOf(names, fmt.Sprintf("s-%06d", i)) }, "field:subscription.", 2900},
		"a LicenseCheckout of a checkout through the API": {func(i int) client.Object {
			return projectionOf(fmt.Sprintf("co-%06d", i), int32(i/perBlock))
		}, "field:licenseCheckout.", 1200},
	} {
		t.Run(name, func(t *testing.T) {
			own := maps.Clone(indexes.kept)
			maps.DeleteFunc(own, func(name string, _ toolscache.IndexFunc) bool { return !strings.HasPrefix(name, test.prefix) })
			own[toolscache.NamespaceIndex] = toolscache.MetaNamespaceIndexFunc
			indexer, c := toolscache.NewIndexer(toolscache.MetaNamespaceKeyFunc, own), store.NewCompactor()
			before := live()
			for i := range count {
				if err := indexer.Add(keep(t, c, test.object(i))); err != nil {
					t.Fatal(err)
				}
			}
			took := (live() - before) / count
			t.Logf("%d bytes for each of %d, in %d indexes", took, len(indexer.ListKeys()), len(own))
			if took > test.most {
				t.Errorf("%d bytes for each, at most %d are wanted", took, test.most)
			}
		})
	}
}

// live is how many bytes can be reached.
func live() uint64 {
	var stats runtime.MemStats
	runtime.GC()
	runtime.GC() // What was kept for finalizers is gone with the second.
	runtime.ReadMemStats(&stats)
	return stats.HeapAlloc
}
