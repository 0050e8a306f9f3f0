// Copyright The license-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package secrets

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"strings"
)

// decodeStrict reads one JSON value into out and refuses fields that out
// doesn't know, fields that come twice and anything behind the value. Its
// errors quote nothing of the data, which may be keys.
func decodeStrict(data []byte, out any) error {
	decoder := json.NewDecoder(bytes.NewReader(data))
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(out); err != nil {
		return errors.New("it is not JSON of the expected form, or has an unknown field")
	}
	if _, err := decoder.Token(); !errors.Is(err, io.EOF) {
		return errors.New("there is something behind the JSON")
	}
	if !uniqueFields(json.NewDecoder(bytes.NewReader(data))) {
		return errors.New("a field comes twice in the JSON")
	}
	return nil
}

// uniqueFields reports whether no object of the next value names a field
// twice. The standard decoder would let the last one win. It ignores case, as
// that decoder does. Depth is bounded because the value has been decoded into a
// type of fixed depth before.
func uniqueFields(decoder *json.Decoder) bool {
	token, err := decoder.Token()
	if err != nil {
		return false
	}
	open, ok := token.(json.Delim)
	if !ok {
		return true
	}
	seen := map[string]bool{}
	for decoder.More() {
		if open == '{' {
			name, err := decoder.Token()
			if err != nil {
				return false
			}
			text, _ := name.(string)
			folded := strings.ToLower(text)
			if seen[folded] {
				return false
			}
			seen[folded] = true
		}
		if !uniqueFields(decoder) {
			return false
		}
	}
	_, err = decoder.Token()
	return err == nil
}
