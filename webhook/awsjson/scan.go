// Copyright The license-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package awsjson

import (
	"bytes"
	"strconv"
	"unicode/utf16"
	"unicode/utf8"

	"github.com/license-operator/license-operator/internal/fault"
)

// The bounds of a body's form. Its size is the caller's to bound.
const (
	// MaxDepth is how deep objects and arrays may be nested.
	MaxDepth = 32
	// MaxMembers is how many members that the API model does not have an
	// object may have. They are compared with each other to find duplicates.
	MaxMembers = 128
)

// scanner reads JSON as RFC 8259 defines it. Package encoding/json would
// not do: it takes names in any case, lets a name come twice and replaces what
// is not UTF-8, so that two readers of one signed body could differ.
type scanner struct {
	in    []byte
	pos   int
	depth int
	// names holds the unknown members of the objects that are open, all in
	// one slice so that objects need none of their own.
	names [][]byte
}

func (s *scanner) syntax() error {
	if s.pos >= len(s.in) {
		return fault.New(fault.Malformed, "The body is not valid JSON: it ends too early.")
	}
	return fault.New(fault.Malformed, "The body is not valid JSON at byte %d.", s.pos+1)
}

// peek skips white space and returns the next byte, 0 at the end.
func (s *scanner) peek() byte {
	for ; s.pos < len(s.in); s.pos++ {
		switch c := s.in[s.pos]; c {
		case ' ', '\t', '\n', '\r':
		default:
			return c
		}
	}
	return 0
}

// literal reads one of null, true and false.
func (s *scanner) literal(word string) error {
	if !bytes.HasPrefix(s.in[s.pos:], []byte(word)) {
		return s.syntax()
	}
	s.pos += len(word)
	return nil
}

// open reads the bracket that begins an object or an array.
func (s *scanner) open() error {
	s.pos++
	s.depth++
	if s.depth > MaxDepth {
		return fault.New(fault.Malformed, "The body must not be nested deeper than %d levels.", MaxDepth)
	}
	return nil
}

// more reports whether another item follows in an object or an array, and
// reads the comma before it or the bracket that ends it.
func (s *scanner) more(closing byte, first bool) (bool, error) {
	switch c := s.peek(); {
	case c == closing:
		s.pos++
		s.depth--
		return false, nil
	case first:
		return true, nil
	case c != ',':
		return false, s.syntax()
	}
	s.pos++
	return true, nil
}

// key reads a member's name and the colon behind it.
func (s *scanner) key() ([]byte, error) {
	if s.peek() != '"' {
		return nil, s.syntax()
	}
	name, err := s.text()
	if err != nil {
		return nil, err
	}
	if s.peek() != ':' {
		return nil, s.syntax()
	}
	s.pos++
	return name, nil
}

// text reads a string and returns the bytes that it stands for, which may be
// a part of the body.
func (s *scanner) text() ([]byte, error) {
	s.pos++
	start := s.pos
	for ; s.pos < len(s.in); s.pos++ {
		switch c := s.in[s.pos]; {
		case c == '"':
			s.pos++
			return s.in[start : s.pos-1], nil
		case c == '\\':
			return s.escapedText(start)
		case c < ' ':
			return nil, s.syntax()
		}
	}
	return nil, s.syntax()
}

// escapedText is text from the first escape on.
func (s *scanner) escapedText(start int) ([]byte, error) {
	out := append([]byte(nil), s.in[start:s.pos]...)
	for s.pos < len(s.in) {
		switch c := s.in[s.pos]; {
		case c == '"':
			s.pos++
			return out, nil
		case c < ' ':
			return nil, s.syntax()
		case c != '\\':
			out = append(out, c)
			s.pos++
		default:
			r, err := s.escape()
			if err != nil {
				return nil, err
			}
			out = utf8.AppendRune(out, r)
		}
	}
	return nil, s.syntax()
}

