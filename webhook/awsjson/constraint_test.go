// Copyright The license-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package awsjson

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"math"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/license-operator/license-operator/internal/fault"
)

const sampleARN = "arn:aws:license-manager::123456789012:license:l-bc39444470c642ae9ead0eabe8465bb1"

// samples holds a good and a bad value of every pattern; one that nothing
// breaks has no bad one.
var samples = map[string]struct {
	good string
	bad  []string
}{
	arnPattern:     {sampleARN, []string{"arn:nothing"}},
	timePattern:    {"2026-11-22T02:44:00Z", []string{"2026-11-22T02:44:00"}},
	tagPattern:     {"Azz 0-9+=._:/@,", []string{"a>b", "é", "a\t"}},
	`\S+`:          {"abc", []string{"a b"}},
	`[\s\S]+`:      {"a reason", []string{""}},
	`[\s\S]*`:      {"any thing", nil},
	`^[0-9]+$`:     {"210987654321", []string{"", "x", "1 "}},
	productPattern: {"774F4FF8", []string{"a b", "é"}},
}

const productPattern = `^[-a-zA-Z0-9/=:_.@]*$`

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
	case "map":
		object := map[string]any{}
		for _, key := range m.Shapes[s.Key].Enum {
			object[key] = m.sample(s.Value)
		}
		return object
	case "boolean":
		return true
	case "integer", "long":
		return 1
	case "double":
		return 0.5
	case "timestamp":
		return 1795312984.123
	default:
		switch {
		case s.Enum != nil:
			return s.Enum[0]
		case s.Pattern != "":
			return samples[s.Pattern].good
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
	malformed := func(v any, want string) breach {
		return breach{v, fault.Malformed, program + " must be " + want}
	}
	wrongTypes := func(want string, values ...any) map[string]breach {
		all := map[string]breach{}
		for _, v := range values {
			all[fmt.Sprintf("has the wrong type (%v)", v)] = malformed(v, want)
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
	case "double":
		all = wrongTypes("a number.", "1", true, []any{}, map[string]any{})
		all["is too large for its type"] = malformed(json.Number("1e999"), "a number of double precision.")
	case "timestamp":
		all = wrongTypes(timestampForm+".", "1795312984", "2026-11-22T02:44:00Z", "", true, []any{}, map[string]any{})
		for _, v := range []json.Number{"1795312984123", "-62135596801", "1e300"} {
			all["is in no year: "+v.String()] = malformed(v, timestampForm+".")
		}
	case "map":
		all = wrongTypes("an object.", "x", 5, true, []any{})
		for _, key := range []string{"", "dimension", "DIMENSION "} {
			all["has the key "+strconv.Quote(key)] = invalid(map[string]any{key: 5}, "'%s' at '%s' failed to satisfy constraint: Map keys must "+
				"satisfy constraint: [Member must satisfy enum value set: [%s]]", key, path, strings.Join(m.Shapes[s.Key].Enum, ", "))
		}
	case "integer", "long":
		all = wrongTypes("an integer.", "1", true, []any{}, map[string]any{})
		all["has a fraction"] = malformed(1.5, "an integer of ")
		all["is out of its type"] = malformed(json.Number("9223372036854775808"), "an integer of ")
		if s.Max != nil && *s.Max < math.MaxInt32 {
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
			long := strings.Repeat("1", most+1)
			all["is too long"] = invalid(long, "%shave length less than or equal to %d", shown(long), most)
		}
		if s.Min != nil {
			short := strings.Repeat("1", *s.Min-1)
			all["is too short"] = invalid(short, "%shave length greater than or equal to %d", shown(short), *s.Min)
		}
		if s.Pattern != "" {
			for _, bad := range samples[s.Pattern].bad {
				all["breaks the pattern: "+strconv.Quote(bad)] = invalid(bad, "%ssatisfy regular expression pattern: %s", shown(echo(bad)), s.Pattern)
			}
		}
		if s.Enum != nil {
			for _, bad := range []string{"", strings.ToLower(s.Enum[0]) + "x", s.Enum[0] + " "} {
				all["is not of the values: "+strconv.Quote(bad)] = invalid(bad, "%ssatisfy enum value set: [%s]", shown(bad), strings.Join(s.Enum, ", "))
			}
		}
	}
	return all
}

// inWords returns a breach of a value as its error tells it: without the value
// if that is secret, and in the words of its own error if it has one.
func inWords(v *value, program string, b breach) breach {
	if b.kind != fault.Validation || strings.HasPrefix(b.text, "Value null") {
		return b
	}
	if v.fault != nil {
		f, _ := errors.AsType[*fault.Error](v.fault(program, fmt.Sprintf(" '%v'", b.value)))
		return breach{b.value, f.Kind, f.Detail}
	}
	if _, rest, found := strings.Cut(b.text, "' at "); found && v.secret {
		b.text = "Value at " + rest
	}
	return b
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

// breakAll breaks each constraint of a value and of what is in it, one at a
// time. put makes a body of what stands in the value's place.
func (m *model) breakAll(v *value, name, path, program string, sample any, put func(what string, x any, want breach)) {
	bound := 0
	if v.ours {
		bound = v.maxLength
	}
	for what, b := range m.breaches(name, path, program, bound) {
		put(path+" "+what, b.value, inWords(v, program, b))
	}
	shape := m.Shapes[name]
	switch v.kind {
	case listKind:
		m.breakAll(v.item, shape.Member, path+".1.member", program+"[0]", sample.([]any)[0], func(what string, x any, want breach) {
			put(what, []any{x}, want)
		})
	case mapKind:
		for _, key := range v.keys {
			m.breakAll(v.item, shape.Value, path+"."+key+".member", program+"."+key, sample.(map[string]any)[key], func(what string, x any, want breach) {
				put(what, map[string]any{key: x}, want)
			})
		}
	case structureKind:
		m.breakMembers(v.members, name, path+".", program+".", sample.(map[string]any), put)
	}
}

// breakMembers is breakAll for the members of a structure.
func (m *model) breakMembers(s *structure, name, path, program string, object map[string]any, put func(what string, x any, want breach)) {
	shape := m.Shapes[name]
	for i := range s.fields {
		f := &s.fields[i]
		path, program := path+f.lower, program+f.name
		with := func(what string, x any, want breach) {
			changed := maps.Clone(object)
			if changed[f.name] = x; x == nil {
				delete(changed, f.name)
			}
			put(what, changed, want)
		}
		if slices.Contains(shape.Required, f.name) {
			missing := breach{nil, fault.Validation, "1 validation error detected: Value null at '" + path +
				"' failed to satisfy constraint: Member must not be null"}
			with(path+" is missing", nil, missing)
			with(path+" is null", json.RawMessage("null"), missing)
		}
		m.breakAll(f.value, shape.Members[f.name], path, program, object[f.name], with)
	}
}

func TestEveryConstraintOfTheModelsIsEnforced(t *testing.T) {
	for _, api := range apis {
		m := readModel(t, api.service)
		for name, op := range m.Operations {
			got := Targets[api.service.Name+"."+name]
			for shape, s := range map[string]*structure{op.Input: got.input, op.Output: got.output} {
				t.Run(shape, func(t *testing.T) {
					whole := m.sample(shape).(map[string]any)
					try(t, s, whole, nil)
					m.breakMembers(s, shape, "", "", whole, func(what string, body any, want breach) {
						t.Run(what, func(t *testing.T) { try(t, s, body, &want) })
					})
				})
			}
		}
	}
}

func TestBoundsAreInclusiveAndCountCharacters(t *testing.T) {
	for _, api := range apis {
		m := readModel(t, api.service)
		for name, op := range m.Operations {
			s := Targets[api.service.Name+"."+name].input
			whole := m.sample(op.Input).(map[string]any)
			for i := range s.fields {
				f := &s.fields[i]
				good := whole[f.name]
				switch v := f.value; {
				case v.kind == stringKind && v.maxLength > 0 && v.name != "Arn" && v.pattern != productPattern:
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
}

func TestEveryUnitIsKnown(t *testing.T) {
	for _, unit := range readModel(t, LicenseManager).Shapes["EntitlementDataUnit"].Enum {
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
	patterns := map[*regexp.Regexp]func(string) bool{
		regexp.MustCompile(tagPattern):     isTag,
		regexp.MustCompile(productPattern): isProductCode,
		regexp.MustCompile(`^[0-9]+$`):     isDigits,
		regexp.MustCompile(`^[\s\S]*$`):    isAnything,
	}
	texts := []string{"", "a", "a b", "a\tb", "a\n", "\v", "\f", "\r", "é", "\u00a0", "\u2028",
		sampleARN, "arn:aws", "arn:aws:", "arn:aws::::", "arn:aws:s:::r", "arn:aws:s::r", "arn:aws-cn:s:r:a:r", "arn:aws-1:s:::r",
		"arn:awsAz-:s:::r", "arn:aws:-s:::r", "arn:aws:.s:::r", "arn:aws:s:é::r", "arn:aws:s:::", "arn:aws:s::::", "arn:aws:s:::r:r:r",
		"arn:aws:s:::/r", "arn:aws:s:::r/+=,@.-_:", "arn:aws:s:::r\n", "arn:aws:s:::r ", " arn:aws:s:::r", "ARN:aws:s:::r", "arn:aws:s:_/.-:_/.-:r",
		"arn:aws:s:,::r", "arn:aws:s::,:r", "arn:aws:s:::r,", "0", "9", "12a", "１", "a\n", "-/=:_.@", "a>b", "a@b_", "~", "\x1f", "\x7f"}
	for c := range 256 {
		texts = append(texts, "a"+string(rune(c)), string([]byte{byte(c)}))
	}
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
		for pattern, matches := range patterns {
			if got, want := matches(text), pattern.MatchString(text); got != want {
				t.Errorf("%q: %s says %v", text, pattern, want)
			}
		}
		if got, want := isNotEmpty(text), regexp.MustCompile(`^[\s\S]+$`).MatchString(text); got != want {
			t.Errorf("isNotEmpty(%q) = %v, want %v", text, got, want)
		}
	}
}
