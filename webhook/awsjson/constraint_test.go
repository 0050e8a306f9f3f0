// Copyright The license-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package awsjson

import (
	"encoding/json"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/license-operator/license-operator/internal/fault"
)

const sampleARN = "arn:aws:license-manager::123456789012:license:l-bc39444470c642ae9ead0eabe8465bb1"

// samples holds a good and a bad value of every pattern.
var samples = map[string]struct{ good, bad string }{
	"Arn":                 {sampleARN, "arn:nothing"},
	"ClientToken":         {"abc", "a b"},
	"ISO8601DateTime":     {"2026-11-22T02:44:00Z", "2026-11-22T02:44:00"},
	"StatusReasonMessage": {"a reason", ""},
}

// sample returns a value that obeys every constraint of a shape.
func (m *model) sample(name string) any {
	switch s := m.Shapes[name]; s.Type {
	case "structure":
		object := map[string]any{}
		for member, shape := range s.Members {
			object[member] = m.sample(shape)
		}
		return object
	case "list":
		return []any{m.sample(s.Member)}
	case "boolean":
		return true
	case "integer", "long":
		return 1
	default:
		switch {
		case s.Enum != nil:
			return s.Enum[0]
		case s.Pattern != "":
			return samples[name].good
		case s.Min != nil:
			return strings.Repeat("x", *s.Min)
		}
		return "x"
	}
}

// breach is a value that breaks one constraint, and what the error says.
type breach struct {
	value any
	kind  fault.Kind
	text  string
}

// breaches returns the breaches of a shape's own constraints. The bound is
// that of ours, 0 for none. Path is the model's, program's the other one.
func (m *model) breaches(name, path, program string, bound int) map[string]breach {
	s := m.Shapes[name]
	shown := func(v any) string {
		if text, ok := v.(string); ok && len(text) > maxEcho {
			v = text[:maxEcho] + "..."
		}
		return fmt.Sprintf("'%v' at '%s' failed to satisfy constraint: Member must ", v, path)
	}
	invalid := func(v any, format string, args ...any) breach {
		return breach{v, fault.Validation, fmt.Sprintf(format, args...)}
	}
	wrongTypes := func(want string, values ...any) map[string]breach {
		all := map[string]breach{}
		for _, v := range values {
			all[fmt.Sprintf("has the wrong type (%v)", v)] = breach{v, fault.Malformed, program + " must be " + want}
		}
		return all
	}
	most := bound
	if s.Max != nil {
		most = *s.Max
	}
	var all map[string]breach
	switch s.Type {
	case "structure":
		return wrongTypes("an object.", "x", 5, true, []any{})
	case "boolean":
		return wrongTypes("true or false.", "true", 1, []any{}, map[string]any{})
	case "integer", "long":
		all = wrongTypes("an integer.", "1", true, []any{}, map[string]any{})
		all["has a fraction"] = breach{1.5, fault.Malformed, program + " must be an integer of "}
		all["is out of its type"] = breach{json.Number("9223372036854775808"), fault.Malformed, program + " must be an integer of "}
		if s.Max != nil {
			all["is too high"] = invalid(*s.Max+1, "%shave value less than or equal to %d", shown(*s.Max+1), *s.Max)
		}
		if s.Min != nil {
			all["is too low"] = invalid(*s.Min-1, "%shave value greater than or equal to %d", shown(*s.Min-1), *s.Min)
		}
	case "list":
		all = wrongTypes("a list.", "x", 5, true, map[string]any{})
		all["has a null item"] = invalid([]any{nil}, "Value null at '%s.1.member' failed to satisfy constraint: Member must not be null", path)
		if most > 0 {
			items := slices.Repeat([]any{m.sample(s.Member)}, most+1)
			all["is too long"] = invalid(items, "%shave length less than or equal to %d", shown(fmt.Sprintf("[%d items]", most+1)), most)
		}
		if s.Min != nil {
			all["is too short"] = invalid([]any{}, "%shave length greater than or equal to %d", shown("[0 items]"), *s.Min)
		}
	default:
		all = wrongTypes("a string.", 5, true, []any{}, map[string]any{})
		if most > 0 {
			long := strings.Repeat("x", most+1)
			all["is too long"] = invalid(long, "%shave length less than or equal to %d", shown(long), most)
		}
		if s.Min != nil {
			all["is too short"] = invalid("x", "have length greater than or equal to %d", *s.Min)
		}
		if s.Pattern != "" {
			bad := samples[name].bad
			all["breaks the pattern"] = invalid(bad, "%ssatisfy regular expression pattern: %s", shown(bad), s.Pattern)
		}
		switch {
		case name == "DigitalSignatureMethod":
			all["is not offered"] = breach{"RS256", fault.UnsupportedSignatureMethod, "The digital signature method 'RS256' is not supported; use JWT_PS384."}
		case s.Enum != nil:
			for _, bad := range []string{"", strings.ToLower(s.Enum[0]), s.Enum[0] + " "} {
				all["is not of the values: "+strconv.Quote(bad)] = invalid(bad, "%ssatisfy enum value set: [%s]", shown(bad), strings.Join(s.Enum, ", "))
			}
		}
	}
	return all
}

