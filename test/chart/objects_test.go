// Copyright The license-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package chart

import (
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	appsv1 "k8s.io/api/apps/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/util/yaml"

	"github.com/license-operator/license-operator/test/env"
)

// object is one rendered manifest.
type object = *unstructured.Unstructured

// decode reads a stream of YAML documents. A repeated key or another fault of
// the YAML itself fails the test.
func decode(t testing.TB, stream string) []object {
	t.Helper()
	var objects []object
	decoder := yaml.NewYAMLOrJSONDecoder(strings.NewReader(stream), 4096)
	for {
		o := &unstructured.Unstructured{}
		err := decoder.Decode(o)
		switch {
		case errors.Is(err, io.EOF):
			return objects
		case err != nil:
			t.Fatalf("decode: %v", err)
		case len(o.Object) > 0:
			objects = append(objects, o)
		}
	}
}

// id names an object within one rendering.
func id(o object) string { return o.GetKind() + " " + o.GetNamespace() + "/" + o.GetName() }

// byID indexes objects; two of one id fail the test.
func byID(t testing.TB, objects []object) map[string]object {
	t.Helper()
	index := map[string]object{}
	for _, o := range objects {
		if index[id(o)] != nil {
			t.Fatalf("%s is rendered twice", id(o))
		}
		index[id(o)] = o
	}
	return index
}

// ofKind returns the objects of one kind.
func ofKind(objects []object, kind string) []object {
	var found []object
	for _, o := range objects {
		if o.GetKind() == kind {
			found = append(found, o)
		}
	}
	return found
}

// deployment returns the only Deployment, with no field that the type lacks.
func deployment(t testing.TB, objects []object) *appsv1.Deployment {
	t.Helper()
	found := ofKind(objects, "Deployment")
	if len(found) != 1 {
		t.Fatalf("%d Deployments, want 1", len(found))
	}
	d := &appsv1.Deployment{}
	convert(t, found[0], d)
	return d
}

// roles returns the roles by kind and name.
func roles(t testing.TB, objects []object) map[string]*rbacv1.ClusterRole {
	t.Helper()
	found := map[string]*rbacv1.ClusterRole{}
	for _, kind := range []string{"ClusterRole", "Role"} {
		for _, o := range ofKind(objects, kind) {
			// A Role is a ClusterRole without its aggregation.
			r := &rbacv1.ClusterRole{}
			convert(t, o, r)
			found[kind+" "+o.GetName()] = r
		}
	}
	return found
}

func convert(t testing.TB, from object, to any) {
	t.Helper()
	const refuseUnknownFields = true
	err := runtime.DefaultUnstructuredConverter.FromUnstructuredWithValidation(from.Object, to, refuseUnknownFields)
	if err != nil {
		t.Fatalf("%s: %v", id(from), err)
	}
}

// readConfig decodes a file in config/.
func readConfig(t testing.TB, path ...string) []object {
	t.Helper()
	data, err := os.ReadFile(filepath.Join(append([]string{env.Root(), "config"}, path...)...))
	if err != nil {
		t.Fatal(err)
	}
	return decode(t, string(data))
}
