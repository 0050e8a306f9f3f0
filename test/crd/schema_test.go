// Copyright The license-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package crd_test

import (
	"strings"
	"testing"

	apiextensionsv1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
)

// schemas are the schemas that the API server holds, by kind.
func schemas(t *testing.T) map[string]*apiextensionsv1.JSONSchemaProps {
	t.Helper()
	byKind := map[string]*apiextensionsv1.JSONSchemaProps{}
	for _, crd := range definitions(t) {
		byKind[crd.Spec.Names.Kind] = crd.Spec.Versions[0].Schema.OpenAPIV3Schema
	}
	return byKind
}

// visit calls f for a schema and everything in it.
func visit(path string, s *apiextensionsv1.JSONSchemaProps, f func(path string, s *apiextensionsv1.JSONSchemaProps)) {
	f(path, s)
	for name, property := range s.Properties {
		visit(strings.TrimPrefix(path+"."+name, "."), &property, f)
	}
	if s.Items != nil {
		visit(path+"[]", s.Items.Schema, f)
	}
}

// inStatus tells the operator's own words: bounded, but nobody else's to get
// wrong.
func inStatus(path string) bool { return path == "status" || strings.HasPrefix(path, "status.") }

func TestEveryRuleAndPatternIsInATable(t *testing.T) {
	for kind, schema := range schemas(t) {
		var said []string
		for _, c := range tables[kind].creations {
			for _, words := range c.want {
				said = append(said, words)
			}
		}
		for _, u := range tables[kind].updates {
			for _, words := range u.want {
				said = append(said, words)
			}
		}
		tested := func(words string) bool {
			for _, s := range said {
				if strings.Contains(s, words) {
					return true
				}
			}
			return false
		}
		visit("", schema, func(path string, s *apiextensionsv1.JSONSchemaProps) {
			for _, rule := range s.XValidations {
				if rule.Message == "" {
					t.Errorf("%s: a rule of %q has no message: %s", kind, path, rule.Rule)
				} else if !tested(rule.Message) {
					t.Errorf("%s: no case of %q says: %s", kind, path, rule.Message)
				}
			}
			if s.Pattern != "" && !inStatus(path) && !tested(s.Pattern) {
				t.Errorf("%s: no case of %q breaks the pattern %s", kind, path, s.Pattern)
			}
		})
	}
}

func TestEveryStringListAndNumberIsBounded(t *testing.T) {
	for kind, schema := range schemas(t) {
		visit("", schema, func(path string, s *apiextensionsv1.JSONSchemaProps) {
			if path == "apiVersion" || path == "kind" || path == "metadata" {
				return // The API server's own.
			}
			if strings.Contains(path, "conditions[]") {
				return // Kubernetes' own.
			}
			switch s.Type {
			case "string":
				if s.MaxLength == nil && len(s.Enum) == 0 && s.Format != "date-time" {
					t.Errorf("%s: the string %s has no longest length", kind, path)
				}
			case "array":
				if s.MaxItems == nil {
					t.Errorf("%s: the list %s has no greatest number of items", kind, path)
				}
				if s.XListType == nil {
					t.Errorf("%s: the list %s has no list type", kind, path)
				}
			case "integer":
				// What the operator counts itself is bounded by its type.
				if s.Minimum == nil || (s.Maximum == nil && !inStatus(path) && path != "spec.sequence" && path != "spec.term") {
					t.Errorf("%s: the number %s is not bounded", kind, path)
				}
			case "number", "boolean":
				t.Errorf("%s: %s is a %s; the API's numbers are integers and its choices are words", kind, path, s.Type)
			}
			if s.AdditionalProperties != nil || s.XPreserveUnknownFields != nil {
				t.Errorf("%s: %s takes any field", kind, path)
			}
			if s.Description == "" && !strings.HasSuffix(path, "[]") {
				t.Errorf("%s: %s has no description", kind, path)
			}
		})
	}
}