// try decodes a body and checks what is wrong with it.
func try(t *testing.T, s *structure, body any, want *breach) {
	t.Helper()
	text, err := json.Marshal(body)
	if err != nil {
		t.Fatal(err)
	}
	in, err := decode(s, text)
	if err == nil {
		err = in.Validate()
	}
	if want == nil {
		if err != nil {
			t.Errorf("error = %v, want none; body %s", err, text)
		}
		return
	}
	f, ok := errors.AsType[*fault.Error](err)
	if !ok || f.Kind != want.kind {
		t.Fatalf("error = %v, want %s", err, want.kind)
	}
	if !strings.Contains(f.Detail, want.text) {
		t.Errorf("the error is\n%q, want one with\n%q", f.Detail, want.text)
	}
}

// breakAll breaks each constraint of each value in an object, one at a time.
func (m *model) breakAll(t *testing.T, s, root *structure, whole, object map[string]any, shape, path, program string) {
	for i := range s.fields {
		f := &s.fields[i]
		path, program := path+f.lower, program+f.name
		attempt := func(name string, v any, want breach) {
			good := object[f.name]
			if object[f.name] = v; v == nil {
				delete(object, f.name)
			}
			t.Run(path+" "+name, func(t *testing.T) { try(t, root, whole, &want) })
			object[f.name] = good
		}
		if slices.Contains(m.Shapes[shape].Required, f.name) {
			missing := breach{nil, fault.Validation, "1 validation error detected: Value null at '" + path +
				"' failed to satisfy constraint: Member must not be null"}
			attempt("is missing", nil, missing)
			attempt("is null", json.RawMessage("null"), missing)
		}
		bound := func(v *value) int {
			if v.ours {
				return v.maxLength
			}
			return 0
		}
		own := func(v *value, want breach) breach {
			if v.secret {
				_, rest, _ := strings.Cut(want.text, "' at ")
				if rest != "" {
					want.text = "Value at " + rest
				}
			}
			return want
		}
		name := m.Shapes[shape].Members[f.name]
		for what, b := range m.breaches(name, path, program, bound(f.value)) {
			attempt(what, b.value, own(f.value, b))
		}
		v := f.value
		if v.kind == listKind {
			v, name, path, program = v.item, m.Shapes[name].Member, path+".1.member", program+"[0]"
			for what, b := range m.breaches(name, path, program, bound(v)) {
				attempt("'s item "+what, []any{b.value}, own(v, b))
			}
		}
		if v.kind == structureKind {
			inner, ok := object[f.name].(map[string]any)
			if !ok {
				inner = object[f.name].([]any)[0].(map[string]any)
			}
			m.breakAll(t, v.members, root, whole, inner, name, path+".", program+".")
		}
	}
}

func TestEveryConstraintOfTheModelIsEnforced(t *testing.T) {
	m := readModel(t)
	for name, op := range m.Operations {
		got := Targets["AWSLicenseManager."+name]
		for shape, s := range map[string]*structure{op.Input: got.input, op.Output: got.output} {
			t.Run(shape, func(t *testing.T) {
				whole := m.sample(shape).(map[string]any)
				try(t, s, whole, nil)
				m.breakAll(t, s, s, whole, whole, shape, "", "")
			})
		}
	}
}

