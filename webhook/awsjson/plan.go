// Copyright The license-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package awsjson

import (
	"fmt"
	"reflect"
	"strconv"
	"strings"

	"github.com/license-operator/license-operator/internal/fault"
)

// kind is what JSON a value is written as.
type kind uint8

const (
	stringKind kind = iota
	boolKind
	integerKind
	doubleKind
	timestampKind
	listKind
	mapKind
	structureKind
)

// value says how one value is read and what it must be.
type value struct {
	shape
	name   string // of the shape
	kind   kind
	secret bool
	// pointer says that the Go value is a pointer to what is read.
	pointer bool
	bits    int // of an integer
	// item is for lists and maps, members for structures.
	item    *value
	members *structure
	// keys are those that a map may have.
	keys []string
	// fault is the error of a value that breaks a constraint; nil for
	// Validation.
	fault func(at, shown string) error
}

// structure says how an object is read into a Go struct.
type structure struct {
	goType reflect.Type
	fields []field
}

// field is one member of a structure.
type field struct {
	// name is the member's; lower is how errors of validation spell it.
	name, lower string
	index       []int
	required    bool
	// always says that an answer has this list even if it is empty.
	always bool
	value  *value
}

// maxFields is the number of members that a bit set of the decoder holds.
const maxFields = 64

// structureOf reads the tags of a struct. It panics where they are wrong,
// which happens when the program starts or never.
func structureOf(t reflect.Type, shapes map[string]shape) *structure {
	s := &structure{goType: t}
	for _, f := range reflect.VisibleFields(t) {
		if f.Anonymous {
			continue
		}
		name, omit, _ := strings.Cut(f.Tag.Get("json"), ",")
		tag := strings.Split(f.Tag.Get("model"), ",")
		own := field{name: name, lower: strings.ToLower(name[:1]) + name[1:], index: f.Index,
			always: omit == "", value: valueOf(f.Type, tag[0], shapes)}
		for _, option := range tag[1:] {
			bound, isBound := strings.CutPrefix(option, "max=")
			kind, isFault := strings.CutPrefix(option, "fault=")
			switch {
			case option == "required":
				own.required = true
			case option == "secret":
				own.value.secret = true
			case isBound:
				n, err := strconv.Atoi(bound)
				if err != nil {
					panic(fmt.Sprintf("awsjson: %s.%s: %v", t.Name(), f.Name, err))
				}
				own.value.maxLength, own.value.ours = n, true
			case isFault && ownFaults[fault.Kind(kind)] != nil:
				own.value.answer(ownFaults[fault.Kind(kind)])
			default:
				panic(fmt.Sprintf("awsjson: %s.%s: unknown option %q", t.Name(), f.Name, option))
			}
		}
		s.fields = append(s.fields, own)
	}
	if len(s.fields) > maxFields {
		panic(fmt.Sprintf("awsjson: %s has more than %d members", t.Name(), maxFields))
	}
	return s
}

// valueOf returns how a Go type is read as a shape of the model.
func valueOf(t reflect.Type, name string, shapes map[string]shape) *value {
	v := &value{name: name}
	if t.Kind() == reflect.Pointer {
		v.pointer = true
		t = t.Elem()
	}
	if t.Kind() == reflect.Struct && t != timestampType {
		v.kind, v.members = structureKind, structureOf(t, shapes)
		return v
	}
	known, ok := shapes[name]
	if !ok {
		panic(fmt.Sprintf("awsjson: unknown shape %q of %s", name, t))
	}
	v.shape = known
	switch t.Kind() {
	case reflect.Struct:
		v.kind = timestampKind
	case reflect.String:
		v.kind = stringKind
	case reflect.Bool:
		v.kind = boolKind
	case reflect.Int32, reflect.Int64:
		v.kind, v.bits = integerKind, t.Bits()
	case reflect.Float64:
		v.kind = doubleKind
	case reflect.Slice:
		v.kind, v.item = listKind, valueOf(t.Elem(), known.element, shapes)
	case reflect.Map:
		v.kind, v.item, v.keys = mapKind, valueOf(t.Elem(), known.element, shapes), shapes[known.key].enum
	default:
		panic(fmt.Sprintf("awsjson: no values of %s can be read", t))
	}
	return v
}

// timestampType is read as a number, not as an object.
var timestampType = reflect.TypeFor[Timestamp]()

// answer sets the error of a value, and of what is in a list.
func (v *value) answer(with func(at, shown string) error) {
	v.fault = with
	if v.kind != listKind {
		return
	}
	v.item.fault = with
	if v.item.kind == structureKind {
		for i := range v.item.members.fields {
			v.item.members.fields[i].value.answer(with)
		}
	}
}
