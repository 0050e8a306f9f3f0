// Copyright The license-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package crd_test

import (
	"errors"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"sigs.k8s.io/controller-runtime/pkg/client"
)

// refusals are the fields that the API server refuses, each with the words it
// has to use. None means that the object is accepted.
type refusals map[string]string

// creation is an object and what the API server says of it.
type creation struct {
	object client.Object
	want   refusals
}

// update is an object that exists, a change and what the API server says of
// that.
type update struct {
	object client.Object
	change func(client.Object)
	want   refusals
}

// cases are the tables of one kind, keyed by sentences.
type cases struct {
	creations map[string]creation
	updates   map[string]update
}

// tables are all tables by kind.
var tables = map[string]cases{
	"Product":         productCases,
	"Subscription":    subscriptionCases,
	"Activation":      activationCases,
	"LicenseCheckout": checkoutCases,
	"AccessKey":       accessKeyCases,
	"SeatLedger":      ledgerCases,
	"UsageRecord":     usageCases,
}

// changing gives a change of one kind the type that tables want.
func changing[O client.Object](change func(O)) func(client.Object) {
	return func(o client.Object) { change(o.(O)) }
}

func TestTheAPIServerRefusesWhatAnObjectMayNotSayOfItself(t *testing.T) {
	for kind, table := range tables {
		t.Run(kind, func(t *testing.T) {
			namespace := cluster.Namespace(t)
			for name, c := range table.creations {
				t.Run(name, func(t *testing.T) {
					o := c.object.DeepCopyObject().(client.Object)
					o.SetNamespace(namespace)
					expect(t, cluster.Client.Create(t.Context(), o, client.DryRunAll), c.want)
				})
			}
		})
	}
}

func TestTheAPIServerRefusesChangesOfWhatIsImmutable(t *testing.T) {
	for kind, table := range tables {
		t.Run(kind, func(t *testing.T) {
			for name, c := range table.updates {
				t.Run(name, func(t *testing.T) { c.run(t) })
			}
		})
	}
}

// run makes the object, changes it, and sees that a refused change has left
// everything as it was and that the way back is open.
func (u update) run(t *testing.T) {
	before := u.object.DeepCopyObject().(client.Object)
	before.SetNamespace(cluster.Namespace(t))
	if err := cluster.Client.Create(t.Context(), before); err != nil {
		t.Fatal(err)
	}
	changed := before.DeepCopyObject().(client.Object)
	u.change(changed)
	if cmp.Diff(before, changed) == "" {
		t.Fatal("the case changes nothing")
	}
	expect(t, cluster.Client.Update(t.Context(), changed), u.want)
	if len(u.want) == 0 {
		return
	}
	after := reread(t, before)
	if diff := cmp.Diff(before, after); diff != "" {
		t.Errorf("the refused change has left its mark (-before +after):\n%s", diff)
	}
	if err := cluster.Client.Update(t.Context(), after); err != nil {
		t.Errorf("going back to what it was: %v", err)
	}
	if after.GetGeneration() != before.GetGeneration() {
		t.Errorf("generation %d became %d", before.GetGeneration(), after.GetGeneration())
	}
}

// reread reads an object again.
func reread(t *testing.T, o client.Object) client.Object {
	t.Helper()
	fresh, err := cluster.Scheme.New(gvk(t, o))
	if err != nil {
		t.Fatal(err)
	}
	got := fresh.(client.Object)
	if err := cluster.Client.Get(t.Context(), client.ObjectKeyFromObject(o), got); err != nil {
		t.Fatal(err)
	}
	return got
}

// expect holds the API server's answer against the refusals that a case wants:
// all of them, and none beside them.
func expect(t *testing.T, err error, want refusals) {
	t.Helper()
	got := causes(t, err)
	for _, field := range slices.Sorted(maps.Keys(want)) {
		said, refused := got[field]
		switch {
		case !refused:
			t.Errorf("%s is not refused; the answer was: %v", field, err)
		case !strings.Contains(said, want[field]):
			t.Errorf("%s is refused with\n%s\nwhich does not say\n%s", field, said, want[field])
		}
	}
	for _, field := range slices.Sorted(maps.Keys(got)) {
		if _, wanted := want[field]; !wanted {
			t.Errorf("%s is refused too: %s", field, got[field])
		}
	}
}

// causes are the words of a refusal by field. Where one field has several they
// are joined.
func causes(t *testing.T, err error) map[string]string {
	t.Helper()
	if err == nil {
		return nil
	}
	var status apierrors.APIStatus
	if !errors.As(err, &status) || !apierrors.IsInvalid(err) {
		t.Fatalf("refused, but not as invalid: %v", err)
	}
	got := map[string]string{}
	for _, cause := range status.Status().Details.Causes {
		// The schema is checked before the rules; when it finds fault, a cause
		// without a field says that the rules have not all been looked at.
		if cause.Field == "<nil>" && strings.Contains(cause.Message, "some validation rules were not checked") {
			continue
		}
		if said := got[cause.Field]; said != "" {
			cause.Message = said + "\n" + cause.Message
		}
		got[cause.Field] = cause.Message
	}
	return got
}

// gvk is the kind of a typed object.
func gvk(t *testing.T, o client.Object) schema.GroupVersionKind {
	t.Helper()
	kind, err := cluster.Client.GroupVersionKindFor(o)
	if err != nil {
		t.Fatal(err)
	}
	return kind
}
