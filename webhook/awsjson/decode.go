// Copyright The license-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package awsjson

import (
	"reflect"
	"strconv"
	"unicode/utf8"

	"github.com/license-operator/license-operator/internal/fault"
)

// Input is the input of an operation, read from a body.
type Input struct {
	// Value is what the operation's New returns, filled. It may be used once
	// Validate has returned nil.
	Value any

	violations violations
}

// Validate returns nil if the input obeys every constraint of the API model
// and the bounds of ours. Its faults are Validation, which tells of all that
// is wrong, and UnsupportedSignatureMethod. It costs nothing: Decode has
// looked already, but the protocol tells what is wrong with the values only to
// a caller whose signature was right.
func (in *Input) Validate() error { return in.violations.fault() }

// decoder reads an object into a structure.
type decoder struct {
	scanner
	path       path
	violations violations
}

// decode reads a body, which must be one JSON object in UTF-8 no deeper than
// MaxDepth and without duplicate names, into a new value of a structure.
// Members that the structure has not are ignored, null is the same as nothing.
// The only fault is Malformed.
func decode(s *structure, body []byte) (*Input, error) {
	if !utf8.Valid(body) {
		return nil, fault.New(fault.Malformed, "The body must be UTF-8.")
	}
	d := decoder{scanner: scanner{in: body}, path: make(path, 0, 8)}
	if d.peek() != '{' {
		return nil, fault.New(fault.Malformed, "The body must be a JSON object.")
	}
	out := reflect.New(s.goType)
	if err := d.structure(s, out.Elem()); err != nil {
		return nil, err
	}
	if d.peek(); d.pos < len(d.in) {
		return nil, fault.New(fault.Malformed, "The body must be one JSON object and nothing else; see byte %d.", d.pos+1)
	}
	return &Input{Value: out.Interface(), violations: d.violations}, nil
}

// structure reads an object.
func (d *decoder) structure(s *structure, out reflect.Value) error {
	if err := d.open(); err != nil {
		return err
	}
	opened := len(d.names)
	// Bits of the members that came, and of those that had a value.
	var seen, present uint64
	for first := true; ; first = false {
		more, err := d.more('}', first)
		if err != nil {
			return err
		}
		if !more {
			break
		}
		name, err := d.key()
		if err != nil {
			return err
		}
		i := s.find(name)
		if i < 0 {
			if err := d.remember(name, opened); err != nil {
				return err
			}
			if err := d.discard(); err != nil {
				return err
			}
			continue
		}
		f := &s.fields[i]
		d.path.push(f)
		if seen&(1<<i) != 0 {
			return fault.New(fault.Malformed, "%s must be given only once.", d.path)
		}
		seen |= 1 << i
		filled, err := d.value(f.value, out.FieldByIndex(f.index))
		if err != nil {
			return err
		}
		if filled {
			present |= 1 << i
		}
		d.path.pop()
	}
	d.names = d.names[:opened]
	for i := range s.fields {
		if f := &s.fields[i]; f.required && present&(1<<i) == 0 {
			d.path.push(f)
			d.violations.null(d.path)
			d.path.pop()
		}
	}
	return nil
}

// find returns the index of the member with exactly this name, or -1.
func (s *structure) find(name []byte) int {
	for i := range s.fields {
		if s.fields[i].name == string(name) {
			return i
		}
	}
	return -1
}

// value reads one value. It is false for null, which leaves out as it is.
func (d *decoder) value(v *value, out reflect.Value) (filled bool, err error) {
	c := d.peek()
	if c == 'n' {
		return false, d.literal("null")
	}
	switch v.kind {
	case stringKind:
		if c != '"' {
			return false, d.mismatch("a string")
		}
		return true, d.string(v, out)
	case boolKind:
		if c != 't' && c != 'f' {
			return false, d.mismatch("true or false")
		}
		set(v, out).SetBool(c == 't')
		return true, d.literal(strconv.FormatBool(c == 't'))
	case integerKind:
		if c != '-' && !isDigit(c) {
			return false, d.mismatch("an integer")
		}
		return true, d.integer(v, out)
	case doubleKind:
		if c != '-' && !isDigit(c) {
			return false, d.mismatch("a number")
		}
		return true, d.double(v, out)
	case timestampKind:
		if c != '-' && !isDigit(c) {
			return false, d.mismatch(timestampForm)
		}
		return true, d.timestamp(v, out)
	case listKind:
		if c != '[' {
			return false, d.mismatch("a list")
		}
		return true, d.list(v, out)
	case mapKind:
		if c != '{' {
			return false, d.mismatch("an object")
		}
		return true, d.mapping(v, out)
	default:
		if c != '{' {
			return false, d.mismatch("an object")
		}
		return true, d.structure(v.members, set(v, out))
	}
}

// set returns what to fill of a Go value: itself, or what it newly points to.
func set(v *value, out reflect.Value) reflect.Value {
	if !v.pointer {
		return out
	}
	out.Set(reflect.New(out.Type().Elem()))
	return out.Elem()
}

func (d *decoder) mismatch(want string) error {
	return fault.New(fault.Malformed, "%s must be %s.", d.path, want)
}

func (d *decoder) string(v *value, out reflect.Value) error {
	b, err := d.text()
	if err != nil {
		return err
	}
	text, known := v.enumerated(b)
	if !known {
		// It is copied: what is kept of it must not keep the whole body.
		text = string(b)
		d.violations.checkText(v, d.path, text)
	}
	set(v, out).SetString(text)
	return nil
}

// enumerated returns the value of an enumeration that a text is, if it is one.
func (v *value) enumerated(text []byte) (string, bool) {
	for _, known := range v.enum {
		if known == string(text) {
			return known, true
		}
	}
	return "", false
}

func (d *decoder) integer(v *value, out reflect.Value) error {
	b, err := d.number()
	if err != nil {
		return err
	}
	n, err := strconv.ParseInt(string(b), 10, v.bits)
	if err != nil {
		return d.mismatch("an integer of " + strconv.Itoa(v.bits) + " bits")
	}
	d.violations.checkNumber(v, d.path, n)
	set(v, out).SetInt(n)
	return nil
}

// list reads an array. What is above its bound is read and forgotten.
func (d *decoder) list(v *value, out reflect.Value) error {
	if err := d.open(); err != nil {
		return err
	}
	n := 0
	out.Set(reflect.MakeSlice(out.Type(), 0, 1))
	for ; ; n++ {
		more, err := d.more(']', n == 0)
		if err != nil {
			return err
		}
		if !more {
			break
		}
		if v.maxLength > 0 && n >= v.maxLength {
			if err := d.discard(); err != nil {
				return err
			}
			continue
		}
		out.Grow(1)
		out.SetLen(n + 1)
		d.path.pushIndex(n)
		filled, err := d.value(v.item, out.Index(n))
		if err != nil {
			return err
		}
		if !filled {
			d.violations.null(d.path)
		}
		d.path.pop()
	}
	d.violations.checkItems(v, d.path, n)
	return nil
}
