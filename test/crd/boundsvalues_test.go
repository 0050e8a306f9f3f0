// Copyright The license-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package crd_test

import (
	"cmp"
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	apiextensionsv1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
)

// texts are the shapes of strings that a rule asks for; %s is filled up to the
// length wanted.
var texts = map[string]string{
	"spec.activation.redirectURL":      "https://acme.example/%s",
	"spec.registration.fulfillmentURL": "https://acme.example/%s",
	"spec.notifications.webhookURL":    "https://acme.example/%s",
	"spec.importedTokenSHA256":         "%s",
	"spec.customer.accountID":          "%s",
}

// filled is a string of n characters that the rules of its field accept.
func filled(path []any, n int64) string {
	shape, ok := texts[dotted(path)]
	if !ok || int(n) < len(shape)-len("%s") {
		return strings.Repeat("1", int(n))
	}
	return fmt.Sprintf(shape, strings.Repeat("1", int(n)-len(shape)+len("%s")))
}

func (b *bounds) text(t *testing.T, path []any, s *apiextensionsv1.JSONSchemaProps) {
	b.refused(t, "another type", path, int64(7), "must be of type "+cmp.Or(s.Format, "string"))
	if s.Format == "date-time" {
		b.refused(t, "no time", path, "tomorrow", "must be of type date-time")
		return
	}
	if len(s.Enum) > 0 {
		b.words(t, path, s)
		return
	}
	b.accepted(t, fmt.Sprintf("%d characters", *s.MaxLength), path, filled(path, *s.MaxLength))
	b.refused(t, fmt.Sprintf("%d characters", *s.MaxLength+1), path, filled(path, *s.MaxLength+1), "Too long: may not be more than")
	if s.MinLength == nil {
		return
	}
	least := *s.MinLength
	if _, shaped := texts[dotted(path)]; !shaped || least > 1 {
		b.accepted(t, fmt.Sprintf("%d characters", least), path, filled(path, least))
	}
	b.refused(t, fmt.Sprintf("%d characters", least-1), path, filled(path, least-1), "should be at least")
}

// words tries an enumeration. Some of its words exclude other fields of the
// full object; then it is those that must be refused, not the word.
func (b *bounds) words(t *testing.T, path []any, s *apiextensionsv1.JSONSchemaProps) {
	for _, raw := range s.Enum {
		var word string
		if err := json.Unmarshal(raw.Raw, &word); err != nil {
			t.Fatal(err)
		}
		t.Run(dotted(path)+" of "+word+" is accepted", func(t *testing.T) {
			if said, refused := b.write(t, path, word)[dotted(path)]; refused {
				t.Error(said)
			}
		})
		other := strings.ToLower(word)
		if other == word { // AWS's own words.
			other = strings.ToUpper(word)
		}
		b.refused(t, word+" in the other case", path, other, "Unsupported value")
	}
	b.refused(t, "no word", path, "", "Unsupported value")
}

func (b *bounds) number(t *testing.T, path []any, s *apiextensionsv1.JSONSchemaProps) {
	b.refused(t, "another type", path, "7", "must be of type integer")
	b.refused(t, "a fraction", path, 1.5, "must be of type "+cmp.Or(s.Format, "integer"))
	least := int64(*s.Minimum)
	b.accepted(t, fmt.Sprint(least), path, least)
	b.refused(t, fmt.Sprint(least-1), path, least-1, "should be greater than or equal to")
	if s.Maximum != nil {
		most := int64(*s.Maximum)
		b.accepted(t, fmt.Sprint(most), path, most)
		b.refused(t, fmt.Sprint(most+1), path, most+1, "should be less than or equal to")
	}
}

// dotted is a path as the API server writes it.
func dotted(path []any) string {
	var b strings.Builder
	for _, step := range path {
		switch step := step.(type) {
		case int:
			fmt.Fprintf(&b, "[%d]", step)
		case string:
			if b.Len() > 0 {
				b.WriteByte('.')
			}
			b.WriteString(step)
		}
	}
	return b.String()
}

func get(value any, path []any) (any, bool) {
	for _, step := range path {
		switch step := step.(type) {
		case int:
			value = value.([]any)[step]
		case string:
			next, ok := value.(map[string]any)[step]
			if !ok {
				return nil, false
			}
			value = next
		}
	}
	return value, true
}

// set sets a field, or removes it if the value is nil.
func set(root map[string]any, path []any, value any) {
	last := len(path) - 1
	parent, _ := get(root, path[:last])
	switch step := path[last].(type) {
	case int:
		parent.([]any)[step] = value
	case string:
		if value == nil {
			delete(parent.(map[string]any), step)
		} else {
			parent.(map[string]any)[step] = value
		}
	}
}
