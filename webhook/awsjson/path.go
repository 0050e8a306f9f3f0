// Copyright The license-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package awsjson

import (
	"strconv"
	"strings"
)

// path says where in the input the decoder is.
type path []step

// step is a member, a value of a map if it has a key, else an item.
type step struct {
	field *field
	key   string
	index int
}

func (p *path) push(f *field)      { *p = append(*p, step{field: f}) }
func (p *path) pushKey(key string) { *p = append(*p, step{key: key}) }
func (p *path) pushIndex(i int)    { *p = append(*p, step{index: i}) }
func (p *path) pop()               { *p = (*p)[:len(*p)-1] }

// String writes the path as one writes it in a program: Entitlements[0].Value.
func (p path) String() string {
	var b strings.Builder
	for i, s := range p {
		switch {
		case s.key != "":
			b.WriteString("." + s.key)
		case s.field == nil:
			b.WriteString("[" + strconv.Itoa(s.index) + "]")
		case i > 0:
			b.WriteString("." + s.field.name)
		default:
			b.WriteString(s.field.name)
		}
	}
	return b.String()
}

// model writes the path as AWS does in errors of validation:
// entitlements.1.member.value.
func (p path) model() string {
	var b strings.Builder
	for i, s := range p {
		if i > 0 {
			b.WriteByte('.')
		}
		switch {
		case s.key != "":
			b.WriteString(s.key + ".member")
		case s.field == nil:
			b.WriteString(strconv.Itoa(s.index+1) + ".member")
		default:
			b.WriteString(s.field.lower)
		}
	}
	return b.String()
}
