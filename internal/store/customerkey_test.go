// Copyright The license-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package store_test

import (
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/license-operator/license-operator/api/v1alpha1"
	"github.com/license-operator/license-operator/internal/fault"
	"github.com/license-operator/license-operator/internal/store"
	"github.com/license-operator/license-operator/test/builder"
	"github.com/license-operator/license-operator/test/expect"
)

// onlyKey is the one AccessKey of the namespace.
func onlyKey(s *scene) *v1alpha1.AccessKey {
	s.Helper()
	list := &v1alpha1.AccessKeyList{}
	s.List(list)
	if len(list.Items) != 1 {
		s.Fatalf("there are %d access keys, want 1", len(list.Items))
	}
	return &list.Items[0]
}

func TestACustomersKeyIsMadeOnce(t *testing.T) {
	s := newScene(t)
	a := activation(s)
	var ids []string
	for _, st := range []*store.Store{s.lagging, s.lagging, s.current} {
		k, err := st.CustomerKey(t.Context(), a)
		if err != nil {
			t.Fatal(err)
		}
		ids = append(ids, k.Status.AccessKeyID)
	}
	k := onlyKey(s)
	if want := s.Names.AccessKeyID(k, 1); cmp.Diff([]string{want, want, want}, ids) != "" || k.Status.AccessKeyID != want || k.Status.Rotation != 1 {
		t.Errorf("the ids are %v, the status says %q of rotation %d, want %s of 1", ids, k.Status.AccessKeyID, k.Status.Rotation, want)
	}
	want := builder.CustomerKey(s.Names.Identity.ActivatedKeyName(s.Namespace, "initech", a.Name), "initech").
		MadeBy(a.Name).WithRotation(1).WithOverlap(0).InNamespace(s.Namespace).Build()
	if diff := cmp.Diff(want.Spec, k.Spec) + cmp.Diff(want.Labels, k.Labels) + cmp.Diff(want.Name, k.Name); diff != "" {
		t.Errorf("the AccessKey (-want +got):\n%s", diff)
	}
	// By the id in the status another replica finds it.
	if found, rotation, err := s.lagging.AccessKey(t.Context(), k.Status.AccessKeyID); found == nil || rotation != 1 || err != nil {
		t.Errorf("by its id it is %v, %d, %v", found, rotation, err)
	}
}

func TestACustomersKeyMadeByManyAtOnceIsOne(t *testing.T) {
	s := newScene(t)
	a := activation(s)
	ids := make([]string, 8)
	var group sync.WaitGroup
	for n := range ids {
		group.Go(func() {
			k, err := s.lagging.CustomerKey(t.Context(), a.DeepCopy())
			if err != nil {
				t.Error(err)
				return
			}
			ids[n] = k.Status.AccessKeyID
		})
	}
	group.Wait()
	want := onlyKey(s).Status.AccessKeyID
	for _, id := range ids {
		if id != want {
			t.Errorf("one was answered %s, another %s", id, want)
		}
	}
}

func TestAKeyWhoseIdWasNotRecordedGetsIt(t *testing.T) {
	s := newScene(t)
	a := activation(s)
	lost := store.New(s.Names, expect.EmptyCache{}, expect.Disturbed(s.live, expect.Faults{
		PatchStatus: func(func() error) error { return errBroken }}), s.Clock)
	if _, err := lost.CustomerKey(t.Context(), a); fault.KindOf(err) != fault.Unavailable {
		t.Errorf("the error is %v, want Unavailable", err)
	}
	if id := onlyKey(s).Status.AccessKeyID; id != "" {
		t.Fatalf("the id is %s", id)
	}
	if _, err := s.current.CustomerKey(t.Context(), a); err != nil {
		t.Fatal(err)
	}
	k := onlyKey(s)
	if want := s.Names.AccessKeyID(k, 1); k.Status.AccessKeyID != want {
		t.Errorf("the id is %q, want %s", k.Status.AccessKeyID, want)
	}
}

func TestAForeignObjectOfThatNameIsRefused(t *testing.T) {
	for name, test := range map[string]struct {
		key  func(name string) *builder.AccessKeyBuilder
		want fault.Kind
	}{
		"a vendor's": {builder.VendorKey, fault.Internal},
		"another customer's": {func(name string) *builder.AccessKeyBuilder {
			return builder.CustomerKey(name, "globex").MadeBy("initech-1")
		}, fault.Internal},
		"one of another key": {func(name string) *builder.AccessKeyBuilder {
			return builder.CustomerKey(name, "initech").MadeBy("initech-2")
		}, fault.Internal},
		"one that nothing revokes": {func(name string) *builder.AccessKeyBuilder { return builder.CustomerKey(name, "initech") }, fault.Internal},
		"one that the vendor has revoked": {func(name string) *builder.AccessKeyBuilder {
			return builder.CustomerKey(name, "initech").MadeBy("initech-1").Inactive()
		}, fault.ActivationKeyInvalid},
	} {
		t.Run(name, func(t *testing.T) {
			s := newScene(t)
			a := activation(s)
			foreign := test.key(s.Names.Identity.ActivatedKeyName(s.Namespace, "initech", a.Name)).Build()
			s.Create(foreign)
			for _, st := range []*store.Store{s.lagging, s.current} {
				if k, err := st.CustomerKey(t.Context(), a); k != nil || err == nil || fault.KindOf(err) != test.want {
					t.Errorf("it is %v and the error %v, want %s", k, err, test.want)
				}
			}
			if k := onlyKey(s); k.ResourceVersion != foreign.ResourceVersion {
				t.Errorf("the object was changed: %v", k)
			}
		})
	}
}

func TestAKeyThatIsBeingDeletedIsNotHandedOut(t *testing.T) {
	s := newScene(t)
	a := activation(s)
	k, err := s.lagging.CustomerKey(t.Context(), a)
	if err != nil {
		t.Fatal(err)
	}
	expect.Edit(s.Stage, k, func(k *v1alpha1.AccessKey) { k.Finalizers = []string{"example.com/wait"} })
	s.Delete(k)
	if k, err := s.current.CustomerKey(t.Context(), a); fault.KindOf(err) != fault.Unavailable {
		t.Errorf("it is %v and the error %v, want Unavailable", k, err)
	}
	if found, _, err := s.current.AccessKey(t.Context(), k.Status.AccessKeyID); found != nil || err != nil {
		t.Errorf("by its id it is %v and the error %v", found, err)
	}
	expect.Edit(s.Stage, k, func(k *v1alpha1.AccessKey) { k.Finalizers = nil })
	again, err := s.lagging.CustomerKey(t.Context(), a)
	if err != nil {
		t.Fatal(err)
	}
	if again.UID == k.UID || again.Status.AccessKeyID != k.Status.AccessKeyID {
		t.Errorf("made again it is %v, want the same pair in another object", again)
	}
}

func TestTwoActivationsOfOneCustomerGiveTwoPairs(t *testing.T) {
	s := newScene(t)
	first := activation(s)
	second := builder.Activation("initech-2", "initech").InNamespace(s.Namespace).Build()
	a, err := s.lagging.CustomerKey(t.Context(), first)
	if err != nil {
		t.Fatal(err)
	}
	b, err := s.lagging.CustomerKey(t.Context(), second)
	if err != nil {
		t.Fatal(err)
	}
	if a.Name == b.Name || a.Status.AccessKeyID == b.Status.AccessKeyID {
		t.Errorf("both are %s with the id %s", a.Name, a.Status.AccessKeyID)
	}
}