// escape reads a backslash and what follows. Half a surrogate pair stands for
// no character and is refused.
func (s *scanner) escape() (rune, error) {
	s.pos++
	if s.pos >= len(s.in) {
		return 0, s.syntax()
	}
	switch c := s.in[s.pos]; c {
	case '"', '\\', '/':
		s.pos++
		return rune(c), nil
	case 'u':
		r, err := s.hex4()
		if err != nil || !utf16.IsSurrogate(r) {
			return r, err
		}
		if !bytes.HasPrefix(s.in[s.pos:], []byte(`\u`)) {
			return 0, s.syntax()
		}
		s.pos++
		low, err := s.hex4()
		if err != nil {
			return 0, err
		}
		if r = utf16.DecodeRune(r, low); r == utf8.RuneError {
			return 0, s.syntax()
		}
		return r, nil
	default:
		if i := bytes.IndexByte([]byte("bfnrt"), c); i >= 0 {
			s.pos++
			return rune("\b\f\n\r\t"[i]), nil
		}
	}
	return 0, s.syntax()
}

// hex4 reads the u of an escape and its four digits.
func (s *scanner) hex4() (rune, error) {
	s.pos++
	if s.pos+4 > len(s.in) {
		return 0, s.syntax()
	}
	n, err := strconv.ParseUint(string(s.in[s.pos:s.pos+4]), 16, 16)
	if err != nil {
		return 0, s.syntax()
	}
	s.pos += 4
	return rune(n), nil
}

// number reads a number and returns it as it is written.
func (s *scanner) number() ([]byte, error) {
	start := s.pos
	s.skip('-')
	if !s.skip('0') && !s.digits() {
		return nil, s.syntax()
	}
	if s.skip('.') && !s.digits() {
		return nil, s.syntax()
	}
	if s.skip('e') || s.skip('E') {
		if !s.skip('+') {
			s.skip('-')
		}
		if !s.digits() {
			return nil, s.syntax()
		}
	}
	return s.in[start:s.pos], nil
}

func (s *scanner) skip(c byte) bool {
	if s.pos < len(s.in) && s.in[s.pos] == c {
		s.pos++
		return true
	}
	return false
}

func (s *scanner) digits() bool {
	start := s.pos
	for s.pos < len(s.in) && isDigit(s.in[s.pos]) {
		s.pos++
	}
	return s.pos > start
}

// discard reads a value that has no meaning here. Its form must be right all
// the same.
func (s *scanner) discard() error {
	switch c := s.peek(); {
	case c == '{':
		return s.discardObject()
	case c == '[':
		if err := s.open(); err != nil {
			return err
		}
		for first := true; ; first = false {
			if more, err := s.more(']', first); !more {
				return err
			}
			if err := s.discard(); err != nil {
				return err
			}
		}
	case c == '"':
		_, err := s.text()
		return err
	case c == 't':
		return s.literal("true")
	case c == 'f':
		return s.literal("false")
	case c == 'n':
		return s.literal("null")
	default:
		_, err := s.number()
		return err
	}
}

func (s *scanner) discardObject() error {
	if err := s.open(); err != nil {
		return err
	}
	opened := len(s.names)
	for first := true; ; first = false {
		more, err := s.more('}', first)
		if !more {
			s.names = s.names[:opened]
			return err
		}
		name, err := s.key()
		if err != nil {
			return err
		}
		if err := s.remember(name, opened); err != nil {
			return err
		}
		if err := s.discard(); err != nil {
			return err
		}
	}
}

// remember refuses a name that its object, whose names begin at opened, has
// already had.
func (s *scanner) remember(name []byte, opened int) error {
	own := s.names[opened:]
	if len(own) == MaxMembers {
		return fault.New(fault.Malformed, "An object must not have more than %d members that the service does not know.", MaxMembers)
	}
	for i := range own {
		if bytes.Equal(own[i], name) {
			return fault.New(fault.Malformed, "An object must not have two members of the same name; see byte %d.", s.pos)
		}
	}
	s.names = append(s.names, name)
	return nil
}
