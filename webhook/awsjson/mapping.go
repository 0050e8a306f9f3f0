// Copyright The license-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package awsjson

import (
	"reflect"
	"slices"

	"github.com/license-operator/license-operator/internal/fault"
)

// mapping reads an object as a map. Its keys are an enumeration, so there are
// few; of one that is not, the value is read and forgotten. A key whose value is
// null is not there.
func (d *decoder) mapping(v *value, out reflect.Value) error {
	if err := d.open(); err != nil {
		return err
	}
	opened := len(d.names)
	out.Set(reflect.MakeMap(out.Type()))
	for first := true; ; first = false {
		more, err := d.more('}', first)
		if err != nil {
			return err
		}
		if !more {
			d.names = d.names[:opened]
			return nil
		}
		name, err := d.key()
		if err != nil {
			return err
		}
		i := slices.IndexFunc(v.keys, func(key string) bool { return key == string(name) })
		if i < 0 {
			d.violations.key(v, d.path, string(name))
			if err := d.remember(name, opened); err != nil {
				return err
			}
			if err := d.discard(); err != nil {
				return err
			}
			continue
		}
		key := reflect.ValueOf(v.keys[i])
		d.path.pushKey(v.keys[i])
		if slices.ContainsFunc(d.names[opened:], func(n []byte) bool { return string(n) == v.keys[i] }) {
			return fault.New(fault.Malformed, "%s must be given only once.", d.path)
		}
		d.names = append(d.names, name)
		item := reflect.New(out.Type().Elem()).Elem()
		filled, err := d.value(v.item, item)
		if err != nil {
			return err
		}
		if filled {
			out.SetMapIndex(key, item)
		}
		d.path.pop()
	}
}