func TestBoundsAreInclusiveAndCountCharacters(t *testing.T) {
	m := readModel(t)
	for name, op := range m.Operations {
		s := Targets["AWSLicenseManager."+name].input
		whole := m.sample(op.Input).(map[string]any)
		for i := range s.fields {
			f := &s.fields[i]
			good := whole[f.name]
			switch v := f.value; {
			case v.kind == stringKind && v.maxLength > 0 && v.name != "Arn":
				whole[f.name] = strings.Repeat("é", v.maxLength)
			case v.kind == listKind:
				whole[f.name] = slices.Repeat(good.([]any), v.maxLength)
			case v.ranged:
				whole[f.name] = v.min
				try(t, s, whole, nil)
				whole[f.name] = v.max
			}
			try(t, s, whole, nil)
			whole[f.name] = good
		}
	}
}

func TestEveryUnitIsKnown(t *testing.T) {
	for _, unit := range readModel(t).Shapes["EntitlementDataUnit"].Enum {
		body := `{"CheckoutType":"PERPETUAL","ClientToken":"abc","Entitlements":[{"Name":"n","Unit":"` + unit +
			`"}],"KeyFingerprint":"f","ProductSKU":"s"}`
		in, err := Targets["AWSLicenseManager.CheckoutLicense"].Decode([]byte(body))
		if err != nil || in.Validate() != nil || in.Value.(*CheckoutLicenseRequest).Entitlements[0].Unit != unit {
			t.Errorf("%s: %v, %v", unit, in, err)
		}
	}
}

// The functions are held against the patterns that they stand for. Package
// regexp repeats at most a thousand times, so one repetition is split.
func TestFunctionsOfPatterns(t *testing.T) {
	arn := regexp.MustCompile(strings.Replace(arnPattern, "{0,1023}$", "{0,1000}[A-Za-z0-9:_/+=,@.-]{0,23}$", 1))
	token := regexp.MustCompile(`^[^\s\v]+$`)
	texts := []string{"", "a", "a b", "a\tb", "a\n", "\v", "\f", "\r", "é", "\u00a0", "\u2028",
		sampleARN, "arn:aws", "arn:aws:", "arn:aws::::", "arn:aws:s:::r", "arn:aws:s::r", "arn:aws-cn:s:r:a:r", "arn:aws-1:s:::r",
		"arn:awsAz-:s:::r", "arn:aws:-s:::r", "arn:aws:.s:::r", "arn:aws:s:é::r", "arn:aws:s:::", "arn:aws:s::::", "arn:aws:s:::r:r:r",
		"arn:aws:s:::/r", "arn:aws:s:::r/+=,@.-_:", "arn:aws:s:::r\n", "arn:aws:s:::r ", " arn:aws:s:::r", "ARN:aws:s:::r", "arn:aws:s:_/.-:_/.-:r",
		"arn:aws:s:,::r", "arn:aws:s::,:r", "arn:aws:s:::r,"}
	for n := range 2 {
		texts = append(texts,
			"arn:aws:"+strings.Repeat("s", 63+n)+":::r", "arn:aws:s:"+strings.Repeat("r", 63+n)+"::r",
			"arn:aws:s::"+strings.Repeat("a", 63+n)+":r", "arn:aws:s:::"+strings.Repeat("r", 1024+n), "arn:aws"+strings.Repeat("z", 999+n)+":s:::r")
	}
	for _, text := range texts {
		if got, want := isARN(text), arn.MatchString(text); got != want {
			t.Errorf("isARN(%q) = %v, want %v", text, got, want)
		}
		if got, want := isUnspaced(text), token.MatchString(text); got != want {
			t.Errorf("isUnspaced(%q) = %v, want %v", text, got, want)
		}
		if got, want := isNotEmpty(text), regexp.MustCompile(`^[\s\S]+$`).MatchString(text); got != want {
			t.Errorf("isNotEmpty(%q) = %v, want %v", text, got, want)
		}
	}
}
