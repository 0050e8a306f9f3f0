// Copyright The license-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package awsjson

import (
	"fmt"
	"reflect"
	"strconv"
	"strings"
)

// kind is what JSON a value is written as.
type kind uint8

const (
	stringKind kind = iota
	boolKind
	integerKind
	listKind
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
	// item is for lists, members for structures.
	item    *value
	members *structure
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
func structureOf(t reflect.Type) *structure {
	s := &structure{goType: t}
	for _, f := range reflect.VisibleFields(t) {
		if f.Anonymous {
			continue
		}
		name, omit, _ := strings.Cut(f.Tag.Get("json"), ",")
		tag := strings.Split(f.Tag.Get("model"), ",")
		own := field{name: name, lower: strings.ToLower(name[:1]) + name[1:], index: f.Index,
			always: omit == "", value: valueOf(f.Type, tag[0])}
		for _, option := range tag[1:] {
			bound, isBound := strings.CutPrefix(option, "max=")
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
func valueOf(t reflect.Type, name string) *value {
	v := &value{name: name}
	if t.Kind() == reflect.Pointer {
		v.pointer = true
		t = t.Elem()
	}
	if t.Kind() == reflect.Struct {
		v.kind, v.members = structureKind, structureOf(t)
		return v
	}
	known, ok := shapes[name]
	if !ok {
		panic(fmt.Sprintf("awsjson: unknown shape %q of %s", name, t))
	}
	v.shape = known
	switch t.Kind() {
	case reflect.String:
		v.kind = stringKind
	case reflect.Bool:
		v.kind = boolKind
	case reflect.Int32, reflect.Int64:
		v.kind, v.bits = integerKind, t.Bits()
	case reflect.Slice:
		v.kind, v.item = listKind, valueOf(t.Elem(), known.element)
	default:
		panic(fmt.Sprintf("awsjson: no values of %s can be read", t))
	}
	return v
}
