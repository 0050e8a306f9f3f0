// Copyright The license-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package crd_test

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	apiextensionsv1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/controller-runtime/pkg/client"
)

// The bounds are tested from the schema, so that a field that comes tomorrow
// is tested tomorrow: for each the full object is taken, the one field set to
// its bound, which is accepted, and beyond it, which is refused.
func TestEveryFieldIsAcceptedAtItsBoundsAndRefusedBeyond(t *testing.T) {
	objects := full(t)
	for kind, schema := range schemas(t) {
		t.Run(kind, func(t *testing.T) {
			namespace := cluster.Namespace(t)
			o := objects[kind]
			o.SetNamespace(namespace)
			stored := o.DeepCopy()
			if err := cluster.Client.Create(t.Context(), stored); err != nil {
				t.Fatal(err)
			}
			for _, part := range []string{"spec", "status"} {
				top, ok := schema.Properties[part]
				if !ok {
					continue
				}
				b := &bounds{part: part, object: o, stored: stored}
				b.walk(t, []any{part}, &top)
			}
		})
	}
}

// bounds tests the fields of one object's spec or status.
type bounds struct {
	part   string
	object *unstructured.Unstructured // complete, for creations
	stored *unstructured.Unstructured // made, for writes of the status
}

// write tries the object with one field changed. Nothing is kept.
func (b *bounds) write(t *testing.T, path []any, value any) map[string]string {
	t.Helper()
	u := b.object.DeepCopy()
	set(u.Object, path, value)
	if b.part == "spec" {
		return causes(t, cluster.Client.Create(t.Context(), renamed(u), client.DryRunAll))
	}
	u.SetResourceVersion(b.stored.GetResourceVersion())
	return causes(t, cluster.Client.Status().Update(t.Context(), u, client.DryRunAll))
}

// renamed gives a copy a name of its own, since the object itself exists; the
// name of a SeatLedger follows from its Subscription and block.
func renamed(u *unstructured.Unstructured) *unstructured.Unstructured {
	if u.GetKind() != "SeatLedger" {
		u.SetName("another")
		return u
	}
	name, _, _ := unstructured.NestedString(u.Object, "spec", "subscriptionRef", "name")
	block, _, _ := unstructured.NestedInt64(u.Object, "spec", "block")
	if name == "initech" {
		name = "another"
		set(u.Object, []any{"spec", "subscriptionRef", "name"}, name)
	}
	u.SetName(fmt.Sprintf("%s-%d", name, block))
	return u
}

func (b *bounds) accepted(t *testing.T, what string, path []any, value any) {
	t.Helper()
	t.Run(dotted(path)+" of "+what+" is accepted", func(t *testing.T) {
		for field, said := range b.write(t, path, value) {
			t.Errorf("%s: %s", field, said)
		}
	})
}

func (b *bounds) refused(t *testing.T, what string, path []any, value any, words string) {
	t.Helper()
	t.Run(dotted(path)+" of "+what+" is refused", func(t *testing.T) {
		got := b.write(t, path, value)
		if said := got[dotted(path)]; !strings.Contains(said, words) {
			t.Errorf("want %q, got %v", words, got)
		}
	})
}

func (b *bounds) walk(t *testing.T, path []any, s *apiextensionsv1.JSONSchemaProps) {
	value, ok := get(b.object.Object, path)
	if !ok {
		t.Errorf("the full object has no %s: set it, so that its bounds are tested", dotted(path))
		return
	}
	switch s.Type {
	case "object":
		b.fields(t, path, s)
	case "array":
		b.list(t, path, s, value.([]any))
	case "string":
		b.text(t, path, s)
	case "integer":
		b.number(t, path, s)
	}
}

func (b *bounds) fields(t *testing.T, path []any, s *apiextensionsv1.JSONSchemaProps) {
	b.refused(t, "another type", path, "text", "must be of type object")
	for _, name := range s.Required {
		field := append(slices.Clone(path), name)
		b.refused(t, "nothing", field, nil, "Required value")
	}
	for _, name := range slices.Sorted(maps.Keys(s.Properties)) {
		property := s.Properties[name]
		b.walk(t, append(slices.Clone(path), name), &property)
	}
}

func (b *bounds) list(t *testing.T, path []any, s *apiextensionsv1.JSONSchemaProps, items []any) {
	if strings.HasSuffix(dotted(path), ".conditions") {
		return // Kubernetes' own type.
	}
	b.refused(t, "another type", path, "text", "must be of type array")
	many := func(n int64) []any {
		list := []any{}
		for i := range n {
			item := maps.Clone(items[0].(map[string]any))
			if len(s.XListMapKeys) > 0 { // An atomic list may have the same item twice.
				item[s.XListMapKeys[0]] = fmt.Sprintf("item-%d", i)
			}
			list = append(list, item)
		}
		return list
	}
	b.accepted(t, fmt.Sprintf("%d items", *s.MaxItems), path, many(*s.MaxItems))
	b.refused(t, fmt.Sprintf("%d items", *s.MaxItems+1), path, many(*s.MaxItems+1), "Too many")
	if s.MinItems != nil {
		b.accepted(t, fmt.Sprintf("%d items", *s.MinItems), path, many(*s.MinItems))
		b.refused(t, fmt.Sprintf("%d items", *s.MinItems-1), path, many(*s.MinItems-1), "should have at least")
	}
	// Fields that exclude each other are in different items: each is tested in
	// the first that has it.
	element := s.Items.Schema
	for i, item := range items {
		rest := element.DeepCopy()
		for name := range rest.Properties {
			if _, has := item.(map[string]any)[name]; !has || elsewhere(items[:i], name) {
				delete(rest.Properties, name)
			}
		}
		rest.Required = slices.DeleteFunc(rest.Required, func(name string) bool { return elsewhere(items[:i], name) })
		b.fields(t, append(slices.Clone(path), i), rest)
	}
	for name := range element.Properties {
		if !elsewhere(items, name) {
			t.Errorf("the full object has no %s[].%s: set it, so that its bounds are tested", dotted(path), name)
		}
	}
}

// elsewhere says whether one of the items has the field.
func elsewhere(items []any, name string) bool {
	return slices.ContainsFunc(items, func(item any) bool {
		_, has := item.(map[string]any)[name]
		return has
	})
}
