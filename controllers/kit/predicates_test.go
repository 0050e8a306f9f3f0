// Copyright The license-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package kit

import (
	"context"
	"errors"
	"testing"

	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/event"
	"sigs.k8s.io/controller-runtime/pkg/predicate"

	"github.com/license-operator/license-operator/api/v1alpha1"
	"github.com/license-operator/license-operator/test/builder"
)

func TestWhatWakesAController(t *testing.T) {
	without := builder.Subscription("initech", "render-farm").Build()
	with := builder.Subscription("initech", "render-farm").With(func(s *v1alpha1.Subscription) {
		s.Status.PersistentIdentifier = "P"
	}).Build()
	suspended := builder.Subscription("initech", "render-farm").InState(v1alpha1.SubscriptionSuspended).Build()
	for name, test := range map[string]struct {
		predicate predicate.Predicate
		old, new  client.Object
		want      bool
	}{
		"a PID that appears":                      {IdentifiersChanged{}, without, with, true},
		"a PID that goes":                         {IdentifiersChanged{}, with, without, true},
		"another state":                           {IdentifiersChanged{}, without, suspended, false},
		"nothing at all":                          {IdentifiersChanged{}, with, with, false},
		"an object of another kind":               {IdentifiersChanged{}, builder.Product("a").Build(), builder.Product("a").Build(), false},
		"any change, where only existence counts": {CreatedOrDeleted(), without, with, false},
	} {
		t.Run(name, func(t *testing.T) {
			if got := test.predicate.Update(event.UpdateEvent{ObjectOld: test.old, ObjectNew: test.new}); got != test.want {
				t.Errorf("an update passes: %t, want %t", got, test.want)
			}
			if !test.predicate.Create(event.CreateEvent{Object: test.new}) {
				t.Error("one that appears does not pass")
			}
			if !test.predicate.Delete(event.DeleteEvent{Object: test.new}) {
				t.Error("one that goes does not pass")
			}
		})
	}
}

// broken is a reader that can't list.
type broken struct{ client.Reader }

func (broken) List(context.Context, client.ObjectList, ...client.ListOption) error {
	return errors.New("the cache is not there")
}

func TestAListThatFailsAsksForNobody(t *testing.T) {
	if got := Requests(t.Context(), broken{}, &v1alpha1.ProductList{}); got != nil {
		t.Errorf("the requests are %v", got)
	}
}
