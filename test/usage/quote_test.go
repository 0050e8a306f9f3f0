// Copyright The license-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package usage_test

import "encoding/json"

// quote is a text as JSON has it.
func quote(text string) string {
	raw, err := json.Marshal(text)
	if err != nil {
		panic(err)
	}
	return string(raw)
}
